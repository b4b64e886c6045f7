"""fastinet verify: interrupted and going on, several at once, and the command."""

from __future__ import annotations

import concurrent.futures
import hashlib
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from support.verified import Classes, kinds, published_train, some_classes, states

import fastinet
from fastinet._native._digest import Md5
from fastinet.cli import main
from fastinet.datasets.published import PublishedArchive
from fastinet.errors import FastinetWarning
from fastinet.testing.archives import tar, train_tar
from fastinet.testing.small import small_jpeg
from fastinet.verification import content_pass
from fastinet.verification.report import Report

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def classes() -> Classes:
    return some_classes()


@pytest.fixture
def train(tmp_path: Path, classes: Classes) -> tuple[Path, list[PublishedArchive]]:
    """A sound archive and what is published of it."""
    content = train_tar(classes, record_bytes=10_240)
    path = tmp_path / "train.tar"
    path.write_bytes(content)
    return path, published_train(content)


# ------------------------------------------------------------------------------------ going on


class Interrupted(Exception):  # noqa: N818  # as Ctrl-C is
    """Stops a verification from its progress report."""


@pytest.mark.parametrize("digest", ["MD5", "SHA-256"])
def test_an_interrupted_run_goes_on_to_the_same_report(
    tmp_path: Path, classes: Classes, monkeypatch: pytest.MonkeyPatch, digest: str
) -> None:
    monkeypatch.setattr(content_pass, "_WINDOW_BYTES", 3000)
    content = bytearray(train_tar(classes))
    start = content.index(b"\xff\xda", content.index(b"n01443537_8.JPEG")) + 40
    content[start : start + 2] = b"\xff\xd9"  # the image ends there
    path = tmp_path / "train.tar"
    path.write_bytes(content)
    changes = {}
    if digest == "SHA-256":
        changes = {"md5": None, "sha256": hashlib.sha256(content).hexdigest()}
    published = published_train(bytes(content), **changes)

    def run(stop_at: int, *, again: bool = False) -> tuple[Report, list[int]]:
        passed: list[int] = []

        def progress(stage: str, done: int, _: int) -> None:
            if stage == "decoding":
                if len(passed) == stop_at:
                    raise Interrupted
                passed.append(done)

        report = fastinet.verify(
            path, published=published, decode=True, again=again, progress=progress
        )
        return report, passed

    unbroken, steps = run(1 << 30, again=True)
    assert kinds(unbroken) == ["damaged image"]
    assert states(unbroken)[digest] == "passed"
    rng = np.random.default_rng(8)
    for _ in range(8):
        path.with_name("train.tar.fastinet.verify").unlink()
        done_before = 0
        for stop in rng.integers(1, len(steps) // 2, 2).tolist():
            with pytest.raises(Interrupted):
                run(stop)
            done_before += stop
        report, rest = run(1 << 30)
        assert report == unbroken
        assert rest[0] == steps[done_before]  # it went on, and did not begin anew


def test_headers_are_walked_once_though_a_run_is_interrupted(
    train: tuple[Path, list[PublishedArchive]],
) -> None:
    path, published = train
    path.write_bytes(path.read_bytes()[:-12_000])
    walk = path.with_name("train.tar.fastinet.verify.walk")

    def run(stop_at: str) -> tuple[list[str], Report | None]:
        stages: list[str] = []

        def progress(stage: str, *_: int) -> None:
            stages.append(stage)
            if stage == stop_at:
                raise Interrupted

        try:
            return stages, fastinet.verify(path, published=published, progress=progress)
        except Interrupted:
            return stages, None

    assert run("content")[1] is None
    assert walk.exists()
    stages, resumed = run("")
    assert set(stages) == {"content"}
    assert not walk.exists()
    assert resumed == fastinet.verify(path, published=published, again=True)
    assert kinds(resumed)[0] == "truncated"
    for content in (b"", b"PK", bytes(300)):
        walk.write_bytes(content)
        path.with_name("train.tar.fastinet.verify").unlink()
        with pytest.warns(FastinetWarning, match=r"fastinet\.verify\.walk' is damaged.*done anew"):
            assert fastinet.verify(path, published=published) == resumed


@pytest.mark.parametrize("form", ["tar", "folder"])
def test_the_walk_goes_on_where_it_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """Interrupted wherever it is, in a tar of tars with damage and in a folder of class tars."""
    image = small_jpeg(np.random.default_rng(6), quality=20)
    wnids = ("n01440764", "n01443537", "n02123045")
    many = {wnid: {f"{wnid}_{n}.JPEG": image for n in range(4000)} for wnid in wnids}
    if form == "tar":
        content = bytearray(train_tar(many))
        content[content.index(b"n01443537_2500.JPEG") + 150] ^= 1  # of its checksum
        path = tmp_path / "train.tar"
        path.write_bytes(content)
    else:
        path = tmp_path / "tars"
        path.mkdir()
        for wnid, images in many.items():
            (path / f"{wnid}.tar").write_bytes(tar(images))
    monkeypatch.setattr("fastinet.verification.headers._KEEPING_SECONDS", -1e6)
    unbroken = fastinet.verify(path, published=[])
    runs = []

    def interrupt(stage: str, done: int, _: int) -> None:
        if stage == "headers":
            runs[-1].append(done)
            if len(runs[-1]) == 2:
                raise Interrupted

    path.with_name(path.name + ".fastinet.verify").unlink()
    for _ in range(20):
        runs.append([])
        try:
            report = fastinet.verify(path, published=[], progress=interrupt)
        except Interrupted:
            continue
        break
    assert report == unbroken
    assert len(runs) == 3
    assert all(before[0] < after[0] for before, after in itertools.pairwise(runs[:-1]))


def test_several_at_once_do_each_other_no_harm(
    train: tuple[Path, list[PublishedArchive]],
) -> None:
    path, published = train
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        futures = [
            pool.submit(fastinet.verify, path, published=published, again=True) for _ in range(12)
        ]
        assert all(future.result().ok for future in futures)
    assert fastinet.verify(path, published=published).remembered
    assert sorted(place.name for place in path.parent.glob("train.tar*")) == [
        "train.tar",
        "train.tar.fastinet.verify",
    ]


def test_a_state_of_other_bytes_is_not_taken_up(
    train: tuple[Path, list[PublishedArchive]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_pass, "_WINDOW_BYTES", 3000)
    path, published = train

    def interrupt(stage: str, done: int, _: int) -> None:
        if stage == "content" and done > 10_000:
            raise Interrupted

    with pytest.raises(Interrupted):
        fastinet.verify(path, published=published, progress=interrupt)
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    assert "digest" in kinds(fastinet.verify(path, published=published))


def test_an_archive_that_grows_meanwhile_is_told(
    train: tuple[Path, list[PublishedArchive]],
) -> None:
    path, published = train

    def grow(stage: str, done: int, total: int) -> None:
        if stage == "content" and done == total:
            with path.open("ab") as file:
                file.write(bytes(512))

    report = fastinet.verify(path, published=published, progress=grow)
    assert kinds(report) == ["changed"]
    assert not fastinet.verify(path, published=published).remembered


def test_md5_goes_on_from_its_state_anywhere() -> None:
    rng = np.random.default_rng(9)
    data = rng.bytes(100_000)
    for cut in [0, 1, 63, 64, 65, *rng.integers(0, len(data), 20).tolist()]:
        first = Md5()
        first.update(data[:cut])
        second = Md5(first.state())
        second.update(data[cut:])
        assert second.hexdigest() == hashlib.md5(data, usedforsecurity=False).hexdigest()


def test_a_place_that_cannot_be_written_costs_the_journal_alone(
    train: tuple[Path, list[PublishedArchive]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, published = train

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fastinet.verification.journal.replace_file", refuse)
    with pytest.warns(fastinet.errors.FastinetWarning, match="cannot be kept"):
        assert fastinet.verify(path, published=published).ok


# -------------------------------------------------------------------------------- command line


def test_the_command_says_what_is_wrong_and_how_it_ended(tmp_path: Path, classes: Classes) -> None:
    content = train_tar(classes)
    path = tmp_path / "train.tar"
    path.write_bytes(content)
    sound = CliRunner().invoke(main, ["verify", str(path)])
    assert sound.exit_code == 0, sound.output
    assert sound.stdout.rstrip().splitlines()[-1].startswith("Nothing wrong was found")
    path.write_bytes(content[:-3000])
    cut = CliRunner().invoke(main, ["verify", str(path)])
    assert cut.exit_code == 1
    assert cut.stdout.rstrip().splitlines()[-1].startswith("Truncated: the file ends at byte")
    again = CliRunner().invoke(main, ["verify", str(path)])
    assert "earlier run" in again.stdout
    facts = CliRunner().invoke(main, ["verify", str(path), "--json", "--decode"])
    assert facts.exit_code == 1
    report = json.loads(facts.stdout)
    assert not report["ok"]
    assert report["findings"][0]["kind"] == "truncated"
    assert report["findings"][0]["offset"] == len(content) - 3000
    missing = CliRunner().invoke(main, ["verify", str(tmp_path / "nowhere")])
    assert missing.exit_code == 2
    assert missing.stderr.startswith("fastinet: ")
    assert CliRunner().invoke(main, ["verify", str(path), "--expect", "x"]).exit_code == 2


def test_the_command_tells_that_progress_is_kept(
    train: tuple[Path, list[PublishedArchive]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fastinet, "verify", interrupted)
    result = CliRunner().invoke(main, ["verify", str(train[0])])
    assert result.exit_code == 1
    assert "goes on from there" in result.stderr

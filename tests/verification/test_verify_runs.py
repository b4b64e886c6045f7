"""fastinet verify: interrupted and going on, several at once, and what changes meanwhile."""

from __future__ import annotations

import concurrent.futures
import hashlib
from pathlib import Path

import numpy as np
import pytest
from support.verified import Classes, Interrupted, kinds, published_train, states

import fastinet
from fastinet.datasets.published import PublishedArchive
from fastinet.testing.archives import train_tar
from fastinet.verification import content_pass
from fastinet.verification.report import Report

pytestmark = pytest.mark.usefixtures("own_cache")


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

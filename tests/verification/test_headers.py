"""Damaged headers of tars: each costs its member or class alone."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from support.verified import Classes, Interrupted, kinds, published_train

import fastinet
from fastinet._native import _scan
from fastinet.datasets.published import PublishedArchive, PublishedSplit
from fastinet.errors import FastinetWarning
from fastinet.testing.archives import tar, train_tar
from fastinet.testing.small import small_jpeg
from fastinet.verification.report import Report

pytestmark = pytest.mark.usefixtures("own_cache")


def test_a_damaged_header_costs_its_member_alone(tmp_path: Path, classes: Classes) -> None:
    content = train_tar(classes)
    members = _scan_bytes(tmp_path, content)
    path = tmp_path / "train.tar"
    for row in range(len(members.offsets)):
        header = int(members.offsets[row]) - 512
        damaged = bytearray(content)
        damaged[header + 20] ^= 0x40
        path.write_bytes(damaged)
        report = fastinet.verify(path, published=published_train(content))
        assert kinds(report)[:1] == ["damaged header"]
        assert report.errors[0].offset == header
        assert report.images == 8, row
        assert "digest" in kinds(report)


def test_a_damaged_header_of_a_class_tar_costs_that_class(tmp_path: Path, classes: Classes) -> None:
    content = train_tar(classes)
    path = tmp_path / "train.tar"
    damaged = bytearray(content)
    header = content.index(b"n01443537.tar")
    damaged[header + 124] ^= 0x01  # of its size
    path.write_bytes(damaged)
    report = fastinet.verify(path, published=published_train(content))
    assert report.errors[0].kind == "damaged header"
    assert report.errors[0].offset == header
    assert report.classes == 2
    assert report.images == 7


def test_a_flat_archive_with_several_damaged_headers(tmp_path: Path) -> None:
    image = small_jpeg(np.random.default_rng(3))
    content = bytearray(tar({f"ILSVRC2012_val_{number:08d}.JPEG": image for number in range(1, 9)}))
    step = 512 + -(-len(image) // 512) * 512
    for member in (0, 3, 4):
        content[member * step + 150] ^= 0x01
    path = tmp_path / "val.tar"
    path.write_bytes(content)
    published = [PublishedArchive("val.tar", "val", "", splits=(PublishedSplit("val", 8),))]
    report = fastinet.verify(path, published=published)
    damaged = [finding for finding in report.errors if finding.kind == "damaged header"]
    assert [finding.offset for finding in damaged] == [0, 3 * step]  # a run of them is one
    assert "numbers 1, 4 to 5" in str(report.findings)


def _scan_bytes(folder: Path, content: bytes) -> _scan.Members:
    path = folder / "scanned"
    path.write_bytes(content)
    return _scan.scan(path)


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

"""Opening a path: progress, and what is refused with a word on what to do."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
from support.small_train import JPEG, TRAIN, write
from support.streamed import WAYS, batches_of, loader_of, same_batches

import fastinet
from fastinet.errors import CorruptError, FastinetError, MissingError, UnsupportedError
from fastinet.items.opening import open as open_archive
from fastinet.testing.archives import END, entry, tar, train_tar


def test_progress(tmp_path: Path) -> None:
    for wnid, members in TRAIN.items():
        write(tmp_path / "train" / f"{wnid}.tar", tar(members))
    reports: list[tuple[int, int]] = []
    open_archive(tmp_path / "train", progress=lambda done, total: reports.append((done, total)))
    total = sum(path.stat().st_size for path in (tmp_path / "train").iterdir())
    assert reports == sorted(reports)
    assert reports[-1] == (total, total)
    reports.clear()
    open_archive(tmp_path / "train", progress=lambda done, total: reports.append((done, total)))
    assert reports == []


@pytest.mark.parametrize(
    ("archive", "kind", "message"),
    [
        (b"", CorruptError, "the file is empty"),
        (b"no tar" * 200, CorruptError, "not a tar"),
        (b"<!DOCTYPE html>\n", CorruptError, "not a tar: .*a web page"),
        (b"<html>" * 200, CorruptError, "not a tar: .*a web page"),
        (gzip.compress(b"x", mtime=0), CorruptError, "not a tar"),
        (END, CorruptError, "no image in it"),
        (tar({"README": b"text"}), CorruptError, "no image in it"),
        (tar({"n01440764.tar": END}), CorruptError, "no image in it"),
        (tar({"kit/data/meta.mat": b""}), UnsupportedError, "development kit.* labels= or devkit="),
        (tar({"val/ILSVRC2012_val_00000001.xml": b""}), UnsupportedError, r"fastinet\.read_boxes"),
        (tar({"x/n01440764_1.pt": b""}), UnsupportedError, r"fastinet\.open_label_maps"),
        (tar({"picture.JPEG": JPEG}), UnsupportedError, "carry no wnid"),
        (train_tar(TRAIN)[:-1100], CorruptError, "truncated.*; `fastinet verify` says more"),
    ],
)
def test_refusals(tmp_path: Path, archive: bytes, kind: type[FastinetError], message: str) -> None:
    path = write(tmp_path / "t.tar", archive)
    with pytest.raises(kind, match=message) as caught:
        open_archive(path)
    assert caught.value.archive == str(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.tar"]


def test_refused_paths(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no such file or folder"):
        open_archive("")
    with pytest.raises(MissingError, match="no such file or folder"):
        open_archive(tmp_path / "t.tar")
    with pytest.raises(MissingError, match="a folder without images and class tars"):
        open_archive(tmp_path)
    write(tmp_path / "ILSVRC2012_img_train.tar", train_tar(TRAIN))
    (tmp_path / "ILSVRC2012_img_train.tar.fastinet").write_bytes(b"")
    (tmp_path / "ILSVRC2012_img_train.tar+2-ff.fastinet").write_bytes(b"")
    with pytest.raises(MissingError, match=r"by its own path: ILSVRC2012_img_train\.tar$"):
        open_archive(tmp_path)
    shutil.copy(tmp_path / "ILSVRC2012_img_train.tar", tmp_path / "b.tar")
    (tmp_path / "b.tar.fastinet").write_bytes(b"")
    with pytest.raises(MissingError) as caught:
        open_archive(tmp_path)
    one = "by its own path: ILSVRC2012_img_train.tar, b.tar; shards together"
    together = f"a pattern, '{tmp_path}/*.tar'"
    assert one in str(caught.value)
    assert together in str(caught.value)
    names = [f"n01440764/n01440764_{number}.JPEG" for number in range(2)]
    links = [entry(name, type=tarfile.SYMTYPE, linkname="/data/0.JPEG") for name in names]
    (tmp_path / "links.tar").write_bytes(b"".join(links) + END)
    with pytest.raises(
        UnsupportedError, match=r"2 links to what is not in it: .*_0\.JPEG.*dereference"
    ):
        open_archive(tmp_path / "links.tar")
    with pytest.raises(UnsupportedError, match="not a regular file"):
        open_archive(Path(os.devnull))


def test_a_pipe_is_called_by_its_descriptor() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as file, os.fdopen(writing, "wb"):
        assert fastinet.open_stream(file).name == f"descriptor {reading}"


@pytest.fixture(scope="module")
def content(archive_path: Path) -> bytes:
    return archive_path.read_bytes()


@pytest.fixture(scope="module")
def classes(dataset: fastinet.Dataset) -> list[str]:
    return [info.wnid for info in dataset.classes]


def test_open_takes_what_arrives(content: bytes, classes: list[str], tmp_path: Path) -> None:
    expected = batches_of(content, classes=classes)
    with contextlib.ExitStack() as stack:
        for source in (io.BytesIO(content), WAYS["named_pipe"](stack, content, tmp_path)):
            stream = fastinet.open(source, classes=classes)  # type: ignore[call-overload]
            assert isinstance(stream, fastinet.Stream)
            same_batches(expected, loader_of(stream))
    stream = fastinet.open("-", labels=lambda _key, _companions: 3)
    assert isinstance(stream, fastinet.Stream)
    assert stream.name == "standard input"
    assert stream.label("a.jpg", {}) == 3


@pytest.mark.parametrize(
    "options",
    [
        {"devkit": "devkit"},
        {"patch": "other.tar"},
        {"index": False},
        {"index": "other.index"},
        {"progress": print},
        {"labels": [1, 2]},
        {"labels": "real.json"},
    ],
)
def test_open_refuses_what_a_stream_cannot_do(options: dict[str, Any]) -> None:
    for source in ("-", io.BytesIO()):
        with pytest.raises(ValueError, match=f"^{next(iter(options))} .*a stream"):
            fastinet.open(source, **options)  # type: ignore[call-overload]


def test_open_refuses_what_a_file_does_not_need(archive_path: Path) -> None:
    with pytest.raises(ValueError, match=r"4 of the classes of 'train.tar' are none of the 1 that"):
        fastinet.open(archive_path, classes=["n01440764"])  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="file object"):
        fastinet.open(17)  # type: ignore[call-overload]

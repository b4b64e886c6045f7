"""A tar as a file: what goes before its members' names, and how long it stays open."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NoReturn

import pytest

from fastinet.archives.file_archive import FileArchive, OneFile
from fastinet.errors import CorruptError, ReadError
from fastinet.sidecars.identity import identify_file
from fastinet.testing.archives import END, entry, tar

DESCRIPTORS = Path("/proc/self/fd")  # of Linux


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "n01440764.tar"
    path.write_bytes(tar({"a.JPEG": b"\xff\xd8\xff a", "b.JPEG": b"\xff\xd8\xff bb"}))
    return path


def no_files() -> NoReturn:
    raise AssertionError("only a folder asks for the files")


def open_files() -> set[str]:
    """What the files are that this process has open."""
    found = set()
    for descriptor in DESCRIPTORS.iterdir():
        with contextlib.suppress(OSError):  # that of the listing itself
            found.add(str(descriptor.readlink()))
    return found


def test_the_folder_goes_before_the_names(path: Path) -> None:
    assert FileArchive(path).scan().names.tobytes() == b"a.JPEGb.JPEG"
    within = FileArchive(path, "n01440764").scan()
    assert within.names.tobytes() == b"n01440764/a.JPEGn01440764/b.JPEG"


@pytest.mark.parametrize("briefly", [False, True])
def test_opened_briefly_it_is_closed_after_each_read(path: Path, briefly: bool) -> None:
    archive = FileArchive(path, briefly=briefly)
    first = int(archive.scan().offsets[0])
    source = archive.open(no_files)
    for _ in range(2):
        assert source.read(first, 5) == b"\xff\xd8\xff a"
        if DESCRIPTORS.exists():
            assert (str(path) in open_files()) is not briefly


def test_an_identity_is_the_files(path: Path) -> None:
    assert OneFile(path).name == "n01440764.tar"
    assert OneFile(path, "elsewhere").identify() == identify_file(path)


def test_what_is_wrong_with_it_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "page.tar"
    path.write_bytes(b"<!DOCTYPE html><html><body>Not found</body></html>" * 20)
    with pytest.raises(CorruptError, match=r"not a tar.*an error or log-in page") as caught:
        FileArchive(path).scan()
    assert caught.value.archive == str(path)
    path.write_bytes((entry("a.JPEG", b"\xff\xd8\xff") + END)[: -len(END)])
    with pytest.raises(CorruptError, match="truncated"):
        FileArchive(path).scan()


def test_progress_is_passed_on_and_may_stop_the_scan(path: Path) -> None:
    told: list[tuple[int, int]] = []
    FileArchive(path).scan(lambda done, total: told.append((done, total)))
    assert told[-1] == (path.stat().st_size,) * 2

    def stop(_done: int, _total: int) -> None:
        raise ReadError("stopped")

    with pytest.raises(ReadError, match="stopped"):
        FileArchive(path).scan(stop)

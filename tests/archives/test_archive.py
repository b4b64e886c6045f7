"""The three kinds of archive are one to whoever uses them: the same members, the same bytes."""

from __future__ import annotations

import gzip
import inspect
import itertools
from typing import TYPE_CHECKING, get_args

import numpy as np
import pytest

from fastinet.archives.archive import Archive
from fastinet.archives.file_archive import FileArchive
from fastinet.archives.files import Files
from fastinet.archives.folder_archive import FolderArchive
from fastinet.errors import MissingError, ReadError
from fastinet.testing.archives import extract, tar

if TYPE_CHECKING:
    from pathlib import Path

    from fastinet._native._scan import Members

# As a scan of a folder sorts them, so that one expectation serves all.
MEMBERS = {
    "n01440764/a.JPEG": b"\xff\xd8\xff first",
    "n01440764/empty": b"",
    "n01443537/b.JPEG": b"\xff\xd8\xff the second of them",
    "readme": b"text",
}


def packed(folder: Path, kind: type) -> Archive:
    """MEMBERS as an archive of this kind."""
    folder.mkdir(exist_ok=True)
    if kind is FolderArchive:
        return FolderArchive(extract(MEMBERS, folder / "a"))
    content = tar(MEMBERS)
    path = folder / ("a.tar" if kind is FileArchive else "a.tar.gz")
    path.write_bytes(content if kind is FileArchive else gzip.compress(content, mtime=0))
    return kind(path)


def files_of(members: Members) -> Files:
    name_offsets = np.concatenate([np.zeros(1, np.uint64), members.name_ends])
    return Files(members.names, name_offsets, members.offsets, members.sizes)


def names_of(members: Members) -> list[str]:
    starts = [0, *members.name_ends.tolist()]
    names = members.names.tobytes().decode()
    return [names[start:end] for start, end in itertools.pairwise(starts)]


KINDS = pytest.mark.parametrize("kind", get_args(Archive))


@KINDS
def test_members_and_their_bytes(tmp_path: Path, kind: type) -> None:
    archive = packed(tmp_path, kind)
    members = archive.scan()
    assert names_of(members) == list(MEMBERS)
    assert members.sizes.tolist() == [len(content) for content in MEMBERS.values()]
    source = archive.open(lambda: files_of(members))
    spans = zip(members.offsets.tolist(), members.sizes.tolist(), strict=True)
    assert [source.read(offset, size) for offset, size in spans] == list(MEMBERS.values())


@KINDS
def test_an_identity_is_of_the_archive_as_it_is_now(tmp_path: Path, kind: type) -> None:
    archive = packed(tmp_path, kind)
    identity = archive.identify()
    assert identity.name == archive.name == archive.path.name
    assert archive.identify() == identity
    assert packed(tmp_path / "elsewhere", kind).identify() != identity  # of another time
    if kind is FolderArchive:
        (archive.path / "one more").touch()
    else:
        archive.path.write_bytes(archive.path.read_bytes() + bytes(512))
    assert archive.identify() != identity


@KINDS
def test_one_that_is_gone(tmp_path: Path, kind: type) -> None:
    archive = kind(tmp_path / "nothing")
    with pytest.raises((MissingError, ReadError), match="nothing"):
        archive.identify()
    with pytest.raises((MissingError, ReadError), match="nothing"):
        archive.scan()


def test_all_kinds_are_called_alike() -> None:
    for name in ("identify", "scan", "open"):
        parameters = [list(inspect.signature(getattr(kind, name)).parameters)
                      for kind in get_args(Archive)]  # fmt: skip
        assert parameters == [parameters[0]] * 3, name

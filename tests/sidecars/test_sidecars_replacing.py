"""Replacing a file: at every moment it is absent, the old one, or the new one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from fastinet.sidecars import replacing
from fastinet.sidecars.replacing import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Full(Exception):  # noqa: N818  # as a full disk is
    """Ends the writing."""


@pytest.mark.parametrize("old", [None, b"the old one, which is longer"])
def test_readers_see_the_old_one_until_the_new_one_is_whole(
    tmp_path: Path, old: bytes | None
) -> None:
    path = tmp_path / "folder" / "below" / "file"
    if old is not None:
        path.parent.mkdir(parents=True)
        path.write_bytes(old)

    def pieces() -> Iterator[bytes | memoryview]:
        for piece in (b"the ", memoryview(b"new "), b"", b"one"):
            assert (path.read_bytes() if path.exists() else None) == old
            yield piece

    replace_file(path, pieces())
    assert path.read_bytes() == b"the new one"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize("failure", [Full, KeyboardInterrupt])
def test_what_fails_leaves_nothing_behind(tmp_path: Path, failure: type[BaseException]) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def pieces() -> Iterator[bytes]:
        yield bytes(100_000)
        raise failure

    with pytest.raises(failure):
        replace_file(path, pieces())
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_who_has_the_old_one_open_keeps_it(tmp_path: Path) -> None:
    """A loader may have a sidecar mapped while it is replaced."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        replace_file(path, [b"new"])
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"


def test_the_content_is_on_the_disk_before_it_has_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power cut could leave an empty file under the name."""
    path = tmp_path / "file"
    synced: list[tuple[bool, int]] = []

    def fsync(descriptor: int) -> None:
        synced.append((path.exists(), os.fstat(descriptor).st_size))

    monkeypatch.setattr(replacing.os, "fsync", fsync)
    replace_file(path, [b"new"])
    assert synced[0] == (False, 3)
    assert synced[-1][0], "and the folder's entry behind it"
    assert len(synced) == 2


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "no folder").write_bytes(b"")
    with pytest.raises(OSError, match="no folder"):
        replace_file(tmp_path / "no folder" / "file", [b"new"])

"""What tells one state of an extracted archive from another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fastinet.archives.folder_archive import FolderArchive


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two class folders with two files each, all of them as old as one another."""
    root = tmp_path / "train"
    for folder in ("a", "b"):
        (root / folder).mkdir(parents=True)
        for file in ("1.JPEG", "2.JPEG"):
            (root / folder / file).write_bytes(b"x")
    set_times(root)
    return root


def set_times(root: Path, **of_folders: int) -> None:
    """Of all folders, in seconds; those that are not named get 1,000,000."""
    for folder in (root, *filter(Path.is_dir, root.iterdir())):
        seconds = of_folders.get(folder.name, 1_000_000)
        os.utime(folder, (seconds, seconds))


def test_what_is_the_same(tree: Path) -> None:
    identity = FolderArchive(tree).identify()
    assert identity.name == "train"
    (tree / "a" / "1.JPEG").write_bytes(b"longer")  # which reading finds
    assert FolderArchive(tree).identify() == identity


def test_each_folders_time_counts(tree: Path) -> None:
    """Also that of one which is not the latest."""
    set_times(tree, train=2_000_000)
    before = FolderArchive(tree).identify()
    for changed in ({"a": 1_000_001}, {"b": 1_000_001}, {"a": 999_999}):
        set_times(tree, train=2_000_000, **changed)
        assert FolderArchive(tree).identify() != before


def test_each_folders_name_counts(tree: Path) -> None:
    before = FolderArchive(tree).identify()
    (tree / "b").rename(tree / "c")
    set_times(tree)
    assert FolderArchive(tree).identify() != before
    (tree / "c").rename(tree / "b")
    set_times(tree)
    assert FolderArchive(tree).identify() == before


def test_folders_that_come_count(tree: Path) -> None:
    before = FolderArchive(tree).identify()
    (tree / "c").mkdir()
    set_times(tree)
    assert FolderArchive(tree).identify() != before

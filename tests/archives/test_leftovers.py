"""What is hidden or left by other programs, by the names of files and folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import fastinet
from fastinet.archives.leftovers import are_leftovers, leftover_ends
from fastinet.testing.archives import tar
from fastinet.testing.small import small_jpeg


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("n01440764/x.JPEG", 0),
        ("./n01440764/x.JPEG", 0),
        ("n01440764/.x.JPEG.AbC123", 24),
        (".hidden/n01440764/x.JPEG", 7),
        ("a/__MACOSX/n01440764/x.JPEG", 10),
        ("a/@eaDir/x.JPEG/SYNOPHOTO_THUMB_M.jpg", 8),
        ("$RECYCLE.BIN/x.JPEG", 12),
        ("lost+found/x.JPEG", 10),
        ("a/Thumbs.db", 11),
        ("a/thumbs.png", 0),
        ("", 0),
    ],
)
def test_where_the_leftover_ends(name: str, end: int) -> None:
    assert leftover_ends([name.encode()]) == [end]
    assert are_leftovers([name]) == [end > 0]


def test_many_names_are_told_apart() -> None:
    names = ["a/x.JPEG", ".b/x.JPEG", "c\udcff/.d", "e"]
    assert are_leftovers(names) == [False, True, True, False]
    assert are_leftovers([]) == []


@pytest.mark.parametrize("folder", ["", "__MACOSX/", ".cache/", "lost+found/"])
def test_an_archive_passes_them_over_by_name(tmp_path: Path, folder: str) -> None:
    jpeg = small_jpeg(np.random.default_rng(0))
    members = {"n01440764/1.JPEG": jpeg, f"{folder}n01440764/2.JPEG": jpeg}
    path = tmp_path / "x.tar"
    path.write_bytes(tar(members))
    if not folder:
        assert len(fastinet.open(path, index=False)) == 2
        return
    with pytest.warns(fastinet.errors.FastinetWarning, match=folder.rstrip("/").replace("+", ".")):
        assert list(fastinet.open(path, index=False).keys) == ["n01440764/1.JPEG"]

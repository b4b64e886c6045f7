"""Files that lie end to end: a folder finds each by its offset, in whatever order they come."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastinet.archives.files import Files
from fastinet.archives.folder_archive import FolderArchive
from fastinet.errors import ReadError
from fastinet.testing.archives import extract

CONTENTS = {"a": b"first", "b/empty": b"", "b/c": b"in a folder", "zz": b"the last of them"}


def files_in(order: list[str], offsets: dict[str, int]) -> Files:
    names = [name.encode() for name in order]
    return Files(
        names=np.frombuffer(b"".join(names), np.uint8),
        name_offsets=np.cumsum([0, *map(len, names)], dtype=np.uint64),
        offsets=np.array([offsets[name] for name in order], np.uint64),
        sizes=np.array([len(CONTENTS[name]) for name in order], np.uint64),
    )


@given(st.permutations(list(CONTENTS)), st.permutations(list(CONTENTS)))
def test_each_is_found_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, laid: list[str], given_in: list[str]
) -> None:
    folder = extract(CONTENTS, tmp_path_factory.getbasetemp() / "files")
    ends = np.cumsum([len(CONTENTS[name]) for name in laid]).tolist()
    offsets = dict(zip(laid, [0, *ends], strict=False))
    source = FolderArchive(folder).open(lambda: files_in(given_in, offsets))
    for name in random.Random(0).sample(given_in, len(given_in)):
        assert source.read(offsets[name], len(CONTENTS[name])) == CONTENTS[name]


def test_a_read_lies_within_one_file(tmp_path: Path) -> None:
    folder = extract(CONTENTS, tmp_path / "files")
    names = list(CONTENTS)
    ends = np.cumsum([len(CONTENTS[name]) for name in names]).tolist()
    files = files_in(names, dict(zip(names, [0, *ends], strict=False)))
    source = FolderArchive(folder).open(lambda: files)
    assert source.read(ends[-1] - 1, 1) == b"m"
    assert source.read(ends[0] - 1, 1) == b"t"
    with pytest.raises(ReadError, match="not within one file"):
        source.read(ends[0] - 1, 2)
    with pytest.raises(ReadError, match=f"has {ends[-1]} bytes"):
        source.read(ends[-1] - 1, 2)

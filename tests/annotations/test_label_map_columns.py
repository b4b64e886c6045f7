"""What is kept of label maps: only what lies in the archive is taken, against Python's integers."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fastinet.annotations.label_map_columns import (
    FILE_COLUMNS,
    FORM,
    MOST_FILE_BYTES,
    MapsHeader,
    as_files,
    check_columns,
)
from fastinet.annotations.relabel import open_label_maps
from fastinet.archives.file_archive import FileArchive
from fastinet.archives.folder_archive import FolderArchive
from fastinet.sidecars.schema import UnusableSidecarError
from fastinet.testing.archives import extract
from fastinet.testing.label_maps import label_map_files, write_label_maps

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from fastinet.archives.archive import Archive

SIZE = 5_000  # of an archive [bytes]
SHAPE = (2, 3, 4)
MAP_BYTES = 2 * 4 * 2 * 3 * 4  # float32, scores and classes
LAST = SIZE - MAP_BYTES  # where the last map may begin
KEYS = st.lists(st.binary(min_size=1, max_size=3), max_size=6)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> FileArchive:
    path = tmp_path_factory.mktemp("maps") / "maps.tar"
    path.write_bytes(bytes(SIZE))
    made = FileArchive(path)
    return FileArchive(path, bound=made.look())


def is_refused(
    archive: Archive, columns: Mapping[str, NDArray[Any]], shape: tuple[int, ...] = SHAPE
) -> bool:
    header = MapsHeader("label maps", (), shape, ())  # type: ignore[arg-type]
    try:
        check_columns(archive, header, columns)
    except UnusableSidecarError:
        return True
    return False


@given(KEYS, st.lists(st.integers(0, SIZE), max_size=6))
@example([b"a", b"b"], [0, LAST])
@example([b"a", b"b"], [0, LAST + 1])
def test_maps_of_a_file(archive: FileArchive, keys: list[bytes], offsets: list[int]) -> None:
    keys = [key.rstrip(b"\0") for key in keys]  # NumPy's bytes end before zeros
    columns = {"keys": np.array(keys, "S3"), "offsets": np.array(offsets, "<u8")}
    in_order = len(keys) > 0 and sorted(set(keys)) == keys
    lies_within = all(offset <= LAST for offset in offsets)
    assert is_refused(archive, columns) == (
        not (in_order and len(keys) == len(offsets) and lies_within)
    )


@pytest.mark.parametrize("offset", [2**63, 2**64 - 1, 2**64 - MAP_BYTES])
def test_an_offset_that_no_file_has(archive: FileArchive, offset: int) -> None:
    """Its sum with a map's size would begin anew at 0."""
    columns = {"keys": np.array([b"a"]), "offsets": np.array([offset], "<u8")}
    assert is_refused(archive, columns)


def test_maps_that_are_larger_than_any(tmp_path: Path) -> None:
    path = tmp_path / "maps.tar"
    with path.open("wb") as file:
        file.truncate(2 * MOST_FILE_BYTES)
    archive = FileArchive(path, bound=FileArchive(path).look())
    columns = {"keys": np.array([b"a"]), "offsets": np.array([0], "<u8")}
    assert not is_refused(archive, columns, (1, 1, MOST_FILE_BYTES // 8))
    assert is_refused(archive, columns, (1, 1, MOST_FILE_BYTES // 8 + 1))
    assert is_refused(archive, columns, (2**31, 2**31, 2**31))  # more than an int64 can say


def folder_columns(
    names: list[bytes], sizes: list[int], maps: list[int]
) -> dict[str, NDArray[Any]]:
    ends = np.cumsum(sizes, dtype=np.uint64)
    return {
        "keys": np.array([b"%03d" % number for number in range(len(maps))]),
        "offsets": np.array(maps, "<u8"),
        "file_names": np.frombuffer(b"".join(names), np.uint8),
        "file_name_ends": np.cumsum([len(name) for name in names], dtype=np.uint64),
        "file_offsets": ends - np.array(sizes, np.uint64),
        "file_sizes": np.array(sizes, "<u8"),
    }


@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=5),
    st.lists(st.integers(0, 1_500), min_size=1, max_size=5),
)
def test_maps_of_a_folder(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], maps: list[int]
) -> None:
    """They lie before the end of its last file, one behind another as its files are."""
    folder = FolderArchive(tmp_path_factory.getbasetemp())
    names = [b"%d.pt" % number for number in range(len(sizes))]
    columns = folder_columns(names, sizes, maps)
    beyond = any(offset + MAP_BYTES > sum(sizes) for offset in maps)
    assert is_refused(folder, columns) == beyond


GOOD = ([b"a.pt", b"b.pt"], [200, 300], [0, 250])


def test_columns_of_a_folder_must_fit_one_another(tmp_path: Path) -> None:
    folder = FolderArchive(tmp_path)
    good = folder_columns(*GOOD)
    assert not is_refused(folder, good)
    for name in FILE_COLUMNS[1:]:
        assert is_refused(folder, good | {name: good[name][:1]}), name
    for name in FILE_COLUMNS:
        assert is_refused(folder, good | {name: good[name][:0]}), name
    assert is_refused(folder, {name: good[name] for name in ("keys", "offsets")})
    wrong: dict[str, tuple[str, list[int]]] = {
        "two files overlap": ("file_offsets", [0, 199]),
        "the sum of both begins anew": ("file_sizes", [200, 2**64 - 200]),
        "a file that cannot be": ("file_offsets", [0, 2**63]),
        "names overlap": ("file_name_ends", [8, 8]),
        "names end beyond their column": ("file_name_ends", [4, 9]),
    }
    for what, (name, values) in wrong.items():
        assert is_refused(folder, good | {name: np.array(values, "<u8")}), what
    for names in ([b"/etc", b"b.pt"], [b"../a", b"b.pt"], [b"a/..", b"b.pt"], [b"a\0pt", b"b.pt"]):
        assert is_refused(folder, folder_columns(names, *GOOD[1:])), names


def test_files_are_those_that_the_columns_say() -> None:
    columns = folder_columns(*GOOD)
    files = as_files(tuple(columns[name] for name in FILE_COLUMNS))
    text, ends = files.names.tobytes(), files.name_offsets.tolist()
    assert [text[a:b] for a, b in itertools.pairwise(ends)] == GOOD[0]
    assert files.name_offsets.dtype == np.uint64  # as the engine takes them
    assert files.offsets.tolist() == [0, 200]
    assert files.sizes.tolist() == GOOD[1]


@pytest.mark.parametrize("is_folder", [False, True])
def test_what_is_kept_of_an_archive_passes(tmp_path: Path, is_folder: bool) -> None:
    contents = label_map_files([f"a/{number}" for number in range(4)], shape=SHAPE)
    path = extract(contents, tmp_path / "maps") if is_folder else tmp_path / "maps.tar"
    if not is_folder:
        write_label_maps(path, contents)
    maps = open_label_maps(path)
    columns: dict[str, Any] = {"keys": maps.keys, "offsets": maps.offsets}
    if maps.files is not None:
        columns |= dict(zip(FILE_COLUMNS, maps.files, strict=True))
    assert maps.archive is not None
    assert (maps.files is not None) == is_folder
    assert set(columns) >= set(FORM.columns)
    assert not is_refused(maps.archive, columns)
    columns["offsets"] = columns["offsets"] + np.uint64(2**40)
    assert is_refused(maps.archive, columns)

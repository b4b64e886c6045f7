"""Whether places can be, against Python's own integers and paths."""

from __future__ import annotations

import itertools
import posixpath
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fastinet.archives import extents
from fastinet.archives.extents import MOST_BYTES, check_extents, check_files, check_names
from fastinet.archives.files import Files
from fastinet.sidecars.schema import UnusableSidecarError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

MOST_64 = 2**64 - 1
# Small ones, so that they meet; and those at which unsigned sums begin anew.
NUMBERS = st.one_of(
    st.integers(0, 20), st.integers(MOST_64 - 20, MOST_64), st.integers(MOST_BYTES - 5, MOST_64)
)
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS, st.integers(0, 2)), max_size=20)


def is_refused(check: Callable[..., None], *arguments: object) -> bool:
    try:
        check(*arguments)
    except UnusableSidecarError:
        return True
    return False


def column(values: list[int]) -> NDArray[Any]:
    return np.array(values, np.uint64)


@given(ROWS, st.lists(NUMBERS, min_size=3, max_size=3), st.booleans(), st.integers(1, 4))
def test_extents_are_refused_where_one_ends_beyond_its_archive(
    rows: list[tuple[int, int, int]], limits: list[int], is_one: bool, at_once: int
) -> None:
    archives = [0 if is_one else archive for _, _, archive in rows]
    beyond = any(
        offset + size > limits[archive]
        for (offset, size, _), archive in zip(rows, archives, strict=True)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extents, "_CHECKED_AT_ONCE", at_once)
        columns = (column([row[0] for row in rows]), column([row[1] for row in rows]))
        of = None if is_one else np.array(archives, np.int32)
        assert is_refused(check_extents, *columns, of, column(limits)) == beyond


def test_every_row_is_looked_at() -> None:
    """Also where there are more than are looked at at once."""
    count = 2 * extents._CHECKED_AT_ONCE + 7
    offsets = np.arange(count, dtype=np.uint64)
    limits = column([count + 4])
    sizes = np.full(count, 5, np.uint64)
    check_extents(offsets, sizes, None, limits)
    for row in (0, extents._CHECKED_AT_ONCE - 1, extents._CHECKED_AT_ONCE, count - 1):
        changed = sizes.copy()
        changed[row] = count + 5 - row
        assert is_refused(check_extents, offsets, changed, None, limits)


def files_of(names: list[bytes], offsets: list[int], sizes: list[int]) -> Files:
    return Files(
        np.frombuffer(b"".join(names), np.uint8),
        np.cumsum([0, *map(len, names)], dtype=np.uint64),
        column(offsets),
        column(sizes),
    )


def overlap(places: list[tuple[int, int]]) -> bool:
    """Whether two of these (offset, size) share a byte, or one of none lies within another."""
    return any(
        max(a, b) < min(a + size_a, b + size_b)
        or (size_a == 0 and b < a < b + size_b)
        or (size_b == 0 and a < b < a + size_a)
        for (a, size_a), (b, size_b) in itertools.combinations(places, 2)
    )


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=8))
@example([(MOST_64, 1), (0, 4)])  # the sum is 0
@example([(MOST_64, 2), (MOST_64, 3)])
@example([(3, 4), (5, 0)])
@example([(3, 4), (3, 0), (7, 0), (7, 2)])
def test_files_that_overlap_or_cannot_be_are_refused(places: list[tuple[int, int]]) -> None:
    files = files_of(
        [b"n"] * len(places), [offset for offset, _ in places], [size for _, size in places]
    )
    wrong = overlap(places) or any(offset + size > MOST_BYTES for offset, size in places)
    assert is_refused(check_files, files) == wrong


@given(st.lists(st.integers(0, 6), max_size=8), st.randoms(use_true_random=False))
def test_files_that_lie_end_to_end_are_taken_in_any_order(
    sizes: list[int], shuffler: random.Random
) -> None:
    ends = list(itertools.accumulate(sizes, initial=0))
    places = list(zip(ends, sizes, strict=False))
    shuffler.shuffle(places)
    offsets = [offset for offset, _ in places]
    check_files(files_of([b"n"] * len(places), offsets, [size for _, size in places]))


PIECES = st.sampled_from([b".", b"..", b"...", b"/", b"a", b".a", b"a.", b"\0", b"b/c", b""])
NAMES = st.lists(st.lists(PIECES, max_size=5).map(b"".join), max_size=6)


def leads_nowhere_else(name: bytes) -> bool:
    """Whether a name is that of something below a folder, however often it goes up on the way."""
    if not name or name.startswith(b"/") or b"\0" in name:
        return False
    parts = name.split(b"/")
    if b".." in parts:  # refused though it may come back: no member is called so
        return False
    inside = posixpath.normpath(b"folder/" + name)
    assert inside == b"folder" or inside.startswith(b"folder/")
    return True


@given(NAMES)
@example([b"a.", b".b"])  # two points that are of two names
@example([b"a", b"..", b"b"])
@example([b"a..b/../c"])
def test_names_that_lead_out_of_the_folder_are_refused(names: list[bytes]) -> None:
    files = files_of(names, [0] * len(names), [0] * len(names))
    assert is_refused(check_names, files) == (not all(map(leads_nowhere_else, names)))
    assert is_refused(check_files, files) == (not all(map(leads_nowhere_else, names)))


@given(st.lists(st.integers(0, 6), min_size=1, max_size=6))
def test_names_fill_their_column_one_behind_another(ends: list[int]) -> None:
    """A column of five bytes, and names that end where they are said to."""
    count = len(ends) - 1
    files = Files(
        np.frombuffer(b"abcde", np.uint8), column(ends), *[np.zeros(count, np.uint64)] * 2
    )
    fill = ends[0] == 0 and ends[-1] == 5 and all(a < b for a, b in itertools.pairwise(ends))
    assert is_refused(check_names, files) == (not fill)

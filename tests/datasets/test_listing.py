"""Listings: the part of one archive is what plain lists give."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastinet.datasets.listing import Listing, Split

Item = tuple[str, int, int, int, int, int]
"""Key, offset, size, label, archive and split."""

ITEMS = st.lists(
    st.tuples(
        st.text("ab/é", max_size=4),
        st.integers(0, 2**63),
        st.integers(0, 2**40),
        st.integers(-1, 5),
        st.integers(0, 2),
        st.integers(0, 1),
    ),
    max_size=8,
)


def listing_of(items: list[Item], **changes: object) -> Listing:
    keys = [key.encode() for key, *_ in items]

    def column(number: int, dtype: type) -> np.ndarray:
        return np.array([item[number] for item in items], dtype)

    listing = Listing(
        family="ilsvrc",
        offsets=column(1, np.uint64),
        sizes=column(2, np.uint64),
        labels=column(3, np.int64),
        key_offsets=np.cumsum([0, *map(len, keys)], dtype=np.uint64),
        key_text=np.frombuffer(b"".join(keys), np.uint8),
        item_archive=column(4, np.int32),
        splits=(Split("train", ("n01440764",)), Split("val", ())),
        item_split=column(5, np.int8),
        skipped=3,
        notes=("a note",),
    )
    return dataclasses.replace(listing, **changes)


def keys_of(text: np.ndarray, offsets: np.ndarray) -> list[str]:
    ends = offsets.tolist()
    return [text[start:end].tobytes().decode() for start, end in itertools.pairwise(ends)]


@given(ITEMS, st.integers(0, 2))
def test_the_items_of_one_archive(items: list[Item], number: int) -> None:
    listing = listing_of(items)
    part = listing.of_archive(number)
    expected = [item for item in items if item[4] == number]
    assert keys_of(part.key_bytes, part.key_offsets) == [item[0] for item in expected]
    assert part.offsets.tolist() == [item[1] for item in expected]
    assert part.sizes.tolist() == [item[2] for item in expected]
    assert part.labels.tolist() == [item[3] for item in expected]
    assert part.item_archive is None
    assert part.item_split is not None
    assert part.item_split.tolist() == [item[5] for item in expected]
    same = ("family", "splits", "skipped", "notes")
    assert [getattr(part, name) for name in same] == [getattr(listing, name) for name in same]


@given(ITEMS, st.integers(0, 2))
def test_the_files_of_one_archive(items: list[Item], number: int) -> None:
    files = listing_of(items, item_split=None).files(number)
    expected = [item for item in items if item[4] == number]
    assert keys_of(files.names, files.name_offsets) == [item[0] for item in expected]
    assert files.offsets.tolist() == [item[1] for item in expected]
    assert files.sizes.tolist() == [item[2] for item in expected]


def test_one_archive_has_all_items_as_they_are() -> None:
    listing = listing_of([("a", 0, 1, 0, 0, 0), ("b", 1, 2, 1, 0, 1)], item_archive=None)
    assert listing.of_archive(0) is listing
    assert listing.files(0).names is listing.key_bytes


def test_listings_stay_as_they_are() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        listing_of([]).family = "other"  # type: ignore[misc]

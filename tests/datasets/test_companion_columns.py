"""Columns of companions, taken and joined, against lists of what each item has."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fastinet.datasets.companion_columns import CompanionColumns

Beside = list[list[tuple[int, int, int, str]]]
"""For each item (offset, size, archive, ending) of each companion."""

one = st.tuples(
    st.integers(0, 99),
    st.integers(0, 9),
    st.integers(0, 3),
    st.sampled_from(["", ".txt", ".TXT", ".seg.png", ".ü"]),
)
items = st.lists(st.lists(one, max_size=3), min_size=1, max_size=6)


def columns_of(beside: Beside) -> CompanionColumns | None:
    flat = [(item, *each) for item, companions in enumerate(beside) for each in companions]
    places = np.array([each[1:4] for each in flat], np.int64).reshape(-1, 3)
    return CompanionColumns.of(
        [each[0] for each in flat],
        (places[:, 0].astype(np.uint64), places[:, 1].astype(np.uint64),
         places[:, 2].astype(np.int32)),
        [f"{each[0]:02}{each[4]}".encode() for each in flat],
        [2] * len(flat),
    )  # fmt: skip


def beside_in(columns: CompanionColumns | None, count: int) -> Beside:
    if columns is None:
        return [[] for _ in range(count)]
    return [
        [
            (int(columns.offsets[row]), int(columns.sizes[row]), int(columns.archives[row]),
             columns.endings[columns.kinds[row]].decode())
            for row in columns.of_item(item)
        ]
        for item in range(count)
    ]  # fmt: skip


@given(beside=items, data=st.data())
def test_taken(beside: Beside, data: st.DataObject) -> None:
    columns = columns_of(beside)
    assert beside_in(columns, len(beside)) == beside
    if columns is None:
        assert not any(beside)
        return
    chosen = data.draw(st.lists(st.integers(0, len(beside) - 1), max_size=8))
    taken = columns.take(np.array(chosen, np.int64))
    assert beside_in(taken, len(chosen)) == [beside[item] for item in chosen]
    assert [extension.lower() for extension in columns.extensions] == list(columns.extensions)
    assert set(columns.extensions) == {
        ending[1:].lower() for each in beside for _, _, _, ending in each
    }


@given(parts=st.lists(items, max_size=4))
def test_joined(parts: list[Beside]) -> None:
    there, first_item, expected = [], 0, []
    for number, beside in enumerate(parts):
        columns = columns_of(beside)
        if columns is not None:
            there.append((columns, first_item, 4 * number))
        first_item += len(beside)
        expected += [
            [(offset, size, archive + 4 * number, ending) for offset, size, archive, ending in each]
            for each in beside
        ]
    assert beside_in(CompanionColumns.joined(there), len(expected)) == expected

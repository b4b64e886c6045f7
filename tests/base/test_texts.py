"""Texts in one array: any of them, in any order and as often as wanted, as a list gives them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fastinet.base.texts import take_texts


def packed(texts: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    ends = np.cumsum([0, *map(len, texts)], dtype=np.uint64)
    return np.frombuffer(b"".join(texts), np.uint8), ends


@given(st.data(), st.lists(st.binary(max_size=5), max_size=8))
def test_texts_are_taken_as_from_a_list(data: st.DataObject, texts: list[bytes]) -> None:
    numbers = st.integers(0, len(texts) - 1) if texts else st.nothing()
    rows = data.draw(st.lists(numbers, max_size=12 if texts else 0))
    text, offsets = take_texts(*packed(texts), np.array(rows, np.int64))
    expected, ends = packed([texts[row] for row in rows])
    assert (text.dtype, offsets.dtype) == (np.uint8, np.uint64)
    assert text.tolist() == expected.tolist()
    assert offsets.tolist() == ends.tolist()


def test_what_is_taken_is_a_copy() -> None:
    text, offsets = packed([b"abc", b"de"])
    taken, _ = take_texts(text, offsets, np.array([0, 1]))
    assert not np.shares_memory(taken, text)

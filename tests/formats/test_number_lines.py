"""Text files of numbers: any numbers come back, and what is none is named with its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastinet.errors import CorruptError
from fastinet.formats.number_lines import number_lines, one_per_line, text_lines

numbers = st.integers(-(10**18) + 1, 10**18 - 1)
spaces = st.text(" \t", min_size=1, max_size=3)


@given(lines=st.lists(st.lists(numbers, max_size=5), max_size=5), space=spaces, mark=st.booleans())
def test_numbers_come_back(lines: list[list[int]], space: str, mark: bool) -> None:
    text = "".join(space.join(map(str, line)) + "\r\n" for line in lines)
    assert number_lines(text.encode("utf-8-sig" if mark else "utf-8"), "f.txt") == lines


@given(st.lists(numbers, max_size=9))
def test_one_number_in_each_line_comes_back(values: list[int]) -> None:
    text = "\n".join(map(str, values))
    assert one_per_line(text.encode(), "f.txt") == values


def test_commas_part_words_that_may_be_empty_but_at_the_end() -> None:
    assert text_lines(b"a b,, c ,,\n,x\nd e\n", "f.csv") == [
        ["a b", "", "c"],
        ["", "x"],
        ["d", "e"],
    ]


@pytest.mark.parametrize(
    ("read", "data", "message"),
    [
        (number_lines, b"1 2\n3 x4\n", "'f.txt', line 2: 'x4' is no whole number"),
        (number_lines, b"1.0", "line 1: '1.0' is no whole number"),
        (number_lines, b"+1", "line 1: '\\+1' is no whole number"),
        (number_lines, b"1" * 19, "line 1: '1{19}' is no whole number"),
        (number_lines, "\u0661".encode(), "is no whole number"),
        (one_per_line, b"1\n\n2\n", "line 2: one number expected, there are 0"),
        (one_per_line, b"1\n2 3\n", "line 2: one number expected, there are 2"),
        (text_lines, b"ab\xff", "'f.txt' is no text: byte 2 is not UTF-8"),
    ],
)
def test_what_is_refused(read, data: bytes, message: str) -> None:
    with pytest.raises(CorruptError, match=message):
        read(data, "f.txt")

"""Labels in companions: what a .cls or .json beside an image may say."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastinet.datasets.companions import MOST_CLASSES, has_label, label_of


@given(st.integers(0, MOST_CLASSES - 1), st.sampled_from(["label", "cls"]), st.text(max_size=5))
def test_any_label_comes_back(label: int, key: str, other: str) -> None:
    assert label_of(f" {label}\n".encode(), "cls") == label
    fields = {"caption": other, key: label}
    content = json.dumps(fields).encode()
    assert label_of(content, "json") == label
    assert has_label(content)


def test_the_number_is_the_label_where_the_name_stands_beside_it() -> None:
    assert label_of(b'{"label": "tench", "cls": 7}', "json") == 7
    assert label_of(b'{"label": 7, "cls": 8}', "json") == 7


@pytest.mark.parametrize(
    ("content", "extension", "message"),
    [
        (b"", "cls", "a decimal number expected, got b''"),
        (b"-1", "cls", "a decimal number expected"),
        (b"1 2", "cls", "a decimal number expected"),
        (b"1.0", "cls", "a decimal number expected"),
        (b"1048576", "cls", "a whole number from 0 to 1048575, not 1048576"),
        (b'{"label": -1}', "json", "from 0 to 1048575, not -1"),
        (b'{"label": true}', "json", "not True"),
        (b'{"label": 1.0}', "json", r"not 1\.0"),
        (b'{"label": "7"}', "json", "not '7'"),
        (b'{"id": 7}', "json", "no 'label' and no 'cls'"),
        (b"[7]", "json", "an object expected"),
        (b"7", "json", "an object expected"),
        (b"{", "json", "it is no JSON"),
        (b"[" * 60_000, "json", "it is no JSON"),
    ],
)
def test_what_is_no_label(content: bytes, extension: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        label_of(content, extension)
    assert "labels= takes a function of key and companions" in str(refused.value)


@pytest.mark.parametrize(
    ("content", "says_something"),
    [
        (b'{"label": "wrong"}', True),
        (b'{"cls": null}', True),
        (b'{"id": 7}', False),
        (b'["label"]', False),
        (b"label", False),
        (b"\xff", False),
    ],
)
def test_objects_that_speak_of_labels(content: bytes, says_something: bool) -> None:
    assert has_label(content) is says_something

"""MATLAB 5 files: what was written is read; other kinds, bombs and damage are refused."""

from __future__ import annotations

import contextlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastinet.errors import CorruptError, FastinetError, UnsupportedError
from fastinet.formats.matlab import Struct, read_matlab
from fastinet.testing.devkit import matlab_file

SMALL = {
    "first": [
        {"text": "", "number": 0, "row": None},
        {"text": "Zürich 鱼", "number": 70_000, "row": [1, 2, 300]},
    ],
    "second": [{"x": -1}],
}


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("big_endian", [True, False])
def test_matlab_round_trip(compressed: bool, big_endian: bool) -> None:
    data = matlab_file(SMALL, compressed=compressed, big_endian=big_endian)
    found = read_matlab(data, "small.mat")
    assert set(found) == {"first", "second"}
    for name, elements in SMALL.items():
        assert isinstance(found[name], Struct)
        assert len(found[name].elements) == len(elements)
        for expected, element in zip(elements, found[name].elements, strict=True):
            assert list(element) == list(expected)
            for field, value in expected.items():
                if isinstance(value, str):
                    assert element[field] == value
                else:
                    numbers = np.ravel([] if value is None else value)
                    np.testing.assert_array_equal(element[field], numbers)


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = matlab_file({"synsets": [{"gloss": "a" * 100_000}]})
    assert len(data) < 2000
    monkeypatch.setattr("fastinet.formats.matlab._MOST_BYTES", 10_000)
    with pytest.raises(CorruptError, match="more than 64 MB"):
        read_matlab(data, "bomb.mat")


def test_other_kinds_of_matlab_files() -> None:
    with pytest.raises(UnsupportedError, match=r"7\.3"):
        read_matlab(b"MATLAB 7.3".ljust(512) + b"\x89HDF\r\n", "meta.mat")
    cell = bytearray(matlab_file(SMALL, compressed=False))
    assert cell[128 + 16] == 2  # the class, struct
    cell[128 + 16] = 1
    with pytest.raises(UnsupportedError, match="class 1"):
        read_matlab(bytes(cell), "meta.mat")


@given(data=st.data(), compressed=st.booleans())
def test_damage_is_an_error_and_never_a_crash(data: st.DataObject, compressed: bool) -> None:
    file = bytearray(matlab_file(SMALL, compressed=compressed))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(124, len(file) - 1))
        file[place] = data.draw(st.integers(0, 255))
    del file[data.draw(st.integers(len(file) // 2, len(file))) :]
    with contextlib.suppress(FastinetError):  # nothing else may be raised
        read_matlab(bytes(file), "damaged.mat")


def test_a_struct_of_too_many_elements_is_no_allocation() -> None:
    file = bytearray(matlab_file({"s": [{"x": 1}]}, compressed=False))
    dimensions = file.index(struct.pack("<II", 5, 8)) + 8
    file[dimensions : dimensions + 8] = struct.pack("<ii", 2**31 - 1, 2**31 - 1)
    with pytest.raises(CorruptError, match="1 fields, but 1 values"):
        read_matlab(bytes(file), "meta.mat")


def test_text_of_every_kind() -> None:
    """The types of elements that hold text (miINT8, miUTF8, ...), and those that hold none."""
    file = matlab_file({"s": [{"text": "abcdefgh"}]}, compressed=False)
    tag = file.index("abcdefgh".encode("utf-16-le")) - 8
    texts = {1: "latin-1", 2: "latin-1", 4: "utf-16-le", 16: "utf-8", 17: "utf-16-le"}
    for kind in range(20):
        changed = file[:tag] + struct.pack("<I", kind) + file[tag + 4 :]
        if kind in texts:
            (element,) = read_matlab(changed, "meta.mat")["s"].elements
            assert element["text"] == file[tag + 8 : tag + 24].decode(texts[kind])
        else:
            with pytest.raises(CorruptError, match=f"text of type {kind}$"):
                read_matlab(changed, "meta.mat")

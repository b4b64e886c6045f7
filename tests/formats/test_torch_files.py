"""Torch files without torch: what they hold comes back; damage and false claims are refused."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.torch_programs import REFUSED, is_plain, legacy_with, same, zip_with

from fastinet.errors import CorruptError, MissingError, UnsupportedError
from fastinet.formats.torch_files import locate_tensor, parse_torch_file, read_torch_file
from fastinet.testing.torch_files import legacy_torch_file, zip_torch_file

WRITERS = [legacy_torch_file, zip_torch_file]
DTYPES = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u1", "?"]


def tensor_program(
    shape: Any, strides: Any, offset: Any = 0, elements: Any = 12, storage: str = "FloatStorage"
) -> bytes:
    """The pickle of one tensor over storage "0", whatever it claims."""

    def plain(value: Any) -> bytes:
        return pickle.dumps(value, 2)[2:-1]

    identity = b"(" + plain("storage") + b"ctorch\n" + storage.encode() + b"\n"
    identity += plain("0") + plain("cpu") + plain(elements) + b"tQ"
    arguments = b"(" + identity + plain(offset) + plain(shape) + plain(strides) + b"\x89}t"
    return b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"R."


# ------------------------------------------------------------------------------- what comes back


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=[]))
)
arrays = st.builds(
    lambda shape, dtype, seed: (
        np.random.default_rng(seed).integers(0, 100, shape).astype(dtype)  # type: ignore[no-any-return]
    ),
    st.lists(st.integers(0, 4), max_size=4),
    st.sampled_from(DTYPES),
    st.integers(0, 99),
)
values = st.recursive(
    scalars | arrays,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(scalars, inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("write", WRITERS)
@given(value=values)
def test_what_was_written_comes_back(write: Callable[[Any], bytes], value) -> None:
    assert same(parse_torch_file(write(value)), value)


@pytest.mark.parametrize("write", WRITERS)
@given(array=arrays)
def test_a_tensor_is_located(write: Callable[[Any], bytes], array) -> None:
    data = write(array)
    place = locate_tensor(data)
    assert (place.dtype, place.shape) == (array.dtype, array.shape)
    assert place.is_contiguous
    numbers = data[place.offset : place.offset + place.size_bytes]
    assert numbers == array.tobytes()


@given(
    side=st.integers(1, 5),
    offset=st.integers(0, 30),
    strides=st.lists(st.integers(0, 9), min_size=2, max_size=2),
)
def test_strides_and_offsets_are_those_of_numpy(side, offset, strides) -> None:
    """Or the tensor reaches beyond its storage, or has more elements than it."""
    numbers = np.arange(40, dtype="f4")
    data = zip_with(tensor_program((side, 2), tuple(strides), offset, 40), {"data/0": numbers})
    last = offset + (side - 1) * strides[0] + strides[1]
    if last >= 40:
        with pytest.raises(CorruptError, match="element"):
            parse_torch_file(data)
        return
    rows = [[offset + i * strides[0] + j * strides[1] for j in range(2)] for i in range(side)]
    assert parse_torch_file(data).tolist() == rows


def test_a_file_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "tree.pth"
    path.write_bytes(zip_torch_file({"a": [1]}))
    assert read_torch_file(path) == {"a": [1]}
    with pytest.raises(MissingError, match=r"none\.pth"):
        read_torch_file(tmp_path / "none.pth")
    path.write_bytes(zip_torch_file({"a": [1]})[:-1])
    with pytest.raises(CorruptError) as caught:
        read_torch_file(path)
    assert (caught.value.archive, caught.value.member) == (str(path), None)


def test_big_endian_zip() -> None:
    numbers = np.arange(12, dtype=">f4")
    members = {"data/0": numbers.tobytes(), "byteorder": b"big"}
    read = parse_torch_file(zip_with(tensor_program((12,), (1,)), members))
    assert read.tolist() == list(range(12))


def test_bfloat16() -> None:
    halves = (np.arange(12, dtype="<f4").view("<u4") >> 16).astype("<u2")  # exact for such numbers
    program = tensor_program((3, 4), (4, 1), storage="BFloat16Storage")
    read = parse_torch_file(zip_with(program, {"data/0": halves.tobytes()}))
    assert read.dtype.name == "bfloat16"
    assert read.astype(np.float32).tolist() == np.arange(12).reshape(3, 4).tolist()
    members = {"data/0": halves.astype(">u2").tobytes(), "byteorder": b"big"}
    with pytest.raises(UnsupportedError, match="high byte first"):
        parse_torch_file(zip_with(program, members))


def test_only_a_lone_tensor_is_located() -> None:
    with pytest.raises(UnsupportedError, match="holds a list"):
        locate_tensor(zip_torch_file([np.zeros(3, "f4")]))


# ---------------------------------------------------------------------------------------- damage


SAVED = {"map": np.arange(8, dtype="f4"), "names": ["n01440764"], "o": (1.5, None)}
NUMBERS = SAVED["map"].tobytes()  # type: ignore[attr-defined]


@given(position=st.integers(0, 10_000), byte=st.integers(0, 255))
@settings(max_examples=600)
def test_a_changed_byte_of_a_zip_is_found_or_harmless(position, byte) -> None:
    """A ZIP has checksums: what is read from it is what was saved."""
    data = bytearray(zip_torch_file(SAVED))
    position %= len(data)
    before, data[position] = data[position], byte
    try:
        read = parse_torch_file(bytes(data))
    except REFUSED:
        assert byte != before  # it is found or harmless
    else:
        assert same(read, SAVED)


def test_a_changed_byte_of_a_zip_that_means_something_is_found() -> None:
    data = zip_torch_file(SAVED)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/version")]
        contents = [archive.read(name) for name in names]
    starts = [data.index(content) for content in contents]
    assert NUMBERS in contents
    for start, content in zip(starts, contents, strict=True):
        for position in range(start, start + len(content)):
            changed = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
            with pytest.raises(REFUSED):
                parse_torch_file(changed)


@given(position=st.integers(0, 10_000), byte=st.integers(0, 255))
@settings(max_examples=600)
def test_a_changed_byte_of_a_legacy_file_is_found_or_makes_other_data(position, byte) -> None:
    """It has no checksum: a byte can turn a number or a text into another, and into no more."""
    data = bytearray(legacy_torch_file(SAVED))
    position %= len(data)
    before, data[position] = data[position], byte
    try:
        read = parse_torch_file(bytes(data))
    except REFUSED:
        assert byte != before  # it is found or harmless
        assert position < len(data) - len(NUMBERS)  # any number may stand there
    else:
        assert is_plain(read)
        if byte == before:
            assert same(read, SAVED)


def test_a_changed_number_of_a_legacy_file_changes_that_number_alone() -> None:
    data = legacy_torch_file(SAVED)
    assert data.endswith(NUMBERS)
    for position in range(len(data) - len(NUMBERS), len(data)):
        changed = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
        read = parse_torch_file(changed)
        assert read["map"].tobytes() == changed[-len(NUMBERS) :]
        assert same({**read, "map": SAVED["map"]}, SAVED)


def test_a_changed_byte_of_magic_or_length_of_a_legacy_file_is_found() -> None:
    data = legacy_torch_file(SAVED)
    magic = range(2, data.index(b"."))  # of the first pickle, behind its protocol
    length = range(len(data) - len(NUMBERS) - 8, len(data) - len(NUMBERS))
    for position in (*magic, *length):
        changed = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
        with pytest.raises(REFUSED):
            parse_torch_file(changed)


@pytest.mark.parametrize("write", WRITERS)
def test_truncated_at_every_byte(write: Callable[[Any], bytes]) -> None:
    data = write({"map": np.arange(8, dtype="f4"), "names": ["n01440764"]})
    for end in range(len(data)):
        with pytest.raises(CorruptError):
            parse_torch_file(data[:end])


# ------------------------------------------------------------------------- claims beyond the bytes


@pytest.mark.parametrize(
    ("shape", "strides", "offset", "elements"),
    [
        ((13,), (1,), 0, 12),
        ((12,), (1,), 1, 12),
        ((2, 2), (10, 2), 0, 12),
        ((2**40,), (1,), 0, 12),
        ((2**62, 2**62), (2**62, 1), 0, 12),
        ((2**40,), (0,), 0, 12),  # expanded: a terabyte out of one number
        ((2**70, 0), (1, 1), 0, 12),
        ((12,), (1,), 0, 2**50),
        ((12,), (1,), 0, -1),
        ((-12,), (1,), 0, 12),
        ((12,), (-1,), 11, 12),
        ((12,), (1,), -1, 12),
        ((12,), (1, 1), 0, 12),
        ((1,) * 17, (1,) * 17, 0, 12),
        ("ab", "cd", 0, 12),
        (None, None, None, 12),
        ((12.0,), (1,), 0, 12),
        ((12,), (1,), 0, 11),
    ],
)
def test_claims_are_checked(shape: Any, strides: Any, offset: Any, elements: Any) -> None:
    program = tensor_program(shape, strides, offset, elements)
    numbers = np.arange(12, dtype="<f4").tobytes()
    with pytest.raises(REFUSED):
        parse_torch_file(zip_with(program, {"data/0": numbers}))
    with pytest.raises(REFUSED):
        parse_torch_file(legacy_with(program, ["0"], struct.pack("<q", 12) + numbers))


def test_a_stride_that_is_not_used_may_be_anything() -> None:
    program = tensor_program((1, 12), (2**70, 1))
    read = parse_torch_file(zip_with(program, {"data/0": np.arange(12, dtype="<f4").tobytes()}))
    assert read.tolist() == [list(range(12))]


@pytest.mark.parametrize("keys", [[], ["1"], ["0", "1"], [["0"]], None, "0"], ids=repr)
def test_storages_that_are_missing_or_foreign(keys: Any) -> None:
    program = tensor_program((12,), (1,))
    numbers = struct.pack("<q", 12) + np.arange(12, dtype="<f4").tobytes()
    data = legacy_with(program, [], b"")[: -len(pickle.dumps([], 2))]
    with pytest.raises(CorruptError):
        parse_torch_file(data + pickle.dumps(keys, 2) + 2 * numbers)


def test_members_of_the_zip() -> None:
    program, numbers = tensor_program((12,), (1,)), np.arange(12, dtype="<f4").tobytes()
    with pytest.raises(CorruptError, match="storage '0' of a tensor is missing"):
        parse_torch_file(zip_with(program, {"data/1": numbers}))
    with pytest.raises(CorruptError, match="no torch file"):
        parse_torch_file(zip_with(b"")[:0] + _empty_zip())
    with pytest.raises(UnsupportedError, match="compressed"):
        parse_torch_file(zip_with(program, {"data/0": numbers}, compression=zipfile.ZIP_DEFLATED))
    with pytest.raises(CorruptError, match="byte order"):
        parse_torch_file(zip_with(program, {"data/0": numbers, "byteorder": b"middle"}))
    damaged = zip_with(program, {"data/0": numbers}).replace(numbers, b"\1" + numbers[1:])
    with pytest.raises(CorruptError, match="checksum"):
        parse_torch_file(damaged)


def _empty_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme", "no data here")
    return file.getvalue()


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\xff\xd8\xff\xe0" * 9, b"PK\x03\x04", b"\x80\x02."]
)
def test_other_files(data: bytes) -> None:
    with pytest.raises(CorruptError):
        parse_torch_file(data)

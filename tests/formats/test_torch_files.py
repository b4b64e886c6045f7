"""Torch files without torch: what they hold comes back, and what they would run does not run."""

from __future__ import annotations

import collections
import contextlib
import io
import os
import pickle
import pickletools
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastinet.errors import (
    CorruptError,
    FastinetError,
    MissingError,
    TooLargeError,
    UnsupportedError,
)
from fastinet.formats.plain_pickle import read_plain_pickle
from fastinet.formats.torch_files import locate_tensor, parse_torch_file, read_torch_file
from fastinet.testing.torch_files import legacy_torch_file, zip_torch_file

WRITERS = [legacy_torch_file, zip_torch_file]
DTYPES = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u1", "?"]
REFUSED = (CorruptError, UnsupportedError, TooLargeError)


def same(left: Any, right: Any) -> bool:
    """Equal in value, type and dtype."""
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and np.array_equal(left, right)
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def legacy_with(program: bytes, keys: Any = (), storages: bytes = b"") -> bytes:
    """A legacy file whose object is the pickle ``program``."""
    head = b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {}))
    return head + program + pickle.dumps(list(keys), 2) + storages


def zip_with(program: bytes, members: dict[str, bytes] | None = None, **options: Any) -> bytes:
    """A zip file whose object is the pickle ``program``."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        archive.writestr("archive/data.pkl", program)
        for name, content in (members or {}).items():
            archive.writestr(f"archive/{name}", content)
    return file.getvalue()


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


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_what_pickle_writes_is_read(protocol: int) -> None:
    value = {
        "numbers": [0, -1, 255, 256, 65536, -(2**31), 2**80, 1.5, None, True, False],
        "bytes": [b"", b"\x00\xff" * 200],
        "ordered": collections.OrderedDict([("b", 1), ("a", (1, 2, 3, 4))]),
        "set": {1, "two"},
        "shared": [shared := [1], shared],
        "numpy": np.arange(6, dtype=">i4").reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "texts": np.array(["n01440764", "n01443537"]),
        "objects": np.array(["a", None], dtype=object),
        "scalars": [np.float32(2.5), np.int64(7), np.bool_(True)],
        "many": list(range(3000)),
        "long": "x" * 300,
    }
    read = parse_torch_file(zip_with(pickle.dumps(value, protocol)))
    expected = {
        **value,
        "ordered": {"b": 1, "a": (1, 2, 3, 4)},
        "objects": ["a", None],
        "scalars": [2.5, 7, True],
    }
    assert same(read, expected)
    assert read["shared"][0] is read["shared"][1]


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


def test_only_a_lone_tensor_is_located() -> None:
    with pytest.raises(UnsupportedError, match="holds a list"):
        locate_tensor(zip_torch_file([np.zeros(3, "f4")]))


# -------------------------------------------------------------------------------- what never runs


class Bait:
    """Pickles as whatever ``__reduce__`` gave."""

    def __init__(self, *reduced: Any) -> None:
        self.reduced = reduced

    def __reduce__(self) -> Any:
        return self.reduced


def touched(path: str) -> None:
    Path(path).touch()


def baits(path: Path) -> Iterator[tuple[str, bytes]]:
    """Programs that would make ``path``, in every way that a pickle has to call something."""
    command = f"touch {path}"
    code = f"open({str(path)!r}, 'w').close()"
    for protocol in range(5):
        yield "system", pickle.dumps(Bait(os.system, (command,)), protocol)
        yield "eval", pickle.dumps(Bait(eval, (code,)), protocol)
        yield "touched", pickle.dumps([1, {"a": Bait(touched, (str(path),))}], protocol)
        yield "Path", pickle.dumps([Path(path)], protocol)
        yield "Bait", pickle.dumps(Bait(Bait, (), {"reduced": 1}), protocol)
    text = command.encode()
    yield "GLOBAL", b"cos\nsystem\n(X" + struct.pack("<I", len(text)) + text + b"tR."
    yield "INST", b"(S'" + text + b"'\nios\nsystem\n."
    yield "OBJ", b"(cos\nsystem\nS'" + text + b"'\no."
    yield "NEWOBJ", b"\x80\x02cos\nsystem\n(S'" + text + b"'\nt\x81."
    yield "STACK_GLOBAL", b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x01a\x85R."
    yield "EXT1", b"\x80\x02\x82\x01."
    yield "BUILD", b"\x80\x02ccollections\nOrderedDict\n}X\x01\x00\x00\x00a" + b"K\x01s" + b"b."
    # Through what is allowed: attributes of it, its state, its own callables.
    yield "dotted", b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.__init__\x93)R."
    yield "dunder", b"\x80\x02ctorch._utils\n__builtins__\n."
    yield "module", b"\x80\x02cos\n\n."
    yield "called value", b"\x80\x02X\x01\x00\x00\x00a)R."
    yield "called type", b"\x80\x02cnumpy\nndarray\n)R."
    yield "bare name", b"\x80\x02ctorch\nFloatStorage\n."
    yield "bare function", b"\x80\x02ccollections\nOrderedDict\n."
    yield "half an array", b"\x80\x02cnumpy\ndtype\nX\x02\x00\x00\x00f8\x85R."
    yield "encode", b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R."


def test_nothing_runs(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    count = 0
    for what, program in baits(witness):
        for data in (legacy_with(program), zip_with(program)):
            with pytest.raises(REFUSED):
                parse_torch_file(data, what)
            count += 1
    assert not witness.exists()
    assert count > 80


def test_the_name_that_was_asked_for_is_told() -> None:
    program = pickle.dumps({"weights": Bait(os.system, ("true",))}, 2)
    with pytest.raises(UnsupportedError, match=r"member 'x\.pth', byte \d+: .*posix\.system"):
        parse_torch_file(zip_with(program), "x.pth")


@given(program=st.binary(max_size=200))
@settings(max_examples=300)
def test_noise_is_refused_or_plain(program) -> None:
    with contextlib.suppress(FastinetError):
        value, end = read_plain_pickle(b"\x80\x02" + program, globals={})
        assert is_plain(value)
        assert program[end - 3 : end - 2] == b"."  # STOP is the last opcode that was read


SAVED = {"map": np.arange(8, dtype="f4"), "names": ["n01440764"], "o": (1.5, None)}
NUMBERS = SAVED["map"].tobytes()  # type: ignore[attr-defined]
PLAIN = (type(None), bool, int, float, str, bytes)


def is_plain(value: Any) -> bool:
    """Whether a value is data and nothing else, through and through."""
    if isinstance(value, dict):
        return all(type(key) in PLAIN and is_plain(inner) for key, inner in value.items())
    if type(value) in (list, tuple, set):
        return all(map(is_plain, value))
    return type(value) in PLAIN or (type(value) is np.ndarray and value.dtype.kind != "O")


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


# ----------------------------------------------------------------------------- bombs in small files


def laughs(levels: int) -> bytes:
    """Lists of the same list twice, ``levels`` deep: 2 ** levels values in 9 bytes a level."""
    program = b"\x80\x02(]q\x00"
    for level in range(levels):
        program += b"]q" + bytes([level + 1]) + b"(" + 2 * (b"h" + bytes([level])) + b"e"
    return program + b"t."


BOMBS = {
    "contains itself": b"\x80\x02]q\x00h\x00a.",
    "a dictionary that contains itself": b"\x80\x02}q\x00K\x01h\x00s.",
    "deep": b"\x80\x02" + b")" + b"\x85" * 200_000 + b".",
    "a deep tuple as key": b"\x80\x02})" + b"\x85" * 200_000 + b"Ns.",
    "a deep tuple in a set": b"\x80\x04\x8f()" + b"\x85" * 200_000 + b"\x90.",
    "a long claim": b"\x80\x02X\xff\xff\xff\xffabc.",
    "bytes that are not there": b"\x80\x03B\xff\xff\xff\x7fabc.",
    "memo far out": b"\x80\x02Nr\xff\xff\xff\xff0.",
    "no mark": b"\x80\x02t.",
    "below the mark": b"\x80\x02N(\x85.",
    "nothing": b"\x80\x02.",
    "left over": b"\x80\x02NN.",
    "recalls nothing": b"\x80\x02h\x07.",
    "the same text encoded again and again": b"\x80\x02(X\x00\x10\x00\x00"
    + b"x" * 4096
    + b"q\x00X\x06\x00\x00\x00latin1q\x01"
    + b"c_codecs\nencode\nh\x00h\x01\x86R" * 4096
    + b"t.",
}


@pytest.mark.parametrize("what", BOMBS)
def test_bombs(what: str) -> None:
    for data in (legacy_with(BOMBS[what]), zip_with(BOMBS[what])):
        with pytest.raises(REFUSED):
            parse_torch_file(data)


def test_what_unfolds_to_too_much() -> None:
    two = [[], []]
    assert parse_torch_file(zip_with(laughs(2))) == ([], two, [two, two])
    with pytest.raises(TooLargeError, match="unfolds"):
        parse_torch_file(zip_with(laughs(60)))


def test_deep_by_what_is_shared() -> None:
    """Each tuple is 50 deep over one that came before; the last is 2000 deep."""
    program = b"\x80\x02(]q\x00"
    for chain in range(1, 40):
        program += b"h" + bytes([chain - 1]) + b"\x85" * 50 + b"q" + bytes([chain])
    with pytest.raises(TooLargeError, match="deep"):
        parse_torch_file(zip_with(program + b"t."))


def test_every_opcode_is_known_or_refused() -> None:
    """No opcode of pickle's own list slips through unseen."""
    assert len(pickletools.opcodes) > 60
    for opcode in pickletools.opcodes:
        with pytest.raises(REFUSED):
            parse_torch_file(zip_with(b"\x80\x02" + opcode.code.encode("latin-1")))

"""Pickles in torch files: data come back, nothing that they would run runs, bombs are refused."""

from __future__ import annotations

import collections
import contextlib
import os
import pickle
import pickletools
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.torch_programs import REFUSED, is_plain, legacy_with, same, zip_with

from fastinet.errors import FastinetError, TooLargeError, UnsupportedError
from fastinet.formats.plain_pickle import read_plain_pickle
from fastinet.formats.torch_files import parse_torch_file


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

"""Whether a lack of memory is told from damage."""

from __future__ import annotations

import pickle
import re
import zlib
from pathlib import Path

import pytest

from fastinet.base.memory import raise_for_memory
from fastinet.errors import TooLargeError, from_status

CORE = Path(__file__).resolve().parents[2] / "csrc"


def test_memory_is_told_from_damage() -> None:
    # As zlibmodule.c writes them: "Error %d %s", with zlib's own message behind a colon.
    with pytest.raises(MemoryError, match="inflate"):
        raise_for_memory(zlib.error("Error -4 while decompressing data"))
    with pytest.raises(zlib.error, match="Error -3") as found:
        zlib.decompress(b"no such data")
    raise_for_memory(found.value)
    raise_for_memory(EOFError("Compressed file ended before the end-of-stream marker was reached"))


def causes_in_the_core(call: str) -> set[str]:
    """The causes that C++ gives to a function, as far as they stand in the call itself."""
    text = "".join(
        path.read_text() for path in CORE.rglob("*.cc") if not path.name.endswith("_test.cc")
    )
    return {cause for cause in re.findall(call + r'\(\s*"([^"]+)"', text) if cause}


def test_the_core_has_a_code_of_its_own_for_a_lack_of_memory() -> None:
    """No cause of another code says it; what is too large is so whatever memory there is."""
    assert len(causes_in_the_core("OutOfMemory")) > 5
    too_large = causes_in_the_core("TooLarge")
    assert len(too_large) > 5
    assert [cause for cause in too_large if "memory" in cause] == []


def test_its_error_is_one_of_memory_and_of_what_is_too_large() -> None:
    error = from_status("out of memory", "not enough memory to inflate", "a.tar", "b", 7)
    assert isinstance(error, MemoryError)
    assert isinstance(error, TooLargeError), "as which it came before"
    assert not isinstance(from_status("too large", "no memory"), MemoryError)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  # its own
    assert (type(copy), str(copy), copy.offset) == (type(error), str(error), 7)

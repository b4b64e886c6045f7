"""Whether a lack of memory is told from damage."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import pytest

from fastinet.base.memory import lacks_memory, raise_for_memory

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


def test_every_cause_of_the_core_that_lacks_memory_is_known() -> None:
    lacking = causes_in_the_core("OutOfMemory")
    assert len(lacking) > 8
    assert [cause for cause in lacking if not lacks_memory(cause)] == []
    assert lacks_memory("out of memory")  # that of a status for which there was none, either
    assert lacks_memory("libjpeg-turbo says: Insufficient memory (case 4)")


def test_what_is_too_large_lacks_no_memory() -> None:
    causes = causes_in_the_core("TooLarge")
    lacking = {cause for cause in causes if lacks_memory(cause)}
    assert lacking == {cause for cause in causes if "memory" in cause}
    assert len(causes - lacking) > 5

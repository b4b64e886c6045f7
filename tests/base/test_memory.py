"""Whether a lack of memory is told from damage."""

from __future__ import annotations

import zlib

import pytest

from fastinet.base.memory import raise_for_memory


def test_memory_is_told_from_damage() -> None:
    # As zlibmodule.c writes them: "Error %d %s", with zlib's own message behind a colon.
    with pytest.raises(MemoryError, match="inflate"):
        raise_for_memory(zlib.error("Error -4 while decompressing data"))
    with pytest.raises(zlib.error, match="Error -3") as found:
        zlib.decompress(b"no such data")
    raise_for_memory(found.value)
    raise_for_memory(EOFError("Compressed file ended before the end-of-stream marker was reached"))

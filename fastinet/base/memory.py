"""Memory that ran out, and is told as something else."""

from __future__ import annotations

import re

__all__ = ["lacks_memory", "raise_for_memory"]

# The core says that memory ran out as it says that something is too large; libjpeg's own words.
_LACK = re.compile(
    r"(the pass ran )?out of memory|(not enough|no) memory\b|more memory than there can be"
    r"|libjpeg-turbo says: Insufficient memory"
)


def raise_for_memory(error: Exception) -> None:
    """Raises MemoryError where zlib had no memory, which Python tells as it tells of damage.

    Args:
        error: a `zlib.error`, or what may be one.
    """
    if str(error).startswith("Error -4 "):  # Z_MEM_ERROR
        raise MemoryError("not enough memory to inflate the data") from error


def lacks_memory(cause: str) -> bool:
    """Whether the cause that the core gives is that memory ran out: it says nothing of the data."""
    return _LACK.match(cause) is not None

"""Memory that ran out, and is told as something else."""

from __future__ import annotations

__all__ = ["raise_for_memory"]


def raise_for_memory(error: Exception) -> None:
    """Raises MemoryError where zlib had no memory, which Python tells as it tells of damage.

    Args:
        error: a `zlib.error`, or what may be one.
    """
    if str(error).startswith("Error -4 "):  # Z_MEM_ERROR
        raise MemoryError("not enough memory to inflate the data") from error

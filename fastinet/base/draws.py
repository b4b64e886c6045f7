"""Names of draws: how loaders of one seed draw other crops for the same items in the same order."""

from __future__ import annotations

import hashlib
from typing import Any

__all__ = ["checked_draws", "draws_number"]


def checked_draws(draws: Any) -> str:
    """The name of a loader's draws; "" is what a loader draws that was given none.

    Raises:
        TypeError: it is no string.
    """
    if not isinstance(draws, str):
        raise TypeError(f'draws must be a name such as "local", not {draws!r}')
    return draws


def draws_number(draws: str) -> int:
    """The number that a name of draws has in the engine, 0 .. 2**64 - 1: 0 for none.

    The engine draws under ``seed ^ number``. It is a hash, so that names that are alike give
    numbers that have nothing in common, the same on every machine.
    """
    if not draws:
        return 0
    digest = hashlib.blake2b(draws.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")

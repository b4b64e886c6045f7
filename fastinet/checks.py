"""Arguments that several places take, checked in one."""

from __future__ import annotations

import operator
from typing import Any

__all__ = ["checked_epoch", "checked_seed", "whole_number"]


def whole_number(name: str, value: Any, low: int, high: int) -> int:
    """`value` as an int within [low, high]; ValueError names it otherwise."""
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"{name} must be a whole number, not {value!r}") from None
    if not low <= number <= high:
        raise ValueError(f"{name} must be {low} to {high}, not {value!r}")
    return number


def checked_seed(seed: Any) -> int:
    """A seed: 0 .. 2**64 - 1, since the key of Philox4x32 has 64 bits."""
    return whole_number("seed", seed, 0, 2**64 - 1)


def checked_epoch(epoch: Any) -> int:
    """The number of an epoch: 0 .. 2**32 - 1, the bits that it has in Philox4x32's counter."""
    return whole_number("epoch", epoch, 0, 2**32 - 1)

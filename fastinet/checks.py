"""Arguments that several places take, checked in one."""

from __future__ import annotations

import operator
from typing import Any

__all__ = ["item_number", "whole_number"]


def item_number(index: Any, items: int) -> int:
    """`index`, from the end if it is negative, as 0 to items - 1; IndexError says what there is."""
    number = operator.index(index)
    if not -items <= number < items:
        raise IndexError(f"there is no item {number} among {items}")
    return number % items


def whole_number(name: str, value: Any, low: int, high: int) -> int:
    """`value` as an int within [low, high]; ValueError names it otherwise."""
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"{name} must be a whole number, not {value!r}") from None
    if not low <= number <= high:
        raise ValueError(f"{name} must be {low} to {high}, not {value!r}")
    return number

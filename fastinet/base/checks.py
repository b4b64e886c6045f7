"""Checks of arguments that several functions take: seeds, epochs, whole numbers, states."""

from __future__ import annotations

import math
import operator
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, get_args

__all__ = [
    "check_name",
    "check_ordered",
    "check_state",
    "checked_epoch",
    "checked_numbers",
    "checked_seed",
    "in_label_order",
    "item_number",
    "low_high",
    "number_within",
    "whole_number",
]


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


def number_within(name: str, value: Any, low: float, high: float, what: str = "number") -> float:
    """`value` as a float within [low, high]; ValueError names it otherwise, and `what` it is."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not low <= number <= high:
        raise ValueError(f"{name} must be a {what}, {low:g} to {high:g}, not {value!r}")
    return number


def low_high(
    name: str, bounds: Any, *, lowest: float = 0.0, highest: float = math.inf
) -> tuple[float, float]:
    """A pair 0 < low <= high, within [lowest, highest]; ValueError names it otherwise."""
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be (low, high), not {bounds!r}") from None
    if not (0 < low <= high <= highest and low >= lowest and math.isfinite(high)):
        least = f"{lowest:g} <=" if lowest > 0 else "0 <"
        most = "" if math.isinf(highest) else f" <= {highest:g}"
        raise ValueError(f"{name} must satisfy {least} low <= high{most}, not {bounds!r}")
    return low, high


def check_name(name: str, value: Any, names: Any) -> None:
    """Raises ValueError unless `value` is one of the strings of a Literal."""
    *others, last = get_args(names)
    if value not in (*others, last):
        listed = ", ".join(f'"{other}"' for other in others)
        raise ValueError(f'{name} must be {listed} or "{last}", not {value!r}')


def check_ordered(name: str, values: Any) -> None:
    """Refuses sets with a TypeError: they have another order in each process."""
    if isinstance(values, set | frozenset):
        raise TypeError(
            f"{name} must have an order, and a set has another one in each process: give a list"
        )


def in_label_order(name: str, classes: Any) -> Iterable[Any]:
    """What `classes` has, in label order: itself, or the keys of a mapping to labels by these.

    Args:
        name: of the argument.
        classes: several, or {class: label}, with the labels 0, 1, and so on.

    Raises:
        TypeError: they have no such order: a set, a mapping to something else, or not several.
    """
    check_ordered(name, classes)
    if not isinstance(classes, Mapping):
        if not isinstance(classes, Iterable):
            raise TypeError(f"{name} must be wnids or the name of a list of them, not {classes!r}")
        return classes
    labels = {label: each for each, label in classes.items() if isinstance(label, Hashable)}
    if labels.keys() != set(range(len(classes))):
        raise TypeError(
            f"{name} must be in label order, which a mapping has whose values are 0, 1, ..."
            f" {len(classes) - 1}, each once: give a list of the keys in that order"
        )
    return [labels[label] for label in range(len(classes))]


def checked_numbers(
    name: str, value: Any, counts: tuple[int, ...], highest: int, form: str
) -> int | tuple[int, ...]:
    """A whole number from 0 to `highest`, or so many of them; ValueError says `form` otherwise."""
    alone = not isinstance(value, Iterable)
    try:
        numbers = tuple(operator.index(number) for number in ((value,) if alone else value))
    except TypeError:
        numbers = (-1,)
    right_count = alone or len(numbers) in counts
    if not right_count or not all(0 <= number <= highest for number in numbers):
        raise ValueError(f"{name} must be {form}, 0 to {highest}, not {value!r}")
    return numbers[0] if alone else numbers


def checked_seed(seed: Any) -> int:
    """A seed: 0 .. 2**64 - 1, since the key of Philox4x32 has 64 bits."""
    return whole_number("seed", seed, 0, 2**64 - 1)


def checked_epoch(epoch: Any) -> int:
    """The number of an epoch: 0 .. 2**32 - 1, the bits that it has in Philox4x32's counter."""
    return whole_number("epoch", epoch, 0, 2**32 - 1)


def check_state(state: Any, *names: str, versions: tuple[int, ...]) -> None:
    """Refuses a loader's state that is none, is of another version, or lacks one of `names`."""
    if not isinstance(state, Mapping):
        raise TypeError(f"state must be what state_dict() gives, not {state!r}")
    if (version := state.get("version")) not in versions:
        *others, last = map(str, versions)
        known = f"{', '.join(others)} and {last}" if others else last
        raise ValueError(f"state has version {version!r}; this fastinet reads {known}")
    if missing := set(names) - state.keys():
        raise ValueError(f"state lacks {', '.join(sorted(missing))}: state_dict() gives them")

"""Checks of arguments: what is taken, what is refused, and that messages name the argument."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastinet.base.checks import (
    check_name,
    check_state,
    checked_epoch,
    checked_numbers,
    checked_seed,
    in_label_order,
    item_number,
    whole_number,
)


class Index:
    """A number of a type that nobody knows."""

    def __index__(self) -> int:
        return 3


@given(st.integers(-12, 12), st.integers(0, 10))
def test_items_are_counted_as_lists_count(index: int, items: int) -> None:
    try:
        expected = list(range(items))[index]
    except IndexError:
        with pytest.raises(IndexError, match=f"^there is no item {index} among {items}$"):
            item_number(index, items)
    else:
        assert item_number(np.int16(index), items) == expected


@pytest.mark.parametrize("value", [3, np.uint8(3), np.array(3), Index()])
def test_a_whole_number_of_any_type_becomes_an_int(value: Any) -> None:
    assert type(whole_number("batch_size", value, 3, 3)) is int
    assert whole_number("batch_size", value, 3, 3) == 3
    assert type(item_number(value, 4)) is int


@pytest.mark.parametrize("value", [3.0, "3", None, [3], np.array([3, 4]), np.float32(3)])
def test_what_is_no_whole_number(value: Any) -> None:
    message = re.escape(f"threads must be a whole number, not {value!r}")
    with pytest.raises(ValueError, match=f"^{message}$"):
        whole_number("threads", value, 0, 10)
    with pytest.raises(TypeError):
        item_number(value, 10)


@given(st.integers(), st.integers(), st.integers())
def test_both_limits_are_taken(value: int, low: int, high: int) -> None:
    if low <= value <= high:
        assert whole_number("n", value, low, high) == value
    else:
        with pytest.raises(ValueError, match=f"^n must be {low} to {high}, not {value}$"):
            whole_number("n", value, low, high)


@pytest.mark.parametrize(
    ("check", "name", "most"),
    [(checked_seed, "seed", 2**64 - 1), (checked_epoch, "epoch", 2**32 - 1)],
)
def test_limits_of_random_bits(check: Any, name: str, most: int) -> None:
    assert [check(0), check(most)] == [0, most]
    for beyond in (-1, most + 1):
        with pytest.raises(ValueError, match=f"^{name} must be 0 to {most}, not {beyond}$"):
            check(beyond)


@pytest.mark.parametrize(
    ("state", "kind", "message"),
    [
        (None, TypeError, r"state must be what state_dict\(\) gives, not None"),
        ([("version", 2)], TypeError, "state must be what"),
        ({}, ValueError, "state has version None; this fastinet reads 1 and 2"),
        (
            {"version": 3, "seed": 0, "epoch": 0},
            ValueError,
            "state has version 3; this fastinet reads 1 and 2",
        ),
        ({"version": 1}, ValueError, "state lacks epoch, items, seed, world: "),
        ({"version": 1, "epoch": 0, "items": 1, "world": 1}, ValueError, "state lacks seed: "),
    ],
)
def test_states_that_are_none(state: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=f"^{message}"):
        check_state(state, "seed", "epoch", "world", "items", versions=(1, 2))


def test_states_may_be_any_mapping_and_hold_more() -> None:
    state = {"version": 2, "seed": None, "epoch": 0, "more": 1}
    check_state(state, "seed", "epoch", versions=(1, 2))
    check_state(MappingProxyType(state), "seed", versions=(2,))


def test_names_are_those_of_a_literal() -> None:
    check_name("colour", "red", Literal["red", "green", "blue"])
    for value in ("Red", "", None, 3):
        with pytest.raises(ValueError, match=r'colour must be "red", "green" or "blue", not '):
            check_name("colour", value, Literal["red", "green", "blue"])


@given(st.integers(-3, 12), st.integers(1, 5))
def test_one_number_or_several(number: int, count: int) -> None:
    for value in (number, [np.int64(number)] * count):
        right = 0 <= number <= 9 and (value is number or count in (2, 4))
        if right:
            expected = number if value is number else (number,) * count
            assert checked_numbers("side", value, (2, 4), 9, "sides") == expected
        else:
            with pytest.raises(ValueError, match="side must be sides, 0 to 9, not "):
                checked_numbers("side", value, (2, 4), 9, "sides")


@pytest.mark.parametrize("value", ["ab", 0.5, None, [1, 0.5], []])
def test_what_is_no_number(value: Any) -> None:
    with pytest.raises(ValueError, match="side must be sides"):
        checked_numbers("side", value, (2, 4), 9, "sides")


def test_several_in_label_order() -> None:
    """A mapping counts where its values are the labels: torchvision's class_to_idx."""
    names = ["b", "a", "c"]
    assert in_label_order("classes", names) is names
    assert in_label_order("classes", {"a": 1, "c": 2, "b": 0}) == names
    for wrong in ({"a": 1, "b": 2}, {"a": 0, "b": 0}, {"a": "tench"}, {"a": ["tench"]}):
        with pytest.raises(
            TypeError, match=r"^classes must be in label order, which a mapping has"
        ):
            in_label_order("classes", wrong)
    for unordered in ({"a"}, frozenset("ab")):
        with pytest.raises(TypeError, match=r"^classes must have an order, and a set has another"):
            in_label_order("classes", unordered)
    with pytest.raises(TypeError, match=r"^classes must be wnids or the name of a list of them"):
        in_label_order("classes", 7)

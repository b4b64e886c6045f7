"""Arguments that a function does not have, and what is said of them."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from fastinet.base.arguments import explains_unknown


@explains_unknown("cook", {"oven": "heat= is that"})
def cook(what: str, *, heat: int = 3, minutes: int = 10) -> tuple[str, int, int]:
    """Cooks."""
    return what, heat, minutes


def test_what_it_has_is_passed_on() -> None:
    assert cook("rice", minutes=12) == ("rice", 3, 12)
    assert cook(what="rice", heat=1) == ("rice", 1, 10)
    assert cook.__doc__ == "Cooks."
    assert list(inspect.signature(cook).parameters) == ["what", "heat", "minutes"]
    unchecked: Any = cook
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'what'"):
        unchecked()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("oven", r"^cook has no oven=: heat= is that$"),
        ("minute", r"^cook has no minute=: did you mean minutes=\?$"),
        ("self", r"^cook has no self=: help\(cook\) lists"),
    ],
)
def test_what_it_has_not_is_explained(name: str, message: str) -> None:
    unchecked: Any = cook
    with pytest.raises(TypeError, match=message):
        unchecked("rice", **{name: 1})

"""How numbers are drawn for steps: against the arithmetic written out in Python."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fastinet._native import _engine
from fastinet.augment.amounts import Amount, constant, uniform

ITEMS = 2000


def drawn(amount: Amount, items: int = ITEMS) -> list[float]:
    """What an amount gives as the argument of a step that takes almost any number."""
    operation = _engine.Operation.step(
        "rotate", [amount.native()], probability=1, sampling="nearest", fill=(0, 0, 0)
    )
    steps = [
        _engine.draw_steps([operation], size=(8, 8), seed=1, epoch=0, item=item, view=0)
        for item in range(items)
    ]
    return [arguments[0] for [(_, arguments, _, _)] in steps]


def test_a_constant_is_always_the_same() -> None:
    assert set(drawn(constant(2.5), 50)) == {2.5}


def test_uniform_numbers_fill_their_range_evenly() -> None:
    values = np.sort(drawn(uniform(-3, 5)))
    expected = (np.arange(ITEMS) + 0.5) / ITEMS * 8 - 3
    assert np.abs(values - expected).max() / 8 < 1.95 / math.sqrt(ITEMS)  # KS at 0.1 %


def test_each_of_the_values_is_alike() -> None:
    values = drawn(Amount("values", values=(1, 2, 3, 4, 5)))
    _, counts = np.unique(values, return_counts=True)
    assert len(counts) == 5
    assert ((counts - ITEMS / 5) ** 2 / (ITEMS / 5)).sum() < 18.47  # chi-squared, 4, at 0.1 %


def test_normal_numbers_are_cut() -> None:
    values = np.array(drawn(Amount("normal", low=9, high=0.5, limit=10)))
    assert values.max() == 10
    assert values.min() > 6
    assert abs(np.median(values) - 9) < 0.06
    assert abs((values == 10).mean() - 0.0228) < 0.015


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (Amount(low=7, high=7, divisor=10, factor=30, random_sign=True), {21.0, -21.0}),
        (Amount(low=7, high=7, divisor=10, factor=4, truncate=True, offset=4, subtract=True), {2}),
        (Amount(low=10, high=10, divisor=10, factor=1.8, offset=0.1), {10 / 10 * 1.8 + 0.1}),
        (
            Amount(low=10, high=10, divisor=10, factor=0.95, random_sign=True, offset=1, floor=0.1),
            {0.1, 1.95},
        ),
        (Amount(low=9, high=9, factor=40, ceiling=256), {256}),
        (Amount(low=3, high=3, divisor=10, factor=0.45, scale=224), {3 / 10 * 0.45 * 224}),
    ],
)
def test_what_becomes_of_a_number(amount: Amount, expected: set[float]) -> None:
    assert set(drawn(amount, 60)) == expected


@pytest.mark.parametrize(
    ("amount", "message"),
    [
        (uniform(2, 1), "cannot be drawn from"),
        (uniform(0, math.inf), "must be finite"),
        (Amount("values"), "no values"),
        (Amount("normal", low=1, high=-1, limit=2), "standard deviation"),
        (Amount("normal", low=1, high=1), "limit"),
    ],
)
def test_impossible_amounts_are_refused(amount: Amount, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        drawn(amount, 1)

"""3-Augment: one of three, then a jitter."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from support.drawing import assert_drawn_like, steps_drawn

from fastinet.augment import ThreeAugment
from fastinet.augment.operation import Row

ROW = Row((64, 64), "bicubic")


def test_one_of_three_and_a_jitter_are_drawn() -> None:
    drawn = steps_drawn(ThreeAugment().native(ROW), ROW.size, 3000)
    ops = [steps[0].op for steps in drawn]
    assert_drawn_like(ops, dict.fromkeys(("grayscale", "solarize", "gaussian_blur"), 1 / 3))
    assert {steps[0].arguments for steps in drawn if steps[0].op == "solarize"} == {(128,)}
    radii = [steps[0].arguments[0] for steps in drawn if steps[0].op == "gaussian_blur"]
    assert 0.1 <= min(radii) < 0.12
    assert 1.98 < max(radii) <= 2
    factors = np.array([step.arguments[0] for steps in drawn for step in steps[1:]])
    assert np.abs(np.sort(factors) - np.linspace(0.7, 1.3, len(factors))).max() < 0.012
    orders = [tuple(step.op for step in steps[1:]) for steps in drawn]
    assert len(set(orders)) == 6


def test_a_jitter_of_nothing_is_none() -> None:
    assert {len(steps) for steps in steps_drawn(ThreeAugment(0).native(ROW), ROW.size, 50)} == {1}


def test_it_can_be_pickled_and_compared() -> None:
    assert pickle.loads(pickle.dumps(ThreeAugment(0.4))) == ThreeAugment(0.4)  # noqa: S301


@pytest.mark.parametrize("jitter", [-0.1, 1.5, "much", float("nan")])
def test_impossible_jitters_are_refused(jitter: float) -> None:
    with pytest.raises(ValueError, match="jitter must be a number from 0 to 1"):
        ThreeAugment(jitter)

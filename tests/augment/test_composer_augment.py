"""Composer's RandAugment: what it draws, by the formulas of its augmentation_primitives.py."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
from support.comparing import rng_of
from support.drawing import assert_drawn_like, steps_drawn

from fastinet import augment
from fastinet.augment import ComposerRandAugment, RandAugment, Step
from fastinet.augment.operation import Row

ROW = Row((224, 160), "bicubic")
BLACK = (0, 0, 0)
ITEMS = 6000
FACTORS = ("saturation", "contrast", "brightness", "sharpness")


def number_of(step: Step) -> tuple[str, float]:
    """What an operation is, and the number that it was drawn with."""
    if step.op != "affine":
        return step.op, step.arguments[0] if step.arguments else 0.0
    a, b, c, d, e, f = step.arguments
    assert (a, e, step.sampling, step.fill) == (1, 1, "bilinear", BLACK)
    entries = {"shear_x": b, "translate_x": c, "shear_y": d, "translate_y": f}
    moved = {name: value for name, value in entries.items() if value != 0}
    assert len(moved) <= 1, step
    return next(iter(moved.items()), ("translate", 0.0))


def expected(op: str, severity: float, original: bool) -> Any:
    """Many numbers of an operation, as Composer draws them."""
    rng = rng_of("composer", op, severity)
    level = rng.uniform(0.1, severity, ITEMS)
    sign = rng.choice([-1, 1], ITEMS)
    if op in FACTORS and original:
        return level * 1.8 / 10 + 0.1
    if op in FACTORS:
        up, down = rng.uniform(1, severity, ITEMS), rng.uniform(1 - 0.09 * severity, 1, ITEMS)
        factors = np.where(sign > 0, up, down)
        return np.where(factors > 1, factors * 0.75, factors) if op == "brightness" else factors
    scale = {"rotate": 30, "posterize": 4, "solarize": 256, "shear_x": 0.3, "shear_y": 0.3}
    scale |= {"translate_x": ROW.size[1] / 3, "translate_y": ROW.size[0] / 3}
    number = level * scale[op] / 10
    if op.startswith("shear"):
        return sign * number
    whole = np.trunc(number)
    return {"posterize": 4 - whole, "solarize": 256 - whole}.get(op, sign * whole)


@pytest.mark.parametrize(("severity", "kind"), [(10, "all"), (3, "all"), (9, "original")])
def test_numbers_are_distributed_as_composers(severity: float, kind: Any) -> None:
    """Kolmogorov and Smirnov's distance, at about 1 in 10,000."""
    policy = RandAugment.composer(severity, 3, kind)
    drawn = [step for steps in steps_drawn(policy.native(ROW), ROW.size, 2500) for step in steps]
    found: dict[str, list[float]] = {}
    for op, number in map(number_of, drawn):
        found.setdefault(op, []).append(number)
    assert len(found.pop("translate", [])) < 40  # by no pixel, whose axis cannot be seen
    for op in ("autocontrast", "equalize"):
        assert set(found.pop(op)) == {0}
    for op, numbers in found.items():
        wanted = expected(op, severity, kind == "original")
        if op.startswith("translate"):
            wanted = wanted[wanted != 0]
        places = np.sort(np.concatenate([numbers, wanted]))
        ours, theirs = (
            np.searchsorted(np.sort(each), places, "right") / len(each)
            for each in (numbers, wanted)
        )
        limit = 2.2 * math.sqrt(1 / len(numbers) + 1 / len(wanted))
        assert np.abs(ours - theirs).max() < limit, op


@pytest.mark.parametrize(("kind", "count"), [("all", 13), ("safe", 9), ("original", 13)])
def test_operations_are_alike(kind: Any, count: int) -> None:
    policy = ComposerRandAugment(10, 1, kind)
    drawn = [step for steps in steps_drawn(policy.native(ROW), ROW.size, 3000) for step in steps]
    assert len(drawn) == 3000
    shares: dict[object, float] = {"affine": 4 / count}
    names = ("autocontrast", "equalize", "posterize", "rotate", "solarize")
    shares |= dict.fromkeys((*names, *(FACTORS if kind != "safe" else ())), 1 / count)
    assert_drawn_like([step.op for step in drawn], shares)


@pytest.mark.parametrize("severity", [0, 0.05, 10])
def test_the_ends_of_the_severity_are_drawn(severity: float) -> None:
    policy = RandAugment.composer(severity, 32)
    (steps,) = steps_drawn(policy.native(ROW), ROW.size, 1)
    assert len(steps) == 32
    assert steps_drawn(RandAugment.composer(5, 0).native(ROW), ROW.size, 1) == [()]


def test_policies_can_be_printed_compared_and_pickled() -> None:
    policy = RandAugment.composer(4, 1, "safe")
    assert pickle.loads(pickle.dumps(policy)) == policy  # noqa: S301 - made here
    assert eval(repr(policy), vars(augment)) == policy  # noqa: S307 - printed here


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"severity": -1}, "severity must be 0 to 10"),
        ({"severity": float("nan")}, "severity must be 0 to 10"),
        ({"severity": "9"}, "severity must be 0 to 10"),
        ({"depth": 33}, "depth must be 0 to 32"),
        ({"augmentation_set": "none"}, "augmentation_set must be one of"),
    ],
)
def test_impossible_policies_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ComposerRandAugment(**values)

"""TensorFlow's policies: what they draw, by the formulas of EfficientNet's autoaugment.py."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from support.drawing import assert_drawn_like, steps_drawn

from fastinet import augment
from fastinet.augment import (
    AutoAugment,
    RandAugment,
    Step,
    TensorFlowAutoAugment,
    TensorFlowRandAugment,
)
from fastinet.augment.auto_augment_policies import V0
from fastinet.augment.operation import Row

ROW = Row((224, 160), "bicubic")
GREY = (128, 128, 128)
PLAIN = {"AutoContrast": "autocontrast", "Equalize": "equalize", "Invert": "invert"}
FACTORS = {"Color": "saturation", "Contrast": "contrast", "Brightness": "brightness"}
FACTORS["Sharpness"] = "sharpness"


def rounded(step: Step) -> Step:
    return step._replace(arguments=tuple(round(value, 6) for value in step.arguments))


def possible(name: str, level: float, translate: float) -> list[Step]:
    """What TensorFlow does at a magnitude, with both signs; Cutout apart."""
    share = level / 10
    if name in PLAIN:
        return [Step(PLAIN[name])]
    if name in FACTORS:
        return [rounded(Step(FACTORS[name], (share * 1.8 + 0.1,)))]
    match name:
        case "Posterize":
            return [Step("posterize", (min(8, int(share * 4)),))]
        case "Solarize":
            return [Step("solarize", (min(256, int(share * 256)),))]
        case "SolarizeAdd":
            return [Step("solarize_add", (min(255, int(share * 110)), 128))]
        case "Rotate":
            arguments = [(sign * share * 30,) for sign in (1, -1)]
        case "ShearX":
            arguments = [(1, sign * share * 0.3, 0, 0, 1, 0) for sign in (1, -1)]
        case "ShearY":
            arguments = [(1, 0, 0, sign * share * 0.3, 1, 0) for sign in (1, -1)]
        case "TranslateX":
            arguments = [(1, 0, sign * share * translate, 0, 1, 0) for sign in (1, -1)]
        case "TranslateY":
            arguments = [(1, 0, 0, 0, 1, sign * share * translate) for sign in (1, -1)]
    op = "rotate" if name == "Rotate" else "affine"
    return [rounded(Step(op, numbers, "nearest", GREY)) for numbers in arguments]


@pytest.mark.parametrize("magnitude", [10, 15, 20.5])
def test_rand_augment_draws_each_of_sixteen_alike(magnitude: float) -> None:
    drawn = steps_drawn(RandAugment.tensorflow(1, magnitude).native(ROW), ROW.size, 6000)
    shares: dict[object, float] = {"rectangle": 1 / 16}
    names = {*PLAIN, *FACTORS, "Posterize", "Solarize", "SolarizeAdd", "Rotate"}
    for name in names | {"ShearX", "ShearY", "TranslateX", "TranslateY"}:
        steps = possible(name, magnitude, 100)
        for step in steps:
            shares[step] = 1 / 16 / len(steps)
    assert_drawn_like(
        ["rectangle" if step.op == "rectangle" else rounded(step) for (step,) in drawn], shares
    )
    sides = {step.arguments[2:] for (step,) in drawn if step.op == "rectangle"}
    assert sides == {(2 * int(magnitude / 10 * 40),) * 2}
    assert {step.fill for (step,) in drawn if step.op == "rectangle"} == {GREY}


def test_auto_augment_draws_the_pairs_of_v0() -> None:
    shares: dict[object, float] = {}
    for pair in V0:
        outcomes: list[tuple[tuple[Step, ...], float]] = [((), 1 / 25)]
        for name, p, level in pair:
            steps = possible(name, level, 250)
            outcomes = [(given, share * (1 - p)) for given, share in outcomes] + [
                ((*given, step), share * p / len(steps))
                for given, share in outcomes
                for step in steps
            ]
        for given, share in outcomes:
            shares[given] = shares.get(given, 0) + share
    drawn = steps_drawn(AutoAugment.tensorflow().native(ROW), ROW.size, 8000)
    plain = [tuple(map(rounded, steps)) for steps in drawn]
    assert_drawn_like(plain, {given: share for given, share in shares.items() if share > 0})


def test_policies_can_be_printed_compared_and_pickled() -> None:
    for policy in (TensorFlowRandAugment(3, 15), TensorFlowAutoAugment()):
        assert pickle.loads(pickle.dumps(policy)) == policy  # noqa: S301 - made here
        assert eval(repr(policy), vars(augment)) == policy  # noqa: S307 - printed here


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TensorFlowRandAugment(-1), "num_layers must be 0 to 32"),
        (lambda: TensorFlowRandAugment(2, 101), "magnitude must be a number from 0 to 100"),
        (lambda: TensorFlowRandAugment(2, "x"), "magnitude must be a number"),  # type: ignore[arg-type]
        (lambda: TensorFlowAutoAugment("v1"), "no policy 'v1'; TensorFlow has 'v0'"),  # type: ignore[arg-type]
        (lambda: AutoAugment("v0"), r"AutoAugment\.timm\('v0'\), or TensorFlow's"),  # type: ignore[arg-type]
    ],
)
def test_impossible_policies_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()

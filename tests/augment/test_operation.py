"""What operations have in common: how they are drawn, and what is taken for one."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

import fastinet
from fastinet.augment import (
    GaussianBlur,
    Grayscale,
    Invert,
    Lighting,
    Operation,
    RandomErasing,
    Rotate,
    ShearX,
    Solarize,
    TranslateY,
    draw_steps,
)


def test_operations_are_made_as_often_as_they_say() -> None:
    items = 3000
    made: Counter[str] = Counter()
    for item in range(items):
        steps = draw_steps((Grayscale(0.2), Solarize(p=0.7)), 8, seed=0, epoch=0, item=item)
        made.update(step.op for step in steps)
    assert abs(made["grayscale"] / items - 0.2) < 5 * (0.2 * 0.8 / items) ** 0.5
    assert abs(made["solarize"] / items - 0.7) < 5 * (0.7 * 0.3 / items) ** 0.5


def test_geometric_operations_read_as_the_crop_is_resized_unless_they_say() -> None:
    def sampling(operation: Operation, interpolation: str) -> set[str]:
        return {
            step.sampling
            for item in range(40)
            for step in draw_steps(
                operation, 8, seed=0, epoch=0, item=item, interpolation=interpolation
            )
        }

    assert sampling(Rotate(), "bilinear") == {"bilinear"}
    assert sampling(Rotate(), "bicubic") == {"bicubic"}
    assert sampling(ShearX(interpolation="nearest"), "bicubic") == {"nearest"}
    assert sampling(TranslateY(interpolation="random"), "bilinear") == {"bilinear", "bicubic"}


@pytest.mark.parametrize(
    "given",
    ["invert", 3, [Invert(), "x"], lambda image: image, {Invert(), Grayscale()}, {Invert(): 1}],
)
def test_what_is_no_operation_is_refused(given: Any) -> None:
    with pytest.raises(TypeError, match=r"operation of fastinet\.augment"):
        fastinet.RandomResizedCrop(8, augment=given)


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ("rand-m9", r"RandAugment\.timm\('rand-m9'\)"),
        (Invert, r"write Invert\(\.\.\.\)"),
        ((Invert(), RandomErasing(0.1)), "not RandomErasing.* as erase="),
        (Lighting(0.1), "as lighting="),
        (abs, "behind the loader"),
    ],
)
def test_what_is_no_operation_is_told_where_it_belongs(given: Any, advice: str) -> None:
    with pytest.raises(TypeError, match=advice):
        fastinet.RandomResizedCrop(8, augment=given)


def test_what_a_row_cannot_have_is_refused() -> None:
    with pytest.raises(ValueError, match="sides longer than half"):
        fastinet.RandomResizedCrop(11, augment=GaussianBlur(kernel=23))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"size": 0}, "size must be 1 to 16384, not 0"),
        ({"size": (8, -1)}, "size must be 1 to 16384, not -1"),
        ({"size": (8, 8, 3)}, "size must be a number or"),
        ({"seed": -1}, "seed must be 0 to"),
        ({"epoch": 2**32}, "epoch must be 0 to"),
        ({"item": -1}, "item must be 0 to"),
        ({"view": 2**16}, "view must be 0 to 65535"),
        ({"interpolation": "area"}, "interpolation must be .*'area'"),
    ],
)
def test_steps_of_no_row_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw_steps(Rotate(), **{"size": 8, "seed": 0, "epoch": 0, "item": 0, **given})


def test_steps_are_drawn_by_numbers_of_numpy() -> None:
    numbers = {"seed": np.uint64(3), "epoch": np.int64(1), "item": np.int64(5)}
    drawn = draw_steps(Rotate(), np.int64(8), **numbers)  # type: ignore[call-overload, arg-type]
    assert drawn == draw_steps(Rotate(), 8, seed=3, epoch=1, item=5)


def test_too_many_operations_are_refused() -> None:
    with pytest.raises(ValueError, match="blocks of random bits"):
        fastinet.RandomResizedCrop(11, augment=(Invert(),) * 257)


def test_what_is_drawn_does_not_depend_on_its_neighbours() -> None:
    def sigmas(first: Operation) -> list[float]:
        return [
            step.arguments[0]
            for item in range(20)
            for step in draw_steps((first, GaussianBlur()), 8, seed=0, epoch=0, item=item)
            if step.op == "gaussian_blur"
        ]

    assert sigmas(Grayscale(0.1)) == sigmas(Solarize((1, 9))) != sigmas(fastinet.ColorJitter(0.1))


@pytest.mark.parametrize("number", ["seed", "epoch", "item", "view"])
def test_each_number_of_the_key_counts(number: str) -> None:
    key = {"seed": 1, "epoch": 1, "item": 1, "view": 1}
    rotate = Rotate((-180, 180))
    assert draw_steps(rotate, 8, **key) == draw_steps(rotate, 8, **key)
    assert draw_steps(rotate, 8, **key) != draw_steps(rotate, 8, **{**key, number: 2})

"""Boxes that the native core draws, and the distance of their distribution from another one's."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from fastinet import RandomResizedCrop
from fastinet._native import _plan

Bounds = tuple[float, float]

DRAWS = 20_000  # of either side


class Rule(NamedTuple):
    """A transform's numbers, and the image that they are applied to."""

    width: int
    height: int
    scale: Bounds = (0.08, 1.0)
    ratio: Bounds = (3 / 4, 4 / 3)


RULES = {
    "landscape": Rule(500, 375),
    "portrait": Rule(375, 500),
    "small": Rule(23, 17),
    "half of the image": Rule(500, 375, scale=(0.5, 0.5)),
    "all of the image": Rule(400, 400, scale=(1.0, 1.0)),
    "one ratio": Rule(500, 375, ratio=(1.0, 1.0)),
    "wide ratios": Rule(500, 375, ratio=(0.05, 20.0)),
    "extreme ratios": Rule(500, 375, ratio=(1e-6, 1e6)),
    "wide boxes only": Rule(500, 375, ratio=(3.0, 4.0)),
    "a strip": Rule(1000, 10),
    "a column": Rule(10, 1000),
    "a strip, falling back": Rule(1000, 10, scale=(0.9, 1.0)),
    "one pixel": Rule(1, 1),
}


def ours(rule: Rule, seed: int, draws: int = DRAWS) -> tuple[np.ndarray, np.ndarray]:
    """Boxes [N, 4] and flips [N] that the native core draws."""
    transform = RandomResizedCrop(224, rule.scale, rule.ratio).native()
    sizes = np.tile(np.array([rule.width, rule.height], np.int32), (draws, 1))
    return _plan.draw_crops(transform, sizes, np.arange(draws), seed=seed, epoch=3)


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """Kolmogorov and Smirnov's: the largest difference of the two empirical distributions."""
    values = np.unique(np.concatenate([first, second]))
    shares = [
        np.searchsorted(np.sort(side), values, side="right") / side.size for side in (first, second)
    ]
    return float(np.abs(shares[0] - shares[1]).max())


# Two samples of n from one distribution are farther apart than c * sqrt(2 / n) with a probability
# of at most 2 * exp(-2 c^2) (Smirnov; ties only make it smaller). One in a million for each of the
# comparisons below: c = sqrt(ln(2e6) / 2) = 2.69, and the bound is 0.027.
BOUND = math.sqrt(math.log(2 / 1e-6) / 2) * math.sqrt(2 / DRAWS)


def aspects_of(boxes: np.ndarray, rule: Rule) -> dict[str, np.ndarray]:
    """Everything about boxes that has a distribution."""
    x, y, width, height = boxes.T.astype(float)
    return {
        "width": width,
        "height": height,
        "area": width * height,
        "ratio": width / height,
        "x": x,
        "y": y,
        "right margin": rule.width - x - width,
        "lower margin": rule.height - y - height,
        "x and width": x * (width + 0.5),
        "y and height": y * (height + 0.5),
    }

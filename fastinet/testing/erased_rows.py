"""The reference of what comes with the normalisation of a row: erasing and lighting, in NumPy.

As `fastinet.testing.reference` it is slow on purpose, and tests take it as their oracle.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from fastinet.testing.reference import Box, philox, random_bits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastinet.augment import RandomErasing

_ERASE, _NOISE, _LIGHTING = 8, 11, 12  # RandomUse in csrc/rng/philox.h

_COMPONENTS = np.array(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
)
_DEVIATIONS = np.array([0.2175, 0.0188, 0.0045])


def normal(bits: int) -> float:
    """The quantile of the normal distribution at ``(bits + 0.5) / 2**32``."""
    return NormalDist().inv_cdf((bits + 0.5) / 2**32)


def erased_boxes(
    rule: RandomErasing,
    size: tuple[int, int],
    seed: int,
    epoch: int,
    item: int,
    view: int = 0,
) -> list[Box]:
    """The boxes that fastinet erases in a row of (height, width); those of width 0 are none."""
    height, width = size
    boxes = [Box(0, 0, 0, 0)] * rule.count
    gate, number, *_ = random_bits(seed, epoch, item, _ERASE, 0, view)
    if gate / 2**32 >= rule.p:
        return boxes
    count = 1 + (number * rule.count >> 32)
    log_low, log_high = map(math.log, rule.ratio)
    for box in range(count):
        for attempt in range(10):
            bits = random_bits(seed, epoch, item, _ERASE, 1 + 10 * box + attempt, view)
            share = rule.scale[0] + (rule.scale[1] - rule.scale[0]) * (bits[0] / 2**32)
            area = share * height * width / count
            ratio = math.exp(log_low + (log_high - log_low) * (bits[1] / 2**32))
            h, w = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if h < height and w < width:
                y, x = bits[2] * (height - h + 1) >> 32, bits[3] * (width - w + 1) >> 32
                boxes[box] = Box(x, y, w, h) if w * h else Box(0, 0, 0, 0)
                break
    return boxes


def erased_row(
    row: NDArray[np.float32],
    rule: RandomErasing,
    boxes: Sequence[Sequence[int]],
    seed: int,
    epoch: int,
    item: int,
    view: int = 0,
) -> NDArray[np.float32]:
    """A copy of the normalised `row`, float32 [H, W, 3], whose `boxes` are erased."""
    erased = row.copy()
    key = random_bits(seed, epoch, item, _NOISE, 0, view)
    for number, (x, y, width, height) in enumerate(boxes):
        place = erased[y : y + height, x : x + width]
        if rule.mode == "const":
            place[:] = rule.value
            continue
        count = 3 if rule.mode == "rand" else place.size
        words = [
            word
            for block in range(-(-count // 4))
            for word in philox((key[0], key[1]), (block, number, 0, 0))
        ]
        noise = np.array([normal(word) for word in words[:count]], np.float32)
        place[:] = noise if rule.mode == "rand" else noise.reshape(place.shape)
    return erased


def colour_shift(
    std: float, seed: int, epoch: int, item: int, view: int = 0
) -> NDArray[np.float64]:
    """What lighting adds to red, green and blue, in units of 0..1."""
    bits = random_bits(seed, epoch, item, _LIGHTING, 0, view)
    multiples = np.array([normal(word) for word in bits[:3]])
    shift: NDArray[np.float64] = _COMPONENTS @ (std * multiples * _DEVIATIONS)
    return shift

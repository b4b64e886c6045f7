"""The tables that policies look their magnitudes up in, to torch's last bit."""

from __future__ import annotations

import numpy as np

__all__ = ["linspace", "posterize_bits"]


def linspace(start: float, end: float, count: int) -> tuple[float, ...]:
    """``torch.linspace(start, end, count)`` of float32, for 2 numbers or more.

    torch counts up from `start` in the first half and down from `end` in the second
    (aten/src/ATen/native/cpu/RangeFactoriesKernel.cpp), each number a float32 step times a whole
    number and a sum in one rounding, as a fused product and sum gives it. In float64 both are exact
    but for that rounding.
    """
    first, last = np.float32(start), np.float32(end)
    step = float(np.float32((last - first) / np.float32(count - 1)))
    numbers = [
        float(first) + step * i if i < count // 2 else float(last) - step * (count - 1 - i)
        for i in range(count)
    ]
    return tuple(float(np.float32(number)) for number in numbers)


def posterize_bits(most: int, lost: int, count: int) -> tuple[float, ...]:
    """From `most` bits down by `lost` of them, rounded to even: torchvision's magnitudes."""
    divisor = np.float32((count - 1) / lost)
    shares = np.arange(count, dtype=np.float32) / divisor
    return tuple(float(bits) for bits in np.rint(np.float32(most) - shares))

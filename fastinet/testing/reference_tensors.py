"""torchvision's operations on tensors of uint8, restated in NumPy: the oracle of ``tensor_...``.

Every rounding is that of torch's kernels on processors with fused multiplication, which
torchvision 0.29.1 with torch 2.14 was found to have in all values that were compared, but for one:
torch leaves the sums of `grid_of` to a library of matrices, which fuses them on some processors
(MKL: on Intel's with AVX-512) and not on others (AMD's).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastinet.augment.steps import Step

__all__ = ["apply_tensor_step", "grid_of"]

_Pixels = NDArray[np.uint8]
_Floats = NDArray[np.float32]


def _fused(a: Any, b: Any, c: Any) -> _Floats:
    """The sum of c and a * b, rounded once, or all but: in between it has 64 bits, or 53."""
    product = np.asarray(a, np.longdouble) * np.asarray(b, np.longdouble)
    return (product + np.asarray(c, np.longdouble)).astype(np.float32)


def _cut_off(values: _Floats) -> _Pixels:
    return np.clip(values, 0, 255).astype(np.uint8)


def _grey(pixels: _Pixels, version: int) -> _Floats:
    red, green, blue = np.moveaxis(pixels.astype(np.float32), -1, 0)
    shares = np.array([0.2989, 0.587, 0.114], np.float32)
    if version == 1:
        grey = (shares[0] * red + shares[1] * green) + shares[2] * blue
    else:
        grey = _fused(blue, shares[2], _fused(green, shares[1], red * shares[0]))
    floored: _Floats = np.floor(grey)
    return floored


def _blend(pixels: _Pixels, background: Any, factor: float, version: int) -> _Pixels:
    part = pixels.astype(np.float32) * np.float32(factor)
    rest = np.float32(1.0 - factor)
    if version == 1:
        return _cut_off(part + np.float32(background) * rest)
    return _cut_off(_fused(background, rest, part))


def _sharpen(pixels: _Pixels, factor: float, version: int) -> _Pixels:
    height, width, _ = pixels.shape
    if min(height, width) < 3:
        return pixels
    values = pixels.astype(np.int64)
    inner = np.s_[1:-1, 1:-1]
    nine = [values[y : y + height - 2, x : x + width - 2] for y in range(3) for x in range(3)]
    smooth = values.copy()
    smooth[inner] = np.rint((sum(nine) + 4 * values[inner]) / 13)
    if version == 1:
        return _blend(pixels, smooth.astype(np.float32), factor, 1)
    return _cut_off(_fused(smooth - values, np.float32(1.0 - factor), values))


def _stretch(channel: _Pixels, version: int) -> _Pixels:
    low, high = np.float32(channel.min()), np.float32(channel.max())
    if low == high:
        return channel
    above = channel.astype(np.float32) - low
    if version == 1:
        return _cut_off(above * (np.float32(1) / (high - low) * np.float32(255)))
    return _cut_off(above / ((high - low) * np.float32(1.0 / 255.0)))


def grid_of(theta: _Floats, width: int, height: int) -> _Floats:
    """Where pixels are read: torchvision's ``_affine_grid``, with fused sums.

    Args:
        theta: [2, 3], from coordinates about the middle to such of the image that is read.
        width: of both images.
        height: of both images.

    Returns:
        [H, W, 2]: x and y, of which -1 to 1 is the image.
    """
    y = (np.arange(height, dtype=np.float32) - np.float32((height - 1) / 2))[:, None]
    x = np.arange(width, dtype=np.float32) - np.float32((width - 1) / 2)
    halves = np.array([width, height], np.float32) / np.float32(2)
    axes = theta.astype(np.float32) / halves[:, None]
    return np.stack([_fused(y, b, x * a) + c for a, b, c in axes], axis=-1)


def _sample(pixels: _Pixels, theta: list[float], step: Step) -> _Pixels:
    """``grid_sample`` of the grid of this matrix about the middle."""
    height, width, _ = pixels.shape
    filling = step.arguments[-1]
    grid = grid_of(np.array(theta, np.float32).reshape(2, 3), width, height)

    def coordinate(place: _Floats, side: int) -> _Floats:
        return _fused(place + np.float32(1), np.float32(side / 2), np.float32(-0.5))

    columns, rows = coordinate(grid[..., 0], width), coordinate(grid[..., 1], height)
    inside = np.ones((height, width, 1), np.float32)
    image = np.concatenate([pixels.astype(np.float32), inside], axis=-1)

    def at(row: _Floats, column: _Floats) -> _Floats:
        is_in = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        found = image[
            np.clip(row, 0, height - 1).astype(int), np.clip(column, 0, width - 1).astype(int)
        ]
        return np.where(is_in[..., None], found, np.float32(0))

    fill = np.array(step.fill, np.float32)
    if step.sampling == "nearest":
        mixed = at(np.rint(rows), np.rint(columns))
        values, mask = mixed[..., :3], mixed[..., 3:]
        if filling:
            values = np.where(mask < 0.5, fill, values)
        return values.astype(np.uint8)
    left, top = np.floor(columns), np.floor(rows)
    right_part, lower_part = columns - left, rows - top
    left_part, upper_part = np.float32(1) - right_part, np.float32(1) - lower_part
    mixed = at(top, left) * (upper_part * left_part)[..., None]
    mixed = _fused(at(top, left + 1), (upper_part * right_part)[..., None], mixed)
    mixed = _fused(at(top + 1, left), (lower_part * left_part)[..., None], mixed)
    mixed = _fused(at(top + 1, left + 1), (lower_part * right_part)[..., None], mixed)
    values, mask = mixed[..., :3], mixed[..., 3:]
    if filling == 1:
        values = values * mask + (np.float32(1) - mask) * fill
    elif filling == 2:
        values = (values - fill) * mask + fill
    return np.rint(values).astype(np.uint8)


def _turn(pixels: _Pixels, step: Step) -> _Pixels:
    degrees = step.arguments[0]
    height, width, _ = pixels.shape
    if degrees % 180 == 0 or (degrees % 90 == 0 and height == width):
        return np.rot90(pixels, round(degrees / 90))
    radians = math.radians(-degrees)
    cosine, sine = math.cos(radians), math.sin(radians)
    return _sample(pixels, [cosine, sine, 0.0, -sine, cosine, 0.0], step)


def apply_tensor_step(pixels: _Pixels, step: Step) -> _Pixels:
    """What torchvision makes of a tensor.

    Args:
        pixels: uint8 [H, W, 3].
        step: one of those that begin with ``tensor_``.

    Returns:
        uint8 [H, W, 3].
    """
    version = int(step.arguments[-1])
    first = step.arguments[0]
    match step.op:
        case "tensor_contrast":
            grey = _grey(pixels, version)
            mean = np.float32(grey.sum(dtype=np.float64)) / np.float32(grey.size)
            return _blend(pixels, mean, first, version)
        case "tensor_saturation":
            return _blend(pixels, _grey(pixels, version)[..., None], first, version)
        case "tensor_sharpness":
            return _sharpen(pixels, first, version)
        case "tensor_autocontrast":
            return np.stack([_stretch(pixels[..., c], version) for c in range(3)], axis=-1)
        case "tensor_affine":
            a, b, c, d, e, f, _ = step.arguments
            height, width, _ = pixels.shape
            x, y = width * -0.5, height * -0.5
            from_middle = [a, b, (x - a * x - b * y) + c, d, e, (y - d * x - e * y) + f]
            return _sample(pixels, from_middle, step)
        case "tensor_rotate":
            return _turn(pixels, step)
        case _:
            raise ValueError(f"no step of tensors: {step!r}")

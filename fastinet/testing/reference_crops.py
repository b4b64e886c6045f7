"""The reference's random crops beside torchvision's RandomResizedCrop: other rules, other flips.

Plain and slow as `fastinet.testing.reference`, whose image functions they use.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fastinet.testing.reference import (
    Box,
    Pixels,
    mirrored,
    open_image,
    padded_window,
    random_bits,
    with_shorter_side,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastinet.pixels.transforms import Interpolation, PaddingMode

# What random bits are for: RandomUse in csrc/rng/philox.h.
_CROP, _FLIP, _INTERPOLATION, _VERTICAL_FLIP = 1, 2, 9, 10


def random_window(
    resized: tuple[int, int],
    size: tuple[int, int],
    padding: tuple[int, int, int, int],
    seed: int,
    epoch: int,
    item: int,
    view: int = 0,
) -> Box:
    """The window that fastinet's RandomCrop draws for `item`, resized to (width, height) pixels.

    torchvision's v2.RandomCrop with pad_if_needed: padded by (left, top, right, bottom), and where
    that is less than `size`, (height, width), on both sides by what is lacking; any place is alike.
    """
    bits = random_bits(seed, epoch, item, _CROP, 0, view)
    starts = []
    for axis, number in ((0, bits[3]), (1, bits[2])):
        wanted = size[1 - axis]
        before, behind = padding[axis], padding[axis + 2]
        lacking = max(0, wanted - (before + resized[axis] + behind))
        places = before + resized[axis] + behind + 2 * lacking - wanted + 1
        starts.append((number * places >> 32) - before - lacking)
    return Box(starts[0], starts[1], size[1], size[0])


def random_crop(
    data: bytes,
    size: tuple[int, int],
    seed: int,
    epoch: int,
    item: int,
    *,
    resize: int | None = None,
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    padding_mode: PaddingMode = "constant",
    fill: int | tuple[int, ...] = 0,
    hflip: float = 0.5,
    vflip: float = 0.0,
    interpolation: Interpolation = "bilinear",
    view: int = 0,
) -> Pixels:
    """The row that fastinet.RandomCrop makes of `item`: uint8 [height, width, 3]."""
    image = with_shorter_side(open_image(data), resize, interpolation)
    window = random_window(image.size, size, padding, seed, epoch, item, view)
    pixels = padded_window(np.asarray(image), window, padding_mode, fill)
    flip, upside_down = drawn_flips(seed, epoch, item, hflip, vflip, view)
    return mirrored(pixels, flip=flip, vflip=upside_down)


def drawn_flips(
    seed: int, epoch: int, item: int, hflip: float, vflip: float = 0.0, view: int = 0
) -> tuple[bool, bool]:
    """Whether fastinet mirrors `item` left to right, and turns it upside down."""
    return (
        random_bits(seed, epoch, item, _FLIP, 0, view)[0] / 2**32 < hflip,
        random_bits(seed, epoch, item, _VERTICAL_FLIP, 0, view)[0] / 2**32 < vflip,
    )


def drawn_interpolation(seed: int, epoch: int, item: int, view: int = 0) -> Interpolation:
    """What fastinet draws for interpolation="random"."""
    half = random_bits(seed, epoch, item, _INTERPOLATION, 0, view)[0] / 2**32 < 0.5
    return "bilinear" if half else "bicubic"


def clamped_crop(
    image_size: tuple[int, int],
    seed: int,
    epoch: int,
    item: int,
    *,
    scale: tuple[float, float] = (0.08, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
    view: int = 0,
) -> Box:
    """The box under ``box_rule="clamp"``: torchvision's first try, clamped to the image."""
    bits = random_bits(seed, epoch, item, _CROP, 0, view)
    share = scale[0] + (scale[1] - scale[0]) * (bits[0] / 2**32)
    log_low, log_high = math.log(ratio[0]), math.log(ratio[1])
    aspect = math.exp(log_low + (log_high - log_low) * (bits[1] / 2**32))
    area = image_size[0] * image_size[1] * share
    width = min(max(round(math.sqrt(area * aspect)), 1), image_size[0])
    height = min(max(round(math.sqrt(area / aspect)), 1), image_size[1])
    x = bits[3] * (image_size[0] - width + 1) >> 32
    y = bits[2] * (image_size[1] - height + 1) >> 32
    return Box(x, y, width, height)


def tensorflow_crop(
    image_size: tuple[int, int],
    seed: int,
    epoch: int,
    item: int,
    *,
    scale: tuple[float, float] = (0.08, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
    view: int = 0,
    objects: Sequence[Sequence[float]] = (),
    min_object_covered: float = 0.1,
) -> Box:
    """The box under ``box_rule="tensorflow"``: its sample_distorted_bounding_box."""
    whole = Box(0, 0, *image_size)
    things = [_whole_pixels(bounds, image_size) for bounds in objects] or [whole]
    for attempt in range(100):
        bits = random_bits(seed, epoch, item, _CROP, attempt, view)
        box = _tensorflow_try(image_size, scale, ratio, bits)
        if box is not None and any(_covers(box, thing, min_object_covered) for thing in things):
            return box
    return whole


def _tensorflow_try(
    image_size: tuple[int, int],
    scale: tuple[float, float],
    ratio: tuple[float, float],
    bits: Sequence[int],
) -> Box | None:
    """One try, from 32 random bits each for ratio, height, y and x; None where nothing fits.

    All in float32: the ratio is uniform, the height uniform among the whole numbers between what
    the least area asks and what fits.
    """
    single = np.float32
    width, height = image_size
    low, high = single(ratio[0]), single(ratio[1])
    aspect = single(bits[0] >> 9) / single(2**23) * (high - low) + low
    least, most = (single(share) * single(width) * single(height) for share in scale)

    def width_of(rows: int) -> int:
        return int(np.rint(single(rows) * aspect))

    highest = int(np.rint(np.sqrt(most / aspect)))
    if width_of(highest) > width:
        highest = int((width + 0.5 - float(single(1e-7))) / float(aspect))
        highest -= width_of(highest) > width
    highest = min(highest, height)
    lowest = min(int(np.rint(np.sqrt(least / aspect))), highest)
    rows = lowest + (bits[1] * (highest - lowest + 1) >> 32)
    rows += bool(single(width_of(rows) * rows) < least)
    rows -= bool(single(width_of(rows) * rows) > most)
    columns = width_of(rows)
    fits = 0 < columns <= width and 0 < rows <= height
    if not fits or not least <= single(columns * rows) <= most:
        return None
    return Box(bits[3] * (width - columns) >> 32, bits[2] * (height - rows) >> 32, columns, rows)


def _whole_pixels(bounds: Sequence[float], image_size: tuple[int, int]) -> Box:
    left, top, right, bottom = (
        int(np.float32(share) * np.float32(side))
        for share, side in zip(bounds, image_size * 2, strict=True)
    )
    return Box(left, top, right - left, bottom - top)


def _covers(box: Box, thing: Box, least: float) -> bool:
    """Whether a box covers this share of a thing, which must have a pixel."""
    area = thing.width * thing.height
    if area < 1:
        return False
    width = min(box.x + box.width, thing.x + thing.width) - max(box.x, thing.x)
    height = min(box.y + box.height, thing.y + thing.height) - max(box.y, thing.y)
    shared = max(0, width) * max(0, height)
    return bool(np.float32(shared) / np.float32(area) >= np.float32(least))

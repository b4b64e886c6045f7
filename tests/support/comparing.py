"""Pictures to test with, and the comparison of fastinet's pixels with Pillow's."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

import fastinet
from fastinet.testing import reference

if TYPE_CHECKING:
    from numpy.typing import NDArray

Rng = np.random.Generator
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def rng_of(*what: object) -> Rng:
    """Random numbers that depend on the test's parameters and on nothing else."""
    return np.random.default_rng(list(repr(what).encode()))


def picture(rng: Rng, width: int, height: int, channels: int = 3) -> NDArray[np.uint8]:
    """uint8 [H, W, C] with edges, gradients and noise: hard on chroma and on clamping."""
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / 3 + y / 7), np.cos(x / 11 - y / 5), np.sin((x + y) / 4), np.cos(x / 9)]
    noise = rng.normal(0, 40, (height, width, channels))
    pixels = 128 + 150 * np.stack(waves[:channels], axis=-1) + noise
    return np.clip(pixels, 0, 255).astype(np.uint8)


def jpeg(pixels: NDArray[np.uint8], mode: str = "RGB", **options: object) -> bytes:
    """RGB `pixels` converted to `mode`, as JPEG by Pillow."""
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, "JPEG", **options)  # type: ignore[arg-type]
    return file.getvalue()


def some_sizes(rng: Rng, count: int) -> list[tuple[int, int]]:
    """(width, height): one pixel, thin ones, odd ones, and `count` drawn from 1 to 119."""
    drawn = [(int(width), int(height)) for width, height in rng.integers(1, 120, (count, 2))]
    return [(1, 1), (1, 37), (41, 1), (17, 33), *drawn]


def random_box(rng: Rng, width: int, height: int) -> tuple[int, int, int, int]:
    """A box inside width x height pixels."""
    box_width, box_height = int(rng.integers(1, width + 1)), int(rng.integers(1, height + 1))
    x = int(rng.integers(0, width - box_width + 1))
    y = int(rng.integers(0, height - box_height + 1))
    return x, y, box_width, box_height


def assert_pillows(data: bytes, rng: Rng, boxes: int, image: Image.Image | None = None) -> None:
    """Random boxes of an image, every third of them resized, equal what Pillow makes of them.

    Args:
        data: the encoded image.
        rng: of boxes, sizes, filters and flips.
        boxes: how many.
        image: what Pillow reads from `data`, where that is not RGB of `data` as it is.
    """
    turned = image is not None
    image = reference.open_image(data) if image is None else image
    for number in range(boxes):
        x, y, width, height = box = random_box(rng, *image.size)
        theirs = image.crop((x, y, x + width, y + height))
        size, interpolation = None, "bilinear"
        if number % 3 == 0:
            size = int(rng.integers(1, 60)), int(rng.integers(1, 60))
            interpolation = "bicubic" if rng.random() < 0.5 else "bilinear"
            theirs = theirs.resize(size[::-1], FILTERS[interpolation])
        flip = bool(rng.integers(2))
        ours = fastinet.decode(
            data,
            box,
            size,
            flip,
            exact=True,
            interpolation=interpolation,  # type: ignore[arg-type]
            exif_orientation=turned,
        )
        pixels = np.asarray(theirs)
        np.testing.assert_array_equal(
            ours, pixels[:, ::-1] if flip else pixels, err_msg=f"{image.size=} {box=} {size=}"
        )

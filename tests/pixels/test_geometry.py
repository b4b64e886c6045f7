"""Crop geometry is written in C++ and, for annotations, in Python: both say the same."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import fastinet
from fastinet import CenterCrop, RandomCrop, RandomResizedCrop, Resize
from fastinet._native import _plan
from fastinet.pixels.geometry import resized_sizes
from fastinet.pixels.transform_parts import MAX_PADDING, MAX_SIDE, height_width

if TYPE_CHECKING:
    from fastinet.pixels.view_groups import Transform

SIDES = st.integers(1, 70)
SIZES = st.tuples(SIDES, SIDES)  # of images: width, height; of rows: height, width


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def placed(transform: Transform, image: tuple[int, int]) -> tuple[list[int], list[int]]:
    """The resized box's size, as the Python side says, and the row's start, as the core does."""
    row = np.array([height_width(transform.size)[::-1]], np.float64)  # type: ignore[union-attr]
    resized = resized_sizes(transform, np.array([image], np.float64), row)  # type: ignore[arg-type]
    item = np.zeros(1, np.int64)
    ((x, y, *_),), _, _ = _plan.draw_windows(transform.native(), np.array([image], np.int32), item)
    return resized[0].astype(int).tolist(), [x, y]


@given(image=SIZES, size=st.tuples(st.integers(1, 200), st.integers(1, 200)), resize=SIDES)
def test_centre_crops_of_resized_images(
    image: tuple[int, int], size: tuple[int, int], resize: int
) -> None:
    """A white image stays white where it is resized, and the row is black around it."""
    for transform in (CenterCrop(size, resize), CenterCrop(size, None)):
        (width, height), (x, y) = placed(transform, image)
        expected = np.zeros((*size, 3), np.uint8)
        expected[max(0, -y) : max(0, height - y), max(0, -x) : max(0, width - x)] = 255
        white = np.full((image[1], image[0], 3), 255, np.uint8)
        row = fastinet.decode(png(white), transform=transform)
        np.testing.assert_array_equal(row, expected)


@given(image=SIZES, size=SIZES)
def test_centre_crops_keep_the_same_pixels(image: tuple[int, int], size: tuple[int, int]) -> None:
    """Each pixel of the image says where it is; a resize to the size that it has changes none."""
    width, height = image
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.arange(width) + 1, np.arange(height)[:, np.newaxis] + 1
    for transform in (CenterCrop(size, None), CenterCrop(size, min(image))):
        resized, (x, y) = placed(transform, image)
        assert resized == [width, height]
        row = fastinet.decode(png(pixels), transform=transform)
        columns, lines = np.arange(size[1]) + x, np.arange(size[0]) + y
        within = np.outer((lines >= 0) & (lines < height), (columns >= 0) & (columns < width))
        expected = np.zeros((*size, 3), np.uint8)
        expected[..., 0] = np.where(within, columns + 1, 0)
        expected[..., 1] = np.where(within, lines[:, np.newaxis] + 1, 0)
        np.testing.assert_array_equal(row, expected)


@given(image=SIZES, size=SIZES, seed=st.integers(0, 2**64 - 1), data=st.data())
def test_boxes_are_stretched_to_rows(
    image: tuple[int, int], size: tuple[int, int], seed: int, data: st.DataObject
) -> None:
    """An edge in a box is where the box's scale puts it in the row, to the nearest pixel."""
    transform = data.draw(st.sampled_from([Resize(size), RandomResizedCrop(size, (0.01, 1))]))
    ((x, y, width, height),), _ = _plan.draw_crops(
        transform.native(), np.array([image], np.int32), np.zeros(1, np.int64), seed=seed
    )
    resized, start = placed(transform, image)
    assert (resized, start) == ([size[1], size[0]], [0, 0])
    left, top = data.draw(st.integers(0, width)), data.draw(st.integers(0, height))
    for axis, edge, side in ((1, left, width), (0, top, height)):
        pixels = np.zeros((image[1], image[0], 3), np.uint8)
        pixels[(slice(None), slice(x + edge, None)) if axis else slice(y + edge, None)] = 255
        row = fastinet.decode(png(pixels), (x, y, width, height), size)[..., 0]
        bright = (row > 127).all(axis=1 - axis)
        assert abs((~bright).sum() - edge * size[axis] / side) <= 1
        assert (np.diff(bright.astype(int)) >= 0).all()  # dark first, and no other edge


@pytest.mark.parametrize(
    "parts",
    [
        {"size": (MAX_SIDE + 1, 1)},
        {"size": (1, MAX_SIDE + 1)},
        {"size": (0, 1)},
        {"kind": "CenterCrop", "resize": MAX_SIDE + 1},
        {"scale": (0.0, 1.0)},
        {"scale": (0.5, 0.4)},
        {"scale": (0.5, 1.1)},
        {"ratio": (0.0, 1.0)},
        {"ratio": (1.0, float("inf"))},
        {"flip_probability": 1.1},
        {"vflip_probability": -0.1},
        {"min_object_covered": -0.1},
        {"box_rule": "clamp", "min_object_covered": 0.1},
        {"kind": "RandomCrop", "resize": MAX_SIDE + 1},
        {"kind": "RandomCrop", "padding": (0, 0, MAX_PADDING + 1, 0)},
        {"kind": "RandomCrop", "padding": (0, -1, 0, 0)},
        {"kind": "RandomCrop", "flip_probability": 1.1},
    ],
)
def test_what_the_dataclasses_refuse_the_core_refuses(parts: dict[str, Any]) -> None:
    """Limits stand in both languages; what is just within them passes both."""
    image, item = np.ones((1, 2), np.int32), np.zeros(1, np.int64)
    with pytest.raises(ValueError, match="must"):
        _plan.draw_crops({**RandomResizedCrop(8).native(), **parts}, image, item)
    given = {"flip_probability": "hflip", "vflip_probability": "vflip", "kind": ""}
    names = {given.get(name, name): value for name, value in parts.items()}
    kind = getattr(fastinet, names.pop("", "RandomResizedCrop"))
    with pytest.raises(ValueError, match=r"must|draws a box once"):
        kind(**names)


def test_the_largest_sides_pass_both() -> None:
    image, item = np.ones((1, 2), np.int32), np.zeros(1, np.int64)
    for transform in (
        Resize((MAX_SIDE, 1)),
        CenterCrop(MAX_SIDE, MAX_SIDE),
        RandomCrop(MAX_SIDE, MAX_SIDE, (MAX_PADDING, 0, 0, MAX_PADDING), vflip=1),
        RandomResizedCrop((1, MAX_SIDE), scale=(1, 1), hflip=1, min_object_covered=1),
    ):
        boxes, _ = _plan.draw_crops(transform.native(), image, item)
        assert boxes.tolist() == [[0, 0, 1, 1]]
        assert max(height_width(transform.size)) == MAX_SIDE

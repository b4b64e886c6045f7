"""The reference's rules for crops: worked examples, and what must hold for any draw."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fastinet.testing import reference_crops
from fastinet.testing.reference import Box, mirrored

SIDES = st.integers(1, 300)


@given(width=SIDES, height=SIDES, low=st.floats(0.01, 1), item=st.integers(0, 2**40))
def test_tensorflow_boxes_keep_to_their_area(
    width: int, height: int, low: float, item: int
) -> None:
    """To the pixel, unless they are the whole image."""
    box = reference_crops.tensorflow_crop((width, height), 1, 2, item, scale=(low, 1))
    assert box.x + box.width <= width
    assert box.y + box.height <= height
    assert box.width * box.height >= np.float32(low) * (1 - 1e-6) * width * height


def test_an_object_without_a_pixel_cannot_be_covered() -> None:
    size = (50, 40)
    tiny = [(0.5, 0.5, 0.501, 0.501)]
    assert reference_crops.tensorflow_crop(size, 1, 2, 3, objects=tiny) == Box(0, 0, *size)
    half = [(0.0, 0.0, 0.5, 1.0)]
    box = reference_crops.tensorflow_crop(size, 1, 2, 3, objects=half, min_object_covered=0.5)
    assert min(box.x + box.width, 25) * box.height >= 0.5 * 25 * 40


@given(width=SIDES, height=SIDES, item=st.integers(0, 2**40))
def test_clamped_boxes_are_inside(width: int, height: int, item: int) -> None:
    box = reference_crops.clamped_crop((width, height), 1, 2, item, scale=(0.9, 1), ratio=(1, 9))
    assert min(box) >= 0
    assert box.x + box.width <= width
    assert box.y + box.height <= height


def test_windows_lie_within_what_is_padded() -> None:
    for item in range(50):
        x, y, *_ = reference_crops.random_window((10, 20), (8, 30), (1, 2, 3, 4), 0, 0, item)
        assert -17 <= x <= 3 + 16 + 10 - 30  # 14 pixels of 30: 16 are lacking on either side
        assert -2 <= y <= 16


def test_a_row_is_what_it_says() -> None:
    """An image in which each pixel tells where it is."""
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.arange(30), np.arange(20)[:, np.newaxis]
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    data = file.getvalue()
    for item in range(20):
        row = reference_crops.random_crop(data, (8, 9), 1, 2, item, hflip=0.5, vflip=0.5)
        flip, vflip = reference_crops.drawn_flips(1, 2, item, 0.5, 0.5)
        x, y, *_ = reference_crops.random_window((30, 20), (8, 9), (0, 0, 0, 0), 1, 2, item)
        np.testing.assert_array_equal(
            row, mirrored(pixels[y : y + 8, x : x + 9], flip=flip, vflip=vflip)
        )


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_certain_flips(share: float) -> None:
    assert reference_crops.drawn_flips(1, 2, 3, share, 1 - share) == (bool(share), not share)


def test_either_interpolation_is_drawn() -> None:
    drawn = {reference_crops.drawn_interpolation(0, 0, item) for item in range(40)}
    assert drawn == {"bilinear", "bicubic"}

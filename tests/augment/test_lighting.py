"""Lighting: a shift of all colours, in rows of every float type, drawn for each view."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastinet
from fastinet import ColorJitter, Loader, RandomResizedCrop
from fastinet.augment import Lighting
from fastinet.pixels.output import OutputFormat
from fastinet.testing import erased_rows

IMAGENET: dict[str, Any] = {"mean": "imagenet", "std": "imagenet"}


def test_what_it_is() -> None:
    assert repr(Lighting()) == "Lighting(std=0.1)"
    assert Lighting(1) == Lighting(1.0)
    for std in (-0.1, 11, float("nan"), "much", None):
        with pytest.raises(ValueError, match="std must be a number, 0 to 10, not"):
            Lighting(std)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"lighting must be a Lighting, not 0\.1"):
        RandomResizedCrop(8, lighting=0.1)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("normalisation", [{}, IMAGENET])
def test_pixels_are_shifted(
    dataset: fastinet.Dataset, dtype: Any, layout: Any, normalisation: Any
) -> None:
    """Rows are those of the same pixels under a normalisation with another bias."""
    crop = RandomResizedCrop((10, 12), color_jitter=ColorJitter(0.3))
    output = OutputFormat(dtype, layout, **normalisation)
    lit = RandomResizedCrop(
        (10, 12), color_jitter=ColorJitter(0.3), lighting=Lighting(0.7), views=2
    )
    plain = Loader(dataset, 43, crop, views=2, seed=3)
    loader = Loader(dataset, 43, lit, seed=3, dtype=dtype, layout=layout, **normalisation)
    scale, bias = (
        np.asarray(output.native()[name], np.float32) for name in ("pixel_scale", "pixel_bias")
    )
    for batch, pixels in zip(loader.epoch(4), plain.epoch(4), strict=True):
        assert np.array_equal(batch.boxes, pixels.boxes)
        for row, item in enumerate(batch.indices.tolist()):
            for view in range(2):
                shift = erased_rows.colour_shift(0.7, 3, 4, item, view)
                shifted = (bias + shift * 255 * scale.astype(np.float64)).astype(np.float32)
                expected = (pixels.images[row, view] * scale + shifted).astype(output.numpy_dtype())
                image = batch.images[row, view]
                if layout == "NCHW":
                    image = np.moveaxis(image, 0, -1)
                assert np.array_equal(image, expected)


def test_uint8_is_refused(dataset: fastinet.Dataset) -> None:
    crop = RandomResizedCrop(8, lighting=Lighting())
    with pytest.raises(ValueError, match=r"Lighting\(std=0\.1\) shifts .* take dtype=.float32."):
        Loader(dataset, 4, crop)


def test_values_beyond_a_type(dataset: fastinet.Dataset) -> None:
    """A shift may lead out of the range of float16 where the format alone does not."""
    crop = RandomResizedCrop(8, lighting=Lighting(10))
    options: dict[str, Any] = {"dtype": "float16", "mean": 0, "std": 2e-5}
    Loader(dataset, 4, RandomResizedCrop(8), **options)
    with pytest.raises(ValueError, match="beyond the range of float16"):
        Loader(dataset, 4, crop, **options)

"""Lighting: a shift of all colours, in rows of every float type, drawn for each view."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.bad_items import MAX_PIXELS, write_bad_archive
from support.comparing import jpeg, picture, rng_of

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
    for batch, pixels in zip(loader.epoch(4), list(plain.epoch(4)), strict=True):
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
                assert batch.lighting is not None
                np.testing.assert_allclose(batch.lighting[row, view], shift, rtol=0, atol=1e-14)


@pytest.mark.parametrize("normalisation", [{}, IMAGENET])
def test_a_row_is_made_again_from_its_batch(dataset: fastinet.Dataset, normalisation: Any) -> None:
    lit = RandomResizedCrop((10, 12), lighting=Lighting(0.7))
    for dtype in ("float32", "float16"):
        loader = Loader(dataset, 43, lit, seed=3, dtype=dtype, **normalisation)
        batch = next(iter(loader))
        assert batch.lighting is not None
        assert (batch.lighting.shape, batch.lighting.dtype) == ((43, 3), np.float64)
        for row, item in enumerate(batch.indices.tolist()):
            again = fastinet.decode(
                dataset.read(item),
                batch.boxes[row],
                (10, 12),
                batch.flips[row],
                dtype=dtype,
                lighting=batch.lighting[row],
                **normalisation,
            )
            assert np.array_equal(again, batch.images[row])


@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
def test_what_batches_say_of_it(dataset: fastinet.Dataset, tmp_path: Path) -> None:
    assert next(iter(Loader(dataset, 4, RandomResizedCrop(8), dtype="float32"))).lighting is None
    bad = write_bad_archive(tmp_path / "bad.tar")
    lit = RandomResizedCrop(8, lighting=Lighting())
    (batch,) = Loader(bad, 30, lit, on_error="mask", dtype="float32", max_pixels=MAX_PIXELS)
    assert batch.lighting is not None
    assert 0 < batch.valid.sum() < 30
    assert np.array_equal(batch.lighting.any(axis=1), batch.valid)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "which uint8 cannot hold"),
        ({"dtype": "float32", "lighting": [1, 2]}, "lighting must be three numbers, or one"),
        ({"dtype": "float32", "lighting": "imagenet"}, "lighting must be three numbers, or one"),
        ({"dtype": "float32", "lighting": np.nan}, "lighting must be three numbers, or one"),
        ({"dtype": "float16", "lighting": 3, "mean": 0, "std": 2e-5}, "beyond the range"),
    ],
)
def test_one_shot_shifts_that_make_no_sense(options: Any, message: str) -> None:
    data = jpeg(picture(rng_of(0), 9, 9))
    with pytest.raises(ValueError, match=message):
        fastinet.decode(data, **{"lighting": 0.1, **options})


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

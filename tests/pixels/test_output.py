"""Element types, layouts and normalisation: the stated formula, to the bit."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from support.comparing import jpeg, picture, rng_of
from support.epoch_rows import each_row

import fastinet
from fastinet.pixels.output import OutputFormat
from fastinet.testing.pngs import GREY, RGB, png

FLOATS = {
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "float32": np.dtype(np.float32),
}
NORMALISATIONS: list[dict[str, Any]] = [
    {},
    {"mean": "imagenet", "std": "imagenet"},
    {"mean": 0.5, "std": 0.5},
    {"mean": (0.1, 0.9, 0.0), "std": (1.0, 0.01, 0.37)},
    {"mean": 0.498, "std": 1.0},  # float16's subnormals
    {"mean": (1.0, 0.0, 0.25), "std": (1e-2, 1.0, 1e-3)},
]


def stated(pixels: np.ndarray, mean: Any = None, std: Any = None) -> np.ndarray:
    """float32: ``pixel * scale + bias``, each operation rounded, as the documentation has it."""
    imagenet = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
    mean = imagenet["mean"] if mean == "imagenet" else 0.0 if mean is None else mean
    std = imagenet["std"] if std == "imagenet" else 1.0 if std is None else std
    scale = (1 / (255 * np.asarray(std, np.float64))).astype(np.float32)
    bias = (-np.asarray(mean, np.float64) / std).astype(np.float32)
    product = pixels.astype(np.float32) * scale
    result: np.ndarray = product + bias
    assert result.dtype == np.float32
    return result


def same_bits(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert ours.dtype == theirs.dtype
    unsigned = f"u{ours.dtype.itemsize}"
    np.testing.assert_array_equal(ours.view(unsigned), theirs.view(unsigned))


@pytest.mark.parametrize("normalisation", NORMALISATIONS, ids=range(len(NORMALISATIONS)))
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_all_pixel_values_in_all_float_types(
    dtype: str, layout: str, normalisation: dict[str, Any]
) -> None:
    """NumPy and ml_dtypes round to nearest, ties to even."""
    ramp = np.arange(256, dtype=np.uint8)
    pixels = np.stack([ramp, ramp[::-1], np.roll(ramp, 77)], axis=-1)[None]
    ours = fastinet.decode(
        png(pixels, RGB),
        dtype=dtype,  # type: ignore[arg-type]
        layout=layout,  # type: ignore[arg-type]
        **normalisation,
    )
    theirs = stated(pixels, **normalisation).astype(FLOATS[dtype])
    if layout == "NCHW":
        theirs = np.ascontiguousarray(theirs.transpose(2, 0, 1))
    assert ours.shape == theirs.shape
    same_bits(ours, theirs)


@pytest.mark.parametrize("dtype", ["uint8", *FLOATS])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_rows_of_any_width(dtype: str, layout: str) -> None:
    """Widths that fill vectors and that do not; resized, mirrored; the rest of `out` untouched."""
    rng = rng_of(dtype, layout)
    data = jpeg(picture(rng, 90, 70))
    normalisation = {} if dtype == "uint8" else {"mean": "imagenet", "std": "imagenet"}
    for width in [*range(1, 36), 63, 64, 65, 224, 300]:
        pixels = fastinet.decode(data, (3, 5, 80, 60), (7, width), True)
        theirs = (
            pixels if dtype == "uint8" else stated(pixels, **normalisation).astype(FLOATS[dtype])
        )
        if layout == "NCHW":
            theirs = np.ascontiguousarray(theirs.transpose(2, 0, 1))
        around = np.full((3, *theirs.shape), 7, theirs.dtype)
        ours = fastinet.decode(
            data,
            (3, 5, 80, 60),
            (7, width),
            True,
            dtype=dtype,  # type: ignore[arg-type]
            layout=layout,  # type: ignore[arg-type]
            out=around[1],
            **normalisation,  # type: ignore[arg-type]
        )
        assert np.shares_memory(ours, around[1])
        same_bits(around[1], theirs)
        assert (around[[0, 2]].astype(np.float32) == 7).all()


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_grey_comes_out_as_rgb(layout: str) -> None:
    rng = rng_of(layout)
    pixels = picture(rng, 33, 21, channels=1)
    row = fastinet.decode(
        png(pixels, GREY),
        dtype="float32",
        layout=layout,  # type: ignore[arg-type]
        mean="imagenet",
        std="imagenet",
    )
    if layout == "NCHW":
        row = row.transpose(1, 2, 0)
    same_bits(
        np.ascontiguousarray(row), stated(np.repeat(pixels, 3, axis=-1), "imagenet", "imagenet")
    )


@pytest.mark.parametrize(
    ("dtype", "layout", "normalise"),
    [
        ("uint8", "NCHW", False),
        ("float16", "NHWC", False),
        ("float16", "NCHW", True),
        ("bfloat16", "NHWC", True),
        ("float32", "NCHW", True),
    ],
)
def test_a_loaders_rows_are_decodes(
    dataset: fastinet.Dataset, dtype: Any, layout: Any, normalise: bool
) -> None:
    """The law: both roads through the core give the same bits."""
    options = {"dtype": dtype, "layout": layout}
    if normalise:
        options |= {"mean": "imagenet", "std": "imagenet"}
    loader = fastinet.Loader(
        dataset, 7, fastinet.RandomResizedCrop((18, 23)), shuffle=True, threads=3, **options
    )
    for batch, row, item in each_row(loader, len(dataset)):
        alone = fastinet.decode(
            dataset.read(item),
            batch.boxes[row].tolist(),
            (18, 23),
            bool(batch.flips[row]),
            **options,
        )
        assert batch.images[row].shape == alone.shape
        same_bits(np.ascontiguousarray(batch.images[row]), alone)


def test_torchvisions_order_of_operations_differs_in_the_last_bits_only() -> None:
    pixels = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=-1)
    ours = stated(pixels, "imagenet", "imagenet")
    scaled = pixels.astype(np.float32) / np.float32(255)
    theirs = (scaled - np.float32((0.485, 0.456, 0.406))) / np.float32((0.229, 0.224, 0.225))
    # Values reach 2.7, where float32s are 2.4e-7 apart; a handful of roundings lie between.
    assert np.abs(ours - theirs).max() < 4 * 2.4e-7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dtype": "float16", "mean": 0, "std": 1e-6}, "beyond the range of float16"),
        ({"dtype": "float16", "mean": 1, "std": 1e-5}, "beyond the range of float16"),
        ({"dtype": "float32", "mean": 1, "std": 1e-39}, "beyond the range of float32"),
        ({"dtype": "bfloat16", "mean": 0, "std": 1e-300}, "beyond the range of bfloat16"),
        ({"dtype": "float32", "mean": float("nan"), "std": 1}, "mean must be .* not nan"),
        ({"dtype": "float32", "mean": 0, "std": (1, float("inf"), 1)}, "std must be .* inf"),
        ({"dtype": "float32", "mean": 0, "std": -1}, "std must be positive, not -1"),
    ],
)
def test_values_that_the_type_cannot_hold(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OutputFormat(**arguments)


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        (
            (123.675, 116.28, 103.53),
            (58.395, 57.12, 57.375),
            r"of pixels from 0 to 255, .* 1: .* mean=\(0.485, 0.456, 0.406\), std=\(0.229, 0.22",
        ),
        (
            [103.939, 116.779, 123.68],
            1,
            r"look like B, G, R, .* mean=\(0.485, 0.458, 0.4076\), std=\(0.003922, ",
        ),
        (np.float32(127.5), 127.5, r"mean=\(0.5, 0.5, 0.5\), std=\(0.5, 0.5, 0.5\)"),
        ("imagenet", (58.395, 57.12, 57.375), r"mean=\(0.485, .*, std=\(0.229, "),
        (0, 255, r"mean=\(0, 0, 0\), std=\(1, 1, 1\)"),
        ((0.406, 0.456, 0.485), (0.225, 0.224, 0.229), 'B, G, R, .*: write mean="imagenet"'),
        ((-0.485, -0.456, -0.406), 0.25, "mean must be 0 to 1, not .* it is subtracted"),
        ("clip", 0.5, "three numbers, one, or \"imagenet\", not 'clip'"),
        ((0.5, 0.5), 0.5, "three numbers"),
        ((0.5,) * 4, 0.5, "three numbers"),
        (0.5, 0, "std must be positive"),
        (0.5, None, "give both mean and std"),
    ],
)
def test_means_and_deviations_of_other_units(mean: Any, std: Any, message: str) -> None:
    """They would normalise in silence to something that no network has seen."""
    with pytest.raises(ValueError, match=message):
        OutputFormat("float32", mean=mean, std=std)


@pytest.mark.parametrize("shape", [(3,), (3, 1, 1), (1, 3, 1, 1), (1, 1, 3)])
def test_arrays_of_three_numbers(shape: tuple[int, ...]) -> None:
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    given = OutputFormat(
        "float32", mean=np.reshape(mean, shape), std=np.reshape(std, shape).tolist()
    )
    assert given == OutputFormat("float32", mean="imagenet", std="imagenet")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (np.uint8, "uint8"),
        (np.dtype("f4"), "float32"),
        ("float16", "float16"),
        (np.half, "float16"),
        (ml_dtypes.bfloat16, "bfloat16"),
        (np.dtype(ml_dtypes.bfloat16), "bfloat16"),
    ],
    ids=str,
)
def test_libraries_own_types(given: Any, name: str) -> None:
    assert OutputFormat(given).dtype == name
    assert OutputFormat(given) == OutputFormat(name)  # type: ignore[arg-type]
    assert fastinet.decode(png(np.zeros((2, 2, 3), np.uint8), RGB), dtype=given).dtype.name == name


@pytest.mark.parametrize("given", [None, float, int, ">f4", np.dtype(">f4"), "bf16", 32, str])
def test_types_that_rows_do_not_have(given: Any) -> None:
    with pytest.raises(ValueError, match='dtype must be "uint8", "float16", "bfloat16" or'):
        OutputFormat(given)

"""Colour jitter: Pillow's pixels to the bit, torchvision's factors, random bits of its own."""

from __future__ import annotations

import io
import platform
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

import fastinet
from fastinet import ColorJitter, Loader, RandomResizedCrop
from fastinet.augment import Step
from fastinet.testing import reference
from fastinet.testing.archives import tar

FULL = ColorJitter(0.4, 0.4, 0.4, 0.1)


def one_image(pixels: NDArray[np.uint8], folder: Path) -> fastinet.Dataset:
    """A dataset of one PNG."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=0)
    path = folder / "n01440764.tar"
    path.write_bytes(tar({"n01440764_1.JPEG": stream.getvalue()}))
    return fastinet.open(path, index=False)


def whole(size: int | tuple[int, int], jitter: ColorJitter | None) -> RandomResizedCrop:
    """All of the image, not mirrored; in its own size nothing is resized."""
    return RandomResizedCrop(size, scale=(1, 1), ratio=(1, 1), hflip=0, color_jitter=jitter)


@pytest.fixture(scope="module")
def many_colours() -> NDArray[np.uint8]:
    """A million colours, [1024, 1024, 3]: two components with all pairs of values.

    The third takes each sixteenth value, shifted from pair to pair.
    """
    first, second, third = np.meshgrid(np.arange(256), np.arange(256), np.arange(16), indexing="ij")
    third = third * 16 + (first + second) % 16
    return np.stack([first, second, third], -1).astype(np.uint8).reshape(1024, 1024, 3)


BLENDS = [
    ("brightness", 0.3), ("brightness", 1.7), ("brightness", 300.0),
    ("contrast", 0.0), ("contrast", 0.6), ("contrast", 2.5),
    ("saturation", 0.0), ("saturation", 0.9), ("saturation", 3.3),
]  # fmt: skip
TURNS = [("hue", -0.5), ("hue", 0.001), ("hue", 0.17), ("hue", -0.002), ("hue", 0.5)]


@pytest.mark.parametrize("step", BLENDS)
def test_the_reference_blends_as_pillow_does(
    many_colours: NDArray[np.uint8], step: tuple[str, float]
) -> None:
    """To the bit where Pillow was compiled to round each operation, as it is for x86-64."""
    name, factor = step
    enhancer = getattr(ImageEnhance, "Color" if name == "saturation" else name.capitalize())
    pillow = np.asarray(enhancer(Image.fromarray(many_colours)).enhance(factor), np.int16)
    difference = np.abs(reference.apply_steps(many_colours, [Step(name, (factor,))]) - pillow)
    assert difference.max() <= (0 if platform.machine() in ("x86_64", "AMD64") else 1)


@pytest.mark.parametrize("step", [*BLENDS, *TURNS])
def test_each_adjustment_of_every_colour(
    many_colours: NDArray[np.uint8], tmp_path: Path, step: tuple[str, float]
) -> None:
    name, factor = step
    jitter = ColorJitter(**{name: (factor, factor)})
    dataset = one_image(many_colours, tmp_path)
    (batch,) = Loader(dataset, 1, whole(1024, jitter))
    assert np.array_equal(
        batch.images[0], reference.apply_steps(many_colours, [Step(name, (factor,))])
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    seed=st.integers(0, 2**32),
    grey=st.booleans(),
)
def test_images_of_all_sizes(
    tmp_path_factory: pytest.TempPathFactory, height: int, width: int, seed: int, grey: bool
) -> None:
    """The last pixels of a plane, where vectors end, are adjusted as well; and grey images."""
    shape = (height, width) if grey else (height, width, 3)
    pixels = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    dataset = one_image(pixels, tmp_path_factory.mktemp("image"))
    ratio = width / height
    crop = RandomResizedCrop(
        (height, width), scale=(1, 1), ratio=(ratio, ratio), hflip=0, color_jitter=FULL
    )
    (batch,) = Loader(dataset, 1, crop, seed=seed)
    (plain,) = Loader(
        dataset, 1, RandomResizedCrop((height, width), (1, 1), (ratio, ratio), hflip=0), seed=seed
    )
    steps = reference.color_steps(FULL.bounds(), seed, 0, 0)
    assert np.array_equal(batch.images[0], reference.apply_steps(plain.images[0], steps))


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16"])
def test_rows_are_the_plain_ones_adjusted(
    dataset: fastinet.Dataset, dtype: Any, layout: Any
) -> None:
    """Boxes, flips and all else are what they are without; the format comes last."""
    plain = Loader(dataset, 16, RandomResizedCrop(20), shuffle=True, seed=5)
    jittered = Loader(
        dataset,
        16,
        RandomResizedCrop(20, color_jitter=FULL),
        shuffle=True,
        seed=5,
        threads=3,
        dtype=dtype,
        layout=layout,
    )
    changed = 0
    for batch, wanted in zip(jittered.epoch(2), list(plain.epoch(2)), strict=True):
        assert np.array_equal(batch.boxes, wanted.boxes)
        assert np.array_equal(batch.flips, wanted.flips)
        for row, item in enumerate(batch.indices.tolist()):
            steps = reference.color_steps(FULL.bounds(), 5, 2, item)
            pixels = reference.apply_steps(wanted.images[row], steps)
            changed += not np.array_equal(pixels, wanted.images[row])
            if layout == "NCHW":
                pixels = pixels.transpose(2, 0, 1)
            if dtype != "uint8":
                scaled = (pixels.astype(np.float32) * np.float32(1 / 255)).astype(dtype)
                assert np.array_equal(batch.images[row], scaled)
            else:
                assert np.array_equal(batch.images[row], pixels)
    assert changed > 40


def test_views_have_colours_of_their_own(dataset: fastinet.Dataset) -> None:
    def images(jitter: ColorJitter | None) -> Any:
        transform = RandomResizedCrop(12, views=2, color_jitter=jitter)
        return next(iter(Loader(dataset, 8, transform, seed=1))).images

    jittered, plain = images(FULL), images(None)
    for item in range(8):
        for view in range(2):
            steps = reference.color_steps(FULL.bounds(), 1, 0, item, view)
            pixels = reference.apply_steps(plain[item, view], steps)
            assert np.array_equal(jittered[item, view], pixels)


def test_factors_are_torchvisions() -> None:
    assert ColorJitter().bounds() == [None] * 4
    assert ColorJitter(0.4, (0.5, 2), 1.5, 0.1).bounds() == [
        (0.6, 1.4),
        (0.5, 2.0),
        (0, 2.5),
        (-0.1, 0.1),
    ]
    assert ColorJitter(0, (1, 1), None, 0).bounds() == [None] * 4


def _factors(steps: list[Step]) -> dict[str, float]:
    """The factor of each adjustment."""
    return {step.op: step.arguments[0] for step in steps}


def test_orders_and_factors_are_drawn_fairly() -> None:
    """Over the reference, which the rows above bind to the engine."""
    bounds: list[tuple[float, float] | None] = [(0, 1)] * 4
    drawn = [reference.color_steps(bounds, 1, 0, item) for item in range(4800)]
    orders = [tuple(step.op for step in steps) for steps in drawn]
    counts = np.array([orders.count(order) for order in sorted(set(orders))])
    assert len(counts) == 24
    chi2 = ((counts - 200) ** 2 / 200).sum()
    assert chi2 < 23 + 6 * np.sqrt(46)
    for name in ("brightness", "contrast", "saturation", "hue"):
        factors = np.sort([_factors(steps)[name] for steps in drawn])
        distance = np.abs(factors - np.arange(4800) / 4800).max()
        assert distance < 2 / np.sqrt(4800)  # Kolmogorov and Smirnov's, at one in a thousand


@pytest.mark.parametrize(
    "arguments",
    [
        {"brightness": -0.1},
        {"contrast": (-0.1, 1)},
        {"saturation": (2, 1)},
        {"hue": 0.6},
        {"hue": (-0.6, 0)},
        {"brightness": "much"},
        {"contrast": (1, 2, 3)},
        {"saturation": float("nan")},
    ],
)
def test_factors_that_make_no_sense(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(arguments))} must"):
        ColorJitter(**arguments)


def test_something_else_is_no_jitter() -> None:
    with pytest.raises(TypeError, match=r"color_jitter must be a ColorJitter, not 0\.4"):
        RandomResizedCrop(8, color_jitter=0.4)  # type: ignore[arg-type]

"""Question: what does a step cost, an operation on the pixels of a row?

Baseline: the same operation in Pillow, whose pixels it gives. One thread each, 20 images of
224 x 224 that differ, drawn in the same order; each side begins with its own kind of image (an
array here, a PIL image there), so that neither pays for the other's. Time is CPU time of the
process.

fastinet's side has one array more to copy, from interleaved pixels to planes and back: some 0.17 ms
that a row of a loader does not pay. `nothing` shows it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

import fastinet
from fastinet.augment import Step
from fastinet.testing import reference

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

pytestmark = pytest.mark.benchmark(timer=time.process_time, min_rounds=5)

_SHEAR_X = (1.0, 0.2, 0.0, 0.0, 1.0, 0.0)
_SHEAR_Y = (1.0, 0.0, 0.0, 0.2, 1.0, 0.0)
_TRANSLATE = (1.0, 0.0, 17.3, 0.0, 1.0, 0.0)
_STEPS = {
    "nothing": [],
    **{
        op: [Step(op)]
        for op in ("grayscale", "invert", "autocontrast", "equalize", "vertical_flip")
    },
    **{
        op: [Step(op, (1.4,))]
        for op in ("brightness", "contrast", "saturation", "sharpness", "gaussian_blur")
    },
    "solarize": [Step("solarize", (128,))],
    "posterize": [Step("posterize", (4,))],
    "hue": [Step("hue", (0.1,))],
    **{
        f"{name} {sampling}": [Step(op, arguments, sampling)]
        for name, op, arguments in (
            ("rotate", "rotate", (17.0,)),
            ("shear_x", "affine", _SHEAR_X),
            ("shear_y", "affine", _SHEAR_Y),
            ("translate", "affine", _TRANSLATE),
        )
        for sampling in ("nearest", "bilinear", "bicubic")
    },
}


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """Smooth ones, as photographs are on the scale of a kernel, with a little noise."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(20):
        small = Image.fromarray(rng.integers(0, 256, (30, 30, 3), np.uint8))
        smooth = np.asarray(small.resize((224, 224), Image.Resampling.BICUBIC), np.int16)
        noise = rng.integers(-6, 7, smooth.shape)
        made.append(np.clip(smooth + noise, 0, 255).astype(np.uint8))
    return made


@pytest.mark.parametrize("name", _STEPS)
@pytest.mark.parametrize("side", ["fastinet", "Pillow"])
def test_step(
    benchmark: BenchmarkFixture, pictures: list[np.ndarray], name: str, side: str
) -> None:
    benchmark.group = name
    steps = _STEPS[name]
    if side == "Pillow":
        images = [Image.fromarray(pixels) for pixels in pictures]
        benchmark(lambda: [reference.changed_image(image, steps) for image in images])
    else:
        benchmark(lambda: [fastinet.apply_steps(pixels, steps) for pixels in pictures])

"""Question: what does a policy add to a row of 224 x 224?

Baseline: the same drawn operations in Pillow, whose pixels they give; that is what torchvision and
timm do with PIL images, without their drawing. Those of AugMix stand for torchvision's on tensors,
which recipes.py measures. One thread each, 200 draws over 20 images that
differ; time is CPU time of the process. As in bench_steps.py, fastinet's side has an array more to
copy, which `nothing` shows and a loader's row does not pay.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from bench_steps import pictures
from PIL import Image

import fastinet
from fastinet.augment import (
    AugMix,
    AutoAugment,
    Operation,
    RandAugment,
    Step,
    ThreeAugment,
    TrivialAugmentWide,
    draw_steps,
)
from fastinet.testing import reference

if TYPE_CHECKING:
    import numpy as np
    from pytest_benchmark.fixture import BenchmarkFixture

__all__ = ["pictures"]  # a fixture

pytestmark = pytest.mark.benchmark(timer=time.process_time, min_rounds=5)

DRAWS = 200
# Each with the interpolation of the crop that it is used with.
POLICIES: dict[str, tuple[tuple[Operation, ...], str]] = {
    "nothing": ((), "bilinear"),
    "RandAugment, bilinear": ((RandAugment(interpolation="bilinear"),), "bilinear"),
    "TrivialAugmentWide, bilinear": ((TrivialAugmentWide(interpolation="bilinear"),), "bilinear"),
    "AutoAugment, bilinear": ((AutoAugment(interpolation="bilinear"),), "bilinear"),
    "AugMix": ((AugMix(),), "bilinear"),
    **{
        config: ((RandAugment.timm(config),), "bicubic")
        for config in ("rand-m9-mstd0.5-inc1", "rand-m7-mstd0.5-inc1", "rand-m9-n3-mstd0.5")
    },
    "original-mstd0.5": ((AutoAugment.timm("original-mstd0.5"),), "bicubic"),
    "v0": ((AutoAugment.timm("v0"),), "bicubic"),
    "augmix-m3-w3": ((AugMix.timm("augmix-m3-w3"),), "bicubic"),
    "TensorFlow's RandAugment, 2, 10": ((RandAugment.tensorflow(2, 10),), "bicubic"),
    "ThreeAugment": ((ThreeAugment(),), "bicubic"),
}


def drawn(name: str) -> list[Any]:
    policy, interpolation = POLICIES[name]
    return [
        draw_steps(policy, 224, seed=0, epoch=0, item=item, interpolation=interpolation)
        for item in range(DRAWS)
    ]


def in_pillow(step: Step) -> Step:
    """Pillow's operation of the same name, for one of tensors."""
    if not step.op.startswith("tensor_"):
        return step
    return step._replace(op=step.op.removeprefix("tensor_"), arguments=step.arguments[:-1])


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("side", ["fastinet", "Pillow"])
def test_policy(
    benchmark: BenchmarkFixture,
    pictures: list[np.ndarray],
    name: str,
    side: str,
) -> None:
    benchmark.group = name
    steps = drawn(name)
    if side == "Pillow":
        steps = [[in_pillow(step) for step in each] for each in steps]
        images = [Image.fromarray(pixels) for pixels in pictures]
        benchmark(
            lambda: [
                reference.changed_image(images[i % len(images)], each)
                for i, each in enumerate(steps)
            ]
        )
    else:
        benchmark(
            lambda: [
                fastinet.apply_steps(pictures[i % len(pictures)], each)
                for i, each in enumerate(steps)
            ]
        )

"""Question: what does an image cost, from the archive to its batch row?

Baselines: simplejpeg with OpenCV, which does not antialias, and Pillow, which does. One thread
each, the same images, boxes and flips, warm page cache. Each round takes a whole epoch; images
differ, as in training (one image decoded over and over looks faster than a thousand, because the
branch predictor learns it). Time is CPU time of the process.

Result: see docs/figures.md. fastinet's time is mostly Huffman decoding, which ends at the crop's
last row, and with checkpoints begins at its first; the baselines decode the whole image.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from archives import photographs
from peers import simplejpeg_opencv, simplejpeg_opencv_val
from pipelines import TRAIN, VAL, EpochPlan, Fastinet, OneThread, pillow

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

    import fastinet

pytestmark = pytest.mark.benchmark(group="train", timer=time.process_time, min_rounds=5)


@pytest.fixture(scope="module")
def archive() -> Path:
    return photographs()


@pytest.fixture(scope="module")
def plan(archive: Path) -> EpochPlan:
    return Fastinet(archive).plan(0)


@pytest.mark.parametrize("checkpoints", [True, False], ids=["checkpoints", "plain"])
@pytest.mark.parametrize("transform", [TRAIN, VAL], ids=["train", "val"])
def test_fastinet(
    benchmark: BenchmarkFixture,
    archive: Path,
    transform: fastinet.RandomResizedCrop | fastinet.CenterCrop,
    checkpoints: bool,
) -> None:
    pipeline = Fastinet(archive, checkpoints=checkpoints, transform=transform)
    assert benchmark(pipeline.epoch, 0) == len(pipeline.dataset)


@pytest.mark.parametrize(
    "baseline",
    [simplejpeg_opencv, pillow, simplejpeg_opencv_val],
    ids=lambda made: made.__name__,
)
def test_baseline(
    benchmark: BenchmarkFixture,
    archive: Path,
    plan: EpochPlan,
    baseline: Callable[[Path], OneThread],
) -> None:
    if baseline is not pillow:
        pytest.importorskip("cv2")
        pytest.importorskip("simplejpeg")
    assert benchmark(baseline(archive).epoch, plan) == len(plan.items)

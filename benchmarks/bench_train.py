"""Question: what does a training image cost, from the archive to its batch row?

Baselines: simplejpeg with OpenCV, which does not antialias, and Pillow, which does. One thread
each, the same images, boxes and flips, warm page cache. Each round takes a whole epoch; images
differ, as in training (one image decoded over and over looks faster than a thousand, because the
branch predictor learns it). Time is CPU time of the process.

Result: see README.md. fastinet's time is mostly Huffman decoding, which ends at the crop's last
row; the baselines decode the whole image.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from archives import photographs
from pipelines import EpochPlan, Fastinet, OneThread, pillow, simplejpeg_opencv

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

pytestmark = pytest.mark.benchmark(group="train", timer=time.process_time, min_rounds=5)


@pytest.fixture(scope="module")
def archive() -> Path:
    return photographs()


@pytest.fixture(scope="module")
def plan(archive: Path) -> EpochPlan:
    return Fastinet(archive).plan(0)


def test_fastinet(benchmark: BenchmarkFixture, archive: Path) -> None:
    pipeline = Fastinet(archive)
    assert benchmark(pipeline.epoch, 0) == len(pipeline.dataset)


@pytest.mark.parametrize("baseline", [simplejpeg_opencv, pillow], ids=lambda made: made.__name__)
def test_baseline(
    benchmark: BenchmarkFixture,
    archive: Path,
    plan: EpochPlan,
    baseline: Callable[[Path], OneThread],
) -> None:
    if baseline is simplejpeg_opencv:
        pytest.importorskip("cv2")
        pytest.importorskip("simplejpeg")
    assert benchmark(baseline(archive).epoch, plan) == len(plan.items)

"""Question: what does another output format cost, or the exact grade?

Baseline: the train pipeline with uint8 NHWC. One thread each, the same images, boxes and flips,
warm page cache. Time is CPU time of the process.

Result: see docs/figures.md. Normalisation and layout are fused with the last step of the resize,
which stores each line once; what is left is more bytes to write, four times as many for float32.
The exact grade costs nothing where the default already has Pillow's pixels.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from archives import photographs
from pipelines import FORMATS, Fastinet

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

pytestmark = pytest.mark.benchmark(group="formats", timer=time.process_time, min_rounds=5)


@pytest.mark.parametrize("name", ["uint8 NHWC", *FORMATS])
def test_format(benchmark: BenchmarkFixture, name: str) -> None:
    pipeline = Fastinet(photographs(), **FORMATS.get(name, {}))
    assert benchmark(pipeline.epoch, 0) == len(pipeline.dataset)

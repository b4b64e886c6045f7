"""Question: what does one image cost, decoded whole and decoded in part?

Baselines: simplejpeg and Pillow, which use libjpeg-turbo too and decode the whole image. Each round
decodes every image of the archive once. Time is CPU time of the process.

Result: see docs/figures.md. fastinet's own JPEG decoder takes some two thirds of simplejpeg's time
for whole images; for the upper left quarter it decodes half of the rows, and leaves each of them at
the edge.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from archives import photographs
from pipelines import each_in_turn

import fastinet
from fastinet.testing import reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

pytestmark = pytest.mark.benchmark(group="decode", timer=time.process_time, min_rounds=5)


@pytest.fixture(scope="module")
def images() -> list[bytes]:
    archive = photographs()
    return [reference.read_member(archive, member) for member in reference.list_members(archive)]


def _simplejpeg() -> Callable[[bytes], object]:
    simplejpeg = pytest.importorskip("simplejpeg")
    return lambda data: simplejpeg.decode_jpeg(data, "RGB")


@pytest.mark.parametrize(
    "decoder",
    [lambda: fastinet.decode, _simplejpeg, lambda: reference.decode],
    ids=["fastinet", "simplejpeg", "pillow"],
)
def test_whole_images(
    benchmark: BenchmarkFixture,
    images: list[bytes],
    decoder: Callable[[], Callable[[bytes], object]],
) -> None:
    decode = decoder()
    benchmark(each_in_turn, decode, images)


def test_the_upper_left_quarter(benchmark: BenchmarkFixture, images: list[bytes]) -> None:
    sizes = [reference.open_image(data).size for data in images]
    boxes = [(0, 0, (width + 1) // 2, (height + 1) // 2) for width, height in sizes]
    box_of = dict(zip(images, boxes, strict=True))
    benchmark(each_in_turn, lambda data: fastinet.decode(data, box_of[data]), images)

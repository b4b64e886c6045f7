"""The default grade's published bound against the readable road, on photographs.

With Pillow 13 or newer the two grades are one and the difference is zero; with older versions the
passes of some resizes come in another order. The bound is the same for both, and also for whatever
faster rounding may once take the default's place.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL
import pytest
from support.comparing import random_box, rng_of

import fastinet
from fastinet.testing import reference
from fastinet.testing.encodings import Encoding, encode
from fastinet.testing.photographs import paint

# docs/fidelity.md states these.
MEAN_LEVELS = 0.35
MOST_LEVELS = 3
WORST_DB = 42.0
MEAN_DB = 48.0


class Difference(NamedTuple):
    """How far rows are from the readable road's."""

    mean: float  # [levels]
    most: int  # [levels]
    psnr: float  # [dB]


def difference(ours: np.ndarray, theirs: np.ndarray) -> Difference:
    levels = np.abs(ours.astype(np.int16) - theirs.astype(np.int16))
    squared = np.mean(levels.astype(np.float64) ** 2)
    psnr = np.inf if squared == 0 else 10 * np.log10(255**2 / squared)
    return Difference(float(levels.mean()), int(levels.max()), float(psnr))


def differences(data: bytes, rng: np.random.Generator, boxes: int) -> list[Difference]:
    """Of training crops of all kinds, and of the validation crop."""
    header = fastinet.read_header(data)
    found = []
    for number in range(boxes):
        box = random_box(rng, header.width, header.height)
        size = 224 if number % 2 else (int(rng.integers(32, 300)), int(rng.integers(32, 300)))
        filter_name = "bicubic" if number % 3 == 0 else "bilinear"
        ours = fastinet.decode(data, box, size, interpolation=filter_name)  # type: ignore[arg-type]
        theirs = reference.decode(data, box, size, interpolation=filter_name)  # type: ignore[arg-type]
        found.append(difference(ours, theirs))
    ours = fastinet.decode(data, transform=fastinet.CenterCrop(224, resize=256))
    return [*found, difference(ours, reference.center_crop(data, 224, 256))]


@pytest.mark.parametrize("sampling", ["4:4:4", "grey"])
def test_full_chroma_within_levels(sampling: str) -> None:
    rng = rng_of(sampling)
    for quality in (75, 96):
        pixels = paint(500, 375, rng)
        data = encode(pixels, Encoding(quality=quality, sampling=sampling))  # type: ignore[arg-type]
        for found in differences(data, rng, boxes=25):
            assert found.mean <= MEAN_LEVELS
            assert found.most <= MOST_LEVELS


def test_subsampled_chroma_within_decibels() -> None:
    rng = rng_of()
    found = [
        row
        for sampling in ("4:2:0", "4:2:2")
        for quality in (60, 90)
        for row in differences(
            encode(paint(500, 375, rng), Encoding(quality, sampling)),  # type: ignore[arg-type]
            rng,
            boxes=15,
        )
    ]
    assert min(row.psnr for row in found) >= WORST_DB
    assert np.mean([min(row.psnr, 100.0) for row in found]) >= MEAN_DB


def test_the_grades_are_one_since_pillow_13() -> None:
    if int(PIL.__version__.partition(".")[0]) < 13:
        pytest.skip("older Pillows always resize the rows first")
    rng = rng_of()
    data = encode(paint(200, 300, rng), Encoding())
    for found in differences(data, rng, boxes=20):
        assert found.most == 0


@pytest.mark.skipif("FASTINET_SAMPLE" not in os.environ, reason="needs real photographs")
def test_real_photographs() -> None:
    """FASTINET_SAMPLE: a train tar."""
    rng = rng_of()
    archive = Path(os.environ["FASTINET_SAMPLE"])
    full, subsampled = [], []
    for member in reference.list_members(archive):
        data = reference.read_member(archive, member)
        kind = full if fastinet.read_header(data).sampling in ("4:4:4", "grey") else subsampled
        kind += differences(data, rng, boxes=2)
    assert max(row.mean for row in full) <= MEAN_LEVELS
    assert max(row.most for row in full) <= MOST_LEVELS
    assert min(row.psnr for row in subsampled) >= WORST_DB
    assert np.mean([min(row.psnr, 100.0) for row in subsampled]) >= MEAN_DB

"""Progressive JPEGs without their last scans: Pillow's pixels, of the whole and of every region.

Such files end properly, so nothing is damaged; libjpeg-turbo smooths what it does not know.
Arithmetic coding, which Pillow does not write, is in csrc/jpeg/smoothing_test.cc.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, features

import fastinet

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = [(100, 76), (33, 47), (17, 9), (8, 90), (64, 64), (16, 17), (130, 29)]


def _version() -> tuple[int, ...]:
    return tuple(int(part) for part in (features.version("libjpeg_turbo") or "0").split("."))


# Before, libjpeg-turbo took wrong rows for what it smoothed (its issues 700 and 721).
needs_turbo = pytest.mark.skipif(
    _version() < (3, 0, 1), reason="the Pillow here has no libjpeg-turbo of 3.0.1 or later"
)


def _photograph(width: int, height: int) -> Image.Image:
    random = np.random.default_rng(width * 1000 + height)
    y, x = np.mgrid[:height, :width]
    channels = [x * 3 + y * 2, x * x // 40 + y, np.hypot(x - width / 2, y - height / 2) * 4]
    pixels = np.stack([each % 256 for each in channels], axis=-1)
    noise = random.integers(-20, 20, pixels.shape)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))


def _first_scans(jpeg: bytes) -> Iterator[bytes]:
    """The file after its first scan, its first two, and so on, each with an end."""
    at, started = 2, False
    while jpeg[at + 1] != 0xD9:
        marker = jpeg[at + 1]
        if marker == 0xDA:
            if started:
                yield jpeg[:at] + b"\xff\xd9"
            started = True
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        while marker == 0xDA and (jpeg[at] != 0xFF or jpeg[at + 1] in (0, *range(0xD0, 0xD8))):
            at += 1
    yield jpeg


def _files() -> Iterator[bytes]:
    for width, height in SIZES:
        image = _photograph(width, height)
        for mode, more in [
            ("L", {}),
            ("RGB", {"subsampling": 0}),
            ("RGB", {"subsampling": 1}),
            ("RGB", {"subsampling": 2}),
            ("CMYK", {}),
        ]:
            file = io.BytesIO()
            image.convert(mode).save(file, "JPEG", progressive=True, quality=60, **more)
            yield from _first_scans(file.getvalue())


@needs_turbo
def test_whole_and_regions_are_pillows() -> None:
    random = np.random.default_rng(7)
    files = 0
    for data in _files():
        files += 1
        image = Image.open(io.BytesIO(data)).convert("RGB")
        whole = np.asarray(image)
        assert np.array_equal(fastinet.decode(data), whole)
        for _ in range(3):
            left, top = (int(random.integers(0, side)) for side in image.size)
            width = int(random.integers(1, image.width - left + 1))
            height = int(random.integers(1, image.height - top + 1))
            region = fastinet.decode(data, box=(left, top, width, height))
            assert np.array_equal(region, whole[top : top + height, left : left + width])
    assert files > 300


def test_exact_is_no_other() -> None:
    for data in list(_files())[:12]:
        box = (3, 5, 40, 30)
        assert np.array_equal(
            fastinet.decode(data, box=box), fastinet.decode(data, box=box, exact=True)
        )

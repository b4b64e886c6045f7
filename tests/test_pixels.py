"""Pixels against the readable road (tarfile, Pillow, NumPy): equal to the bit."""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
import pytest
from PIL import Image

import fastinet
from fastinet import _reference

Rng = np.random.Generator


def picture(rng: Rng, width: int, height: int) -> Image.Image:
    """A colourful image with edges, gradients and noise: hard on chroma and on clamping."""
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([np.sin(x / 3 + y / 7), np.cos(x / 11 - y / 5), np.sin((x + y) / 4)], axis=-1)
    noise = rng.normal(0, 40, (height, width, 3))
    return Image.fromarray(np.clip(128 + 150 * waves + noise, 0, 255).astype(np.uint8))


def jpeg(image: Image.Image, **options: object) -> bytes:
    """`image` as JPEG."""
    file = io.BytesIO()
    image.save(file, "JPEG", **options)  # type: ignore[arg-type]
    return file.getvalue()


def random_box(rng: Rng, width: int, height: int) -> tuple[int, int, int, int]:
    """A box inside width x height pixels."""
    box_width, box_height = int(rng.integers(1, width + 1)), int(rng.integers(1, height + 1))
    x = int(rng.integers(0, width - box_width + 1))
    y = int(rng.integers(0, height - box_height + 1))
    return x, y, box_width, box_height


JPEG_KINDS: dict[str, dict[str, object]] = {
    "444": {"subsampling": "4:4:4"},
    "422": {"subsampling": "4:2:2"},
    "420": {"subsampling": "4:2:0"},
    "optimised": {"subsampling": "4:2:0", "optimize": True},
    "progressive-444": {"subsampling": "4:4:4", "progressive": True},
    "progressive-420": {"subsampling": "4:2:0", "progressive": True},
    "restart": {"subsampling": "4:2:0", "restart_marker_blocks": 3},
    "restart-rows": {"subsampling": "4:4:4", "restart_marker_rows": 1},
    "poor": {"subsampling": "4:2:0", "quality": 5},
    "best": {"subsampling": "4:4:4", "quality": 100},
}


@pytest.mark.parametrize("kind", JPEG_KINDS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_every_region_of_a_jpeg_is_pillows(kind: str, mode: str) -> None:
    options = {
        name: value
        for name, value in JPEG_KINDS[kind].items()
        if mode == "RGB" or name != "subsampling"
    }
    rng = np.random.default_rng([7, *kind.encode(), *mode.encode()])
    for _ in range(12):
        width, height = (int(side) for side in rng.integers(1, 120, 2))
        data = jpeg(picture(rng, width, height).convert(mode), **options)
        for _ in range(25):
            box = random_box(rng, width, height)
            np.testing.assert_array_equal(
                fastinet.decode(data, box), _reference.decode(data, box), err_msg=f"{box=}"
            )


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_every_resize_is_pillows(interpolation: Literal["bilinear", "bicubic"]) -> None:
    """Over thousands of sizes; this is also the proof of the pass order's rule (resampler.cc)."""
    rng = np.random.default_rng(11)
    for round_number in range(60):
        width, height = (int(side) for side in np.exp(rng.uniform(0, np.log(300), 2)))
        image = picture(rng, width, height)
        data = jpeg(image if round_number % 3 else image.convert("L"), subsampling="4:4:4")
        for _ in range(20):
            box = random_box(rng, width, height)
            rows, columns = (int(side) for side in np.exp(rng.uniform(0, np.log(260), 2)))
            size = (rows, columns)
            flip = bool(rng.integers(2))
            ours = fastinet.decode(
                data, box, size, flip=flip, exact=True, interpolation=interpolation
            )
            theirs = _reference.decode(data, box, size, flip=flip, interpolation=interpolation)
            np.testing.assert_array_equal(ours, theirs, err_msg=f"{box=} {size=}")


@pytest.mark.parametrize("resize", [256, 224, 100, 640, None])
def test_the_validation_transform_is_torchvisions(resize: int | None) -> None:
    rng = np.random.default_rng(13)
    sizes = [(500, 375), (375, 500), (64, 640), (640, 64), (224, 224), (257, 255), (30, 31)]
    for width, height in sizes:
        data = jpeg(picture(rng, width, height), subsampling="4:2:0")
        ours = fastinet.decode(data, exact=True, transform=fastinet.CenterCrop(224, resize=resize))
        theirs = _reference.center_crop(data, 224, resize)
        np.testing.assert_array_equal(ours, theirs, err_msg=f"{width} x {height}")


def test_a_large_reduction_keeps_every_pixels_weight() -> None:
    """Thousands of taps: sums stay exact, and nothing is skipped."""
    image = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (2000, 12)))
    data = jpeg(image, quality=100)
    for size in ((1, 1), (1, 5), (3, 1), (2, 700)):
        np.testing.assert_array_equal(
            fastinet.decode(data, None, size, exact=True), _reference.decode(data, None, size)
        )


def test_ycck_is_pillows() -> None:
    """Adobe's four-component colour: Pillow writes CMYK only, so its marker is changed to YCCK."""
    rng = np.random.default_rng(17)
    data = jpeg(picture(rng, 61, 47).convert("CMYK"), quality=90)
    marker = data.index(b"Adobe")
    ycck = data[: marker + 11] + b"\x02" + data[marker + 12 :]
    assert not np.array_equal(_reference.decode(ycck), _reference.decode(data))
    for _ in range(50):
        box = random_box(rng, 61, 47)
        np.testing.assert_array_equal(fastinet.decode(ycck, box), _reference.decode(ycck, box))

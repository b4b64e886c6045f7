"""Exif orientation: ignored as ImageNet practice does, applied as Pillow does when asked for."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps
from support.comparing import assert_pillows, jpeg, picture, rng_of

import fastinet
from fastinet.testing import jpegs, reference
from fastinet.testing.pngs import RGB, chunk, png

APP1 = 0xE1
ORIENTATIONS = range(1, 9)


def transposed(data: bytes) -> Image.Image:
    """What Pillow shows."""
    return ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")


def assert_shown_as_pillow_does(data: bytes, rng: np.random.Generator, boxes: int = 30) -> None:
    """Both with the option and without it."""
    shown = transposed(data)
    assert_pillows(data, rng, boxes, shown)
    assert_pillows(data, rng, 5)
    turned = fastinet.decode(data, transform=fastinet.CenterCrop(20, 24), exif_orientation=True)
    upright = io.BytesIO()
    shown.save(upright, "PNG")
    np.testing.assert_array_equal(turned, reference.center_crop(upright.getvalue(), 20, 24))


@pytest.mark.parametrize("big_endian", [False, True], ids=["II", "MM"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_all_orientations(orientation: int, big_endian: bool, mode: str) -> None:
    rng = rng_of(orientation, big_endian, mode)
    block = jpegs.exif_block(orientation, big_endian=big_endian)
    for width, height in [(1, 1), (1, 9), (70, 33), (20, 41), (64, 48)]:
        plain = jpeg(picture(rng, width, height), mode)
        data = jpegs.with_segment(plain, APP1, b"Exif\0\0" + block)
        assert fastinet.read_header(data).exif_orientation == orientation
        assert_shown_as_pillow_does(data, rng)
        np.testing.assert_array_equal(fastinet.decode(data), fastinet.decode(plain))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("place", ["before", "after"])
def test_a_png_says_it_in_a_chunk(orientation: int, place: str) -> None:
    rng = rng_of(orientation, place)
    chunks = [chunk(b"eXIf", jpegs.exif_block(orientation))]
    data = png(picture(rng, 37, 21), RGB, **{place: chunks})  # type: ignore[arg-type]
    assert fastinet.read_header(data).exif_orientation == orientation
    assert_shown_as_pillow_does(data, rng)


@pytest.mark.parametrize(
    "segments",
    [
        [jpegs.xmp_packet(6)],
        [b"Exif\0\0" + jpegs.exif_block(8), jpegs.xmp_packet(6)],
        [jpegs.xmp_packet(6), b"Exif\0\0" + jpegs.exif_block(8)],
        [b"Exif\0\0" + jpegs.exif_block(9), jpegs.xmp_packet(6)],
        [jpegs.xmp_packet(9)],
        [jpegs.xmp_packet(6).replace(b'"6"', b'""')],
        [jpegs.xmp_packet(6).replace(b'="6"', b">6<")],
        [b"Exif\0\0" + jpegs.exif_block(6, type=4, big_endian=True)],
        [b"Exif\0\0" + jpegs.exif_block(6, type=4)],
        [b"Exif\0\0" + jpegs.exif_block(0)],
        [b"Exif\0\0" + jpegs.exif_block(70000, type=4)],
    ],
    ids=range(11),
)
def test_metadata_that_differ(segments: list[bytes]) -> None:
    """XMP counts where Exif says nothing at all; Exif's values outside 1..8 mean 1."""
    rng = rng_of(segments)
    data = jpeg(picture(rng, 31, 22))
    for segment in reversed(segments):
        data = jpegs.with_segment(data, APP1, segment)
    assert_shown_as_pillow_does(data, rng)


def test_broken_exif_is_never_an_error() -> None:
    """Cut, bit-flipped, empty: the pixels come, turned or not; without the option, unturned."""
    rng = rng_of()
    pixels = picture(rng, 16, 9)
    plain = jpeg(pixels)
    upright = fastinet.decode(plain)
    block = jpegs.exif_block(6)
    shapes = set()
    for number in range(400):
        damaged = bytearray(block)
        if number % 2:
            damaged = damaged[: rng.integers(len(block))]
        for _ in range(int(rng.integers(0, 4))):
            if damaged:
                damaged[rng.integers(len(damaged))] = rng.integers(256)
        data = jpegs.with_segment(plain, APP1, b"Exif\0\0" + bytes(damaged))
        np.testing.assert_array_equal(fastinet.decode(data), upright)
        shapes.add(fastinet.decode(data, exif_orientation=True).shape)
    assert shapes == {(9, 16, 3), (16, 9, 3)}


def test_a_loader_applies_it_when_asked_to(tmp_path) -> None:
    from fastinet.testing.archives import train_tar

    rng = rng_of()
    members = {
        f"n01440764_{orientation}.JPEG": jpegs.with_segment(
            jpeg(picture(rng, 60, 35)), APP1, b"Exif\0\0" + jpegs.exif_block(orientation)
        )
        for orientation in ORIENTATIONS
    }
    path = tmp_path / "train.tar"
    path.write_bytes(train_tar({"n01440764": members}))
    dataset = fastinet.open(path, index=False)
    transform = fastinet.RandomResizedCrop((12, 20))
    (turned,) = fastinet.Loader(dataset, 8, transform, exif_orientation=True, exact=True)
    for row, data in enumerate(members.values()):
        x, y, width, height = turned.boxes[row].tolist()
        shown = transposed(data).crop((x, y, x + width, y + height))
        pixels = np.asarray(shown.resize((20, 12), Image.Resampling.BILINEAR))
        if turned.flips[row]:
            pixels = pixels[:, ::-1]
        np.testing.assert_array_equal(turned.images[row], pixels)

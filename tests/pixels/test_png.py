"""PNGs that are called .JPEG: Pillow's pixels, and damage that is noticed."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from support.comparing import assert_pillows, rng_of, some_sizes

import fastinet
from fastinet.testing import reference
from fastinet.testing.archives import train_tar
from fastinet.testing.pngs import CHANNELS, GREY, GREY_ALPHA, PALETTE, RGB, RGBA, chunk, png

KINDS = {
    **{f"grey {bits}": (GREY, bits) for bits in (1, 2, 4, 8, 16)},
    **{f"palette {bits}": (PALETTE, bits) for bits in (1, 2, 4, 8)},
    **{f"rgb {bits}": (RGB, bits) for bits in (8, 16)},
    **{f"grey, alpha {bits}": (GREY_ALPHA, bits) for bits in (8, 16)},
    **{f"rgba {bits}": (RGBA, bits) for bits in (8, 16)},
}


def samples(
    rng: np.random.Generator, width: int, height: int, colour_type: int, bits: int
) -> np.ndarray:
    """Random samples; of 16-bit grey every other one is small, since Pillow clips what is not."""
    shape = (height, width, CHANNELS[colour_type])
    values = rng.integers(0, 2**bits, shape, np.uint16)
    if bits == 16:
        values[::2] >>= 8
    return values


def palette_chunk(rng: np.random.Generator, colours: int) -> bytes:
    return chunk(b"PLTE", rng.integers(0, 256, 3 * colours, np.uint8).tobytes())


def transparency(rng: np.random.Generator, colour_type: int, bits: int) -> list[bytes]:
    """A tRNS chunk, for the colour types that may have one."""
    if colour_type == PALETTE:
        return [chunk(b"tRNS", rng.integers(0, 256, 2**bits, np.uint8).tobytes())]
    if colour_type in (GREY, RGB):
        value = rng.integers(0, 2**bits, CHANNELS[colour_type]).astype(">u2")
        return [chunk(b"tRNS", value.tobytes())]
    return []


@pytest.mark.filterwarnings("ignore:Palette images with Transparency")  # Pillow's advice
@pytest.mark.parametrize("interlaced", [False, True], ids=["rows", "interlaced"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_region_of_a_png_is_pillows(kind: str, interlaced: bool) -> None:
    colour_type, bits = KINDS[kind]
    rng = rng_of(kind, interlaced)
    for number, (width, height) in enumerate(some_sizes(rng, 6)):
        before = [palette_chunk(rng, 2**bits)] if colour_type == PALETTE else []
        if number % 2:
            before += transparency(rng, colour_type, bits)
        data = png(
            samples(rng, width, height, colour_type, bits),
            colour_type,
            bits,
            interlaced=interlaced,
            before=before,
        )
        assert_pillows(data, rng, boxes=25)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_indices_beyond_the_palette_are_pillows(bits: int) -> None:
    rng = rng_of(bits)
    data = png(
        samples(rng, 50, 40, PALETTE, bits), PALETTE, bits, before=[palette_chunk(rng, 2**bits - 2)]
    )
    assert_pillows(data, rng, boxes=50)


def test_chunks_that_do_not_matter_do_not_matter(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Gamma, a broken profile, a text that would fill memory, a wrong CRC: no pixel, no noise."""
    rng = rng_of()
    pixels = samples(rng, 30, 20, RGB, 8)
    bomb = chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(50_000_000), 9))
    wrong = bytearray(chunk(b"tEXt", b"Comment\0hello"))
    wrong[-1] ^= 1
    before = [
        chunk(b"gAMA", (10_000).to_bytes(4, "big")),
        chunk(b"iCCP", b"p\0\0" + zlib.compress(b"no profile")),
        chunk(b"vpAg", b"unknown"),
        bomb,
        bytes(wrong),
    ]
    data = png(pixels, RGB, before=before, after=[bomb])
    np.testing.assert_array_equal(fastinet.decode(data), pixels)
    assert capfd.readouterr() == ("", "")


def test_a_region_does_not_wait_for_the_rows_below() -> None:
    """As with JPEGs: what is not decoded cannot fail."""
    rng = rng_of()
    pixels = samples(rng, 64, 400, RGB, 8)
    data = png(pixels, RGB)
    cut = data[: len(data) // 2]
    np.testing.assert_array_equal(fastinet.decode(cut, (3, 5, 50, 60)), pixels[5:65, 3:53])
    with pytest.raises(fastinet.errors.CorruptError, match="the data ends early"):
        fastinet.decode(cut)


@pytest.mark.parametrize("interlaced", [False, True])
def test_a_png_cut_anywhere_is_corrupt(interlaced: bool) -> None:
    data = png(samples(rng_of(), 20, 20, RGB, 8), RGB, interlaced=interlaced)
    end_of_pixels = data.index(b"IEND") - 8
    for length in range(8, end_of_pixels - 4, 7):
        with pytest.raises(fastinet.errors.CorruptError, match="byte") as caught:
            fastinet.decode(data[:length])
        assert caught.value.offset is not None
        assert caught.value.offset <= length


@pytest.mark.parametrize("interlaced", [False, True])
def test_flipped_bits_are_noticed_or_harmless(interlaced: bool) -> None:
    """The checksums find them, unless they lie where nothing is read."""
    rng = rng_of(interlaced)
    pixels = samples(rng, 20, 20, RGB, 8)
    data = png(pixels, RGB, interlaced=interlaced)
    noticed = 0
    for _ in range(300):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] ^= 1 << rng.integers(8)
        try:
            ours = fastinet.decode(bytes(damaged))
        except fastinet.errors.FastinetError:
            noticed += 1
        else:
            np.testing.assert_array_equal(ours, pixels)
    assert noticed > 200


@pytest.mark.parametrize(
    ("where", "value", "error", "message"),
    [
        (16, b"\0\0\0\0", "CorruptError", "a PNG of 0 x 20 pixels"),
        (16, b"\xff\xff\xff\xff", "CorruptError", "a PNG of 4294967295 x 20"),
        (20, b"\0\2\0\0", "UnsupportedError", "at most 131071 a side"),
        (24, b"\3", "CorruptError", "no image that the format has"),
        (25, b"\5", "CorruptError", "no image that the format has"),
        (26, b"\1", "CorruptError", "no image that the format has"),
        (28, b"\2", "CorruptError", "no image that the format has"),
        (12, b"IDAT", "CorruptError", "first chunk of a PNG must be IHDR"),
        (11, b"\x0e", "CorruptError", "first chunk of a PNG must be IHDR"),
    ],
)
def test_headers_that_make_no_sense(where: int, value: bytes, error: str, message: str) -> None:
    data = png(samples(rng_of(), 20, 20, RGB, 8), RGB)
    broken = data[:where] + value + data[where + len(value) :]
    for call in (fastinet.decode, fastinet.read_header):
        with pytest.raises(getattr(fastinet.errors, error), match=message):
            call(broken)


def test_an_image_beyond_max_pixels_takes_no_memory() -> None:
    """A header of 131071 x 131071 pixels, 51 GB as RGB, and a few bytes behind it."""
    tiny = png(samples(rng_of(), 8, 8, RGB, 8), RGB, interlaced=True)
    side = (131_071).to_bytes(4, "big")
    huge = tiny[:16] + side + side + tiny[24:]
    for call in (fastinet.decode, fastinet.read_header):
        with pytest.raises(
            fastinet.errors.TooLargeError, match="131071 x 131071 pixels, more than"
        ):
            call(huge)
    with pytest.raises(fastinet.errors.TooLargeError, match="more than max_pixels = 63"):
        fastinet.decode(tiny, max_pixels=63)
    assert fastinet.decode(tiny, max_pixels=64).shape == (8, 8, 3)


def test_an_interlaced_image_holds_the_regions_rows_only() -> None:
    """The whole image would be 3 GB; its first rows are all that is asked for."""
    tiny = png(np.zeros((8, 8, 1), np.uint8), GREY, interlaced=True)
    tall = tiny[:16] + (8192).to_bytes(4, "big") + (120_000).to_bytes(4, "big") + tiny[24:]
    header = chunk(b"IHDR", tall[16:29])
    tall = tall[:8] + header + tall[8 + len(header) :]
    with pytest.raises(fastinet.errors.CorruptError, match="libpng says"):
        fastinet.decode(tall, (0, 0, 8, 8), max_pixels=2**40)


def test_pngs_come_through_a_loader(tmp_path: Path) -> None:
    rng = rng_of()
    kinds = list(KINDS.values())
    members = {}
    for number, (colour_type, bits) in enumerate(kinds):
        before = [palette_chunk(rng, 2**bits)] if colour_type == PALETTE else []
        width, height = (int(side) for side in rng.integers(20, 90, 2))
        pixels = samples(rng, width, height, colour_type, bits)
        members[f"n01440764_{number}.JPEG"] = png(
            pixels, colour_type, bits, interlaced=number % 2 == 0, before=before
        )
    path = tmp_path / "train.tar"
    path.write_bytes(train_tar({"n01440764": members}))
    dataset = fastinet.open(path, index=False)
    (batch,) = fastinet.Loader(
        dataset, len(kinds), fastinet.RandomResizedCrop(32), exact=True, threads=2
    )
    for row, image in enumerate(members.values()):
        theirs = reference.decode(image, batch.boxes[row].tolist(), 32, flip=bool(batch.flips[row]))
        np.testing.assert_array_equal(batch.images[row], theirs)

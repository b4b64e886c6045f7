"""The one-shot functions: headers, one image, many images, and what they refuse."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from support.comparing import jpeg, picture, random_box, rng_of

import fastinet
from fastinet import CenterCrop, RandomResizedCrop, Resize
from fastinet.augment import Step
from fastinet.pixels.output import OutputFormat
from fastinet.pixels.transform_parts import Interpolation
from fastinet.testing import jpegs
from fastinet.testing.pngs import GREY, GREY_ALPHA, PALETTE, RGB, RGBA, chunk, png

# Headers


@pytest.mark.parametrize("quality", [10, 49, 50, 75, 96, 100])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_headers_of_what_pillow_writes(quality: int, progressive: bool, sampling: str) -> None:
    data = jpeg(
        picture(rng_of(), 50, 31), quality=quality, progressive=progressive, subsampling=sampling
    )
    assert fastinet.read_header(data) == fastinet.ImageHeader(
        format="jpeg",
        width=50,
        height=31,
        components=3,
        bits_per_sample=8,
        progressive=progressive,
        arithmetic=False,
        sampling=sampling,
        restart_interval=0,
        quality=quality,
        exif_orientation=None,
    )


@pytest.mark.parametrize(
    ("factors", "name"),
    [
        ([(2, 1), (1, 1), (1, 1)], "4:2:2"),
        ([(1, 2), (1, 1), (1, 1)], "4:4:0"),
        ([(1, 4), (1, 1), (1, 1)], "4:4:1"),
        ([(4, 1), (1, 1), (1, 1)], "4:1:1"),
        ([(4, 2), (1, 1), (1, 1)], "4:1:0"),
        ([(2, 2), (2, 2), (2, 2)], "4:4:4"),
        ([(2, 2), (1, 2), (1, 2)], "2x2,1x2,1x2"),
        ([(1, 1), (2, 2), (1, 1)], "1x1,2x2,1x1"),
        ([(2, 2), (1, 1), (1, 1), (2, 2)], "4:2:0"),
        ([(2, 2), (1, 1), (1, 1), (1, 1)], "2x2,1x1,1x1,1x1"),
        ([(1, 1)] * 4, "4:4:4"),
        ([(2, 2)], "grey"),
    ],
)
def test_names_of_samplings(factors: list[tuple[int, int]], name: str) -> None:
    planes = picture(rng_of(), 40, 30, channels=len(factors))
    header = fastinet.read_header(jpegs.sampled(planes, factors, interleaved=False))
    assert header.sampling == name
    assert header.components == len(factors)


def test_headers_of_other_jpegs() -> None:
    pixels = picture(rng_of(), 50, 31)
    assert fastinet.read_header(jpeg(pixels, restart_marker_blocks=5)).restart_interval == 5
    assert fastinet.read_header(jpeg(pixels, "L")).sampling == "grey"
    assert fastinet.read_header(jpeg(pixels, "CMYK")).components == 4
    flat = [[16] * 64] * 2
    assert fastinet.read_header(jpeg(pixels, qtables=flat)).quality in range(1, 101)


@pytest.mark.parametrize(
    ("colour_type", "bits", "components", "sampling", "sample_bits"),
    [
        (GREY, 1, 1, "grey", 1),
        (GREY, 16, 1, "grey", 16),
        (GREY_ALPHA, 8, 2, "grey", 8),
        (PALETTE, 4, 3, "4:4:4", 8),
        (RGB, 16, 3, "4:4:4", 16),
        (RGBA, 8, 4, "4:4:4", 8),
    ],
)
def test_headers_of_pngs(
    colour_type: int, bits: int, components: int, sampling: str, sample_bits: int
) -> None:
    channels = {GREY: 1, GREY_ALPHA: 2, PALETTE: 1, RGB: 3, RGBA: 4}[colour_type]
    palette = [chunk(b"PLTE", bytes(3))] if colour_type == PALETTE else []
    data = png(
        np.zeros((4, 9, channels), np.uint16), colour_type, bits, interlaced=True, before=palette
    )
    header = fastinet.read_header(data)
    assert (header.format, header.width, header.height) == ("png", 9, 4)
    assert (header.components, header.sampling) == (components, sampling)
    assert header.bits_per_sample == sample_bits
    assert header.progressive
    assert header.quality is None


@pytest.mark.parametrize("call", [fastinet.read_header, fastinet.decode])
def test_what_is_no_image(call: Any) -> None:
    with pytest.raises(fastinet.errors.CorruptError, match="empty"):
        call(b"")
    for data in (b"GIF89a" + bytes(50), b"\xff\xd8", bytes(1000), b"\x89PNG"):
        with pytest.raises(fastinet.errors.UnsupportedError, match="neither those of a JPEG nor"):
            call(data)
    with pytest.raises(TypeError):
        call(7)


@pytest.mark.parametrize("call", [fastinet.read_header, fastinet.decode])
@pytest.mark.parametrize("max_pixels", [0, -1, 2**40 + 1, 1.5])
def test_limits_that_make_no_sense(call: Any, max_pixels: Any) -> None:
    with pytest.raises(ValueError, match=f"max_pixels must be .* not {max_pixels!r}"):
        call(jpeg(picture(rng_of(), 5, 5)), max_pixels=max_pixels)


def test_a_jpeg_beyond_max_pixels() -> None:
    data = jpeg(picture(rng_of(), 50, 31))
    for call in (fastinet.read_header, fastinet.decode):
        with pytest.raises(
            fastinet.errors.TooLargeError, match="50 x 31 pixels, more than max_pixels = 1549"
        ):
            call(data, max_pixels=1549)
        call(data, max_pixels=1550)
    # A header alone, of more pixels than the default allows: refused before any is made.
    frame = data.index(b"\xff\xc0") + 5
    huge = data[:frame] + b"\xff\x00\xff\x00" + data[frame + 4 :]
    with pytest.raises(fastinet.errors.TooLargeError, match="65280 x 65280"):
        fastinet.decode(huge)


# One image


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, np.frombuffer])
def test_any_buffer_will_do(kind: Any) -> None:
    data = jpeg(picture(rng_of(), 20, 10))
    given = kind(data, np.uint8) if kind is np.frombuffer else kind(data)
    np.testing.assert_array_equal(fastinet.decode(given), fastinet.decode(data))
    assert fastinet.read_header(given).width == 20


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"box": (0, 0, 51, 1)}, ValueError, r"box \(0, 0, 51, 1\) does not lie inside .* 50 x 31"),
        ({"box": (0, 0, 2**31 - 1, 2**31 - 1)}, ValueError, "does not lie inside"),
        ({"box": (-1, 0, 5, 5)}, ValueError, "does not lie inside"),
        ({"box": (49, 30, 2, 1)}, ValueError, "does not lie inside"),
        ({"box": (0, 0, 0, 5)}, ValueError, r"box must be .* not \(0, 0, 0, 5\)"),
        ({"box": (0, 0, 5)}, ValueError, "box must be"),
        ({"box": (0, 0, 5, 2**31)}, ValueError, "box must be"),
        ({"box": (0.5, 0, 5, 5)}, ValueError, "box must be"),
        ({"box": 7}, ValueError, "box must be"),
        ({"size": 0}, ValueError, "size must be 1 to 16384 pixels, not 0"),
        ({"size": (5, 16385)}, ValueError, "not 16385"),
        ({"interpolation": "hamming"}, ValueError, "not 'hamming'"),
        ({"dtype": "int8"}, ValueError, "not 'int8'"),
        ({"layout": "CHW"}, ValueError, "not 'CHW'"),
        ({"mean": 0.5}, ValueError, "give both mean and std"),
        ({"transform": RandomResizedCrop(8)}, TypeError, "of other random ones give box=, size="),
        ({"transform": "center"}, TypeError, "not 'center'"),
        ({"transform": Resize(8), "size": 8}, ValueError, "not both"),
        ({"transform": Resize(8), "box": (0, 0, 5, 5)}, ValueError, "not both"),
        ({"transform": Resize(8), "interpolation": "bicubic"}, ValueError, "='bicubic', but the"),
        ({"out": [1, 2]}, TypeError, "out must be a NumPy array, not list"),
        ({"out": np.zeros((31, 50, 3), np.int8)}, ValueError, "dtype uint8, not .* int8"),
        ({"out": np.zeros((50, 31, 3), np.uint8)}, ValueError, r"shape \(31, 50, 3\)"),
        ({"out": np.zeros((31, 50, 6), np.uint8)[..., ::2]}, ValueError, "contiguous"),
        ({"out": np.frombuffer(bytes(4650), np.uint8).reshape(31, 50, 3)}, ValueError, "writable"),
        (
            {"out": np.zeros((31, 50, 3), np.int32), "dtype": "float32"},
            ValueError,
            "dtype float32, not .* int32",
        ),
    ],
    ids=str,
)
def test_arguments_that_make_no_sense(arguments: Any, error: Any, message: str) -> None:
    data = jpeg(picture(rng_of(), 50, 31))
    with pytest.raises(error, match=message):
        fastinet.decode(data, **arguments)


@pytest.mark.parametrize("bits", [np.uint16, np.int16])
def test_bfloat16_goes_into_integers_of_its_size(bits: Any) -> None:
    data = jpeg(picture(rng_of(), 9, 7))
    out = np.zeros((7, 9, 3), bits)
    assert fastinet.decode(data, dtype="bfloat16", out=out) is out
    np.testing.assert_array_equal(
        out.view(np.uint16), fastinet.decode(data, dtype="bfloat16").view(np.uint16)
    )


def test_out_is_written_in_place() -> None:
    data = jpeg(picture(rng_of(), 20, 10))
    around = np.full((4, 10, 20, 3), 9, np.uint8)
    result = fastinet.decode(data, out=around[2])
    assert np.shares_memory(result, around)
    np.testing.assert_array_equal(around[2], fastinet.decode(data))
    assert (around[[0, 1, 3]] == 9).all()


def test_an_image_may_be_decoded_while_another_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its header and its pixels Python runs: a signal handler, say, or a finalizer."""
    first, second = (jpeg(picture(rng_of(seed), 40, 30)) for seed in (1, 2))
    expected = [fastinet.decode(first), fastinet.decode(second)]
    within: list[Any] = []
    make = OutputFormat.array

    def array(output: OutputFormat, *arguments: Any) -> Any:
        if not within:
            within.append(None)
            within[0] = fastinet.decode(second)
        return make(output, *arguments)

    monkeypatch.setattr(OutputFormat, "array", array)
    np.testing.assert_array_equal(fastinet.decode(first), expected[0])
    np.testing.assert_array_equal(within[0], expected[1])


def test_threads_may_decode_at_once() -> None:
    """Each thread has a decoder of its own."""
    rng = rng_of()
    images = [jpeg(picture(rng, 60 + i, 90 - i), subsampling=i % 3) for i in range(12)]
    wanted = [fastinet.decode(image, None, 20) for image in images]
    wrong: list[int] = []

    def work(start: int) -> None:
        for turn in range(60):
            index = (start + turn) % len(images)
            if not np.array_equal(fastinet.decode(images[index], None, 20), wanted[index]):
                wrong.append(index)

    threads = [threading.Thread(target=work, args=[start]) for start in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# Many images


def mixed_images(rng: np.random.Generator, count: int) -> list[bytes]:
    images = []
    for number in range(count):
        width, height = (int(side) for side in rng.integers(8, 90, 2))
        pixels = picture(rng, width, height)
        if number % 4 == 0:
            images.append(png(pixels, RGB, interlaced=number % 8 == 0))
        else:
            mode = "L" if number % 4 == 1 else "RGB"
            images.append(jpeg(pixels, mode, progressive=number % 4 == 3))
    return images


@pytest.mark.parametrize("threads", [1, 2, 5, None])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_a_batch_is_each_image_alone(threads: int | None, interpolation: Interpolation) -> None:
    rng = rng_of(threads, interpolation)
    images = mixed_images(rng, 21)
    headers = [fastinet.read_header(image) for image in images]
    boxes = [random_box(rng, header.width, header.height) for header in headers]
    flips = rng.random(21) < 0.5
    options: Any = {"interpolation": interpolation, "dtype": "float16", "layout": "NCHW"}
    batch = fastinet.decode_batch(
        images, np.array(boxes), (13, 17), flips, threads=threads, **options
    )
    assert batch.shape == (21, 3, 13, 17)
    for row, image, box, flip in zip(batch, images, boxes, flips, strict=True):
        alone = fastinet.decode(image, box, (13, 17), bool(flip), **options)
        np.testing.assert_array_equal(row, alone)


@pytest.mark.parametrize("transform", [CenterCrop(24, resize=32), Resize((9, 30), "bicubic")])
def test_a_batch_under_a_transform(transform: Any) -> None:
    images = mixed_images(rng_of(), 9)
    out = np.zeros((9, *fastinet.decode(images[0], transform=transform).shape), np.uint8)
    batch = fastinet.decode_batch(iter(images), transform=transform, threads=3, out=out)
    assert batch is out
    for row, image in zip(batch, images, strict=True):
        np.testing.assert_array_equal(row, fastinet.decode(image, transform=transform))


def test_a_batch_with_steps_of_its_own_for_each_image() -> None:
    images = mixed_images(rng_of(), 6)
    rotated = Step("rotate", (30.0,), "bilinear", (9, 8, 7))
    steps = [[Step("invert")], [], [rotated, Step("equalize")], (Step("solarize", (99,)),), [], []]
    batch = fastinet.decode_batch(images, size=24, steps=steps, threads=2)
    for row, image, each in zip(batch, images, steps, strict=True):
        np.testing.assert_array_equal(row, fastinet.decode(image, size=24, steps=each))
    with pytest.raises(ValueError, match="steps must be one an image: 6, not 5"):
        fastinet.decode_batch(images, size=24, steps=steps[1:])
    with pytest.raises(TypeError, match="steps must be a list of them"):
        fastinet.decode_batch(images[:1], size=24, steps=[Step("invert")])  # type: ignore[list-item]
    blur = [[], [Step("kernel_blur", (23, 1.0))]]
    with pytest.raises(ValueError, match="image 1"):
        fastinet.decode_batch(images[:2], size=8, steps=blur)


def test_a_batch_of_none() -> None:
    assert fastinet.decode_batch([], size=(4, 5)).shape == (0, 4, 5, 3)
    assert fastinet.decode_batch([], size=4, dtype="bfloat16", layout="NCHW").shape == (0, 3, 4, 4)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_first_bad_image_is_named_and_the_others_are_done(threads: int) -> None:
    images = mixed_images(rng_of(), 12)
    wanted = fastinet.decode_batch(images, size=16)
    bad = list(images)
    bad[4], bad[9] = b"no image", images[9][: len(images[9]) // 2]
    out = np.zeros_like(wanted)
    with pytest.raises(
        fastinet.errors.UnsupportedError, match="member 'image 4', byte 0"
    ) as caught:
        fastinet.decode_batch(bad, size=16, threads=threads, out=out)
    assert caught.value.member == "image 4"
    good = [index for index in range(12) if index not in (4, 9)]
    np.testing.assert_array_equal(out[good], wanted[good])
    bad[4] = images[4]
    with pytest.raises(fastinet.errors.CorruptError, match="member 'image 9', byte"):
        fastinet.decode_batch(bad, size=16, threads=threads)


def test_a_box_outside_its_image_names_the_image() -> None:
    images = mixed_images(rng_of(), 3)
    with pytest.raises(ValueError, match=r"'image 1': box .* does not lie inside"):
        fastinet.decode_batch(images, [(0, 0, 5, 5), (0, 0, 500, 5), (0, 0, 5, 5)], 8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "a batch needs a size, or a transform"),
        ({"boxes": [(0, 0, 1, 1)]}, "a batch needs a size"),
        ({"size": 8, "boxes": [(0, 0, 1, 1)]}, "boxes must be one an image: 3, not 1"),
        ({"size": 8, "flips": [True] * 4}, "flips must be one an image: 3, not 4"),
        ({"size": 8, "threads": 0}, "threads must be 1 to 4096, not 0"),
        ({"size": 8, "threads": 1.5}, "threads must be a whole number, not 1.5"),
        ({"size": 8, "transform": Resize(8)}, "not both"),
        ({"size": 8, "out": np.zeros((2, 8, 8, 3), np.uint8)}, r"shape \(3, 8, 8, 3\)"),
        ({"size": 8, "dtype": "uint16"}, "not 'uint16'"),
    ],
    ids=str,
)
def test_batches_that_make_no_sense(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fastinet.decode_batch(mixed_images(rng_of(), 3), **arguments)


@pytest.mark.parametrize("progressive", [False, True])
def test_no_image_lends_its_tables_to_the_next(progressive: bool) -> None:
    """A file without a table that it needs is damaged, whatever was decoded before it."""
    whole = jpeg(picture(rng_of("tables"), 48, 40), quality=90, progressive=progressive)
    table = whole.index(b"\xff\xdb\x00\x43\x01")
    without = whole[: table + 4] + b"\x03" + whole[table + 5 :]  # table 1 is now called 3
    for _ in range(3):
        fastinet.decode(whole)
        with pytest.raises(fastinet.errors.CorruptError):
            fastinet.decode(without)

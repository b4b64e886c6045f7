"""JPEG pixels against the readable road (Pillow, NumPy): equal to the bit, over kinds and boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.comparing import assert_pillows, jpeg, picture, random_box, rng_of, some_sizes

import fastinet
from fastinet.pixels.transforms import INTERPOLATIONS, Interpolation
from fastinet.testing import jpegs, reference

WRITTEN_BY_PILLOW: dict[str, dict[str, object]] = {
    "444": {"subsampling": "4:4:4"},
    "422": {"subsampling": "4:2:2"},
    "420": {"subsampling": "4:2:0"},
    "optimised": {"subsampling": "4:2:0", "optimize": True},
    "progressive-444": {"subsampling": "4:4:4", "progressive": True},
    "progressive-422": {"subsampling": "4:2:2", "progressive": True},
    "progressive-420": {"subsampling": "4:2:0", "progressive": True},
    "restart": {"subsampling": "4:2:0", "restart_marker_blocks": 3},
    "restart-rows": {"subsampling": "4:4:4", "restart_marker_rows": 1},
    "poor": {"subsampling": "4:2:0", "quality": 5},
    "best": {"subsampling": "4:4:4", "quality": 100},
    "rgb": {"keep_rgb": True, "subsampling": "4:4:4"},
}


@pytest.mark.parametrize("kind", WRITTEN_BY_PILLOW)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_every_region_of_a_jpeg_is_pillows(kind: str, mode: str) -> None:
    options = WRITTEN_BY_PILLOW[kind]
    if mode != "RGB":
        options = {
            name: options[name] for name in options if name not in ("subsampling", "keep_rgb")
        }
    rng = rng_of(kind, mode)
    for width, height in some_sizes(rng, 8):
        assert_pillows(jpeg(picture(rng, width, height), mode, **options), rng, boxes=25)


# Luma and two chroma components; those of the first half have names.
SAMPLINGS: dict[str, list[tuple[int, int]]] = {
    "440": [(1, 2), (1, 1), (1, 1)],
    "411": [(4, 1), (1, 1), (1, 1)],
    "410": [(4, 2), (1, 1), (1, 1)],
    "441": [(1, 4), (1, 1), (1, 1)],
    "2x4": [(2, 4), (1, 1), (1, 1)],
    "3x1": [(3, 1), (1, 1), (1, 1)],
    "1x3": [(1, 3), (1, 1), (1, 1)],
    "422 in other words": [(2, 2), (1, 2), (1, 2)],
    "440 in other words": [(2, 2), (2, 1), (2, 1)],
    "chroma apart": [(2, 2), (1, 2), (2, 1)],
    "Cr as luma": [(2, 1), (1, 1), (2, 1)],
    "small luma": [(1, 1), (2, 2), (1, 1)],
    "small luma, chroma apart": [(1, 1), (1, 2), (2, 1)],
    "all apart": [(3, 2), (1, 1), (1, 2)],
}


@pytest.mark.parametrize("order", ["interleaved", "scan after scan", "progressive"])
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_samplings_that_pillow_reads_but_does_not_write(sampling: str, order: str) -> None:
    rng = rng_of(sampling, order)
    for width, height in some_sizes(rng, 5):
        data = jpegs.sampled(
            picture(rng, width, height),
            SAMPLINGS[sampling],
            interleaved=order == "interleaved",
            progressive=order == "progressive",
        )
        assert_pillows(data, rng, boxes=25)


def test_interleaved_blocks_are_the_same_blocks() -> None:
    """The helper is right: both orders of the same coefficients decode to the same pixels."""
    for factors in SAMPLINGS.values():
        planes = picture(rng_of(factors), 96, 96)  # whole MCUs of all of them
        orders = [jpegs.sampled(planes, factors, interleaved=order) for order in (True, False)]
        assert len(jpegs.parse(orders[1])) > len(jpegs.parse(orders[0]))
        np.testing.assert_array_equal(*map(reference.decode, orders))


@pytest.mark.parametrize("interleaved", [True, False])
def test_samplings_that_need_a_fraction_are_not_read(interleaved: bool) -> None:
    """1.5 luma samples a chroma sample: legal, and beyond libjpeg-turbo, hence Pillow too."""
    data = jpegs.sampled(
        picture(rng_of(), 40, 30), [(3, 1), (2, 1), (1, 1)], interleaved=interleaved
    )
    with pytest.raises(OSError, match="image"):
        reference.decode(data)
    with pytest.raises(fastinet.errors.UnsupportedError, match="libjpeg-turbo says"):
        fastinet.decode(data)
    assert fastinet.read_header(data).sampling == "3x1,2x1,1x1"


@pytest.mark.parametrize("transform", [None, 0, 1])
def test_three_components_mean_what_their_markers_say(transform: int | None) -> None:
    """YCbCr without any marker, RGB by Adobe's 0, YCbCr by its 1."""
    rng = rng_of(transform)
    for width, height in some_sizes(rng, 5):
        data = jpegs.sampled(picture(rng, width, height), [(2, 1), (1, 1), (1, 1)])
        assert_pillows(jpegs.with_adobe_transform(data, transform), rng, boxes=30)


FOUR_COMPONENTS: dict[str, list[tuple[int, int]]] = {
    "444": [(1, 1)] * 4,
    "420": [(2, 2), (1, 1), (1, 1), (2, 2)],
    "black alone": [(1, 1), (1, 1), (1, 1), (2, 1)],
}


@pytest.mark.parametrize("transform", [None, 0, 2])
@pytest.mark.parametrize("sampling", FOUR_COMPONENTS)
@pytest.mark.parametrize("progressive", [False, True])
def test_cmyk_and_ycck_are_pillows(sampling: str, transform: int | None, progressive: bool) -> None:
    """Four components without Adobe's marker or with its 0 are CMYK, with its 2 they are YCCK."""
    rng = rng_of(sampling, transform, progressive)
    for width, height in some_sizes(rng, 4):
        data = jpegs.sampled(
            picture(rng, width, height, channels=4),
            FOUR_COMPONENTS[sampling],
            interleaved=not progressive,
            progressive=progressive,
        )
        assert_pillows(jpegs.with_adobe_transform(data, transform), rng, boxes=30)


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
def test_sixteen_bit_quantisation_tables(subsampling: str) -> None:
    rng = rng_of(subsampling)
    for width, height in some_sizes(rng, 5):
        data = jpeg(picture(rng, width, height), subsampling=subsampling, quality=80)
        wide = jpegs.with_wide_tables(data)
        assert len(wide) == len(data) + 2 * 64 + 2 * (2 + 2) - 2 * (2 + 2)
        np.testing.assert_array_equal(reference.decode(wide), reference.decode(data))
        assert_pillows(wide, rng, boxes=40)


@pytest.mark.parametrize("progressive", [False, True])
def test_quantisation_steps_beyond_a_byte(progressive: bool) -> None:
    """Pillow writes such tables with 16 bits and, in a sequential file, an SOF1."""
    rng = rng_of(progressive)
    steps = [[int(step) for step in rng.integers(1, 1500, 64)] for _ in range(2)]
    for width, height in some_sizes(rng, 6):
        data = jpeg(picture(rng, width, height), qtables=steps, progressive=progressive)
        frame = next(s for s in jpegs.parse(data) if s.code in (0xC0, 0xC1, 0xC2))
        assert frame.code == (0xC2 if progressive else 0xC1)
        assert_pillows(data, rng, boxes=40)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_every_resize_is_pillows(interpolation: Interpolation) -> None:
    """Over thousands of sizes; this is also the proof of the pass order's rule (resampler.cc)."""
    rng = np.random.default_rng(11)
    for round_number in range(60):
        width, height = (int(side) for side in np.exp(rng.uniform(0, np.log(300), 2)))
        data = jpeg(
            picture(rng, width, height), "RGB" if round_number % 3 else "L", subsampling="4:4:4"
        )
        for _ in range(20):
            box = random_box(rng, width, height)
            rows, columns = (int(side) for side in np.exp(rng.uniform(0, np.log(260), 2)))
            size = (rows, columns)
            options: dict[str, Any] = {"flip": bool(rng.integers(2))}
            options |= {"vflip": bool(rng.integers(2)), "interpolation": interpolation}
            ours = fastinet.decode(data, box, size, exact=True, **options)
            theirs = reference.decode(data, box, size, **options)
            np.testing.assert_array_equal(ours, theirs, err_msg=f"{box=} {size=}")


@pytest.mark.parametrize("resize", [256, 224, 100, 640, None])
def test_the_validation_transform_is_torchvisions(resize: int | None) -> None:
    rng = np.random.default_rng(13)
    sizes = [(500, 375), (375, 500), (64, 640), (640, 64), (224, 224), (257, 255), (30, 31), (1, 1)]
    for width, height in sizes:
        data = jpeg(picture(rng, width, height), subsampling="4:2:0")
        ours = fastinet.decode(data, exact=True, transform=fastinet.CenterCrop(224, resize=resize))
        theirs = reference.center_crop(data, 224, resize)
        np.testing.assert_array_equal(ours, theirs, err_msg=f"{width} x {height}")


@pytest.mark.parametrize("size", [(100, 160), (224, 33), (9, 500)])
def test_windows_and_resizes_need_not_be_square(size: tuple[int, int]) -> None:
    rng = rng_of(size)
    data = jpeg(picture(rng, 300, 200))
    image = reference.open_image(data)
    transform = fastinet.CenterCrop(size, resize=120, interpolation="bicubic")
    resized = image.resize((180, 120), Image.Resampling.BICUBIC)
    left, top = round((180 - size[1]) / 2), round((120 - size[0]) / 2)
    if size[1] > 180:
        left = -((size[1] - 180) // 2)
    if size[0] > 120:
        top = -((size[0] - 120) // 2)
    theirs = resized.crop((left, top, left + size[1], top + size[0]))
    np.testing.assert_array_equal(fastinet.decode(data, transform=transform, exact=True), theirs)
    np.testing.assert_array_equal(
        fastinet.decode(data, transform=fastinet.Resize(size), exact=True),
        image.resize(size[::-1], Image.Resampling.BILINEAR),
    )


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_a_large_reduction_keeps_every_pixels_weight(interpolation: Interpolation) -> None:
    """Thousands of taps: sums stay exact, and nothing is skipped."""
    image = np.tile(np.arange(256, dtype=np.uint8), (2000, 12))
    data = jpeg(image, "L", quality=100)
    for size in ((1, 1), (1, 5), (3, 1), (2, 700)):
        np.testing.assert_array_equal(
            fastinet.decode(data, None, size, exact=True, interpolation=interpolation),
            reference.decode(data, None, size, interpolation=interpolation),
        )


@pytest.mark.parametrize("interpolation", ["lanczos", "nearest"])
def test_enlarging_to_thousands_of_pixels_is_pillows(interpolation: Interpolation) -> None:
    """The nearest pixel's position is added up by Pillow, rounding errors and all."""
    rng = rng_of(interpolation)
    for side in (1, 2, 3, 7, 10, 49, 100, 333):
        data = jpeg(picture(rng, side, side), "L")
        for size in ((1, 16384), (16384, 1), (1, 9973), (4999, 2)):
            np.testing.assert_array_equal(
                fastinet.decode(data, None, size, interpolation=interpolation),
                reference.decode(data, None, size, interpolation=interpolation),
                err_msg=f"{side=} {size=}",
            )

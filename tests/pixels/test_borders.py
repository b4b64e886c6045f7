"""What rows show beyond the image: NumPy's padding, to the bit, in every format of rows."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.comparing import rng_of

import fastinet
from fastinet import CenterCrop, RandomCrop
from fastinet.pixels.transforms import INTERPOLATIONS, MAX_SIDE
from fastinet.testing import reference
from fastinet.testing.reference import Box

MODES: list[Any] = ["constant", "edge", "reflect", "symmetric"]
SIDES = st.integers(1, 60)


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def noise(rng: np.random.Generator, width: int, height: int, *, grey: bool) -> np.ndarray:
    return rng.integers(0, 256, (height, width) if grey else (height, width, 3), np.uint8)


@given(
    image=st.tuples(SIDES, SIDES),
    size=st.tuples(SIDES, SIDES),
    resize=st.none() | SIDES,
    padding=st.tuples(*[st.integers(0, 90)] * 4),
    mode=st.sampled_from(MODES),
    fill=st.sampled_from([0, 7, (1, 2, 3), (255, 0, 128)]),
    grey=st.booleans(),
    flips=st.tuples(st.booleans(), st.booleans()),
    interpolation=st.sampled_from(INTERPOLATIONS),
    data=st.data(),
)
def test_any_window_is_numpys(
    image: tuple[int, int],
    size: tuple[int, int],
    resize: int | None,
    padding: tuple[int, ...],
    mode: Any,
    fill: Any,
    grey: bool,
    flips: tuple[bool, bool],
    interpolation: Any,
    data: st.DataObject,
) -> None:
    """Windows that lie within, overlap, surround, or miss the image altogether."""
    pixels = noise(rng_of(image, size, grey), *image, grey=grey)
    fill = fill if mode == "constant" else 0
    transform = RandomCrop(
        size,
        resize,
        padding,
        mode,
        fill,
        interpolation=interpolation,  # type: ignore[arg-type]
    )
    resized = reference.with_shorter_side(Image.fromarray(pixels), resize, interpolation)
    window = Box(
        *(
            data.draw(st.integers(*_starts(side, before, behind, wanted)))
            for side, before, behind, wanted in zip(
                resized.size, padding[:2], padding[2:], size[::-1], strict=True
            )
        ),
        width=size[1],
        height=size[0],
    )
    options: dict[str, Any] = {"flip": flips[0], "vflip": flips[1]}
    row = fastinet.decode(png(pixels), transform=transform, window=window, **options)
    expected = reference.padded_window(np.asarray(resized.convert("RGB")), window, mode, fill)
    np.testing.assert_array_equal(row, reference.mirrored(expected, **options))


def _starts(side: int, before: int, behind: int, wanted: int) -> tuple[int, int]:
    """The first and the last start of a window."""
    lacking = max(0, wanted - before - side - behind)
    return -before - lacking, side + behind + lacking - wanted


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [33, 224])
def test_centre_crops_beyond_the_image(mode: Any, size: int) -> None:
    rng = rng_of(mode, size)
    fill: Any = (10, 20, 30) if mode == "constant" else 0
    for width, height in ((1, 1), (5, 400), (300, 20), (50, 50), (31, 224), (2, 3)):
        data = png(noise(rng, width, height, grey=False))
        for resize in (None, 16):
            transform = CenterCrop(size, resize, "bicubic", mode, fill)
            np.testing.assert_array_equal(
                fastinet.decode(data, transform=transform),
                reference.center_crop(data, size, resize, "bicubic", mode, fill),
                err_msg=f"{width} x {height}, {resize}",
            )


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("dtype", ["uint8", "float16", "bfloat16", "float32"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("grey", [False, True])
def test_every_format_of_rows(mode: Any, dtype: Any, layout: Any, grey: bool) -> None:
    """Formats store whole vectors: rows of many widths, resized and not."""
    rng = rng_of(mode, dtype, layout, grey)
    options: dict[str, Any] = {"dtype": dtype, "layout": layout, "flip": True, "vflip": True}
    if dtype != "uint8":
        options |= {"mean": "imagenet", "std": "imagenet"}
    fill: Any = (200, 100, 50) if mode == "constant" else 0
    for width in (1, 15, 16, 17, 70):
        pixels = noise(rng, width, 20, grey=grey)
        for resize in (None, 13):
            transform = RandomCrop((25, 37), resize, 9, mode, fill)
            resized = reference.with_shorter_side(Image.fromarray(pixels), resize, "bilinear")
            _, last = _starts(resized.width, 9, 9, 37)
            window = Box(last - 3 if last > 0 else last, -6, 37, 25)
            row = fastinet.decode(png(pixels), transform=transform, window=window, **options)
            whole = np.asarray(resized.convert("RGB"))
            wanted = reference.padded_window(whole, window, mode, fill)
            again = fastinet.decode(png(wanted), **options)
            np.testing.assert_array_equal(row, again, err_msg=f"{width}, {resize}")


def test_windows_are_checked() -> None:
    data = png(noise(rng_of(), 40, 30, grey=False))
    crop = RandomCrop(24, padding=4)
    for window in ((-5, 0, 24, 24), (21, 0, 24, 24), (0, 11, 24, 24), (0, 0, 24, 23)):
        with pytest.raises(ValueError, match=r"window \(.*is none that .* cuts .* 40 x 30"):
            fastinet.decode(data, transform=crop, window=window)
    for window in ((-4, -4, 24, 24), (20, 10, 24, 24)):
        assert fastinet.decode(data, transform=crop, window=window).shape == (24, 24, 3)
    with pytest.raises(TypeError, match=r"draws its window at random: decode takes window="):
        fastinet.decode(data, transform=crop)
    with pytest.raises(TypeError, match=r"draws its window at random"):
        fastinet.decode_batch([data], transform=crop)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"window=\(0, 0, 8, 8\) is for a RandomCrop"):
        fastinet.decode(data, transform=CenterCrop(8), window=(0, 0, 8, 8))
    with pytest.raises(ValueError, match=r"window must be \(x, y, width, height\)"):
        fastinet.decode(data, transform=crop, window=(0, 0, 8))


def test_mirror_images_of_thin_strips_at_the_largest_size() -> None:
    """A strip of one row, of which a window needs mirror images thousands of times."""
    pixels = noise(rng_of(), 300, 1, grey=True)
    for mode in MODES:
        crop = RandomCrop((MAX_SIDE, 3), padding_mode=mode)
        row = fastinet.decode(png(pixels), transform=crop, window=(7, 0, 3, MAX_SIDE))
        rgb = np.repeat(pixels[..., np.newaxis], 3, axis=2)
        expected = reference.padded_window(rgb, Box(7, 0, 3, MAX_SIDE), mode)
        np.testing.assert_array_equal(row, expected)

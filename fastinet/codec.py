"""One image at a time: the same pixels that a loader gives, without a loader."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Final

from fastinet import _codec
from fastinet.output import DType, Layout, OutputFormat
from fastinet.transforms import (
    CenterCrop,
    Interpolation,
    Resize,
    check_interpolation,
    checked_height_width,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from typing_extensions import Buffer

__all__ = ["DEFAULT_MAX_PIXELS", "decode", "image_size"]

DEFAULT_MAX_PIXELS: Final = 178_956_970
"""Twice Pillow's decompression-bomb limit of 1024**3 / 12 pixels, where Pillow too refuses."""


def decode(
    data: Buffer,
    box: Sequence[int] | None = None,
    size: int | tuple[int, int] | None = None,
    flip: bool = False,
    exact: bool = False,
    *,
    interpolation: Interpolation = "bilinear",
    transform: CenterCrop | Resize | None = None,
    dtype: DType = "uint8",
    layout: Layout = "NHWC",
    mean: Any = None,
    std: Any = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> NDArray[Any]:
    """Decodes a part of one encoded image, resizes it, and mirrors it.

    A row of a batch equals ``decode(ds.read(item), box, size, flip)`` with the batch's box and
    flip, bit for bit. Only what the box needs is decoded. Runs without the GIL.

    Args:
        data: the encoded image: bytes, or any contiguous buffer.
        box: (x, y, width, height) of the part to keep [pixels]; None keeps all of the image.
        size: height and width of the result [pixels]: one number for a square, or (height, width);
            None keeps the box's size. The resize is antialiased and sees nothing outside the box.
        flip: mirror left to right.
        exact: be bit-equal to Pillow's decode, crop and resize. Today every result is.
        interpolation: "bilinear" or "bicubic".
        transform: `CenterCrop` or `Resize`, instead of `box`, `size` and `interpolation`.
        dtype: see `fastinet.Loader`; likewise `layout`, `mean` and `std`.
        layout: "NHWC" for [H, W, 3], "NCHW" for [3, H, W].
        mean: per channel, or "imagenet".
        std: per channel, or "imagenet".
        max_pixels: largest image that is decoded.

    Returns:
        [H, W, 3] or [3, H, W] of `dtype`, RGB.

    Raises:
        CorruptError: the bytes break their format's rules; the message says at which offset.
        UnsupportedError: legal, but no image that fastinet reads.
        TooLargeError: more than `max_pixels`.
        ValueError: a box outside the image, or another argument that makes no sense.
    """
    del exact  # both grades take the same road
    output = OutputFormat(dtype, layout, mean, std)
    rule = None
    if transform is not None:
        if not isinstance(transform, CenterCrop | Resize):
            raise TypeError(f"transform must be a CenterCrop or a Resize, not {transform!r}")
        if box is not None or size is not None:
            raise ValueError("give a transform, or box and size, not both")
        rule, interpolation = transform.native(), transform.interpolation
    check_interpolation(interpolation)
    stored = _codec.decode(
        data,
        None if box is None else _checked_box(box),
        None if size is None else checked_height_width(size),
        flip,
        rule,
        interpolation=interpolation,
        max_pixels=max_pixels,
        **output.native(),
    )
    return output.view(stored)


def image_size(data: Buffer, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> tuple[int, int]:
    """(width, height) of an encoded image [pixels], from its header; raises as `decode` does."""
    return _codec.image_size(data, max_pixels=max_pixels)


def _checked_box(box: Sequence[int]) -> tuple[int, ...]:
    try:
        numbers = tuple(operator.index(number) for number in box)
    except TypeError:
        numbers = ()
    if len(numbers) != 4 or max(map(abs, numbers)) >= 2**31 or min(numbers[2:]) < 1:
        raise ValueError(f"box must be (x, y, width, height) in whole pixels, not {box!r}")
    return numbers

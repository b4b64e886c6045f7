"""Images without a loader: the same pixels, one or many at a time."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from fastinet import _codec
from fastinet.cpus import available_cpus
from fastinet.output import DType, Layout, OutputFormat
from fastinet.rendering import DEFAULT_MAX_PIXELS, RenderOptions
from fastinet.transforms import CenterCrop, Interpolation, Resize, checked_height_width

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Buffer

__all__ = ["ImageHeader", "decode", "decode_batch", "read_header"]

# Luma samples per chroma sample, across and down, in the field's J:a:b notation.
_SAMPLING_NAMES: Final = {
    (1, 1): "4:4:4",
    (2, 1): "4:2:2",
    (2, 2): "4:2:0",
    (1, 2): "4:4:0",
    (4, 1): "4:1:1",
    (4, 2): "4:1:0",
    (1, 4): "4:4:1",
}


@dataclass(frozen=True)
class ImageHeader:
    """What an image's header says; no pixel is decoded for it.

    Attributes:
        format: "jpeg" or "png", by content.
        width: as stored [pixels].
        height: as stored [pixels].
        components: 1 grey, 3 colour, 4 CMYK or, of a PNG, RGB and alpha.
        bits_per_sample: 8 for nearly every JPEG.
        progressive: several passes over the image (T.81 SOF2; for a PNG, interlaced).
        arithmetic: coded arithmetically in place of Huffman's way.
        sampling: "4:4:4", "4:2:0", ...; "2x4" where that notation has no name (luma samples per
            chroma sample, across and down); "grey" for one component.
        restart_interval: MCUs between restart markers; 0 without them.
        quality: the IJG setting, 1..100, whose luma table comes nearest to the file's; None for PNG.
        exif_orientation: 1..8; None when the file does not say.
    """

    format: Literal["jpeg", "png"]
    width: int
    height: int
    components: int
    bits_per_sample: int
    progressive: bool
    arithmetic: bool
    sampling: str
    restart_interval: int
    quality: int | None
    exif_orientation: int | None


def read_header(data: Buffer, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> ImageHeader:
    """Reads the header of one encoded image, without the GIL.

    Args:
        data: the encoded image: bytes, or any contiguous buffer.
        max_pixels: largest image that is accepted.

    Raises:
        CorruptError: the bytes break their format's rules; the message says at which offset.
        UnsupportedError: legal, but no image that fastinet reads.
        TooLargeError: more than `max_pixels`.
    """
    fields = _codec.read_header(data, max_pixels=max_pixels)
    across, down = fields.pop("subsampling")
    sampling = _SAMPLING_NAMES.get((across, down), f"{across}x{down}")
    return ImageHeader(
        **{**fields, "exif_orientation": fields["exif_orientation"] or None},
        sampling="grey" if fields["components"] < 3 else sampling,
    )


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
    exif_orientation: bool = False,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Decodes a part of one encoded image, resizes it, and mirrors it.

    A row of a batch equals ``decode(ds.read(item), box, size, flip)`` with the batch's box and flip,
    bit for bit. Only what the box needs is decoded. Runs without the GIL.

    Args:
        data: the encoded image: bytes, or any contiguous buffer.
        box: (x, y, width, height) of the part to keep [pixels]; None keeps all of the image.
        size: height and width of the result [pixels]: one number for a square, or (height, width);
            None keeps the box's size. The resize is antialiased and sees nothing outside the box:
            ``image.crop(box).resize(size)`` in Pillow's words.
        flip: mirror left to right.
        exact: be bit-equal to the Pillow that is installed (or to Pillow 13 without one).
        interpolation: "bilinear" or "bicubic".
        transform: `CenterCrop` or `Resize`, instead of `box`, `size` and `interpolation`.
        dtype: see `fastinet.Loader`; likewise `layout`, `mean` and `std`.
        layout: "NHWC" for [H, W, 3], "NCHW" for [3, H, W].
        mean: per channel, one number for all, or "imagenet".
        std: per channel, one number for all, or "imagenet".
        exif_orientation: turn the image as Exif says before it is cropped, as
            ``PIL.ImageOps.exif_transpose`` does. ImageNet practice ignores it.
        max_pixels: largest image that is decoded.
        out: array to write the result to, instead of a new one.

    Returns:
        [H, W, 3] or [3, H, W] of `dtype`, RGB.

    Raises:
        CorruptError: the bytes break their format's rules; the message says at which offset.
        UnsupportedError: legal, but no image that fastinet reads.
        TooLargeError: more than `max_pixels`.
        ValueError: a box outside the image, or another argument that makes no sense.
    """
    output = OutputFormat(dtype, layout, mean, std)
    rule = _crop_rule(size, interpolation, transform, boxes_given=box is not None)
    stored = _codec.decode(
        data,
        out,
        boxes=None if box is None else [_checked_box(box)],
        flips=[bool(flip)],
        **rule,
        **RenderOptions(exact, exif_orientation, max_pixels).native(),
        **output.native(),
    )
    return output.view(stored) if out is None else out


def decode_batch(
    images: Iterable[Buffer],
    boxes: Sequence[Sequence[int]] | NDArray[np.integer[Any]] | None = None,
    size: int | tuple[int, int] | None = None,
    flips: Sequence[bool] | NDArray[np.bool_] | None = None,
    exact: bool = False,
    *,
    threads: int | None = None,
    interpolation: Interpolation = "bilinear",
    transform: CenterCrop | Resize | None = None,
    dtype: DType = "uint8",
    layout: Layout = "NHWC",
    mean: Any = None,
    std: Any = None,
    exif_orientation: bool = False,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Decodes many encoded images to one size; each as `decode` does it. Runs without the GIL.

    Args:
        images: N encoded images: bytes, or any contiguous buffers.
        boxes: [N, 4] boxes (x, y, width, height), one an image; None keeps all of each.
        size: height and width of every result; needed unless `transform` is given.
        flips: [N] whether to mirror; None mirrors none.
        exact: see `decode`.
        threads: None takes one for each CPU that affinity and control groups allow.
        interpolation: see `decode`; likewise the arguments that follow.
        transform: see `decode`.
        dtype: see `decode`.
        layout: see `decode`.
        mean: see `decode`.
        std: see `decode`.
        exif_orientation: see `decode`.
        max_pixels: see `decode`.
        out: array [N, ...] to write to, instead of a new one.

    Returns:
        [N, H, W, 3] or [N, 3, H, W] of `dtype`, RGB.

    Raises:
        FastinetError: as `decode`; of several bad images the first, named as "image <index>".
        ValueError: an argument that makes no sense.
    """
    images = list(images)
    output = OutputFormat(dtype, layout, mean, std)
    if size is None and transform is None:
        raise ValueError("a batch needs a size, or a transform, so that all its rows are alike")
    rule = _crop_rule(size, interpolation, transform, boxes_given=boxes is not None)
    for name, values in (("boxes", boxes), ("flips", flips)):
        if values is not None and len(values) != len(images):
            raise ValueError(f"{name} must be one an image: {len(images)}, not {len(values)}")
    threads = available_cpus() if threads is None else operator.index(threads)
    if threads < 1:
        raise ValueError(f"threads must be at least 1, not {threads}")
    stored = _codec.decode_batch(
        images,
        out,
        boxes=None if boxes is None else [_checked_box(box) for box in boxes],
        flips=None if flips is None else [bool(flip) for flip in flips],
        threads=threads,
        **rule,
        **RenderOptions(exact, exif_orientation, max_pixels).native(),
        **output.native(),
    )
    return output.view(stored) if out is None else out


def _crop_rule(
    size: int | tuple[int, int] | None,
    interpolation: Interpolation,
    transform: CenterCrop | Resize | None,
    *,
    boxes_given: bool,
) -> dict[str, Any]:
    """How to cut the images, as the native module takes it."""
    if transform is None:
        # A Resize holds, and so checks, what the arguments say.
        checked = Resize(size if size is not None else 1, interpolation)
        height_width = None if size is None else checked_height_width(size)
        return {"transform": None, "size": height_width, "interpolation": checked.interpolation}
    if not isinstance(transform, CenterCrop | Resize):
        raise TypeError(f"transform must be a CenterCrop or a Resize, not {transform!r}")
    if boxes_given or size is not None:
        raise ValueError("give a transform, or boxes and a size, not both")
    return {
        "transform": transform.native(),
        "size": None,
        "interpolation": transform.interpolation,
    }


def _checked_box(box: Sequence[int] | NDArray[np.integer[Any]]) -> tuple[int, ...]:
    try:
        numbers = tuple(operator.index(number) for number in box)
    except TypeError:
        numbers = ()
    if len(numbers) != 4 or max(map(abs, numbers)) >= 2**31 or min(numbers[2:]) < 1:
        raise ValueError(f"box must be (x, y, width, height) in whole pixels, not {box!r}")
    return numbers

"""Images without a loader: the same pixels, one or many at a time."""

from __future__ import annotations

import functools
import operator
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np

from fastinet._native import _codec
from fastinet.augment.steps import native_steps
from fastinet.base.checks import whole_number
from fastinet.base.cpus import cpus_for_call
from fastinet.errors import UnsupportedError
from fastinet.formats.not_images import explained_image
from fastinet.pixels.encoded import encoded_image
from fastinet.pixels.output import DType, Layout, OutputFormat
from fastinet.pixels.rendering import RenderOptions
from fastinet.pixels.transform_parts import Interpolation, checked_height_width
from fastinet.pixels.transforms import CenterCrop, RandomCrop, Resize

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from typing_extensions import Buffer

    from fastinet.augment.steps import Step

    Encoded: TypeAlias = "Buffer | str | os.PathLike[str]"

__all__ = ["ImageHeader", "apply_steps", "decode", "decode_batch", "read_header"]

# The field's J:a:b notation for what a luma component with these factors (horizontal, vertical) has
# when each chroma component has (1, 1).
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
        components: 1 grey, 2 grey and alpha, 3 colour (a palette's too), 4 CMYK or, of a PNG, RGB
            and alpha.
        bits_per_sample: 8 for nearly every JPEG; a PNG's 1 to 16.
        progressive: several passes over the image (T.81 SOF2; for a PNG, interlaced).
        arithmetic: coded arithmetically in place of Huffman's way.
        sampling: "4:4:4", "4:2:0", ...; "grey" without colour. Where that notation has no name, the
            factors of each component, horizontal by vertical: "2x2,2x1,2x1".
        restart_interval: minimum coded units (MCUs, a JPEG's blocks of 8x8 to 16x16 pixels as a
            rule) between restart markers; 0 without them.
        quality: the IJG setting, 1..100, whose luma table comes nearest to the file's; None for a
            PNG, or without a luma table.
        exif_orientation: 1..8, how Exif (or XMP, where Exif does not say) wants it shown; None when
            the file does not say.
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


def read_header(data: Encoded, *, max_pixels: int | None = None) -> ImageHeader:
    """Reads the header of one encoded image, without the GIL.

    Args:
        data: the encoded image: bytes, any contiguous buffer, or the path of its file.
        max_pixels: largest image that is accepted [pixels]; None: see `decode`.

    Raises:
        CorruptError: the bytes break their format's rules; the message says at which offset.
        UnsupportedError: legal, but no image that fastinet reads.
        TooLargeError: more than `max_pixels`.
        ValueError: a `max_pixels` that makes no sense.
    """
    limit = RenderOptions(max_pixels=max_pixels).native()["max_pixels"]
    encoded = encoded_image(data)
    try:
        fields = _codec.read_header(encoded, max_pixels=limit)
    except UnsupportedError as error:
        raise _explained(error, encoded) from None
    fields["sampling"] = _sampling_name(fields["sampling"])
    fields["exif_orientation"] = fields["exif_orientation"] or None
    return ImageHeader(**fields)


def _sampling_name(factors: Sequence[tuple[int, int]]) -> str:
    """Name of components' sampling factors, (horizontal, vertical) each."""
    if len(factors) < 3:
        return "grey"
    luma, *chroma = factors[:3]
    full_size = all(others == luma for others in factors[3:])  # black, or alpha
    if luma == chroma[0] == chroma[1] and full_size:
        return "4:4:4"
    if chroma == [(1, 1), (1, 1)] and full_size and luma in _SAMPLING_NAMES:
        return _SAMPLING_NAMES[luma]
    return ",".join(f"{horizontal}x{vertical}" for horizontal, vertical in factors)


def decode(
    data: Encoded,
    box: Sequence[int] | None = None,
    size: int | tuple[int, int] | None = None,
    flip: bool = False,
    exact: bool = False,
    *,
    vflip: bool = False,
    interpolation: Interpolation = "bilinear",
    transform: CenterCrop | Resize | RandomCrop | None = None,
    window: Sequence[int] | NDArray[np.integer[Any]] | None = None,
    dtype: DType | Any = "uint8",
    layout: Layout = "NHWC",
    mean: Any = None,
    std: Any = None,
    exif_orientation: bool = False,
    max_pixels: int | None = None,
    out: NDArray[Any] | None = None,
    steps: Iterable[Step] = (),
    lighting: Sequence[float] | NDArray[np.floating[Any]] | None = None,
) -> NDArray[Any]:
    """Decodes a part of one encoded image, resizes it, and mirrors it.

    A row of a batch equals ``decode(ds.read(item), box, size, flip, vflip=..., interpolation=...)``
    with the batch's box, flips and interpolation, its steps and lighting, bit for bit; one that a
    `RandomCrop` cut equals ``decode(ds.read(item), None, None, flip, vflip=..., transform=...,
    window=...)``. Only what the result needs is decoded. Runs without the GIL.

    Pixels are those of Pillow's ``open(data).convert("RGB").crop(box).resize(size)``:
    libjpeg-turbo's accurate inverse DCT and fancy upsampling, CMYK and YCCK by Pillow's rule, an
    antialiased filter in 22-bit fixed point with rounding to uint8 between the passes
    (libImaging/Resample.c), which sees nothing outside the box.

    Args:
        data: the encoded image: bytes, any contiguous buffer, or the path of its file. JPEG or PNG,
            by content.
        box: (x, y, width, height) of the part to keep [pixels]; None keeps all of the image.
        size: height and width of the result [pixels]: one number for a square, or (height, width);
            1 to 16384 each. None keeps the box's size.
        flip: mirror left to right, after the resize.
        exact: be bit-equal to the Pillow that is installed (or to Pillow 13 without one); the
            default is bit-equal to Pillow 13 everywhere. They differ where Pillow 13 resizes the
            columns first and earlier versions do not.
        vflip: turn upside down, likewise.
        interpolation: "bilinear", "bicubic", "lanczos" or "nearest", as Pillow has them; all but
            the last are antialiased.
        transform: `CenterCrop` or `Resize`, or `RandomCrop` with a `window`, instead of `box`,
            `size` and `interpolation`.
        window: (x, y, width, height), which part of the resized image a `RandomCrop` takes, as
            ``batch.windows`` says; nothing is drawn.
        dtype: "uint8", "float16", "bfloat16" (NumPy's by way of ml_dtypes) or "float32". The float
            types hold ``(pixel / 255 - mean) / std``: to the bit, ``pixel * scale + bias`` in
            float32, each operation rounded, with ``scale = 1 / (255 * std)`` and ``bias = -mean /
            std`` rounded to float32; float16 and bfloat16 round that to nearest, ties to even.
        layout: "NHWC" for [H, W, 3], "NCHW" for [3, H, W].
        mean: in units of 0..1: three numbers, one for all channels, or "imagenet"; None does not
            normalise.
        std: likewise; given exactly when `mean` is.
        exif_orientation: turn the image as its Exif (or else XMP, or a PNG's eXIf) says before it
            is cropped, as ``PIL.ImageOps.exif_transpose`` does; `box` is in pixels as shown.
            ImageNet practice ignores it.
        max_pixels: largest image that is decoded [pixels], checked before memory is taken for it;
            None: what `fastinet.limits` allows, by default 178,956,970, where Pillow too refuses.
        out: contiguous NumPy array of the result's shape and dtype (bfloat16 also as uint16 or
            int16) to write the result to, instead of a new one. Unspecified after an error.
        steps: what to do with the crop after it was resized and mirrored, before it is normalised;
            see :class:`fastinet.augment.Step`.
        lighting: what is added to red, green and blue before the normalisation, in units of 0..1,
            as ``batch.lighting`` has it; for a float dtype.

    Returns:
        [H, W, 3] or [3, H, W] of `dtype`, RGB, also of grey images: `out`, or a new array.

    Raises:
        CorruptError: the bytes break their format's rules; the message says at which offset.
        UnsupportedError: legal, but no image that fastinet reads.
        TooLargeError: more than `max_pixels`.
        TypeError: `transform` draws at random or is none, or `out` is no array.
        ValueError: a box outside the image, a window that the transform does not take, or another
            argument that makes no sense.
    """
    output, output_parts = _output(dtype, layout, mean, std)
    if lighting is not None:
        output_parts = output.native_shifted(lighting)
    rule = _crop_rule(size, interpolation, transform, boxes_given=box is not None)
    rule["boxes"] = None if box is None else [_checked_box("box", box)]
    rule["flips"], rule["vflips"] = [bool(flip)], [bool(vflip)]
    rule["window"] = _checked_window(window, transform)
    encoded = encoded_image(data)
    try:
        return _codec.decode(
            encoded,
            lambda height, width: output.array(output.shape(height, width), out),
            steps=native_steps(steps),
            rule=rule,
            **RenderOptions(exact, exif_orientation, max_pixels).native(),
            **output_parts,
        )
    except UnsupportedError as error:
        raise _explained(error, encoded) from None


def decode_batch(
    images: Iterable[Encoded],
    boxes: Sequence[Sequence[int]] | NDArray[np.integer[Any]] | None = None,
    size: int | tuple[int, int] | None = None,
    flips: Sequence[bool] | NDArray[np.bool_] | None = None,
    exact: bool = False,
    *,
    vflips: Sequence[bool] | NDArray[np.bool_] | None = None,
    threads: int | None = None,
    interpolation: Interpolation = "bilinear",
    transform: CenterCrop | Resize | None = None,
    dtype: DType | Any = "uint8",
    layout: Layout = "NHWC",
    mean: Any = None,
    std: Any = None,
    exif_orientation: bool = False,
    max_pixels: int | None = None,
    out: NDArray[Any] | None = None,
    steps: Sequence[Iterable[Step]] | None = None,
) -> NDArray[Any]:
    """Decodes many encoded images to one size; each as `decode` does it. Runs without the GIL.

    Args:
        images: N encoded images: bytes, any contiguous buffers, or paths of files.
        boxes: [N, 4] boxes (x, y, width, height), one an image; None keeps all of each.
        size: height and width of every result; needed unless `transform` is given.
        flips: bool [N], whether to mirror; None mirrors none.
        exact: see `decode`.
        vflips: bool [N], whether to turn upside down; None turns none.
        threads: None takes one for each CPU that affinity and control groups allow.
        interpolation: see `decode`; likewise the arguments that follow.
        transform: `CenterCrop` or `Resize`, see `decode`.
        dtype: see `decode`.
        layout: see `decode`.
        mean: see `decode`.
        std: see `decode`.
        exif_orientation: see `decode`.
        max_pixels: see `decode`.
        out: array [N, ...] to write to, instead of a new one.
        steps: N lists of steps, one an image, as ``batch.steps`` has them; None: none.

    Returns:
        [N, H, W, 3] or [N, 3, H, W] of `dtype`, RGB.

    Raises:
        FastinetError: as `decode`; of several bad images the first, named as "image <index>". The
            other rows of `out` are then complete.
        TypeError: as `decode`.
        ValueError: an argument that makes no sense, or a box outside its image.
    """
    if isinstance(images, str | bytes | bytearray | os.PathLike):
        raise TypeError("images are several: a list of them, or fastinet.decode for one")
    encoded = [encoded_image(image, f"images[{i}]") for i, image in enumerate(images)]
    output = OutputFormat(dtype, layout, mean, std)
    if size is None and transform is None:
        raise ValueError("a batch needs a size, or a transform, so that all its rows are alike")
    rule = _crop_rule(size, interpolation, transform, boxes_given=boxes is not None)
    _checked_window(None, transform)
    columns = {"boxes": boxes, "flips": flips, "vflips": vflips, "steps": steps}
    for name, values in columns.items():
        if values is not None and len(values) != len(encoded):
            raise ValueError(f"{name} must be one an image: {len(encoded)}, not {len(values)}")
    rule["boxes"] = None if boxes is None else [_checked_box("box", box) for box in boxes]
    rule |= {"flips": flips, "vflips": vflips, "window": None}
    rule["steps"] = [native_steps(each) for each in steps or ()]
    threads = whole_number("threads", cpus_for_call() if threads is None else threads, 1, 4096)
    try:
        return _codec.decode_batch(
            encoded,
            lambda height, width: output.array((len(encoded), *output.shape(height, width)), out),
            threads=threads,
            rule=rule,
            **RenderOptions(exact, exif_orientation, max_pixels).native(),
            **output.native(),
        )
    except UnsupportedError as error:
        number = (error.member or "").removeprefix("image ")
        raise (_explained(error, encoded[int(number)]) if number.isdecimal() else error) from None


def apply_steps(pixels: ArrayLike, steps: Iterable[Step]) -> NDArray[np.uint8]:
    """An image changed by steps, one after another: see :class:`fastinet.augment.Step`.

    Args:
        pixels: uint8 [H, W, 3], RGB; it stays as it is.
        steps: what to do with it.

    Returns:
        uint8 [H, W, 3], a new array.

    Raises:
        TypeError: `pixels` are not uint8, or `steps` are no steps.
        ValueError: `pixels` have another shape, or are 2^31 and more; a step that there is not, an
            argument out of its bounds, or a blur whose kernel is larger than the image.
    """
    given = np.asarray(pixels)
    if given.dtype != np.uint8:
        raise TypeError(f"pixels must be uint8, not {given.dtype}")
    if given.ndim != 3 or given.shape[2] != 3:
        raise ValueError(f"pixels must be [H, W, 3], not {list(given.shape)}")
    if given.size >= 3 << 31:
        raise ValueError(f"pixels must be fewer than 2^31, not {list(given.shape)}")
    image = np.array(given, order="C")
    _codec.apply_steps(image, native_steps(steps))
    return image


def _explained(error: UnsupportedError, data: Buffer) -> Exception:
    """The error, saying what the bytes are if they are no image."""
    octets = memoryview(data).cast("B")
    return explained_image(error, lambda count: bytes(octets[:count]), len(octets))


@functools.lru_cache(maxsize=64)
def _known_output(
    dtype: DType | Any, layout: Layout, mean: Any, std: Any
) -> tuple[OutputFormat, dict[str, Any]]:
    output = OutputFormat(dtype, layout, mean, std)
    return output, output.native()


def _output(
    dtype: DType | Any, layout: Layout, mean: Any, std: Any
) -> tuple[OutputFormat, dict[str, Any]]:
    """The output format and what the native module takes of it.

    Checking a format costs as much as decoding a thumbnail, and most callers have one format.
    """
    try:
        return _known_output(dtype, layout, mean, std)
    except TypeError:  # a list or an array, which cannot be looked up
        output = OutputFormat(dtype, layout, mean, std)
        return output, output.native()


def _crop_rule(
    size: int | tuple[int, int] | None,
    interpolation: Interpolation,
    transform: CenterCrop | Resize | RandomCrop | None,
    *,
    boxes_given: bool,
) -> dict[str, Any]:
    """How to cut the images, as the native module takes it."""
    if transform is None:
        # A Resize holds, and so checks, what the arguments say.
        checked = Resize(size if size is not None else 1, interpolation)
        height_width = None if size is None else checked_height_width(size)
        return {"transform": None, "size": height_width, "interpolation": checked.interpolation}
    if not isinstance(transform, CenterCrop | Resize | RandomCrop):
        raise TypeError(
            "transform must be a CenterCrop or a Resize, or a RandomCrop with its window; of other "
            f"random ones give box=, size= and interpolation= of the row, not {transform!r}"
        )
    if boxes_given or size is not None:
        raise ValueError("give a transform, or boxes and a size, not both")
    if interpolation not in ("bilinear", transform.interpolation):  # the default says nothing
        raise ValueError(f"interpolation={interpolation!r}, but the transform is {transform!r}")
    return {
        "transform": transform.native(),
        "size": None,
        "interpolation": transform.interpolation,
    }


def _checked_window(
    window: Sequence[int] | NDArray[np.integer[Any]] | None,
    transform: CenterCrop | Resize | RandomCrop | None,
) -> tuple[int, ...] | None:
    """The window of a transform that has one of several."""
    if isinstance(transform, RandomCrop):
        if window is None:
            raise TypeError(f"{transform!r} draws its window at random: decode takes window=, too")
        return _checked_box("window", window)
    if window is not None:
        raise ValueError(f"window={window!r} is for a RandomCrop, not for {transform!r}")
    return None


def _checked_box(name: str, box: Sequence[int] | NDArray[np.integer[Any]]) -> tuple[int, ...]:
    try:
        numbers = tuple(operator.index(number) for number in box)
    except TypeError:
        numbers = ()
    if len(numbers) != 4 or max(map(abs, numbers)) >= 2**31 or min(numbers[2:]) < 1:
        raise ValueError(f"{name} must be (x, y, width, height) in whole pixels, not {box!r}")
    return numbers

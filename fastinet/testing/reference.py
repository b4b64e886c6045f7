"""The reference: what fastinet does, in tarfile, Pillow and NumPy, one plain step at a time.

It is slow on purpose. Tests take it as their oracle: `exact=True` must give these pixels to the
bit, and the default grade must stay within its published bound. `fastinet demo` and the benchmarks
measure it as the pipeline that people write first.
"""

from __future__ import annotations

import concurrent.futures
import gzip
import io
import math
import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from fastinet.augment.steps import Step
from fastinet.testing.reference_tensors import apply_tensor_step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fastinet.pixels.transform_parts import Interpolation, PaddingMode

Pixels = NDArray[np.uint8]

_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "nearest": Image.Resampling.NEAREST,
}


class Box(NamedTuple):
    """A rectangle in pixels: left edge, top edge, width, height."""

    x: int
    y: int
    width: int
    height: int


class Member(NamedTuple):
    """One image of a train archive: where its bytes lie in the outer tar."""

    wnid: str
    key: str
    offset: int  # [bytes]
    size: int  # [bytes]


def soft_label(
    label_map: NDArray[np.float32],
    part: Sequence[float],
    axis: Literal["xy", "reference"] = "xy",
    classes: int = 1000,
) -> NDArray[np.float64]:
    """ReLabel's soft label of a part of an image: RoIAlign of dense score maps, and softmax.

    Args:
        label_map: [2, ranks, rows, columns]; [0] the scores, [1] the classes.
        part: x0, y0, x1, y1 in units of the image's sides.
        axis: which axis of the image the map's columns follow: x, or y.
        classes: length of the soft label.
    """
    _, ranks, rows, columns = label_map.shape
    dense = np.zeros((classes, rows, columns))
    for rank in range(ranks):
        for row in range(rows):
            for column in range(columns):
                number = int(label_map[1, rank, row, column])
                dense[number, row, column] = label_map[0, rank, row, column]
    x0, y0, x1, y1 = (np.float32(edge) for edge in part)
    if axis == "reference":
        x0, y0, x1, y1 = y0, x0, y1, x1
    half = np.float32(0.5)
    pooled = _roi_align(
        dense,
        (
            x0 * np.float32(columns) - half,
            y0 * np.float32(rows) - half,
            x1 * np.float32(columns) - half,
            y1 * np.float32(rows) - half,
        ),
    )
    shares = np.exp(pooled - pooled.max())
    return np.asarray(shares / shares.sum())


def _roi_align(
    planes: NDArray[np.float64], roi: tuple[np.float32, np.float32, np.float32, np.float32]
) -> NDArray[np.float64]:
    """One value for each of [C, rows, columns]: torchvision's roi_align with aligned=False.

    output_size 1, spatial_scale 1, sampling_ratio -1.
    """
    x0, y0, x1, y1 = roi
    width, height = max(x1 - x0, np.float32(1)), max(y1 - y0, np.float32(1))
    across, down = math.ceil(width), math.ceil(height)
    total = np.zeros(len(planes))
    for i in range(down):
        for j in range(across):
            y = y0 + np.float32(i + 0.5) * height / np.float32(down)
            x = x0 + np.float32(j + 0.5) * width / np.float32(across)
            total += _bilinear(planes, float(y), float(x))
    return total / (across * down)


def _bilinear(planes: NDArray[np.float64], y: float, x: float) -> NDArray[np.float64]:
    """The planes between their cells' centres, which have whole coordinates."""
    _, rows, columns = planes.shape
    if not (-1 <= y <= rows and -1 <= x <= columns):
        return np.zeros(len(planes))
    y, x = min(max(y, 0.0), rows - 1.0), min(max(x, 0.0), columns - 1.0)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, rows - 1), min(left + 1, columns - 1)
    return np.asarray(
        planes[:, top, left] * (top + 1 - y) * (left + 1 - x)
        + planes[:, top, right] * (top + 1 - y) * (x - left)
        + planes[:, bottom, left] * (y - top) * (left + 1 - x)
        + planes[:, bottom, right] * (y - top) * (x - left)
    )


def list_members(path: str | os.PathLike[str]) -> list[Member]:
    """Members of a tar of per-wnid tars, in archive order."""
    members = []
    with tarfile.open(path, "r:") as outer:
        for class_tar in outer:
            contents = outer.extractfile(class_tar)
            if contents is None:
                continue
            wnid = class_tar.name.removesuffix(".tar")
            with tarfile.open(fileobj=contents, mode="r:") as inner:
                members += [
                    Member(
                        wnid,
                        f"{wnid}/{member.name}",
                        class_tar.offset_data + member.offset_data,
                        member.size,
                    )
                    for member in inner
                    if member.isfile()
                ]
    return members


def labels_of(members: Sequence[Member]) -> NDArray[np.int64]:
    """Labels int64 [N]: the index of each member's wnid among the archive's sorted wnids."""
    label_of = {wnid: label for label, wnid in enumerate(sorted({m.wnid for m in members}))}
    return np.array([label_of[member.wnid] for member in members], np.int64)


def read_member(path: str | os.PathLike[str], member: Member) -> bytes:
    """The bytes of `member` as the archive holds them."""
    with Path(path).open("rb") as file:
        file.seek(member.offset)
        return file.read(member.size)


def open_image(data: bytes) -> Image.Image:
    """Any image of the ImageNet family as RGB; EXIF orientation is ignored, as training does."""
    if data[:2] == b"\x1f\x8b":  # ImageNet-21K has JPEGs that are wrapped in gzip
        data = gzip.decompress(data)
    return Image.open(io.BytesIO(data)).convert("RGB")


def decode(
    data: bytes,
    box: Sequence[int] | None = None,
    size: tuple[int, int] | int | None = None,
    *,
    flip: bool = False,
    vflip: bool = False,
    interpolation: Interpolation = "bilinear",
) -> Pixels:
    """Cuts `box` (x, y, width, height) out of an image, resizes it to `size`, mirrors it.

    Args:
        data: bytes of a JPEG or PNG file, perhaps gzipped.
        box: part of the image [pixels]; None takes all of it.
        size: (height, width) of the result [pixels], or one number for both; None keeps the box's.
        flip: mirror left to right.
        vflip: turn upside down.
        interpolation: filter of the resize.

    Returns:
        uint8 [height, width, 3] RGB.
    """
    image = open_image(data)
    x, y, width, height = box if box is not None else (0, 0, *image.size)
    image = image.crop((x, y, x + width, y + height))
    if size is not None:
        rows, columns = (size, size) if isinstance(size, int) else size
        image = image.resize((columns, rows), _FILTERS[interpolation])
    return mirrored(np.asarray(image), flip=flip, vflip=vflip)


def mirrored(pixels: Pixels, *, flip: bool = False, vflip: bool = False) -> Pixels:
    """An image [height, width, 3] mirrored left to right, upside down, or both."""
    pixels = pixels[:, ::-1] if flip else pixels
    return np.ascontiguousarray(pixels[::-1] if vflip else pixels)


def center_crop(
    data: bytes,
    size: int,
    resize: int | None,
    interpolation: Interpolation = "bilinear",
    padding_mode: PaddingMode = "constant",
    fill: int | tuple[int, ...] = 0,
) -> Pixels:
    """The validation transform of torchvision: Resize(resize), then CenterCrop(size).

    The shorter side becomes `resize`, the longer is truncated to whole pixels
    (torchvision.transforms.functional._compute_resized_output_size); None keeps the size. Where the
    crop reaches beyond the image it is black, or what `padding_mode` says. Gives uint8
    [size, size, 3].
    """
    image = with_shorter_side(open_image(data), resize, interpolation)
    left, top = _centred_start(image.width, size), _centred_start(image.height, size)
    return padded_window(np.asarray(image), Box(left, top, size, size), padding_mode, fill)


def with_shorter_side(
    image: Image.Image, side: int | None, interpolation: Interpolation
) -> Image.Image:
    """The image after torchvision's Resize(side); None keeps its size."""
    if side is None:
        return image
    shorter, longer = min(image.size), max(image.size)
    longer = int(side * longer / shorter)
    upright = image.width <= image.height
    return image.resize((side, longer) if upright else (longer, side), _FILTERS[interpolation])


def padded_window(
    pixels: Pixels, window: Box, padding_mode: PaddingMode, fill: int | tuple[int, ...] = 0
) -> Pixels:
    """A window of an image [height, width, 3], which is padded as far as the window reaches.

    By ``np.pad``, with which torchvision pads PIL images; mirror images are mirrored again.
    """
    x, y, width, height = window
    before = max(0, -y), max(0, -x)
    behind = max(0, y + height - pixels.shape[0]), max(0, x + width - pixels.shape[1])
    padding = [*zip(before, behind, strict=True), (0, 0)]
    if padding_mode == "constant":
        padded = np.pad(pixels, padding)
        colour = (fill,) * 3 if isinstance(fill, int) else fill
        padded[~np.pad(np.ones(pixels.shape[:2], bool), padding[:2])] = colour
    else:
        padded = np.pad(pixels, padding, padding_mode)
    top, left = y + before[0], x + before[1]
    return padded[top : top + height, left : left + width]


def _centred_start(available: int, wanted: int) -> int:
    """Start of a centred run; torchvision pads first, the smaller half before the image."""
    if wanted > available:
        return -((wanted - available) // 2)
    return round((available - wanted) / 2.0)


def philox(key: tuple[int, int], counter: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Philox4x32-10: four random 32-bit numbers (Salmon et al., SC 2011)."""
    k0, k1 = key
    c0, c1, c2, c3 = counter
    for _ in range(10):
        product0, product1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1 = (product1 >> 32) ^ c1 ^ k0, product1 & 0xFFFFFFFF
        c2, c3 = (product0 >> 32) ^ c3 ^ k1, product0 & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


_CROP, _FLIP, _COLOUR = 1, 2, 3  # what random bits are for: RandomUse in csrc/rng/philox.h


def random_bits(
    seed: int, epoch: int, item: int, use: int, index: int, view: int = 0
) -> tuple[int, ...]:
    """The `index`-th block of four 32-bit numbers of one view of one item in one epoch."""
    key = (seed & 0xFFFFFFFF, seed >> 32)
    return philox(key, (item & 0xFFFFFFFF, item >> 32, epoch, use << 24 | view << 8 | index))


def random_resized_crop(
    image_size: tuple[int, int],
    seed: int,
    epoch: int,
    item: int,
    *,
    scale: tuple[float, float] = (0.08, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
    flip_probability: float = 0.5,
    view: int = 0,
    objects: Sequence[Sequence[float]] = (),
    min_object_covered: float = 0.0,
) -> tuple[Box, bool]:
    """The box and the flip that fastinet draws for `item` of (width, height) pixels.

    The rule is torchvision's RandomResizedCrop.get_params: area uniform in `scale`, logarithm of
    the aspect ratio uniform, ten tries, else the largest centred box within the ratio's bounds.
    The random bits are Philox's. Of `objects` (xmin, ymin, xmax, ymax, as shares of the image) the
    box must cover the share `min_object_covered` of one; then there are a hundred tries, and after
    them it is the whole image.
    """
    must_cover = min_object_covered > 0 and len(objects) > 0
    flip = random_bits(seed, epoch, item, _FLIP, 0, view)[0] / 2**32 < flip_probability
    image_width, image_height = image_size
    log_low, log_high = math.log(ratio[0]), math.log(ratio[1])
    for attempt in range(100 if must_cover else 10):
        bits = random_bits(seed, epoch, item, _CROP, attempt, view)
        share = scale[0] + (scale[1] - scale[0]) * (bits[0] / 2**32)
        area = image_width * image_height * share
        aspect = math.exp(log_low + (log_high - log_low) * (bits[1] / 2**32))
        width, height = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < width <= image_width and 0 < height <= image_height:
            y = bits[2] * (image_height - height + 1) >> 32
            x = bits[3] * (image_width - width + 1) >> 32
            box = Box(x, y, width, height)
            shares = [covered_share(box, image_size, bounds) for bounds in objects]
            if not must_cover or max(shares) >= min_object_covered:
                return box, flip
    if must_cover:
        return Box(0, 0, *image_size), flip
    width, height = image_size
    if width / height < ratio[0]:
        height = max(1, round(width / ratio[0]))
    elif width / height > ratio[1]:
        width = max(1, round(height * ratio[1]))
    return Box((image_width - width) // 2, (image_height - height) // 2, width, height), flip


def color_steps(
    bounds: Sequence[tuple[float, float] | None], seed: int, epoch: int, item: int, view: int = 0
) -> list[Step]:
    """The colour adjustments that fastinet draws for `item`, in order.

    `bounds` are those of brightness, contrast, saturation and hue; None makes no adjustment.
    Factors are uniform, the order comes from Fisher and Yates' shuffle.
    """
    factors = random_bits(seed, epoch, item, _COLOUR, 0, view)
    bits = random_bits(seed, epoch, item, _COLOUR, 1, view)
    order = [0, 1, 2, 3]
    for i in (3, 2, 1):
        j = bits[i] * (i + 1) >> 32
        order[i], order[j] = order[j], order[i]
    names = ("brightness", "contrast", "saturation", "hue")
    return [
        Step(names[op], (low + (high - low) * (factors[op] / 2**32),))
        for op in order
        if (pair := bounds[op]) is not None
        for low, high in [pair]
    ]


def _blend(background: Image.Image, image: Image.Image, factor: float) -> Image.Image:
    """``Image.blend`` with every operation rounded; Pillow's builds for arm64 fuse two of them."""
    start = np.asarray(background, np.float32)
    blended = start + np.float32(factor) * (np.asarray(image, np.float32) - start)
    return Image.fromarray(np.clip(blended, 0, 255).astype(np.uint8))


_ENHANCERS = {
    "brightness": ImageEnhance.Brightness,
    "contrast": ImageEnhance.Contrast,
    "saturation": ImageEnhance.Color,
    "sharpness": ImageEnhance.Sharpness,
}
_SAMPLINGS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def _turn_hue(image: Image.Image, turn: float) -> Image.Image:
    """Torchvision's ``adjust_hue``: the hue as Pillow's 8 bits have it, moved on."""
    hue, saturation, value = image.convert("HSV").split()
    turned = np.asarray(hue) + np.int32(turn * 255).astype(np.uint8)
    return Image.merge("HSV", (Image.fromarray(turned), saturation, value)).convert("RGB")


def _solarize_add(image: Image.Image, addition: float, threshold: float) -> Image.Image:
    """timm's: ``addition`` more below the threshold."""
    table = [min(255, max(0, int(v + addition))) if v < threshold else v for v in range(256)]
    return image.point(table * 3)


def _kernel_blur(image: Image.Image, taps: float, sigma: float) -> Image.Image:
    """Torchvision's ``gaussian_blur``, in double."""
    reach = int(taps) // 2
    distances = np.arange(-reach, reach + 1) / sigma
    kernel = np.exp(-0.5 * distances**2)
    kernel /= kernel.sum()
    padded = np.pad(
        np.asarray(image, np.float64), ((reach, reach), (reach, reach), (0, 0)), "reflect"
    )
    height, width = padded.shape[0] - 2 * reach, padded.shape[1] - 2 * reach
    rows = sum(share * padded[:, i : i + width] for i, share in enumerate(kernel))
    whole = sum(share * rows[i : i + height] for i, share in enumerate(kernel))
    return Image.fromarray(np.clip(np.rint(whole), 0, 255).astype(np.uint8))


def _fill_rectangle(
    image: Image.Image, box: Sequence[int], fill: tuple[int, int, int]
) -> Image.Image:
    pixels = np.array(image)
    x, y, width, height = box
    pixels[max(y, 0) : max(y + height, 0), max(x, 0) : max(x + width, 0)] = fill
    return Image.fromarray(pixels)


def _apply_step(image: Image.Image, step: Step) -> Image.Image:
    """One step, by Pillow's function for it."""
    op, arguments, sampling, fill = step
    if op.startswith("tensor_"):
        return Image.fromarray(apply_tensor_step(np.asarray(image), step))
    if op in _ENHANCERS:
        return _blend(_ENHANCERS[op](image).degenerate, image, arguments[0])
    match op:
        case "hue":
            return _turn_hue(image, arguments[0])
        case "grayscale":
            return ImageOps.grayscale(image).convert("RGB")
        case "invert":
            return ImageOps.invert(image)
        case "solarize":
            return ImageOps.solarize(image, arguments[0])  # type: ignore[arg-type]  # compared only
        case "solarize_add":
            return _solarize_add(image, *arguments)
        case "posterize" if arguments[0] == 0:
            return Image.new("RGB", image.size)
        case "posterize":
            return ImageOps.posterize(image, int(arguments[0]))
        case "autocontrast":
            return ImageOps.autocontrast(image)
        case "equalize":
            return ImageOps.equalize(image)
        case "gaussian_blur":
            return image.filter(ImageFilter.GaussianBlur(arguments[0]))
        case "kernel_blur":
            return _kernel_blur(image, *arguments)
        case "affine":
            method = Image.Transform.AFFINE
            resample = _SAMPLINGS[sampling]
            return image.transform(image.size, method, arguments, resample, fillcolor=fill)
        case "rotate":
            return image.rotate(arguments[0], _SAMPLINGS[sampling], fillcolor=fill)
        case "vertical_flip":
            return ImageOps.flip(image)
        case "rectangle":
            return _fill_rectangle(image, [int(number) for number in arguments], fill)
        case _:
            raise ValueError(f"no step {op!r}")


def _weighted(image: Image.Image, weight: float) -> NDArray[np.float32]:
    return np.float32(weight) * np.asarray(image, np.float32)


def changed_image(image: Image.Image, steps: Sequence[Step]) -> Image.Image:
    """An RGB image changed by steps, as Pillow does it, and torchvision on Pillow's images."""
    origin, mixture = image, _weighted(image, 0)
    for step in steps:
        match step.op:
            case "mix_start":
                origin, mixture = image, _weighted(image, step.arguments[0])
            case "mix_chain":
                mixture = mixture + _weighted(image, step.arguments[0])
                image = origin
            case "mix_end":
                mixed = Image.fromarray(np.clip(mixture, 0, 255).astype(np.uint8))
                image = Image.blend(origin, mixed, step.arguments[0])
            case _:
                image = _apply_step(image, step)
    return image


def apply_steps(pixels: Pixels, steps: Sequence[Step]) -> Pixels:
    """The same for uint8 [H, W, 3]."""
    return np.asarray(changed_image(Image.fromarray(pixels), steps))


def covered_share(box: Box, image_size: tuple[int, int], bounds: Sequence[float]) -> float:
    """Which share of an object's area lies in `box`, which is in pixels of the image."""
    width, height = image_size
    left, top, right, bottom = (
        float(share) * side for share, side in zip(bounds, (width, height) * 2, strict=True)
    )
    covered_width = max(0.0, min(right, box.x + box.width) - max(left, box.x))
    covered_height = max(0.0, min(bottom, box.y + box.height) - max(top, box.y))
    return covered_width * covered_height / ((right - left) * (bottom - top))


def train_row(data: bytes, size: int, seed: int, epoch: int, item: int) -> Pixels:
    """One row of a training batch: uint8 [size, size, 3]."""
    image = open_image(data)
    box, flip = random_resized_crop(image.size, seed, epoch, item)
    corners = (box.x, box.y, box.x + box.width, box.y + box.height)
    pixels = np.asarray(image.crop(corners).resize((size, size), _FILTERS["bilinear"]))
    return pixels[:, ::-1] if flip else pixels


def train_epoch(
    path: str | os.PathLike[str],
    members: Sequence[Member],
    *,
    batch_size: int,
    size: int = 224,
    threads: int = 1,
    seed: int = 0,
    epoch: int = 0,
) -> Iterator[tuple[Pixels, NDArray[np.int64]]]:
    """One epoch in random order: batches of (images [B, size, size, 3] uint8, labels [B] int64).

    Threads share the work image by image; Pillow decodes and resizes without the GIL.
    """
    labels = labels_of(members)
    order = np.random.default_rng((seed, epoch)).permutation(len(members))
    file = os.open(path, os.O_RDONLY)

    def row(item: int) -> Pixels:
        member = members[item]
        data = os.pread(file, member.size, member.offset)
        return train_row(data, size, seed, epoch, item)

    try:
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            # One batch is made while the caller holds the one before.
            batches = [order[at : at + batch_size] for at in range(0, len(order), batch_size)]
            coming = [pool.submit(row, int(item)) for item in batches[0]] if batches else []
            for index, batch in enumerate(batches):
                rows = coming
                following = batches[index + 1] if index + 1 < len(batches) else ()
                coming = [pool.submit(row, int(item)) for item in following]
                yield np.stack([future.result() for future in rows]), labels[batch]
    finally:
        os.close(file)

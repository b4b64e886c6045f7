"""Draws docs/fidelity.png and prints the table of docs/fidelity.md.

    python docs/make_fidelity_picture.py
    FASTINET_SAMPLE=train.tar python docs/make_fidelity_picture.py    # the table of photographs

The picture is of synthetic photographs (fastinet.testing). Needs the "bench" extra, for
OpenCV and simplejpeg.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import simplejpeg
from PIL import Image, ImageDraw, ImageFont

import fastinet
from fastinet.testing import reference
from fastinet.testing.encodings import Encoding, encode
from fastinet.testing.photographs import paint, photographs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

Pixels = NDArray[np.uint8] if TYPE_CHECKING else object
Box = tuple[int, int, int, int]

PICTURE = Path(__file__).with_name("fidelity.png")
TABLE_PHOTOGRAPHS = 100
TABLE_CROPS = 3  # of each
TRAINING_SIZE = 224

# ------------------------------------------------------------------------------------- the ways


def pillow(data: bytes, box: Box, size: int) -> Pixels:
    """The measure of all others: decode all, crop, antialiased bilinear resize."""
    return reference.decode(data, box, size)


def default(data: bytes, box: Box, size: int) -> Pixels:
    """What fastinet gives unless asked otherwise."""
    return fastinet.decode(data, box, size)


def exact(data: bytes, box: Box, size: int) -> Pixels:
    """The exact grade."""
    return fastinet.decode(data, box, size, exact=True)


def opencv(data: bytes, box: Box, size: int, interpolation: int) -> Pixels:
    """A resize that looks at no more pixels than it has neighbours, however much it shrinks."""
    x, y, width, height = box
    part = reference.decode(data)[y : y + height, x : x + width]
    return np.asarray(cv2.resize(part, (size, size), interpolation=interpolation), np.uint8)


def linear(data: bytes, box: Box, size: int) -> Pixels:
    """OpenCV's default."""
    return opencv(data, box, size, cv2.INTER_LINEAR)


def nearest(data: bytes, box: Box, size: int) -> Pixels:
    """One pixel for each, the others dropped."""
    return opencv(data, box, size, cv2.INTER_NEAREST)


def shrunk(data: bytes, box: Box, size: int) -> Pixels:
    """A crop of the image that a scaled inverse DCT has shrunk as a whole, as far as `size` allows.

    The crop has fewer pixels left than the original had, often fewer than `size`.
    """
    pixels = simplejpeg.decode_jpeg(data, "RGB", min_height=size, min_width=size)
    image = Image.fromarray(pixels)
    scale = image.width / fastinet.read_header(data).width
    x, y = int(box[0] * scale), int(box[1] * scale)
    right, bottom = x + max(1, round(box[2] * scale)), y + max(1, round(box[3] * scale))
    part = image.crop((x, y, right, bottom))
    return np.asarray(part.resize((size, size), Image.Resampling.BILINEAR))


WAYS: dict[str, Callable[[bytes, Box, int], Pixels]] = {
    "Pillow": pillow,
    "fastinet, default": default,
    "fastinet, exact=True": exact,
    "OpenCV, linear": linear,
    "nearest": nearest,
    "crop of a shrunk image": shrunk,
}

# ------------------------------------------------------------------------------------- numbers


@dataclass(frozen=True)
class Difference:
    """How far rows are from Pillow's."""

    mean: float  # [levels]
    most: int  # [levels]
    psnr: float  # [dB]

    def __str__(self) -> str:
        if self.most == 0:
            return "no difference"
        return f"mean {self.mean:.1f}, max {self.most}, {self.psnr:.0f} dB"


def difference(ours: Pixels, theirs: Pixels) -> Difference:
    """Over all pixels and channels of one row."""
    levels = np.abs(ours.astype(np.int16) - theirs.astype(np.int16))
    squared = np.mean(levels.astype(np.float64) ** 2)
    psnr = np.inf if squared == 0 else 10 * np.log10(255**2 / squared)
    return Difference(float(levels.mean()), int(levels.max()), float(psnr))


def table_images() -> Iterator[bytes]:
    """Photographs of a train archive, or synthetic ones."""
    if sample := os.environ.get("FASTINET_SAMPLE"):
        for member in reference.list_members(sample)[:TABLE_PHOTOGRAPHS]:
            yield reference.read_member(sample, member)
    else:
        yield from (photograph.data for photograph in photographs(TABLE_PHOTOGRAPHS))


def table() -> str:
    """Differences over random training crops, as Markdown."""
    found: dict[str, list[Difference]] = {name: [] for name in WAYS if name != "Pillow"}
    for item, data in enumerate(table_images()):
        size = reference.open_image(data).size
        for epoch in range(TABLE_CROPS):
            box, _ = reference.random_resized_crop(size, 0, epoch, item)
            wanted = pillow(data, box, TRAINING_SIZE)
            for name, rows in found.items():
                rows.append(difference(WAYS[name](data, box, TRAINING_SIZE), wanted))
    lines = [
        "| | mean difference | largest | PSNR, mean | PSNR, worst |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, rows in found.items():
        if max(row.most for row in rows) == 0:
            lines.append(f"| {name} | 0 | 0 | ∞ | ∞ |")
            continue
        psnr = [min(row.psnr, 100.0) for row in rows]
        lines.append(
            f"| {name} | {np.mean([row.mean for row in rows]):.2f} "
            f"| {max(row.most for row in rows)} | {np.mean(psnr):.1f} dB | {min(psnr):.1f} dB |"
        )
    return "\n".join(lines)


# ------------------------------------------------------------------------------------- picture

CELL, GAP, LINE, MARGIN = 144, 8, 13, 10  # [pixels]
AMPLIFIED = 4
PAPER, INK, FAINT = (250, 249, 246), (40, 40, 40), (120, 120, 120)

# A crop that is shrunk by six, and one of a tenth of the image, where little shrinking is left.
CROPS = [(7, (60, 10, 860, 735)), (8, (330, 100, 300, 250))]


def picture() -> Image.Image:
    """One block for each crop: the ways side by side, and below them what they differ in."""
    block = 2 * CELL + 3 * LINE + 3 * GAP
    width = 2 * MARGIN + len(WAYS) * (CELL + GAP) - GAP
    page = Image.new("RGB", (width, 2 * MARGIN + len(CROPS) * block), PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(11)
    for number, (seed, box) in enumerate(CROPS):
        data = encode(paint(1000, 750, np.random.default_rng(seed)), Encoding())
        wanted = pillow(data, box, CELL)
        top = MARGIN + number * block
        for column, (name, way) in enumerate(WAYS.items()):
            left = MARGIN + column * (CELL + GAP)
            row = way(data, box, CELL)
            levels = np.abs(row.astype(np.int16) - wanted) * AMPLIFIED
            draw.text((left, top), name, INK, font)
            page.paste(Image.fromarray(row), (left, top + LINE + 2))
            below = top + LINE + CELL + GAP
            caption = "" if way is pillow else f"differs (x{AMPLIFIED}):"
            draw.text((left, below), caption, FAINT, font)
            if way is pillow:
                text = f"{box[2]} x {box[3]} of 1000 x 750\npixels become {CELL} x {CELL}"
                draw.text((left, below + LINE), text, FAINT, font)
                continue
            shown = Image.fromarray(np.minimum(levels, 255).astype(np.uint8))
            page.paste(shown, (left, below + LINE + 2))
            draw.text((left, below + LINE + CELL + 3), str(difference(row, wanted)), INK, font)
    return page


if __name__ == "__main__":
    # 256 colours do for looking at; the numbers are those of the rows themselves.
    picture().quantize(256, dither=Image.Dither.NONE).save(PICTURE, optimize=True)
    print(table())

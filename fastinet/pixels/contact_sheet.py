"""Contact sheets: many small pictures with captions on one page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image, ImageFont

_FRAME = (255, 60, 60)
_PAPER, _INK, _FAINT = (250, 249, 246), (40, 40, 40), (130, 130, 130)
_NO_PICTURE, _CROSS = (236, 232, 226), (200, 60, 40)
_GAP, _LINE, _FONT_SIZE = 10, 14, 11  # [pixels]


def contact_sheet(
    images: Sequence[NDArray[np.uint8] | None],
    captions: Sequence[Sequence[str]],
    columns: int = 8,
    cell: int = 160,
    frames: Sequence[NDArray[np.floating[Any]]] | None = None,
) -> Image.Image:
    """Lays pictures out in rows, each shrunk to fit its cell and captioned below.

    Args:
        images: uint8 [H, W, 3] each, of any size; None: there is none, and a crossed tile is drawn.
        captions: lines of text for each image; the first is dark, the others faint.
        columns: pictures in a row.
        cell: side of the square that a picture must fit [pixels].
        frames: for each image, boxes [n, 4] to draw: xmin, ymin, xmax, ymax in its own pixels.

    Returns:
        A Pillow image.

    Raises:
        ValueError: no images, or not as many captions as images.
        ImportError: Pillow is not installed.
    """
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415 - only drawing needs Pillow

    if len(images) == 0 or len(images) != len(captions):
        raise ValueError(
            f"a contact sheet needs images and a caption for each, "
            f"got {len(images)} images and {len(captions)} captions"
        )
    if frames is not None and len(frames) != len(images):
        raise ValueError(f"{len(images)} images, but frames for {len(frames)}")
    columns = min(columns, len(images))
    lines = max(len(caption) for caption in captions)
    pitch_x, pitch_y = cell + _GAP, cell + lines * _LINE + _GAP
    rows = math.ceil(len(images) / columns)
    sheet = Image.new("RGB", (columns * pitch_x + _GAP, rows * pitch_y + _GAP), _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_FONT_SIZE)
    for index, (pixels, caption) in enumerate(zip(images, captions, strict=True)):
        left = _GAP + index % columns * pitch_x
        top = _GAP + index // columns * pitch_y
        picture = _crossed(cell) if pixels is None else Image.fromarray(pixels)
        picture.thumbnail((cell, cell))
        if frames is not None and pixels is not None:
            _draw_frames(picture, frames[index] * (picture.width / pixels.shape[1]))
        sheet.paste(picture, (left + (cell - picture.width) // 2, top + cell - picture.height))
        for number, text in enumerate(caption):
            corner = (left, top + cell + 1 + number * _LINE)
            draw.text(corner, _fit(text, cell, font), _INK if number == 0 else _FAINT, font)
    return sheet


def _crossed(side: int) -> Image.Image:
    """What stands where there is no picture."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - only drawing needs Pillow

    tile = Image.new("RGB", (side, side), _NO_PICTURE)
    draw = ImageDraw.Draw(tile)
    draw.line((0, 0, side - 1, side - 1), _CROSS, 2)
    draw.line((0, side - 1, side - 1, 0), _CROSS, 2)
    draw.rectangle((0, 0, side - 1, side - 1), outline=_CROSS, width=2)
    return tile


def _draw_frames(picture: Image.Image, boxes: NDArray[np.floating[Any]]) -> None:
    """Draws boxes [n, 4] on the picture; a frame lies within its box."""
    from PIL import ImageDraw  # noqa: PLC0415 - only drawing needs Pillow

    draw = ImageDraw.Draw(picture)
    for xmin, ymin, xmax, ymax in boxes.tolist():
        left, top = int(xmin), int(ymin)
        right, bottom = max(left, math.ceil(xmax) - 1), max(top, math.ceil(ymax) - 1)
        draw.rectangle((left, top, right, bottom), outline=_FRAME, width=2)


def _fit(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """`text`, cut short with an ellipsis where it is longer than `width` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"

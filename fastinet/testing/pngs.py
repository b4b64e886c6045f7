"""PNGs of every kind, chunk by chunk: also those that Pillow reads and does not write."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["CHANNELS", "GREY", "GREY_ALPHA", "PALETTE", "RGB", "RGBA", "chunk", "png"]

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
"""Colour types (PNG specification, table 11.1)."""

CHANNELS: Final = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}

# First column, first row, and steps between columns and rows of the seven passes (section 8.2).
_ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk, with length and CRC."""
    checksum = zlib.crc32(kind + content)
    return struct.pack(">L", len(content)) + kind + content + struct.pack(">L", checksum)


def png(
    samples: NDArray[np.unsignedinteger],
    colour_type: int,
    bit_depth: int = 8,
    *,
    interlaced: bool = False,
    before: Sequence[bytes] = (),
    after: Sequence[bytes] = (),
) -> bytes:
    """A PNG of `samples` [H, W, C].

    Args:
        samples: below 2**bit_depth, or palette indices.
        colour_type: GREY, RGB, PALETTE, GREY_ALPHA or RGBA.
        bit_depth: 1, 2, 4, 8 or 16, as the colour type allows.
        interlaced: by Adam7.
        before: chunks before the pixels, such as PLTE and tRNS.
        after: chunks after them.
    """
    height, width = samples.shape[:2]
    header = struct.pack(">LLBBBBB", width, height, bit_depth, colour_type, 0, 0, int(interlaced))
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    parts = [samples[y::down, x::across] for x, y, across, down in passes]
    rows = b"".join(row for part in parts if part.size for row in _filtered(part, bit_depth))
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            *before,
            chunk(b"IDAT", zlib.compress(rows)),
            *after,
            chunk(b"IEND", b""),
        ]
    )


def _filtered(samples: NDArray[np.unsignedinteger], bit_depth: int) -> Iterator[bytes]:
    """The rows as stored: every other one as the difference from the row above (section 9.2)."""
    rows = samples.reshape(len(samples), -1)
    if bit_depth == 16:
        packed = rows.astype(">u2").view(np.uint8)
    elif bit_depth == 8:
        packed = rows.astype(np.uint8)
    else:
        bits = np.unpackbits(rows.astype(np.uint8)[..., None], axis=-1)[..., 8 - bit_depth :]
        packed = np.packbits(bits.reshape(len(rows), -1), axis=-1)
    for y, row in enumerate(packed):
        yield b"\2" + (row - packed[y - 1]).tobytes() if y % 2 else b"\0" + row.tobytes()

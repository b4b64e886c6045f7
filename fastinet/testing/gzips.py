"""Gzip files of the forms that archives come in, from given bytes."""

from __future__ import annotations

import gzip
import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["bgzip", "gzip_members"]

_BLOCK_BYTES = 65_280  # as bgzip takes them: deflated they fit the 64 KiB of its size field


def gzip_members(data: bytes, cuts: Sequence[int] = (), levels: Sequence[int] = (6,)) -> bytes:
    """`data` as gzip members one behind the other, as `cat a.gz b.gz` makes them.

    Args:
        data: what they inflate to.
        cuts: offsets where a new member begins; larger ones than `data` has do nothing.
        levels: 0 to 9, of the members in turn.
    """
    ends = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
    parts = [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return b"".join(
        gzip.compress(part, levels[i % len(levels)], mtime=0) for i, part in enumerate(parts)
    )


def bgzip(data: bytes) -> bytes:
    """`data` as bgzip writes them: small members that state their size, and an empty one."""
    starts = [*range(0, len(data), _BLOCK_BYTES), len(data)]
    return b"".join(_bgzip_block(data[start : start + _BLOCK_BYTES]) for start in starts)


def _bgzip_block(content: bytes) -> bytes:
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = deflate.compress(content) + deflate.flush()
    # RFC 1952, 2.3.1.1: an extra field "BC" of two bytes, the size of the member less one.
    header = b"\x1f\x8b\x08\x04" + bytes(4) + b"\0\xff" + struct.pack("<H", 6) + b"BC\x02\0"
    size = struct.pack("<H", len(header) + 2 + len(body) + 8 - 1)
    return header + size + body + struct.pack("<II", zlib.crc32(content), len(content))

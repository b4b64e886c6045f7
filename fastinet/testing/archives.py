"""Miniature archives from given bytes, sound and broken, block by block."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["END", "RECORD_BYTES", "checksummed", "entry", "extract", "tar", "train_tar"]

Format = Literal[0, 1, 2]
"""tarfile.USTAR_FORMAT, GNU_FORMAT, PAX_FORMAT."""

BLOCK_BYTES = 512
RECORD_BYTES = 20 * BLOCK_BYTES
"""GNU tar fills archives up to a multiple of this, its "blocking factor 20"."""

END = bytes(2 * BLOCK_BYTES)
"""The end-of-archive marker."""


def entry(
    name: str,
    content: bytes = b"",
    *,
    type: bytes = tarfile.REGTYPE,  # noqa: A002  # as tarfile calls it
    format: Format = tarfile.GNU_FORMAT,  # noqa: A002  # as tarfile calls it
    **fields: object,
) -> bytes:
    """One entry: the header, with the extended headers that its format needs, and padded content.

    Args:
        name: of the entry.
        content: what follows the header.
        type: one of tarfile's type flags.
        format: tarfile.USTAR_FORMAT, GNU_FORMAT or PAX_FORMAT.
        fields: further attributes of the tarfile.TarInfo: ``size`` for one that is a lie.
    """
    info = tarfile.TarInfo(name)
    info.type = type
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    padding = bytes(-len(content) % BLOCK_BYTES)
    return info.tobuf(format, "utf-8", "surrogateescape") + content + padding


def tar(
    members: Mapping[str, bytes],
    *,
    format: Format = tarfile.GNU_FORMAT,  # noqa: A002  # as tarfile calls it
    record_bytes: int = BLOCK_BYTES,
) -> bytes:
    """A tar of regular files by name, filled up with zeros to a multiple of ``record_bytes``."""
    entries = [entry(name, content, format=format) for name, content in members.items()]
    archive = b"".join(entries) + END
    return archive + bytes(-len(archive) % record_bytes)


def train_tar(
    classes: Mapping[str, Mapping[str, bytes]],
    *,
    format: Format = tarfile.GNU_FORMAT,  # noqa: A002  # as tarfile calls it
    record_bytes: int = BLOCK_BYTES,
) -> bytes:
    """A tar of one tar per class, like ILSVRC2012_img_train.tar: wnid -> file name -> bytes."""
    inner = {
        f"{wnid}.tar": tar(members, format=format, record_bytes=record_bytes)
        for wnid, members in classes.items()
    }
    return tar(inner, format=format, record_bytes=record_bytes)


def extract(members: Mapping[str, bytes], folder: Path) -> Path:
    """Writes the members below `folder`, as tar would extract them; gives `folder`."""
    for name, data in members.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def checksummed(header: bytes, *, signed: bool = False) -> bytes:
    """A header block of 512 bytes whose checksum field is made right, for edited headers."""
    blank = header[:148] + b" " * 8 + header[156:]
    total = sum(byte - 256 if signed and byte >= 128 else byte for byte in blank)
    return blank[:148] + b"%06o\0 " % total + blank[156:]

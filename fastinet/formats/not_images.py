"""What to say of an item that is neither a JPEG nor a PNG: what its bytes are, and what to do."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from fastinet.errors import UnsupportedError
from fastinet.formats.signatures import HEAD_BYTES, content_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["explained_cause", "explained_image"]

# What the core says of such bytes: ImageDecoder in csrc/item/image_decoder.cc.
_NO_IMAGE: Final = "the bytes are neither those of a JPEG nor those of a PNG"


def explained_image(
    error: Exception, read: Callable[[int], bytes], size: int | None = None
) -> Exception:
    """The error of an item that gave no row, saying what its bytes are where they are no image.

    Args:
        error: any; another one is given back as it is.
        read: gives up to so many of the item's first bytes. It is called for such an error alone.
        size: of the item [bytes]; None: not known.
    """
    if not isinstance(error, UnsupportedError) or not error.cause.startswith(_NO_IMAGE):
        return error
    return UnsupportedError(
        explained_cause(error.cause, read, size),
        archive=error.archive,
        member=error.member,
        offset=error.offset,
    )


def explained_cause(cause: str, read: Callable[[int], bytes], size: int | None = None) -> str:
    """The cause of such an error, saying what the bytes are; see :func:`explained_image`."""
    if not cause.startswith(_NO_IMAGE):
        return cause
    try:
        head = read(HEAD_BYTES)
    except (OSError, ValueError):  # gone since, or damaged further in
        return cause
    subject = "they are"
    if head.startswith(b"\x1f\x8b"):  # an image may be wrapped in gzip, and is looked at inside
        try:
            head, size = zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES), None
        except zlib.error:
            return cause
        subject = "what they inflate to is"
    content = content_of(head, size)
    if content is None:
        return f"{cause}; they begin with {head[:8].hex(' ')}"
    return f"{cause}: {subject} {content.name}; {content.as_image}"

"""Encoded images, however somebody hands them over."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from fastinet.errors import MissingError, ReadError

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["encoded_image"]


def encoded_image(image: Any, name: str = "data") -> Buffer:
    """The bytes of an image that is one, or the path of its file.

    Args:
        image: bytes or another contiguous buffer, as they are; or a path, whose file is read.
        name: of the argument, for messages.

    Raises:
        MissingError: there is no such file.
        ReadError: it cannot be read.
        TypeError: something else; the message says what to give.
    """
    if isinstance(image, bytes | bytearray | memoryview):
        return image
    if isinstance(image, str | os.PathLike):
        return _content(os.fspath(image))
    if hasattr(image, "read"):
        raise TypeError(f"{name} is a file, whose content is wanted: {name}.read(), or its path")
    if type(image).__module__.partition(".")[0] == "torch":
        raise TypeError(f"{name} is a tensor, whose memory is wanted: {name}.numpy()")
    if hasattr(image, "getbands") or len(getattr(image, "shape", ())) > 1:
        raise TypeError(
            f"{name} is {type(image).__name__} with pixels, which are decoded already: give the "
            "bytes of a JPEG or PNG file, or its path"
        )
    try:
        memoryview(image)
    except TypeError:
        raise TypeError(
            f"{name} must be the bytes of an image file, or its path, not {image!r}"
        ) from None
    buffer: Buffer = image
    return buffer


def _content(path: str | bytes) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - which takes bytes, too
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        raise MissingError("no such file", archive=os.fsdecode(path)) from None
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise ReadError(f"cannot be read: {cause}", archive=os.fsdecode(path)) from None

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
    try:
        view = memoryview(image)
    except TypeError:
        raise TypeError(_instead(image, name)) from None
    if view.ndim == 3:
        raise TypeError(_pixels(image, name))
    buffer: Buffer = image
    return buffer


def _instead(image: Any, name: str) -> str:
    """What to give in place of something that has no bytes of its own."""
    if hasattr(image, "read"):
        return f"{name} is a file, whose content is wanted: {name}.read(), or its path"
    if type(image).__module__.partition(".")[0] == "torch":
        return f"{name} is a tensor, whose memory is wanted: {name}.numpy()"
    if hasattr(image, "getbands"):
        return _pixels(image, name)
    return f"{name} must be the bytes of an image file, or its path, not {image!r}"


def _pixels(image: Any, name: str) -> str:
    return (
        f"{name} is {type(image).__name__} with pixels, which are decoded already: give the bytes "
        "of a JPEG or PNG file, or its path"
    )


def _content(path: str | bytes) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - which takes bytes, too
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        raise MissingError("no such file", archive=os.fsdecode(path)) from None
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise ReadError(f"cannot be read: {cause}", archive=os.fsdecode(path)) from None

"""Options of rendering that loaders and `fastinet.decode` share.

They say which Pillow the pixels equal (the installed one, or Pillow 13), whether images are turned
as their metadata ask, and how large an image may be.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from fastinet.base.checks import whole_number
from fastinet.base.limits import MOST_PIXELS, current_limits

__all__ = ["RenderOptions"]


@dataclass(frozen=True)
class RenderOptions:
    """How images are rendered, whatever is cut out of them.

    Attributes:
        exact: be bit-equal to the Pillow that is installed (or to Pillow 13 without one). The
            default is bit-equal to Pillow 13, whatever is installed.
        exif_orientation: turn images as their metadata say before they are cropped.
        max_pixels: largest image that is decoded; larger ones are refused before memory is taken.
            None: what `fastinet.limits` says, and so for the next.
        max_scans: most scans of a JPEG that is decoded.

    Raises:
        ValueError: a value that makes no sense; the message names it.
    """

    exact: bool = False
    exif_orientation: bool = False
    max_pixels: int | None = None
    max_scans: int | None = None

    def __post_init__(self) -> None:
        limits = current_limits()
        given = limits.pixels if self.max_pixels is None else self.max_pixels
        pixels = whole_number("max_pixels", given, 1, MOST_PIXELS)
        object.__setattr__(self, "max_pixels", pixels)
        scans = limits.scans if self.max_scans is None else self.max_scans
        object.__setattr__(self, "max_scans", scans)

    def native(self) -> dict[str, Any]:
        """The options as the native modules take them."""
        order = "pillow13"
        if self.exact and _pillow_major() < 13:
            order = "horizontal first"
        return {
            "pass_order": order,
            "apply_orientation": bool(self.exif_orientation),
            "max_pixels": self.max_pixels,
            "max_scans": self.max_scans,
        }


@functools.cache
def _pillow_major() -> int:
    """The installed Pillow's major version: 13.0 changed the order of a resize's passes."""
    import importlib.metadata  # noqa: PLC0415 - only `exact=True` needs it

    try:
        return int(importlib.metadata.version("pillow").partition(".")[0])
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return 13

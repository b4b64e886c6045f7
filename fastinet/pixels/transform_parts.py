"""What transforms are made of: sizes, padding, colours and the names of rules, checked."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any, Final, Literal, SupportsIndex

from fastinet.base.checks import check_name, checked_numbers, constant_name

__all__ = [
    "INTERPOLATIONS",
    "MAX_PADDING",
    "MAX_SIDE",
    "BoxRule",
    "Interpolation",
    "PaddingMode",
    "check_interpolation",
    "checked_height_width",
    "checked_padding",
    "checked_side",
    "checked_size",
    "height_width",
    "left_top_right_bottom",
    "red_green_blue",
    "set_interpolation",
]

Interpolation = Literal["bilinear", "bicubic", "lanczos", "nearest"]
DrawnInterpolation = Literal["bilinear", "bicubic", "lanczos", "nearest", "random"]
BoxRule = Literal["torchvision", "clamp", "tensorflow"]
PaddingMode = Literal["constant", "edge", "reflect", "symmetric"]

# In the order of the core's enum (csrc/resample/filter.h), whose numbers batches hold.
INTERPOLATIONS: Final[tuple[Interpolation, ...]] = ("bilinear", "bicubic", "lanczos", "nearest")

MAX_PADDING = 4096  # kMaxPadding in csrc/crop/crop.cc
MAX_SIDE = 16384  # kMaxSide in csrc/crop/crop.cc


def height_width(size: int | tuple[int, int]) -> tuple[int, int]:
    """(height, width) of a checked size."""
    return (size, size) if isinstance(size, int) else size


def checked_size(size: Any) -> int | tuple[int, int]:
    """What a caller passed as a size: one number for a square, or (height, width) [pixels]."""
    if not isinstance(size, Iterable):
        return checked_side("size", size)
    pair = tuple(size)
    if len(pair) != 2:
        raise ValueError(f"size must be a number or (height, width), not {size!r}")
    height, width = pair
    return checked_side("size", height), checked_side("size", width)


def checked_height_width(size: Any) -> tuple[int, int]:
    """(height, width) of what a caller passed as a size."""
    return height_width(checked_size(size))


def checked_side(name: str, side: SupportsIndex) -> int:
    """A length that rows and resized images can have [pixels]."""
    try:
        pixels = operator.index(side)
    except TypeError:
        raise ValueError(f"{name} must be a whole number of pixels, not {side!r}") from None
    if not 1 <= pixels <= MAX_SIDE:
        raise ValueError(f"{name} must be 1 to {MAX_SIDE} pixels, not {side!r}")
    return pixels


def check_interpolation(interpolation: str, *, drawn: bool = False) -> None:
    """Raises ValueError unless `interpolation` is one that the core has, or "random" if `drawn`."""
    check_name("interpolation", interpolation, DrawnInterpolation if drawn else Interpolation)


def set_interpolation(described: Any, *others: str) -> None:
    """Checks the `interpolation` of a frozen description, and makes it a name, or one of `others`.

    Raises:
        ValueError: the core has no such interpolation.
    """
    object.__setattr__(described, "interpolation", constant_name(described.interpolation))
    if described.interpolation not in others:
        check_interpolation(described.interpolation, drawn="random" in others)


def checked_padding(padding: Any) -> Any:
    """What a caller passed as padding, in its own form."""
    form = "a number, (left and right, top and bottom) or (left, top, right, bottom)"
    return checked_numbers("padding", padding, (2, 4), MAX_PADDING, form)


def left_top_right_bottom(padding: int | tuple[int, ...]) -> tuple[int, ...]:
    """All four sides of a checked padding."""
    if isinstance(padding, int):
        return (padding,) * 4
    return padding * 2 if len(padding) == 2 else padding


def red_green_blue(fill: int | tuple[int, ...]) -> tuple[int, ...]:
    """All three channels of a checked colour."""
    return (fill,) * 3 if isinstance(fill, int) else fill

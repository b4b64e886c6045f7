"""Which size rows have in which epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from fastinet.base.checks import checked_epoch
from fastinet.pixels.transform_parts import checked_size, height_width
from fastinet.pixels.view_groups import MultiCrop, Transform

__all__ = ["SizeSchedule"]


@dataclass(frozen=True)
class SizeSchedule:
    """Which size rows have in which epoch, for progressive resizing.

    Boxes and flips do not depend on the size, so it is the same crops that come larger. A
    `RandomCrop` and a `CenterCrop` take more of the image; `resize` stays.

    Attributes:
        sizes: {first epoch: size from it on}; before the first of them the transform's own.

    Raises:
        TypeError: no mapping.
        ValueError: an epoch or size that makes no sense; the message names it.
    """

    sizes: Mapping[int, int | tuple[int, int]]

    def check(self, transform: Transform) -> None:
        """Raises ValueError where a size is none that `transform` can have, or it has several."""
        if self.sizes and isinstance(transform, MultiCrop):
            raise ValueError(
                "sizes= gives all rows one size, and the groups of a MultiCrop have their own: "
                "take a loader with other Views from that epoch on"
            )
        for epoch, size in self.sizes.items():
            try:
                self.at(transform, epoch)  # now, and not when that epoch begins
            except ValueError as error:
                raise ValueError(f"sizes {{{epoch}: {size!r}}}: {error}") from None

    def __post_init__(self) -> None:
        if not isinstance(self.sizes, Mapping):
            raise TypeError(f"sizes must be {{first epoch: size, ...}}, not {self.sizes!r}")
        checked = {checked_epoch(epoch): checked_size(size) for epoch, size in self.sizes.items()}
        object.__setattr__(self, "sizes", dict(sorted(checked.items())))

    def at(self, transform: Transform, epoch: int) -> Transform:
        """`transform` with the size that rows have in `epoch`."""
        begun = [size for first, size in self.sizes.items() if first <= epoch]
        if isinstance(transform, MultiCrop) or not begun:
            return transform
        return replace(transform, size=begun[-1])

    def largest(self, transform: Transform) -> Transform:
        """`transform` with the size that has the most pixels, its own included."""
        if isinstance(transform, MultiCrop):
            return transform
        sizes = (transform.size, *self.sizes.values())
        return replace(transform, size=max(sizes, key=lambda size: math.prod(height_width(size))))

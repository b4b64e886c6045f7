"""Which size rows have in which epoch, and in which of its batches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from fastinet.base.checks import checked_epoch
from fastinet.loading.size_per_batch import SizePerBatch
from fastinet.pixels.transform_parts import checked_size, height_width
from fastinet.pixels.transforms import SingleTransform
from fastinet.pixels.view_groups import MultiCrop, Transform

__all__ = ["Sizes", "sizes_of"]

_ALL_ALIKE: NDArray[np.uint8] = np.zeros(0, np.uint8)


class Sizes(Protocol):
    """What a loader's option `sizes` says."""

    @property
    def per_batch(self) -> bool:
        """Whether batches of one epoch have several sizes."""

    def at(self, transform: Transform, epoch: int) -> Transform:
        """`transform` with the size that rows have in `epoch`.

        Raises:
            ValueError: they have several.
        """

    def transforms(self, transform: Transform, epoch: int) -> Sequence[Transform]:
        """`transform` with each of the sizes that batches of `epoch` have."""

    def of_batches(
        self, seed: int, epoch: int, start: int, step: int, batches: int
    ) -> NDArray[np.uint8]:
        """Which of `transforms` each of an epoch's batches has; empty: all have the first.

        Args:
            seed: the loader's.
            epoch: 0 .. 2**32 - 1.
            start: position that the epoch goes on at, one that `check_position` allows.
            step: positions of a batch on all ranks.
            batches: how many of this rank's are to come.
        """

    def check_step(self, step: int) -> None:
        """Raises ValueError where a batch of `step` rows on all ranks would have two sizes."""

    def check_position(self, position: int, step: int) -> None:
        """Raises ValueError where a batch of an epoch that goes on there would have two sizes."""

    def largest(self, transform: Transform) -> Transform:
        """`transform` with the size that has the most pixels, of all epochs."""


def sizes_of(
    sizes: Mapping[int, int | tuple[int, int]] | SizePerBatch | None,
    transform: Transform,
) -> Sizes:
    """What a caller passed as a loader's `sizes`.

    Args:
        sizes: by epoch or by batch.
        transform: that the sizes are for.

    Raises:
        TypeError: neither.
        ValueError: an epoch or size that makes no sense, or one that `transform` cannot have; the
            message names it.
    """
    if sizes and isinstance(transform, MultiCrop):
        raise ValueError(
            "sizes= gives all rows one size, and the groups of a MultiCrop have their own: "
            "take a loader with other Views from that epoch on"
        )
    if isinstance(sizes, SizePerBatch):
        return _DrawnSizes(sizes, transform)
    if not isinstance(sizes, Mapping | None):
        raise TypeError(
            f"sizes must be {{first epoch: size, ...}} or a SizePerBatch, not {sizes!r}"
        )
    checked = {checked_epoch(epoch): checked_size(size) for epoch, size in (sizes or {}).items()}
    for epoch, size in checked.items():
        _sized(transform, size, f"sizes {{{epoch}: {size!r}}}")  # now, not when that epoch begins
    return _SizeSchedule(dict(sorted(checked.items())))


@dataclass(frozen=True)
class _SizeSchedule:
    """Progressive resizing.

    Boxes and flips do not depend on the size, so it is the same crops that come larger. A
    `RandomCrop` and a `CenterCrop` take more of the image; `resize` stays.

    Attributes:
        sizes: {first epoch: size from it on}; before the first of them the transform's own.
    """

    sizes: Mapping[int, int | tuple[int, int]]
    per_batch: ClassVar[bool] = False

    def at(self, transform: Transform, epoch: int) -> Transform:
        begun = [size for first, size in self.sizes.items() if first <= epoch]
        if isinstance(transform, MultiCrop) or not begun:
            return transform
        return replace(transform, size=begun[-1])

    def transforms(self, transform: Transform, epoch: int) -> Sequence[Transform]:
        return [self.at(transform, epoch)]

    def of_batches(self, *_: int) -> NDArray[np.uint8]:
        return _ALL_ALIKE

    def check_step(self, step: int) -> None:
        pass

    def check_position(self, *_: int) -> None:
        pass

    def largest(self, transform: Transform) -> Transform:
        if isinstance(transform, MultiCrop):
            return transform
        return replace(transform, size=_largest((transform.size, *self.sizes.values())))


class _DrawnSizes:
    """Another size in another batch."""

    per_batch: ClassVar[bool] = True

    def __init__(self, sizes: SizePerBatch, transform: Transform) -> None:
        for size in sizes.sizes:
            _sized(transform, size, f"sizes: {size!r}")
        self._drawn = sizes

    def at(self, transform: Transform, epoch: int) -> Transform:  # noqa: ARG002 - as of epochs
        raise ValueError(
            f"with {self._drawn} each batch has a size of its own, which the shape of its images is"
        )

    def transforms(self, transform: Transform, epoch: int) -> Sequence[Transform]:  # noqa: ARG002
        return [replace(_single(transform), size=size) for size in self._drawn.sizes]

    def of_batches(
        self, seed: int, epoch: int, start: int, step: int, batches: int
    ) -> NDArray[np.uint8]:
        positions = start + step * np.arange(batches, dtype=np.int64)
        numbers = positions // self._drawn.rows
        return self._drawn.draw(seed, epoch, int(numbers.max(initial=-1)) + 1)[numbers]

    def check_step(self, step: int) -> None:
        if self._drawn.rows % step:
            raise ValueError(
                f"{self._drawn}: rows={self._drawn.rows} is no multiple of the {step} rows that "
                "batch_size * world take at once, so that a batch would have two sizes"
            )

    def check_position(self, position: int, step: int) -> None:
        if position % step:
            raise ValueError(
                f"the epoch goes on at its row {position}, and batches of {step} rows on all ranks "
                f"begin at multiples of that: with {self._drawn} a batch would have two sizes; go "
                "on with a batch_size * world that divides the position"
            )

    def largest(self, transform: Transform) -> Transform:
        return replace(_single(transform), size=_largest(self._drawn.sizes))


def _single(transform: Transform) -> SingleTransform:
    """`transform`, which is one: `sizes_of` has seen it."""
    assert not isinstance(transform, MultiCrop)  # noqa: S101
    return transform


def _largest(sizes: Iterable[int | tuple[int, int]]) -> Any:
    """The size that has the most pixels."""
    return max(sizes, key=lambda size: math.prod(height_width(size)))


def _sized(transform: Transform, size: int | tuple[int, int], where: str) -> None:
    """Refuses a size that `transform` cannot have."""
    try:
        replace(_single(transform), size=size)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None

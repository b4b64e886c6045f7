"""Sizes of rows that are drawn for each batch, by where it stands in the epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinet.augment.operation import checked_weights, is_ordered
from fastinet.base.checks import checked_epoch, checked_seed, whole_number
from fastinet.pixels.transform_parts import checked_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SizePerBatch"]

_MOST_SIZES = 256  # the engine has 8 bits for their numbers
# What random numbers are for, as the uses in `fastinet.mixing`, which end before it.
_SIZE = 16


@dataclass(frozen=True)
class SizePerBatch:
    """Rows of several sizes, one size a batch, drawn anew for each: ``Loader(sizes=...)``.

    Networks that take images of any size are trained so. All `rows` of the epoch's order, those of
    all ranks together, that lie in a row from a multiple of `rows` on have one size, which is a
    function of (seed, epoch, position) alone. So all ranks have the same size at the same time, and
    threads, prefetch, and batch sizes and ranks that fit cannot change it. Boxes, flips and copies
    do not depend on the size.

    Attributes:
        sizes: two sizes or more, each one number for a square or (height, width) [pixels].
        rows: how many rows have one size, of all ranks together: ``batch_size * world``, or a
            multiple of it, with which a run can go on in larger batches or on more ranks.
        weights: how often each size is drawn, relative to the others; None: all alike.

    Raises:
        TypeError: `sizes` are none.
        ValueError: a value that makes no sense; the message names it.
    """

    sizes: tuple[int | tuple[int, int], ...]
    rows: int
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        sizes = _several(self.sizes)
        if not 2 <= len(sizes) <= _MOST_SIZES:
            raise ValueError(
                f"2 to {_MOST_SIZES} sizes can be drawn among, not {len(sizes)}; one size is the "
                "transform's, and sizes={epoch: size} are those of epochs"
            )
        object.__setattr__(self, "sizes", sizes)
        object.__setattr__(self, "rows", whole_number("rows", self.rows, 1, 2**62))
        if self.weights is not None:
            object.__setattr__(self, "weights", checked_weights(self.weights, len(sizes)))

    def draw(self, seed: int, epoch: int, count: int) -> NDArray[np.uint8]:
        """Which of `sizes` the first `count` runs of `rows` rows of an epoch have, uint8 [count].

        Element i is a function of (seed, epoch, i) alone.
        """
        counter = np.array([0, _SIZE, 0, checked_epoch(epoch)], np.uint64)
        bits = np.random.Philox(key=checked_seed(seed), counter=counter)
        uniform = (bits.random_raw(count) >> np.uint64(11)) * 2.0**-53
        weights = np.ones(len(self.sizes)) if self.weights is None else np.array(self.weights)
        ends = np.cumsum(weights / weights.sum())
        last = int(np.flatnonzero(weights)[-1])  # where rounding leaves an end below 1
        numbers: NDArray[np.uint8] = np.minimum(
            np.searchsorted(ends, uniform, side="right"), last
        ).astype(np.uint8)
        return numbers


def _several(sizes: Any) -> tuple[int | tuple[int, int], ...]:
    if not is_ordered(sizes) or isinstance(sizes, bytes):
        raise TypeError(
            f"sizes must be several sizes in an order, such as (192, 224, 256), not {sizes!r}; how "
            "often each is drawn, weights= says"
        )
    return tuple(checked_size(size) for size in sizes)

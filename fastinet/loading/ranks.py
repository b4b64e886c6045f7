"""How an epoch's positions fall to ranks and into batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PadLast", "Share"]

PadLast = Literal["wrap", "mask"]


@dataclass(frozen=True)
class Share:
    """One rank's share of an epoch.

    The epoch has one global order, which knows nothing of ranks or batches. Position p of it
    belongs to rank ``p % world``; a step of all ranks together takes the next ``batch_size *
    world`` positions. Hence a global position says all about where an epoch stands, and an epoch
    may go on from it on other ranks and in other batches.

    Attributes:
        items: of the epoch; or rows, where items are repeated, which are as many.
        batch_size: rows of a batch on this rank, 1 or more.
        rank: 0 .. world - 1.
        world: number of ranks, 1 or more.
        drop_last: leave out the positions that do not fill a step of all ranks.
        pad_last: fill the last step up: "wrap" with the epoch's first positions once more, "mask"
            with padding. None leaves it short.

    Raises:
        ValueError: `pad_last` makes no sense, or not with `drop_last`.
    """

    items: int
    batch_size: int
    rank: int = 0
    world: int = 1
    drop_last: bool = False
    pad_last: PadLast | None = None

    def __post_init__(self) -> None:
        if self.pad_last not in (None, "wrap", "mask"):
            raise ValueError(f'pad_last must be None, "wrap" or "mask", not {self.pad_last!r}')
        if self.drop_last and self.pad_last is not None:
            raise ValueError(
                f"the last batch cannot be both dropped and padded: drop_last=True, "
                f"pad_last={self.pad_last!r}"
            )

    @property
    def step(self) -> int:
        """Positions that one batch on each rank takes."""
        return self.batch_size * self.world

    @property
    def is_even(self) -> bool:
        """Whether all ranks have equally many batches, all of them full."""
        return self.drop_last or self.pad_last is not None

    def stop(self, start: int) -> int:
        """One beyond the last position, padding included, of an epoch that goes on at `start`."""
        if not self.is_even:
            return self.items
        rest = max(0, self.items - start)
        steps = rest // self.step if self.drop_last else -(-rest // self.step)
        return start + steps * self.step

    def first(self, start: int) -> int:
        """The first position of this rank from `start` on."""
        return start + (self.rank - start) % self.world

    def positions(self, start: int) -> NDArray[np.int64]:
        """The positions of this rank in an epoch that goes on at `start`.

        Those of padding, beyond the epoch's items, wrap around to the first ones.
        """
        return np.arange(self.first(start), self.stop(start), self.world) % max(1, self.items)

    def rows(self, start: int) -> int:
        """Rows of this rank, padding included, in an epoch that goes on at `start`."""
        return max(0, -(-(self.stop(start) - self.first(start)) // self.world))

    def padding(self, start: int) -> int:
        """How many of these rows, the last ones, lie beyond the epoch's items."""
        of_items = max(0, -(-(self.items - self.first(start)) // self.world))
        return max(0, self.rows(start) - of_items)

    def batches(self, start: int) -> int:
        """Batches of this rank in an epoch that goes on at `start`."""
        return -(-self.rows(start) // self.batch_size)

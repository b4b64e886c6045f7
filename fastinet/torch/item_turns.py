"""Which epoch it is for an item that is fetched, where nobody says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fastinet._native import _plan
from fastinet.base.draws import draws_number
from fastinet.distributed import rank_and_world

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ItemTurns"]


class ItemTurns:
    """Counts how often each item was fetched: the first time is its epoch 0, then comes epoch 1.

    A map-style dataset is not told when an epoch begins, and several loops may read it at a time,
    each a part of it. So each item has an epoch of its own. The counts lie in memory
    that a process shares with the workers that it starts, whether these live for one epoch or all.

    Ranks know nothing of each other, and an item comes to another one in each epoch. So that it is
    not cropped there as it was here, each rank but the first draws in a way of its own.
    """

    def __init__(self, items: int) -> None:
        """Counts of so many items."""
        self._counts = torch.zeros(items, dtype=torch.int32).share_memory_()
        self._rank_and_world: tuple[int, int] | None = None

    def take(self, items: NDArray[np.int64]) -> NDArray[np.int64]:
        """The epoch of each of `items`, int64 [N], of which each comes once; and counts them."""
        counts: NDArray[np.uint32] = self._counts.numpy().view(np.uint32)
        return _plan.count_up(counts, items).astype(np.int64)

    @property
    def world(self) -> int:
        """Number of ranks, as far as this process can tell."""
        return self._found()[1]

    @property
    def others(self) -> int:
        """What `ChosenItems.take` is to draw by: 0 on the first rank, or alone."""
        rank = self._found()[0]
        return draws_number(f"rank {rank}") if rank else 0

    def _found(self) -> tuple[int, int]:
        if self._rank_and_world is None:
            self._rank_and_world = rank_and_world()
        return self._rank_and_world

    def __getstate__(self) -> dict[str, Any]:
        """What a worker needs: it may not know its rank, which the process that starts it does."""
        return {**self.__dict__, "_rank_and_world": self._found()}

"""Where a loop stands: the position in an epoch, and how it is known while the epoch runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

__all__ = ["EpochPosition", "EpochTracker", "PassTracker"]


class EpochPosition(NamedTuple):
    """An epoch, and a position in its global order: how many rows all ranks together have had.

    A loader that has begun no epoch yet, or has just loaded a state, holds one in place of an
    `EpochTracker`, and asks it the same two questions.
    """

    epoch: int = 0
    position: int = 0

    @property
    def reached(self) -> EpochPosition:
        """Itself: nothing has moved on from here."""
        return self

    @property
    def next_start(self) -> EpochPosition:
        """Itself: this is where the next loop begins."""
        return self

    @property
    def next_epoch(self) -> EpochPosition:
        """The start of the epoch after this one."""
        return EpochPosition(self.epoch + 1, 0)


class EpochTracker:
    """Knows which position an epoch that has begun has reached. `Loader` keeps that of the last.

    It asks the engine, which counts the batches that it has delivered, and counts nothing itself:
    several threads may take turns in ``next()``, and a Ctrl-C may come between any two steps of it.
    """

    def __init__(
        self,
        native: Counted,
        start: EpochPosition,
        *,
        step: int,
        items: int,
    ) -> None:
        """Tracks the epoch that `native` runs from `start` on.

        Each batch takes the next `step` positions, all ranks together, of `items` in all.
        """
        self._native = native
        self._start = start
        self._step = step
        self._items = items
        self._finished = False

    def finish(self) -> None:
        """Notes that the loop has been told that there are no more batches; again is harmless."""
        self._finished = True

    @property
    def reached(self) -> EpochPosition:
        """The position behind the batches that were delivered; after the last, the next epoch's."""
        if self._finished:
            return self.next_start
        had = self._native.delivered * self._step
        return EpochPosition(self._start.epoch, min(self._start.position + had, self._items))

    @property
    def next_start(self) -> EpochPosition:
        """Where the loop after this one begins: the next epoch, wherever this one was left."""
        return self._start.next_epoch

    def __getstate__(self) -> dict[str, Any]:
        """What a copy in another process needs; the engine stays here."""
        return {**self.__dict__, "_native": DeliveredBatches(self._native.delivered)}


class Counted(Protocol):
    """What knows how many batches an epoch has delivered."""

    @property
    def delivered(self) -> int:
        """Batches that were delivered so far."""


class DeliveredBatches(NamedTuple):
    """Stands in for the engine's epoch where a tracker was copied to: the number that it had."""

    delivered: int


@dataclass
class PassTracker:
    """Which position a pass over a stream has reached: the engine says it with each batch."""

    reached: EpochPosition

    def finish(self) -> None:
        """Notes that the stream has ended; the next pass is the next epoch."""
        self.reached = self.reached.next_epoch

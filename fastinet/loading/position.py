"""Where a loop stands: the position in an epoch, and how it is known while the epoch runs."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple, Protocol

__all__ = ["ChosenEpoch", "EpochPosition", "EpochTracker", "LoopPosition", "PassTracker"]


class LoopPosition(Protocol):
    """What a loader asks about where it stands."""

    @property
    def reached(self) -> EpochPosition:
        """The position behind the batches that its loop has had: what a state holds."""

    @property
    def next_start(self) -> EpochPosition:
        """Where the next loop begins."""

    @property
    def settled(self) -> LoopPosition:
        """The same answers, without what is no longer needed for them."""

    @property
    def is_running(self) -> bool:
        """Whether an epoch that has delivered something may go on to deliver."""


class EpochPosition(NamedTuple):
    """An epoch, and a position in its global order: how many rows all ranks together have had.

    A loader that has begun no epoch yet, or has just loaded a state, holds one in place of an
    `EpochTracker`, and asks it the same questions.
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
    def settled(self) -> LoopPosition:
        """Itself."""
        return self

    @property
    def is_running(self) -> bool:
        """No."""
        return False

    @property
    def next_epoch(self) -> EpochPosition:
        """The start of the epoch after this one."""
        return EpochPosition(self.epoch + 1, 0)


class LeftEpoch(NamedTuple):
    """What stays of an `EpochTracker` when its epoch is over: the two positions that it knew."""

    reached: EpochPosition
    next_start: EpochPosition

    @property
    def settled(self) -> LoopPosition:
        """Itself."""
        return self

    @property
    def is_running(self) -> bool:
        """No."""
        return False


class ChosenEpoch(NamedTuple):
    """The user has said which epoch the next loop is to be; the loop before may still run.

    Attributes:
        epoch: the one that was chosen.
        before: what held until then. Where its next loop would begin in that very epoch, in the
            middle of it perhaps, since a state was loaded, that stays as it is.
    """

    epoch: int
    before: LoopPosition

    @property
    def reached(self) -> EpochPosition:
        """Where the loop stands that is still running, else where the next one begins."""
        return self.before.reached if self.before.is_running else self.next_start

    @property
    def next_start(self) -> EpochPosition:
        """The epoch's start, or where a state left off in it."""
        start = self.before.next_start
        return start if start.epoch == self.epoch else EpochPosition(self.epoch)

    @classmethod
    def behind(cls, position: LoopPosition, epoch: int) -> ChosenEpoch:
        """The choice of `epoch` by a loader that stood at `position`; it replaces earlier ones."""
        if isinstance(position, cls):
            position = position.before
        return cls(epoch, position.settled)

    @property
    def settled(self) -> LoopPosition:
        """Itself, without what is no longer needed."""
        return ChosenEpoch(self.epoch, self.before.settled)

    @property
    def is_running(self) -> bool:
        """Whether the loop before is."""
        return self.before.is_running


class EpochTracker:
    """Knows which position an epoch that has begun has reached. `Loader` keeps that of the last.

    It asks the engine, which counts the batches that it has delivered, and counts nothing itself:
    several threads may take turns in ``next()``, and a Ctrl-C may come between any two steps of it.

    An epoch that was dropped before it delivered anything, or failed, counts as never begun: some
    trainers make an iterator only to see whether that can be done.
    """

    def __init__(
        self,
        native: Counted,
        start: EpochPosition,
        *,
        step: int,
        items: int,
        before: LoopPosition | None = None,
    ) -> None:
        """Tracks the epoch that `native` runs from `start` on.

        Each batch takes the next `step` positions, all ranks together, of `items` in all. `before`
        is where the loader stood, and stands again if this epoch is never used.
        """
        self._native = native
        self._start = start
        self._step = step
        self._items = items
        self._before = start if before is None else before.settled
        self._finished = False
        self._failed = False
        self._over = False
        self._chosen = False

    def finish(self) -> None:
        """Notes that the loop has been told that there are no more batches; again is harmless."""
        self._finished = True

    def fail(self) -> None:
        """Notes that the loop has been told why it gets no more batches."""
        self._failed = True

    def end(self) -> None:
        """Notes that the epoch was closed or dropped, and delivers no more."""
        self._over = True

    def choose(self) -> None:
        """Notes that the user has named this very epoch: until it is used, others begin there."""
        self._chosen = True

    @property
    def epoch(self) -> int:
        """Which epoch it is."""
        return self._start.epoch

    @property
    def is_used(self) -> bool:
        """Whether the loop has had anything of it: a batch, an error, or its end."""
        return self._finished or self._failed or self._native.delivered > 0

    @property
    def is_running(self) -> bool:
        """Whether the loop has had batches of it and may get more."""
        return not self._over and self.is_used

    @property
    def is_given_back(self) -> bool:
        """Whether it was dropped unused, and so counts as never begun."""
        return self._over and not self.is_used

    @property
    def reached(self) -> EpochPosition:
        """The position behind the batches that were delivered; after the last, the next epoch's."""
        if self.is_given_back and not self._chosen:
            return self._before.reached
        if self._finished:
            return self._start.next_epoch
        had = self._native.delivered * self._step
        return EpochPosition(self._start.epoch, min(self._start.position + had, self._items))

    @property
    def next_start(self) -> EpochPosition:
        """Where the loop after this one begins: the next epoch, wherever this one was left."""
        if self._chosen and not self.is_used:
            return self._start
        return self._before.next_start if self.is_given_back else self._start.next_epoch

    @property
    def settled(self) -> LoopPosition:
        """Itself while anything can still happen to its epoch; else what is left of it.

        The epochs before an unused one would keep their plans in memory otherwise, each the one
        before it.
        """
        if self.is_given_back:
            return self._start if self._chosen else self._before.settled
        if self._over:
            return LeftEpoch(self.reached, self.next_start)
        if self.is_used:
            self._before = self._start
        return self

    def __getstate__(self) -> dict[str, Any]:
        """What a copy in another process needs; the engine stays here, and so does the loop."""
        delivered = DeliveredBatches(self._native.delivered)
        return {**self.__dict__, "_native": delivered, "_over": True}


class Counted(Protocol):
    """What knows how many batches an epoch has delivered."""

    @property
    def delivered(self) -> int:
        """Batches that were delivered so far."""


class DeliveredBatches(NamedTuple):
    """Stands in for the engine's epoch where a tracker was copied to: the number that it had."""

    delivered: int


class PassTracker:
    """Which position a pass over a stream has reached: the engine says it with each batch.

    Several threads may take batches of one pass, and are told of them in any order. So a position
    only ever goes forward.

    Attributes:
        reached: where the pass stands, or the next one is to begin.
    """

    def __init__(self, start: EpochPosition) -> None:
        """The pass that begins at `start`."""
        self.reached = start
        self._epoch = start.epoch
        self._lock = threading.Lock()

    def choose(self, start: EpochPosition) -> None:
        """The pass, which has not begun, is to begin elsewhere, perhaps in another epoch."""
        with self._lock:
            self.reached, self._epoch = start, start.epoch

    def deliver(self, position: int) -> None:
        """Notes that the loop has had a batch, behind which lies `position`."""
        self._go_on_to(EpochPosition(self._epoch, position))

    def finish(self) -> None:
        """Notes that the stream has ended; the next pass is the next epoch. Again is harmless."""
        self._go_on_to(EpochPosition(self._epoch).next_epoch)

    def _go_on_to(self, reached: EpochPosition) -> None:
        with self._lock:
            self.reached = max(self.reached, reached)

    def fail(self) -> None:
        """Nothing to note: a pass is not repeated."""

    def end(self) -> None:
        """Nothing to note: a pass that was left stands where it stands."""

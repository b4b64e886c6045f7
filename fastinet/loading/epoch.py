"""An epoch while it runs: batches in order, and where the loop stands."""

from __future__ import annotations

import sys
import weakref
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    NamedTuple,
    Protocol,
    TypeAlias,
    TypeVar,
)

from fastinet.base.warning import warn
from fastinet.loading.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from fastinet._native import _engine
    from fastinet.loading.batch import BatchKind

__all__ = ["Batches", "Course", "Epoch", "Masked", "Progress", "Run"]

LeasedRows: TypeAlias = "tuple[_engine.Batch, NDArray[Any], NDArray[np.int64]]"
"""A slot, the images in it, and their labels."""

Delivered = TypeVar("Delivered")
Delivered_co = TypeVar("Delivered_co", covariant=True)


@dataclass
class Progress:
    """Where the next epoch is to begin; of a stream, where its pass stands."""

    epoch: int = 0
    position: int = 0

    def finish(self) -> None:
        """The epoch is over: the next one begins at its start."""
        self.epoch, self.position = self.epoch + 1, 0

    @property
    def stands(self) -> Progress:
        """As of a `Course`."""
        return self

    @property
    def next_loop(self) -> Progress:
        """As of a `Course`."""
        return self


class Counted(NamedTuple):
    """What is left of an epoch's engine in another process."""

    delivered: int


class Course:
    """Follows an epoch that has begun.

    The engine counts the batches that were had, and nobody else does: several threads may take
    turns in ``next()``, and a Ctrl-C may come between any two steps of it.
    """

    def __init__(
        self, native: _engine.Epoch | Counted, epoch: int, start: int, *, step: int, items: int
    ) -> None:
        """`epoch` from position `start` on; each batch is `step` positions, of `items` in all."""
        self._native = native
        self._epoch = epoch
        self._start = start
        self._step = step
        self._items = items
        self._finished = False

    def finish(self) -> None:
        """The epoch is over, however often that is said."""
        self._finished = True

    @property
    def stands(self) -> Progress:
        """Where the epoch stands; when it is over, at the start of the next one."""
        if self._finished:
            return self.next_loop
        had = self._native.delivered * self._step
        return Progress(self._epoch, min(self._start + had, self._items))

    @property
    def next_loop(self) -> Progress:
        """Where the loop after this one begins, wherever this one was left."""
        return Progress(self._epoch + 1, 0)

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs."""
        return {**self.__dict__, "_native": Counted(self._native.delivered)}


@dataclass
class Masked:
    """The masked rows of one epoch."""

    rows: int = 0
    first: Exception | None = None

    def count(self, failures: dict[int, Exception]) -> None:
        """Takes a batch's masked rows in."""
        if self.first is None:
            self.first = next(iter(failures.values()), None)
        self.rows += len(failures)

    def warn(self) -> None:
        """Says how many there were, if any."""
        if self.rows and not sys.is_finalizing():
            warn(
                f"{self.rows} items gave no row in this epoch and were masked; the first: "
                f"{self.first}"
            )


class Run(Protocol[Delivered_co]):
    """What the engine makes batches of, while it does."""

    def next(self) -> Delivered_co | None:
        """What makes the next batch, waited for; None after the last one."""

    def close(self) -> None:
        """Ends it."""

    @property
    def ready_batches(self) -> int:
        """Batches that are ready to be delivered."""


class Batches(ABC, Generic[Delivered]):
    """Batches in order, once: what an epoch and a pass over a stream have in common."""

    def __init__(
        self,
        run: Run[Delivered],
        progress: Course | Progress,
        *,
        masks: bool,
        tell: Callable[..., None] | None,
    ) -> None:
        """The batches that `run` delivers; `progress` is told when there are no more.

        With `masks` some of their rows may be masked, which are counted. `tell` is called before
        each batch, and with ``now=True`` after the last.
        """
        self._run = run
        self._finish = progress.finish
        self._masked = Masked() if masks else None
        self._tell = tell
        self._over = False
        # Also at the interpreter's exit, before the modules that threads depend on are torn down.
        self._finalizer = weakref.finalize(self, _end, run, self._masked)

    @abstractmethod
    def _batch_of(self, delivered: Delivered) -> Batch:
        """The batch that has come."""

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        """The next batch; waits for it without the GIL, and Ctrl-C interrupts the waiting.

        Raises:
            StopIteration: after the last batch.
            FastinetError: on_error="raise", and an item of this batch gave no row; the message
                names archive, member, byte and cause. Of several, the first in the batch.
            CancelledError: the epoch was begun before a fork, or closed while this call waited.
        """
        # Each call here costs microseconds once a training step has emptied the caches.
        if self._over:
            raise StopIteration
        if self._tell is not None:
            self._tell()
        try:
            delivered = self._run.next()
            batch = None if delivered is None else self._batch_of(delivered)
        except Exception:
            self.close()
            raise
        if batch is None:
            self._finish()
            self.close()
            if self._tell is not None:
                self._tell(now=True)
            raise StopIteration
        if self._masked is not None:
            self._masked.count(batch.errors)
        return batch

    def close(self) -> None:
        """Ends the epoch now. Harmless when it is over."""
        self._over = True
        self._finalizer()

    @property
    def ready_batches(self) -> int:
        """Batches that are ready to be delivered."""
        return self._run.ready_batches


def _end(run: Run[object], masked: Masked | None) -> None:
    run.close()
    if masked is not None:
        masked.warn()


class Epoch(Batches[LeasedRows]):
    """The batches of one epoch, once, in order. Made by ``iter(loader)`` and `Loader.epoch`.

    Leaving a loop early, an exception, and the end of the program all end an epoch: its threads
    finish the item in hand and leave. Batches that were delivered stay as they are.
    """

    def __init__(
        self,
        native: _engine.Epoch,
        kind: BatchKind,
        course: Course,
        *,
        batches: int,
        masks: bool,
        tell: Callable[..., None] | None,
    ) -> None:
        """The epoch that `native` runs, of `batches` batches, and that `course` follows.

        See `Batches` for `masks` and `tell`.
        """
        super().__init__(native, course, masks=masks, tell=tell)
        self._native = native
        self._kind = kind
        self._batches = batches

    def __len__(self) -> int:
        """Batches that are still to come."""
        return 0 if self._over else self._batches - self._native.delivered

    def _batch_of(self, delivered: LeasedRows) -> Batch:
        lease, images, labels = delivered
        return Batch(lease, images, labels, self._kind)

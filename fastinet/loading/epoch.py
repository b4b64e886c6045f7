"""An epoch while it runs: its batches, in order."""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

from fastinet.loading.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from fastinet._native import _engine
    from fastinet.loading.batch_kind import BatchKind
    from fastinet.loading.erasure import ErasureWatch
    from fastinet.loading.failures import Failures

__all__ = ["Batches", "Epoch", "Run"]

LeasedRows: TypeAlias = "tuple[_engine.Batch, tuple[NDArray[Any], ...], NDArray[np.int64]]"
"""A slot, the arrays of images in it, one for each group of views, and their labels."""

Delivered = TypeVar("Delivered")
Delivered_co = TypeVar("Delivered_co", covariant=True)


class Run(Protocol[Delivered_co]):
    """The engine at work on an epoch or a stream: it delivers what `Batches` make batches of."""

    def next(self) -> Delivered_co | None:
        """Waits for the next batch's slot and what belongs to it; None after the last one."""

    def close(self) -> None:
        """Ends the work: no more slots are filled."""

    @property
    def ready_batches(self) -> int:
        """Batches that are ready to be delivered."""


class EpochEngine(Run[LeasedRows], Protocol):
    """The engine at work on an epoch, which counts what it has delivered."""

    @property
    def delivered(self) -> int:
        """Batches that `next` has returned so far, whoever called it."""


class Batches(ABC, Generic[Delivered]):
    """Batches in order, once: what an epoch and a pass over a stream have in common.

    Attributes:
        failures: the items that gave no row in the batches so far, masked or replaced; still there
            when the epoch is over.
    """

    def __init__(
        self,
        run: Run[Delivered],
        *,
        finish: Callable[[], None],
        failures: Failures,
        log: Callable[..., None] | None,
        erasure: ErasureWatch | None = None,
    ) -> None:
        """The batches that `run` delivers.

        Args:
            run: the engine at work; closed after the last batch, or when the loop is left.
            finish: called after the last batch, not if the loop was left before.
            failures: where items that give no row are listed; warned of at the end.
            log: called before each batch, and with ``now=True`` after the last.
            erasure: is told of batches, where these are to be erased by whoever has them.
        """
        self._run = run
        self._finish = finish
        self.failures = failures
        self._log = log
        self._erasure = erasure
        self._over = False
        # Also at the interpreter's exit, before the modules that threads depend on are torn down.
        self._finalizer = weakref.finalize(self, _end, run, failures)

    @abstractmethod
    def _batch_of(self, delivered: Delivered) -> Batch:
        """Makes a batch of what the engine has delivered."""

    def _explained(self, error: Exception) -> Exception:
        """An error of the engine, saying what the bytes are that gave no row."""
        return error

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
        if self._log is not None:
            self._log()
        try:
            delivered = self._run.next()
            batch = None if delivered is None else self._batch_of(delivered)
        except Exception as error:
            self.close()
            explained = self._explained(error)
            if explained is error:
                raise
            raise explained from None
        if batch is None:
            self._finish()
            self.close()
            if self._log is not None:
                self._log(now=True)
            raise StopIteration
        if failed := batch._columns.failures:  # noqa: SLF001 - a batch says it of its own rows
            self.failures.add(failed)
        if self._erasure is not None:
            self._erasure.note_delivered()
        return batch

    def close(self) -> None:
        """Ends the epoch now. Harmless when it is over."""
        self._over = True
        self._finalizer()

    @property
    def ready_batches(self) -> int:
        """Batches that are ready to be delivered."""
        return self._run.ready_batches


def _end(run: Run[object], failures: Failures) -> None:
    """Closes an epoch that is over, was left or is garbage, whichever is first."""
    run.close()
    failures.warn()


class Epoch(Batches[LeasedRows]):
    """The batches of one epoch, once, in order. Made by ``iter(loader)`` and `Loader.epoch`.

    Leaving a loop early, an exception, and the end of the program all end an epoch: its threads
    finish the item in hand and leave. Batches that were delivered stay as they are.
    """

    def __init__(
        self,
        native: EpochEngine,
        kind: BatchKind,
        *,
        batches: int,
        finish: Callable[[], None],
        failures: Failures,
        log: Callable[..., None] | None,
    ) -> None:
        """The epoch that `native` runs, of `batches` batches; see `Batches` for the rest."""
        super().__init__(native, finish=finish, failures=failures, log=log, erasure=kind.erasure)
        self._native = native
        self._kind = kind
        self._batches = batches

    def __len__(self) -> int:
        """Batches that are still to come."""
        return 0 if self._over else self._batches - self._native.delivered

    def _batch_of(self, delivered: LeasedRows) -> Batch:
        lease, arrays, labels = delivered
        return Batch(lease, arrays, labels, self._kind)

    def _explained(self, error: Exception) -> Exception:
        return self._kind.explained(error)

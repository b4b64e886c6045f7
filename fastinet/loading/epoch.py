"""An epoch while it runs: its batches, in order."""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

from fastinet.loading.alike import watch
from fastinet.loading.awaiting import answer
from fastinet.loading.batch import Batch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from fastinet._native import _engine
    from fastinet.loading.alike import Drawing
    from fastinet.loading.batch_kind import BatchKind
    from fastinet.loading.erasure import ErasureWatch
    from fastinet.loading.failures import Failures
    from fastinet.loading.position import EpochTracker

__all__ = ["Batches", "Epoch", "Run", "Tracker"]

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

    def has_answer(self) -> bool:
        """Whether `next` would return, or raise, at once."""

    def ready_descriptor(self) -> int:
        """Becomes readable when `has_answer`, which was False, may be True; -1: it is True."""


class Tracker(Protocol):
    """Who keeps count of where the loop stands: it is told of what only the loop sees."""

    def finish(self) -> None:
        """The loop has had all batches, and was told so."""

    def fail(self) -> None:
        """The loop was told why it gets no more."""

    def end(self) -> None:
        """The batches were closed or dropped."""


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
        tracker: Tracker,
        failures: Failures,
        log: Callable[..., None] | None,
        erasure: ErasureWatch | None = None,
    ) -> None:
        """The batches that `run` delivers.

        Args:
            run: the engine at work; closed after the last batch, or when the loop is left.
            tracker: is told how the loop ends.
            failures: where items that give no row are listed; warned of at the end.
            log: called before each batch, and with ``now=True`` after the last.
            erasure: is told of batches, where these are to be erased by whoever has them.
        """
        self._run = run
        self._tracker = tracker
        self.failures = failures
        self._log = log
        self._erasure = erasure
        self._over = False
        self._asked = False
        # Also at the interpreter's exit, before the modules that threads depend on are torn down.
        self._finalizer = weakref.finalize(self, _end, run, failures, tracker)

    @abstractmethod
    def _batch_of(self, delivered: Delivered) -> Batch:
        """Makes a batch of what the engine has delivered."""

    def _explained(self, error: Exception) -> Exception:
        """An error of the engine, saying what the bytes are that gave no row."""
        return error

    def _begin_loop(self) -> None:
        """Is called when the first batch is asked for."""

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
        if not self._asked:
            self._asked = True
            self._begin_loop()
        if self._log is not None:
            self._log()
        try:
            delivered = self._run.next()
            batch = None if delivered is None else self._batch_of(delivered)
        except Exception as error:  # noqa: BLE001 - it is raised again
            self._tracker.fail()
            self.close()
            explained = self._explained(error)
            try:
                if explained is error:
                    raise
                raise explained from None
            finally:
                del explained  # else the error would hold itself, and with it the loop's variables
        if batch is None:
            self._tracker.finish()
            self.close()
            if self._log is not None:
                self._log(now=True)
            raise StopIteration
        if failed := batch._columns.failures:  # noqa: SLF001 - a batch says it of its own rows
            self.failures.add(failed)
        if self._erasure is not None:
            self._erasure.note_delivered()
        return batch

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    async def __anext__(self) -> Batch:
        """The next batch; other tasks work while it is not ready. Fails where ``next()`` does.

        A task that is cancelled here has taken no batch: the next call gets the one that it waited
        for, and states do not count it.

        Raises:
            StopAsyncIteration: after the last batch.
        """
        await self.wait()
        try:
            return next(self)
        except StopIteration:
            raise StopAsyncIteration from None

    def close(self) -> None:
        """Ends the epoch now. Harmless when it is over."""
        self._over = True
        self._finalizer()

    async def aclose(self) -> None:
        """`close`, for ``contextlib.aclosing``. It takes as long as the items in hand."""
        self.close()

    async def wait(self) -> None:
        """Waits in an event loop until ``next()`` need not; for feeds of these batches."""
        if not self._over:
            await answer(self._run)

    @property
    def ready_batches(self) -> int:
        """Batches that are ready to be delivered."""
        return self._run.ready_batches


def _end(run: Run[object], failures: Failures, tracker: Tracker) -> None:
    """Closes an epoch that is over, was left or is garbage, whichever is first."""
    run.close()
    tracker.end()
    failures.warn()


class Epoch(Batches[LeasedRows]):
    """The batches of one epoch, once, in order. Made by ``iter(loader)`` and `Loader.epoch`.

    Leaving a loop early, an exception, and the end of the program all end an epoch: its threads
    finish the item in hand and leave. Batches that were delivered stay as they are. One that is
    dropped before it was asked for a batch counts as never begun.
    """

    _tracker: EpochTracker

    def __init__(
        self,
        native: EpochEngine,
        kind: BatchKind,
        *,
        batches: int,
        tracker: EpochTracker,
        drawing: Drawing | None,
        failures: Failures,
        log: Callable[..., None] | None,
    ) -> None:
        """The epoch that `native` runs, of `batches` batches; see `Batches` for the rest.

        `drawing` is what it draws, if anything.
        """
        super().__init__(native, tracker=tracker, failures=failures, log=log, erasure=kind.erasure)
        self._native = native
        self._kind = kind
        self._batches = batches
        self._drawing = drawing

    def __len__(self) -> int:
        """Batches that are still to come."""
        return 0 if self._over else self._batches - self._native.delivered

    @property
    def number(self) -> int:
        """Which epoch it is: 0 for the first."""
        return self._tracker.epoch

    @property
    def is_untouched(self) -> bool:
        """Whether nobody has asked for a batch yet, and somebody may."""
        return not self._asked and not self._over

    def _begin_loop(self) -> None:
        if self._drawing is not None:
            watch(self, self._drawing)

    @property
    def is_over(self) -> bool:
        """Whether it was closed, has failed, or has delivered all."""
        return self._over

    def choose(self) -> None:
        """Notes that the user has named this very epoch; see `EpochTracker.choose`."""
        self._tracker.choose()

    def become(self, other: Epoch) -> None:
        """Goes on as `other`, which was begun just now, in place of its own batches."""
        self._finalizer()
        other._finalizer.detach()  # its run is this one's from here on
        self.__dict__.update(other.__dict__)
        self._finalizer = weakref.finalize(self, _end, self._run, self.failures, self._tracker)

    def _batch_of(self, delivered: LeasedRows) -> Batch:
        lease, arrays, labels = delivered
        return Batch(lease, arrays, labels, self._kind)

    def _explained(self, error: Exception) -> Exception:
        return self._kind.explained(error)

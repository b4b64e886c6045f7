"""The threads that call a loader's `then`, between the engine and the loop."""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import numpy as np

from fastinet.base.threads import start_thread
from fastinet.errors import CancelledError, ThenError, TooLargeError
from fastinet.loading.then import generator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from fastinet._native import _engine
    from fastinet.loading.epoch import Run
    from fastinet.loading.result_memory import ResultMemory
    from fastinet.loading.then import Results
    from fastinet.loading.then_meter import ThenMeter

__all__ = ["ThenRun", "ThenWork"]

Delivered = TypeVar("Delivered", bound="tuple[Any, ...]")
"""What the engine delivers: a leased slot, the arrays of images in it, and more."""

_PATIENCE: Final = 0.05
"""Seconds that a thread waits for memory before it looks whether the epoch was closed meanwhile."""


@dataclass
class _Pending(Generic[Delivered]):
    """A batch whose rows go through the function."""

    delivered: Delivered
    sources: list[NDArray[Any]]  # [B, views, H, W, 3] of each group
    images: tuple[NDArray[Any], ...]  # what the loop gets, with an axis for views
    rows: NDArray[np.int64]  # those that hold an item
    left: int  # calls that have not returned yet
    arrived: float
    failures: dict[int, Exception] = field(default_factory=dict)


class ThenWork(Generic[Delivered]):
    """What is done with a batch of an epoch, by whichever thread."""

    def __init__(
        self,
        results: Results,
        meter: ThenMeter,
        *,
        seed_and_epoch: Callable[[], tuple[int, int]],
        has_views: bool,
        named: Callable[[Delivered, int], tuple[str, str]],
        memory: ResultMemory | None,
    ) -> None:
        """The rows of (seed, epoch) become `results`.

        Args:
            results: the function, and what its results are made to be.
            meter: is told what calls cost.
            seed_and_epoch: of the batches that were delivered; a stream's pass knows them once it
                has begun.
            has_views: whether arrays of the loop have an axis for views.
            named: archive and key of a row of what was delivered.
            memory: for results; None: they take their rows' place.
        """
        self.results = results
        self._meter = meter
        self._seed_and_epoch = seed_and_epoch
        self._has_views = has_views
        self._named = named
        self._memory = memory

    def begin(self, delivered: Delivered, patience: float = 0.0) -> _Pending[Delivered] | None:
        """Gets ready for the rows of a batch.

        None: there was no memory for their results for `patience` seconds.
        """
        lease: _engine.Batch = delivered[0]
        sources = list(lease.arrays(np.dtype(np.uint8), True))
        valid = lease.valid
        if self._memory is None:
            images = tuple(sources)
        else:
            shapes = [
                (*array.shape[:2], *self.results.shape(*array.shape[2:4])) for array in sources
            ]
            taken = self._memory.take(shapes, self.results.dtype, patience=patience)
            if taken is None:
                return None
            images = taken
            for array in images if not valid.all() else ():
                array[~valid] = 0
        rows = np.flatnonzero(valid)
        calls = min(len(rows), 1) if self.results.then.batch else len(rows)
        return _Pending(delivered, sources, images, rows, calls, time.perf_counter())

    def calls(self, pending: _Pending[Delivered]) -> Iterator[NDArray[np.int64]]:
        """The rows of each call that is to be made: one, or all of a batch."""
        if self.results.then.batch:
            return iter([pending.rows] if len(pending.rows) else [])
        return iter(pending.rows[:, None])

    def call(self, pending: _Pending[Delivered], rows: NDArray[np.int64]) -> None:
        """Takes rows through the function, all views of them; notes its failure if it fails."""
        try:
            first_view = 0
            for source, images in zip(pending.sources, pending.images, strict=True):
                if self.results.then.batch:
                    self._call_batch(pending, rows, source, images, first_view)
                else:
                    self._call_row(pending, int(rows[0]), source, images, first_view)
                first_view += source.shape[1]
        except Exception as error:  # noqa: BLE001 - it is the user's, and raised at its turn
            self.note_failure(pending, rows, error)

    def note_failure(
        self, pending: _Pending[Delivered], rows: NDArray[np.int64], error: BaseException
    ) -> None:
        """Notes why the function gave no result for rows, to be raised at their turn."""
        pending.failures[int(rows[0])] = self._explained(pending, rows, error)

    def done(self, delivered: Delivered) -> Delivered:
        """All of it for one batch, on this thread. Raises as `finished`."""
        pending = self.begin(delivered)
        assert pending is not None, "memory that is not lent is made"  # noqa: S101
        for rows in self.calls(pending):
            self.call(pending, rows)
        try:
            return self.finished(pending)
        finally:
            pending.failures.clear()  # errors hold the batches that they came from

    def finished(self, pending: _Pending[Delivered]) -> Delivered:
        """What was delivered, with the results in place of the rows.

        Raises:
            ThenError: the function has failed; of several rows, for the first.
        """
        if pending.failures:
            raise pending.failures[min(pending.failures)]
        lease: _engine.Batch = pending.delivered[0]
        self.results.erase(pending.images, lease.erased_pixels)
        images = pending.images
        if not self._has_views:
            images = tuple(array[:, 0] for array in images)
        delivered: Any = (lease, images, *pending.delivered[2:])
        return delivered  # type: ignore[no-any-return]

    def _call_row(
        self,
        pending: _Pending[Delivered],
        row: int,
        source: NDArray[Any],
        images: NDArray[Any],
        first_view: int,
    ) -> None:
        expected = self.results.result_shape(*source.shape[2:4])
        function, is_random = self.results.then.function, self.results.then.random
        for view in range(source.shape[1]):
            pixels = source[row, view]
            numbers = [self._generator(pending, row, first_view + view)] if is_random else []
            begun = time.perf_counter()
            result = function(pixels, *numbers)
            self._meter.called(1, time.perf_counter() - begun)
            # What was changed in place is where it belongs, if results are to be there.
            if result is not pixels or self._memory is not None:
                self.results.store(self.results.checked(result, expected), images[row, view, ...])

    def _call_batch(
        self,
        pending: _Pending[Delivered],
        rows: NDArray[np.int64],
        source: NDArray[Any],
        images: NDArray[Any],
        first_view: int,
    ) -> None:
        views = source.shape[1]
        chosen = source if len(rows) == len(source) else source[rows]
        pixels = chosen.reshape(-1, *source.shape[2:])
        expected = (len(pixels), *self.results.result_shape(*source.shape[2:4]))
        numbers = []
        if self.results.then.random:
            numbers.append(
                [
                    self._generator(pending, row, first_view + view)
                    for row in rows.tolist()
                    for view in range(views)
                ]
            )
        begun = time.perf_counter()
        result = self.results.then.function(pixels, *numbers)
        self._meter.called(len(pixels), time.perf_counter() - begun)
        checked = self.results.checked(result, expected)
        if self._memory is None and checked is not pixels and np.may_share_memory(checked, source):
            checked = checked.copy()  # such as rows[::-1], which are stored where they are read
        checked = checked.reshape(len(rows), views, *expected[1:])
        for row, each in zip(rows.tolist(), checked, strict=True):
            for view in range(views):
                self.results.store(each[view], images[row, view, ...])

    def _generator(self, pending: _Pending[Delivered], row: int, view: int) -> np.random.Generator:
        lease: _engine.Batch = pending.delivered[0]
        views = sum(source.shape[1] for source in pending.sources)
        number = int(lease.copies[row]) * views + view
        return generator(*self._seed_and_epoch(), int(lease.items[row]), number)

    def _explained(
        self, pending: _Pending[Delivered], rows: NDArray[np.int64], error: BaseException
    ) -> ThenError:
        """An error of the function, saying which row it was given."""
        lease: _engine.Batch = pending.delivered[0]
        row = int(rows[0])
        archive, key = self._named(pending.delivered, row)
        others = f" and {len(rows) - 1} more of its batch" if len(rows) > 1 else ""
        item, epoch = int(lease.items[row]), self._seed_and_epoch()[1]
        failed = ThenError(
            f"{self.results.then} failed for item {item}{others} in epoch {epoch}: "
            f"{type(error).__name__}: {error}",
            archive=archive or None,
            member=key,
            item=item,
            epoch=epoch,
        )
        failed.__cause__ = error
        return failed


class ThenRun(Generic[Delivered]):
    """An epoch of the engine's whose rows go through the user's function, ahead of the loop.

    One thread takes batches from the engine, and others call the function, row by row or batch by
    batch; `next` hands batches out in order. All of them end with the epoch: what is in hand is
    finished, what is not begun is dropped.
    """

    def __init__(
        self,
        run: Run[Delivered],
        work: ThenWork[Delivered],
        meter: ThenMeter,
        *,
        ahead: int,
    ) -> None:
        """What `run` delivers goes through `work`.

        Args:
            run: the engine at work.
            work: what is done with each batch.
            meter: is told how the loop waits; says how many threads call the function.
            ahead: batches that are taken from the engine before the loop asks for them, at most.
        """
        self._run = run
        self._work = work
        self._meter = meter
        self._ahead = ahead
        self._process = os.getpid()
        self._changed = threading.Condition()  # re-entrant: a finalizer may close an epoch
        self._pending: deque[_Pending[Delivered]] = deque()
        self._tasks: queue.SimpleQueue[tuple[_Pending[Delivered], NDArray[np.int64]] | None]
        self._tasks = queue.SimpleQueue()
        self._failure: BaseException | None = None  # of the engine, after all that is pending
        self._is_over = False  # the engine has nothing more to come
        self._misses = 0  # how often there was no memory, each time after some patience
        self._is_closed = False
        self._had = 0.0  # when the loop got its latest batch
        self.delivered = 0
        names = [
            "fastinet-then-feed",
            *[f"fastinet-then-{number}" for number in range(meter.threads)],
        ]
        self._threads = [
            threading.Thread(target=target, name=name, daemon=True)
            for target, name in zip(
                [self._feed, *[self._serve] * meter.threads], names, strict=True
            )
        ]
        self._is_begun = False
        self._answered = 0  # `_misses` when the loop was answered last
        self._signal: tuple[int, int] | None = None  # a pipe for event loops, once one asks

    def next(self) -> Delivered | None:
        """Waits for the next batch; None after the last one.

        Raises:
            ThenError: the function failed for a row of this batch.
            TooLargeError: the loop holds all buffers of `out`.
            CancelledError: the epoch was begun before a fork, or closed while this call waited.
            FastinetError: as the engine's own.
        """
        if os.getpid() != self._process:
            raise CancelledError("this epoch was begun before fork(): begin one in this process")
        asked = time.perf_counter()
        with self._changed:
            self._begin()
            ready, misses = self.ready_batches, self._misses
            self._changed.wait_for(lambda: self._has_news(misses))
            if self._is_closed:
                raise CancelledError("the epoch was closed")
            if not self._pending:
                if not self._is_over:
                    raise TooLargeError(
                        "all buffers of out= are in use: drop batches, or give more buffers"
                    )
                if self._failure is not None:
                    raise self._failure
                return None
            pending = self._pending[0]
            finished = self._work.finished(pending)
            had = time.perf_counter()
            self._meter.delivered(
                is_first=self.delivered == 0,
                waited=had - asked,
                waited_then=had - max(asked, pending.arrived) if ready == 0 else 0.0,
                busy=asked - self._had if self.delivered else 0.0,
                ready=ready,
            )
            self._had = had
            self._pending.popleft()
            self.delivered += 1
            self._answered = self._misses
            self._notify()
            return finished

    def has_answer(self) -> bool:
        """Whether `next` would return, or raise, at once."""
        if os.getpid() != self._process:
            return True
        with self._changed:
            self._begin()
            if self._signal is not None:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._signal[0], 4096)
            return self._has_news(self._answered)

    def ready_descriptor(self) -> int:
        """Becomes readable when `has_answer`, which was False, may be True; -1: it is True."""
        if os.getpid() != self._process:
            return -1
        with self._changed:
            if self._is_closed:
                return -1
            if self._signal is None:
                self._signal = os.pipe()
                for end in self._signal:
                    os.set_blocking(end, False)
                self._notify()  # what came before was told to nobody
            return self._signal[0]

    def _begin(self) -> None:
        """Starts the threads when the first batch is asked for; `_changed` is held."""
        if self._is_begun or self._is_closed:
            return
        self._is_begun = True
        for number, thread in enumerate(self._threads):
            try:
                start_thread(thread, "call the function of then=")
            except BaseException:
                self._threads = self._threads[:number]  # those that `close` has to wait for
                self._is_closed = True  # and that have nothing to do
                self._notify()
                raise

    def _notify(self) -> None:
        """Wakes all who wait; `_changed` is held."""
        self._changed.notify_all()
        if self._signal is not None:
            with contextlib.suppress(BlockingIOError):  # full of what nobody has read: enough
                os.write(self._signal[1], b"\0")

    @property
    def ready_batches(self) -> int:
        """Batches that are ready to be delivered."""
        if os.getpid() != self._process:
            return 0  # and the lock may be locked for good
        with self._changed:
            return sum(1 for _ in itertools.takewhile(lambda each: not each.left, self._pending))

    def close(self) -> None:
        """Ends the work: waits for the rows in hand, and drops the others."""
        if os.getpid() != self._process:
            self._run.close()
            return  # the threads are the parent's, and so may be the lock
        with self._changed:
            self._is_closed = True
            self._notify()
        self._run.close()
        if self._is_begun:
            for _ in self._threads:
                self._tasks.put(None)
            for thread in self._threads:
                if thread is not threading.current_thread():
                    thread.join()
        with self._changed:
            for pending in self._pending:
                pending.failures.clear()  # errors hold the batches that they came from
            self._pending.clear()
            self._failure = None
            signal, self._signal = self._signal, None
        for end in signal or ():
            os.close(end)

    def _has_news(self, misses: int) -> bool:
        """Whether a `next` that began after so many `misses` has something to say.

        A buffer may have been given back just before it began, so that the miss under way then does
        not count.
        """
        if self._is_closed:
            return True
        if self._pending:
            return self._pending[0].left == 0
        return self._is_over or self._misses > misses + 1

    def _feed(self) -> None:
        """Takes batches from the engine, and has their rows taken through the function."""
        try:
            while self._has_room():
                delivered = self._run.next()
                pending = None if delivered is None else self._begun(delivered)
                del delivered
                if pending is None:
                    break
                with self._changed:
                    self._pending.append(pending)
                    self._notify()
                for rows in self._work.calls(pending):
                    self._tasks.put((pending, rows))
                del pending
        except BaseException as error:  # noqa: BLE001 - it is raised where the loop is
            self._failure = error
        finally:
            with self._changed:
                self._is_over = True
                self._notify()

    def _has_room(self) -> bool:
        """Waits until another batch may be taken from the engine; whether one is wanted."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or len(self._pending) < self._ahead)
            return not self._is_closed

    def _begun(self, delivered: Delivered) -> _Pending[Delivered] | None:
        """The batch, once there is memory for what becomes of it; None: closed before."""
        pending = self._work.begin(delivered)
        while pending is None:
            with self._changed:
                if self._is_closed:
                    return None
                self._misses += 1
                self._notify()
            pending = self._work.begin(delivered, _PATIENCE)
        return pending

    def _serve(self) -> None:
        """Calls the function for one row after another."""
        while (task := self._tasks.get()) is not None:
            if self._is_closed:
                continue
            pending, rows = task
            try:
                self._work.call(pending, rows)
            except BaseException as error:  # noqa: BLE001 - sys.exit() in a function: no Ctrl-C
                self._work.note_failure(pending, rows, error)
            with self._changed:
                pending.left -= 1
                if not pending.left:
                    self._notify()
            del task, pending, rows

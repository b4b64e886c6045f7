"""A loader whose batches are sent on to a device, some before the loop asks for them.

`Feed` is the base of `fastinet.torch.Loader`, and of what `fastinet.jax.feed` gives.
"""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from fastinet.base.checks import whole_number
from fastinet.loading.awaiting import checkpoint
from fastinet.loading.loader_names import LoaderNames
from fastinet.loading.samplers import BatchSampler, Sampler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from fastinet.items.dataset import Dataset
    from fastinet.loading.batch import Batch
    from fastinet.loading.epoch import Epoch
    from fastinet.loading.failures import Failures
    from fastinet.loading.loader import Loader
    from fastinet.loading.options import LoaderOptions
    from fastinet.loading.state import LoaderState
    from fastinet.loading.stats import LoaderStats

__all__ = ["Feed", "FeedEpoch"]

Sent = TypeVar("Sent")


class Feed(LoaderNames, ABC, Generic[Sent]):
    """Batches of a loader, sent on to a device; each loop over it is the next epoch.

    It is used as its loader is, and delivers the same batches in the same order. Sending starts a
    transfer and returns at once; the next batches, if they are ready, are sent before the loop asks
    for them, so that their transfer runs beside the loop's work on the batch in hand. A batch that
    is not ready is never waited for before its turn.

    States count what the loop has had, not what was sent ahead.

    Attributes:
        loader: the loader behind it, which counts the epochs: after a loop over the loader itself,
            the feed's next loop is the epoch after that.
        ahead: batches that are sent before the loop asks for them, at most.
    """

    def __init__(self, loader: Loader, *, ahead: int = 1) -> None:
        self.loader = loader
        self.ahead = whole_number("ahead", ahead, 0, 64)
        self._loop = _LoopState(loader.state_dict(), is_used=True)

    @abstractmethod
    def _send(self, batch: Batch) -> Sent:
        """Starts the transfer of a batch."""

    def _deliver(self, sent: Sent) -> Sent:
        """What the loop gets, just before it gets it."""
        return sent

    @property
    def dataset(self) -> Dataset:
        """The loader's dataset."""
        return self.loader.dataset

    @property
    def options(self) -> LoaderOptions:
        """The loader's options; `output` is the format of the batches that the loop gets."""
        return self.loader.options

    @property
    def batch_size(self) -> int:
        """Rows of a batch on this rank."""
        return self.options.batch_size

    def __len__(self) -> int:
        """Batches of one whole epoch on this rank."""
        return len(self.loader)

    def __iter__(self) -> FeedEpoch[Sent]:
        """Begins the next epoch, or goes on where a state left off; see `fastinet.Loader`."""
        return self._begin(iter(self.loader))

    def __aiter__(self) -> FeedEpoch[Sent]:
        """The same for ``async for``, which lets other tasks work while no batch is ready."""
        return iter(self)

    def epoch(self, epoch: int, start_batch: int = 0) -> FeedEpoch[Sent]:
        """Begins any epoch at any batch, as `fastinet.Loader.epoch` does."""
        return self._begin(self.loader.epoch(epoch, start_batch))

    def set_epoch(self, epoch: int) -> None:
        """Makes the next loop epoch `epoch`, as `fastinet.Loader.set_epoch` does."""
        self.loader.set_epoch(epoch)
        if not self._settled_loop().is_running:
            self._loop.state = self.loader.state_dict()

    @property
    def sampler(self) -> Sampler:
        """See `fastinet.Loader.sampler`."""
        return Sampler(self.loader, self)

    @property
    def batch_sampler(self) -> BatchSampler:
        """See `fastinet.Loader.batch_sampler`."""
        return BatchSampler(self.sampler)

    def state_dict(self) -> LoaderState:
        """Where the loop stands, as a state of the loader; exact after any batch."""
        return self._settled_loop().state

    def load_state_dict(self, state: LoaderState) -> None:
        """Makes the next loop go on where the loader or feed that gave `state` stood."""
        self.loader.load_state_dict(state)
        self._loop = _LoopState(self.loader.state_dict(), is_used=True)

    @property
    def failures(self) -> Failures:
        """The items that gave no row in the epoch begun last; see `fastinet.Loader.failures`.

        Those of batches that were sent ahead are among them.
        """
        return self.loader.failures

    def stats(self) -> LoaderStats:
        """The loader's counts and times, see `fastinet.Loader.stats`."""
        return self.loader.stats()

    def _begin(self, batches: Epoch) -> FeedEpoch[Sent]:
        """Begins to send an epoch that the loader has begun."""
        before = self._settled_loop()
        self._loop = _LoopState(self.loader.state_dict(), before, weakref.ref(batches))
        return FeedEpoch(self, batches)

    def _settled_loop(self) -> _LoopState:
        """The loop begun last, of those that were not dropped unused."""
        while self._loop.before is not None and self._loop.is_given_back:
            self._loop = self._loop.before
        return self._loop


class FeedEpoch(Generic[Sent]):
    """One epoch of a `Feed`, once, in order."""

    def __init__(self, feed: Feed[Sent], batches: Epoch) -> None:
        self._feed = feed
        self._loop = feed._loop  # noqa: SLF001 - another epoch gets another
        self._batches = batches
        self._sent: deque[tuple[Sent, LoaderState]] = deque()  # and the state behind each
        # Taken from the loader, but not sent yet: while it is being sent, and when a Ctrl-C has
        # interrupted that, until the next call sends it.
        self._taken: Batch | None = None
        self._failure: Exception | None = None
        self._over = False

    def __iter__(self) -> Iterator[Sent]:
        return self

    @property
    def failures(self) -> Failures:
        """The items that gave no row, see `Feed.failures`."""
        return self._batches.failures

    def __len__(self) -> int:
        """Batches that are still to come."""
        taken = self._taken is not None
        return 0 if self._over else len(self._sent) + taken + len(self._batches)

    def __next__(self) -> Sent:
        """The next batch, as it was sent. Fails where the loader's ``next()`` does."""
        if self._over:
            raise StopIteration
        self._loop.use()
        if not self._sent:
            self._send_first()
        batch = self._feed._deliver(self._sent[0][0])  # noqa: SLF001
        self._send_ready_ones()
        # Last, so that a Ctrl-C before it loses no batch.
        _, self._loop.state = self._sent.popleft()
        return batch

    def __aiter__(self) -> AsyncIterator[Sent]:
        return self

    async def __anext__(self) -> Sent:
        """The next batch; other tasks work while it is not ready. Fails where ``next()`` does.

        A task that is cancelled here has taken no batch, and states do not count any.

        Raises:
            StopAsyncIteration: after the last batch.
        """
        if self._over or self._sent or self._taken is not None or self._failure is not None:
            await checkpoint()  # what comes next is here
        else:
            await self._batches.wait()
        try:
            return next(self)
        except StopIteration:
            raise StopAsyncIteration from None

    def close(self) -> None:
        """Ends the epoch now. Harmless when it is over."""
        self._over = True
        self._sent.clear()
        self._taken = None
        self._batches.close()

    async def aclose(self) -> None:
        """`close`, for ``contextlib.aclosing``. It takes as long as the items in hand."""
        self.close()

    def _send_first(self) -> None:
        """Sends the batch that the loop is waiting for, or raises why there is none."""
        try:
            if self._failure is not None:
                failure, self._failure = self._failure, None
                try:
                    raise failure
                finally:
                    del failure  # else it would hold itself, and with it the loop's variables
            self._send_next()
        except StopIteration:
            self._loop.state = self._feed.loader.state_dict()
            self.close()
            raise
        except Exception:
            if not len(self._batches):  # else it was the log's, and has taken no batch
                self.close()
            raise

    def _send_ready_ones(self) -> None:
        """Sends what can be sent without waiting for it."""
        try:
            while self._failure is None and self._may_send():
                self._send_next()
        except Exception as failure:  # noqa: BLE001 - it is raised at its turn
            self._failure = failure

    def _may_send(self) -> bool:
        """Whether fewer batches than allowed are sent ahead, and there is one that is ready."""
        ahead = len(self._sent) - 1  # of the batch that the loop is about to get
        return ahead < self._feed.ahead and self._batches.ready_batches > 0

    def _send_next(self) -> None:
        """Takes the loader's next batch, unless one is taken already, and sends it."""
        if self._taken is None:
            self._taken = next(self._batches)
        try:
            sent = self._feed._send(self._taken)  # noqa: SLF001
        except Exception:
            self._batches.close()  # going on would leave this batch out
            raise
        self._sent.append((sent, self._feed.loader.state_dict()))
        self._taken = None


@dataclass
class _LoopState:
    """The state that the loop over one epoch has reached, or where the next loop is to begin.

    A feed and the epoch that it began last share one. An older epoch has another, so that going on
    with it does not move the feed.

    Attributes:
        before: the loop before, whose state counts if this one is dropped unused.
        batches: the loader's epoch.
        is_used: whether the loop has asked for a batch.
    """

    state: LoaderState
    before: _LoopState | None = None
    batches: weakref.ref[Epoch] | None = None
    is_used: bool = False

    def use(self) -> None:
        """Notes that the loop asks for a batch."""
        self.is_used = True
        self.before = None

    @property
    def is_over(self) -> bool:
        """Whether no more batches can come."""
        batches = None if self.batches is None else self.batches()
        return batches is None or batches.is_over

    @property
    def is_running(self) -> bool:
        """Whether the loop has had batches and may get more."""
        return self.is_used and not self.is_over

    @property
    def is_given_back(self) -> bool:
        """Whether it was dropped before it asked for a batch."""
        return self.is_over and not self.is_used

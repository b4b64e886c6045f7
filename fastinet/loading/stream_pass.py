"""One pass over a stream: its batches, and the items that they hold."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fastinet._native import _engine
from fastinet.base.warning import warn
from fastinet.datasets.items import NO_LABEL
from fastinet.errors import FastinetError
from fastinet.loading.batch import Batch, BatchKind
from fastinet.loading.epoch import Batches
from fastinet.loading.failures import Failures
from fastinet.loading.position import EpochPosition, PassTracker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fastinet.items.stream import Stream

__all__ = ["StreamPass", "StreamRun", "StreamedItems"]

_ArrivedRows: TypeAlias = "tuple[_engine.Batch, list[tuple[str, list[tuple[str, bytes]]]], int]"
"""What `_engine.StreamEpoch.next` gives: a leased slot; for each row its item's key, and the small
files that belong to it, as (extension, contents); and the position behind the batch."""


class StreamedItems:
    """The items of one batch of a stream: a batch asks them what it would ask a dataset.

    Attributes:
        keys: by item id, which is the item's number in the stream.
        labels: int64 [B], of the batch's rows; -1 in those that are masked.
        label_sets: None.
    """

    def __init__(
        self,
        stream: Stream,
        lease: _engine.Batch,
        rows: Sequence[tuple[str, Sequence[tuple[str, bytes]]]],
    ) -> None:
        """The items of `stream` that a leased slot has.

        `rows` has each one's key, and the small files that belong to it: (extension, contents).
        """
        # Of two files with the same extension the first counts.
        labels = stream.labels_of([(key, dict(reversed(files))) for key, files in rows])
        self.labels = np.where(lease.valid, np.array(labels, np.int64), NO_LABEL)
        numbers = lease.items.tolist()
        self.keys = {number: key for number, (key, _) in zip(numbers, rows, strict=True)}
        self.label_sets = None


class StreamRun:
    """The engine's pass and the stream that it reads, as one: they fail and end together."""

    def __init__(
        self, native: _engine.StreamEpoch, stream: Stream, *, may_be_too_short: bool
    ) -> None:
        """With `may_be_too_short`, a stream that ends before a batch is full gives none at all."""
        self._native = native
        self._stream = stream
        self._may_be_too_short = may_be_too_short

    def next(self) -> _ArrivedRows | None:
        """Waits for the next batch; None after the last one of a whole stream."""
        try:
            delivered = self._native.next()
        except FastinetError as error:
            self._stream.check()  # the cause of what looks like a stream cut short
            raise self._stream.explained(error) from None
        if delivered is None:
            self._stream.check()
            if self._may_be_too_short:
                warn(
                    f"drop_last=True leaves no batch: '{self._stream.name}' ended before all ranks"
                    " had one; a smaller batch_size gives some"
                )
        self._may_be_too_short = False
        return delivered

    def close(self) -> None:
        """Ends the pass and the stream, and warns of entries that were passed over."""
        self._native.close()
        self._stream.end()
        self._stream.skipped = self._native.skipped
        if self._native.skipped and not sys.is_finalizing():
            names = self._native.skipped_names
            more = ", ..." if self._native.skipped > len(names) else ""
            warn(
                f"'{self._stream.name}': {self._native.skipped} entries so far were passed over: "
                "no images, nor small files that belong to one, or second images of samples: "
                f"{', '.join(names)}{more}"
            )

    @property
    def ready_batches(self) -> int:
        """Batches that are ready to be delivered."""
        return self._native.ready_batches


class StreamPass(Batches[_ArrivedRows]):
    """The batches of one pass over a stream, in order.

    Its ``next()`` raises, besides, FastinetError for what is wrong with the stream, after all that
    has arrived: full batches, and a last one unless `drop_last`; and ValueError for an item that
    has no label, or one beyond the stream's `classes`.
    """

    def __init__(
        self,
        run: StreamRun,
        stream: Stream,
        tracker: PassTracker,
        *,
        dtype: np.dtype[Any],
        has_views: bool,
        log: Callable[..., None] | None,
    ) -> None:
        """The batches that `run` makes of `stream`, which move `tracker` on.

        Args:
            run: the engine at work on `stream`.
            stream: whose labels items have.
            tracker: where the pass begins, and of which epoch.
            dtype: of images.
            has_views: whether arrays have an axis for views.
            log: see `Batches`.
        """
        self._failed_keys: dict[int, str] = {}  # of the items that gave no row
        failures = Failures(self._failed_keys)
        super().__init__(run, finish=tracker.finish, failures=failures, log=log)
        self._tracker = tracker
        self._stream = stream
        self._dtype = dtype
        self._has_views = has_views

    def _batch_of(self, delivered: _ArrivedRows) -> Batch:
        lease, rows, position = delivered
        items = StreamedItems(self._stream, lease, rows)
        self._failed_keys.update((item, items.keys[item]) for _, item, *_ in lease.failures)
        images = lease.images(self._dtype, self._has_views)
        self._tracker.reached = EpochPosition(self._tracker.reached.epoch, position)
        return Batch(lease, images, items.labels, BatchKind(items, self._has_views))

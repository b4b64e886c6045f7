"""One pass over a stream: its batches, and the items that they hold."""

from __future__ import annotations

import functools
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fastinet._native import _engine
from fastinet.base.warning import warn
from fastinet.datasets.companions import MOST_COMPANION_BYTES, by_extension
from fastinet.datasets.items import NO_LABEL, PADDING_ITEM
from fastinet.errors import CancelledError, FastinetError, UnsupportedError
from fastinet.formats.not_images import explained_image
from fastinet.loading.batch import Batch
from fastinet.loading.batch_kind import BatchKind
from fastinet.loading.epoch import Batches, Run
from fastinet.loading.failures import Failures
from fastinet.loading.position import PassTracker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from fastinet.items.stream import Stream
    from fastinet.loading.batch_kind import Places
    from fastinet.loading.erasure import ErasureWatch

__all__ = ["ArrivedRows", "BegunPass", "StreamPass", "StreamRun", "StreamedItems"]

_Heads: TypeAlias = "dict[int, tuple[bytes, int]]"
"""Of items that gave no row, by their numbers: their first bytes, and their sizes [bytes]."""

ArrivedRows: TypeAlias = (
    "tuple[_engine.Batch, tuple[NDArray[Any], ...],"
    " list[tuple[str, list[tuple[str, bytes | None]]]], int, _Heads]"
)
"""What `_engine.StreamEpoch.next` gives, and the images in it: a leased slot; the images of each
group of views; for each row its item's key, and the small
files that belong to it, as (extension, contents); the position behind the batch; and what is known
of items that gave no row."""


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
        rows: Sequence[tuple[str, Sequence[tuple[str, bytes | None]]]],
        heads: _Heads,
    ) -> None:
        """The items of `stream` that a leased slot has.

        `rows` has each one's key, and the small files that belong to it: (extension, contents).
        `heads` is of those that gave no row.
        """
        self._heads = heads
        labels = stream.labels_of([(key, by_extension(files)) for key, files in rows])
        self.labels = np.where(lease.valid, np.array(labels, np.int64), NO_LABEL)
        numbers = lease.items.tolist()
        self.keys = {number: key for number, (key, _) in zip(numbers, rows, strict=True)}
        self.label_sets = None
        self._files = dict(zip(numbers, rows, strict=True))
        self._stream_name = stream.name

    def companions_of(self, items: Iterable[int], extension: str) -> list[bytes | None]:
        """The companion with this extension of each item; None: it has none, or fills a batch up.

        Raises:
            UnsupportedError: it was too large for a stream to keep.
        """
        return [
            None if item == PADDING_ITEM else self._companion(item, extension.lower())
            for item in items
        ]

    def _companion(self, item: int, extension: str) -> bytes | None:
        key, files = self._files[item]
        if all(known != extension for known, _ in files):
            return None
        content = by_extension(files).get(extension)
        if content is None:
            raise UnsupportedError(
                f"its companion '.{extension}' is larger than the {MOST_COMPANION_BYTES:,} bytes"
                " that a stream keeps; an archive that is opened gives companions of any size",
                archive=self._stream_name,
                member=key,
            )
        return content

    def explained(self, error: Exception, item: int) -> Exception:
        """The error of an item that gave no row, saying what its bytes are if they are no image."""
        return _explained(error, self._heads.get(item))


def _explained(error: Exception, head: tuple[bytes, int] | None) -> Exception:
    """The error of an item whose first bytes and size are `head`; None: they are not known."""
    if head is None:
        return error
    data, size = head
    return explained_image(error, lambda count: data[:count], size)


@dataclass
class BegunPass:
    """The engine's pass, and what it was begun with.

    Attributes:
        native: the engine's.
        places: of its batches.
        drawn_by: what random numbers of its rows are drawn by: a seed, and the epoch.
        may_be_too_short: a stream that ends before a batch is full gives none at all.
    """

    native: _engine.StreamEpoch
    places: Places
    drawn_by: tuple[int, int]
    may_be_too_short: bool


class StreamRun:
    """The engine's pass and the stream that it reads, as one: they fail and end together."""

    def __init__(
        self,
        begin: Callable[[], BegunPass],
        stream: Stream,
        *,
        dtype: np.dtype[Any],
        has_views: bool,
    ) -> None:
        """The pass that `begin` begins, when it is asked for its first batch.

        What was read of a stream cannot be put back, so nothing is while nobody wants any. Images
        are of `dtype`, and `has_views` says whether they have an axis for views.
        """
        self._begin = begin
        self._started: BegunPass | None = None
        self._beginning = threading.Lock()
        self._is_closed = False
        self._dtype, self._has_views = dtype, has_views
        self._stream = stream

    @property
    def begun(self) -> BegunPass:
        """The pass, which somebody has asked for a batch; CancelledError where it never began."""
        if self._started is None:
            raise CancelledError("the pass over the stream was closed")
        return self._started

    def next(self) -> ArrivedRows | None:
        """Waits for the next batch; None after the last one of a whole stream.

        Raises:
            CancelledError: it was closed meanwhile, or before the pass began.
            FastinetError: as the engine's own.
        """
        begun = self._begun()
        native = begun.native
        try:
            delivered = native.next()
        except FastinetError as error:
            self._stream.check()  # the cause of what looks like a stream cut short
            if native.failed_head is not None:
                raise _explained(error, native.failed_head) from None
            raise self._stream.explained(error, native.head) from None
        if delivered is None:
            self._stream.check()
            if begun.may_be_too_short:
                warn(
                    f"drop_last=True leaves no batch: '{self._stream.name}' ended before all ranks"
                    " had one; a smaller batch_size gives some"
                )
        begun.may_be_too_short = False
        if delivered is None:
            return None
        lease, rows, position, heads = delivered
        return lease, lease.arrays(self._dtype, self._has_views), rows, position, heads

    def _begun(self) -> BegunPass:
        """The pass, begun by the first thread that asks; CancelledError where it is closed."""
        with self._beginning:
            if self._started is None and not self._was_closed():
                self._started = self._begin()
                # Another thread may close it at any moment, and takes no lock for that, since a
                # signal's handler may do so within this call. It notes so before it looks for the
                # pass, and here it is the other way round: one of the two sees the other.
                if self._was_closed():
                    self.close()
        if self._was_closed():
            raise CancelledError("the pass over the stream was closed")
        return self.begun

    def _was_closed(self) -> bool:  # at any moment, by another thread
        return self._is_closed

    def close(self) -> None:
        """Ends the pass and the stream, and warns of entries that were passed over."""
        self._is_closed = True
        if self._started is None:
            return
        native = self._started.native
        native.close()
        self._stream.end()
        self._stream.skipped = native.skipped
        self._stream.skipped_names = tuple(native.skipped_names)
        self._stream.say_odd(native.notes)
        if native.skipped and not sys.is_finalizing():
            names = self._stream.skipped_names
            more = ", ..." if native.skipped > len(names) else ""
            warn(
                f"'{self._stream.name}': {native.skipped} entries so far were passed over: "
                "no images, nor small files that belong to one, or second images of samples: "
                f"{', '.join(names)}{more}"
            )

    @property
    def ready_batches(self) -> int:
        """Batches that are ready to be delivered."""
        return 0 if self._started is None else self._started.native.ready_batches

    def has_answer(self) -> bool:
        """Whether `next` would return, or raise, at once."""
        return self._begun().native.has_answer()

    def ready_descriptor(self) -> int:
        """Becomes readable when `has_answer`, which was False, may be True."""
        return self._begun().native.ready_descriptor()


class StreamPass(Batches[ArrivedRows]):
    """The batches of one pass over a stream, in order.

    Its ``next()`` raises, besides, FastinetError for what is wrong with the stream, after all that
    has arrived: full batches, and a last one unless `drop_last`; and ValueError for an item that
    has no label, or one beyond the stream's `classes`.
    """

    _tracker: PassTracker

    def __init__(
        self,
        run: Run[ArrivedRows],
        stream: Stream,
        tracker: PassTracker,
        *,
        has_views: bool,
        has_groups: bool,
        log: Callable[..., None] | None,
        erasure: ErasureWatch | None,
        is_erased: bool = False,
        places: Callable[[], Places],
    ) -> None:
        """The batches that `run` makes of `stream`, which move `tracker` on.

        Args:
            run: the engine at work on `stream`.
            stream: whose labels items have.
            tracker: where the pass begins, and of which epoch.
            has_views: whether arrays have an axis for views.
            has_groups: whether these come in groups, see `BatchKind`.
            log: see `Batches`; likewise `erasure`.
            erasure: see there.
            is_erased: see `BatchKind`.
            places: gives those of the batches, see `BatchKind`, once the first one is there.
        """
        self._failed_keys: dict[int, str] = {}  # of the items that gave no row
        # Of those whose bytes are no image what they are. There may be millions, of few kinds.
        self._causes: dict[int, str] = {}
        # Not a method of this object: what warns at its end must not keep it alive.
        explained = functools.partial(_explained_failure, self._causes)
        failures = Failures(self._failed_keys, explained)
        super().__init__(run, tracker=tracker, failures=failures, log=log, erasure=erasure)
        self._stream = stream
        self._has_views, self._has_groups = has_views, has_groups
        self._is_erased = is_erased
        self._places = places

    def _batch_of(self, delivered: ArrivedRows) -> Batch:
        lease, arrays, rows, position, heads = delivered
        items = StreamedItems(self._stream, lease, rows, heads)
        for _row, item, _copy, _replacement, _code, cause, *_ in lease.failures:
            self._failed_keys[item] = items.keys[item]
            explained = items.explained(UnsupportedError(cause), item)
            if str(explained) != cause:
                self._causes[item] = sys.intern(str(explained))
        self._tracker.deliver(position)
        kind = BatchKind(
            items,
            self._has_views,
            self._has_groups,
            erasure=self._erasure,
            is_erased=self._is_erased,
            places=self._places(),
        )
        return Batch(lease, arrays, items.labels, kind)


def _explained_failure(causes: Mapping[int, str], error: Exception, item: int) -> Exception:
    """The error of an item that gave no row, saying what its bytes were if `causes` has that."""
    cause = causes.get(item)
    if cause is None or not isinstance(error, UnsupportedError):
        return error
    return UnsupportedError(cause, archive=error.archive, member=error.member, offset=error.offset)

"""Batches out of an archive that arrives: a pipe, standard input, a file object."""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, TypeAlias, TypedDict

import numpy as np

from fastinet._native import _engine
from fastinet.base.checks import check_state, checked_epoch, checked_seed, whole_number
from fastinet.base.warning import warn
from fastinet.items.stream import Stream
from fastinet.loading.base import BaseLoader
from fastinet.loading.batch import Batch, BatchKind
from fastinet.loading.epoch import Batches, Progress
from fastinet.loading.stats import LoaderStats
from fastinet.pixels.output import DType, Layout, OutputFormat
from fastinet.pixels.rendering import DEFAULT_MAX_PIXELS, RenderOptions
from fastinet.pixels.transforms import Transform, checked_transform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["DEFAULT_STREAM_WINDOW", "StreamLoader", "StreamLoaderState", "StreamedItems"]

STATE_VERSION: Final = 1
DEFAULT_STREAM_WINDOW: Final = 2048
"""Items to draw among: some 230 MB of ImageNet."""

_MAX_WINDOW = 2**24  # more items than any window fits in memory


class StreamLoaderState(TypedDict):
    """Where a pass stands, in numbers fit for JSON; `position` is that of all ranks together."""

    version: int
    seed: int
    window: int
    epoch: int
    position: int


class StreamLoader(BaseLoader):
    """Turns a stream into batches while it arrives; one pass, by one loop.

    The order is a function of the stream and (seed, epoch), boxes, flips and pixels of (seed,
    epoch, item): not of threads, batch size, ranks or time. Unshuffled, a train archive gives the
    very batches that :class:`~fastinet.Loader` gives; numbered images come as they arrive.

    It has no length, and there is no second epoch: open the stream anew, and pass `epoch`.

    Args:
        stream: from `fastinet.open_stream`, or `fastinet.open` of "-" or a file object.
        batch_size: rows of a batch on this rank.
        transform: `RandomResizedCrop`, `CenterCrop` or `Resize`.
        shuffle: draw each item among the next `window` that have arrived, or keep the stream's
            order. An archive that is sorted by class stays so on the scale of the window: shards of
            shuffled items are for streams what a shuffle is for archives.
        window: items to draw among; memory is theirs.
        seed: 0 .. 2**64 - 1.
        epoch: of random numbers, 0 .. 2**32 - 1.
        threads: as for `Loader`, and so are `affinity`, `dtype`, `layout`, `mean`, `std`, `exact`,
            `on_error`, `prefetch`, `max_pixels`, `views`, `exif_orientation`, `log`, `log_every`
            and `out`, of which two buffers are enough. One thread more takes the stream apart.
        drop_last: leave out the last, incomplete batch; all ranks then have equally many.
        rank: of this process; each rank reads a stream of its own, and position p of the order
            belongs to rank ``p % world``. "auto", together with `world`: as for `Loader`.
        world: number of ranks, or "auto".

    Raises:
        TypeError: `stream` is none, or `transform` is no transform.
        ValueError: an argument that makes no sense; the message names it.
    """

    def __init__(
        self,
        stream: Stream,
        batch_size: int,
        transform: Transform,
        *,
        shuffle: bool = False,
        window: int | None = None,
        seed: int = 0,
        epoch: int = 0,
        threads: int | None = None,
        affinity: Iterable[int] | None = None,
        dtype: DType = "uint8",
        layout: Layout = "NHWC",
        mean: Any = None,
        std: Any = None,
        exact: bool = False,
        on_error: Literal["raise", "mask"] = "raise",
        drop_last: bool = False,
        rank: int | Literal["auto"] = 0,
        world: int | Literal["auto"] = 1,
        prefetch: int | None = None,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        views: int | None = None,
        exif_orientation: bool = False,
        log: Callable[[LoaderStats], object] | None = None,
        log_every: float = 60.0,
        out: Sequence[NDArray[Any]] | None = None,
    ) -> None:
        if not isinstance(stream, Stream):
            raise TypeError(f"stream must come from fastinet.open_stream, not be {stream!r}")
        if shuffle not in (True, False):  # "blocked" is of archives, which can be gone back in
            raise ValueError(f"shuffle must be True or False for a stream, not {shuffle!r}")
        if window is not None and not shuffle:
            raise ValueError(f"window={window!r} goes with shuffle=True")
        super().__init__(
            batch_size,
            checked_transform(transform, views),
            OutputFormat(dtype, layout, mean, std),
            RenderOptions(bool(exact), bool(exif_orientation), max_pixels),
            seed=seed,
            threads=threads,
            affinity=affinity,
            on_error=on_error,
            drop_last=drop_last,
            rank=rank,
            world=world,
            prefetch=prefetch,
            log=log,
            log_every=log_every,
        )
        self.stream = stream
        self.window = 1
        if shuffle:
            wanted = DEFAULT_STREAM_WINDOW if window is None else window
            self.window = whole_number("window", wanted, 1, _MAX_WINDOW)
        self._buffers = self._checked_buffers(out)
        self._progress = Progress(checked_epoch(epoch))

    def __len__(self) -> int:
        raise TypeError("a stream's loader has no length before the stream has ended")

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return (
            f"<StreamLoader of {self.stream.name!r}, batch_size={self.batch_size}, "
            f"{self.transform}, window={self.window}, seed={self.seed}>"
        )

    def __reduce__(self) -> NoReturn:
        raise TypeError("a stream's loader stays in its process")

    def __iter__(self) -> Iterator[Batch]:
        """Begins the pass, where a state left off if one was loaded.

        Raises:
            UnsupportedError: the stream has been read before.
        """
        self._slots = self._make_slots(self.batch_size)
        with self.stream.begin() as descriptor:
            native = _engine.StreamEpoch(
                self._pool(),
                descriptor,
                self.stream.name.encode("utf-8", "surrogateescape"),
                self.stream.rules,
                self._spec(self.transform),
                self._slots,
                self._stats,
                batch_size=self.batch_size,
                window=self.window,
                seed=self.seed,
                epoch=self._progress.epoch,
                start=self._progress.position,
                rank=self.rank,
                world=self.world,
                drop_last=self.drop_last,
                prefetch=self.prefetch,
                mask=self._masks,
            )
        whole = self._progress.position == 0
        begun = _Pass(
            _StreamRun(native, self.stream, may_be_too_short=self.drop_last and whole),
            self.stream,
            self._progress,
            dtype=self.output.numpy_dtype(),
            has_views=self._views is not None,
            masks=self._masks,
            tell=self._teller(),
        )
        self._latest = weakref.ref(begun)
        return begun

    def state_dict(self) -> StreamLoaderState:
        """Where the pass stands, or the next one is to begin; exact after any batch.

        A state is taken up by the loader of the same stream, opened anew: it reads up to that
        position, without decoding. Of a stream that has failed it leads no further than to the
        first item that only the failure let out of the window: what such batches hold comes again.
        """
        return {
            "version": STATE_VERSION,
            "seed": self.seed,
            "window": self.window,
            "epoch": self._progress.epoch,
            "position": self._progress.position,
        }

    def load_state_dict(self, state: StreamLoaderState) -> None:
        """Makes the pass go on where the loader that gave `state` stood.

        Batch size, ranks and threads may differ.

        Raises:
            TypeError: no state.
            ValueError: a state of another version, or of another window. The loader stays as it
                was.
        """
        check_state(state, "seed", "window", "epoch", "position", versions=(STATE_VERSION,))
        if state["window"] != self.window:
            raise ValueError(f"state has window={state['window']}, the loader {self.window}")
        seed = checked_seed(state["seed"])
        self._progress = Progress(
            checked_epoch(state["epoch"]),
            whole_number("position", state["position"], 0, 2**62),
        )
        self.seed = seed


_ArrivedRows: TypeAlias = "tuple[_engine.Batch, list[tuple[str, list[tuple[str, bytes]]]], int]"
"""As `_engine.StreamEpoch.next` gives them."""


class _StreamRun:
    """The engine's pass and the stream that it reads, as one: they fail and end together."""

    def __init__(
        self, native: _engine.StreamEpoch, stream: Stream, *, may_be_too_short: bool
    ) -> None:
        """With `may_be_too_short`, a stream that ends before a batch is full gives none at all."""
        self._native = native
        self._stream = stream
        self._may_be_too_short = may_be_too_short

    def next(self) -> _ArrivedRows | None:
        try:
            delivered = self._native.next()
        except Exception:
            self._stream.check()  # the cause of what looks like a stream cut short
            raise
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
        self._native.close()
        self._stream.end()
        self._stream.skipped = self._native.skipped
        if self._native.skipped and not sys.is_finalizing():
            warn(
                f"'{self._stream.name}': {self._native.skipped} entries so far were passed over: "
                "no images, nor small files that belong to one, or second images of samples"
            )

    @property
    def ready_batches(self) -> int:
        return self._native.ready_batches


class _Pass(Batches[_ArrivedRows]):
    """The batches of one pass over a stream, in order.

    Its ``next()`` raises, besides, FastinetError for what is wrong with the stream, after all that
    has arrived: full batches, and a last one unless `drop_last`; and ValueError for an item that
    has no label, or one beyond the stream's `classes`.
    """

    def __init__(
        self,
        run: _StreamRun,
        stream: Stream,
        progress: Progress,
        *,
        dtype: np.dtype[Any],
        has_views: bool,
        masks: bool,
        tell: Callable[..., None] | None,
    ) -> None:
        super().__init__(run, progress, masks=masks, tell=tell)
        self._progress = progress
        self._stream = stream
        self._dtype = dtype
        self._has_views = has_views

    def _batch_of(self, delivered: _ArrivedRows) -> Batch:
        lease, rows, position = delivered
        items = StreamedItems(self._stream, lease.items, rows)
        images = lease.images(self._dtype, self._has_views)
        self._progress.position = position
        return Batch(lease, images, items.labels, BatchKind(items, self._has_views))


class StreamedItems:
    """What a batch asks of its dataset, for the items of one batch of a stream.

    Attributes:
        keys: by number of the item.
        labels: int64 [B], of the batch's rows.
        label_sets: None.
    """

    def __init__(
        self,
        stream: Stream,
        numbers: NDArray[np.int64],
        rows: Sequence[tuple[str, Sequence[tuple[str, bytes]]]],
    ) -> None:
        """The items that have `numbers` in the stream, and as many keys with their companions."""
        # Of two companions with the same extension the first counts.
        labels = stream.labels_of([(key, dict(reversed(companions))) for key, companions in rows])
        self.labels = np.array(labels, np.int64)
        self.keys = {number: key for number, (key, _) in zip(numbers.tolist(), rows, strict=True)}
        self.label_sets = None

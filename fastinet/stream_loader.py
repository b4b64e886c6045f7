"""Batches out of an archive that arrives: a pipe, standard input, a file object."""

from __future__ import annotations

import sys
import warnings
import weakref
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, TypedDict

import numpy as np

from fastinet import _engine
from fastinet.batch import Batch, BatchKind
from fastinet.buffers import Buffers
from fastinet.checks import whole_number
from fastinet.cpus import checked_affinity
from fastinet.epoch import Masked, Progress
from fastinet.errors import FastinetWarning
from fastinet.item_spec import item_spec
from fastinet.output import DType, Layout, OutputFormat
from fastinet.ranks import rank_and_world
from fastinet.rendering import DEFAULT_MAX_PIXELS, RenderOptions
from fastinet.stats import LoaderStats, StatsLog, from_snapshot
from fastinet.stream import Stream
from fastinet.transforms import Transform, checked_transform, height_width
from fastinet.workers import checked_prefetch, checked_threads, shared_pool

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


class StreamLoader:
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
            and `out`. One thread more takes the stream apart.
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
        if on_error not in ("raise", "mask"):
            raise ValueError(f'on_error must be "raise" or "mask", not {on_error!r}')
        if shuffle not in (True, False):  # "blocked" is of archives, which can be gone back in
            raise ValueError(f"shuffle must be True or False for a stream, not {shuffle!r}")
        if window is not None and not shuffle:
            raise ValueError(f"window={window!r} goes with shuffle=True")
        self.stream = stream
        self.batch_size = whole_number("batch_size", batch_size, 1, 2**31 - 1)
        self.transform = checked_transform(transform, views)
        self.output = OutputFormat(dtype, layout, mean, std)
        self.options = RenderOptions(bool(exact), bool(exif_orientation), max_pixels)
        self.window = 1
        if shuffle:
            wanted = DEFAULT_STREAM_WINDOW if window is None else window
            self.window = whole_number("window", wanted, 1, _MAX_WINDOW)
        self.seed = whole_number("seed", seed, 0, 2**64 - 1)
        self.on_error = on_error
        self.drop_last = bool(drop_last)
        rank, world = rank_and_world(rank, world)
        self.world = whole_number("world", world, 1, 2**31 - 1)
        self.rank = whole_number("rank", rank, 0, self.world - 1)
        self.affinity = checked_affinity(affinity)
        self.threads = checked_threads(threads, self.affinity)
        self.prefetch = checked_prefetch(prefetch, self.threads, self.batch_size)
        self._views = getattr(self.transform, "views", None)
        self._buffers = None
        if out is not None:
            image = self.output.shape(*height_width(self.transform.size))
            shape = (self.batch_size, *([] if self._views is None else [self._views]), *image)
            self._buffers = Buffers(self.output, shape, out)
        self._log = None if log is None else StatsLog(log, log_every)
        self._progress = Progress(whole_number("epoch", epoch, 0, 2**32 - 1))
        self._stats = _engine.Stats()
        self._slots: _engine.SlotPool | None = None
        self._latest: weakref.ref[_Pass] | None = None

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
        spec = item_spec(self.transform, self.output, self.options)
        self._slots = self._make_slots(spec)
        with self.stream.begin() as descriptor:
            native = _engine.StreamEpoch(
                shared_pool(self.threads, self.affinity),
                descriptor,
                self.stream.name.encode("utf-8", "surrogateescape"),
                self.stream.rules,
                spec,
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
                mask=self.on_error == "mask",
            )
        begun = _Pass(self, native)
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
            ValueError: a state of another version, or of another window.
        """
        if state.get("version") != STATE_VERSION:
            raise ValueError(f"state has version {state.get('version')!r}, not {STATE_VERSION}")
        if state["window"] != self.window:
            raise ValueError(f"state has window={state['window']}, the loader {self.window}")
        self.seed = whole_number("seed", state["seed"], 0, 2**64 - 1)
        self._progress = Progress(
            whole_number("epoch", state["epoch"], 0, 2**32 - 1),
            whole_number("position", state["position"], 0, 2**62),
        )

    def stats(self) -> LoaderStats:
        """What has been done so far; ``print(loader.stats())`` is one line."""
        running = self._latest() if self._latest is not None else None
        return from_snapshot(
            self._stats.snapshot(),
            ready=running.ready_batches if running is not None else 0,
            prefetch=self.prefetch,
            threads=self.threads,
            slots=self._slots.allocated if self._slots is not None else 0,
            extra=self._slots.extra if self._slots is not None else 0,
        )

    def _tell(self, *, now: bool = False) -> None:
        if self._log is not None:
            self._log.tell(self.stats, now=now)

    def _make_slots(self, spec: _engine.ItemSpec) -> _engine.SlotPool:
        if self._buffers is not None:
            return _engine.SlotPool.wrap(spec, self.batch_size, self._buffers.of_this_process())
        return _engine.SlotPool(spec, self.batch_size, self.prefetch + 2)


class _Pass:
    """The batches of one pass over a stream, in order."""

    def __init__(self, loader: StreamLoader, native: _engine.StreamEpoch) -> None:
        self._stream = loader.stream
        self._output = loader.output
        self._views = loader._views  # noqa: SLF001
        self._progress = loader._progress  # noqa: SLF001
        self._tell = loader._tell  # noqa: SLF001
        self._native = native
        self._masked = Masked()
        self._over = False
        # Also at the interpreter's exit, before the modules that threads depend on are torn down.
        self._finalizer = weakref.finalize(self, _end, native, self._masked, self._stream)

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        """The next batch; waits for it without the GIL, and Ctrl-C interrupts the waiting.

        Raises:
            StopIteration: after the last batch.
            FastinetError: what is wrong with an item, as for :class:`~fastinet.epoch.Epoch`, or
                with the stream, after all that has arrived: full batches, and a last one unless
                `drop_last`.
            ValueError: an item has no label, or one beyond the stream's `classes`.
        """
        if self._over:
            raise StopIteration
        self._tell()
        try:
            delivered = self._native.next()
            if delivered is None:
                self._stream.check()
        except Exception:
            self.close()
            self._stream.check()  # the cause of what looks like a stream cut short
            raise
        if delivered is None:
            self._progress.finish()
            self.close()
            self._tell(now=True)
            raise StopIteration
        lease, rows, position = delivered
        try:
            items = StreamedItems(self._stream, lease.items, rows)
        except Exception:
            self.close()
            raise
        kind = BatchKind(items, has_views=self._views is not None)
        images = lease.images(self._output.numpy_dtype(), kind.has_views)
        batch = Batch(lease, images, items.labels, kind)
        if lease.failures:
            self._masked.count(batch.errors)
        self._progress.position = position
        return batch

    def close(self) -> None:
        """Ends the pass now. Harmless when it is over."""
        self._over = True
        self._finalizer()

    @property
    def ready_batches(self) -> int:
        """Batches that are ready to be delivered."""
        return self._native.ready_batches


def _end(native: _engine.StreamEpoch, masked: Masked, stream: Stream) -> None:
    native.close()
    stream.end()
    stream.skipped = native.skipped
    masked.warn()
    if native.skipped and not sys.is_finalizing():
        warnings.warn(
            f"'{stream.name}': {native.skipped} entries so far were passed over: no images, "
            "nor small files that belong to one, or images of samples that have one before them",
            FastinetWarning,
            stacklevel=5,  # whoever calls next()
        )


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
        labels = [stream.label(key, dict(reversed(companions))) for key, companions in rows]
        self.labels = np.array(labels, np.int64)
        self.keys = {number: key for number, (key, _) in zip(numbers.tolist(), rows, strict=True)}
        self.label_sets = None

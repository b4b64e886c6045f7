"""Batches out of an archive that arrives: a pipe, standard input, a file object."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn

from fastinet._native import _engine
from fastinet.base.arguments import explains_unknown
from fastinet.base.checks import checked_epoch
from fastinet.base.draws import draws_number
from fastinet.items.stream import Stream
from fastinet.loading.base import BaseLoader
from fastinet.loading.batch_kind import Places
from fastinet.loading.options import (
    DEFAULT_RANK,
    DEFAULT_WORLD,
    LoaderOptions,
    checked_stream_window,
)
from fastinet.loading.other_names import OTHER_NAMES
from fastinet.loading.position import EpochPosition, PassTracker
from fastinet.loading.state import (
    STREAM_STATE_VERSION,
    StreamLoaderState,
    stream_seed_and_position,
    version_and_rest,
)
from fastinet.loading.stats import LoaderStats
from fastinet.loading.stream_pass import ArrivedRows, BegunPass, StreamPass, StreamRun
from fastinet.loading.then import Then
from fastinet.pixels.output import DType, Layout
from fastinet.pixels.view_groups import Transform, needs_boxes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray


__all__ = ["StreamLoader"]


_ARCHIVE: Final = "that goes with the items of an archive, which fastinet.Loader takes"


class StreamLoader(BaseLoader):
    """Turns a stream into batches while it arrives; one pass, by one loop.

    The order is a function of the stream and (seed, epoch), boxes, flips and pixels of (seed,
    epoch, item): not of threads, batch size, ranks or time. Unshuffled, a train archive gives the
    very batches that :class:`~fastinet.Loader` gives; numbered images come as they arrive.

    It has no length, and there is no second epoch: open the stream anew, and pass `epoch`.

    Args:
        stream: from `fastinet.open_stream`, or `fastinet.open` of "-" or a file object.
        batch_size: rows of a batch on this rank.
        transform: `RandomResizedCrop`, `RandomCrop`, `CenterCrop` or `Resize`.
        shuffle: draw each item among the next `window` that have arrived, or keep the stream's
            order. An archive that is sorted by class stays so on the scale of the window: shards of
            shuffled items are for streams what a shuffle is for archives.
        window: items to draw among; memory is theirs.
        repeats: repeated augmentation: copies of each item, which differ in all that is drawn and
            come one after another. How many items there will be is not known, so that, other than
            with `Loader`, all of them come, and an epoch is `repeats` times as long. Position p
            shows copy ``p % repeats``.
        seed: 0 .. 2**64 - 1.
        draws: a name for what is drawn for the rows, as for `Loader`.
        epoch: of random numbers, 0 .. 2**32 - 1.
        threads: as for `Loader`, and so are `affinity`, `dtype`, `layout`, `mean`, `std`, `exact`,
            `on_error` (but for "replace", since a stream's other items are not known), `prefetch`,
            `max_pixels`, `views`, `exif_orientation`, `record`, `then`, `log`, `log_every` and
            `out`, of which two buffers are enough. One thread more takes the stream apart.
        drop_last: leave out the last, incomplete batch; all ranks then have equally many.
        rank: of this process; each rank reads a stream of its own, and position p of the order
            belongs to rank ``p % world``. "auto", together with `world`: as for `Loader`.
        world: number of ranks, or "auto". Without `rank` and `world` one process has all items, and
            a FastinetWarning says so, once, where a launcher or framework tells of several;
            ``world=1`` is for a process that is to have them all, as one that evaluates alone.

    Raises:
        TypeError: `stream` is none, or `transform` is no transform.
        ValueError: an argument that makes no sense; the message names it.
    """

    @explains_unknown(
        "fastinet.StreamLoader",
        {
            **OTHER_NAMES,
            "boxes": _ARCHIVE,
            "soft_labels": _ARCHIVE,
            "sizes": "a stream is one epoch: give its transform the size",
            "pad_last": "how long a stream is shows at its end; drop_last= leaves the rest out",
            "block": "items are drawn among the next window= of them",
        },
    )
    def __init__(
        self,
        stream: Stream,
        batch_size: int,
        transform: Transform,
        *,
        shuffle: bool = False,
        window: int | None = None,
        repeats: int = 1,
        seed: int = 0,
        draws: str = "",
        epoch: int = 0,
        threads: int | None = None,
        affinity: Iterable[int] | None = None,
        dtype: DType | Any = "uint8",
        layout: Layout = "NHWC",
        mean: Any = None,
        std: Any = None,
        exact: bool = False,
        on_error: Literal["raise", "mask"] = "raise",
        drop_last: bool = False,
        rank: int | Literal["auto"] = DEFAULT_RANK,
        world: int | Literal["auto"] = DEFAULT_WORLD,
        prefetch: int | None = None,
        max_pixels: int | None = None,
        views: int | None = None,
        exif_orientation: bool = False,
        record: bool = False,
        then: Callable[..., Any] | Then | None = None,
        log: Callable[[LoaderStats], object] | None = None,
        log_every: float = 60.0,
        out: Sequence[NDArray[Any]] | None = None,
    ) -> None:
        # All arguments by name: `LoaderOptions.of` takes those that all loaders share.
        arguments = locals()
        if not isinstance(stream, Stream):
            raise TypeError(f"stream must come from fastinet.open_stream, not be {stream!r}")
        if shuffle not in (True, False):  # "blocked" is of archives, which can be gone back in
            raise ValueError(f"shuffle must be True or False for a stream, not {shuffle!r}")
        if window is not None and not shuffle:
            raise ValueError(f"window={window!r} goes with shuffle=True")
        super().__init__(LoaderOptions.of(arguments))
        if self.on_error == "replace":
            raise ValueError(
                'on_error="replace" needs an archive: the items of a stream\'s epoch are not known'
                ' while it arrives; take on_error="mask", or fastinet.Loader'
            )
        if needs_boxes(self.transform):
            raise ValueError(
                f"{self.transform!r} asks for min_object_covered, and a stream's items have no"
                " boxes: open the archive from a disk, for Loader(boxes=...)"
            )
        self.stream = stream
        self.window = checked_stream_window(shuffle, window)
        if out is not None:
            self._buffers = self._buffers_of(out)
        self._tracker = PassTracker(EpochPosition(checked_epoch(epoch)))

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

    def __iter__(self) -> StreamPass:
        """The pass, from where a state left off if one was loaded.

        It begins to read when it is asked for its first batch: an iterator that is dropped before
        leaves the stream as it was.

        Raises:
            UnsupportedError: the stream has been read before.
        """
        self.stream.check_unread()
        self.options.own_rank.warn_if_untold()
        run = StreamRun(
            self._begin,
            self.stream,
            dtype=self._engine_output.numpy_dtype(),
            has_views=self._has_views,
        )
        begun = StreamPass(
            self._with_then(run, lambda: run.begun.drawn_by, self._named),
            self.stream,
            self._tracker,
            has_views=self._has_views,
            has_groups=self._has_groups,
            log=self._log_call(),
            erasure=self._erasure,
            is_erased=self._results is not None and self._results.is_erased_here,
            places=lambda: run.begun.places,
        )
        self._latest, self._failures = weakref.ref(begun), begun.failures
        return begun

    def __aiter__(self) -> StreamPass:
        """The same for ``async for``, which lets other tasks work while no batch is ready."""
        return iter(self)

    def _begin(self) -> BegunPass:
        """Sets the engine to work on the stream, from where the loader stands now."""
        start = self._tracker.reached
        self.options.own_rank.warn_if_untold()
        rank, world = self.options.own_rank.now()
        # Where a state goes on between two batches, as other numbers of rows or ranks leave it,
        # numbers go on behind the one that it lies in.
        first = -(-start.position // (self.batch_size * world))
        places = Places(start.epoch, first, rank, world)
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
                repeats=self.repeats,
                seed=self.seed,
                draws=draws_number(self.draws),
                epoch=start.epoch,
                start=start.position,
                rank=rank,
                world=world,
                drop_last=self.drop_last,
                prefetch=self.prefetch,
                on_error=self.on_error,
            )
        return BegunPass(
            native,
            places,
            self._drawn_by(start.epoch),
            may_be_too_short=self.drop_last and start.position == 0,
        )

    def set_epoch(self, epoch: int) -> None:
        """Says, before the pass begins, which epoch's random numbers it takes.

        Args:
            epoch: 0 .. 2**32 - 1.

        Raises:
            UnsupportedError: it has begun, with those of another epoch.
        """
        if checked_epoch(epoch) != self._tracker.reached.epoch:
            self.stream.check_unread()
            self._tracker.choose(EpochPosition(epoch))

    def _named(self, arrived: ArrivedRows, row: int) -> tuple[str, str]:
        """The stream's name, and the key of a row."""
        return self.stream.name, arrived[2][row][0]

    def state_dict(self) -> StreamLoaderState:
        """Where the pass stands, or the next one is to begin; exact after any batch.

        A state is taken up by the loader of the same stream, opened anew: it reads up to that
        position, without decoding. Of a stream that has failed it leads no further than to the
        first item that only the failure let out of the window: what such batches hold comes again.
        """
        reached = self._tracker.reached
        version, more = version_and_rest(STREAM_STATE_VERSION, self.repeats, self.draws)
        return {
            "version": version,
            "seed": self.seed,
            "window": self.window,
            "epoch": reached.epoch,
            "position": reached.position,
            **more,
        }

    def load_state_dict(self, state: StreamLoaderState) -> None:
        """Makes the pass go on where the loader that gave `state` stood.

        Batch size, ranks and threads may differ.

        Raises:
            TypeError: no state.
            ValueError: a state of another version or window, or of other repeats or draws. The
                loader stays as it was.
        """
        self.seed, position = stream_seed_and_position(state, self.window, self.repeats, self.draws)
        if self.stream.is_read:
            self._tracker = PassTracker(position)  # the pass that read it keeps its own
        else:
            self._tracker.choose(position)

"""The loader: epochs of batches out of a dataset."""

from __future__ import annotations

import contextlib
import copy
import os
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastinet._native import _engine
from fastinet.annotations.bounding_boxes import Boxes
from fastinet.annotations.item_boxes import ItemBoxes
from fastinet.annotations.relabel import ItemLabelMaps, LabelMaps
from fastinet.base.arguments import explains_unknown
from fastinet.base.checks import checked_epoch, whole_number
from fastinet.base.draws import draws_number
from fastinet.base.warning import warn
from fastinet.distributed import NotYetKnownError
from fastinet.items.dataset import Dataset
from fastinet.items.stream import Stream
from fastinet.loading.alike import Drawing
from fastinet.loading.annotated import item_boxes_of, label_maps_of
from fastinet.loading.base import BaseLoader
from fastinet.loading.batch_kind import BatchKind, Places
from fastinet.loading.epoch import Epoch, LeasedRows
from fastinet.loading.epoch_order import EpochOrder
from fastinet.loading.failures import Failures
from fastinet.loading.options import (
    DEFAULT_RANK,
    DEFAULT_WORLD,
    LoaderOptions,
    OnError,
    checked_shuffle,
)
from fastinet.loading.other_names import OTHER_NAMES
from fastinet.loading.position import ChosenEpoch, EpochPosition, EpochTracker, LoopPosition
from fastinet.loading.ranks import PadLast, Share
from fastinet.loading.samplers import BatchSampler, Sampler
from fastinet.loading.size_per_batch import SizePerBatch
from fastinet.loading.size_schedule import sizes_of
from fastinet.loading.state import (
    STATE_VERSION,
    LoaderState,
    seed_and_position,
    version_and_rest,
)
from fastinet.loading.stats import LoaderStats
from fastinet.loading.then import Then
from fastinet.pixels.output import DType, Layout
from fastinet.pixels.view_groups import Transform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Loader"]


class Loader(BaseLoader):
    """Turns a dataset into batches; each loop over it is the next epoch.

    Order, boxes, flips and pixels are functions of (seed, epoch, item) alone: not of threads, batch
    size, ranks, or time. Threads are native and touch no Python. Loaders with the same `threads`
    and `affinity` share them, item by item. After a fork, the child's loader starts threads of its
    own.

    Args:
        dataset: from `fastinet.open`.
        batch_size: rows of a batch on this rank.
        transform: `RandomResizedCrop`, `RandomCrop`, `CenterCrop` or `Resize`.
        shuffle: True draws a new order each epoch, any as likely as any other; False keeps the
            dataset's. "blocked" is for media where random reads are slow, compressed archives among
            them: it reads whole blocks of neighbouring items in random order and shuffles items
            inside a window of many blocks.
        repeats: repeated augmentation: copies of each item, which differ in all that is drawn. An
            epoch has as many rows as without, and so the first ``1 / repeats`` of the items that
            its order has: position p shows copy ``p % repeats`` of the item at ``p // repeats``.
            Where there are several ranks, the copies of an item are on different ones, as far as
            there are as many. `batch.copies` tells which one a row shows.
        seed: 0 .. 2**64 - 1.
        draws: a name, such as "local", for boxes, flips and all else that is drawn for the rows.
            Loaders of one seed with other names draw independently of each other, while the same
            items come in the same order: ``zip(globals, locals)`` has two crops of each.
            What stands in for a bad item (``on_error="replace"``) does not depend on it.
        threads: worker threads; None takes one for each CPU that affinity and control groups allow,
            divided by the ranks on this machine where their launcher has not bound them to CPUs.
        affinity: CPUs that the threads run on, such as those of the GPU's NUMA node; None leaves
            that to the system. Loaders with the same threads and CPUs share them.
        dtype: "uint8", "float16", "bfloat16" (NumPy's by way of ml_dtypes) or "float32". The float
            types hold ``(pixel / 255 - mean) / std``, to the bit as `fastinet.decode` says.
        layout: "NHWC" or "NCHW".
        mean: in units of 0..1: three numbers, one for all channels, or "imagenet"; None does not
            normalise.
        std: likewise; given exactly when `mean` is.
        exact: be bit-equal to the Pillow that is installed, and so to torchvision on it. The
            default is bit-equal to Pillow 13 everywhere.
        views: independent crops of each item: ``RandomResizedCrop(views=...)`` says the same.
        exif_orientation: turn images as their metadata say before they are cropped, see
            `fastinet.decode`; ImageNet practice does not.
        on_error: "raise": an item that gives no row makes the ``next()`` fail that would deliver
            its batch, whatever came first in time; the epoch is then over, the loader is not.
            "mask": its row is zero and not `valid`, and its label is -1. "replace", for training:
            its row is that of another item, label and all, drawn by (seed, epoch,
            item) among the dataset's, with the crop and flip that it has at its own place; so that
            may come twice, and does without `repeats`. Copies of an item are replaced by the same
            copies of another. If the other gives no row either, the next one is drawn; where 32 of
            them have failed, `next()` does. Either way `batch.errors` has the cause, `failures`
            lists all such items of the epoch, and a `FastinetWarning` at its end says how many
            there were and names the first.
        drop_last: leave out the last, incomplete batch; all ranks then have equally many. For
            training. A dataset that is too small for a single batch is warned of. Without it and
            `pad_last` each item comes exactly once, and ranks may differ by one row, and so by one
            batch.
        pad_last: fill the last batch up, so that all ranks have equally many, all of them full.
            "wrap", for training: with the epoch's first rows once more, which no other option gives
            twice. "mask", for evaluation: with rows that are zero and not `valid`, whose
            index and label are -1; each item comes exactly once.
        rank: of this process; position p of the epoch's order belongs to rank ``p % world``, so
            that no two ranks have the same item, or the same copy of it, in an epoch. "auto",
            together with `world`: what `fastinet.distributed.rank_and_world` finds when an epoch
            begins, so that a loader may be made before the process group is.
        world: number of ranks, or "auto". Without `rank` and `world` one process has all items, and
            a FastinetWarning says so, once, where a launcher or framework tells of several;
            ``world=1`` is for a process that is to have them all, as one that evaluates alone.
        prefetch: batches under way or ready ahead of the loop; None takes 2, or more when batches
            are so small that the threads would starve. Memory is ``prefetch + 2`` batches;
            with `then`, up to twice as many.
        max_pixels: largest image that is decoded [pixels], checked before memory is taken for it;
            None: what `fastinet.limits` allows, by default 178,956,970, where Pillow too refuses.
        boxes: bounding boxes, from `fastinet.read_boxes`, or an `ItemBoxes` of this dataset:
            batches then have `objects`, and a transform may ask for `min_object_covered`. The boxes
            are those of images as stored, so not together with `exif_orientation`.
        soft_labels: label maps, from `fastinet.open_label_maps`, or what their `of(dataset, ...)`
            gives: batches then have `soft_labels`, made for the very crops that were drawn. An item
            whose label map cannot be read or is damaged gives no row, as if its image were. Not
            together with `exif_orientation` either.
        window: with ``shuffle="blocked"``: bytes among which items are shuffled, all ranks
            together; None takes 1 GiB.
        block: with ``shuffle="blocked"``: bytes that are read at once; None takes 512 KiB. What
            decides about the quality of the shuffle is ``window / block``.
        sizes: progressive resizing, as {first epoch: size from it on}; before the first of them
            rows have the transform's own size. Or a `SizePerBatch`, which draws a size for each
            batch. The loader's memory is that of the largest size, and boxes and flips do not
            depend on it.
        record: keep what was drawn: `batch.steps` then has the operations of `augment` that each
            row was taken through, with their numbers. Without it this costs nothing.
        then: your own function of a finished row, uint8 [H, W, 3], which returns a row like it; or
            a `fastinet.Then`, of rows or batches, with random numbers, and other shapes and types.
            It is called ahead of the loop by as many more threads, of Python, before rows are
            normalised. What it raises comes out of the ``next()`` that would deliver the row, as
            a `fastinet.errors.ThenError`, whatever `on_error` is.
        log: called as ``log(stats)`` every `log_every` seconds and at the end of each epoch, with
            the `LoaderStats` of the time since the last call. It runs on the thread of the loop,
            when that asks for a batch; what it raises comes out of that ``next()``, which then has
            taken no batch.
        log_every: seconds.
        out: buffers for the batches instead of the loader's own memory (pinned, shared, ...):
            contiguous writable NumPy arrays of `dtype` (bfloat16 also as uint16 or int16), of the
            shape of a full batch's images, in the largest of `sizes`, and at least ``prefetch +
            1``, best ``prefetch + 2`` of them. A batch's `images` then lie in one of them, which is
            not written to again before the batch and all views of its arrays are gone; a ``next()``
            that finds all of them in use raises TooLargeError. They live as long as the loader or
            any of its batches.

    Raises:
        TypeError: `transform` is no transform, or `out` holds something else than NumPy arrays.
        ValueError: an argument that makes no sense; the message names it.
    """

    @explains_unknown("fastinet.Loader", OTHER_NAMES)
    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        transform: Transform,
        *,
        shuffle: bool | Literal["blocked"] = False,
        repeats: int = 1,
        seed: int = 0,
        draws: str = "",
        threads: int | None = None,
        affinity: Iterable[int] | None = None,
        dtype: DType | Any = "uint8",
        layout: Layout = "NHWC",
        mean: Any = None,
        std: Any = None,
        exact: bool = False,
        on_error: OnError = "raise",
        drop_last: bool = False,
        pad_last: PadLast | None = None,
        rank: int | Literal["auto"] = DEFAULT_RANK,
        world: int | Literal["auto"] = DEFAULT_WORLD,
        prefetch: int | None = None,
        max_pixels: int | None = None,
        views: int | None = None,
        exif_orientation: bool = False,
        boxes: Boxes | ItemBoxes | None = None,
        soft_labels: LabelMaps | ItemLabelMaps | None = None,
        window: int | None = None,
        block: int | None = None,
        sizes: Mapping[int, int | tuple[int, int]] | SizePerBatch | None = None,
        record: bool = False,
        then: Callable[..., Any] | Then | None = None,
        log: Callable[[LoaderStats], object] | None = None,
        log_every: float = 60.0,
        out: Sequence[NDArray[Any]] | None = None,
    ) -> None:
        # All arguments by name: `LoaderOptions.of` takes those that all loaders share.
        arguments = locals()
        if isinstance(dataset, Stream):
            raise TypeError(
                f"a stream has no items to choose among: StreamLoader takes {dataset!r}"
            )
        if not isinstance(dataset, Dataset):
            raise TypeError(f"dataset must come from fastinet.open, not be {dataset!r}")
        super().__init__(LoaderOptions.of(arguments))
        self.dataset = dataset
        self.pad_last = pad_last
        self.shuffle, self.window, self.block = checked_shuffle(shuffle, window, block)
        self.boxes = item_boxes_of(boxes, dataset, self.options)
        self.soft_labels = label_maps_of(soft_labels, dataset, self.options)
        if pad_last == "mask" and self.on_error == "replace":
            raise ValueError(
                'pad_last="mask" is for evaluation, where each item comes once: on_error="replace" '
                'would give some twice; take on_error="mask", or pad_last="wrap" for training'
            )
        if pad_last == "mask" and self.repeats > 1:
            raise ValueError(
                'pad_last="mask" is for evaluation, where each item comes once: repeats='
                f'{self.repeats} leaves most of them out; take pad_last="wrap" for training'
            )
        self._sizes = sizes_of(sizes, self.transform)
        self._order: EpochOrder | None = None
        with contextlib.suppress(NotYetKnownError):  # then those who ask for batches are told
            self.order  # noqa: B018 - checks what depends on the ranks
        self._lent_slots: _engine.SlotPool | None = None
        if out is not None:
            self._lend_buffers(out)
        # Of the epoch begun last; or where to begin, at first and when a state was loaded. One
        # attribute, so that a Ctrl-C finds either the one or the other.
        self.position: LoopPosition = EpochPosition()
        self._begun: weakref.ref[Epoch] | None = None  # by iter(), last
        self._engine: _EngineParts | None = None

    def __len__(self) -> int:
        """Batches of one whole epoch on this rank."""
        return self._share.batches(0)

    def __iter__(self) -> Epoch:
        """Begins the next epoch: the one after the epoch begun last, or where a state left off.

        An iterator that is dropped before it was asked for a batch gives its epoch back: the loader
        then stands where it stood.
        """
        begun = self._begin(self.position.next_start)
        self._begun = weakref.ref(begun)
        return begun

    def __aiter__(self) -> Epoch:
        """The same for ``async for``, which lets other tasks work while no batch is ready."""
        return iter(self)

    def epoch(self, epoch: int, start_batch: int = 0) -> Epoch:
        """Begins any epoch at any batch; the same batches come as in a loop that reached it.

        Args:
            epoch: 0 .. 2**32 - 1.
            start_batch: first batch to deliver; at most ``len(loader)``, which gives an empty rest.
        """
        epoch = checked_epoch(epoch)
        start_batch = whole_number("start_batch", start_batch, 0, len(self))
        self._begun = None
        return self._begin(EpochPosition(epoch, start_batch * self._share.step))

    def set_epoch(self, epoch: int) -> None:
        """Makes the next loop epoch `epoch`, as ``DistributedSampler.set_epoch`` does.

        It need not be called: without it each loop is the next epoch. An iterator that has not been
        asked for a batch yet goes on with this epoch. Where a state was loaded that stands in the
        middle of this very epoch, the loop still goes on from there.

        Args:
            epoch: 0 .. 2**32 - 1.
        """
        epoch = checked_epoch(epoch)
        begun = None if self._begun is None else self._begun()
        if begun is None or not begun.is_untouched:
            self.position = ChosenEpoch.behind(self.position, epoch)
            return
        if begun.number != epoch:
            begun.become(self._begin(EpochPosition(epoch)))
            self._latest = weakref.ref(begun)
        begun.choose()

    @property
    def sampler(self) -> Sampler:
        """The order of the items, with the ``set_epoch`` that training programs call."""
        return Sampler(self, self)

    @property
    def batch_sampler(self) -> BatchSampler:
        """How the items fall into batches."""
        return BatchSampler(self.sampler)

    def transform_at(self, epoch: int) -> Transform:
        """The transform of an epoch: `transform`, with the size that `sizes` gives it there.

        Raises:
            ValueError: each batch has a size of its own, see `SizePerBatch`.
        """
        return self._sizes.at(self.transform, epoch)

    def state_dict(self) -> LoaderState:
        """Where the epoch begun last stands; exact after any batch, and fit for JSON."""
        reached = self.position.reached
        version, more = version_and_rest(STATE_VERSION, self.repeats, self.draws)
        return {
            "version": version,
            "seed": self.seed,
            "shuffle": self.shuffle,
            "window": self.window,
            "block": self.block,
            "blocks": None if self.order.blocks is None else self.order.blocks.checksum,
            "items": len(self.dataset),
            "epoch": reached.epoch,
            "position": reached.position,
            **more,
        }

    def load_state_dict(self, state: LoaderState) -> None:
        """Makes the next ``iter(loader)`` go on where the loader that gave `state` stood.

        Takes over the state's seed. Batch size, ranks and threads may differ.

        Raises:
            TypeError: no state.
            ValueError: a state of another version, of a dataset of another length, of another kind
                of order, or of other repeats or draws. The loader stays as it was.
        """
        seed, position = seed_and_position(state, self.state_dict())
        self._sizes.check_position(position.position, self._share.step)
        self.seed, self.position = seed, position

    def __repr__(self) -> str:
        return (
            f"<Loader of {len(self.dataset)} items, batch_size={self.batch_size}, "
            f"{self.transform}, shuffle={self.shuffle}, "
            f"{f'repeats={self.repeats}, ' if self.repeats > 1 else ''}seed={self.seed}"
            f"{f', draws={self.draws!r}' if self.draws else ''}>"
        )

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs; it starts an engine of its own."""
        if self._buffers is not None:
            raise TypeError("a loader with out= stays in its process; make another one there")
        of_this_process = (
            "_engine",
            "_stats",
            "_slots",
            "_latest",
            "_begun",
            "_failures",
            "_meter",
        )
        state = {**self.__dict__, **dict.fromkeys(of_this_process), "_log": copy.copy(self._log)}
        del state["_result_memories"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(
            state, _stats=_engine.Stats(), _failures=Failures({}), _result_memories={}
        )
        self._meter = self._make_meter()

    @property
    def order(self) -> EpochOrder:
        """Which items the epochs of this rank show, of the ranks that there are now."""
        rank, world = self.options.own_rank.now()
        latest = self._order
        if latest is None or (latest.share.rank, latest.share.world) != (rank, world):
            items, pad_last = len(self.dataset), self.pad_last
            share = Share(items, self.batch_size, rank, world, self.drop_last, pad_last)
            self._sizes.check_step(share.step)
            if latest is None:
                latest = EpochOrder(
                    self.dataset, share, self.repeats, self.shuffle, self.window, self.block
                )
            else:
                latest = latest.of(share)
                self._engine = None  # its slots are as large as a batch of the other share
            self._order = latest
            if self.drop_last and share.batches(0) == 0:
                warn(
                    f"drop_last=True leaves no batch: {self.dataset!r} has fewer items than the "
                    f"{share.step} that {world} ranks with batch_size={self.batch_size} take; a "
                    'smaller batch_size or pad_last="wrap" gives some'
                )
        return latest

    @property
    def _share(self) -> Share:
        return self.order.share

    def _lend_buffers(self, out: Sequence[NDArray[Any]]) -> None:
        """Makes all epochs put their batches into `out`; before the first of them begins."""
        buffers = self._buffers_of(out)
        if len(buffers.memory) <= self.prefetch:
            raise ValueError(
                f"out has {len(buffers.memory)} buffers; with prefetch={self.prefetch} the "
                f"loader needs at least {self.prefetch + 1}, one of them for the batch in hand"
            )
        self._buffers = buffers
        # Now, since two threads that began the first epochs at once would make two pools of them.
        self._lent_slots = self._make_slots_of_epochs()

    def _begin(self, start: EpochPosition) -> Epoch:
        """Sets the engine to work on an epoch, from `start` on."""
        epoch, position = start
        self.options.own_rank.warn_if_untold()
        order = self.order.items(self.seed, epoch, position)
        self._slots = self._engine_of_this_process().slots
        engine = self._native_epoch(
            epoch,
            order,
            slots=self._slots,
            stats=self._stats,
            batch_size=self.batch_size,
            prefetch=self.prefetch,
            blocks=self.order.blocks_of(order, position),
            copies=self.order.copies(position),
            sizes=self._sizes.of_batches(
                self.seed, epoch, position, self._share.step, self._share.batches(position)
            ),
        )
        drawn_by = self._drawn_by(epoch)
        native = self._with_then(engine, lambda: drawn_by, self._named)
        tracker = EpochTracker(
            native,
            start,
            step=self._share.step,
            items=len(self.dataset),
            before=self.position,
        )
        batches = self._share.batches(position)
        share = self._share
        places = Places(epoch, share.batches(0) - batches, share.rank, share.world)
        kind = self._batch_kind(places)
        failures = self._failures = Failures(self.dataset.keys, kind.explained)
        begun = Epoch(
            native,
            kind,
            batches=batches,
            tracker=tracker,
            drawing=Drawing.of(self.dataset, self.options, epoch),
            failures=failures,
            log=self._log_call(),
        )
        self.position, self._latest = tracker, weakref.ref(begun)
        return begun

    def _native_epoch(
        self,
        epoch: int,
        order: NDArray[np.int64],
        *,
        slots: _engine.SlotPool,
        stats: _engine.Stats,
        batch_size: int,
        prefetch: int,
        blocks: NDArray[np.int64],
        copies: NDArray[np.uint16],
        sizes: NDArray[np.uint8],
        others: int = 0,
    ) -> _engine.Epoch:
        """Sets the engine to work on the items of `order`: this loader's, or `ChosenItems`'.

        Other draws than the loader's are asked for by a number `others`, other than 0.
        """
        engine = self._engine_of_this_process()
        return _engine.Epoch(
            engine.pool,
            engine.table,
            [self._spec(each) for each in self._sizes.transforms(self.transform, epoch)],
            slots,
            stats,
            order,
            self.dataset.labels,
            self.dataset.keys,
            dtype=self._engine_output.numpy_dtype(),
            with_views=self._has_views,
            batch_size=batch_size,
            seed=self.seed,
            draws=draws_number(self.draws) ^ others,
            epoch=epoch,
            prefetch=prefetch,
            on_error=self.on_error,
            objects=engine.objects,
            soft_labels=engine.soft_labels,
            blocks=blocks,
            copies=copies,
            spec_of_batch=sizes,
        )

    def _batch_kind(self, places: Places | None = None) -> BatchKind:
        """What the batches of an epoch have in common."""
        annotated = None if self.boxes is None else (self.boxes, self.transform)
        return BatchKind(
            self.dataset,
            self._has_views,
            self._has_groups,
            annotated,
            self._erasure,
            is_erased=self._results is not None and self._results.is_erased_here,
            places=places,
        )

    def _named(self, delivered: LeasedRows, row: int) -> tuple[str, str]:
        """The archive and the key of a row's item."""
        item = int(delivered[0].items[row])
        columns = self.dataset.columns
        number = 0 if columns.item_archive is None else int(columns.item_archive[item])
        return str(columns.archives[number].archive.path), self.dataset.keys[item]

    def _engine_of_this_process(self) -> _EngineParts:
        """What epochs need of the engine; made anew after a fork, which leaves threads behind."""
        engine = self._engine
        if engine is None or engine.process != os.getpid():
            if self._buffers is not None:
                self._buffers.of_this_process()
            dataset = self.dataset
            self._engine = engine = _EngineParts(
                process=os.getpid(),
                pool=self._pool(),
                table=dataset.columns.native_table(dataset.checkpoints),
                slots=self._lent_slots or self._make_slots_of_epochs(),
                objects=self._native_objects(),
                soft_labels=None if self.soft_labels is None else self.soft_labels.native(),
            )
        return engine

    def _make_slots_of_epochs(self) -> _engine.SlotPool:
        """Memory for batches, of no more rows than this rank has in an epoch."""
        # Buffers that were lent are as large as they are, and are there before the ranks may be.
        lent = self._buffers is not None
        rows = self.batch_size if lent else min(self.batch_size, max(1, self._share.rows(0)))
        return self._make_slots(rows, self._soft_label_classes)

    @property
    def _soft_label_classes(self) -> int:
        """Length of a row's soft label; 0 without them."""
        return 0 if self.soft_labels is None else self.soft_labels.classes

    def _largest_transform(self) -> Transform:
        return self._sizes.largest(self.transform)

    def _native_objects(self) -> _engine.ObjectTable | None:
        """The annotated boxes as the engine takes them, for crops that must cover one."""
        if self.boxes is None:
            return None
        return _engine.ObjectTable(self.boxes.starts, self.boxes.boxes)


@dataclass(frozen=True)
class _EngineParts:
    """What all epochs of one loader share within one process."""

    process: int
    pool: _engine.WorkerPool
    table: _engine.ItemTable
    slots: _engine.SlotPool
    objects: _engine.ObjectTable | None
    soft_labels: _engine.SoftLabels | None

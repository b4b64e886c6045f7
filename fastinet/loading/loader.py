"""The loader: epochs of batches out of a dataset."""

from __future__ import annotations

import copy
import functools
import os
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastinet._native import _engine, _plan
from fastinet.annotations.bounding_boxes import Boxes
from fastinet.annotations.item_boxes import ItemBoxes
from fastinet.annotations.relabel import ItemLabelMaps, LabelMaps
from fastinet.archives.folder_archive import FolderArchive
from fastinet.base.checks import checked_epoch, whole_number
from fastinet.base.warning import warn
from fastinet.datasets.items import PADDING_ITEM
from fastinet.items.dataset import Dataset
from fastinet.items.stream import Stream
from fastinet.loading.base import BaseLoader
from fastinet.loading.batch_kind import BatchKind
from fastinet.loading.blocks import Blocks
from fastinet.loading.epoch import Epoch, LeasedRows
from fastinet.loading.failures import Failures
from fastinet.loading.options import (
    DEFAULT_RANK,
    DEFAULT_WORLD,
    LoaderOptions,
    OnError,
    checked_shuffle,
)
from fastinet.loading.position import EpochPosition, EpochTracker
from fastinet.loading.ranks import PadLast, Share
from fastinet.loading.size_schedule import SizeSchedule
from fastinet.loading.state import (
    REPEATED_STATE_VERSION,
    STATE_VERSION,
    LoaderState,
    repeated,
    seed_and_position,
)
from fastinet.loading.stats import LoaderStats
from fastinet.loading.then import Then
from fastinet.pixels.output import DType, Layout
from fastinet.pixels.rendering import DEFAULT_MAX_PIXELS
from fastinet.pixels.transforms import Transform, needs_boxes

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
            together with `world`: what `fastinet.distributed.rank_and_world` finds.
        world: number of ranks, or "auto". Without `rank` and `world` one process has all items, and
            a FastinetWarning says so, once, where a launcher or framework tells of several;
            ``world=1`` is for a process that is to have them all, as one that evaluates alone.
        prefetch: batches under way or ready ahead of the loop; None takes 2, or more when batches
            are so small that the threads would starve. Memory is ``prefetch + 2`` batches;
            with `then`, up to twice as many.
        max_pixels: largest image that is decoded [pixels], checked before memory is taken for it;
            the default is where Pillow too refuses.
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
            rows have the transform's own size. The loader's memory is that of the largest size, and
            boxes and flips do not depend on it.
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

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        transform: Transform,
        *,
        shuffle: bool | Literal["blocked"] = False,
        repeats: int = 1,
        seed: int = 0,
        threads: int | None = None,
        affinity: Iterable[int] | None = None,
        dtype: DType = "uint8",
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
        max_pixels: int = DEFAULT_MAX_PIXELS,
        views: int | None = None,
        exif_orientation: bool = False,
        boxes: Boxes | ItemBoxes | None = None,
        soft_labels: LabelMaps | ItemLabelMaps | None = None,
        window: int | None = None,
        block: int | None = None,
        sizes: Mapping[int, int | tuple[int, int]] | None = None,
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
        self.boxes = self._checked_item_boxes(boxes)
        self.soft_labels = self._checked_soft_labels(soft_labels)
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
        self._share = Share(
            len(dataset), self.batch_size, self.rank, self.world, self.drop_last, pad_last
        )
        if self.drop_last and len(self) == 0:
            warn(
                f"drop_last=True leaves no batch: {dataset!r} has fewer items than the "
                f"{self._share.step} that {self.world} ranks with batch_size={batch_size} take; a "
                'smaller batch_size or pad_last="wrap" gives some'
            )
        self._sizes = SizeSchedule(sizes or {})
        self._sizes.check(self.transform)
        self._lent_slots: _engine.SlotPool | None = None
        if out is not None:
            self._lend_buffers(out)
        # Of the epoch begun last; or where to begin, at first and when a state was loaded. One
        # attribute, so that a Ctrl-C finds either the one or the other.
        self._position: EpochPosition | EpochTracker = EpochPosition()
        self._engine: _EngineParts | None = None

    def __len__(self) -> int:
        """Batches of one whole epoch on this rank."""
        return self._share.batches(0)

    def __iter__(self) -> Epoch:
        """Begins the next epoch: the one after the epoch begun last, or where a state left off."""
        return self._begin(self._position.next_start)

    def epoch(self, epoch: int, start_batch: int = 0) -> Epoch:
        """Begins any epoch at any batch; the same batches come as in a loop that reached it.

        Args:
            epoch: 0 .. 2**32 - 1.
            start_batch: first batch to deliver; at most ``len(loader)``, which gives an empty rest.
        """
        epoch = checked_epoch(epoch)
        start_batch = whole_number("start_batch", start_batch, 0, len(self))
        return self._begin(EpochPosition(epoch, start_batch * self._share.step))

    def transform_at(self, epoch: int) -> Transform:
        """The transform of an epoch: `transform`, with the size that `sizes` gives it there."""
        return self._sizes.at(self.transform, epoch)

    def state_dict(self) -> LoaderState:
        """Where the epoch begun last stands; exact after any batch, and fit for JSON."""
        reached = self._position.reached
        version, more = repeated(self.repeats, STATE_VERSION, REPEATED_STATE_VERSION)
        return {
            "version": version,
            "seed": self.seed,
            "shuffle": self.shuffle,
            "window": self.window,
            "block": self.block,
            "blocks": self._blocks.checksum if self._blocks is not None else None,
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
                of order, or of other repeats. The loader stays as it was.
        """
        self.seed, self._position = seed_and_position(state, self.state_dict())

    def __repr__(self) -> str:
        return (
            f"<Loader of {len(self.dataset)} items, batch_size={self.batch_size}, "
            f"{self.transform}, shuffle={self.shuffle}, "
            f"{f'repeats={self.repeats}, ' if self.repeats > 1 else ''}seed={self.seed}>"
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
            "_failures",
            "_meter",
            "_result_memory",
        )
        state = {**self.__dict__, **dict.fromkeys(of_this_process), "_log": copy.copy(self._log)}
        state.pop("_blocks", None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _stats=_engine.Stats(), _failures=Failures({}))
        self._meter = self._make_meter()

    @functools.cached_property
    def _blocks(self) -> Blocks | None:
        """The dataset's blocks; None unless the shuffle is blocked."""
        if self.block is None or self.window is None:
            return None
        dataset = self.dataset
        return Blocks.of(
            dataset.columns.offsets,
            dataset.columns.item_archive,
            block=self.block,
            window=self.window,
        )

    def _order(self, epoch: int, start: int) -> NDArray[np.int64]:
        """This rank's item ids, in order, in an epoch that goes on at position `start`.

        The last ones are `PADDING_ITEM` where ``pad_last="mask"`` adds rows.
        """
        if self._blocks is not None:
            whole = self._blocks.order(seed=self.seed, epoch=epoch)
            # Of those of padding, `pad_last="wrap"` has the first items once more; for "mask" they
            # are replaced below.
            order = whole[self._share.positions(start) // self.repeats]
        else:
            order = _plan.epoch_order(
                len(self.dataset),
                seed=self.seed,
                epoch=epoch,
                shuffle=bool(self.shuffle),
                repeats=self.repeats,
                rank=self.rank,
                world=self.world,
                start=start,
                stop=self._share.stop(start),
            )
        if self._share.pad_last == "mask":
            order[len(order) - self._share.padding(start) :] = PADDING_ITEM
        return order

    def _copies(self, start: int) -> NDArray[np.uint16]:
        """Which copy of its item each position of `_order` shows; empty: all the first."""
        if self.repeats == 1:
            return np.zeros(0, np.uint16)
        return (self._share.positions(start) % self.repeats).astype(np.uint16)

    def _blocks_of(self, order: NDArray[np.int64], start: int) -> NDArray[np.int64]:
        """Which block the engine finds each of `order` in: -1 for none, empty without any."""
        archives = [each.archive for each in self.dataset.columns.archives]
        if self._blocks is None or any(isinstance(each, FolderArchive) for each in archives):
            return np.zeros(0, np.int64)  # a folder's files are read one by one in any case
        blocks = self._blocks.of_items[order]
        # Items that come once more at the end would keep their blocks in memory until then.
        blocks[len(blocks) - self._share.padding(start) :] = -1
        return blocks

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
        order = self._order(epoch, position)
        self._slots = self._engine_of_this_process().slots
        engine = self._native_epoch(
            epoch,
            order,
            slots=self._slots,
            stats=self._stats,
            batch_size=self.batch_size,
            prefetch=self.prefetch,
            blocks=self._blocks_of(order, position),
            copies=self._copies(position),
        )
        native = self._with_then(engine, epoch, self._named)
        tracker = EpochTracker(native, start, step=self._share.step, items=len(self.dataset))
        kind = self._batch_kind(epoch)
        failures = self._failures = Failures(self.dataset.keys, kind.explained)
        begun = Epoch(
            native,
            kind,
            batches=self._share.batches(position),
            finish=tracker.finish,
            failures=failures,
            log=self._log_call(),
        )
        self._position, self._latest = tracker, weakref.ref(begun)
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
    ) -> _engine.Epoch:
        """Sets the engine to work on the items of `order`: this loader's, or `ChosenItems`'."""
        engine = self._engine_of_this_process()
        return _engine.Epoch(
            engine.pool,
            engine.table,
            self._spec(self.transform_at(epoch)),
            slots,
            stats,
            order,
            self.dataset.labels,
            self.dataset.keys,
            dtype=self._engine_output.numpy_dtype(),
            with_views=self._has_views,
            batch_size=batch_size,
            seed=self.seed,
            epoch=epoch,
            prefetch=prefetch,
            on_error=self.on_error,
            objects=engine.objects,
            soft_labels=engine.soft_labels,
            blocks=blocks,
            copies=copies,
        )

    def _batch_kind(self, epoch: int) -> BatchKind:
        """What the batches of an epoch have in common."""
        annotated = None if self.boxes is None else (self.boxes, self.transform_at(epoch))
        return BatchKind(
            self.dataset,
            self._has_views,
            self._has_groups,
            annotated,
            self._erasure,
            is_erased=self._results is not None and self._results.is_erased_here,
        )

    def _named(self, delivered: LeasedRows, row: int) -> tuple[str, str]:
        """The archive and the key of a row's item."""
        item = int(delivered[0].items[row])
        columns = self.dataset.columns
        number = 0 if columns.item_archive is None else int(columns.item_archive[item])
        return str(columns.archives[number].archive.path), self.dataset.keys[item]

    def _engine_of_this_process(self) -> _EngineParts:
        """What epochs need of the engine; made anew after a fork, which leaves threads behind."""
        if self._engine is None or self._engine.process != os.getpid():
            if self._buffers is not None:
                self._buffers.of_this_process()
            dataset = self.dataset
            self._engine = _EngineParts(
                process=os.getpid(),
                pool=self._pool(),
                table=dataset.columns.native_table(dataset.checkpoints),
                slots=self._lent_slots or self._make_slots_of_epochs(),
                objects=self._native_objects(),
                soft_labels=None if self.soft_labels is None else self.soft_labels.native(),
            )
        return self._engine

    def _make_slots_of_epochs(self) -> _engine.SlotPool:
        """Memory for batches, of no more rows than this rank has in an epoch."""
        rows = min(self.batch_size, max(1, self._share.rows(0)))
        return self._make_slots(rows, self._soft_label_classes)

    @property
    def _soft_label_classes(self) -> int:
        """Length of a row's soft label; 0 without them."""
        return 0 if self.soft_labels is None else self.soft_labels.classes

    def _largest_transform(self) -> Transform:
        return self._sizes.largest(self.transform)

    def _checked_item_boxes(self, boxes: Boxes | ItemBoxes | None) -> ItemBoxes | None:
        """The boxes of the dataset's items, if these are its own and the transform can use them."""
        if boxes is None:
            if needs_boxes(self.transform):
                raise ValueError(
                    f"{self.transform!r} asks for min_object_covered, so the loader needs boxes="
                )
            return None
        if self.options.render.exif_orientation:
            raise ValueError(
                "boxes are of images as they are stored: exif_orientation=True would turn the"
                " images, but not the boxes"
            )
        if isinstance(boxes, Boxes):
            return boxes.of(self.dataset)
        if not isinstance(boxes, ItemBoxes):
            raise TypeError(
                f"boxes must come from fastinet.read_boxes, or be an ItemBoxes, not {boxes!r}"
            )
        if len(boxes) != len(self.dataset):
            raise ValueError(f"boxes of {len(boxes)} items, the dataset has {len(self.dataset)}")
        return boxes

    def _checked_soft_labels(
        self, soft_labels: LabelMaps | ItemLabelMaps | None
    ) -> ItemLabelMaps | None:
        """The label maps of the dataset's items, if these are its own."""
        if soft_labels is not None and self.options.render.exif_orientation:
            raise ValueError(
                "label maps are of images as they are stored: exif_orientation=True would turn the"
                " images, but not the maps"
            )
        if isinstance(soft_labels, LabelMaps):
            return soft_labels.of(self.dataset)
        if not isinstance(soft_labels, ItemLabelMaps | None):
            raise TypeError(
                f"soft_labels must come from open_label_maps, or from their of(), not be"
                f" {soft_labels!r}"
            )
        if soft_labels is not None and soft_labels.dataset is not self.dataset:
            raise ValueError("soft_labels are of another dataset: use of() with this one")
        return soft_labels

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

"""The native engine: threads, slots and epochs. Use `fastinet.Loader`."""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

_Sampling: TypeAlias = Literal["nearest", "bilinear", "bicubic"]

class WorkerPool:
    """Threads that work for any number of epochs."""

    def __init__(self, threads: int, cpus: Sequence[int] = ()) -> None: ...
    @property
    def threads(self) -> int: ...

class Amount:
    """How one argument of a step is drawn: see `fastinet.augment.amounts.Amount`."""

    def __init__(
        self,
        *,
        source: str,
        low: float,
        high: float,
        values: Sequence[float],
        limit: float,
        divisor: float,
        factor: float,
        truncate: bool,
        ceiling: float,
        random_sign: bool,
        scale: float,
        offset: float,
        subtract: bool,
        floor: float,
    ) -> None: ...

class Operation:
    """Random steps: one, or several. Checked when an `ItemSpec` is made of them."""

    @staticmethod
    def step(
        op: str,
        arguments: Sequence[Amount],
        *,
        probability: float,
        sampling: str,
        fill: Sequence[int],
    ) -> Operation: ...
    @staticmethod
    def jitter(bounds: Sequence[Sequence[float] | None], *, probability: float) -> Operation: ...
    @staticmethod
    def sequence(
        parts: Sequence[Operation], *, probability: float, shared: bool = False
    ) -> Operation: ...
    @staticmethod
    def choice(
        parts: Sequence[Operation],
        *,
        probability: float,
        weights: Sequence[float],
        count: int,
        replacement: bool,
    ) -> Operation: ...
    @staticmethod
    def mix(
        parts: Sequence[Operation], *, probability: float, blend_at_end: bool, alpha: float
    ) -> Operation: ...

def draw_steps(
    operations: Sequence[Operation],
    *,
    size: Sequence[int],
    seed: int,
    epoch: int,
    item: int,
    view: int,
    first_view: int = 0,
) -> list[tuple[str, tuple[float, ...], _Sampling, tuple[int, int, int]]]:
    """The steps that operations give for one view of one item.

    Raises ValueError (operations that rows of this size cannot have).
    """

class ErasingRule:
    """Which boxes of a row are erased: `fastinet.augment.RandomErasing`."""

    def __init__(
        self,
        *,
        probability: float,
        scale: Sequence[float],
        ratio: Sequence[float],
        mode: str,
        value: Sequence[float],
        count: int,
    ) -> None: ...

class ViewSpec:
    """One group of views: `count` crops of each item by one rule; `size` is (height, width)."""

    def __init__(
        self,
        *,
        kind: str,
        size: Sequence[int],
        scale: Sequence[float],
        ratio: Sequence[float],
        box_rule: str,
        min_object_covered: float,
        flip_probability: float,
        vflip_probability: float,
        resize: int,
        padding: Sequence[int],
        padding_mode: str,
        fill: Sequence[int],
        interpolation: str,
        random_interpolation: bool,
        operations: Sequence[Operation],
        erase: ErasingRule | None,
        lighting: float | None,
        count: int,
        crop_of: int | None,
    ) -> None: ...

class ItemSpec:
    """How items become rows: their views, group by group, and what these have in common."""

    def __init__(
        self,
        groups: Sequence[ViewSpec],
        *,
        pass_order: str,
        dtype: str,
        layout: str,
        pixel_scale: Sequence[float],
        pixel_bias: Sequence[float],
        apply_orientation: bool,
        max_pixels: int,
        max_scans: int,
        record: bool = False,
    ) -> None: ...

ExpectedFile: TypeAlias = tuple[int, str, str, bytes, int, int, int, int]

class Source:
    """An archive that is open for reading: bytes by their offset."""

    @staticmethod
    def file(path: bytes, *, briefly: bool = False, expected: ExpectedFile | None = None) -> Source:
        """A file, as it stands.

        With `briefly` it is opened anew for each read, because a dataset of many archives would
        exceed the process's limit of open files. `expected` is what it must be, now and at each
        read (:meth:`fastinet.sidecars.identity.Bound.native`).

        Raises MissingError, ReadError, UnsupportedError (no file).
        """
    @staticmethod
    def descriptor(descriptor: int, path: bytes) -> Source:
        """The file that a descriptor is open for, by a duplicate of it; `path` is for messages.

        Raises ReadError, UnsupportedError (no file).
        """
    @staticmethod
    def folder(
        path: bytes,
        names: NDArray[np.uint8],
        name_ends: NDArray[np.uint64],
        offsets: NDArray[np.uint64],
        sizes: NDArray[np.uint64],
    ) -> Source:
        """Files of a folder, laid end to end at the given offsets, which rise."""
    @staticmethod
    def gzip(
        path: bytes,
        *,
        bit_offsets: NDArray[np.uint64],
        offsets: NDArray[np.uint64],
        window_starts: NDArray[np.uint64],
        window_sizes: NDArray[np.uint32],
        windows: NDArray[np.uint8],
        size_bytes: int,
        cache_bytes: int = ...,
        briefly: bool = False,
        expected: ExpectedFile | None = None,
    ) -> Source:
        """What a gzip file inflates to, through its seek points: `fastinet.archives.seek_index`.

        Args:
            path: of the file.
            bit_offsets: [P] of each point's deflate block in the file [bits].
            offsets: [P] of its first byte in the inflated data [bytes], rising from 0.
            window_starts: [P] where in `windows` the point's window is [bytes].
            window_sizes: [P] bytes; 0: it needs none.
            windows: uint8, zlib streams.
            size_bytes: of all that the file inflates to.
            cache_bytes: of inflated data that are kept, so that neighbours are inflated once.
            briefly: as for `file`.
            expected: as for `file`.

        Raises:
            CorruptError: the points do not fit the file.
            MissingError, ReadError: as for `file`.
        """
    @property
    def size_bytes(self) -> int: ...
    def read(self, offset: int, size: int) -> bytes:
        """`size` bytes from `offset` on, read without the GIL.

        Raises:
            MissingError, ReadError: a file is gone, was cut, or cannot be read.
        """

class ItemTable:
    """Where every item's bytes are."""

    def __init__(
        self,
        sources: Sequence[Source],
        item_archive: NDArray[np.int32] | None,
        offsets: NDArray[np.uint64],
        sizes: NDArray[np.uint64],
        record_starts: NDArray[np.uint64] = ...,
        record_sizes: NDArray[np.uint32] = ...,
        header_bytes: NDArray[np.uint32] = ...,
        records: Sequence[NDArray[np.uint8] | Source] = ...,
    ) -> None:
        """The `records` of each archive's items, or one array or file for all."""

    def __len__(self) -> int: ...

class SoftLabels:
    """Label maps of a dataset's items, and how they are pooled.

    Item i has the map at item i of `maps`, or where that has no bytes the label `labels[i]`.
    """

    def __init__(
        self,
        maps: ItemTable,
        labels: NDArray[np.int32],
        *,
        ranks: int,
        rows: int,
        columns: int,
        classes: int,
        axes: str,
    ) -> None: ...

class ObjectTable:
    """The bounding boxes of every item's objects; item i has rows starts[i] to starts[i + 1]."""

    def __init__(self, starts: NDArray[np.int64], boxes: NDArray[np.float32]) -> None: ...

class SlotPool:
    """Memory for batches, leased until their last view dies."""

    def __init__(
        self, spec: ItemSpec, rows: int, kept_slots: int, soft_label_classes: int = 0
    ) -> None: ...
    @staticmethod
    def wrap(
        spec: ItemSpec,
        rows: int,
        buffers: Sequence[Sequence[NDArray[Any]]],
        soft_label_classes: int = 0,
    ) -> SlotPool:
        """Slots over a caller's memory: each over some buffers, one for each group of views."""
    @property
    def allocated(self) -> int: ...
    @property
    def leased(self) -> int: ...
    @property
    def extra(self) -> int: ...

class Stats:
    """Totals over the epochs that count here."""

    def __init__(self) -> None: ...
    def snapshot(self) -> dict[str, Any]: ...

class Batch:
    """A leased slot; its arrays keep the lease.

    It is not what users get: `fastinet.Batch` wraps it and calls it its lease.
    """

    def __len__(self) -> int: ...
    def arrays(self, dtype: np.dtype[Any], with_views: bool) -> tuple[NDArray[Any], ...]:
        """The images of each group of views."""
    @property
    def items(self) -> NDArray[np.int64]: ...
    @property
    def copies(self) -> NDArray[np.int32]:
        """[B], -1 in padding."""
    @property
    def boxes(self) -> NDArray[np.int32]: ...
    @property
    def flips(self) -> NDArray[np.bool_]: ...
    @property
    def vflips(self) -> NDArray[np.bool_]: ...
    @property
    def windows(self) -> NDArray[np.int32]:
        """[B, views, 4] (x, y, width, height) in pixels of each resized box."""
    @property
    def interpolations(self) -> NDArray[np.uint8]:
        """[B, views] numbers of `fastinet.pixels.transforms.INTERPOLATIONS`."""
    @property
    def soft_labels(self) -> NDArray[np.float32] | None: ...
    @property
    def erased(self) -> NDArray[np.int32] | None:
        """[rows, views, boxes, 4], or None where nothing is erased."""
    @property
    def lighting(self) -> NDArray[np.float64] | None:
        """[rows, views, 3], or None without lighting."""
    def erased_pixels(self, group: int) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
        """Of one group of views, see `fastinet.Batch.erased_pixels`."""
    @property
    def valid(self) -> NDArray[np.bool_]: ...
    @property
    def image_sizes(self) -> NDArray[np.int32]:
        """[B, 2] (width, height)."""
    @property
    def steps(
        self,
    ) -> list[list[list[tuple[str, tuple[float, ...], _Sampling, tuple[int, int, int]]]]] | None:
        """Of each row's views, where they are kept: a list made anew each time."""
    @property
    def failures(self) -> list[tuple[int, int, int, int, str, str, str, int]]:
        """(row, item, copy, replacement, code, cause, archive, offset) of items that gave no row.

        `replacement` is the item that the row shows, the same copy of it, or -1. The last four are
        arguments of `fastinet.errors.from_status`.
        """
    @property
    def number(self) -> int:
        """How many batches its run delivered before it, whichever thread took them."""

class Epoch:
    """One epoch while it runs."""

    def __init__(
        self,
        pool: WorkerPool,
        table: ItemTable,
        specs: Sequence[ItemSpec],
        slots: SlotPool,
        stats: Stats,
        order: NDArray[np.int64],
        labels: NDArray[np.int64],
        keys: Sequence[str],
        *,
        dtype: np.dtype[Any],
        with_views: bool,
        batch_size: int,
        seed: int,
        draws: int,
        epoch: int,
        prefetch: int,
        on_error: str,
        blocks: NDArray[np.int64] = ...,
        copies: NDArray[np.uint16] = ...,
        objects: ObjectTable | None = None,
        soft_labels: SoftLabels | None = None,
        spec_of_batch: NDArray[np.uint8] = ...,
    ) -> None:
        """Begins an epoch of the items in `order`.

        Args:
            pool: the threads that work.
            table: where every item's bytes are, N items.
            specs: how they become rows; several that differ in the rows' sizes alone.
            slots: where batches are put.
            stats: where the epoch counts.
            order: [M] this rank's item ids, -1 for padding.
            labels: [N] by item id.
            keys: [N] by item id, only for messages.
            dtype: of images.
            with_views: whether images have an axis for views.
            batch_size: rows of a batch.
            seed: together with `epoch` and the item decides what is drawn.
            draws: 0 .. 2**64 - 1; changes what is drawn, but not which item replaces another.
            epoch: number of the epoch.
            prefetch: batches that may be ready before they are asked for.
            on_error: "raise", "mask" or "replace", see `fastinet.Loader`.
            blocks: [M] the block that each item of `order` lies in, -1: in none; empty: all are
                read item by item.
            copies: [M] which copy of its item each position shows; empty: all the first. All views
                of all copies are at most 65536.
            objects: for transforms that ask for objects in the crop.
            soft_labels: for loaders that have them.
            spec_of_batch: which of `specs` each batch has; empty: all have the first.
        """
    def next(self) -> tuple[Batch, tuple[NDArray[Any], ...], NDArray[np.int64]] | None:
        """A batch, its arrays of images and labels (-1: no item); None after the last one."""

    def close(self) -> None: ...
    @property
    def delivered(self) -> int:
        """Batches that `next` has returned so far, whoever called it."""

    @property
    def ready_batches(self) -> int: ...
    def has_answer(self) -> bool:
        """Whether `next` would return, or raise, at once."""
    def ready_descriptor(self) -> int:
        """Becomes readable when `has_answer`, which was False, may be True.

        It is this object's: to wait, duplicate it. -1 in a forked child. Raises ReadError where the
        system has no descriptor left.
        """

class ItemRules:
    """What of a stream is an item."""

    def __init__(
        self,
        *,
        labels_by_function: bool,
        split: str,
        around: str,
        is_named: bool,
        end_marker_required: bool = True,
    ) -> None:
        """With `labels_by_function` some samples without a label have one item, too.

        The members that count are those of `split`, by its name or its folder's; "": of the split
        that the first image is of, and another one is an error; "all": all. `around` is the split
        that the stream's name is; "": it is none, or where not `is_named`, nobody knows. Unless
        `end_marker_required`, a tar may end without its end-of-archive marker.
        """

class StreamItems:
    """The items of a stream one by one."""

    def __init__(
        self, descriptor: int, name: bytes, rules: ItemRules, *, max_pixels: int
    ) -> None: ...
    def next(self) -> tuple[str, list[tuple[str, bytes | None]], int, bytes] | None:
        """(key, [(extension, content)], size, bytes unless there are too many).

        A companion that is too large has None for its content.
        """
    def interrupt(self) -> None:
        """Makes `next` fail from now on, also the call that another thread waits in."""
    @property
    def head(self) -> bytes:
        """Up to 512 of the stream's first bytes; none before `next` has read them."""
    @property
    def skipped(self) -> int:
        """As of StreamEpoch."""
    @property
    def skipped_names(self) -> list[str]:
        """As of StreamEpoch."""
    @property
    def notes(self) -> list[tuple[int, int, str, int]]:
        """As of StreamEpoch."""

class StreamEpoch:
    """One pass over a stream while it runs."""

    def __init__(
        self,
        pool: WorkerPool,
        descriptor: int,
        name: bytes,
        rules: ItemRules,
        spec: ItemSpec,
        slots: SlotPool,
        stats: Stats,
        *,
        batch_size: int,
        window: int,
        repeats: int,
        seed: int,
        draws: int,
        epoch: int,
        start: int,
        rank: int,
        world: int,
        drop_last: bool,
        prefetch: int,
        on_error: str,
    ) -> None: ...
    def next(
        self,
    ) -> (
        tuple[
            Batch,
            list[tuple[str, list[tuple[str, bytes | None]]]],
            int,
            dict[int, tuple[bytes, int]],
        ]
        | None
    ):
        """What has arrived: a batch, and what only the stream knows of it.

        (batch, (key, companions as of StreamItems) of each row, position that the pass stands at,
        and of each item that gave no row (up to 512 of its first bytes, its size) by its number).
        """
    def close(self) -> None: ...
    @property
    def ready_batches(self) -> int: ...
    def has_answer(self) -> bool:
        """As of Epoch."""
    def ready_descriptor(self) -> int:
        """As of Epoch."""
    @property
    def head(self) -> bytes:
        """Up to 512 of the stream's first bytes; none before its end or failure was delivered."""
    @property
    def failed_head(self) -> tuple[bytes, int] | None:
        """As in `next`, of the item whose failure it has raised; None: it has raised none."""
    @property
    def skipped(self) -> int:
        """Members so far that were no items, nor small files of one that are no images."""
    @property
    def skipped_names(self) -> list[str]:
        """The first few of them, with what they are where they are no files."""
    @property
    def notes(self) -> list[tuple[int, int, str, int]]:
        """What is odd about the tars so far, a row for each kind that there was.

        (Its number in ``_scan.NOTE_KINDS``, how often, name and offset of the first, as of
        ``_scan.Note``.)
        """

def make_checkpoints(
    table: ItemTable, first: int, count: int, *, stride: int, threads: int
) -> tuple[
    NDArray[np.uint8],
    NDArray[np.uint32],
    NDArray[np.uint32],
    int,
    tuple[int, str, str, str, int] | None,
]:
    """(records, their sizes, header bytes, damaged items, the first damage) of some items.

    The first damage is (item, code, cause, archive, offset).
    """

def check_items(
    table: ItemTable,
    first: int,
    count: int,
    *,
    decode: bool,
    threads: int,
    max_pixels: int,
    max_scans: int,
) -> tuple[NDArray[np.uint8], list[tuple[int, str, str, str, int]]]:
    """Reads the headers of some items, or with `decode` all of their pixels.

    Images of more pixels or scans fail as too large.

    Returns:
        [count] components of each image, 1 to 4, or 0 where it failed; and the failures as (item,
        code, cause, archive, offset), in order.
    """

def export_bfloat16(array: NDArray[np.uint16]) -> Any:
    """A DLPack capsule over an array of uint16 that are bfloat16."""

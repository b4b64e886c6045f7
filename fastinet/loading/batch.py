"""A batch: what one step of a training loop takes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import MemberDescriptorType
from typing import Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastinet import errors
from fastinet._native import _engine
from fastinet.annotations.objects import Objects, objects_in_crops
from fastinet.augment.steps import Step
from fastinet.datasets.items import PADDING_ITEM
from fastinet.datasets.label_sets import LabelSets
from fastinet.loading.batch_kind import BatchKind
from fastinet.loading.copied_columns import CopiedColumns
from fastinet.pixels.transform_parts import INTERPOLATIONS

__all__ = ["BaseBatch", "Batch", "SentBatch", "described"]

Array = TypeVar("Array")

_COLUMNS: Final = (property, MemberDescriptorType)  # what attributes of batches are
_INTERPOLATIONS: Final[NDArray[np.str_]] = np.array(INTERPOLATIONS)


class _Keys(list[str]):
    """The keys of a batch's items; and what Python calls where a batch is to become a dict."""

    __slots__ = ("_names",)

    def __init__(self, keys: Iterable[str], names: list[str]) -> None:
        super().__init__(keys)
        self._names = names

    def __call__(self) -> list[str]:
        """The names of what ``dict(batch)`` has."""
        return self._names

    def __reduce__(self) -> tuple[Any, ...]:
        """A plain list: the batch stays here."""
        return list, (list(self),)


class BaseBatch(ABC, Generic[Array]):
    """What every batch offers, wherever its pixels are. This is the one list of it.

    `images`, `crops`, `labels`, `soft_labels` and `erased` are what a training step computes with,
    and go where it computes: they are arrays of NumPy in a `Batch`, and of a framework, on its
    device, in the `SentBatch` that this became. All else stays on the host, as NumPy arrays and
    Python objects.

    Attributes:
        labels: int64 [B]; -1 in rows that are not `valid`.
    """

    __slots__ = ("_arrays", "_columns", "_joined", "_kind", "_objects", "labels")

    labels: Array
    _arrays: tuple[Any, ...]  # the images of each group of views
    _joined: Array | None  # all of them in one array, once somebody has asked for it
    _columns: _engine.Batch | CopiedColumns
    _kind: BatchKind
    _objects: Objects | None

    def __init__(
        self,
        columns: _engine.Batch | CopiedColumns,
        arrays: tuple[Array, ...],
        labels: Array,
        kind: BatchKind,
    ) -> None:
        self._columns = columns
        self._arrays = arrays
        self._joined = arrays[0] if len(arrays) == 1 else None
        self._kind = kind
        self._objects = None
        self.labels = labels

    def __iter__(self) -> Iterator[Any]:
        """``images, labels``; under a `MultiCrop` ``crops, labels``."""
        yield self.crops if self._kind.has_groups else self.images
        yield self.labels

    def __getitem__(self, name: str | int) -> Any:
        """``batch["images"]`` and the like, by the name of any attribute; ``batch[0], batch[1]``.

        So ``dict(batch)`` and ``model(**batch)`` have what a training step computes with: `images`
        (or `crops`, under a `MultiCrop`) and `labels`, and `soft_labels` where there are some. For
        a model that has other names, there is `as_dict`.

        Raises:
            KeyError: a batch has no such attribute; the message names those that it has.
            IndexError: neither 0 nor 1.
        """
        if isinstance(name, str):
            if name.startswith("_") or not isinstance(getattr(type(self), name, None), _COLUMNS):
                raise KeyError(
                    f"a batch has no {name!r}; dict(batch) has {', '.join(self._names())}, and "
                    'batch.as_dict(pixel_values="images") has other names for what a batch has'
                )
            return getattr(self, name)
        return tuple(self)[name]

    def __contains__(self, name: object) -> bool:
        """Whether ``dict(batch)`` has something of this name: ``"labels" in batch``.

        What is no string is in it if it is one of the parts that it unpacks to.
        """
        if isinstance(name, str):
            return name in self._names()
        return any(name is part for part in self)

    def as_dict(self, **names: str) -> dict[str, Any]:
        """A dict of what a training step computes with, under the names that a model has for it.

        ``model(**batch.as_dict(pixel_values="images", labels="labels"))`` is for Hugging Face's.

        Args:
            names: what each is to be called, and the attribute of the batch that it is; without any
                they are those of ``dict(batch)``.

        Raises:
            KeyError: a batch has no such attribute.
        """
        wanted = names or {name: name for name in self._names()}
        return {name: self[attribute] for name, attribute in wanted.items()}

    def _names(self) -> list[str]:
        """What ``dict(batch)`` has."""
        soft = [] if self.soft_labels is None else ["soft_labels"]
        return ["crops" if self._kind.has_groups else "images", "labels", *soft]

    @property
    def images(self) -> Array:
        """The rows; each kind of batch says how they lie.

        Under a `MultiCrop` of several groups, a copy in which all views lie side by side.

        Raises:
            ValueError: the groups have several sizes, which no array has: take `crops`.
        """
        if self._joined is None:
            shapes = {tuple(array.shape[2:]) for array in self._arrays}
            if len(shapes) > 1:
                raise ValueError(
                    f"views of several sizes, {sorted(shapes)}, make no one array: take batch.crops"
                )
            self._joined = self._join(self._arrays)
        return self._joined

    @property
    def crops(self) -> tuple[Array, ...]:
        """The images of each group of views, [B, count, ...] each; all in one without groups."""
        if self._kind.has_views:
            return self._arrays
        return tuple(array[:, None] for array in self._arrays)

    @staticmethod
    def _join(arrays: tuple[Any, ...]) -> Any:
        """Arrays [B, count, ...] as one, behind one another along the second axis."""
        return np.concatenate(arrays, axis=1)

    def __len__(self) -> int:
        """B: fewer than the batch size in a short last batch."""
        return len(self._columns)

    @property
    @abstractmethod
    def soft_labels(self) -> Array | None:
        """See `fastinet.Batch.soft_labels`."""

    @property
    @abstractmethod
    def erased(self) -> Array | None:
        """See `fastinet.Batch.erased`."""

    @property
    def epoch(self) -> int | None:
        """The number of its epoch, in a stream too; None of items that were chosen."""
        places = self._kind.places
        return None if places is None else places.epoch

    @property
    def number(self) -> int | None:
        """Which batch of the epoch it is on this rank, 0 for the first, whichever thread took it.

        Where a state goes on, numbers go on: it is ``len(loader)`` less the batches that were still
        to come, and in a stream those that came before. None where `epoch` is.
        """
        places = self._kind.places
        return None if places is None else places.first + self._columns.number

    @property
    def place(self) -> int | None:
        """What tells it apart from all batches of its epoch, on all ranks.

        ``number * world + rank``; `number` for a global array of JAX, which is one batch of all
        ranks. ``mix(batch)`` of `fastinet.mixing` goes by it. None where `epoch` is.
        """
        places, number = self._kind.places, self.number
        return None if places is None or number is None else number * places.world + places.rank

    @property
    def indices(self) -> NDArray[np.int64]:
        """Item ids, int64 [B]: ``ds.read(batch.indices[j])`` are the bytes behind row j.

        -1 in rows that ``pad_last="mask"`` adds. A masked row has that of the item that gave no
        row, a replaced one that of the item which it shows.
        """
        return self._columns.items

    @property
    def copies(self) -> NDArray[np.int32]:
        """Which copy of its item each row shows, int32 [B]: 0 to ``repeats - 1``.

        All zeros without `repeats`. Copies differ in all that is drawn: with V views of each item,
        view v of copy c is drawn as view ``c * V + v`` of an item that has so many. -1 in rows that
        ``pad_last="mask"`` adds.
        """
        return self._columns.copies

    @property
    def keys(self) -> list[str]:
        """Keys of the items: B strings, empty in rows that ``pad_last="mask"`` adds.

        Called, as ``dict(batch)`` and ``model(**batch)`` do, it gives the names of these: see
        ``batch["images"]``.
        """
        keys = self._kind.items.keys
        return _Keys(
            ["" if item == PADDING_ITEM else keys[item] for item in self.indices.tolist()],
            self._names(),
        )

    def companions(self, extension: str) -> list[bytes | None]:
        """The file with this extension beside each row's image, as bytes: ``companions("txt")``.

        They are read when this is called. Rows of items without such a file, and those that
        ``pad_last="mask"`` adds, have None; rows of images that are masked have theirs.

        Args:
            extension: all behind the name that they share, in letters of any case: "txt",
                "seg.png".

        Raises:
            ValueError: no item of the dataset has such a file; the message names those that there
                are. A stream does not know what will come, and has None in all rows.
            UnsupportedError: it has come in a stream, which keeps files of up to 64 KiB, and is
                larger.
            MissingError, ReadError: the archive is gone, was cut, or cannot be read.
        """
        return self._kind.items.companions_of(self.indices.tolist(), extension)

    @property
    def label_sets(self) -> LabelSets | None:
        """All labels of each row, where the dataset has label sets; else None.

        ``batch.label_sets.multi_hot(len(ds.classes))`` are float32 [B, classes] targets. Rows that
        are not `valid` have an empty set.
        """
        sets = self._kind.items.label_sets
        if sets is None:
            return None
        taken = sets.take(self.indices[self.valid])
        counts = np.zeros(len(self), np.int64)
        counts[self.valid] = taken.counts
        return LabelSets(counts, taken.label)

    @property
    def boxes(self) -> NDArray[np.int32]:
        """Crop boxes, int32 [B, 4]: (x, y, width, height) in pixels of the original image.

        With views, [B, views, 4], all groups in order; as turned, where Exif turned the image. All
        of the image under RandomCrop and CenterCrop, whose crops come after the resize: see
        `windows`. Zeros in masked rows.
        """
        return self._without_views(self._columns.boxes)

    @property
    def flips(self) -> NDArray[np.bool_]:
        """Which rows are mirrored, bool [B]; with views, [B, views]."""
        return self._without_views(self._columns.flips)

    @property
    def steps(self) -> list[Any] | None:
        """What the pixels of each row were taken through: B lists of `fastinet.augment.Step`.

        With views, of each row a list of such lists, one a view, all groups in order. They are the
        operations of `augment` as they were drawn, in order: `fastinet.apply_steps` makes the row
        of its crop again. None without ``Loader(record=True)``; empty in masked rows.
        """
        rows = self._columns.steps
        if rows is None:
            return None
        steps = [[[Step(*parts) for parts in view] for view in row] for row in rows]
        return steps if self._kind.has_views else [view for (view,) in steps]

    @property
    def lighting(self) -> NDArray[np.float64] | None:
        """What lighting adds to red, green and blue of each row, float64 [B, 3], in units of 0..1.

        With views, [B, views, 3]. ``fastinet.decode(..., lighting=batch.lighting[j])`` makes the
        row again. None for a transform without `lighting`; zeros in masked rows.
        """
        shifts = self._columns.lighting
        return None if shifts is None else self._without_views(shifts)

    @property
    def vflips(self) -> NDArray[np.bool_]:
        """Which rows are upside down, bool [B]; with views, [B, views]."""
        return self._without_views(self._columns.vflips)

    @property
    def windows(self) -> NDArray[np.int32]:
        """Which part of each resized crop box a row is, before it is mirrored.

        int32 [B, 4], (x, y, width, height) in pixels of the resized box; with views, [B, views, 4].
        Width and height are the row's; x and y are zeros but under RandomCrop and CenterCrop, and
        negative where the row begins in the padding. Zeros in masked rows.
        """
        return self._without_views(self._columns.windows)

    @property
    def interpolations(self) -> NDArray[np.str_]:
        """How each crop was resized, [B] strings such as "bicubic"; with views, [B, views].

        The transform's own `interpolation`, or what was drawn where that is "random".
        """
        return self._without_views(_INTERPOLATIONS[self._columns.interpolations])

    @property
    def image_sizes(self) -> NDArray[np.int32]:
        """Height and width of each row's image, int32 [B, 2]; as turned, where Exif turned it.

        Zeros in masked rows.
        """
        return np.ascontiguousarray(self._columns.image_sizes[:, ::-1])

    @property
    def objects(self) -> Objects | None:
        """The annotated objects where the crops put them; None for a loader without `boxes`."""
        if self._objects is None and self._kind.annotated is not None:
            item_boxes, transform = self._kind.annotated
            self._objects = objects_in_crops(item_boxes, transform, self.image_sizes, self._columns)
        return self._objects

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Which rows hold an item, bool [B]: what to count in an evaluation.

        The others are zero, and their label is -1: items that gave no row under
        ``on_error="mask"``, and rows that ``pad_last="mask"`` adds.
        """
        return self._columns.valid

    @property
    def replaced(self) -> NDArray[np.bool_]:
        """Which rows show another item than the one whose turn it was, bool [B].

        Under ``on_error="replace"``, all that a batch has of such a row is of the other item, crop
        box and flip included; `errors` says why, and `failures` of the loader what was replaced.
        """
        rows = np.zeros(len(self), np.bool_)
        rows[[row for row, _, _, other, *_ in self._columns.failures if other >= 0]] = True
        return rows

    @property
    def errors(self) -> dict[int, Exception]:
        """Why rows are masked or replaced: {row: what on_error="raise" would have raised}."""
        return {
            row: self._kind.explained(
                errors.from_status(code, cause, archive, self._kind.items.keys[item], offset), item
            )
            for row, item, _, _, code, cause, archive, offset in self._columns.failures
        }

    def _note_asked(self) -> None:
        """Tells an epoch of rows that somebody has to erase that somebody has looked which."""
        if self._kind.erasure is not None:
            self._kind.erasure.note_asked()

    def _without_views(self, array: NDArray[Any]) -> NDArray[Any]:
        """The engine always has an axis for views; without views it has one element."""
        return array if self._kind.has_views else array[:, 0]


class Batch(BaseBatch[NDArray[Any]]):
    """B rows of images and what is known about them; unpacks to ``images, labels``.

    `images`, `crops`, `soft_labels`, `erased`, `indices`, `copies`, `boxes`, `flips` and `valid`
    lie in a slot. The slot is leased until the last of these arrays, every view of them, and the
    batch itself are gone, and is not written to before. They may outlive the loader; ``.copy()``
    what you keep for long.

    Attributes:
        images: [B, H, W, 3] or [B, 3, H, W] of the loader's dtype, RGB, writable and, but for the
            rows that a short last batch lacks, all of its slot; with views, [B, views, ...].
        labels: int64 [B].
    """

    __slots__ = ()

    _columns: _engine.Batch  # the lease itself

    def __repr__(self) -> str:
        counts = {"masked": int((~self.valid).sum()), "replaced": int(self.replaced.sum())}
        odd = "".join(f", {count} {what}" for what, count in counts.items() if count)
        return f"<Batch {described(self._arrays)}{odd}>"

    @property
    def soft_labels(self) -> NDArray[np.float32] | None:
        """What the label maps say of the crops, float32 [B, C]; with views, [B, views, C].

        None without ``Loader(soft_labels=...)``; zeros in masked rows.
        """
        labels = self._columns.soft_labels
        return None if labels is None else self._without_views(labels)

    @property
    def erased(self) -> NDArray[np.int32] | None:
        """Boxes that are erased, int32 [B, boxes, 4]: (x, y, width, height) in pixels of the row.

        With views, [B, views, boxes, 4]; a box of width 0 is none. None for a transform without
        `erase`. Rows of float dtypes are erased already. Those of uint8 are not, since that comes
        after the normalisation: give these boxes to `fastinet.augment.erase` then.
        """
        self._note_asked()
        return self._boxes_to_erase()

    def erased_pixels(self, group: int = 0) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
        """The pixels of ``crops[group]`` that are to be erased, and what they become: for uint8.

        The first array, int64 [pixels], has each of them once, as its number among all pixels of
        the array, line by line; the second, float32 [pixels, 3], the values that a loader of a
        float dtype gives their channels. With NHWC images, once they are normalised,
        ``images.reshape(-1, 3)[pixels] = values`` erases them. None where there is nothing left to
        erase: rows of float dtypes, and a transform without `erase`.
        """
        self._note_asked()
        return None if self._kind.is_erased else self._columns.erased_pixels(group)

    def _boxes_to_erase(self) -> NDArray[np.int32] | None:
        erased = self._columns.erased
        return None if erased is None else self._without_views(erased)

    def __dlpack__(
        self,
        *,
        stream: None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        """`images` as DLPack hands arrays over, bfloat16 included: ``torch.from_dlpack(batch)``.

        The options are those of the Python array API standard (2024.12, ``array.__dlpack__``). The
        capsule keeps the slot leased unless ``copy=True``.

        Raises:
            BufferError: a stream, or a device other than the CPU.
        """
        if stream is not None or dl_device not in (None, self.__dlpack_device__()):
            raise BufferError(
                f"a batch is in the CPU's memory: no stream={stream!r}, dl_device={dl_device!r}"
            )
        images = self.images.copy() if copy else self.images
        if images.dtype.name == "bfloat16":  # without a version, which is always allowed
            return _engine.export_bfloat16(images.view(np.uint16))
        options: Any = {} if max_version is None else {"max_version": max_version}
        return images.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        """The CPU: (1, 0)."""
        return (1, 0)  # kDLCPU in dlpack.h


class SentBatch(BaseBatch[Array]):
    """A batch whose images and labels have gone to a device: the arrays of a framework.

    The host keeps copies of the rest, so that the batch's slot is free once its pixels are on the
    device.
    """

    __slots__ = ("_erased", "soft_labels")

    soft_labels: Array | None
    _erased: Array | None

    def __init__(
        self,
        batch: Batch,
        send_images: Callable[[NDArray[Any]], Array],
        send: Callable[[NDArray[Any]], Array],
    ) -> None:
        """Starts the transfer of a batch.

        Args:
            batch: that the loader delivered.
            send_images: takes the images of one group of views to the device, and makes of them
                what the loop wants.
            send: does so with the other arrays, whose first axis alone is that of images.
        """
        soft_labels, erased = batch.soft_labels, batch._boxes_to_erase()  # noqa: SLF001
        labels = send(batch.labels)
        self.soft_labels = None if soft_labels is None else send(soft_labels)
        self._erased = None if erased is None else send(erased)
        arrays = tuple(map(send_images, batch._arrays))  # noqa: SLF001 - a batch's own kin
        columns = CopiedColumns.of(batch._columns)  # noqa: SLF001
        super().__init__(columns, arrays, labels, batch._kind)  # noqa: SLF001

    @property
    def erased(self) -> Array | None:
        """See `fastinet.Batch.erased`."""
        self._note_asked()
        return self._erased


def described(arrays: Sequence[Any]) -> str:
    """Type and shapes of a batch's images, for people."""
    shapes = ", ".join("x".join(map(str, array.shape)) for array in arrays)
    return f"{'images' if len(arrays) == 1 else 'crops'} {arrays[0].dtype} {shapes}"

"""ReLabel's label maps: soft labels for the very crops that a loader draws.

``relabel_imagenet.tar`` (naver-ai/relabel_imagenet) has a file for each training image,
``imagenet_efficientnet_l2_sz475_top5/n01440764/n01440764_10026.pt``: what a strong network said of
every part of the image, a tensor float32 [2, 5, 15, 15]. On a grid of 15 x 15 cells, [0] has the
scores (logits) of a cell's five best classes and [1] the classes, as floats.

Only where in the archive each tensor's numbers lie is noted, once, in an index beside it. While an
epoch runs, the engine reads the 9,000 bytes of an item and pools them to the soft label of the crop
(RoIAlign to one cell, softmax over all classes; ``csrc/label_map/label_map.h``)::

    maps = fastinet.open_label_maps("relabel_imagenet.tar")
    loader = fastinet.Loader(ds, 256, fastinet.RandomResizedCrop(224), soft_labels=maps)
    for batch in loader:
        batch.images, batch.soft_labels  # float32 [256, 1000]

A flip does not change a soft label. Under CenterCrop it is that of the window that is kept, as far
as it lies within the image; under Resize that of the whole image.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from fastinet._native import _engine
from fastinet.annotations.item_boxes import key_stems, rows_among
from fastinet.annotations.label_map_columns import (
    FILE_COLUMNS,
    FORM,
    MOST_FILE_BYTES,
    MapsHeader,
    as_files,
    check_columns,
)
from fastinet.archives.archive import bound_archives
from fastinet.archives.file_archive import FileArchive
from fastinet.archives.folder_archive import FolderArchive
from fastinet.base.paths import exists, is_folder
from fastinet.base.progress_bar import drawn
from fastinet.base.warning import warn
from fastinet.datasets.classes import IMAGENET1K_CLASSES, imagenet1k_wnids
from fastinet.errors import (
    CorruptError,
    FastinetError,
    MissingError,
    OutOfMemoryError,
    ReadError,
    TooLargeError,
    UnsupportedError,
    printable,
)
from fastinet.sidecars import column_file
from fastinet.sidecars.identity import (
    Identity,
    check_identities,
    content_hash,
    fastinet_version,
)
from fastinet.sidecars.owners import Owners
from fastinet.sidecars.places import Sidecars, given_index

if TYPE_CHECKING:
    from fastinet._native._scan import Members
    from fastinet.archives.archive import Archive
    from fastinet.archives.files import Files
    from fastinet.base.progress import Progress
    from fastinet.datasets.items import Items

__all__ = ["Axis", "ItemLabelMaps", "LabelMaps", "open_label_maps"]

Axis = Literal["xy", "reference"]
"""Which axis of the image a map's columns follow; see :meth:`LabelMaps.of`."""


SUFFIX = ".label_maps"

_FAMILY = "label maps"
_EXTENSION = b".pt"


@dataclass(frozen=True, eq=False)
class LabelMaps:
    """The label maps of an archive, M of them. Made by :func:`open_label_maps`.

    Attributes:
        path: of the archive.
        keys: bytes [M], sorted: the images' names without folder and extension,
            ``b"n01440764_10026"``.
        offsets: uint64 [M], where the numbers of each map begin in the archive [bytes].
        shape: (ranks, rows, columns) of every map: (5, 15, 15) in the official archive.
        notes: what was left out, a sentence each.
    """

    path: str
    keys: NDArray[np.bytes_]
    offsets: NDArray[np.uint64]
    shape: tuple[int, int, int]
    notes: tuple[str, ...] = ()
    archive: Archive | None = None
    """Where the maps are read, bound to what it was when they were located; None: at `path`, as it
    stands."""
    files: tuple[NDArray[Any], ...] | None = None
    """Of a folder, its files: names one after another, where each ends, where the engine sees each
    begin, and sizes [bytes]."""

    def __len__(self) -> int:
        """M, the number of label maps."""
        return len(self.keys)

    def __repr__(self) -> str:
        ranks, rows, columns = self.shape
        grid = f"{rows}x{columns} cells of {ranks} classes"
        return f"<LabelMaps '{self.path}': {len(self)} maps of {grid}>"

    @property
    def size_bytes(self) -> int:
        """How many bytes the numbers of one map are."""
        return 2 * int(np.prod(self.shape)) * 4

    def of(
        self,
        dataset: Items,
        *,
        missing: Literal["error", "label"] = "error",
        axis: Axis = "xy",
        classes: int = IMAGENET1K_CLASSES,
    ) -> ItemLabelMaps:
        """The label maps of a dataset's items, which are found by their keys' file names.

        Args:
            dataset: what the loader will be made of.
            missing: what to do about items without a label map: "error" refuses them, "label" gives
                them their label as the soft label, 1 on its class and 0 elsewhere, with a
                FastinetWarning that counts them.
            axis: "xy": the columns of a map run along the image's width, the rows along its height.
                "reference": the other way round. The published training code hands boxes as
                (y0, x0, y1, x1) to a function that wants (x0, y0, x1, y1); with it, ReLabel's
                figures were made, unless the published maps are transposed, of which nothing is
                published.
            classes: length C of a soft label. With 1000 the classes are ImageNet-1K's in sorted
                order, however few of them the dataset has; else they are the dataset's.

        Raises:
            ValueError: no item has a label map: another dataset's archive; or an item has neither a
                label map nor a label.
            MissingError: items have no label map, and ``missing`` is "error".
        """
        if missing not in ("error", "label"):
            raise ValueError(f'missing must be "error" or "label", not {missing!r}')
        if axis not in ("xy", "reference"):
            raise ValueError(f'axis must be "xy" or "reference", not {axis!r}')
        rows = rows_among(key_stems(dataset), self.keys)
        lacking = np.flatnonzero(rows < 0)
        if len(lacking) == len(dataset):
            raise ValueError(
                f"none of the {len(dataset)} items of {dataset!r} has a label map in '{self.path}',"
                f" whose first is of {self.keys[0].decode(errors='replace')!r}: they do not belong"
                " together"
            )
        labels = np.zeros(len(dataset), np.int32)
        if len(lacking):
            found = (
                f"{len(lacking)} of {len(dataset)} items have no label map, the first is"
                f" {dataset.keys[int(lacking[0])]}"
            )
            if missing == "error":
                raise MissingError(
                    f'{found}; missing="label" gives them their label', archive=self.path
                )
            labels[lacking] = _labels_of(dataset, lacking, classes)
            warn(f"'{self.path}': {found}; they have their label as soft label")
        return ItemLabelMaps(
            maps=self,
            dataset=dataset,
            offsets=np.where(rows < 0, np.uint64(0), self.offsets[rows]),
            sizes=np.where(rows < 0, np.uint64(0), np.uint64(self.size_bytes)),
            labels=labels,
            axis=axis,
            classes=classes,
        )

    def open(self) -> _engine.Source:
        """The archive, opened for the engine.

        Raises:
            MissingError, ReadError: it is gone, cannot be read, or is not what it was when it was
                opened first.
        """
        return (self.archive or _archive_at(Path(self.path))).open(self._files)

    def _files(self) -> Files:
        assert self.files is not None, "only a folder asks"  # noqa: S101
        return as_files(self.files)


@dataclass(frozen=True, eq=False)
class ItemLabelMaps:
    """Label maps of a dataset's N items, for ``Loader(soft_labels=...)``. See :meth:`LabelMaps.of`.

    Attributes:
        maps: the archive.
        dataset: whose items they are.
        offsets: uint64 [N], where the numbers of each item's map begin [bytes].
        sizes: uint64 [N], their size [bytes]; 0: the item has no map.
        labels: int32 [N], the class of an item without a map.
        axis: "xy" or "reference".
        classes: length of a soft label.
    """

    maps: LabelMaps
    dataset: Items
    offsets: NDArray[np.uint64]
    sizes: NDArray[np.uint64]
    labels: NDArray[np.int32]
    axis: Axis
    classes: int

    def __len__(self) -> int:
        """N, the number of items."""
        return len(self.offsets)

    def __repr__(self) -> str:
        return f"<ItemLabelMaps: {len(self) - self.missing} maps of {len(self)} items>"

    @property
    def missing(self) -> int:
        """How many items have no label map."""
        return int(np.count_nonzero(self.sizes == 0))

    def native(self) -> _engine.SoftLabels:
        """The maps as the engine takes them, with their archive opened in this process."""
        ranks, rows, columns = self.maps.shape
        return _engine.SoftLabels(
            _engine.ItemTable([self.maps.open()], None, self.offsets, self.sizes),
            self.labels,
            ranks=ranks,
            rows=rows,
            columns=columns,
            classes=self.classes,
            axes=self.axis,
        )


def open_label_maps(
    path: str | os.PathLike[str],
    *,
    index: bool | str | os.PathLike[str] = True,
    progress: Progress | bool | None = None,
) -> LabelMaps:
    """Opens ``relabel_imagenet.tar``, or the folder that it was extracted to, in place.

    Folders do not matter, only the images' names. Both containers of ``torch.save`` are read,
    without torch; no code in a file can run. Any number of classes and cells is taken that all maps
    share.

    The first time, every file is looked at, and where its numbers lie is kept in an index beside
    the archive (``<path>.fastinet.label_maps``), or in the user's cache folder where that place
    cannot be written. Files that are no label maps are left out, with a FastinetWarning; their
    items then have none.

    Args:
        path: the archive or folder.
        index: True as above; a path keeps the index in that file, or in that folder under the usual
            name; False neither reads nor writes one.
        progress: called while the files are read with (files read, files in all). It may raise to
            stop it. True draws a bar, in a terminal or in a notebook's cell.

    Raises:
        MissingError: there is no such file, or there are no ``.pt`` files in it.
        ReadError: it cannot be read.
        CorruptError, UnsupportedError: the archive is damaged or of a kind that is not read, no
            file in it is a label map, or the maps have several shapes.
    """
    absolute = Path(path).absolute()
    told = drawn(progress, f"label maps of {printable(absolute.name)}")
    # Bound before the files are read: an archive that changes meanwhile fails the next check.
    (archive,), (found,) = bound_archives([_archive_at(absolute)])
    if index is False:
        maps = _locate_maps(archive, told)
    else:
        sidecars = Sidecars(
            absolute,
            given_index(index),
            content_hash([found.identity]),
            owners=Owners.of([found.ownership]),
        )
        maps, _ = column_file.load_or_build(
            sidecars.places_of_own(SUFFIX),
            "label map index",
            advice=sidecars.advice(),
            load=functools.partial(_load_index, archive=archive, owners=sidecars.owners),
            build=lambda progress: _locate_maps(archive, progress),
            save=functools.partial(_save_index, identity=found.identity),
            progress=told,
        )
    for note in maps.notes:
        warn(f"'{absolute}': {note}")
    return maps


def _archive_at(path: Path) -> Archive:
    if is_folder(path):
        return FolderArchive(path)
    if not exists(path):
        raise MissingError("no such file or folder", archive=str(path))
    return FileArchive(path)


def _labels_of(dataset: Items, rows: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """The labels of ``rows`` in the order of the soft labels' classes."""
    wnids = [info.wnid for info in dataset.classes]
    order = imagenet1k_wnids() if classes == IMAGENET1K_CLASSES else wnids
    if len(order) != classes:
        raise ValueError(
            f"the dataset has {len(wnids)} classes, the soft labels {classes}: it is not known"
            " which are which"
        )
    label_of = {wnid: label for label, wnid in enumerate(order)}
    by_label = np.array([*(label_of.get(wnid, -1) for wnid in wnids), -1], np.int64)
    labels = np.take(by_label, dataset.labels[rows])  # an item without a label has -1, the last
    wrong = np.flatnonzero(labels < 0)
    if len(wrong):
        raise ValueError(
            f"item {dataset.keys[int(rows[wrong[0]])]} has neither a label map nor a label among"
            f" the {classes} classes"
        )
    return labels


# -------------------------------------------------------------------------------- reading the files


def _locate_maps(archive: Archive, progress: Progress | None) -> LabelMaps:
    """Finds where the numbers of every map lie."""
    path = str(archive.path)
    members = archive.scan()
    ends = members.name_ends.astype(np.int64)
    starts = np.concatenate([np.zeros(1, np.int64), ends])[:-1]
    names = [
        members.names[start:end].tobytes()
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]
    chosen = [row for row, name in enumerate(names) if name.endswith(_EXTENSION)]
    if not chosen:
        held = f"; it holds {len(names)} other files, the first '{os.fsdecode(names[0])}'"
        raise MissingError(
            f"there is no .pt file in it: no archive of label maps{held if names else ''}",
            archive=path,
        )
    files = _files_of(members, names, chosen) if isinstance(archive, FolderArchive) else None
    source = archive.open(lambda: as_files(files or ()))
    found = _Found(archive)
    for done, row in enumerate(chosen):
        if progress is not None and done % 1024 == 0:
            progress(done, len(chosen))
        offset, size = int(members.offsets[row]), int(members.sizes[row])
        within = 0 if files is not None else offset
        found.add(source, os.fsdecode(names[row]), offset, size, within)
    if progress is not None:
        progress(len(chosen), len(chosen))
    return found.maps(files)


class _Found:
    """The label maps that were found so far."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._path = str(archive.path)
        self._keys: list[bytes] = []
        self._offsets: list[int] = []
        self._shape: tuple[int, ...] | None = None
        self._first = ""
        self._skipped: list[FastinetError] = []

    def add(
        self, source: _engine.Source, name: str, offset: int, size: int, offset_in_file: int
    ) -> None:
        """Takes the file at ``offset`` of the source, or notes why it is no label map."""
        from fastinet.formats.torch_files import locate_tensor  # noqa: PLC0415 - for this pass

        try:
            if size > MOST_FILE_BYTES:
                raise TooLargeError(f"a label map of {size} bytes")
            tensor = locate_tensor(source.read(offset, size), name)
            if tensor.dtype != np.dtype("<f4") or len(tensor.shape) != 4 or tensor.shape[0] != 2:
                raise UnsupportedError(
                    f"a tensor {tensor.dtype} {list(tensor.shape)}; label maps are float32"
                    " [2, ranks, rows, columns]"
                )
            if not tensor.is_contiguous or not tensor.size_bytes:
                raise UnsupportedError("a tensor whose numbers do not lie one after another")
        except (MissingError, OutOfMemoryError, ReadError):  # which says nothing of what it is
            raise
        except FastinetError as error:
            at = None if error.offset is None else error.offset + offset_in_file
            self._skipped.append(
                type(error)(error.cause, archive=self._path, member=name, offset=at)
            )
            return
        if self._shape is None:
            self._shape, self._first = tensor.shape, name
        if tensor.shape != self._shape:
            raise CorruptError(
                f"a label map {list(tensor.shape)}, and '{self._first}' has {list(self._shape)}:"
                " all maps of an archive must have one shape",
                archive=self._path,
                member=name,
            )
        self._keys.append(os.fsencode(PurePosixPath(name).stem))
        self._offsets.append(offset + tensor.offset)

    def maps(self, files: tuple[NDArray[Any], ...] | None) -> LabelMaps:
        if self._shape is None:
            raise self._skipped[0]
        keys, first = np.unique(np.array(self._keys, np.bytes_), return_index=True)
        notes = []
        if self._skipped:
            notes.append(
                f"{len(self._skipped)} files left out that are no label maps, the first:"
                f" {self._skipped[0]}"
            )
        if len(keys) < len(self._keys):
            notes.append(
                f"{len(self._keys) - len(keys)} label maps left out, for their images have one"
                " already"
            )
        _, ranks, rows, columns = self._shape
        return LabelMaps(
            path=self._path,
            keys=keys,
            offsets=np.array(self._offsets, np.uint64)[first],
            shape=(ranks, rows, columns),
            notes=tuple(notes),
            archive=self._archive,
            files=files,
        )


def _files_of(members: Members, names: list[bytes], chosen: list[int]) -> tuple[NDArray[Any], ...]:
    """Some files of a folder, as the engine takes them."""
    taken = [names[row] for row in chosen]
    return (
        np.frombuffer(b"".join(taken), np.uint8),
        np.cumsum([len(name) for name in taken], dtype=np.uint64),
        members.offsets[chosen],
        members.sizes[chosen],
    )


# ---------------------------------------------------------------------------------------- the index


def _load_index(place: Path, *, archive: Archive, owners: Owners) -> LabelMaps:
    def check(header: MapsHeader) -> None:
        if header.family != _FAMILY:
            raise column_file.UnusableSidecarError("keeps no label maps")
        check_identities(header.archives, [archive.known_identity()])

    header, columns = column_file.read_columns(
        place, FORM, check, functools.partial(check_columns, archive), owners=owners
    )
    has_files = FILE_COLUMNS[0] in columns
    return LabelMaps(
        path=str(archive.path),
        archive=archive,
        keys=columns["keys"],
        offsets=columns["offsets"],
        shape=header.shape,
        notes=header.notes,
        files=tuple(columns[name] for name in FILE_COLUMNS) if has_files else None,
    )


def _save_index(place: Path, maps: LabelMaps, *, identity: Identity) -> None:
    header = {
        "fastinet": fastinet_version(),
        "family": _FAMILY,
        "archives": [identity._asdict()],
        "shape": maps.shape,
        "notes": maps.notes,
    }
    columns: dict[str, NDArray[Any]] = {"keys": maps.keys, "offsets": maps.offsets}
    if maps.files is not None:
        columns |= dict(zip(FILE_COLUMNS, maps.files, strict=True))
    column_file.write_columns(place, header, columns)

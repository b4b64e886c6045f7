"""The annotated bounding boxes: ILSVRC2012_bbox_train_v2, bbox_val_v3, the dogs', Kaggle's tree.

What these annotations get wrong is put right by rules, counted, and told in one warning:

==============================  ====================================================================
in the file                     rule
==============================  ====================================================================
``xmin > xmax``, likewise y     the corners are swapped
a box beyond the image          clipped to the image (after its corners are in order)
a box without area then         dropped
an object without four numbers  dropped
a file that is no annotation,   skipped, the first one named; when all are, or the archive itself is
or has no size                  damaged, that is an error
``filename`` "%s"               not read: the file's own name is the image's
prefix unlike the folder        the file's own name is the image's, the folder is the class
``name`` "Scottish_deerhound"   the class is the folder's
==============================  ====================================================================

The class of a box is the innermost folder, in the archive, that a wnid names (training boxes lie in
such); without one, the ``name`` in the file when that is a wnid (validation boxes); then the wnid
that ``folder`` in the file, and at last the file's own name, begins with. A box with none of these
has no class.

The rules for sizes and odd boxes are those of the published training pipelines
(tensorflow/models, ``research/slim/datasets/process_bounding_boxes.py``): a box is divided by the
size that the *annotation* states, since the image in the archive may have another.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastinet.annotations.annotation_files import (
    Annotation,
    BadAnnotationError,
    annotation_files,
    classification_folder,
    parse_annotation,
)
from fastinet.annotations.item_boxes import (
    MOST_NAME_BYTES,
    ItemBoxes,
    key_stems,
    rows_among,
)
from fastinet.archives.folder_archive import BoundFolder, FolderArchive
from fastinet.base.paths import exists, is_folder
from fastinet.base.progress_bar import drawn
from fastinet.base.warning import warn
from fastinet.datasets.scanned import wnid_number, wnid_text
from fastinet.errors import CorruptError, MissingError, printable
from fastinet.sidecars import column_file
from fastinet.sidecars.identity import (
    Bound,
    Identity,
    check_identities,
    content_hash,
    fastinet_version,
    look_at_file,
)
from fastinet.sidecars.owners import Owners
from fastinet.sidecars.places import Sidecars, given_index

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from fastinet.base.progress import Progress
    from fastinet.datasets.items import Items

__all__ = ["Boxes", "read_boxes"]

SUFFIX = ".boxes"
_FAMILY = "boxes"

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_LAST_WNID = 99_999_999  # eight digits

_WNID_PREFIX = re.compile(r"n\d{8}(?!\d)", re.ASCII)


@dataclasses.dataclass(frozen=True, eq=False)
class Boxes:
    """The boxes of an annotation archive: N images, M boxes. Made by :func:`read_boxes`.

    Attributes:
        path: of the archive.
        keys: bytes [N], sorted: the images' names without folder and extension,
            ``b"n01440764_10026"``.
        starts: int64 [N + 1]; image i has the boxes ``starts[i]:starts[i + 1]``.
        boxes: float32 [M, 4]: xmin, ymin, xmax, ymax as shares of the annotated width and height,
            0 to 1.
        pixels: float32 [M, 4]: the same in pixels of the annotated image as they stand in the file,
            neither clipped nor swapped: what the development kit's evaluation goes by.
        sizes: int32 [N, 2], height and width that the annotation states.
        wnid_numbers: int32 [M], the class: 1440764 for n01440764; -1: none.
        notes: what was put right or left out, a sentence each.
    """

    path: str
    keys: NDArray[np.bytes_]
    starts: Ints
    boxes: Floats
    pixels: Floats
    sizes: NDArray[np.int32]
    wnid_numbers: NDArray[np.int32]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """N, the number of annotated images."""
        return len(self.keys)

    def __repr__(self) -> str:
        return f"<Boxes '{self.path}': {len(self.boxes)} boxes of {len(self)} images>"

    @functools.cached_property
    def wnids(self) -> NDArray[np.str_]:
        """The class of each box, str [M]; "" where there is none."""
        numbers, which = np.unique(self.wnid_numbers, return_inverse=True)
        texts = [wnid_text(number) if number >= 0 else "" for number in numbers.tolist()]
        return np.array(texts, "U9")[which]

    def labels(self, wnids: tuple[str, ...] | list[str]) -> Ints:
        """The label of each box, int64 [M], among sorted ``wnids``; -1: not among them."""
        if not len(wnids):
            return np.full(len(self.wnid_numbers), -1, np.int64)
        numbers = np.array([wnid_number(wnid) for wnid in wnids], np.int64)
        order = np.argsort(numbers, kind="stable")
        near = np.minimum(
            np.searchsorted(numbers, self.wnid_numbers, sorter=order), len(numbers) - 1
        )
        found = (numbers[order[near]] == self.wnid_numbers) & (self.wnid_numbers >= 0)
        return np.where(found, order[near], -1)

    def of(self, dataset: Items) -> ItemBoxes:
        """The boxes of each of a dataset's items, which are found by their keys' file names.

        Items that are not annotated have none. Annotated images that are not among the items are
        counted in a FastinetWarning; so are boxes of a class that the dataset lacks.

        Raises:
            ValueError: no item is annotated: the boxes are another archive's.
        """
        image = rows_among(key_stems(dataset), self.keys)
        annotated = image >= 0
        if not annotated.any():
            raise ValueError(
                f"no item of '{dataset.path}' is annotated in '{self.path}': they are boxes of"
                f" other images ({self._example()})"
            )
        used = np.zeros(len(self), np.bool_)
        used[image[annotated]] = True
        counts = np.where(annotated, np.diff(self.starts)[image], 0)
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        rows = np.repeat(self.starts[:-1][image] - starts[:-1], counts) + np.arange(starts[-1])
        labels = self.labels([info.wnid for info in dataset.classes])[rows]
        self._warn_of_rest(dataset, int(np.count_nonzero(~used)), int(np.count_nonzero(labels < 0)))
        return ItemBoxes(starts, self.boxes[rows], labels)

    def _example(self) -> str:
        return f"'{self.keys[0].decode('utf-8', 'surrogateescape')}' and so on"

    def _warn_of_rest(self, dataset: Items, unused: int, unlabelled: int) -> None:
        left = []
        if unused:
            left.append(f"{unused} of {len(self)} annotated images are not among the items")
        if unlabelled:
            left.append(f"{unlabelled} boxes are of no class of the dataset and have the label -1")
        if left:
            warn(f"boxes '{self.path}' for '{dataset.path}': {'; '.join(left)}")


def read_boxes(
    path: str | os.PathLike[str],
    *,
    index: bool | str | os.PathLike[str] = True,
    progress: Progress | bool | None = None,
) -> Boxes:
    """Reads an archive of bounding boxes: tar.gz, tar, ZIP, or a folder of XML files.

    What it is shows from its content. What was read is kept beside the archive
    (``<path>.fastinet.boxes``), or in the user's cache folder, and read from there the next time;
    it is read anew when the archive has changed. A compressed tar is unpacked to a temporary file
    while it is read (bbox_train_v2: 0.8 GB). A folder counts as changed when files have come or
    gone in it, not when one was edited in place.

    Args:
        path: the archive or folder. A folder with ``Annotations/CLS-LOC`` in it stands for that.
        index: True as above; a path keeps it in that file, or in that folder under the usual name;
            False neither reads nor writes it.
        progress: called now and then with (files done, files in all). It may raise to stop. True
            draws a bar, in a terminal or in a notebook's cell.

    Raises:
        MissingError: there is nothing, or no XML file in it.
        CorruptError: the archive is truncated or damaged, or none of its files is an annotation.
        ReadError: it cannot be read.
        TooLargeError: it unpacks to far more than annotations do.
    """
    absolute = Path(path).absolute()
    told = drawn(progress, f"boxes of {printable(absolute.name)}")
    if not exists(absolute):
        raise MissingError("no such file or folder", archive=str(absolute))
    if index is not False:
        found = _look_at(absolute)
        identity = found.identity
        sidecars = Sidecars(
            absolute,
            given_index(index),
            content_hash([identity]),
            owners=Owners.of([found.ownership]),
        )
        boxes, _ = column_file.load_or_build(
            sidecars.places_of_own(SUFFIX),
            "box index",
            advice=sidecars.advice(),
            load=lambda place: _load_boxes(place, absolute, identity, sidecars.owners),
            build=lambda progress: _read_files(absolute, progress),
            save=lambda place, made: _save_boxes(place, identity, made),
            progress=told,
        )
    else:
        boxes = _read_files(absolute, told)
    if boxes.notes:
        warn(f"boxes '{absolute}': {'; '.join(boxes.notes)}")
    return boxes


# ------------------------------------------------------------------------------ from the XML files


class _Columns:
    """What the files say, file by file, before it is put in order."""

    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self.sizes: list[tuple[int, int]] = []
        self.counts: list[int] = []
        self.pixels: list[tuple[float, float, float, float]] = []
        self.wnids: list[int] = []
        self.bad_objects = 0

    def add(self, name: str, annotation: Annotation) -> None:
        *folders, file = name.split("/")
        stem = file.rpartition(".")[0]
        key = stem.encode("utf-8", "surrogateescape")
        if len(key) > MOST_NAME_BYTES:
            raise BadAnnotationError("has a name of more than 255 bytes")
        of_folder = next(filter(None, map(_wnid_of, reversed(folders))), "")
        fallback = _wnid_of(annotation.folder) or _wnid_of(stem)
        for object_name, *corners in annotation.objects:
            number = wnid_number(of_folder or _full_wnid(object_name) or fallback)
            self.wnids.append(number)
            self.pixels.append((corners[0], corners[1], corners[2], corners[3]))
        self.keys.append(key)
        self.sizes.append((annotation.height, annotation.width))
        self.counts.append(len(annotation.objects))
        self.bad_objects += annotation.bad_objects


@functools.lru_cache(maxsize=64)
def _wnid_of(text: str) -> str:
    """The wnid that ``text`` is or begins with, as "n02085620-Chihuahua" does; "" when none."""
    found = _WNID_PREFIX.match(text)
    return found.group() if found else ""


def _full_wnid(text: str) -> str:
    return text if wnid_number(text) >= 0 else ""


class _Skipped(NamedTuple):
    """A file that could not be used."""

    name: str
    cause: str


def _read_files(path: Path, progress: Progress | None) -> Boxes:
    """Reads and parses all files."""
    columns = _Columns()
    skipped: list[_Skipped] = []
    for name, data in annotation_files(path, progress):
        try:
            columns.add(name, parse_annotation(data))
        except BadAnnotationError as error:
            skipped.append(_Skipped(name, str(error)))
    if not columns.keys and not skipped:
        raise MissingError(
            "there is no XML file in it: no archive of bounding boxes", archive=str(path)
        )
    if not columns.keys:
        raise CorruptError(
            f"none of its {len(skipped)} XML files is an annotation: the first {skipped[0].cause}",
            archive=str(path),
            member=skipped[0].name,
        )
    return _in_order(path, columns, skipped)


def _in_order(path: Path, columns: _Columns, skipped: list[_Skipped]) -> Boxes:
    """The columns sorted by key, files of one image joined, odd boxes put right."""
    names = np.array(columns.keys, np.bytes_)
    file_sizes = np.array(columns.sizes, np.int32).reshape(-1, 2)
    counts = np.array(columns.counts, np.int64)
    pixels = np.array(columns.pixels, np.float64).reshape(-1, 4)
    wnids = np.array(columns.wnids, np.int32)

    keys, first, image_of_file = np.unique(names, return_index=True, return_inverse=True)
    image = np.repeat(image_of_file.reshape(-1), counts)
    shares, found = _normalised(pixels, np.repeat(file_sizes, counts, axis=0))
    kept = ~found["dropped, for they have no area inside the image"]
    order = np.flatnonzero(kept)[np.argsort(image[kept], kind="stable")]
    per_image = np.bincount(image[kept], minlength=len(keys))
    boxes = Boxes(
        path=str(path),
        keys=keys,
        starts=np.concatenate([np.zeros(1, np.int64), np.cumsum(per_image)]),
        boxes=shares[order].astype(np.float32),
        pixels=pixels[order].astype(np.float32),
        sizes=file_sizes[first],
        wnid_numbers=wnids[order],
    )
    totals = {what: int(np.count_nonzero(which)) for what, which in found.items()}
    totals["dropped, for they have no four numbers"] = columns.bad_objects
    totals["of no class"] = int(np.count_nonzero(boxes.wnid_numbers < 0))
    notes = [f"{total} boxes {what}" for what, total in totals.items() if total]
    if skipped:
        notes.append(
            f"{len(skipped)} files skipped, the first: '{skipped[0].name}' {skipped[0].cause}"
        )
    return dataclasses.replace(boxes, notes=tuple(notes))


def _normalised(
    pixels: NDArray[np.float64], sizes: NDArray[np.int32]
) -> tuple[NDArray[np.float64], dict[str, NDArray[np.bool_]]]:
    """Boxes as shares of their images, float64 [M, 4], and which of them were odd, and how."""
    low = np.minimum(pixels[:, :2], pixels[:, 2:])
    high = np.maximum(pixels[:, :2], pixels[:, 2:])
    ordered = np.concatenate([low, high], axis=1)
    most = sizes[:, [1, 0, 1, 0]]
    clipped = np.clip(ordered, 0, most)
    # What is left must have an area in float32 too, which is what is kept.
    shares = clipped / most
    stored = shares.astype(np.float32)
    empty = (stored[:, :2] >= stored[:, 2:]).any(axis=1)
    return shares, {
        "with xmin > xmax or ymin > ymax swapped": (ordered != pixels).any(axis=1),
        "clipped to the image": (clipped != ordered).any(axis=1) & ~empty,
        "dropped, for they have no area inside the image": empty,
    }


# ----------------------------------------------------------------------------- what is kept of them


def _look_at(path: Path) -> Bound | BoundFolder:
    """What binds the kept boxes to an archive, or to a folder as it is now."""
    if is_folder(path):
        return FolderArchive(classification_folder(path)).look()
    return look_at_file(path)


@dataclasses.dataclass(frozen=True)
class _Header:
    """The JSON header of what is kept of an archive of boxes."""

    family: str
    archives: tuple[Identity, ...]
    notes: tuple[str, ...]


_FORM = column_file.ColumnFileForm(
    _Header,
    {
        "keys": "S",
        "starts": "<i8",
        "boxes": "<f4",
        "pixels": "<f4",
        "sizes": "<i4",
        "wnid_numbers": "<i4",
    },
)


def _load_boxes(place: Path, path: Path, identity: Identity, owners: Owners) -> Boxes:
    def check(header: _Header) -> None:
        if header.family != _FAMILY:
            raise column_file.UnusableSidecarError("keeps no boxes")
        check_identities(header.archives, [identity])

    header, columns = column_file.read_columns(place, _FORM, check, _check_columns, owners=owners)
    return Boxes(
        path=str(path),
        keys=columns["keys"],
        starts=columns["starts"],
        boxes=columns["boxes"].reshape(-1, 4),
        pixels=columns["pixels"].reshape(-1, 4),
        sizes=columns["sizes"].reshape(-1, 2),
        wnid_numbers=columns["wnid_numbers"],
        notes=header.notes,
    )


def _check_columns(_: _Header, columns: Mapping[str, NDArray[Any]]) -> None:
    """Raises UnusableSidecarError unless the columns are of boxes: their checksums hold."""
    keys, starts = columns["keys"], columns["starts"]
    boxes, sizes, wnids = columns["boxes"], columns["sizes"], columns["wnid_numbers"]
    images, count = len(keys), len(wnids)
    lengths = (len(starts), len(sizes), len(boxes), len(columns["pixels"]))
    if lengths != (images + 1, 2 * images, 4 * count, 4 * count):
        raise column_file.UnusableSidecarError("is damaged: its columns differ in length")
    if np.any(keys[1:] <= keys[:-1]) or not images:
        raise column_file.UnusableSidecarError("is damaged: its images are in no order")
    if int(starts[0]) != 0 or int(starts[-1]) != count or np.any(starts[1:] < starts[:-1]):
        raise column_file.UnusableSidecarError("is damaged: its images share boxes")
    corners = boxes.reshape(-1, 4)
    are_boxes = (
        (corners[:, :2] < corners[:, 2:]).all() and (boxes >= 0).all() and (boxes <= 1).all()
    )
    if not are_boxes or not np.isfinite(columns["pixels"]).all() or np.any(sizes <= 0):
        raise column_file.UnusableSidecarError("is damaged: a box is none")
    if np.any(wnids < -1) or np.any(wnids > _LAST_WNID):
        raise column_file.UnusableSidecarError("is damaged: a box is of no class")


def _save_boxes(place: Path, identity: Identity, boxes: Boxes) -> None:
    header = {
        "fastinet": fastinet_version(),
        "family": _FAMILY,
        "archives": [identity._asdict()],
        "notes": boxes.notes,
    }
    names = ("keys", "starts", "boxes", "pixels", "sizes", "wnid_numbers")
    column_file.write_columns(
        place, header, {name: getattr(boxes, name).reshape(-1) for name in names}
    )

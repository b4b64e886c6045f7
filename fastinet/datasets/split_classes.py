"""The class tables of an archive's splits.

Labels number the sorted wnids of a table. These are in it:

- the classes of the images;
- folders that are wnids, and inner and class tars, though they be empty: their images may be held
  out, or not be there yet, and without them all labels behind would move. Of nested ones only those
  without another wnid below them are classes;
- what else the family says, such as the 1000 of ImageNet-1K.

All splits that are called as such, and in one archive are used together, have one table: train and
val have the same labels. A split by the name of its folder has that table, too, if all its classes
are in it; else, it has one by itself, for its classes must not move the others' labels. So do
ImageNet-21K-P's small classes. Where no folder is called as a split, all have one table.

A note names the classes without images. Those that the split which is opened lacks, and another one
has, are told when it is opened (:mod:`fastinet.items.siblings`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from fastinet.datasets.entries import folders_of
from fastinet.datasets.listing import Split
from fastinet.datasets.path_splits import Part, numbers_apart, partition
from fastinet.datasets.scanned import wnid_number, wnid_text
from fastinet.errors import CorruptError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from fastinet.datasets.names import Ints, Names
    from fastinet.datasets.path_splits import Partition
    from fastinet.datasets.scanned import ScannedMembers

__all__ = ["SplitClasses", "divided", "in_split_order"]

_SMALL_CLASSES = "small_classes"
_TRAIN = "train"

# What the CLS-LOC packagings have beside the images, in folders that are called as classes, too.
ANNOTATION_FOLDERS = ("Annotations", "ImageSets")


@dataclass(frozen=True)
class SplitClasses:
    """The splits of n images, their classes and the images' labels."""

    parts: tuple[Part, ...]
    """The splits; `splits` has them with their classes."""
    splits: tuple[Split, ...]
    of_rows: Ints
    """[n] index into both of each image's split."""
    labels: Ints
    """[n]; -1: it has none."""
    numbers: Ints
    """[n] the number in each image's name, other ones of validation and test images; -1: none."""
    notes: tuple[str, ...]
    """What the user should hear about."""

    @property
    def item_split(self) -> NDArray[np.int8] | None:
        """int8 [n], as a listing has it; None where there is one split only."""
        return self.of_rows.astype(np.int8) if len(self.splits) > 1 else None


def divided(
    members: ScannedMembers,
    rows: Ints,
    *,
    wnids: Ints,
    numbered: Ints,
    numbers: Ints,
    others: Ints | None = None,
) -> SplitClasses:
    """The splits and classes of the images that are the members `rows`, n of them.

    Args:
        members: of all archives.
        rows: [n]
        wnids: [n] number of the wnid that is the class; -1: not known.
        numbered: [n] what :func:`image_numbers` tells of their names,
        numbers: [n] and what else.
        others: numbers of wnids that are in the table, whatever the images.

    Raises:
        UnsupportedError: there are too many splits.
    """
    whole_numbers = numbers_apart(numbered, numbers)
    found = partition(
        members.names.take(rows),
        numbered,
        np.where(numbers >= 0, whole_numbers, wnids),
        around=members.around,
        archive=members.archive[rows] if len(members.archives) > 1 else None,
    )
    of_parts = [_present(wnids[found.of_rows == part]) for part in range(len(found.parts))]
    empty, shared_empty = _folders(members, found)
    tables = _tables(found.parts, of_parts, empty, shared_empty, others)
    labels = np.full(len(rows), -1, np.int64)
    for number, table in enumerate(tables):
        mine = np.flatnonzero((found.of_rows == number) & (wnids >= 0))
        labels[mine] = np.searchsorted(table, wnids[mine])
    texts: dict[bytes, tuple[str, ...]] = {}
    for table in tables:
        texts.setdefault(table.tobytes(), tuple(map(wnid_text, table.tolist())))
    return SplitClasses(
        found.parts,
        tuple(
            Split(part.name, texts[table.tobytes()])
            for part, table in zip(found.parts, tables, strict=True)
        ),
        found.of_rows,
        labels,
        whole_numbers,
        tuple(_notes(of_parts, empty, shared_empty)),
    )


def _present(wnids: Ints) -> Ints:
    return np.unique(wnids[wnids >= 0])


def _folders(members: ScannedMembers, found: Partition) -> tuple[list[Ints], Ints]:
    """The classes that folders and class tars are called by: of each part, and of no part."""
    of_parts: list[set[int]] = [set() for _ in found.parts]
    of_none: set[int] = set()
    for around, folder in _class_folders(members):
        part = found.of_folder(folder, around)
        if part is not None:
            wnid = wnid_number(PurePosixPath(folder).name)
            (of_none if part < 0 else of_parts[part]).add(wnid)
    return [_sorted(wnids) for wnids in of_parts], _sorted(of_none)


def _sorted(numbers: Iterable[int]) -> Ints:
    return np.array(sorted(numbers), np.int64)


def _class_folders(members: ScannedMembers) -> Iterator[tuple[str, str]]:
    """(name of the archive, path) of all folders, class tars among them, that are classes."""
    for archive, around in zip(members.archives, members.around, strict=True):
        own = PurePosixPath(archive.name).name.removesuffix(".tar")
        folders = {
            each
            for each in folders_of(archive.members)
            if wnid_number(each.rpartition("/")[2]) >= 0
        }
        if wnid_number(own) >= 0:
            folders.add(own)
        # Those that have another class in them group it, as trees of WordNet do.
        groups = set()
        for folder in folders:
            above = folder.rpartition("/")[0]
            while above and above not in groups:
                groups.add(above)
                above = above.rpartition("/")[0]
        for folder in sorted(folders - groups):
            if not set(ANNOTATION_FOLDERS).intersection(folder.split("/")):
                yield around, folder


def _tables(
    parts: tuple[Part, ...],
    of_parts: list[Ints],
    empty: list[Ints],
    shared_empty: Ints,
    others: Ints | None,
) -> list[Ints]:
    """The classes of each part, sorted."""
    own = [np.union1d(mine, void) for mine, void in zip(of_parts, empty, strict=True)]
    together = [part.split not in ("", _SMALL_CLASSES) for part in parts]
    if not any(together):
        together = [part.split != _SMALL_CLASSES for part in parts]
    shared = _union([*(table for table, use in zip(own, together, strict=True) if use)])
    shared = np.union1d(shared, shared_empty)
    if others is not None:
        shared = np.union1d(shared, others)
    return [
        shared
        if use or (part.split != _SMALL_CLASSES and not len(np.setdiff1d(table, shared)))
        else table
        for part, table, use in zip(parts, own, together, strict=True)
    ]


def _union(tables: Iterable[Ints]) -> Ints:
    return np.unique(np.concatenate([np.empty(0, np.int64), *tables]))


def _notes(
    of_parts: list[Ints],
    empty: list[Ints],
    shared_empty: Ints,
) -> Iterator[str]:
    """What to say of classes without images in the archive."""
    present = _union(of_parts)
    void = np.setdiff1d(_union([*empty, shared_empty]), present)
    if len(void):
        yield (
            f"{len(void)} classes have no images: {_some(void)}; they keep their places among the"
            " labels"
        )


def _some(classes: Ints) -> str:
    shown = [wnid_text(number) for number in classes[:3].tolist()]
    return ", ".join([*shown, *(["..."] if len(classes) > len(shown) else [])])


# ------------------------------------------------------------------------------------------- order


def in_split_order(rows: Ints, classes: SplitClasses, names: Names) -> tuple[Ints, SplitClasses]:
    """`rows` sorted by split, and but for train by number; the others stay in their order.

    Raises:
        CorruptError: two images of a split have the same number.
    """
    numbers = classes.numbers
    for number, part in enumerate(classes.parts):
        if part.split == _TRAIN:
            numbers = np.where(classes.of_rows == number, np.int64(-1), numbers)
    if (numbers < 0).all() and not classes.of_rows.any():
        return rows, classes
    order = np.lexsort((numbers, classes.of_rows))
    numbers, splits = numbers[order], classes.of_rows[order]
    again = np.flatnonzero(
        (numbers[1:] >= 0) & (numbers[1:] == numbers[:-1]) & (splits[1:] == splits[:-1])
    )
    rows = rows[order]
    if len(again):
        first = again[0]
        raise CorruptError(
            f"{len(again)} images have the number of another one, the first of them is the"
            f" {classes.parts[splits[first]].name} image of '{names[rows[first]]}': open the"
            " archive, or the folder, that has each once",
            member=names[rows[first + 1]],
        )
    ordered = replace(
        classes,
        of_rows=splits,
        labels=classes.labels[order],
        numbers=classes.numbers[order],
    )
    return rows, ordered

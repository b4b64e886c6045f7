"""Labels that are given for a dataset's items: by a devkit, in a file, or as numbers.

===========================  ============================================  ========================
given                        labels of                                     numbered as
===========================  ============================================  ========================
devkit, or its path          ILSVRC2012_val_{i+1:08d}, by the number       ImageNet-1K, by wnid
text, a number in each line  the same (a ground truth of the devkit's)     ILSVRC2012_ID
ReaL's ``real.json``         the same, a set for each                      ImageNet-1K's labels
int [N], .npy, N sets        item i                                        the dataset's classes
===========================  ============================================  ========================

Where a dataset has fewer classes than ImageNet-1K, the first three are brought to its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastinet.base.paths import exists, is_folder
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.devkit import Devkit, read_devkit
from fastinet.datasets.label_sets import LabelSets
from fastinet.errors import CorruptError, MissingError
from fastinet.metrics.devkit_text import read_labels
from fastinet.metrics.labels import Labels, label_sets, real_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "AssignedLabels",
    "GivenLabels",
    "LabelledItems",
    "ValidationLabels",
    "assign",
    "kind_of",
    "read_labels_at",
    "refuse_strange_devkit",
]

_TAR_BLOCK = 512  # bytes
_TAR_MAGIC_AT = 257


class LabelledItems(NamedTuple):
    """The N items that labels are given for."""

    split: str
    labels: NDArray[np.int64]
    """[N] what they have so far; -1: none."""
    numbers: NDArray[np.int64]
    """[N] i of those that are called ILSVRC2012_val_{i:08d}; -1 of others."""
    wnids: Sequence[str]
    """Of the classes, in label order."""
    selected: bool
    """Whether they are a selection, which need not be complete."""


class AssignedLabels(NamedTuple):
    """The labels of N items."""

    labels: NDArray[np.int64]
    """[N], -1: none."""
    sets: LabelSets | None
    """All that are right for each; None where ``labels`` says it all."""


@dataclass(frozen=True)
class ValidationLabels:
    """Labels of ILSVRC2012's validation images, in the order of their names, from a file.

    The file is ReaL's ``real.json`` or a ground truth of the development kit; a kit's own labels
    come in this form, too.
    """

    source: str
    """Path of the file, for messages."""
    sets: LabelSets
    """Numbered by ImageNet-1K's classes."""
    are_sets: bool
    """Whether an image may have several labels or none; False: each has exactly one."""


def kind_of(path: str | os.PathLike[str]) -> str:
    """What a file or folder has in it: "npy", "npz", "torch", "json", "text", or "archive".

    An archive is one of images, or a kit.

    Raises:
        MissingError: there is nothing.
    """
    from fastinet.formats.torch_files import (  # noqa: PLC0415 - few datasets need it
        LEGACY_TORCH,
        is_torch_zip,
    )

    location = Path(path)
    if is_folder(location):
        return "archive"
    if not exists(location):
        raise MissingError("no such file", archive=str(path))
    with location.open("rb") as file:
        head = file.read(_TAR_BLOCK)
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if head.startswith(b"PK"):
        return "torch" if is_torch_zip(location) else "npz"
    if head.startswith(LEGACY_TORCH):
        return "torch"
    if head.startswith(b"\x1f\x8b") or _is_tar_header(head):
        return "archive"
    return "json" if head.lstrip().startswith(b"[") else "text"


def _is_tar_header(block: bytes) -> bool:
    """Tars from before POSIX have no "ustar" in them; their checksum tells."""
    if block[_TAR_MAGIC_AT : _TAR_MAGIC_AT + 5] == b"ustar":
        return True
    import tarfile  # noqa: PLC0415 - few datasets need it

    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.TarError:
        return False
    return True


def read_labels_at(path: str | os.PathLike[str]) -> Devkit | ValidationLabels | NDArray[Any]:
    """What the file or folder at ``path`` gives, by its content.

    Raises:
        MissingError, CorruptError, UnsupportedError: it is not there, or is nothing of the kind.
        OSError: it cannot be read.
    """
    kind = kind_of(path)
    if kind == "archive":
        return read_devkit(path)
    if kind == "json":
        return ValidationLabels(str(path), label_sets(real_labels(path)), are_sets=True)
    if kind == "text":
        return ValidationLabels(str(path), label_sets(read_labels(path)), are_sets=False)
    if kind == "npz":
        raise CorruptError(
            "may hold several arrays; labels are a .npy of int [N]", archive=str(path)
        )
    if kind == "torch":
        from fastinet.formats.torch_files import read_torch_file  # noqa: PLC0415 - see above

        value = read_torch_file(path)
        if not isinstance(value, np.ndarray):
            raise CorruptError(
                f"holds a {type(value).__name__}; labels are a tensor of int [N]", archive=str(path)
            )
        return value
    try:
        array: NDArray[Any] = np.load(path, allow_pickle=False)  # pickles could run code
    except (ValueError, EOFError) as error:
        raise CorruptError(f"cannot be read as an array: {error}", archive=str(path)) from None
    return array


GivenLabels = str | os.PathLike[str] | Devkit | ValidationLabels | Labels
"""A path of one of the files above, a :class:`Devkit`, int [N], or N collections of ints."""


def assign(given: GivenLabels, items: LabelledItems) -> AssignedLabels:
    """The labels that ``given`` gives the items.

    Raises:
        CorruptError: a file or devkit of other items or classes; the message says which.
        ValueError: numbers of another length, beyond the classes, or none for an item.
    """
    if isinstance(given, str | os.PathLike):
        given = read_labels_at(given)
    if isinstance(given, Devkit):
        return _by_devkit(given, items)
    if isinstance(given, ValidationLabels):
        return _by_validation_names(given, items)
    return _item_by_item(given, items)


def refuse_strange_devkit(kit: Devkit, wnids: Sequence[str]) -> None:
    """Raises CorruptError when a devkit, given for what it tells of classes, knows none of them."""
    if wnids and not any(wnid in kit.parents for wnid in wnids):
        raise CorruptError(
            f"none of the archive's {len(wnids)} classes, {wnids[0]} the first, is in it: it is"
            " another archive's devkit",
            archive=kit.path,
        )


def _by_devkit(kit: Devkit, items: LabelledItems) -> AssignedLabels:
    if items.split == "test" and np.all(items.labels < 0):
        raise CorruptError(
            "a devkit has the labels of validation images; those of the test images were never"
            " published",
            archive=kit.path,
        )
    if np.any(items.numbers >= 0):
        labels = label_sets(kit.validation_labels)
        return _by_validation_names(ValidationLabels(kit.path, labels, are_sets=False), items)
    # The folders of other images tell their classes; the kit must know these.
    unknown = [wnid for wnid in items.wnids if wnid not in kit.parents]
    if unknown:
        raise CorruptError(
            f"{len(unknown)} of the archive's {len(items.wnids)} classes are not in it,"
            f" {unknown[0]} among them: it is another archive's devkit",
            archive=kit.path,
        )
    return AssignedLabels(items.labels, None)


def _by_validation_names(given: ValidationLabels, items: LabelledItems) -> AssignedLabels:
    rows = _rows_by_name(given, items)
    sets = given.sets.take(rows)
    sets = LabelSets(sets.counts, _in_classes_of(items.wnids)(sets.label, given.source))
    if not given.are_sets:
        return AssignedLabels(sets.label, None)
    return AssignedLabels(_single_labels(sets, items), sets)


def _rows_by_name(given: ValidationLabels, items: LabelledItems) -> NDArray[np.int64]:
    """[N] which of the labels, in the order of the images' names, is that of each item."""
    count, images = len(given.sets), len(items.labels)
    if not items.selected and count != images:
        raise CorruptError(
            f"labels of {count} images, but there are {images} in split '{items.split}': one of"
            " them is incomplete, or the labels are another archive's",
            archive=given.source,
        )
    numbered = items.numbers >= 0
    if not numbered.any():
        if items.selected:
            raise CorruptError(
                "labels go by the numbers of validation images, which the items of this selection"
                " do not have: give labels to the whole dataset first",
                archive=given.source,
            )
        return np.arange(images)
    wrong = np.flatnonzero((items.numbers < 1) | (items.numbers > count))
    if len(wrong):
        number = int(items.numbers[wrong[0]])
        name = f"ILSVRC2012_val_{number:08d}" if number >= 0 else f"item {wrong[0]}"
        raise CorruptError(
            f"no label for {len(wrong)} items, {name} the first: the labels are of"
            f" ILSVRC2012_val_{1:08d} to {count:08d}",
            archive=given.source,
        )
    return items.numbers - 1


def _in_classes_of(
    wnids: Sequence[str],
) -> Callable[[NDArray[np.int64], str], NDArray[np.int64]]:
    """The function from labels of ImageNet-1K to labels of the classes ``wnids``."""
    all_wnids = imagenet1k_wnids()
    label_of = {wnid: label for label, wnid in enumerate(wnids)}
    table = np.array([label_of.get(wnid, -1) for wnid in all_wnids], np.int64)

    def translated(labels: NDArray[np.int64], source: str) -> NDArray[np.int64]:
        beyond = labels[labels >= len(table)]
        if len(beyond):
            raise CorruptError(f"there is no label {beyond[0]} in ImageNet-1K", archive=source)
        missing = labels[table[labels] < 0]
        if len(missing):
            classes = [all_wnids[label] for label in np.unique(missing)]
            raise CorruptError(
                f"{len(classes)} classes that the archive does not have, {classes[0]} among them:"
                " the labels are another archive's",
                archive=source,
            )
        return table[labels]

    return translated


def _item_by_item(given: Any, items: LabelledItems) -> AssignedLabels:
    listed = given if isinstance(given, LabelSets | np.ndarray) else list(given)
    sets = label_sets(listed)
    if len(sets) != len(items.labels):
        raise ValueError(f"{len(sets)} labels given, there are {len(items.labels)} items")
    highest = int(sets.label.max(initial=-1))
    if highest >= len(items.wnids):
        raise ValueError(f"there is no label {highest}: the dataset has {len(items.wnids)} classes")
    if not isinstance(listed, LabelSets) and all(isinstance(x, int | np.integer) for x in listed):
        return AssignedLabels(sets.label, None)
    return AssignedLabels(_single_labels(sets, items), sets)


def _single_labels(sets: LabelSets, items: LabelledItems) -> NDArray[np.int64]:
    """[N] one label for each item: what it has, else the first of its set, -1 of an empty one."""
    labels = items.labels.copy()
    first = np.cumsum(sets.counts) - sets.counts
    rows = np.flatnonzero((labels < 0) & (sets.counts > 0))
    labels[rows] = sets.label[first[rows]]
    return labels

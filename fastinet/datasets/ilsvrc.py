"""The challenge's images, training, validation and test, in every packaging that is in use.

===========================  =======================================================================
ILSVRC2012_img_train.tar,    a tar of one tar per class (``n01440764.tar``) of images
train_t3, fall11_whole.tar   (``n01440764_10026.JPEG``); also as a folder of class tars, as one
                             class tar, and extracted
ILSVRC2012_img_val.tar       ``ILSVRC2012_val_00000001.JPEG`` to 50000, flat; also extracted, and
                             moved into folders by class
ILSVRC2012_img_test.tar      ``ILSVRC2012_test_00000001.JPEG`` to 100000, flat; since 2019 in a
                             folder ``test``
CLS-LOC, Kaggle, 2017        all three: ``ILSVRC/Data/CLS-LOC/{train/<wnid>,val,test}/*.JPEG``
trees of class folders       ``{train,val}/<wnid>/*``, with names of any kind
Hugging Face                 flat names that end in the class: ``n01440764_10026_n01440764.JPEG``,
                             ``ILSVRC2012_val_00000001_n01751748.JPEG``
===========================  =======================================================================

The *split* of an image is "val" or "test" where its name says so (``ILSVRC2012_val_``), else the
innermost folder that is called train, val or test; without either it is "train".

The *class* of an image is the innermost folder that is a wnid, where an inner tar counts as a
folder, and so does an archive that a wnid names; failing that, the wnid that the file name ends or,
failing that, begins with. The folder goes first because the two may differ
(``n06470073/n00141669_6790``). A validation image without any of them has the published label of
its number. Where a folder contradicts that label, it is followed all the same: the image was moved
there on purpose, and the training images beside it lie in the same folders. A note says how
many there are. Test images have no label.

*Labels* number the sorted wnids, as torchvision, timm and Keras do: tench is 0 of the full 1000.
All splits of an archive have the same classes: those that its images, or class tars, are of, and
the full 1000 where it has validation images outside of class folders, or no labelled image.

*Items* come split by split: train, val, test. Training images come in the archive's order.
Validation and test images come in the order of the numbers in their names, so that item i of the
split "val" is ILSVRC2012_val_{i+1:08d}. The archives have them in another order (TFDS,
``imagenet_common.py``), but the devkit's ground truth, ReaL's labels and everybody's predictions go
by the names.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from fastinet.datasets import path_splits
from fastinet.datasets.key_labels import imagenet1k_wnid_numbers, published_wnids, wnids_told
from fastinet.datasets.listing import Split
from fastinet.datasets.names import Bools, Ints, Names
from fastinet.datasets.path_splits import PATH_SPLITS, image_numbers
from fastinet.datasets.scanned import ScannedArchive, ScannedMembers, wnid_number, wnid_text
from fastinet.datasets.validation import VALIDATION_IMAGES
from fastinet.errors import CorruptError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fastinet.datasets.listing import Listing

__all__ = ["are_annotations", "recognise"]

# Items come in this order of splits.
_SPLITS = ("train", "val", "test")
_TRAIN, _VAL, _TEST = map(PATH_SPLITS.index, _SPLITS)

# Files of ImageNet-21K that are called images and hold none, by wnid and base: a training that
# meets them in every epoch can do nothing else than skip them. DINOv2 does so, too
# (data/datasets/image_net_22k.py).
_KNOWN_INVALID = ((6470073, "n06470073_47249.JPEG"),)

# What the CLS-LOC packagings have beside the images: annotations and lists of names.
_ANNOTATION_FOLDERS = ("Annotations", "ImageSets")
_ANNOTATION_PREFIX = "LOC_"


def recognise(members: ScannedMembers) -> Listing | None:
    """The listing of the members, or None when no image in them carries a wnid or a number.

    Raises:
        CorruptError: two images have the same number.
    """
    archives = members.archives
    images = members.images()
    invalid = _known_invalid(members.names)
    found = _facts(members.names, images, archives)
    items = images & ~invalid & ((found.wnids >= 0) | (found.numbers >= 0))
    if not items.any():
        return None

    rows = _in_order(np.flatnonzero(items), found, members.names)
    wnids, splits = found.wnids[rows], found.splits[rows]
    present_wnids = np.unique(wnids[wnids >= 0])
    class_tars = np.array(list(_class_tars(archives)), np.int64)
    classes = np.union1d(present_wnids, class_tars)
    if found.outside_classes[rows].any() or not len(classes):
        classes = np.union1d(classes, imagenet1k_wnid_numbers())
    class_texts = tuple(wnid_text(number) for number in classes.tolist())
    present = np.unique(splits).tolist()
    return members.listing(
        rows,
        family="ilsvrc" if len(present) > 1 else PATH_SPLITS[present[0]],
        labels=np.where(wnids >= 0, np.searchsorted(classes, wnids), -1).astype(np.int64),
        splits=tuple(Split(PATH_SPLITS[split], class_texts) for split in present),
        item_split=np.searchsorted(present, splits).astype(np.int8) if len(present) > 1 else None,
        skipped=int(np.count_nonzero(~items)),
        notes=tuple(
            note
            for note in (
                *_skipped_notes(members.names, images, items, invalid),
                _empty_classes_note(np.setdiff1d(class_tars, present_wnids).tolist()),
                _unlabelled_note(rows, found, members.names),
                _contradictions_note(rows, found, members.names),
            )
            if note
        ),
    )


@dataclass(frozen=True)
class _Facts:
    """What the names of all N members tell."""

    splits: Ints
    """[N] index into PATH_SPLITS."""
    numbers: Ints
    """[N] of validation and test images; -1: it has none."""
    wnids: Ints
    """[N] number of the wnid that is the class; -1: not known."""
    outside_classes: Bools
    """[N] which validation images are in no folder of a class."""
    published: Ints
    """[N] number of the wnid that is published for a validation image; -1: none is."""


def _facts(names: Names, images: Bools, archives: Sequence[ScannedArchive]) -> _Facts:
    _, numbers = image_numbers(names)
    splits = path_splits.ILSVRC.of(names)
    # A folder that was opened is a folder around its files, though their names do not show it.
    around = _SPLITS.index(archives[0].name) if archives[0].name in _SPLITS else _TRAIN
    splits[splits < 0] = around
    outside_classes: Bools = np.zeros(len(names), np.bool_)
    numbered = np.flatnonzero((splits == _VAL) & (numbers >= 0) & images)
    outside_classes[numbered] = names.take(numbered).folder_wnids() < 0
    return _Facts(
        splits,
        numbers,
        wnids_told(names),
        outside_classes,
        published_wnids(names),
    )


def _known_invalid(names: Names) -> Bools:
    """[N] which members are among the files that are known to hold no image."""
    invalid = np.zeros(len(names), np.bool_)
    wnids = names.base_wnids()
    for wnid, base in _KNOWN_INVALID:
        for row in np.flatnonzero(wnids == wnid).tolist():
            invalid[row] = PurePosixPath(names[row]).name == base
    return invalid


def _in_order(rows: Ints, found: _Facts, names: Names) -> Ints:
    """`rows`, of items, sorted by split and number; those without a number stay in order.

    Raises:
        CorruptError: two images of a split have the same number.
    """
    splits, numbers = found.splits[rows], found.numbers[rows]
    if not splits.any():
        return rows
    order = np.lexsort((numbers, splits))
    rows, splits, numbers = rows[order], splits[order], numbers[order]
    again = np.flatnonzero(
        (numbers[1:] >= 0) & (numbers[1:] == numbers[:-1]) & (splits[1:] == splits[:-1])
    )
    if len(again):
        first = again[0]
        raise CorruptError(
            f"{len(again)} images have the number of another one, the first of them is the"
            f" {PATH_SPLITS[splits[first]]} image of '{names[rows[first]]}': open the archive, or"
            " the folder, that has each once",
            member=names[rows[first + 1]],
        )
    return rows


def _class_tars(archives: Sequence[ScannedArchive]) -> Iterator[int]:
    """Numbers of the wnids that archives and inner tars are named by.

    A class without images keeps its label, or all labels after it would move.
    """
    for archive in archives:
        for name in (archive.name, *archive.members.container_names):
            number = wnid_number(PurePosixPath(name).name.removesuffix(".tar"))
            if number >= 0:
                yield number


def are_annotations(names: Names) -> Bools:
    """[N] which members are what the CLS-LOC packagings have beside the images."""
    return np.asarray(
        (names.innermost_folder_of(_ANNOTATION_FOLDERS) >= 0)
        | names.base_begins_with(_ANNOTATION_PREFIX)
    )


def _skipped_notes(names: Names, images: Bools, items: Bools, invalid: Bools) -> Iterator[str]:
    # No word is lost about what belongs to the packaging.
    no_images = np.flatnonzero(~images & ~are_annotations(names))
    for rows, reason in (
        (no_images, "no images (neither by name nor by content)"),
        (np.flatnonzero(images & ~items & ~invalid), "images without a wnid in their names"),
        (np.flatnonzero(images & invalid), "files that are known to hold no image"),
    ):
        if len(rows):
            shown = _some([names[row] for row in rows[:4]])
            yield f"{len(rows)} members skipped as {reason}: {shown}"


def _empty_classes_note(numbers: list[int]) -> str:
    if not numbers:
        return ""
    return f"{len(numbers)} classes have no images: {_some([wnid_text(n) for n in numbers])}"


def _unlabelled_note(rows: Ints, found: _Facts, names: Names) -> str:
    wrong = rows[(found.splits[rows] == _VAL) & (found.wnids[rows] < 0)]
    if not len(wrong):
        return ""
    return (
        f"{len(wrong)} validation images have no label (-1), for their numbers are not 1 to"
        f" {VALIDATION_IMAGES}: {_some([names[row] for row in wrong[:4]])}"
    )


def _contradictions_note(rows: Ints, found: _Facts, names: Names) -> str:
    published = found.published[rows]
    wrong = rows[(published >= 0) & (published != found.wnids[rows])]
    if not len(wrong):
        return ""
    shown = [f"{names[row]} is {wnid_text(int(found.published[row]))}" for row in wrong[:4]]
    return (
        f"{len(wrong)} validation images have another class in their folders or names than the"
        f" published labels give them, and go by the former: {_some(shown)}"
    )


def _some(names: list[str]) -> str:
    return ", ".join([*names[:3], *(["..."] if len(names) > 3 else [])])

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
Tiny-ImageNet                ``{train/<wnid>,val,test}/images/*``, and a file of val's classes
                             (:mod:`fastinet.datasets.tiny_imagenet`)
Hugging Face                 flat names that end in the class: ``n01440764_10026_n01440764.JPEG``,
                             ``ILSVRC2012_val_00000001_n01751748.JPEG``
===========================  =======================================================================

The *split* of an image is told by its folders, the name of the archive, and the number in its name,
see :mod:`fastinet.datasets.path_splits`.

The *class* of an image is the innermost folder that is a wnid, where an inner tar counts as a
folder, and so does an archive that a wnid names; failing that, the wnid that the file name ends or,
failing that, begins with. The folder goes first because the two may differ
(``n06470073/n00141669_6790``). A validation image without any of them has the published label of
its number. Where a folder contradicts that label, it is followed all the same: the image was moved
there on purpose, and the training images beside it lie in the same folders. A note says how
many there are. Test images have no label.

*Labels* number the sorted wnids, as torchvision, timm and Keras do: tench is 0 of the full 1000.
Which classes a split has is told in :mod:`fastinet.datasets.split_classes`; the full 1000 are among
them where there are validation images outside of class folders, or no labelled image.

*Items* come split by split: train, val, test, others. Training images come in the archive's order.
Validation and test images, and copies of them, come in the order of the numbers in their names, so
that item i of the split "val" is ILSVRC2012_val_{i+1:08d}. The archives have them in another order
(TFDS, ``imagenet_common.py``), but the devkit's ground truth, ReaL's labels and everybody's
predictions go by the names.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from fastinet.datasets import tiny_imagenet
from fastinet.datasets.key_labels import (
    contradictions_note,
    imagenet1k_wnid_numbers,
    published_wnids,
    wnids_told,
)
from fastinet.datasets.listing import Others
from fastinet.datasets.names import Bools, Ints, Names
from fastinet.datasets.path_splits import image_numbers
from fastinet.datasets.scanned import ScannedMembers, wnid_text
from fastinet.datasets.split_classes import (
    ANNOTATION_FOLDERS,
    SplitClasses,
    divided,
    in_split_order,
)
from fastinet.datasets.validation import VALIDATION_IMAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastinet.datasets.listing import Listing

__all__ = ["are_annotations", "recognise"]

_VAL = 0  # of image_numbers

# Archives of one of these splits alone are families of their own by its name.
_SINGLE_SPLITS = ("train", "val", "test")

# Files of ImageNet-21K that are called images and hold none, by wnid and base: a training that
# meets them in every epoch can do nothing else than skip them. DINOv2 does so, too
# (data/datasets/image_net_22k.py).
_KNOWN_INVALID = ((6470073, "n06470073_47249.JPEG"),)

# What the CLS-LOC packagings have beside the images, and their folders: lists of names.
_ANNOTATION_PREFIX = "LOC_"


def recognise(members: ScannedMembers) -> Listing | None:
    """The listing of the members, or None when no image in them carries a wnid or a number.

    Raises:
        CorruptError: two images have the same number.
    """
    images = members.images()
    invalid = _known_invalid(members.names)
    found = _facts(members.names, images)
    untold = np.flatnonzero(images & (found.wnids < 0) & (found.numbers < 0))
    tiny = tiny_imagenet.tiny_images(members, untold)
    found.wnids[untold] = tiny.wnids
    items = images & ~invalid & ((found.wnids >= 0) | (found.numbers >= 0))
    items[untold[tiny.tests]] = True
    if not items.any():
        return None

    rows = np.flatnonzero(items)
    classes = divided(
        members,
        rows,
        wnids=found.wnids[rows],
        numbered=found.numbered[rows],
        numbers=found.numbers[rows],
        others=imagenet1k_wnid_numbers() if _are_of_1000(found, rows) else None,
    )
    rows, classes = in_split_order(rows, classes, members.names)
    names = [split.name for split in classes.splits]
    family = names[0] if len(names) == 1 and names[0] in _SINGLE_SPLITS else "ilsvrc"
    is_tiny = bool((tiny.wnids >= 0).any())
    return members.listing(
        rows,
        family=tiny_imagenet.FAMILY if is_tiny else family,
        labels=classes.labels,
        splits=classes.splits,
        item_split=classes.item_split,
        skipped=int(np.count_nonzero(~items)),
        others=_no_images(members.names, images, is_tiny=is_tiny),
        notes=tuple(
            note
            for note in (
                *_skipped_notes(members.names, images, items, invalid),
                *classes.notes,
                _unlabelled_note(rows, found, members.names),
                _contradictions_note(rows, found, members.names),
                _dealt_anew_note(rows, classes, found, members.names),
            )
            if note
        ),
    )


@dataclass(frozen=True)
class _Facts:
    """What the names of all N members tell."""

    numbered: Ints
    """[N] index into ("val", "test") of those with numbers; -1."""
    numbers: Ints
    """[N] of validation and test images; -1: it has none."""
    wnids: Ints
    """[N] number of the wnid that is the class; -1: not known."""
    outside_classes: Bools
    """[N] which validation images are in no folder of a class."""
    published: Ints
    """[N] number of the wnid that is published for a validation image; -1: none is."""


def _facts(names: Names, images: Bools) -> _Facts:
    numbered, numbers = image_numbers(names)
    outside_classes: Bools = np.zeros(len(names), np.bool_)
    rows = np.flatnonzero((numbered == _VAL) & images)
    outside_classes[rows] = names.take(rows).folder_wnids() < 0
    return _Facts(numbered, numbers, wnids_told(names), outside_classes, published_wnids(names))


def _are_of_1000(found: _Facts, rows: Ints) -> bool:
    """Whether the classes are those of ImageNet-1K, whichever the images of `rows` are of."""
    return bool(found.outside_classes[rows].any() or (found.wnids[rows] < 0).all())


def _known_invalid(names: Names) -> Bools:
    """[N] which members are among the files that are known to hold no image."""
    invalid = np.zeros(len(names), np.bool_)
    wnids = names.base_wnids()
    for wnid, base in _KNOWN_INVALID:
        for row in np.flatnonzero(wnids == wnid).tolist():
            invalid[row] = PurePosixPath(names[row]).name == base
    return invalid


def are_annotations(names: Names) -> Bools:
    """[N] which members are what the CLS-LOC packagings have beside the images."""
    return np.asarray(
        (names.innermost_folder_of(ANNOTATION_FOLDERS) >= 0)
        | names.base_begins_with(_ANNOTATION_PREFIX)
    )


def _no_images(names: Names, images: Bools, *, is_tiny: bool) -> Others:
    # No word is lost about what belongs to the packaging.
    belonging = are_annotations(names)
    for ending in tiny_imagenet.OWN_FILES if is_tiny else ():
        belonging |= names.ends_with(ending)
    return Others(
        np.flatnonzero(~images & ~belonging),
        "members skipped as no images (neither by name nor by content)",
    )


def _skipped_notes(names: Names, images: Bools, items: Bools, invalid: Bools) -> Iterator[str]:
    for rows, reason in (
        (np.flatnonzero(images & ~items & ~invalid), "images without a wnid in their names"),
        (np.flatnonzero(images & invalid), "files that are known to hold no image"),
    ):
        if len(rows):
            shown = _some([names[row] for row in rows[:4]])
            yield f"{len(rows)} members skipped as {reason}: {shown}"


def _unlabelled_note(rows: Ints, found: _Facts, names: Names) -> str:
    wrong = rows[(found.numbered[rows] == _VAL) & (found.wnids[rows] < 0)]
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
    return contradictions_note(len(wrong), shown)


def _dealt_anew_note(rows: Ints, classes: SplitClasses, found: _Facts, names: Names) -> str:
    """What to say of validation images that are in a folder of training images."""
    train = np.array([split.name == "train" for split in classes.splits])
    of_rows = np.zeros(len(rows), np.int64) if classes.item_split is None else classes.item_split
    wrong = rows[train[of_rows] & (found.numbered[rows] == _VAL)]
    if not len(wrong):
        return ""
    return (
        f"{len(wrong)} images in 'train' are called as ImageNet-1K's validation images are, and go"
        f" by their folder: {_some([names[row] for row in wrong[:4]])}"
    )


def _some(names: list[str]) -> str:
    return ", ".join([*names[:3], *(["..."] if len(names) > 3 else [])])

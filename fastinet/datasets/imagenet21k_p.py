"""ImageNet-21K-P: the part of ImageNet-21K with enough images a class, made small.

imagenet21k_resized.tar.gz holds, under one top folder, a folder for each split with a folder for
each class::

    imagenet21k_resized/imagenet21k_train/n00005787/n00005787_12.JPEG
    imagenet21k_resized/imagenet21k_val/n00005787/n00005787_100.JPEG       50 of each class
    imagenet21k_resized/imagenet21k_small_classes/n00004475/n00004475_2.JPEG

Train and val have the same classes; a label numbers their sorted wnids from 0 on, as it does for
torchvision's ImageFolder over the train folder, for the authors' models and for their semantic
tree. The small classes (500 images and fewer) are a split with labels of its own.

Most images are 224x224, squashed. Those that were smaller before were copied as they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastinet.datasets import path_splits
from fastinet.datasets.listing import Split
from fastinet.datasets.path_splits import PATH_SPLITS
from fastinet.datasets.scanned import ScannedMembers, wnid_text

if TYPE_CHECKING:
    from fastinet.datasets.listing import Listing
    from fastinet.datasets.names import Ints

__all__ = ["recognise"]

FAMILY = "imagenet21k_p"

# Items of train and val share their classes, those of the small classes have their own.
_TRAIN, _VAL, _SMALL = map(PATH_SPLITS.index, ("train", "val", "small_classes"))


def recognise(members: ScannedMembers) -> Listing | None:
    """The listing of the members, or None when no image is in a class folder of a split."""
    splits = path_splits.IMAGENET21K_P.of(members.names)
    if not (splits >= 0).any():
        return None
    wnids = members.folder_wnids()
    items = members.images() & (splits >= 0) & (wnids >= 0)
    if not items.any():
        return None

    splits, wnids = splits[items], wnids[items]
    classes, notes = _classes(wnids, splits)
    labels = np.empty(len(wnids), np.int64)
    for split, numbers in classes.items():
        mine = splits == split
        labels[mine] = np.searchsorted(numbers, wnids[mine])
    present = np.unique(splits)
    skipped, skipped_notes = members.skipped_note(items, "no images in a class folder of a split")
    notes += skipped_notes
    return members.listing(
        np.flatnonzero(items),
        family=FAMILY,
        labels=labels,
        splits=tuple(
            Split(
                PATH_SPLITS[split], tuple(wnid_text(number) for number in classes[split].tolist())
            )
            for split in present.tolist()
        ),
        item_split=np.searchsorted(present, splits).astype(np.int8) if len(present) > 1 else None,
        skipped=skipped,
        notes=tuple(notes),
    )


def _classes(wnids: Ints, splits: Ints) -> tuple[dict[int, Ints], list[str]]:
    """The sorted wnid numbers of each split, and what the user should hear about them."""
    train, val, small = (np.unique(wnids[splits == split]) for split in (_TRAIN, _VAL, _SMALL))
    both = np.union1d(train, val)
    notes = [
        f"{len(both) - len(numbers)} classes have no images in imagenet21k_{PATH_SPLITS[split]};"
        " labels number the classes that train and val have together"
        for split, numbers in ((_TRAIN, train), (_VAL, val))
        if 0 < len(numbers) < len(both)
    ]
    return {_TRAIN: both, _VAL: both, _SMALL: small}, notes

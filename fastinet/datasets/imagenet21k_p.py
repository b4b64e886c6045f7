"""ImageNet-21K-P: the part of ImageNet-21K with enough images a class, made small.

imagenet21k_resized.tar.gz holds, under one top folder, a folder for each split with a folder for
each class::

    imagenet21k_resized/imagenet21k_train/n00005787/n00005787_12.JPEG
    imagenet21k_resized/imagenet21k_val/n00005787/n00005787_100.JPEG       50 of each class
    imagenet21k_resized/imagenet21k_small_classes/n00004475/n00004475_2.JPEG

Train and val have the same classes; a label numbers their sorted wnids from 0 on, as it does for
torchvision's ImageFolder over the train folder, for the authors' models and for their semantic
tree. The small classes (500 images and fewer) are a split with labels of its own. Other folders
beside these are splits by their own names (:mod:`fastinet.datasets.path_splits`).

Most images are 224x224, squashed. Those that were smaller before were copied as they were.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from fastinet._native import _paths
from fastinet.datasets.listing import Others
from fastinet.datasets.path_splits import image_numbers
from fastinet.datasets.split_classes import divided, in_split_order

if TYPE_CHECKING:
    from fastinet.datasets.listing import Listing
    from fastinet.datasets.scanned import ScannedMembers

__all__ = ["recognise"]

FAMILY = "imagenet21k_p"

_PREFIX = "imagenet21k_"


def recognise(members: ScannedMembers) -> Listing | None:
    """The listing of the members, or None when no image is in a class folder of a split."""
    of_names, folders = members.names.folders()
    names = [*folders, *members.around]  # a split's folder may have been opened by itself
    if not any(map(_is_of_family, names)):
        return None
    images = members.images()
    wnids = np.array([_paths.tell_of_folder(folder).wnid for folder in folders], np.int64)[of_names]
    items = images & (wnids >= 0)
    if not items.any():
        return None
    rows = np.flatnonzero(items)
    numbered, numbers = image_numbers(members.names.take(rows))
    classes = divided(members, rows, wnids=wnids[rows], numbered=numbered, numbers=numbers)
    rows, classes = in_split_order(rows, classes, members.names)
    others = Others(
        np.flatnonzero(~items), "entries skipped that are no images in a class folder of a split"
    )
    return members.listing(
        rows,
        family=FAMILY,
        labels=classes.labels,
        splits=classes.splits,
        item_split=classes.item_split,
        skipped=len(others.rows),
        notes=classes.notes,
        others=others,
    )


def _is_of_family(folder: str) -> bool:
    """Whether a folder in this path is one of the archive's splits."""
    return any(
        part.lower().startswith(_PREFIX) and _paths.known_split(part)
        for part in PurePosixPath(folder).parts
    )

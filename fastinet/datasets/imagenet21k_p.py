"""ImageNet-21K-P: the part of ImageNet-21K with enough images a class, made small.

imagenet21k_resized.tar.gz holds, under one top folder, a folder for each split with a folder for
each class::

    imagenet21k_resized/imagenet21k_train/n00005787/n00005787_12.JPEG
    imagenet21k_resized/imagenet21k_val/n00005787/n00005787_100.JPEG       50 of each class
    imagenet21k_resized/imagenet21k_small_classes/n00004475/n00004475_2.JPEG

Train and val have the same classes; a label is the place among their sorted wnids, as it is for
torchvision's ImageFolder over the train folder, for the authors' models and for their semantic
tree. The small classes (500 images and fewer) are a split with labels of its own.

Most images are 224x224, squashed. Those that were smaller before were copied as they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastinet.catalog import Listing, Split
from fastinet.datasets.scanned import Bools, ScannedMembers, wnid_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["recognise"]

FAMILY = "imagenet21k_p"

_FOLDERS = {
    "train": "imagenet21k_train",
    "val": "imagenet21k_val",
    "small_classes": "imagenet21k_small_classes",
}


def recognise(members: ScannedMembers) -> Listing | None:
    """The listing of the members, or None when no image is in one of the splits' folders."""
    in_split = {name: members.in_folder(folder) for name, folder in _FOLDERS.items()}
    if not any(rows.any() for rows in in_split.values()):
        return None
    wnids = members.folder_wnids()
    images = members.images() & (wnids >= 0)
    in_split = {name: rows & images for name, rows in in_split.items()}
    items = np.logical_or.reduce(list(in_split.values()))
    if not items.any():
        return None

    classes, notes = _classes(wnids, in_split)
    present = [name for name, rows in in_split.items() if rows.any()]
    item_split = np.full(len(members), -1, np.int8)
    labels = np.full(len(members), -1, np.int64)
    for number, name in enumerate(present):
        rows = in_split[name]
        item_split[rows] = number
        labels[rows] = np.searchsorted(classes[name], wnids[rows])
    key_offsets, key_bytes = members.keys_of(items)
    skipped = int(np.count_nonzero(~items))
    skipped += sum(archive.members.special_entries for archive in members.archives)
    if skipped:
        notes.append(f"{skipped} entries skipped that are no images in a class folder of a split")
    return Listing(
        family=FAMILY,
        offsets=members.offsets[items],
        sizes=members.sizes[items],
        labels=labels[items],
        key_offsets=key_offsets,
        key_bytes=key_bytes,
        item_archive=members.archive[items] if len(members.archives) > 1 else None,
        splits=tuple(
            Split(name, tuple(wnid_text(number) for number in classes[name].tolist()))
            for name in present
        ),
        item_split=item_split[items] if len(present) > 1 else None,
        skipped=skipped,
        notes=tuple(notes),
    )


def _classes(
    wnids: NDArray[np.int64], in_split: dict[str, Bools]
) -> tuple[dict[str, NDArray[np.int64]], list[str]]:
    """The sorted wnid numbers of each split, and what the user should hear about them."""
    train, val, small = (np.unique(wnids[in_split[name]]) for name in _FOLDERS)
    both = np.union1d(train, val)
    notes = []
    lacking = {"train": len(both) - len(train), "val": len(both) - len(val)}
    for name, count in lacking.items():
        if count and in_split[name].any():
            notes.append(
                f"{count} classes have no images in {_FOLDERS[name]}; "
                "labels number the classes that train and val have together"
            )
    return {"train": both, "val": both, "small_classes": small}, notes

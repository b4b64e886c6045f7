"""Training archives: the class of an image is a wnid in its name.

ILSVRC2012_img_train.tar and fall11_whole.tar are tars of one tar per class (``n01440764.tar``) of
images (``n01440764_10026.JPEG``). The same images come as a folder of class tars, as one class
tar, and as flat tars whose folders or file names carry the wnid (Kaggle's and Hugging Face's
packagings).

The class is the innermost folder that is a wnid, where an inner tar counts as a folder, and so does
an archive that a wnid names; failing that, the wnid that the file name begins with. The folder goes
first because the two may differ (``n06470073/n00141669_6790``). Labels number the sorted wnids, as
torchvision, timm and Keras do: tench is 0 of the full 1000.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from fastinet.catalog import Listing, Split
from fastinet.datasets.scanned import (
    Bools,
    ScannedArchive,
    ScannedMembers,
    wnid_number,
    wnid_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["recognise"]

FAMILY = "train"


def recognise(archives: Sequence[ScannedArchive]) -> Listing | None:
    """The listing of the archives, or None when no image in them carries a wnid."""
    members = ScannedMembers(archives)
    images = members.images()
    folders = members.folder_wnids()
    wnids = np.where(folders >= 0, folders, members.base_wnids())
    items = images & (wnids >= 0)
    if not items.any():
        return None

    found = np.unique(wnids[items])
    # A class without images keeps its label, or all labels after it would move.
    classes = np.unique(np.concatenate([found, np.array(list(_class_tars(archives)), np.int64)]))
    key_offsets, key_bytes = members.keys_of(items)
    specials = sum(archive.members.special_entries for archive in archives)
    return Listing(
        family=FAMILY,
        offsets=members.offsets[items],
        sizes=members.sizes[items],
        labels=np.searchsorted(classes, wnids[items]).astype(np.int64),
        key_offsets=key_offsets,
        key_bytes=key_bytes,
        item_archive=members.archive[items] if len(archives) > 1 else None,
        splits=(Split("train", tuple(wnid_text(number) for number in classes.tolist())),),
        skipped=int(np.count_nonzero(~items)) + specials,
        notes=tuple(
            note
            for note in (
                _skipped_note(members, ~images, "no images (neither by name nor by content)"),
                _skipped_note(members, images & ~items, "images without a wnid in their names"),
                _specials_note(specials),
                _empty_classes_note(np.setdiff1d(classes, found).tolist()),
            )
            if note
        ),
    )


def _class_tars(archives: Sequence[ScannedArchive]) -> Iterator[int]:
    """Numbers of the wnids that archives and inner tars are named by."""
    for archive in archives:
        for name in (archive.name, *archive.members.container_names):
            number = wnid_number(PurePosixPath(name).name.removesuffix(".tar"))
            if number >= 0:
                yield number


def _skipped_note(members: ScannedMembers, which: Bools, reason: str) -> str:
    rows = np.flatnonzero(which)
    if not len(rows):
        return ""
    return f"{len(rows)} members skipped as {reason}: {_some([members.name(r) for r in rows[:4]])}"


def _specials_note(count: int) -> str:
    return f"{count} entries skipped that are links, devices or vendor records" if count else ""


def _empty_classes_note(numbers: list[int]) -> str:
    if not numbers:
        return ""
    return f"{len(numbers)} classes have no images: {_some([wnid_text(n) for n in numbers])}"


def _some(names: list[str]) -> str:
    return ", ".join([*names[:3], *(["..."] if len(names) > 3 else [])])

"""ObjectNet: 50,000 photographs of objects in odd places, a test set for 313 classes.

objectnet-1.0.zip, extracted or packed anew, is::

    objectnet-1.0/images/alarm_clock/0a1b2c3d4e5f607.png
    objectnet-1.0/mappings/folder_to_objectnet_label.json       and others, all of which are known:
                                                                see objectnet_classes.py
    objectnet-1.0/README, LICENSE

The folder tells the class. The classes are always all 313, called by ObjectNet's titles ("Alarm
clock"), so that labels are ObjectNet's own ids, 0 to 312; :meth:`fastinet.Dataset.with_classes`
brings them to ImageNet-1K, of whose classes 113 of them are one or several. Items come by label,
then by name. The split is "test": the licence allows no other use.

Each image has a red border, 1 pixel wide, so that one that slips into training data is seen; who
evaluates crops it, as a rule by 2 pixels. Pixels here are those of the file.

The layout is known from the authors' files and users' scripts, not from an archive that was looked
at.
"""

from __future__ import annotations

import functools
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from fastinet.datasets.listing import Others, Split
from fastinet.datasets.objectnet_classes import objectnet_classes

if TYPE_CHECKING:
    from fastinet.datasets.listing import Listing
    from fastinet.datasets.names import Ints
    from fastinet.datasets.scanned import ScannedMembers

__all__ = ["FAMILY", "SPLIT", "class_of_folder", "recognise"]

FAMILY = "objectnet"
SPLIT = "test"

_NAME = "objectnet"
_MAPPINGS = ("objectnet_to_imagenet_1k.json", "folder_to_objectnet_label.json")
# Who has so many classes that are called so has ObjectNet, or half of it.
_MANY_CLASSES = 100
_LOOKED_AT = 100


def class_of_folder(folder: str) -> int:
    """ObjectNet's id, 0 to 312, of the class whose images lie in the folder at a path; -1: none."""
    return _ids().get(folder.rpartition("/")[2], -1)


def recognise(members: ScannedMembers) -> Listing | None:
    """The listing of the members, or None when most of their images are not ObjectNet's.

    Its folders are called by words that any folder may be called by. So the archive or a folder has
    to be called ObjectNet, or one of its mappings to be there, or a hundred of its classes.
    """
    # Where most are, some of a few are: other archives need not have all their names looked at.
    some = range(0, len(members), len(members) // _LOOKED_AT + 1)
    if not any(class_of_folder(members.name(row).rpartition("/")[0]) >= 0 for row in some):
        return None
    rows = np.flatnonzero(members.images())
    folder, folders = members.names.take(rows).folders()
    ids = np.array([class_of_folder(each) for each in folders], np.int64)
    labels = ids[folder]
    if 2 * np.count_nonzero(labels >= 0) <= len(rows) or not _is_called_so(members, folders, ids):
        return None
    rows, labels = rows[labels >= 0], labels[labels >= 0]
    order = sorted(range(len(rows)), key=lambda i: (labels[i], members.name(int(rows[i]))))
    rows, labels = rows[order], labels[order]
    items = np.zeros(len(members), np.bool_)
    items[rows] = True
    # No word is lost about what belongs to the packaging.
    belonging = ~items & members.in_folder("mappings")
    for name in ("README", "LICENSE"):
        belonging |= ~items & members.names.base_begins_with(name)
    others = Others(
        np.flatnonzero(~(items | belonging)), "entries skipped that are no images of ObjectNet"
    )
    return members.listing(
        rows,
        family=FAMILY,
        labels=labels,
        splits=(Split(SPLIT, tuple(each.title for each in objectnet_classes())),),
        skipped=len(others.rows) + int(np.count_nonzero(belonging)),
        others=others,
    )


def _is_called_so(members: ScannedMembers, folders: list[str], ids: Ints) -> bool:
    """Whether anything but the names of the classes, or many of these, say that it is ObjectNet."""
    names = [archive.name for archive in members.archives]
    if any(_NAME in text.lower() for text in (*names, *folders)):
        return True
    others = np.flatnonzero(members.names.ends_with(".json")).tolist()
    if any(PurePosixPath(members.name(row)).name in _MAPPINGS for row in others):
        return True
    return len(np.unique(ids[ids >= 0])) >= _MANY_CLASSES


@functools.cache
def _ids() -> dict[str, int]:
    """The id of each class by its folder."""
    return {each.folder: number for number, each in enumerate(objectnet_classes())}

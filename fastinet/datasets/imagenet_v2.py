"""ImageNet-V2: three new test sets for the 1000 classes, in folders that are named by the label.

MatchedFrequency, Threshold0.7 and TopImages have been packed in three ways over the years, always
under one top folder::

    imagenetv2-matched-frequency-format-val/7/3.jpeg                until 2020, 10 images a class
    imagenetv2-matched-frequency-format-val/n01514668/13.jpeg       in December 2020
    imagenetv2-matched-frequency-format-val/7/<sha1>.jpeg           since January 2021

A folder's number is the label (0 is tench: issue 4 of modestyachts/ImageNetV2), and not that of its
name among the sorted ones: those go 0, 1, 10, 100. The classes are always the 1000 of
ImageNet-1K. Items come by label, then by name, numbers by their value. The authors call the sets
test sets; their archives say "val", and so does the split, since they are used as a validation set.

The archives are called ``.tar.gz`` and are plain tars.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.key_labels import label_of_numbered_folder, wnids_told
from fastinet.datasets.listing import Others, Split
from fastinet.datasets.scanned import ScannedMembers
from fastinet.errors import UnsupportedError

if TYPE_CHECKING:
    from fastinet.datasets.listing import Listing
    from fastinet.datasets.names import Ints

__all__ = ["recognise"]

FAMILY = "imagenet_v2"

# The largest has 20,000 images (December 2020). Where there are more, names need not be looked at.
_MOST_MEMBERS = 30_000
_LOOKED_AT = 100

_WNID_FOLDER = re.compile(r"(?:.*/)?(n[0-9]{8})/[0-9]{1,2}\.jpeg")
# Wnids and numbers are names in other archives, too; the top folder must say what it is ("v2" is
# not in all).
_TOP_FOLDER = re.compile(r"imagenet(?:v2)?-?(?:matched-?frequency|threshold|top-?images)")


def recognise(members: ScannedMembers) -> Listing | None:
    """The listing of the members, or None when most of their images are not ImageNet-V2's.

    Raises:
        UnsupportedError: there are images of other archives beside them.
    """
    if len(members) > _MOST_MEMBERS:
        return None
    images = members.images()
    archive_names = [archive.name for archive in members.archives]

    def label(row: int) -> int:
        return _label_of_member(members.name(row), archive_names[members.archive[row]])

    rows = np.flatnonzero(images).tolist()
    # Where most are, some of a few are: other archives need not have all their names looked at.
    if all(label(row) < 0 for row in rows[:: len(rows) // _LOOKED_AT + 1]):
        return None
    labels = np.full(len(members), -1, np.int64)
    labels[rows] = [label(row) for row in rows]
    items = labels >= 0
    if 2 * np.count_nonzero(items) <= np.count_nonzero(images):
        return None

    _refuse_others(members, np.flatnonzero(images & ~items))
    chosen = _by_label_and_name(np.flatnonzero(items), labels, members)
    others = Others(np.flatnonzero(~items), "entries skipped that are no images of ImageNet-V2")
    return members.listing(
        chosen,
        family=FAMILY,
        labels=labels[chosen],
        splits=(Split("val", imagenet1k_wnids()),),
        skipped=len(others.rows),
        others=others,
    )


def _refuse_others(members: ScannedMembers, others: Ints) -> None:
    """Raises UnsupportedError if there are images among `others` that have a class."""
    classed = others[wnids_told(members.names.take(others)) >= 0] if len(others) else others
    if len(classed):
        raise UnsupportedError(
            f"beside images of ImageNet-V2 there are {len(classed)} of other archives, which wnids"
            " tell the classes of; this is the first. fastinet.open takes each folder by its own"
            " path",
            member=members.name(int(classed[0])),
        )


def _label_of_member(name: str, archive_name: str) -> int:
    """The label, 0 to 999, of a member; -1: it is none of ImageNet-V2's.

    Folders with numbers tell it by the rule of :mod:`fastinet.datasets.key_labels`. A folder that
    is a wnid counts only where the archive, or a folder above, is called as ImageNet-V2 is.
    """
    label = label_of_numbered_folder(name)
    if label >= 0:
        return label
    in_wnid = _WNID_FOLDER.fullmatch(name)
    if in_wnid:
        folders = (archive_name, *PurePosixPath(name).parts[:-1])
        if any(_TOP_FOLDER.match(folder.lower()) for folder in folders):
            return _LABELS.get(in_wnid.group(1), -1)
    return -1


_LABELS = {wnid: label for label, wnid in enumerate(imagenet1k_wnids())}


def _by_label_and_name(rows: Ints, labels: Ints, members: ScannedMembers) -> Ints:
    """`rows` by label, then by name; a shorter name first, so that 10.jpeg follows 9.jpeg."""

    def order(row: int) -> tuple[int, int, str]:
        name = members.name(row)
        return int(labels[row]), len(name), name

    return np.array(sorted(rows.tolist(), key=order), np.int64)

"""A patch: a second archive whose images take the place of those with the same file names.

The test images of 2012 have one, of October 2019. It is to be extracted over them, "manually
overwriting any images in the original archive" (TFDS, ``imagenet2012``), wherever these lie; so
file names count, and folders do not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fastinet.datasets.entries import PassedOver
from fastinet.datasets.names import Names
from fastinet.datasets.scanned import ScannedArchive, ScannedMembers
from fastinet.errors import CorruptError

if TYPE_CHECKING:
    from fastinet.datasets.listing import Listing
    from fastinet.datasets.names import Ints

__all__ = ["apply_patch"]


def apply_patch(listing: Listing, patch: ScannedArchive, number: int) -> Listing:
    """The listing with the images of `patch`, which is archive `number`, instead of its own.

    Keys, labels and order stay. Of several images of one name in the patch the last counts, as in
    any tar.

    Raises:
        CorruptError: the patch has nothing of the archive's.
    """
    members = ScannedMembers([patch])
    images = np.flatnonzero(members.images())
    ends = listing.key_offsets.astype(np.int64)
    names = Names(listing.key_bytes, ends[:-1], ends[1:]).bases()
    new_names = members.names.take(images).bases()
    order = np.argsort(new_names, kind="stable")
    # Of the patch's images of one name the last, in sorted order; -1: there is none.
    last = np.searchsorted(new_names, names, side="right", sorter=order) - 1
    candidates = images[order[np.maximum(last, 0)]] if len(images) else np.zeros(0, np.int64)
    rows = np.flatnonzero((last >= 0) & np.isin(names, new_names))
    if not len(rows):
        raise CorruptError(
            "a patch of another archive: no image in it has the name of one to be replaced",
            archive=patch.name,
        )
    item_archive = np.zeros(len(names), np.int32)
    if listing.item_archive is not None:
        item_archive[:] = listing.item_archive
    offsets, sizes = listing.offsets.copy(), listing.sizes.copy()
    offsets[rows] = members.offsets[candidates[rows]]
    sizes[rows] = members.sizes[candidates[rows]]
    item_archive[rows] = number
    idle = images[~np.isin(new_names, names)]
    no_images = np.setdiff1d(np.arange(len(members)), images)
    passed, passed_notes = members.passed_over()
    return replace(
        listing,
        offsets=offsets,
        sizes=sizes,
        item_archive=item_archive,
        skipped=listing.skipped + len(idle) + len(no_images) + passed,
        notes=(
            *listing.notes,
            *_note(members, idle, "images of the patch replace nothing"),
            *_note(members, no_images, "entries of the patch skipped as no images"),
            *(f"of the patch, {note}" for note in passed_notes),
        ),
    )


def _note(members: ScannedMembers, rows: Ints, what: str) -> list[str]:
    names = [members.name(row) for row in rows[:3].tolist()]
    return [PassedOver(len(rows), names, what).sentence()] if len(rows) else []

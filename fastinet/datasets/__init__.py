"""The archive families: what lies where in each, and what its labels mean.

One file a family. Its ``recognise`` looks at what was found in the archives, never at the archives'
names alone, and returns their :class:`~fastinet.datasets.listing.Listing`, or None when they are
another family's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from fastinet.datasets import (
    ilsvrc,
    imagenet21k_p,
    imagenet_c,
    imagenet_v2,
    objectnet,
    webdataset,
)
from fastinet.datasets.companion_search import with_companions
from fastinet.datasets.inner_tars import (
    BESIDE_IMAGES,
    divided_by_tars,
    is_class_tar,
    note_of_tars,
)
from fastinet.datasets.listing import Others
from fastinet.datasets.scanned import ScannedMembers
from fastinet.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastinet.datasets.companions import LabelFunction
    from fastinet.datasets.inner_tars import Divided
    from fastinet.datasets.listing import Listing
    from fastinet.datasets.scanned import ScannedArchive

__all__ = ["RULES_VERSION", "recognise", "without_tars_beside_images"]

RULES_VERSION: Final = 5
"""Of the rules by which members are items and have labels and splits. An index that was made by
other ones is made anew. 1: before paths with names like val_canny were told from val.
2: before folders told the splits of samples, and of images that a function labels.
3: before links out of a folder were told, and when a folder around all was in names of splits.
4: when inner tars beside images counted, and Tiny-ImageNet's validation images were passed over."""

# In the order in which they are asked. Labels in files of their own say more than wnids in names.
_RECOGNISERS = (
    webdataset.recognise,
    imagenet_v2.recognise,
    imagenet21k_p.recognise,
    imagenet_c.recognise,
    ilsvrc.recognise,
    objectnet.recognise,
)


def recognise(
    archives: Sequence[ScannedArchive],
    label_function: LabelFunction | None = None,
    opened: str = "",
) -> Listing | None:
    """The listing by the first family that takes these archives for its own, or None.

    Args:
        archives: all that were opened.
        label_function: with one for the labels, every image is an item, whatever the family.
        opened: what the path of all archives is called; "" where there are several paths.
    """
    divided = divided_by_tars(archives)
    if divided is None:
        return _recognised(archives, label_function, opened)
    listing = _recognised(divided.archives, label_function, opened)
    if listing is None:  # all images are in these tars
        return _recognised(archives, label_function, opened)
    return replace(
        listing,
        skipped=listing.skipped + len(divided.tars),
        notes=(*listing.notes, note_of_tars(divided.tars)),
    )


def without_tars_beside_images(archives: Sequence[ScannedArchive]) -> Divided | None:
    """The archives without the inner tars that :func:`recognise` does not look into.

    None where it looks into all of them.

    Raises:
        FastinetError: as :func:`recognise`.
    """
    divided = divided_by_tars(archives)
    if divided is None or _recognised(divided.archives, None, "") is None:
        return None
    return divided


def _recognised(
    archives: Sequence[ScannedArchive], label_function: LabelFunction | None, opened: str
) -> Listing | None:
    """The same, where all inner tars are folders."""
    members = ScannedMembers(archives, opened)
    if label_function is not None:
        listing = webdataset.label_by_function(members, label_function)
    else:
        listings = (recognise_family(members) for recognise_family in _RECOGNISERS)
        listing = next((listing for listing in listings if listing is not None), None)
        # Shards have found their companions already.
        if listing is not None and listing.family != webdataset.FAMILY:
            listing = with_companions(listing, members)
    if listing is None:
        return None
    passed, notes = members.passed_over()
    tars = _closed_tars(members)
    others = None if listing.others is None else listing.others.without(tars.rows)
    untold = [] if others is None else members.note_of(others)
    return replace(
        listing,
        skipped=listing.skipped + passed,
        notes=(
            *untold,
            *listing.notes,
            *notes,
            *members.note_of(tars),
            *members.outside_notes(),
        ),
        others=None,
    )


def _closed_tars(members: ScannedMembers) -> Others:
    """The tars that lie among the members of a folder, which are not looked into.

    Raises:
        UnsupportedError: one is a class: its images would be missing.
    """
    rows = np.flatnonzero(members.names.ends_with(".tar"))
    classes = [name for row in rows.tolist() if is_class_tar(name := members.name(row))]
    if classes:
        raise UnsupportedError(
            f"there are {len(classes)} class tars in folders beside images; extract them, each to a"
            " folder of its name, or open a tar of all; fastinet.open takes a folder that has class"
            " tars alone by its own path; this is the first",
            member=classes[0],
        )
    return Others(rows, BESIDE_IMAGES)

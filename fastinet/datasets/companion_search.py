"""Finds the companions of items in archives that are no shards: ``x.JPEG`` and ``x.txt``.

They go together by the rule of :mod:`fastinet.datasets.samples`. Where every image is an item, the
images of one sample share its other files.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fastinet.datasets.companion_columns import CompanionColumns
from fastinet.datasets.ilsvrc import are_annotations
from fastinet.datasets.listing import Others
from fastinet.datasets.names import Names
from fastinet.datasets.samples import SampleFile, ends_at_last_dot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastinet.datasets.listing import Listing
    from fastinet.datasets.names import Ints
    from fastinet.datasets.scanned import ScannedMembers

__all__ = ["with_companions"]


def with_companions(listing: Listing, members: ScannedMembers) -> Listing:
    """The listing with the files among the members that have its items' names."""
    if len(members) == len(listing.offsets):  # nothing but items, as in the official archives
        return listing
    others = ~members.images() & ~are_annotations(members.names)
    rows = np.flatnonzero(others)
    if not len(rows):
        return listing
    ends = listing.key_offsets.astype(np.int64)
    keys = Names(listing.key_bytes, ends[:-1], ends[1:])
    found = sorted(_pairs(listing, keys, members, rows))
    owners = [item for item, _, _ in found]
    beside = np.array([row for _, row, _ in found], np.int64)
    columns = CompanionColumns.of(
        owners,
        (members.offsets[beside], members.sizes[beside], members.archive[beside]),
        members.names.take(beside).whole(),
        [shared for _, _, shared in found],
    )
    if not len(beside):
        return replace(listing, companions=columns)
    taken = Others(
        np.unique(beside),
        "members that are no images have an image's name, and are its companions, which"
        " batch.companions() gives",
    )
    return replace(
        listing,
        companions=columns,
        notes=(*listing.notes, *members.note_of(taken)),
        others=None if listing.others is None else listing.others.without(taken.rows),
    )


def _pairs(
    listing: Listing, keys: Names, members: ScannedMembers, rows: Ints
) -> list[tuple[int, int, int]]:
    """(item, member beside it, bytes that their names share) of the members `rows`."""
    files: list[dict[bytes, list[int]]] = [{} for _ in members.archives]
    numbers = members.archive[rows].tolist()
    names = members.names.take(rows)
    for row, number, key in zip(rows.tolist(), numbers, names.sample_keys(), strict=True):
        files[number].setdefault(key, []).append(row)
    archives = listing.item_archive
    of_items = [0] * len(keys) if archives is None else archives.tolist()
    images: dict[tuple[int, bytes], list[int]] = {}
    for item, (number, key) in enumerate(zip(of_items, keys.sample_keys(), strict=True)):
        if key in files[number]:
            images.setdefault((number, key), []).append(item)
    of_images = _sample_files(keys, [item for items in images.values() for item in items])
    of_files = _sample_files(members.names, [row for at in images for row in files[at[0]][at[1]]])
    pairs = []
    for (number, key), items in images.items():
        pictures = [next(of_images)._replace(is_image=True) for _ in items]
        others = [next(of_files) for _ in files[number][key]]
        parted = ends_at_last_dot([*pictures, *others])
        for image in pictures:
            for other in others:
                if not parted:
                    pairs.append((image.row, other.row, len(key)))
                elif image.stem == other.stem:
                    pairs.append((image.row, other.row, len(image.stem)))
    return pairs


def _sample_files(names: Names, rows: list[int]) -> Iterator[SampleFile]:
    """What the sample rule asks of these rows, in their order."""
    chosen = names.take(np.array(rows, np.int64))
    dotted = chosen.have_several_dots().tolist()
    for row, stem, is_dotted in zip(rows, chosen.stems(), dotted, strict=True):
        yield SampleFile(row, stem, is_dotted, is_image=False, is_label=False)

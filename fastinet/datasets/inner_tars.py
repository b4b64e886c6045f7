"""Which inner tars of an archive count.

- A *class tar* (``n01440764.tar``) is a folder of its class, whatever lies beside it.
- Another inner tar is a folder of its members where all images are in such tars, as in a tar of
  shards. Beside images that lie in none, or in class tars, it does not count, and a note names it:
  it may be what they were extracted from, as ``train.tar`` beside ``train/``, and then each image
  would come twice; and a folder with the same files is read without it, too, since whoever opens an
  extracted folder does not ask for the downloads that were left there.

A stream (``inner_tars.h`` in csrc/) goes by the same rule, and refuses images that come behind a
tar which does not count beside them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastinet.archives.containers import inner_tars
from fastinet.datasets.entries import PassedOver
from fastinet.datasets.names import Names
from fastinet.datasets.scanned import wnid_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastinet._native._scan import Members
    from fastinet.datasets.scanned import Bools, ScannedArchive

__all__ = ["BESIDE_IMAGES", "Divided", "divided_by_tars", "is_class_tar", "note_of_tars"]

BESIDE_IMAGES = (
    "tars beside images are not looked into, for they may be what these were extracted from;"
    " fastinet.open takes each by its own path, one in an archive once it is extracted"
)
"""Of PassedOver."""


def is_class_tar(path: str) -> bool:
    """Whether an inner tar, or a file, is called as the tar of a class is."""
    return wnid_number(path.rpartition("/")[2].removesuffix(".tar")) >= 0


class Divided(NamedTuple):
    """Archives without the inner tars that are no class tars, and these."""

    archives: list[ScannedArchive]
    tars: list[str]
    """Names of the inner tars."""


def divided_by_tars(archives: Sequence[ScannedArchive]) -> Divided | None:
    """The archives without inner tars that are no class tars; None where there are no such tars."""
    divided, tars = [], []
    for archive in archives:
        found = archive.members
        rows = [row for row in inner_tars(found) if not is_class_tar(found.container_names[row])]
        tars += [found.container_names[row] for row in rows]
        divided.append(replace(archive, members=_without(found, rows)) if rows else archive)
    return Divided(divided, tars) if tars else None


def note_of_tars(tars: Sequence[str]) -> str:
    """A sentence that names tars which do not count."""
    return PassedOver(len(tars), list(tars[:3]), BESIDE_IMAGES).sentence()


def _without(found: Members, rows: Sequence[int]) -> Members:
    """The members that are in none of the inner tars `rows`, nor directories or links there."""
    inside: Bools = np.isin(found.containers, rows)
    within = tuple(f"{found.container_names[row]}/" for row in rows)
    others = [
        row
        for row, name in enumerate(found.container_names)
        if row not in rows and not name.startswith(within)
    ]
    renumbered = np.full(len(found.container_names) + 1, -1, np.int32)  # the last one is of row -1
    renumbered[others] = np.arange(len(others))
    kept = np.flatnonzero(~inside)
    ends = found.name_ends.astype(np.int64)
    starts = np.concatenate([np.zeros(1, np.int64), ends])[:-1]
    offsets, packed = Names(found.names, starts, ends).packed(kept)
    passed = found.passed
    if passed is not None:
        passed = [entry for entry in passed if not _lies_in(entry.name, entry.offset, found, rows)]
    return found._replace(
        offsets=found.offsets[kept],
        sizes=found.sizes[kept],
        containers=renumbered[found.containers[kept]],
        heads=found.heads[kept],
        names=packed,
        name_ends=offsets[1:],
        container_names=[found.container_names[row] for row in others],
        passed=passed,
    )


def _lies_in(name: str, offset: int, found: Members, rows: Sequence[int]) -> bool:
    """Whether an entry that is no file is in one of the inner tars, as far as places tell.

    Where a tar ends is not kept: what has a name of its folder, and comes before the next file that
    is in none, is in it.
    """
    for row in rows:
        tar = found.container_names[row]
        if not name.startswith(f"{tar.removesuffix('.tar')}/"):
            continue
        own = np.flatnonzero(found.containers == row)
        if not len(own):
            continue
        before, after = int(own[0]) - 1, int(own[-1]) + 1
        first = int(found.offsets[before]) if before >= 0 else 0
        is_last = after == len(found.offsets)
        if first < offset and (is_last or offset < int(found.offsets[after])):
            return True
    return False

"""What to say of a split from what is beside it, in its archive and beside that.

Labels number the classes of all that is opened together. So whoever opens a split hears of the
classes that it lacks and another split has: in the same archive, where they are numbered all the
same, and beside the archive, where they are not. The other splits of the archive are not spoken of.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import re
import zlib
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from fastinet._native import _paths
from fastinet.archives.gzip_archive import is_gzip
from fastinet.base.paths import is_file, is_folder
from fastinet.datasets import webdataset
from fastinet.datasets.key_labels import wnids_told
from fastinet.datasets.names import Names
from fastinet.datasets.scanned import names_around, wnid_number, wnid_text
from fastinet.errors import FastinetError
from fastinet.items.discovery import file_archive
from fastinet.items.index import classes_in_index
from fastinet.sidecars.owners import Owners
from fastinet.sidecars.places import Sidecars

if TYPE_CHECKING:
    from pathlib import Path

    from fastinet.datasets.listing import Listing

__all__ = ["lacking_note", "siblings_note"]

# Members of a tar without an index: each may be a seek. The 1000 class tars of the challenge's
# training images have a class each, and are 148 GB.
_LOOKED_AT = 200

# Of a gzipped one, which takes some 30 ms: deflate seldom makes photographs smaller.
_INFLATED_BYTES = 8 << 20

_ITEMS_AT_ONCE = 1 << 16  # so that looking at all takes next to no memory

# Names of folders that have no labels in common with splits beside them.
_WITHOUT_SIBLINGS = ("", "small_classes")

_TAR = re.compile(r"\.(?:tar|tgz|tar\.gz)$", re.IGNORECASE)
_WORD = re.compile(r"[^-_. ]+")


def lacking_note(listing: Listing, number: int) -> list[str]:
    """What to say of the classes that split `number` has no images of, and another one has."""
    of_items = listing.item_split
    if of_items is None:
        return []
    name, wnids = listing.splits[number]
    together = np.array([other == wnids for _, other in listing.splits])
    own, others = np.zeros((2, len(wnids) + 1), np.bool_)  # the last one is that of label -1
    for first in range(0, len(of_items), _ITEMS_AT_ONCE):
        splits = of_items[first : first + _ITEMS_AT_ONCE]
        labels = listing.labels[first : first + _ITEMS_AT_ONCE]
        lowest, highest = int(splits.min()), int(splits.max())
        for split in range(lowest, highest + 1):  # one of them, as a rule
            if split == number or together[split]:
                found = own if split == number else others
                found[labels if lowest == highest else labels[splits == split]] = True
    # Of test images nobody knows the classes.
    lacking = [wnids[label] for label in np.flatnonzero((others & ~own)[:-1]).tolist()]
    if not lacking or not own[:-1].any():
        return []
    note = (
        f"{len(lacking)} classes have no images in split '{name}', and have some in another one:"
        f" {_some(lacking)}; labels number the classes of all splits"
    )
    return [note]


def siblings_note(path: Path, listing: Listing, *, look_at_indexes: bool) -> list[str]:
    """What to say of a split that was opened by itself, when one beside it has more classes.

    Its labels are then other ones than those that it has as a part of the whole. Of a tar the
    others' classes are known where they have good indexes, which are looked at or not; where they
    have none, a few of them are known by the first members.
    """
    mine = {wnid for _, wnids in listing.splits for wnid in wnids}
    if listing.family == webdataset.FAMILY:  # whose labels are numbers of their own
        return []
    with contextlib.suppress(OSError):  # nobody asked for those beside it
        if is_folder(path):
            return _folders_note(path, mine)
        if look_at_indexes and is_file(path):
            return _tars_note(path, mine)
    return []


def _folders_note(path: Path, mine: set[str]) -> list[str]:
    """What to say of a split's folder, which has these classes."""
    if _paths.known_split(path.name) in _WITHOUT_SIBLINGS:
        return []
    notes = []
    for sibling in _folders_in(path.parent):
        if sibling == path.name or _paths.known_split(sibling) in _WITHOUT_SIBLINGS:
            continue
        wnids = {
            wnid
            for entry in _folders_in(path.parent / sibling)
            if wnid_number(wnid := entry.removesuffix(".tar")) >= 0
        }
        together = f"fastinet.open('{path.parent}', split='{path.name}')"
        notes += _more_classes_note(sibling, wnids, mine, together)
    return notes


def _tars_note(path: Path, mine: set[str]) -> list[str]:
    """The same of a tar: train.tar is beside val.tar, and x_train.tar beside x_val.tar."""
    own = _without_split(path.name)
    if own is None:
        return []
    notes = []
    for name in _folders_in(path.parent):
        sibling = path.parent / name
        told = _without_split(name)
        # Test images have no labels as a rule, and their table is that of all 1000 classes.
        if told is None or told[0] in (own[0], "test") or told[1] != own[1]:
            continue
        together = f"fastinet.open(['{sibling}', '{path}'], split='{own[0]}')"
        wnids, where = _indexed_classes(sibling), ""
        if not wnids:
            wnids = _first_classes(sibling)
            where = f" among its first {_LOOKED_AT} members alone"
            if is_gzip(sibling):
                where += f", or fewer in {_INFLATED_BYTES >> 20} MiB"
        notes += _more_classes_note(name, wnids, mine, together, where)
    return notes


def _indexed_classes(path: Path) -> set[str]:
    """The classes of a tar by its index; none where there is no good one."""
    places = [place for place in Sidecars(path).places() if is_file(place)]
    if not places:
        return set()
    try:
        found = file_archive(path).look()
    except FastinetError:
        return set()
    return classes_in_index(places[0], [found.identity], Owners.of([found.ownership]))


def _first_classes(path: Path) -> set[str]:
    """The classes of the first members of a tar, which no index tells of.

    Of a gzipped one these are the members that begin in its first megabytes. None where labels are
    in files of their own, whose numbers are no classes.
    """
    import tarfile  # noqa: PLC0415 - few datasets need it

    names: list[str] = []
    try:
        with _beginning(path) as file, tarfile.open(fileobj=file, mode="r:") as members:
            for member in itertools.islice(members, _LOOKED_AT):
                folder, _, base = member.name.rpartition("/")
                stem = base.removesuffix(".tar")
                if base.lower().endswith((".cls", ".json")):
                    return set()
                # A class tar is a folder of its class.
                names.append(f"{folder}/{stem}/" if wnid_number(stem) >= 0 else member.name)
    except tarfile.TarError:
        pass  # the beginning has been read
    except OSError:
        return set()
    told = wnids_told(Names.of(names)).tolist() if names else []
    return {wnid_text(number) for number in told if number >= 0}


def _beginning(path: Path) -> BinaryIO:
    """A tar, or as much of a gzipped one as is inflated, as a file.

    Raises:
        OSError: it cannot be read.
    """
    if not is_gzip(path):
        return path.open("rb")
    inflated = bytearray()
    with path.open("rb") as file:
        data = file.read(_INFLATED_BYTES)
    with contextlib.suppress(zlib.error):  # damage is for who opens it
        while data and len(inflated) < _INFLATED_BYTES:  # each gzip member in the file
            inflator = zlib.decompressobj(wbits=31)
            inflated += inflator.decompress(data, _INFLATED_BYTES - len(inflated))
            data = inflator.unused_data
    return io.BytesIO(inflated)


def _without_split(name: str) -> tuple[str, list[str]] | None:
    """The split that a tar is called as, and the other words of its name; None: it is none."""
    if not _TAR.search(name):
        return None
    (around,) = names_around("", [name])
    split = _paths.known_split(around)
    words = [word for word in _WORD.findall(around) if not _paths.known_split(word)]
    return (split, words) if split not in _WITHOUT_SIBLINGS else None


def _more_classes_note(
    sibling: str, wnids: set[str], mine: set[str], together: str, where: str = ""
) -> list[str]:
    more = sorted(wnids - mine)
    if not more:
        return []
    note = (
        f"'{sibling}' beside it has {len(more)} classes that it does not have{where}:"
        f" {_some(more)}; labels number the {len(mine)} that it has, and those of all splits by"
        f" {together}"
    )
    return [note]


def _folders_in(path: Path) -> list[str]:
    """The names of what lies in a folder, sorted; nothing where it cannot be read."""
    try:
        return sorted(entry.name for entry in os.scandir(path))
    except OSError:
        return []


def _some(names: list[str]) -> str:
    return ", ".join([*names[:3], *(["..."] if len(names) > 3 else [])])

"""What to say of a split that is opened by itself, from what lies beside it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from fastinet._native import _paths
from fastinet.datasets import webdataset
from fastinet.datasets.scanned import names_around, wnid_number
from fastinet.errors import FastinetError
from fastinet.items.discovery import file_archive
from fastinet.items.index import classes_in_index
from fastinet.sidecars.places import Sidecars

if TYPE_CHECKING:
    from pathlib import Path

    from fastinet.datasets.listing import Listing

__all__ = ["siblings_note"]

# Names of folders that have no labels in common with splits beside them.
_WITHOUT_SIBLINGS = ("", "small_classes")

_TAR = re.compile(r"\.(?:tar|tgz|tar\.gz)$", re.IGNORECASE)
_WORD = re.compile(r"[^-_. ]+")


def siblings_note(path: Path, listing: Listing, *, look_at_indexes: bool) -> list[str]:
    """What to say of a split that was opened by itself, when one beside it has more classes.

    Its labels are then other ones than those that it has as a part of the whole. Of a tar the
    others' classes are known where they have good indexes, which are looked at or not.
    """
    mine = {wnid for _, wnids in listing.splits for wnid in wnids}
    if listing.family == webdataset.FAMILY:  # whose labels are numbers of their own
        return []
    if path.is_dir():
        return _folders_note(path, mine)
    return _tars_note(path, mine) if look_at_indexes and path.is_file() else []


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
        places = [place for place in Sidecars(sibling).places() if place.is_file()]
        if not places:
            continue
        try:
            identity = file_archive(sibling).identify()
        except FastinetError:
            continue
        wnids = classes_in_index(places[0], [identity])
        together = f"fastinet.open(['{sibling}', '{path}'], split='{own[0]}')"
        notes += _more_classes_note(name, wnids, mine, together)
    return notes


def _without_split(name: str) -> tuple[str, list[str]] | None:
    """The split that a tar is called as, and the other words of its name; None: it is none."""
    if not _TAR.search(name):
        return None
    (around,) = names_around("", [name])
    split = _paths.known_split(around)
    words = [word for word in _WORD.findall(around) if not _paths.known_split(word)]
    return (split, words) if split not in _WITHOUT_SIBLINGS else None


def _more_classes_note(sibling: str, wnids: set[str], mine: set[str], together: str) -> list[str]:
    more = sorted(wnids - mine)
    if not more:
        return []
    shown = ", ".join([*more[:3], *(["..."] if len(more) > 3 else [])])
    note = (
        f"'{sibling}' beside it has {len(more)} classes that it does not have: {shown}; labels"
        f" number the {len(mine)} that it has, and those of all splits by {together}"
    )
    return [note]


def _folders_in(path: Path) -> list[str]:
    """The names of what lies in a folder, sorted; nothing where it cannot be read."""
    try:
        return sorted(entry.name for entry in os.scandir(path))
    except OSError:
        return []

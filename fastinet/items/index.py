"""The sidecar index: an archive's items as columns, bound to the archive's bytes.

``<archive>.fastinet`` beside the archive, or a file in the user's cache folder where that place
cannot be written (:mod:`fastinet.sidecars.places`). It is a column file
(:mod:`fastinet.sidecars.column_file`) whose header has the fastinet version, the archives (name,
size, mtime, probe), classes and notes.

An index that does not fit its archive, is damaged or has another format version is built anew, and
a :class:`~fastinet.errors.FastinetWarning` says so.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from fastinet.archives.extents import MOST_BYTES, check_extents, check_files, check_names
from fastinet.archives.file_archive import FileArchive
from fastinet.archives.folder_archive import FolderArchive
from fastinet.datasets import RULES_VERSION, webdataset
from fastinet.datasets.companion_columns import CompanionColumns
from fastinet.datasets.listing import Listing, Split, Unmarked
from fastinet.sidecars import column_file
from fastinet.sidecars.column_file import ColumnFileForm, UnusableSidecarError
from fastinet.sidecars.identity import Identity, check_identities, fastinet_version
from fastinet.sidecars.owners import Owners
from fastinet.sidecars.schema import Count, Length

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fastinet.archives.archive import Archive
    from fastinet.base.progress import Progress
    from fastinet.sidecars.places import Sidecars

__all__ = ["classes_in_index", "load_listing", "obtain_listing", "save_listing"]


@dataclass(frozen=True)
class _Header:
    """The JSON header of an index; see :class:`Listing`."""

    family: str
    archives: tuple[Identity, ...]
    splits: Annotated[tuple[tuple[str, tuple[str, ...]], ...], Length(1, 127)]
    """Name and wnids of each; numbered by an int8 in `item_split`."""
    skipped: Count
    notes: tuple[str, ...]
    rules: Count = 1
    """By which rules members were recognised, see :data:`fastinet.datasets.RULES_VERSION`."""
    unmarked: Annotated[tuple[tuple[Count, str, str, Count], ...], Length(0, 1)] = ()
    """Of the first tar without its end-of-archive marker, see :class:`Unmarked`; none before there
    were such."""


_FORM = ColumnFileForm(
    _Header,
    {
        "offsets": "<u8",
        "sizes": "<u8",
        "labels": "<i8",
        "key_offsets": "<u8",
        "key_bytes": "|u1",
    },
    optional=(
        {"item_archive": "<i4"},
        {"item_split": "|i1"},
        {
            "companion_items": "<i8",
            "companion_offsets": "<u8",
            "companion_sizes": "<u8",
            "companion_archives": "<i4",
            "companion_shared": "<u4",
            "companion_kinds": "<i4",
            "companion_ending_bytes": "|u1",
        },
    ),
)


_ITEM_COLUMNS = ("offsets", "sizes", "labels", "item_archive", "item_split")
"""Those that have a row for each item."""

_NOBODY = Owners()

_CHECKED_AT_ONCE = 1 << 14  # rows: so that checking them takes next to no memory


def obtain_listing(
    sidecars: Sidecars,
    identities: Sequence[Identity],
    build: Callable[[Progress | None], Listing],
    progress: Progress | None = None,
    archives: Sequence[Archive] = (),
) -> tuple[Listing, Path | None]:
    """The listing of archives: from a good index, else built and kept.

    Beside it, the path of the index; None where none is kept.

    Args:
        sidecars: of the archives.
        identities: of the archives, taken before the scan: an archive that changes under
            the scan then fails the next check.
        build: makes the listing from the archives themselves, and reports how far it is.
        progress: called with what is reported, here or in the process that builds the index.
        archives: that items must lie in; none: it is not looked at.

    Raises:
        ReadError: an archive cannot be read.
    """
    return column_file.load_or_build(
        sidecars.places(),
        "index",
        advice=sidecars.advice(),
        load=lambda place: load_listing(place, identities, archives, owners=sidecars.owners),
        build=build,
        save=lambda place, listing: save_listing(place, identities, listing),
        progress=progress,
    )


def load_listing(
    path: Path,
    identities: Sequence[Identity],
    archives: Sequence[Archive] = (),
    *,
    owners: Owners = _NOBODY,
) -> Listing:
    """The listing in the index at ``path``, its columns read-only.

    Args:
        path: of the index.
        identities: of the archives.
        archives: that items must lie in; none: it is not looked at.
        owners: whose index is believed, besides this user's own.

    Raises:
        FileNotFoundError: there is no such index.
        UnusableSidecarError: it is damaged, of another format version, or of other archives.
        OSError: it cannot be read.
    """

    def check(header: _Header) -> None:
        check_identities(header.archives, identities)
        if header.rules != RULES_VERSION:
            raise UnusableSidecarError(
                f"was made by other rules for items, labels and splits ({header.rules}, these are"
                f" {RULES_VERSION})"
            )

    header, columns = column_file.read_columns(
        path, _FORM, check, _check_columns, owners=owners, later=("key_bytes",)
    )
    listing = Listing(
        family=header.family,
        offsets=columns["offsets"],
        sizes=columns["sizes"],
        labels=columns["labels"],
        key_offsets=columns["key_offsets"],
        key_text=columns["key_bytes"],
        item_archive=columns.get("item_archive"),
        splits=tuple(Split(name, tuple(wnids)) for name, wnids in header.splits),
        item_split=columns.get("item_split"),
        companions=_companions_in(header, columns),
        skipped=header.skipped,
        notes=header.notes,
        unmarked=tuple(Unmarked(*each) for each in header.unmarked),
    )
    _check_places(listing, archives)
    return listing


def classes_in_index(path: Path, identities: Sequence[Identity], owners: Owners) -> set[str]:
    """The wnids that labels number in the index at `path`; none where it is no good one."""
    try:
        header = column_file.read_header(path, _FORM, owners=owners)
        check_identities(header.archives, identities)
    except (OSError, UnusableSidecarError):
        return set()
    if header.rules != RULES_VERSION or header.family == webdataset.FAMILY:
        return set()  # whose labels are numbers of their own
    return {wnid for _, wnids in header.splits for wnid in wnids}


def _companions_in(header: _Header, columns: Mapping[str, NDArray[Any]]) -> CompanionColumns | None:
    """What the columns, which fit the header otherwise, say of companions; None: there are none.

    Raises:
        UnusableSidecarError: they do not fit one another and the header.
    """
    if "companion_items" not in columns:
        return None
    found = CompanionColumns(
        *[columns[f"companion_{field.name}"] for field in fields(CompanionColumns)]
    )
    count = len(found.items)
    rows_of = (found.offsets, found.sizes, found.archives, found.shared, found.kinds)
    if any(len(column) != count for column in rows_of):
        raise UnusableSidecarError("is damaged: its columns differ in length")
    key_offsets, last = columns["key_offsets"], 0
    for first in range(0, count, _CHECKED_AT_ONCE):
        rows = slice(first, first + _CHECKED_AT_ONCE)
        items = found.items[rows]
        if int(items[0]) < last or np.any(np.diff(items) < 0):
            raise UnusableSidecarError("is damaged: its companions are in no order")
        last = int(items[-1])
        for column, most in (
            (items, len(key_offsets) - 1),
            (found.archives[rows], len(header.archives)),
            (found.kinds[rows], len(found.endings)),
        ):
            if np.any(column < 0) or np.any(column >= most):
                raise UnusableSidecarError("is damaged: a companion is of no item or archive")
        if np.any(found.shared[rows] > key_offsets[items + 1] - key_offsets[items]):
            raise UnusableSidecarError("is damaged: a companion shares more than its item's key")
    return found


def _check_columns(header: _Header, columns: Mapping[str, NDArray[Any]]) -> None:
    """Raises UnusableSidecarError unless the columns fit one another and the header.

    Their checksums hold, but whoever can write beside an archive can make a checksum.
    """
    items = len(columns["offsets"])
    key_offsets, labels = columns["key_offsets"], columns["labels"]
    lengths = {name: len(columns[name]) for name in columns if name in _ITEM_COLUMNS}
    if set(lengths.values()) != {items} or len(key_offsets) != items + 1:
        raise UnusableSidecarError("is damaged: its columns differ in length")
    classes = np.array([len(wnids) for _, wnids in header.splits], np.int64)
    last = 0
    for first in range(0, items, _CHECKED_AT_ONCE):
        rows = slice(first, min(first + _CHECKED_AT_ONCE, items))
        ends = key_offsets[rows.start : rows.stop + 1]
        if int(ends[0]) != last or np.any(ends[1:] < ends[:-1]):
            raise UnusableSidecarError("is damaged: its keys overlap")
        last = int(ends[-1])
        splits = np.zeros(len(ends) - 1, np.int8)
        for name, count in (("item_archive", len(header.archives)), ("item_split", len(classes))):
            if name in columns:
                numbers = columns[name][rows]
                if np.any(numbers < 0) or np.any(numbers >= count):
                    raise UnusableSidecarError(f"is damaged: '{name}' has one beyond 0 to {count}")
                splits = numbers if name == "item_split" else splits
        if np.any(labels[rows] < -1) or np.any(labels[rows] >= classes[splits]):
            raise UnusableSidecarError("is damaged: a label is that of no class")
    if last != len(columns["key_bytes"]) or int(key_offsets[0]) != 0:
        raise UnusableSidecarError("is damaged: its keys do not fill their column")


def _check_places(listing: Listing, archives: Sequence[Archive]) -> None:
    """Looks at where items and companions lie.

    Args:
        listing: whose columns fit one another.
        archives: that it is of; none: only what no archive can have is refused.

    Raises:
        UnusableSidecarError: one lies beyond its archive's end, or leads out of its folder.
    """
    limits = np.full(max(len(archives), 1), MOST_BYTES, np.uint64)
    for number, archive in enumerate(archives):
        # What a gzip file inflates to is known by its seek index, which is loaded later.
        if isinstance(archive, FileArchive) and archive.bound is not None:
            limits[number] = archive.bound.identity.size
    check_extents(listing.offsets, listing.sizes, listing.item_archive, limits)
    companions = listing.companions
    if companions is not None:
        check_extents(companions.offsets, companions.sizes, companions.archives, limits)
    for number, archive in enumerate(archives):
        if isinstance(archive, FolderArchive):
            check_files(listing.files(number))
            check_names(listing.companion_files(number))


def save_listing(path: Path, identities: Sequence[Identity], listing: Listing) -> None:
    """Writes the index so that ``path`` is at every moment absent, the old index, or the new one.

    Raises:
        OSError: the folder cannot be written, or the disk is full; nothing is left behind.
    """
    header = {
        "fastinet": fastinet_version(),
        "family": listing.family,
        "archives": [identity._asdict() for identity in identities],
        "splits": listing.splits,
        "skipped": listing.skipped,
        "notes": listing.notes,
        "rules": RULES_VERSION,
        "unmarked": listing.unmarked,
    }
    column_file.write_columns(path, header, _columns_of(listing))


def _columns_of(listing: Listing) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {
        "offsets": listing.offsets,
        "sizes": listing.sizes,
        "labels": listing.labels,
        "key_offsets": listing.key_offsets,
        "key_bytes": listing.key_bytes,
    }
    if listing.item_archive is not None:
        columns["item_archive"] = listing.item_archive
    if listing.item_split is not None:
        columns["item_split"] = listing.item_split
    if listing.companions is not None:
        for field in fields(listing.companions):
            columns[f"companion_{field.name}"] = getattr(listing.companions, field.name)
    return columns

"""The sidecar index: an archive's items as memory-mapped columns, bound to the archive's bytes.

``<archive>.fastinet`` beside the archive, or a file in the user's cache folder where that place
cannot be written. It is a column file (:mod:`fastinet.sidecars.column_file`) whose header has the
fastinet version, the archives (name, size, mtime, probe), classes and notes.

An index that does not fit its archive, is damaged or has another format version is built anew, and
a :class:`~fastinet.errors.FastinetWarning` says so.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastinet.datasets.companion_columns import CompanionColumns
from fastinet.datasets.listing import Listing, Split
from fastinet.sidecars import column_file
from fastinet.sidecars.column_file import ColumnFileForm
from fastinet.sidecars.identity import Identity, check_identities, fastinet_version
from fastinet.sidecars.places import places
from fastinet.sidecars.schema import Count, Length

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from fastinet.base.progress import Progress

__all__ = ["load_listing", "obtain_listing", "save_listing"]


@dataclass(frozen=True)
class _Header:
    """The JSON header of an index; see :class:`Listing`."""

    family: str
    archives: tuple[Identity, ...]
    splits: Annotated[tuple[tuple[str, tuple[str, ...]], ...], Length(1, 127)]
    """Name and wnids of each; numbered by an int8 in `item_split`."""
    skipped: Count
    notes: tuple[str, ...]


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


def obtain_listing(
    path: Path,
    identities: Sequence[Identity],
    build: Callable[[Progress | None], Listing],
    index: bool | Path = True,
    progress: Progress | None = None,
) -> tuple[Listing, Path | None]:
    """The listing of the archives at ``path``: from a good index, else built and kept.

    Beside it, the path of the index; None where none is kept.

    Args:
        path: what the user opened: the archive, or the folder that the archives lie in.
        identities: of the archives at `path`, taken before the scan: an archive that changes under
            the scan then fails the next check.
        build: makes the listing from the archives themselves, and reports how far it is.
        index: True keeps the index in one of :func:`places`, a path keeps it there, False neither
            reads nor writes one.
        progress: called with what is reported, here or in the process that builds the index.

    Raises:
        ReadError: an archive cannot be read.
    """
    if index is False:
        return build(progress), None
    candidates = places(path) if index is True else (Path(index),)
    return column_file.load_or_build(
        candidates,
        "index",
        load=lambda place: load_listing(place, identities),
        build=build,
        save=lambda place, listing: save_listing(place, identities, listing),
        progress=progress,
    )


def load_listing(path: Path, identities: Sequence[Identity]) -> Listing:
    """The listing in the index at ``path``, its columns memory-mapped and read-only.

    Raises:
        FileNotFoundError: there is no such index.
        UnusableSidecarError: it is damaged, of another format version, or of other archives.
        OSError: it cannot be read.
    """
    header, columns = column_file.read_columns(
        path, _FORM, lambda header: check_identities(header.archives, identities)
    )
    return Listing(
        family=header.family,
        offsets=columns["offsets"],
        sizes=columns["sizes"],
        labels=columns["labels"],
        key_offsets=columns["key_offsets"],
        key_bytes=columns["key_bytes"],
        item_archive=columns.get("item_archive"),
        splits=tuple(Split(name, tuple(wnids)) for name, wnids in header.splits),
        item_split=columns.get("item_split"),
        companions=_companions_in(columns),
        skipped=header.skipped,
        notes=header.notes,
    )


def _companions_in(columns: Mapping[str, NDArray[Any]]) -> CompanionColumns | None:
    """What the columns say of companions; None where there are none."""
    if "companion_items" not in columns:
        return None
    return CompanionColumns(
        *[columns[f"companion_{field.name}"] for field in fields(CompanionColumns)]
    )


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

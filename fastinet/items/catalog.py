"""The sidecar index: an archive's items as memory-mapped columns, bound to the archive's bytes.

``<archive>.fastinet`` beside the archive, or a file in the user's cache folder where that place
cannot be written. It is a column file (:mod:`fastinet.sidecars.column_file`) whose header has the
fastinet version, the archives (name, size, mtime, probe), classes and notes.

An index that does not fit its archive, is damaged or has another format version is built anew, and
a :class:`~fastinet.errors.FastinetWarning` says so.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import platformdirs

from fastinet.base.texts import take_texts
from fastinet.sidecars import column_file
from fastinet.sidecars.column_file import UnusableIndexError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fastinet.archives.sources import Archive, Identity, Progress

__all__ = [
    "Listing",
    "Split",
    "UnusableIndexError",
    "compare",
    "fastinet_version",
    "is_sidecar",
    "load",
    "obtain",
    "places",
    "save",
]

SUFFIX = ".fastinet"

_USER = 4  # stack level of who called fastinet.open, as column_file.obtain sees it


class Split(NamedTuple):
    """A part of an archive that is used by itself, and its classes."""

    name: str
    """"train", "val", "test", or as the archive calls it."""
    wnids: tuple[str, ...]
    """[K] classes in label order; several splits may have the same ones."""


@dataclass(frozen=True)
class Listing:
    """The items of one or more archives, N of them, and what was not taken as items.

    Item i is the ``sizes[i]`` bytes from ``offsets[i]`` on of archive ``item_archive[i]``, belongs
    to split ``item_split[i]``, has class ``labels[i]`` among those of its split, and is called
    ``key_bytes[key_offsets[i]:key_offsets[i + 1]]``.
    """

    family: str
    """Which file of fastinet.datasets recognised the archives."""
    offsets: NDArray[np.uint64]
    """[N] bytes."""
    sizes: NDArray[np.uint64]
    """[N] bytes."""
    labels: NDArray[np.int64]
    """[N] index into the split's ``wnids``; -1: the archives give the item no label."""
    key_offsets: NDArray[np.uint64]
    """[N + 1] bytes in ``key_bytes``; the first is 0."""
    key_bytes: NDArray[np.uint8]
    """All keys, one after another, UTF-8."""
    item_archive: NDArray[np.int32] | None
    """[N] index of the archive; None where there is one archive only."""
    splits: tuple[Split, ...]
    """At least one."""
    item_split: NDArray[np.int8] | None = None
    """[N] index into ``splits``; None where there is one split only."""
    skipped: int = 0
    """Entries of the archives that are no items."""
    notes: tuple[str, ...] = ()
    """What the user should hear about, skipped entries among it; a sentence each."""

    def of_archive(self, number: int) -> Listing:
        """The items that lie in one of the archives."""
        if self.item_archive is None:
            return self
        rows = np.flatnonzero(self.item_archive == number)
        key_bytes, key_offsets = take_texts(self.key_bytes, self.key_offsets, rows)
        return replace(
            self,
            offsets=self.offsets[rows],
            sizes=self.sizes[rows],
            labels=self.labels[rows],
            key_offsets=key_offsets,
            key_bytes=key_bytes,
            item_archive=None,
            item_split=None if self.item_split is None else self.item_split[rows],
        )


def places(path: Path) -> tuple[Path, Path]:
    """Where the index of ``path`` (an archive, or a folder of them) may be, best place first.

    Beside it, or in the user's cache folder under a name that holds a hash of the absolute path.
    """
    absolute = path.absolute()
    label = hashlib.sha256(os.fsencode(absolute)).hexdigest()[:16]
    cache = platformdirs.user_cache_path("fastinet", appauthor=False) / "indexes"
    return (
        absolute.with_name(absolute.name + SUFFIX),
        cache / f"{absolute.name}-{label}{SUFFIX}",
    )


def is_sidecar(name: str) -> bool:
    """Whether a file of this name is an index, or lies beside one, and is none of the user's."""
    _, found, rest = name.partition(SUFFIX)
    return bool(found) and (not rest or rest.startswith("."))


def obtain(
    path: Path,
    archives: Sequence[Archive],
    build: Callable[[Progress | None], Listing],
    index: bool | Path = True,
    progress: Progress | None = None,
) -> tuple[Listing, Path | None]:
    """The listing of ``archives``: from the index where a good one exists, else built and kept.

    Beside it, the path of the index; None where none is kept.

    Args:
        path: what the user opened: the archive, or the folder that the archives lie in.
        archives: what there is at `path`.
        build: makes the listing from the archives themselves, and reports how far it is.
        index: True keeps the index in one of :func:`places`, a path keeps it there, False neither
            reads nor writes one.
        progress: called with what is reported, here or in the process that builds the index.

    Raises:
        ReadError: an archive cannot be read.
    """
    if index is False:
        return build(progress), None
    # Taken before the scan: an archive that changes under the scan then fails the next check.
    identities = [archive.identify() for archive in archives]
    candidates = places(path) if index is True else (Path(index),)
    return column_file.obtain(
        candidates,
        load=lambda place: load(place, identities),
        build=build,
        save=lambda place, listing: save(place, identities, listing),
        progress=progress,
        stacklevel=_USER,
    )


def load(path: Path, identities: Sequence[Identity]) -> Listing:
    """The listing in the index at ``path``, its columns memory-mapped and read-only.

    Raises:
        FileNotFoundError: there is no such index.
        UnusableIndexError: it is damaged, of another format version, or of other archives.
        OSError: it cannot be read.
    """
    header, columns = column_file.load(path, lambda header: compare(header["archives"], identities))
    return Listing(
        family=header["family"],
        offsets=columns["offsets"],
        sizes=columns["sizes"],
        labels=columns["labels"],
        key_offsets=columns["key_offsets"],
        key_bytes=columns["key_bytes"],
        item_archive=columns.get("item_archive"),
        splits=tuple(Split(name, tuple(wnids)) for name, wnids in header["splits"]),
        item_split=columns.get("item_split"),
        skipped=header["skipped"],
        notes=tuple(header["notes"]),
    )


def save(path: Path, identities: Sequence[Identity], listing: Listing) -> None:
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
    column_file.save(path, header, _columns_of(listing))


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
    return columns


def compare(indexed: Sequence[dict[str, Any]], present: Sequence[Identity]) -> None:
    """Raises UnusableIndexError unless the index was made from these archives as they are now."""
    if [archive["name"] for archive in indexed] != [archive.name for archive in present]:
        raise UnusableIndexError("is stale: it lists other archives")
    for then, now in zip(indexed, present, strict=True):
        if then["size"] != now.size:
            change = f"had {then['size']} bytes when it was made and has {now.size} now"
        elif then["mtime_ns"] != now.mtime_ns:
            change = "was written after it was made"
        elif then["probe"] != now.probe:
            change = "has other content than when it was made"
        else:
            continue
        raise UnusableIndexError(f"is stale: archive '{now.name}' {change}")


def fastinet_version() -> str:
    """Version of the installed package."""
    try:
        return importlib.metadata.version("fastinet")
    except importlib.metadata.PackageNotFoundError:  # run from a source tree
        return "unknown"

"""The sidecar index: an archive's items as memory-mapped columns, bound to the archive's bytes.

``<archive>.fastinet`` beside the archive, or a file in the user's cache folder where that place
cannot be written. One file, three parts, each starting on a multiple of 64 bytes and padded with
zeros to the next:

===========  =======================================================================================
preamble     64 bytes: magic ``FASTINET``, u32 format version, u32 CRC-32 of preamble and header
             (with this field as zero), u64 length of the header, u64 length of the file;
             little-endian
header       JSON, filled up with spaces: fastinet version, archives (name, size, mtime, probe),
             column table (dtype, rows, offset from the header's end, CRC-32 over the column and the
             zeros behind it), classes, notes
columns      little-endian arrays, C order
===========  =======================================================================================

Every byte is under one of the CRCs or the length, so any damage is found when the index is opened.
The check streams through a small buffer: opening costs the time to read the file and next to no
memory; the columns are mapped and cost memory as they are touched. Readers take columns by name and
pass over names that they do not know.

An index that does not fit its archive, is damaged or has another format version is built anew, and
a :class:`~fastinet.errors.FastinetWarning` says so.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import mmap
import os
import secrets
import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import platformdirs

from fastinet.errors import FastinetWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from io import FileIO

    from numpy.typing import NDArray

    from fastinet.sources import Archive, Identity

__all__ = [
    "Listing",
    "Split",
    "UnusableIndexError",
    "compare",
    "fastinet_version",
    "load",
    "obtain",
    "places",
    "save",
]

SUFFIX = ".fastinet"
FORMAT_VERSION = 2

_MAGIC = b"FASTINET"
_PREAMBLE = struct.Struct("<8sIIQQ")
_PREAMBLE_BYTES = 64
_ALIGNMENT = 64  # a cache line, and the widest vector register
_BUFFER_BYTES = 1 << 18
_USER = 3  # stack level of who called fastinet.open, which calls obtain


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


class UnusableIndexError(Exception):
    """This index cannot serve; the text says why."""


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


def obtain(
    path: Path,
    archives: Sequence[Archive],
    build: Callable[[], Listing],
    index: bool | Path = True,
) -> tuple[Listing, Path | None]:
    """The listing of ``archives``: from the index where a good one exists, else built and kept.

    Beside it, the path of the index; None where none is kept.

    Args:
        path: what the user opened: the archive, or the folder that the archives lie in.
        archives: what there is at `path`.
        build: makes the listing from the archives themselves.
        index: True keeps the index in one of :func:`places`, a path keeps it there, False neither
            reads nor writes one.

    Raises:
        ReadError: an archive cannot be read.
    """
    if index is False:
        return build(), None
    # Taken before the scan: an archive that changes under the scan then fails the next check.
    identities = [archive.identify() for archive in archives]
    candidates = places(path) if index is True else (Path(index),)
    findings = []
    for candidate in candidates:
        try:
            return load(candidate, identities), candidate
        except FileNotFoundError:
            continue
        except UnusableIndexError as error:
            findings.append(f"the index '{candidate}' {error}")
        except OSError as error:
            findings.append(f"the index '{candidate}' cannot be read ({error.strerror})")
    for finding in findings:
        warnings.warn(f"{finding}; it is built anew", FastinetWarning, stacklevel=_USER)
    listing = build()
    kept_at, failures = _keep(candidates, identities, listing)
    if kept_at is None:
        warnings.warn(
            f"the index could not be kept, so the next open scans again ({'; '.join(failures)})",
            FastinetWarning,
            stacklevel=_USER,
        )
    return listing, kept_at


def _keep(
    candidates: Sequence[Path], identities: Sequence[Identity], listing: Listing
) -> tuple[Path | None, list[str]]:
    """Saves the index in the first place that takes it; which that is, and why others did not."""
    failures = []
    for candidate in candidates:
        try:
            save(candidate, identities, listing)
        except OSError as error:
            failures.append(f"'{candidate}': {error.strerror}")
        else:
            return candidate, failures
    return None, failures


def load(path: Path, identities: Sequence[Identity]) -> Listing:
    """The listing in the index at ``path``, its columns memory-mapped and read-only.

    Raises:
        FileNotFoundError: there is no such index.
        UnusableIndexError: it is damaged, of another format version, or of other archives.
        OSError: it cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        header = _read_header(file)
        compare(header["archives"], identities)
        for name, column in header["columns"].items():
            _check_column(file, name, column)
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    columns = {
        name: np.frombuffer(memory, column["dtype"], column["rows"], column["offset"])
        for name, column in header["columns"].items()
    }
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
    columns = _columns_of(listing)
    header = {
        "fastinet": fastinet_version(),
        "family": listing.family,
        "archives": [identity._asdict() for identity in identities],
        "splits": listing.splits,
        "skipped": listing.skipped,
        "notes": listing.notes,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            for piece in _pieces(header, columns):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


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
    return {
        name: np.ascontiguousarray(column, column.dtype.newbyteorder("<"))
        for name, column in columns.items()
    }


def _pieces(header: dict[str, Any], columns: dict[str, NDArray[Any]]) -> Iterator[Any]:
    """The file's parts in order."""
    table = {}
    offset = 0
    for name, column in columns.items():
        table[name] = {
            "dtype": column.dtype.str,
            "rows": len(column),
            "offset": offset,  # from the end of the header
            "crc32": zlib.crc32(_fill(column.nbytes), zlib.crc32(column.data)),
        }
        offset += _padded(column.nbytes)
    text = json.dumps(header | {"columns": table}).encode("ascii")
    text = text.ljust(_padded(len(text)))
    yield _preamble(text, _PREAMBLE_BYTES + len(text) + offset)
    yield text
    for column in columns.values():
        yield column.data
        yield _fill(column.nbytes)


def _preamble(text: bytes, file_bytes: int) -> bytes:
    """The first 64 bytes of a file of ``file_bytes`` whose header is ``text``."""

    def packed(crc: int) -> bytes:
        fields = _PREAMBLE.pack(_MAGIC, FORMAT_VERSION, crc, len(text), file_bytes)
        return fields.ljust(_PREAMBLE_BYTES, b"\0")

    return packed(zlib.crc32(text, zlib.crc32(packed(0))))


def _read_header(file: FileIO) -> dict[str, Any]:
    """The checked header, its column offsets made absolute."""
    file_bytes = os.fstat(file.fileno()).st_size
    preamble = file.read(_PREAMBLE_BYTES)
    if len(preamble) < _PREAMBLE_BYTES or not preamble.startswith(_MAGIC):
        raise UnusableIndexError("is damaged or no index at all")
    _, version, _, text_bytes, stated_bytes = _PREAMBLE.unpack_from(preamble)
    if version != FORMAT_VERSION:
        raise UnusableIndexError(
            f"has format version {version}, and this fastinet reads {FORMAT_VERSION}"
        )
    if stated_bytes != file_bytes or text_bytes > file_bytes:
        raise UnusableIndexError("is damaged: it has not the length that it states")
    text = file.read(text_bytes)
    if preamble != _preamble(text, file_bytes):
        raise UnusableIndexError("is damaged: the checksum of its header is wrong")
    header: dict[str, Any] = json.loads(text)
    for column in header["columns"].values():
        column["offset"] += _PREAMBLE_BYTES + text_bytes
    return header


def _check_column(file: FileIO, name: str, column: dict[str, Any]) -> None:
    """Compares the column's CRC-32, reading through one small buffer."""
    buffer = memoryview(bytearray(_BUFFER_BYTES))
    left = _padded(np.dtype(column["dtype"]).itemsize * column["rows"])
    crc = 0
    file.seek(column["offset"])
    while left > 0:
        count = file.readinto(buffer[:left])
        if count == 0:
            break  # cut since its length was checked: the checksum tells
        crc = zlib.crc32(buffer[:count], crc)
        left -= count
    if crc != column["crc32"]:
        raise UnusableIndexError(f"is damaged: the checksum of column '{name}' is wrong")


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


def _padded(count: int) -> int:
    return -(-count // _ALIGNMENT) * _ALIGNMENT


def _fill(count: int) -> bytes:
    """The zeros that bring ``count`` bytes to the next multiple of 64."""
    return bytes(_padded(count) - count)


def _sync_folder(folder: Path) -> None:
    """Makes a rename last through a power cut, on file systems that let a folder be synced."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def fastinet_version() -> str:
    """Version of the installed package."""
    try:
        return importlib.metadata.version("fastinet")
    except importlib.metadata.PackageNotFoundError:  # run from a source tree
        return "unknown"

"""The checkpoint index: checkpoints of every JPEG, where decoding can start within its scan.

``<archive>.fastinet.checkpoints`` beside the archive's index, or in the user's cache folder. It is
a log of chunks, each the records of a run of consecutive items, so that making it can be
interrupted and goes on where it was, and so that a part of it is useful already:

======  ============================================================================================
header  magic ``FASTCKPT``, u32 format version, u32 CRC-32 of the JSON, u32 length of the JSON; the
        JSON: fastinet version, archives (as in the index of items), items, stride
chunk   magic ``CHNK``, u32 CRC-32 of all that follows up to the records, u64 first item, u32 items,
        u64 bytes of records; u32 [items] sizes; u32 [items] header bytes; the records
======  ============================================================================================

Little-endian throughout. A chunk that is cut or does not fit its CRC ends the log: what follows is
ignored, with a warning, and written anew by the next pass. The records are too many to check when
the index is opened; each has a checksum and its image's fingerprint, which the core verifies
whenever it uses one (``csrc/jpeg/checkpoints.h``).

One process makes a checkpoint index, and others wait for it (:mod:`fastinet.sidecars.turns`). It
appends to an unfinished log of the same archives. A log of other archives, another format version,
number of items or stride, or with a damaged header, it replaces by a new file. It never changes a
byte that a reader may have noted.
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from fastinet._native import _engine
from fastinet.base.warning import warn
from fastinet.sidecars import turns
from fastinet.sidecars.column_file import UnusableSidecarError
from fastinet.sidecars.identity import Identity, check_identities
from fastinet.sidecars.log import Log, LogForm
from fastinet.sidecars.opening import open_to_read
from fastinet.sidecars.schema import Count, Word32

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from fastinet.archives.archive import Archive
    from fastinet.base.progress import Progress
    from fastinet.sidecars.owners import Owners
    from fastinet.sidecars.places import Sidecars

__all__ = [
    "CheckpointLog",
    "Checkpoints",
    "Chunk",
    "best_checkpoints",
    "complete_checkpoints",
    "find_checkpoints",
]

SUFFIX: Final = ".checkpoints"
FORMAT_VERSION: Final = 1


@dataclass(frozen=True)
class _Header:
    """The JSON header of a checkpoint index."""

    archives: tuple[Identity, ...]
    items: Count
    stride: Word32
    """See :class:`Checkpoints`."""


# The JSON of a folder of all 21,841 class archives needs some 5 MB.
_FORM = LogForm("checkpoint index", b"FASTCKPT", FORMAT_VERSION, 1 << 24, _Header)
_CHUNK = struct.Struct("<4sIQIQ")
_CHUNK_MAGIC = b"CHNK"


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of N items: for each item a *record*, the bytes that hold those of its JPEG.

    An item that has no checkpoints (a PNG, say), or that the index does not cover yet, has a record
    of 0 bytes. The core makes records and reads them (``jpeg/checkpoints.h`` in csrc/).

    Attributes:
        path: of the checkpoint index; None where there is none.
        covered: items from the first on that the index covers.
        stride: MCUs between two checkpoints of an MCU row; 0: one at the start of each row.
        starts: [N] uint64, where each item's record starts in `records` [bytes].
        sizes: [N] uint32, of each item's record [bytes].
        header_bytes: [N] uint32, bytes of each JPEG before its scan.
        kept: what `starts` are offsets in: the index as a file, which is read record by record, or
            an array of bytes.
    """

    path: Path | None
    covered: int
    stride: int
    starts: NDArray[np.uint64]
    sizes: NDArray[np.uint32]
    header_bytes: NDArray[np.uint32]
    kept: _engine.Source | NDArray[np.uint8]

    @classmethod
    def none(cls, items: int) -> Checkpoints:
        """What `items` items have where there is no checkpoint index: records of 0 bytes."""
        zeros = np.zeros(items, np.uint32)
        return cls(None, 0, 0, np.zeros(items, np.uint64), zeros, zeros, np.zeros(0, np.uint8))

    def take(self, rows: NDArray[np.int64]) -> Checkpoints:
        """The checkpoints of the items in `rows`, in that order."""
        return Checkpoints(
            self.path,
            int(np.count_nonzero(rows < self.covered)),
            self.stride,
            self.starts[rows],
            self.sizes[rows],
            self.header_bytes[rows],
            self.kept,
        )

    @property
    def records(self) -> NDArray[np.uint8]:
        """Uint8, all that the index holds, which `starts` are offsets in; read from the disk now.

        Raises:
            ReadError: it cannot be read, or was cut.
        """
        if isinstance(self.kept, np.ndarray):
            return self.kept
        return np.frombuffer(self.kept.read(0, self.kept.size_bytes), np.uint8)

    def records_by_archive(self) -> list[_engine.Source | NDArray[np.uint8]]:
        """What `starts` are offsets in: one an archive, or one for all."""
        return [self.kept]

    @property
    def record_bytes(self) -> int:
        """All records together [bytes]."""
        return int(self.sizes.sum(dtype=np.int64))


class Chunk(NamedTuple):
    """The checkpoints of consecutive items, as the engine makes them.

    Their records one after another, the size of each, and the bytes before each JPEG's scan.
    """

    records: NDArray[np.uint8]
    sizes: NDArray[np.uint32]
    header_bytes: NDArray[np.uint32]


def find_checkpoints(sidecars: Sidecars, archives: Sequence[Archive], items: int) -> Checkpoints:
    """The checkpoints of a dataset; :meth:`Checkpoints.none` without a usable index.

    An index may lie beside the dataset and another one in the user's cache folder. Of two usable
    ones the one that covers more items is taken. Unless that covers all, a FastinetWarning tells of
    each index that is stale, damaged, or ends in something that is no chunk.
    """
    best, findings = best_checkpoints(sidecars, archives, items)
    if best.covered < items:
        for finding in findings:
            warn(
                f"{finding}; `fastinet index --checkpoints` makes good what is missing, and until "
                "then decoding starts at the beginning of each scan"
            )
    return best


def best_checkpoints(
    sidecars: Sidecars, archives: Sequence[Archive], items: int
) -> tuple[Checkpoints, list[str]]:
    """The best checkpoints that there are, and what is wrong with the indexes that were found."""
    best, findings = Checkpoints.none(items), []
    identities = None
    for place in sidecars.places(SUFFIX):
        if not os.path.lexists(place):  # the archives need not be read then; it never raises
            continue
        identities = identities or [archive.known_identity() for archive in archives]
        try:
            found, tail_bytes = _load_checkpoints(place, identities, items, sidecars.owners)
        except FileNotFoundError:
            continue
        except UnusableSidecarError as error:
            findings.append(f"the checkpoint index '{place}' {error}")
            continue
        except OSError as error:
            findings.append(f"the checkpoint index '{place}' cannot be read ({error.strerror})")
            continue
        if tail_bytes > 0:
            findings.append(
                f"the checkpoint index '{place}' covers {found.covered:,} of {items:,} items, and "
                f"its last {tail_bytes:,} bytes are cut off or damaged"
            )
        if best.path is None or found.covered > best.covered:
            best = found
        if best.covered == items:
            break
    return best, findings


def _load_checkpoints(
    path: Path, identities: Sequence[Identity], items: int, owners: Owners
) -> tuple[Checkpoints, int]:
    """The checkpoints in the index at `path`, and how many bytes at its end are no chunk."""
    with io.BufferedReader(open_to_read(path)) as file:
        owners.check(file.raw)
        header, end = _FORM.read_header(file)
        _check_header(header, identities, items)
        starts, sizes, header_bytes = (
            np.zeros(items, np.uint64),
            np.zeros(items, np.uint32),
            np.zeros(items, np.uint32),
        )
        covered = 0
        for chunk in _chunks(file, end, items):
            rows = slice(covered, covered + len(chunk.sizes))
            ends = np.cumsum(chunk.sizes, dtype=np.uint64)
            starts[rows] = chunk.records_at + ends - chunk.sizes
            sizes[rows], header_bytes[rows] = chunk.sizes, chunk.header_bytes
            covered += len(chunk.sizes)
            end = chunk.end
        tail_bytes = os.fstat(file.fileno()).st_size - end
        # A process that makes this index anew begins a new file: what is open here stays.
        kept = _engine.Source.descriptor(file.fileno(), os.fsencode(path))
    return Checkpoints(path, covered, header.stride, starts, sizes, header_bytes, kept), tail_bytes


def _check_header(header: _Header, identities: Sequence[Identity], items: int) -> None:
    """Raises UnusableSidecarError unless the index is of these archives and so many items."""
    check_identities(header.archives, identities)
    if header.items != items:
        raise UnusableSidecarError(f"is stale: it is of {header.items:,} items")


class _ChunkInFile(NamedTuple):
    sizes: NDArray[np.uint32]
    header_bytes: NDArray[np.uint32]
    records_at: int  # [bytes] from the file's start
    end: int


def _chunks(file: Any, position: int, items: int) -> Iterable[_ChunkInFile]:
    """The whole and undamaged chunks from `position` on, in order; stops at the first other one."""
    file_bytes = os.fstat(file.fileno()).st_size
    expected_first = 0
    while expected_first < items:
        file.seek(position)
        fixed = file.read(_CHUNK.size)
        if len(fixed) < _CHUNK.size:
            return
        magic, crc, first, count, record_bytes = _CHUNK.unpack(fixed)
        records_at = position + _CHUNK.size + 8 * count
        if (
            magic != _CHUNK_MAGIC
            or first != expected_first
            or not 0 < count <= items - first
            or record_bytes > file_bytes - min(records_at, file_bytes)
        ):
            return
        table = file.read(8 * count)
        if zlib.crc32(table, zlib.crc32(fixed[8:])) != crc:
            return
        sizes, header_bytes = np.frombuffer(table, "<u4").reshape(2, count)
        if int(sizes.sum(dtype=np.uint64)) != record_bytes:
            return
        position = records_at + record_bytes
        expected_first += count
        yield _ChunkInFile(sizes, header_bytes, records_at, position)


def complete_checkpoints(
    path: str,
    sidecars: Sidecars,
    archives: Sequence[Archive],
    items: int,
    stride: int,
    append_missing: Callable[[CheckpointLog, Progress], None],
    progress: Progress | None,
) -> None:
    """Makes the whole index of the dataset at `path`, or waits for another process to make it.

    Args:
        path: of the dataset, for messages.
        sidecars: of the dataset.
        archives: that it is of.
        items: that it has.
        stride: MCUs between two checkpoints of an MCU row; 0: one at the start of each row.
        append_missing: appends to the log what it does not cover, and reports (items done, items in
            all).
        progress: called with what is reported.

    Raises:
        ReadError: the index cannot be written.
        otherwise what `append_missing` and `progress` raise.
    """

    def find_whole_index() -> bool | None:
        found, _ = best_checkpoints(sidecars, archives, items)
        is_whole = found.path is not None and found.covered == items and found.stride == stride
        return is_whole or None

    def complete_index(places: Sequence[Path], progress: Progress) -> bool:
        log = CheckpointLog(path, places, archives, items, stride, sidecars)
        with contextlib.closing(log):
            append_missing(log, progress)
        return True

    turns.find_or_make_sidecar(
        sidecars.places(SUFFIX),
        _FORM.what,
        find_complete=find_whole_index,
        make_missing=complete_index,
        progress=progress,
    )


class CheckpointLog(Log):
    """The checkpoint index of a dataset while it is made; goes on where an earlier try ended.

    Attributes:
        path: of the index.
        covered: items from the first on that it covers.
    """

    def __init__(
        self,
        path: str,
        places: Sequence[Path],
        archives: Sequence[Archive],
        items: int,
        stride: int,
        sidecars: Sidecars,
    ) -> None:
        """The log of the dataset at `path`, in the first of `places` that can be written.

        Raises:
            ReadError: none of them can.
        """
        self._identities = [archive.known_identity() for archive in archives]
        self._items = items
        self._stride = stride
        content = {
            "archives": [identity._asdict() for identity in self._identities],
            "items": items,
            "stride": stride,
        }
        super().__init__(places, _FORM, path, content, sidecars.advice(), sidecars.owners)

    def append(self, chunk: Chunk) -> None:
        """Adds the records of the items from `covered` on; they are on disk when it returns.

        Raises:
            ReadError: they cannot be written; the index is as good as before.
        """
        table = np.concatenate([chunk.sizes, chunk.header_bytes]).astype("<u4").tobytes()
        fields = (self.covered, len(chunk.sizes), chunk.records.nbytes)
        unchecked = _CHUNK.pack(_CHUNK_MAGIC, 0, *fields)
        crc = zlib.crc32(table, zlib.crc32(unchecked[8:]))
        head = _CHUNK.pack(_CHUNK_MAGIC, crc, *fields)
        self._append(head + table + chunk.records.tobytes())
        self.covered += len(chunk.sizes)

    def _resume(self) -> None:
        self.covered = 0
        super()._resume()

    def _check_header(self, header: _Header) -> None:
        _check_header(header, self._identities, self._items)
        if header.stride != self._stride:
            raise UnusableSidecarError("was made with another stride")

    def _take_over(self, start: int) -> int:
        end = start
        for chunk in _chunks(self._file, start, self._items):
            self.covered += len(chunk.sizes)
            end = chunk.end
        return end

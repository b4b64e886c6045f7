"""The checkpoint index: places inside every JPEG's scan where decoding can start.

``<archive>.fastinet.checkpoints`` beside the archive's index, or in the user's cache folder. It is a
log of chunks, each the records of a run of consecutive items, so that making it can be interrupted
and goes on where it was, and so that a part of it is useful already:

========  ==========================================================================================
header    magic ``FASTCKPT``, u32 format version, u32 CRC-32 of the JSON, u32 length of the JSON; the
          JSON: fastinet version, archives (as in the index), items, stride
chunk     magic ``CHNK``, u32 CRC-32 of all that follows up to the records, u64 first item, u32 items,
          u64 bytes of records; u32 [items] sizes; u32 [items] header bytes; the records
========  ==========================================================================================

Little-endian throughout. A chunk that is cut or does not fit its CRC ends the log: what comes behind
is ignored and written anew. The records are too many to check when the index is opened; each has a
checksum and a fingerprint of its image of its own, which the core verifies whenever it uses one
(``csrc/jpeg/checkpoints.h``).
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from fastinet import catalog
from fastinet.errors import FastinetWarning, ReadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from io import BufferedRandom

    from numpy.typing import NDArray

    from fastinet.catalog import Identity

__all__ = ["Checkpoints", "CheckpointLog", "Chunk", "find"]

SUFFIX: Final = ".checkpoints"
FORMAT_VERSION: Final = 1

_HEADER = struct.Struct("<8sIII")
_HEADER_MAGIC = b"FASTCKPT"
_CHUNK = struct.Struct("<4sIQIQ")
_CHUNK_MAGIC = b"CHNK"
_MAX_JSON_BYTES = 1 << 24  # a folder of all 21,841 class archives needs some 5 MB


@dataclass(frozen=True)
class Checkpoints:
    """Records of N items; those that have none, or are not covered yet, have size 0.

    Attributes:
        path: of the checkpoint index; None where there is none.
        covered: items from the first on that the index covers.
        stride: MCUs between two places within an MCU row; 0: one place a row.
        starts: [N] uint64, where each item's record starts in `records` [bytes].
        sizes: [N] uint32 bytes.
        header_bytes: [N] uint32, bytes of each JPEG before its scan.
        records: uint8, memory-mapped.
    """

    path: Path | None
    covered: int
    stride: int
    starts: NDArray[np.uint64]
    sizes: NDArray[np.uint32]
    header_bytes: NDArray[np.uint32]
    records: NDArray[np.uint8]

    @classmethod
    def none(cls, items: int) -> Checkpoints:
        """No record for any of `items` items."""
        zeros = np.zeros(items, np.uint32)
        return cls(
            None, 0, 0, np.zeros(items, np.uint64), zeros, zeros, np.zeros(0, np.uint8)
        )

    def take(self, rows: NDArray[np.int64]) -> Checkpoints:
        """The records of the items in `rows`, in that order."""
        return Checkpoints(
            self.path,
            int(np.count_nonzero(rows < self.covered)),
            self.stride,
            self.starts[rows],
            self.sizes[rows],
            self.header_bytes[rows],
            self.records,
        )

    @property
    def record_bytes(self) -> int:
        """All records together [bytes]."""
        return int(self.sizes.sum(dtype=np.int64))


class Chunk(NamedTuple):
    """Records of consecutive items, as the engine makes them."""

    records: NDArray[np.uint8]
    sizes: NDArray[np.uint32]
    header_bytes: NDArray[np.uint32]


def _places(path: Path) -> list[Path]:
    return [place.with_name(place.name + SUFFIX) for place in catalog.places(path)]


def find(path: Path, archives: Sequence[Path], items: int) -> Checkpoints:
    """The checkpoints of the dataset at `path`; one without records where there is no good index.

    A stale or damaged index is passed over with a FastinetWarning.
    """
    for place in _places(path):
        try:
            return _load(place, [catalog.identify(archive) for archive in archives], items)
        except FileNotFoundError:
            continue
        except (catalog.UnusableIndexError, OSError) as error:
            warnings.warn(
                f"the checkpoint index '{place}' {error}; decoding starts at each scan's beginning "
                "until `fastinet index --checkpoints` makes it anew",
                FastinetWarning,
                stacklevel=4,
            )
    return Checkpoints.none(items)


def _load(path: Path, identities: Sequence[Identity], items: int) -> Checkpoints:
    with path.open("rb") as file:
        stride, position = _check_header(file, identities, items)
        starts, sizes, header_bytes = (
            np.zeros(items, np.uint64),
            np.zeros(items, np.uint32),
            np.zeros(items, np.uint32),
        )
        covered = 0
        for chunk in _chunks(file, position, items):
            rows = slice(covered, covered + len(chunk.sizes))
            ends = np.cumsum(chunk.sizes, dtype=np.uint64)
            starts[rows] = chunk.records_at + ends - chunk.sizes
            sizes[rows], header_bytes[rows] = chunk.sizes, chunk.header_bytes
            covered += len(chunk.sizes)
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    records = np.frombuffer(memory, np.uint8)
    return Checkpoints(path, covered, stride, starts, sizes, header_bytes, records)


def _check_header(
    file: Any, identities: Sequence[Identity], items: int
) -> tuple[int, int]:
    """(stride, where the first chunk starts); UnusableIndexError unless the header fits."""
    fixed = file.read(_HEADER.size)
    if len(fixed) < _HEADER.size:
        raise catalog.UnusableIndexError("is damaged or no checkpoint index at all")
    magic, version, crc, length = _HEADER.unpack(fixed)
    if magic != _HEADER_MAGIC or length > _MAX_JSON_BYTES:
        raise catalog.UnusableIndexError("is damaged or no checkpoint index at all")
    if version != FORMAT_VERSION:
        raise catalog.UnusableIndexError(
            f"has format version {version}, and this fastinet reads {FORMAT_VERSION}"
        )
    text = file.read(length)
    if zlib.crc32(text) != crc or len(text) != length:
        raise catalog.UnusableIndexError("is damaged: the checksum of its header is wrong")
    header = json.loads(text)
    catalog.compare(header["archives"], identities)
    if header["items"] != items:
        raise catalog.UnusableIndexError(f"is stale: it is of {header['items']} items")
    return header["stride"], _HEADER.size + length


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


class CheckpointLog:
    """The checkpoint index of a dataset while it is made; goes on where an earlier try ended.

    Raises:
        ReadError: neither beside the archive nor in the cache folder can it be written, or another
            process is making it.
    """

    def __init__(
        self, path: Path, archives: Sequence[Path], items: int, stride: int
    ) -> None:
        """The log of the dataset at `path`, which has `items` items in `archives`."""
        self._items = items
        self._identities = [catalog.identify(archive) for archive in archives]
        self._stride = stride
        self.path, self._file = _open_for_writing(path)
        self.covered = self._resume()

    def __enter__(self) -> CheckpointLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, chunk: Chunk) -> None:
        """Adds the records of the items from `covered` on; on disk when it returns."""
        table = np.concatenate([chunk.sizes, chunk.header_bytes]).astype("<u4").tobytes()
        fields = (self.covered, len(chunk.sizes), chunk.records.nbytes)
        unchecked = _CHUNK.pack(_CHUNK_MAGIC, 0, *fields)
        crc = zlib.crc32(table, zlib.crc32(unchecked[8:]))
        self._file.write(_CHUNK.pack(_CHUNK_MAGIC, crc, *fields))
        self._file.write(table)
        self._file.write(chunk.records.data)
        self._file.flush()
        os.fsync(self._file.fileno())
        self.covered += len(chunk.sizes)

    def _resume(self) -> int:
        """Cuts the file behind its last whole chunk, or begins it; gives the items covered."""
        covered = 0
        try:
            self._file.seek(0)
            stride, end = _check_header(self._file, self._identities, self._items)
            if stride != self._stride:
                raise catalog.UnusableIndexError("has another stride")
            for chunk in _chunks(self._file, end, self._items):
                covered += len(chunk.sizes)
                end = chunk.end
        except (catalog.UnusableIndexError, ValueError, KeyError):
            covered, end = 0, self._begin()
        self._file.truncate(end)
        self._file.seek(end)
        return covered

    def _begin(self) -> int:
        header = {
            "fastinet": catalog.fastinet_version(),
            "archives": [identity._asdict() for identity in self._identities],
            "items": self._items,
            "stride": self._stride,
        }
        text = json.dumps(header).encode("ascii")
        self._file.seek(0)
        self._file.truncate(0)
        self._file.write(
            _HEADER.pack(_HEADER_MAGIC, FORMAT_VERSION, zlib.crc32(text), len(text)) + text
        )
        return self._file.tell()


def _open_for_writing(path: Path) -> tuple[Path, BufferedRandom]:
    """The first place that can be written, locked so that one process at a time makes it."""
    failures = []
    for place in _places(path):
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(place, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            failures.append(f"'{place}': {error.strerror}")
            continue
        file = os.fdopen(descriptor, "r+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise ReadError(
                f"another process is making the checkpoint index '{place}'", archive=str(path)
            ) from None
        return place, file
    raise ReadError(
        f"the checkpoint index cannot be written ({'; '.join(failures)})", archive=str(path)
    )

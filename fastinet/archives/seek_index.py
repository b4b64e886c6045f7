"""The seek index: what makes random access into a gzipped tar possible.

``<archive>.fastinet.seek`` beside the archive, or in the user's cache folder; in the memory of the
process where it can be kept nowhere, or is not to be (``index=False``). One pass over the
archive makes it. It inflates all data once, checks every gzip member, walks the tar headers, notes
a seek point at every 512 KiB (``csrc/gzip/seek_points.h``), and computes the MD5 of the file.
For a terabyte that takes an hour, so the seek index is a log of chunks, and a pass that was
interrupted goes on behind the last one:

======  ============================================================================================
header  magic ``FASTSEEK``, u32 format version, u32 CRC-32 of the JSON, u32 length of the JSON; the
        JSON: fastinet version, archive (its identity, as in the index of items), folder, spacing
chunk   magic ``CHNK``, u32 CRC-32 of what follows up to the windows, u32 CRC-32 of what is behind
        them, u64 P points, u64 bytes of windows, u64 M members, u64 bytes of names, u64 bytes of
        JSON, u64 bytes of state, u64 bytes of all inflated data, 16 bytes MD5 of the archive (the
        last two in the last chunk, else zeros);
        points: u64 [P] bit offsets, u64 [P] offsets, u32 [P] sizes of windows; the windows;
        members: u64 [M] offsets, u64 [M] sizes, i32 [M] containers, u8 [M, 8] heads, u64 [M] name
        ends, the names; the JSON: containers that the chunk has begun, entries that are no files;
        the state that the pass goes on from (``csrc/passes/seek_pass.cc``)
======  ============================================================================================

Little-endian throughout. A chunk that is cut or does not fit its checksums ends the log. A seek
index serves only when its last chunk is there. Its members are read once, when the archive's index
of items (``.fastinet``, :mod:`fastinet.items.index`) is built from them; opens that find that index
do not read them. The windows are mapped by readers, and each is a zlib stream with a checksum that
is verified when it is used.

This module reads seek indexes; :mod:`fastinet.archives.seek_log` makes them. Appending to a seek
index never changes a byte that a reader may have mapped.
"""

from __future__ import annotations

import io
import mmap
import os
import struct
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from fastinet._native import _engine, _scan
from fastinet.archives.containers import join_members
from fastinet.errors import ReadError
from fastinet.sidecars.column_file import UnusableSidecarError
from fastinet.sidecars.identity import Identity, has_same_content
from fastinet.sidecars.log import LogForm
from fastinet.sidecars.opening import open_to_read
from fastinet.sidecars.schema import Count, Positive, checked_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from io import BufferedReader

    from numpy.typing import NDArray

__all__ = [
    "CHUNK",
    "CHUNK_MAGIC",
    "CRC_FROM",
    "FORM",
    "SUFFIX",
    "UNFINISHED_MD5",
    "SeekHeader",
    "SeekIndex",
    "StoredChunk",
    "check_header",
    "load_seek_index",
    "members_of_chunk",
    "read_chunks",
    "seek_index_in_memory",
    "state_of_chunk",
]

SUFFIX: Final = ".seek"
FORMAT_VERSION: Final = 1


@dataclass(frozen=True)
class SeekHeader:
    """The JSON header of a seek index."""

    archive: Identity
    folder: str
    """Put before the members' names."""
    spacing: Positive
    """Of the seek points [bytes of inflated data]."""

    def to_json(self) -> dict[str, Any]:
        """As a seek index has it."""
        return {
            "archive": self.archive._asdict(),
            "folder": self.folder,
            "spacing": self.spacing,
        }


@dataclass(frozen=True)
class _ChunkText:
    """The JSON of a chunk."""

    containers: list[str]
    """Inner tars that the chunk has begun, and directories. Earlier versions
    listed no directories."""
    special_entries: Count
    passed: list[tuple[str, str, str, Count]] | None = None
    """Entries that are no files of their own, as `_scan.Passed`. Earlier versions kept none."""
    notes: list[tuple[str, str, Count]] = field(default_factory=list)
    """What is odd about the tar, as `_scan.Note`. Earlier versions refused what is."""


FORM: Final = LogForm("seek index", b"FASTSEEK", FORMAT_VERSION, 1 << 16, SeekHeader)
CHUNK: Final = struct.Struct("<4sII7Q16s")
CHUNK_MAGIC: Final = b"CHNK"
CRC_FROM: Final = 12  # what of the fixed part is under the first CRC: all behind the CRCs
UNFINISHED_MD5: Final = bytes(16)

_POINT_BYTES = 8 + 8 + 4
_MEMBER_BYTES = 8 + 8 + 4 + 8 + 8
_HEAD_BYTES = 8


@dataclass(frozen=True)
class SeekIndex:
    """The seek points of a gzip file, P of them, in rising order.

    The data from one point to the next are a *stretch*. Reading any part of one inflates it from
    its start, so a plan that is to inflate each once takes the items of a few stretches together.

    Attributes:
        path: of the seek index; None: it is in memory, with its members.
        not_kept: why it is in memory, for messages; "": it is not, or nobody asked for a file.
        size_bytes: of all that the file inflates to.
        md5: of the file as it stands, in hexadecimal digits.
        bit_offsets: [P] uint64, of each point in the file [bits].
        offsets: [P] uint64, of each point in the inflated data [bytes].
        window_starts: [P] uint64, where the point's window is in `windows` [bytes].
        window_sizes: [P] uint32 bytes; 0: it needs none.
        windows: uint8, memory-mapped as a rule.
    """

    path: Path | None
    size_bytes: int
    md5: str
    bit_offsets: NDArray[np.uint64]
    offsets: NDArray[np.uint64]
    window_starts: NDArray[np.uint64]
    window_sizes: NDArray[np.uint32]
    windows: NDArray[np.uint8]
    content: bytes = b""
    """All of an index in memory."""
    not_kept: str = ""

    def __reduce__(self) -> tuple[Any, ...]:
        if self.path is not None:
            raise TypeError("a seek index that is a file is not sent: the other side maps it, too")
        return seek_index_in_memory, (self.content, self.not_kept)

    def open(
        self, archive: Path, cache_bytes: int | None = None, *, briefly: bool = False
    ) -> _engine.Source:
        """What `archive` inflates to, for the engine.

        Args:
            archive: the gzip file.
            cache_bytes: of inflated data that are kept, so that neighbours are inflated once; None:
                32 MiB. A plan in blocks needs what its blocks of one window inflate to.
            briefly: open the file anew for each read, as for :class:`OneFile`.
        """
        options = {} if cache_bytes is None else {"cache_bytes": cache_bytes}
        return _engine.Source.gzip(
            os.fsencode(archive),
            bit_offsets=self.bit_offsets,
            offsets=self.offsets,
            window_starts=self.window_starts,
            window_sizes=self.window_sizes,
            windows=self.windows,
            size_bytes=self.size_bytes,
            briefly=briefly,
            **options,
        )

    def stretches(self, offsets: NDArray[np.uint64]) -> NDArray[np.int64]:
        """[N] the stretch, 0 to P - 1, that the byte at each of N offsets in the data lies in."""
        return np.searchsorted(self.offsets, offsets, side="right").astype(np.int64) - 1

    def members(self) -> _scan.Members:
        """The members of the tar in the file; offsets are in the inflated data.

        Raises:
            ReadError: the index has changed under us.
        """
        try:
            with self._file() as file:
                _, start = FORM.read_header(file)
                chunks = list(read_chunks(file, start, check_all=True))
            parts = [members_of_chunk(chunk) for chunk in chunks]
        except UnusableSidecarError as error:
            raise ReadError(f"the seek index '{self.path}' {error}: remove it") from None
        if not chunks or not chunks[-1].is_last:
            raise ReadError(f"the seek index '{self.path}' is damaged: remove it")
        return join_members(parts)

    def _file(self) -> BufferedReader | io.BytesIO:
        return (
            io.BytesIO(self.content)
            if self.path is None
            else io.BufferedReader(open_to_read(self.path))
        )


class StoredChunk(NamedTuple):
    """One chunk as it is stored in a seek index; the module's head describes its parts.

    The pass that makes a seek index gives what is to be stored as a `_scan.SeekPart`.
    """

    points: bytes
    windows_at: int  # [bytes] from the file's start
    windows_bytes: int
    rest: bytes | None  # members, names, JSON, state; None unless all was to be checked
    members: int
    names_bytes: int
    json_bytes: int
    inflated_bytes: int
    md5: bytes
    end: int

    @property
    def is_last(self) -> bool:
        """Whether the pass has come to its end with this chunk."""
        return self.md5 != UNFINISHED_MD5


def load_seek_index(path: Path, expected: SeekHeader, *, mapped: bool) -> SeekIndex | None:
    """The seek index at `path`; None where the pass that makes it has not come to its end.

    Raises:
        FileNotFoundError: there is none.
        UnusableSidecarError: it is of another archive, or damaged.
    """
    with io.BufferedReader(open_to_read(path)) as file:
        header, start = FORM.read_header(file)
        check_header(header, expected)
        chunks = list(read_chunks(file, start, check_all=False))
        if not chunks or not chunks[-1].is_last:
            return None
        memory: mmap.mmap | bytes
        if mapped:
            memory = mmap.mmap(file.fileno(), chunks[-1].end, access=mmap.ACCESS_READ)
        else:
            file.seek(0)
            memory = file.read(chunks[-1].end)
    return _index_of(chunks, memory, path)


def seek_index_in_memory(content: bytes, not_kept: str) -> SeekIndex:
    """The seek index whose bytes, all of a file, are `content`; the pass came to its end."""
    file = io.BytesIO(content)
    _, start = FORM.read_header(file)
    index = _index_of(list(read_chunks(file, start, check_all=False)), content, None)
    return replace(index, content=content, not_kept=not_kept)


def _index_of(
    chunks: Sequence[StoredChunk], memory: mmap.mmap | bytes, path: Path | None
) -> SeekIndex:
    """The index of all `chunks`; `memory` has the file up to the end of the last one."""
    bit_offsets, offsets, sizes, starts = [], [], [], []
    for chunk in chunks:
        count = len(chunk.points) // _POINT_BYTES
        bit_offsets.append(np.frombuffer(chunk.points, "<u8", count))
        offsets.append(np.frombuffer(chunk.points, "<u8", count, 8 * count))
        sizes.append(np.frombuffer(chunk.points, "<u4", count, 16 * count))
        ends = np.cumsum(sizes[-1], dtype=np.uint64)
        starts.append(ends - sizes[-1] + np.uint64(chunk.windows_at))
    return SeekIndex(
        path,
        chunks[-1].inflated_bytes,
        chunks[-1].md5.hex(),
        np.concatenate(bit_offsets),
        np.concatenate(offsets),
        np.concatenate(starts),
        np.concatenate(sizes),
        np.frombuffer(memory, np.uint8),
    )


def check_header(header: SeekHeader, expected: SeekHeader) -> None:
    """Raises UnusableSidecarError unless the index is of the archive as it is now.

    The archive may have had another name: of what it inflates to, that says nothing.
    """
    if not has_same_content(header.archive, expected.archive):
        raise UnusableSidecarError(
            f"is stale: archive '{expected.archive.name}' is not what it was when it was made"
        )
    for name in ("folder", "spacing"):
        if getattr(header, name) != getattr(expected, name):
            raise UnusableSidecarError(f"was made with another {name}")


def read_chunks(file: Any, position: int, *, check_all: bool) -> Iterator[StoredChunk]:
    """The whole and undamaged chunks from `position` on, in order; stops at the first other one.

    It also stops at a chunk whose first seek point is not behind the last one of the chunk before:
    two processes that no lock kept apart have then both appended. Unless `check_all`, what stands
    behind the windows (members, names, JSON, state) is neither read nor checked.
    """
    file_bytes = file.seek(0, os.SEEK_END)
    is_last = False
    last_point = -1
    while not is_last:
        file.seek(position)
        fixed = file.read(CHUNK.size)
        if len(fixed) < CHUNK.size:
            return
        magic, crc, rest_crc, points, windows, members, names, text, state, inflated, md5 = (
            CHUNK.unpack(fixed)
        )
        windows_at = position + CHUNK.size + _POINT_BYTES * points
        rest_bytes = _MEMBER_BYTES * members + names + text + state
        end = windows_at + windows + rest_bytes
        if magic != CHUNK_MAGIC or end > file_bytes:
            return
        table = file.read(_POINT_BYTES * points)
        if zlib.crc32(table, zlib.crc32(fixed[CRC_FROM:])) != crc:
            return
        bit_offsets = np.frombuffer(table, "<u8", points)
        if points:
            if int(bit_offsets[0]) <= last_point:
                return
            last_point = int(bit_offsets[-1])
        rest = None
        if check_all:
            file.seek(windows_at + windows)
            rest = file.read(rest_bytes)
            if zlib.crc32(rest) != rest_crc:
                return
        chunk = StoredChunk(
            table, windows_at, windows, rest, members, names, text, inflated, md5, end
        )
        is_last, position = chunk.is_last, end
        yield chunk


def members_of_chunk(chunk: StoredChunk) -> _scan.Members:
    """What the chunk says of members; `chunk` was checked in whole.

    Raises:
        UnusableSidecarError: its JSON, whose checksum holds, is not what it should be.
    """
    rest, count = chunk.rest or b"", chunk.members
    names_at = _MEMBER_BYTES * count
    json_at = names_at + chunk.names_bytes
    told = checked_json(_ChunkText, rest[json_at : json_at + chunk.json_bytes])
    return _scan.Members(
        offsets=np.frombuffer(rest, "<u8", count),
        sizes=np.frombuffer(rest, "<u8", count, 8 * count),
        containers=np.frombuffer(rest, "<i4", count, 16 * count),
        heads=np.frombuffer(rest, np.uint8, _HEAD_BYTES * count, 20 * count).reshape(
            count, _HEAD_BYTES
        ),
        name_ends=np.frombuffer(rest, "<u8", count, 28 * count),
        names=np.frombuffer(rest, np.uint8, chunk.names_bytes, names_at),
        container_names=told.containers,
        special_entries=told.special_entries,
        passed=None if told.passed is None else [_scan.Passed(*entry) for entry in told.passed],
        notes=[_scan.Note(*note) for note in told.notes],
    )


def state_of_chunk(chunk: StoredChunk) -> bytes:
    """What the pass goes on from behind the chunk, which was checked in whole."""
    start = _MEMBER_BYTES * chunk.members + chunk.names_bytes + chunk.json_bytes
    return (chunk.rest or b"")[start:]

"""The seek index: what makes random access into a gzipped tar possible.

``<archive>.fastinet.seek`` beside the archive, or in the user's cache folder. One pass over the
archive makes it. It inflates all data once, checks every gzip member, walks the tar headers, notes
a place to enter at every 512 KiB (``csrc/gzip/seek_points.h``), and computes the MD5 of the file.
For a terabyte that takes an hour, so the index is a log of chunks, and a pass that was interrupted
goes on behind the last one:

======  ============================================================================================
header  magic ``FASTSEEK``, u32 format version, u32 CRC-32 of the JSON, u32 length of the JSON; the
        JSON: fastinet version, archive (as in the index), folder, spacing
chunk   magic ``CHNK``, u32 CRC-32 of what follows up to the windows, u32 CRC-32 of what is behind
        them, u64 P points, u64 bytes of windows, u64 M members, u64 bytes of names, u64 bytes of
        JSON, u64 bytes of state, u64 bytes of all inflated data, 16 bytes MD5 of the archive (the
        last two in the last chunk, else zeros);
        points: u64 [P] bit offsets, u64 [P] offsets, u32 [P] sizes of windows; the windows;
        members: u64 [M] offsets, u64 [M] sizes, i32 [M] containers, u8 [M, 8] heads, u64 [M] name
        ends, the names; the JSON: inner tars that the chunk has begun, special entries; the state
        that the pass goes on from (``csrc/passes/seek_pass.cc``)
======  ============================================================================================

Little-endian throughout. A chunk that is cut or does not fit its checksums ends the log. Only a log
with its last chunk serves. The members move on to the index (:mod:`fastinet.catalog`); the windows
are mapped by readers, and each is a zlib stream with a checksum that is verified when it is used.

One process makes an index, and others wait for it (:mod:`fastinet.turns`). It appends, or puts a
new file in the place of one that does not fit, and never changes a byte that a reader may have
mapped.
"""

from __future__ import annotations

import contextlib
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

from fastinet import _engine, _scan, catalog, turns
from fastinet.appending import Log, LogForm
from fastinet.errors import FastinetWarning, ReadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from fastinet.sources import Identity

__all__ = ["SeekIndex", "is_gzip", "obtain"]

SUFFIX: Final = ".seek"
FORMAT_VERSION: Final = 1

# What an interruption loses at most, of the compressed file [bytes]: a second or two of work.
CHUNK_BYTES: Final = 1 << 28
# Between two looks at signals, and two reports of progress [bytes]: some 30 ms.
_STEP_BYTES = 1 << 23

_FORM = LogForm("seek index", b"FASTSEEK", FORMAT_VERSION, max_json_bytes=1 << 16)
_CHUNK = struct.Struct("<4sII7Q16s")
_CHUNK_MAGIC = b"CHNK"
_CRC_FROM = 12  # what of the fixed part is under the first CRC: all behind the CRCs
_POINT_BYTES = 8 + 8 + 4
_MEMBER_BYTES = 8 + 8 + 4 + 8 + 8
_HEAD_BYTES = 8
_UNFINISHED_MD5 = bytes(16)


def is_gzip(path: Path) -> bool:
    """Whether the file at `path` begins as gzip data do; False where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(2) == b"\x1f\x8b"
    except OSError:
        return False


@dataclass(frozen=True)
class SeekIndex:
    """The seek points of a gzip file, P of them, in rising order.

    The data from one point to the next are a *stretch*. Reading any part of one inflates it from
    its start, so a plan that is to inflate each once takes the items of a few stretches together.

    Attributes:
        path: of the index.
        size_bytes: of all that the file inflates to.
        md5: of the file as it stands, in hexadecimal digits.
        bit_offsets: [P] uint64, of each point in the file [bits].
        offsets: [P] uint64, of each point in the inflated data [bytes].
        window_starts: [P] uint64, where the point's window is in `windows` [bytes].
        window_sizes: [P] uint32 bytes; 0: it needs none.
        windows: uint8, memory-mapped as a rule.
    """

    path: Path
    size_bytes: int
    md5: str
    bit_offsets: NDArray[np.uint64]
    offsets: NDArray[np.uint64]
    window_starts: NDArray[np.uint64]
    window_sizes: NDArray[np.uint32]
    windows: NDArray[np.uint8]

    def open(
        self, archive: Path, cache_bytes: int | None = None, *, briefly: bool = False
    ) -> _engine.Source:
        """What `archive` inflates to, for the engine.

        Args:
            archive: the gzip file.
            cache_bytes: of inflated data that are kept, so that neighbours are inflated once; None:
                32 MiB. A plan in blocks needs what its blocks of one window inflate to.
            briefly: open the file for each read and not for good.
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
        with self.path.open("rb") as file:
            _, start = _FORM.read_header(file)
            chunks = list(_chunks(file, start, check_all=True))
        if not chunks or not chunks[-1].is_last:
            raise ReadError(f"the seek index '{self.path}' is damaged: remove it")
        return _joined([_members_of(chunk) for chunk in chunks])


def obtain(
    archive: Path,
    identity: Identity,
    folder: str = "",
    progress: Callable[[int, int], None] | None = None,
    *,
    spacing: int = _scan.SEEK_SPACING,
    chunk_bytes: int = CHUNK_BYTES,
    mapped: bool = True,
) -> SeekIndex:
    """The seek index of a gzipped tar; made in one pass where there is no good one.

    Args:
        archive: the gzip file.
        identity: of it, as it is now.
        folder: put before the members' names, with a slash.
        progress: called with (bytes passed, bytes in all) of the compressed file, by the pass here
            or in another process that makes the index. It may raise to stop the pass or the wait;
            what was done is kept, and the next try goes on from there.
        spacing: of the seek points [bytes of inflated data].
        chunk_bytes: of the compressed file that are kept at once.
        mapped: False reads the index into memory: a mapping keeps a file descriptor.

    Raises:
        ReadError: the archive cannot be read, or the index cannot be written. What was done is
            kept.
        CorruptError: the gzip data are damaged or cut, or the tar in them is.
    """
    header = {"archive": identity._asdict(), "folder": folder, "spacing": spacing}
    places = _places(archive)
    findings: list[str] = []

    def find() -> SeekIndex | None:
        findings.clear()
        for place in places:
            try:
                found = _load(place, header, mapped=mapped)
            except FileNotFoundError:
                continue
            except catalog.UnusableIndexError as error:
                findings.append(f"the seek index '{place}' {error}")
            except OSError as error:
                findings.append(f"the seek index '{place}' cannot be read ({error.strerror})")
            else:
                if found is not None:
                    return found
        return None

    def make(places: Sequence[Path], report: turns.Report) -> SeekIndex:
        for finding in findings:
            warnings.warn(f"{finding}; it is built anew", FastinetWarning, stacklevel=5)
        log = _SeekLog(places, archive, header)
        with contextlib.closing(log):
            _fill(log, archive, header, report, chunk_bytes)
        found = _load(log.path, header, mapped=mapped)
        if found is None:
            raise ReadError(f"the seek index '{log.path}' has changed under us: open again")
        return found

    return turns.find_or_make(
        places, _FORM.what, find=find, make=make, progress=progress, stacklevel=3
    )


def _places(archive: Path) -> list[Path]:
    return [place.with_name(place.name + SUFFIX) for place in catalog.places(archive)]


# ------------------------------------------------------------------------------------- reading


class _Chunk(NamedTuple):
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
        return self.md5 != _UNFINISHED_MD5


def _load(path: Path, expected: dict[str, Any], *, mapped: bool) -> SeekIndex | None:
    """The index at `path`; None where the pass that makes it has not come to its end.

    Raises:
        FileNotFoundError: there is none.
        UnusableIndexError: it is of another archive, or damaged.
    """
    with path.open("rb") as file:
        header, start = _FORM.read_header(file)
        _compare(header, expected)
        chunks = list(_chunks(file, start, check_all=False))
        if not chunks or not chunks[-1].is_last:
            return None
        memory: mmap.mmap | bytes
        if mapped:
            memory = mmap.mmap(file.fileno(), chunks[-1].end, access=mmap.ACCESS_READ)
        else:
            file.seek(0)
            memory = file.read(chunks[-1].end)
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


def _compare(header: dict[str, Any], expected: dict[str, Any]) -> None:
    """Raises UnusableIndexError unless the index is of the archive as it is now."""
    archive = expected["archive"]
    if header["archive"] != archive:
        raise catalog.UnusableIndexError(
            f"is stale: archive '{archive['name']}' is not what it was when it was made"
        )
    for name in ("folder", "spacing"):
        if header[name] != expected[name]:
            raise catalog.UnusableIndexError(f"was made with another {name}")


def _chunks(file: Any, position: int, *, check_all: bool) -> Iterator[_Chunk]:
    """The whole and undamaged chunks from `position` on, in order; stops at the first other one.

    So does a chunk that begins before the end of the one before it: two processes that no lock kept
    apart have both written. Unless `check_all`, what stands behind the windows is neither read nor
    checked.
    """
    file_bytes = os.fstat(file.fileno()).st_size
    is_last = False
    last_point = -1
    while not is_last:
        file.seek(position)
        fixed = file.read(_CHUNK.size)
        if len(fixed) < _CHUNK.size:
            return
        magic, crc, rest_crc, points, windows, members, names, text, state, inflated, md5 = (
            _CHUNK.unpack(fixed)
        )
        windows_at = position + _CHUNK.size + _POINT_BYTES * points
        rest_bytes = _MEMBER_BYTES * members + names + text + state
        end = windows_at + windows + rest_bytes
        if magic != _CHUNK_MAGIC or end > file_bytes:
            return
        table = file.read(_POINT_BYTES * points)
        if zlib.crc32(table, zlib.crc32(fixed[_CRC_FROM:])) != crc:
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
        chunk = _Chunk(table, windows_at, windows, rest, members, names, text, inflated, md5, end)
        is_last, position = chunk.is_last, end
        yield chunk


def _members_of(chunk: _Chunk) -> _scan.Members:
    """What the chunk says of members; `chunk` was checked in whole."""
    rest, count = chunk.rest or b"", chunk.members
    names_at = _MEMBER_BYTES * count
    json_at = names_at + chunk.names_bytes
    told = json.loads(rest[json_at : json_at + chunk.json_bytes])
    return _scan.Members(
        offsets=np.frombuffer(rest, "<u8", count),
        sizes=np.frombuffer(rest, "<u8", count, 8 * count),
        containers=np.frombuffer(rest, "<i4", count, 16 * count),
        heads=np.frombuffer(rest, np.uint8, _HEAD_BYTES * count, 20 * count).reshape(
            count, _HEAD_BYTES
        ),
        name_ends=np.frombuffer(rest, "<u8", count, 28 * count),
        names=np.frombuffer(rest, np.uint8, chunk.names_bytes, names_at),
        container_names=told["containers"],
        special_entries=told["special_entries"],
    )


def _state_of(chunk: _Chunk) -> bytes:
    start = _MEMBER_BYTES * chunk.members + chunk.names_bytes + chunk.json_bytes
    return (chunk.rest or b"")[start:]


def _joined(parts: Sequence[_scan.Members]) -> _scan.Members:
    """The members of all chunks as one scan would give them."""
    before = np.cumsum([0, *(len(part.names) for part in parts)]).astype(np.uint64)
    return _scan.Members(
        offsets=np.concatenate([part.offsets for part in parts]),
        sizes=np.concatenate([part.sizes for part in parts]),
        containers=np.concatenate([part.containers for part in parts]),
        heads=np.concatenate([part.heads for part in parts]),
        names=np.concatenate([part.names for part in parts]),
        name_ends=np.concatenate(
            [part.name_ends + start for part, start in zip(parts, before[:-1], strict=True)]
        ),
        container_names=[name for part in parts for name in part.container_names],
        special_entries=sum(part.special_entries for part in parts),
    )


# ------------------------------------------------------------------------------------- making


def _fill(
    log: _SeekLog,
    archive: Path,
    header: dict[str, Any],
    report: turns.Report,
    chunk_bytes: int,
) -> None:
    """Adds to the log what the pass over `archive` finds behind what was found before."""
    if log.is_complete:
        return
    seek_pass = _scan.SeekPass(archive, header["folder"], header["spacing"])
    if log.state:
        seek_pass.resume(log.state, log.container_names)
    kept = seek_pass.position_bytes
    try:
        while not seek_pass.done:
            report(seek_pass.position_bytes, seek_pass.size_bytes)
            if seek_pass.position_bytes - kept >= chunk_bytes:
                kept = seek_pass.position_bytes
                log.append(seek_pass.take())
            seek_pass.step(min(_STEP_BYTES, chunk_bytes))
    except BaseException:
        with contextlib.suppress(ReadError):
            log.append(seek_pass.take())
        raise
    log.append(seek_pass.take(), seek_pass.inflated_bytes, bytes.fromhex(seek_pass.md5))
    report(seek_pass.size_bytes, seek_pass.size_bytes)


class _SeekLog(Log):
    """The seek index while it is made; goes on where an earlier try ended.

    Attributes:
        path: of the index.
        state: what the pass goes on from; empty at its start.
        container_names: inner tars that were begun before.
        is_complete: there is nothing left to do.
    """

    def __init__(self, places: Sequence[Path], archive: Path, header: dict[str, Any]) -> None:
        """The log of `archive` in the first of `places` that can be written; errors as `Log`'s."""
        self._header = header
        super().__init__(places, _FORM, str(archive))

    def close(self) -> None:
        """Closes the file; others may go on with it. One that holds nothing yet is removed."""
        if self._is_empty:
            with contextlib.suppress(OSError):
                self.path.unlink()
        super().close()

    def append(
        self, part: _scan.SeekPart, inflated_bytes: int = 0, md5: bytes = _UNFINISHED_MD5
    ) -> None:
        """Adds what a part of the pass found; it is on disk when it returns.

        Args:
            part: nothing is done for one without a point, unless it is the last.
            inflated_bytes: of the whole file; given with the last part.
            md5: of the whole file; given with the last part.

        Raises:
            ReadError: it cannot be written; the index is as good as before.
        """
        if not len(part.offsets) and md5 == _UNFINISHED_MD5:
            return
        self._append(_packed(part, inflated_bytes, md5))
        self._is_empty = False

    def _resume(self) -> None:
        self.state, self.container_names, self.is_complete = b"", [], False
        self._is_empty = True
        try:
            found, end = _FORM.read_header(self._file)
            _compare(found, self._header)
        except catalog.UnusableIndexError:
            self._begin({"fastinet": catalog.fastinet_version(), **self._header})
            return
        for chunk in _chunks(self._file, end, check_all=True):
            self.container_names += _members_of(chunk).container_names
            self.state, self.is_complete, end = _state_of(chunk), chunk.is_last, chunk.end
            self._is_empty = False
        self._cut(end)


def _packed(part: _scan.SeekPart, inflated_bytes: int, md5: bytes) -> bytes:
    """The chunk of `part`."""
    members = part.members
    points = b"".join(
        (
            part.bit_offsets.astype("<u8").tobytes(),
            part.offsets.astype("<u8").tobytes(),
            part.window_sizes.astype("<u4").tobytes(),
        )
    )
    told = {"containers": members.container_names, "special_entries": members.special_entries}
    text = json.dumps(told).encode("ascii")
    rest = b"".join(
        (
            members.offsets.astype("<u8").tobytes(),
            members.sizes.astype("<u8").tobytes(),
            members.containers.astype("<i4").tobytes(),
            members.heads.tobytes(),
            members.name_ends.astype("<u8").tobytes(),
            members.names.tobytes(),
            text,
            part.state.tobytes(),
        )
    )
    fields = (
        len(part.offsets),
        len(part.windows),
        len(members.offsets),
        len(members.names),
        len(text),
        len(part.state),
        inflated_bytes,
        md5,
    )
    unchecked = _CHUNK.pack(_CHUNK_MAGIC, 0, 0, *fields)
    crc = zlib.crc32(points, zlib.crc32(unchecked[_CRC_FROM:]))
    head = _CHUNK.pack(_CHUNK_MAGIC, crc, zlib.crc32(rest), *fields)
    return head + points + part.windows.tobytes() + rest

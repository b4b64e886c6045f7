"""Making a seek index: one pass over a gzipped tar, kept chunk by chunk.

One process makes a seek index, and others wait for it (:mod:`fastinet.sidecars.turns`). It appends
to an unfinished log of the same archive, and keeps what no disk takes in its memory. A log of
another archive, format version, folder or spacing, or with a damaged header, it replaces by a new
file. How the file is laid out stands in :mod:`fastinet.archives.seek_index`.
"""

from __future__ import annotations

import contextlib
import json
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from fastinet._native import _scan
from fastinet.archives.seek_index import (
    CHUNK,
    CHUNK_MAGIC,
    CRC_FROM,
    FORM,
    SUFFIX,
    UNFINISHED_MD5,
    LastPoint,
    SeekHeader,
    SeekIndex,
    check_header,
    check_points,
    load_seek_index,
    members_of_chunk,
    read_chunks,
    seek_index_in_memory,
    state_of_chunk,
)
from fastinet.base.limits import check_member_count
from fastinet.base.warning import warn
from fastinet.errors import ReadError
from fastinet.sidecars import turns
from fastinet.sidecars.column_file import UnusableSidecarError
from fastinet.sidecars.identity import content_hash
from fastinet.sidecars.log import Log
from fastinet.sidecars.places import Sidecars

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fastinet.base.progress import Progress
    from fastinet.sidecars.identity import Identity
    from fastinet.sidecars.owners import Owners

__all__ = ["obtain_seek_index"]

# What an interruption loses at most, of the compressed file [bytes]: a second or two of work.
CHUNK_BYTES: Final = 1 << 28
# Between two looks at signals, and two reports of progress [bytes]: some 30 ms.
_STEP_BYTES = 1 << 23


def obtain_seek_index(
    archive: Path,
    identity: Identity,
    folder: str = "",
    progress: Progress | None = None,
    *,
    spacing: int = _scan.SEEK_SPACING,
    chunk_bytes: int = CHUNK_BYTES,
    sidecars: Sidecars | None = None,
    end_marker_required: bool = True,
) -> SeekIndex:
    """The seek index of a gzipped tar; made in one pass where there is no good one.

    Where it can be kept nowhere it is in memory, and says why (`SeekIndex.not_kept`).

    Args:
        archive: the gzip file.
        identity: of it, as it is now.
        folder: put before the members' names, with a slash.
        progress: called with (bytes passed, bytes in all) of the compressed file, by the pass here
            or in another process that makes the index. It may raise to stop the pass or the wait;
            what was done is kept, and the next try goes on from there.
        spacing: of the seek points [bytes of inflated data].
        chunk_bytes: of the compressed file that are kept at once.
        sidecars: of the archive; None: they are in the usual places.
        end_marker_required: of a pass that is made. An index that is there may be of a tar without
            its marker: its members' notes say so.

    Raises:
        ReadError: the archive cannot be read. What was done is kept.
        CorruptError: the gzip data are damaged or cut, or the tar in them is.
    """
    header = SeekHeader(identity, folder, spacing)
    sidecars = replace(sidecars or Sidecars(archive), content=content_hash([identity]))
    candidates = sidecars.places(SUFFIX)
    findings: list[str] = []

    def find_whole_index() -> SeekIndex | None:
        findings.clear()
        for place in candidates:
            try:
                found = load_seek_index(place, header, owners=sidecars.owners)
            except FileNotFoundError:
                continue
            except UnusableSidecarError as error:
                findings.append(f"the seek index '{place}' {error}")
            except OSError as error:
                findings.append(f"the seek index '{place}' cannot be read ({error.strerror})")
            else:
                if found is not None:
                    return found
        return None

    def complete_index(usable: Sequence[Path], progress: Progress) -> SeekIndex:
        for finding in findings:
            warn(f"{finding}; it is built anew")
        log = SeekLog(usable, archive, header, sidecars.advice(), sidecars.owners)
        with contextlib.closing(log):
            if not log.is_complete:
                seek_pass = _scan.SeekPass(
                    archive, header.folder, header.spacing, end_marker_required
                )
                _run_seek_pass(log, str(archive), seek_pass, progress, chunk_bytes)
            if log.path is None:
                return seek_index_in_memory(log.content_in_memory(), log.not_kept)
        try:
            found = load_seek_index(log.path, header, owners=sidecars.owners)
        except (OSError, UnusableSidecarError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise ReadError(
                f"the seek index '{log.path}' was made, and cannot be read: {why}"
            ) from error
        if found is None:
            raise ReadError(f"the seek index '{log.path}' has changed under us: open again")
        return found

    return turns.find_or_make_sidecar(
        candidates,
        FORM.what,
        find_complete=find_whole_index,
        make_missing=complete_index,
        progress=progress,
    )


def _run_seek_pass(
    log: SeekLog, archive: str, seek_pass: _scan.SeekPass, progress: Progress, chunk_bytes: int
) -> None:
    """Adds to the log what the pass finds behind what was found before."""
    if log.state:
        seek_pass.resume(log.state, log.container_names)
    kept = seek_pass.position_bytes

    def keep() -> None:
        if seek_pass.done:
            log.append(seek_pass.take(), seek_pass.inflated_bytes, bytes.fromhex(seek_pass.md5))
        else:
            log.append(seek_pass.take())

    try:
        while not seek_pass.done:
            progress(seek_pass.position_bytes, seek_pass.size_bytes)
            if seek_pass.position_bytes - kept >= chunk_bytes:
                kept = seek_pass.position_bytes
                keep()
            seek_pass.step(min(_STEP_BYTES, chunk_bytes))
            check_member_count(log.members + seek_pass.waiting_members, archive)
    except BaseException:
        with contextlib.suppress(ReadError):
            keep()
        raise
    keep()
    progress(seek_pass.size_bytes, seek_pass.size_bytes)


class SeekLog(Log):
    """The seek index while it is made; goes on where an earlier try ended.

    Attributes:
        path: of the index.
        state: what the pass goes on from; empty at its start.
        container_names: inner tars that were begun before, and directories.
        is_complete: there is nothing left to do.
    """

    may_stay_in_memory = True

    def __init__(
        self,
        places: Sequence[Path],
        archive: Path,
        header: SeekHeader,
        advice: str,
        owners: Owners,
    ) -> None:
        """The log of `archive`; see `Log`."""
        self._expected = header
        super().__init__(places, FORM, str(archive), header.to_json(), advice, owners)

    def close(self) -> None:
        """Closes the file; others may go on with it. One that holds nothing yet is removed."""
        if self._is_empty and self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink()
        super().close()

    def append(
        self, part: _scan.SeekPart, inflated_bytes: int = 0, md5: bytes = UNFINISHED_MD5
    ) -> None:
        """Adds what a part of the pass found; see `Log`.

        Args:
            part: nothing is done for one without a point, unless it is the last.
            inflated_bytes: of the whole file; given with the last part.
            md5: of the whole file; given with the last part.

        Raises:
            ReadError: it cannot be written; the index is as good as before.
        """
        if not len(part.offsets) and md5 == UNFINISHED_MD5:
            return
        self._append(_packed_chunk(part, inflated_bytes, md5))
        self.members += len(part.members.offsets)
        self._is_empty = False

    def _resume(self) -> None:
        self.state = b""
        self.container_names: list[str] = []
        self.members = 0
        self.is_complete = False
        self._is_empty = True
        super()._resume()

    def _check_header(self, header: SeekHeader) -> None:
        check_header(header, self._expected)

    def _take_over(self, start: int) -> int:
        end = start
        last = LastPoint()
        for chunk in read_chunks(self._file, start, check_all=True):
            try:
                last = check_points(chunk, last, self._expected.archive.size)
                members = members_of_chunk(chunk)
                self.container_names += members.container_names
                self.members += len(members.offsets)
            except UnusableSidecarError:  # as a chunk whose checksum is wrong: the log ends here
                break
            self.state, self.is_complete, end = state_of_chunk(chunk), chunk.is_last, chunk.end
            self._is_empty = False
        return end


def _packed_chunk(part: _scan.SeekPart, inflated_bytes: int, md5: bytes) -> bytes:
    """The chunk of `part`."""
    members = part.members
    points = b"".join(
        (
            part.bit_offsets.astype("<u8").tobytes(),
            part.offsets.astype("<u8").tobytes(),
            part.window_sizes.astype("<u4").tobytes(),
        )
    )
    told = {
        "containers": members.container_names,
        "special_entries": members.special_entries,
        "passed": members.passed,
        "notes": members.notes,
    }
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
    unchecked = CHUNK.pack(CHUNK_MAGIC, 0, 0, *fields)
    crc = zlib.crc32(points, zlib.crc32(unchecked[CRC_FROM:]))
    head = CHUNK.pack(CHUNK_MAGIC, crc, zlib.crc32(rest), *fields)
    return head + points + part.windows.tobytes() + rest

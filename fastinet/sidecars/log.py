"""Logs: files that one process at a time appends to, while others may read them.

A log begins with a header: a magic number of 8 bytes, u32 format version, u32 CRC-32 of the JSON,
u32 length of the JSON, all little-endian; the JSON says what the log is of. Chunks follow, each
with checksums of its own, so that a pass that was interrupted loses the last one at most.

Bytes that are there never change. A log that does not fit is replaced by a new file. A log of a
kind that is needed at once, and can be kept nowhere, is made in memory (`Log.may_stay_in_memory`);
so is the rest of one whose disk is full. That one process makes it while the others wait is the
business of :mod:`fastinet.sidecars.turns`; where its locks do not reach, a log that another process
has written to is left alone.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from fastinet.errors import ReadError
from fastinet.sidecars.identity import fastinet_version
from fastinet.sidecars.opening import open_to_read, open_to_write
from fastinet.sidecars.owners import Owners, UntrustedSidecarError
from fastinet.sidecars.places import make_folder, shown_failures
from fastinet.sidecars.schema import UnusableSidecarError, checked_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from io import BufferedReader, BytesIO, FileIO
    from pathlib import Path

__all__ = ["Log", "LogForm"]

Header = TypeVar("Header")

_HEADER = struct.Struct("<8sIII")
_NOBODY = Owners()


@dataclass(frozen=True)
class LogForm(Generic[Header]):
    """How the logs of one kind begin: a reader checks a header by it, a writer makes one of it."""

    what: str
    """Name of the kind, for messages: "seek index"."""
    magic: bytes
    """8 bytes."""
    version: int
    max_json_bytes: int
    """A longer header is taken for damage, and not read."""
    header_type: type[Header]
    """A dataclass of what the JSON holds (:mod:`fastinet.sidecars.schema`)."""

    def read_header(self, file: FileIO | BufferedReader[Any] | BytesIO) -> tuple[Header, int]:
        """The header, and where the first chunk starts [bytes].

        Raises:
            FileNotFoundError: it is empty, begun and never written: as good as none.
            UnusableSidecarError: the header is damaged, or of another kind or version.
        """
        file.seek(0)
        fixed = file.read(_HEADER.size) or b""
        if not fixed:
            raise FileNotFoundError(errno.ENOENT, "it is empty")
        if len(fixed) < _HEADER.size:
            raise UnusableSidecarError(f"is damaged or no {self.what} at all")
        magic, version, crc, length = _HEADER.unpack(fixed)
        if magic != self.magic or length > self.max_json_bytes:
            raise UnusableSidecarError(f"is damaged or no {self.what} at all")
        if version != self.version:
            raise UnusableSidecarError(
                f"has format version {version}, and this fastinet reads {self.version}"
            )
        text = file.read(length) or b""
        if len(text) != length or zlib.crc32(text) != crc:
            raise UnusableSidecarError("is damaged: the checksum of its header is wrong")
        return checked_json(self.header_type, text), _HEADER.size + length

    def header(self, content: Mapping[str, Any]) -> bytes:
        """The header whose JSON is `content`."""
        text = json.dumps(content).encode("ascii")
        return _HEADER.pack(self.magic, self.version, zlib.crc32(text), len(text)) + text


class Log:
    """A log that this process appends to; it goes on where an earlier process ended.

    Each kind of log is a subclass, which knows its chunks: it takes over those that are there
    (`_resume`) and packs new ones for `_append`.

    Attributes:
        path: of the log; None: it is in memory, all of it or its end.
        not_kept: why it is in memory, for messages; "": it is not, or nobody asked for a file.
    """

    may_stay_in_memory: ClassVar[bool] = False
    """Whether a log of this kind is of use although it is kept nowhere."""

    path: Path | None
    _file: FileIO | BytesIO

    def __init__(
        self,
        places: Sequence[Path],
        form: LogForm[Any],
        archive: str,
        content: Mapping[str, Any],
        advice: str,
        owners: Owners = _NOBODY,
    ) -> None:
        """Opens the log in the first of `places` that can be written.

        A place that has a log which fits, begun by an earlier process, comes before the others.

        Args:
            places: where it may be, best place first.
            form: of the log.
            archive: that it is of, for the message.
            content: of a new log's header, besides the fastinet version.
            advice: what a user can do where none of them can be written.
            owners: whose logs are gone on with, besides this user's own; others stay as they are.

        Raises:
            ReadError: none of them can be written, and it may not stay in memory.
        """
        self._form = form
        self._content = content
        self._owners = owners
        self.not_kept = ""
        failures: list[tuple[Path, OSError]] = []
        for place in sorted(places, key=lambda place: not self._is_begun_at(place)):
            self.path = place
            try:
                make_folder(place.parent)
                self._file = open_to_write(place, append=True)
                try:
                    owners.check(self._file)
                    self._resume()
                except BaseException:
                    self._file.close()
                    raise
            except UntrustedSidecarError:
                failures.append((place, OSError(errno.EPERM, "it is another user's")))
            except OSError as error:
                failures.append((place, error))
            else:
                return
        self.path = None
        self.not_kept = shown_failures(failures)
        if not self.may_stay_in_memory:
            if not places:
                raise ReadError(
                    f"the {form.what} is not to be kept anywhere, since index= was False: open"
                    " again without it",
                    archive=archive,
                )
            raise ReadError(
                f"the {form.what} cannot be written ({self.not_kept}); {advice}", archive=archive
            )
        self._file = io.BytesIO()
        self._resume()

    def _is_begun_at(self, place: Path) -> bool:
        """Whether a log that fits is there."""
        try:
            with open_to_read(place) as file:
                self._owners.check(file)
                self._check_header(self._form.read_header(file)[0])
        except (OSError, UnusableSidecarError):
            return False
        return True

    def _resume(self) -> None:
        """Goes on behind the last whole chunk of a log that fits; else begins a new one."""
        try:
            header, start = self._form.read_header(self._file)
            self._check_header(header)
        except (FileNotFoundError, UnusableSidecarError):
            self._begin()
            return
        self._end = self._take_over(start)
        self._file.truncate(self._end)

    def _check_header(self, header: Any) -> None:
        """Raises UnusableSidecarError unless the log with this header is the one to be made."""
        raise NotImplementedError

    def _take_over(self, start: int) -> int:
        """Notes what the whole chunks from byte `start` on hold, and gives where the last ends."""
        raise NotImplementedError

    def _begin(self) -> None:
        """Puts a new file in place of the one that is there, which readers may have mapped."""
        header = self._form.header({"fastinet": fastinet_version(), **self._content})
        self._end = len(header)
        if self.path is None:
            self._file.write(header)
            return
        self.path.unlink(missing_ok=True)
        self._file.close()
        self._file = open_to_write(self.path, append=True)
        try:
            _write_through(self._file, header)
        except OSError:
            self.path.unlink(missing_ok=True)
            raise

    def _append(self, data: bytes) -> None:
        """Adds `data`; they are on disk when it returns, or in memory if it may stay there.

        Raises:
            ReadError: they cannot be written; the log is as good as before.
        """
        if self.path is not None:
            try:
                self._check_mine(self.path)
                _write_through(self._file, data)
            except ReadError:
                raise
            except OSError as error:
                with contextlib.suppress(OSError):  # else the next try cuts it
                    self._file.truncate(self._end)
                self._leave_the_disk(self.path, error)
        if self.path is None:
            self._file.write(data)
        self._end += len(data)

    def _leave_the_disk(self, path: Path, error: OSError) -> None:
        """Goes on in memory with what the file at `path` has, which cannot be written any more."""
        unwritable = ReadError(
            f"the {self._form.what} '{path}' cannot be written: {error.strerror}; what it holds so"
            " far is good, and the next try goes on from there"
        )
        if not self.may_stay_in_memory:
            raise unwritable from error
        try:
            self._file.seek(0)
            written = self._file.read(self._end) or b""
        except OSError:
            raise unwritable from error
        if len(written) != self._end:
            raise unwritable from error
        self._file.close()
        self._file = io.BytesIO()
        self._file.write(written)
        self.path = None
        self.not_kept = (
            f"{shown_failures([(path, error)])}; what is there is good, and the next try goes on"
            " from it"
        )

    def _check_mine(self, path: Path) -> None:
        """Raises ReadError unless the log is as this process left it, OSError if nobody can tell.

        Another process may have written to it, or have replaced it.
        """
        status = os.fstat(self._file.fileno())
        try:
            is_mine = status.st_size == self._end and os.path.samestat(status, path.stat())
        except FileNotFoundError:
            is_mine = False
        if not is_mine:
            raise ReadError(
                f"the {self._form.what} '{path}' was changed by another process while this one was"
                " making it, and the locks of its file system did not prevent that: let one process"
                " make it, then open again"
            )

    def content_in_memory(self) -> bytes:
        """All bytes of a log that has no file (`path` is None)."""
        assert isinstance(self._file, io.BytesIO)  # noqa: S101  # for the type checker
        return self._file.getvalue()

    def close(self) -> None:
        """Closes the file; others may go on with it."""
        self._file.close()


def _write_through(file: FileIO | BytesIO, data: bytes) -> None:
    """Writes all of `data`, to the disk itself."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
    os.fsync(file.fileno())

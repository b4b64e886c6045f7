"""Logs: files that one process at a time appends to, while others may have them mapped.

A log begins with a header: a magic number of 8 bytes, u32 format version, u32 CRC-32 of the JSON,
u32 length of the JSON, all little-endian; the JSON says what the log is of. Chunks follow, each
with checksums of its own, so that a pass that was interrupted loses the last one at most.

Bytes that are there never change. A log that does not fit is replaced by a new file. That one
process makes it while the others wait is the business of :mod:`fastinet.sidecars.turns`; where its
locks do not reach, a log that another process has written to is left alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fastinet.errors import ReadError
from fastinet.sidecars.column_file import ELSEWHERE
from fastinet.sidecars.identity import fastinet_version
from fastinet.sidecars.schema import UnusableSidecarError, checked_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from io import BufferedReader, FileIO
    from pathlib import Path

__all__ = ["Log", "LogForm"]

Header = TypeVar("Header")

_HEADER = struct.Struct("<8sIII")


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

    def read_header(self, file: FileIO | BufferedReader) -> tuple[Header, int]:
        """The header, and where the first chunk starts [bytes].

        Raises:
            UnusableSidecarError: the header is damaged, or of another kind or version.
        """
        file.seek(0)
        fixed = file.read(_HEADER.size) or b""
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
        path: of the log.
    """

    def __init__(
        self,
        places: Sequence[Path],
        form: LogForm[Any],
        archive: str,
        content: Mapping[str, Any],
    ) -> None:
        """Opens the log in the first of `places` that can be written.

        Args:
            places: where it may be, best place first.
            form: of the log.
            archive: that it is of, for the message.
            content: of a new log's header, besides the fastinet version.

        Raises:
            ReadError: none of them can be written.
        """
        self._form = form
        self._content = content
        failures = []
        for place in places:
            self.path = place
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                self._file = place.open("a+b", buffering=0)
                try:
                    self._resume()
                except BaseException:
                    self._file.close()
                    raise
            except OSError as error:
                failures.append(f"'{place}': {error.strerror}")
            else:
                return
        raise ReadError(
            f"the {form.what} cannot be written ({'; '.join(failures)}); {ELSEWHERE}",
            archive=archive,
        )

    def _resume(self) -> None:
        """Goes on behind the last whole chunk of a log that fits; else begins a new one."""
        try:
            header, start = self._form.read_header(self._file)
            self._check_header(header)
        except UnusableSidecarError:
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
        self.path.unlink(missing_ok=True)
        self._file.close()
        self._file = self.path.open("a+b", buffering=0)
        header = self._form.header({"fastinet": fastinet_version(), **self._content})
        try:
            _write_through(self._file, header)
        except OSError:
            self.path.unlink(missing_ok=True)
            raise
        self._end = len(header)

    def _append(self, data: bytes) -> None:
        """Adds `data`; they are on disk when it returns.

        Raises:
            ReadError: they cannot be written; the log is as good as before.
        """
        if not self._is_mine():
            raise ReadError(
                f"the {self._form.what} '{self.path}' was changed by another process while this one"
                " was making it, and the locks of its file system did not prevent that: let one"
                " process make it, then open again"
            )
        try:
            _write_through(self._file, data)
        except OSError as error:
            with contextlib.suppress(OSError):  # else the next try cuts it
                self._file.truncate(self._end)
            raise ReadError(
                f"the {self._form.what} '{self.path}' cannot be written: {error.strerror}; what it"
                " holds so far is good, and the next try goes on from there"
            ) from error
        self._end += len(data)

    def _is_mine(self) -> bool:
        """Whether the log is as this process left it: no other has written to it or replaced it."""
        status = os.fstat(self._file.fileno())
        try:
            return status.st_size == self._end and os.path.samestat(status, self.path.stat())
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Closes the file; others may go on with it."""
        self._file.close()


def _write_through(file: FileIO, data: bytes) -> None:
    """Writes all of `data`, to the disk itself."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
    os.fsync(file.fileno())

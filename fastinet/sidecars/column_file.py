"""Column files: named arrays under a JSON header, every byte checksummed.

One file, three parts, each starting on a multiple of 64 bytes and padded with zeros to the next:

===========  =======================================================================================
preamble     64 bytes: magic ``FASTINET``, u32 format version, u32 CRC-32 of preamble and header
             (with this field as zero), u64 length of the header, u64 length of the file;
             little-endian
header       JSON, filled up with spaces: whatever the writer says, and the column table (dtype,
             rows, offset from the header's end, CRC-32 over the column and the zeros behind it)
columns      little-endian arrays, C order
===========  =======================================================================================

Every byte is under one of the CRCs or the length, so any damage is found when the file is opened.
The columns are read into memory, and not mapped: when another process cuts a file that is mapped,
the system ends this one (SIGBUS). Children that are forked share the memory. A large column that
few ask for is checked, and read when somebody does (:class:`LaterColumn`). Readers take columns by
name and pass over names that they do not know. What a reader of one kind of file expects stands in
its :class:`ColumnFileForm`.
"""

from __future__ import annotations

import errno
import json
import os
import re
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from fastinet.base.warning import warn
from fastinet.errors import ReadError
from fastinet.sidecars import turns
from fastinet.sidecars.opening import open_to_read
from fastinet.sidecars.owners import Owners, UntrustedSidecarError
from fastinet.sidecars.places import shown_failures
from fastinet.sidecars.replacing import replace_file
from fastinet.sidecars.schema import Count, UnusableSidecarError, Word32, checked, parsed_object

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from io import FileIO
    from pathlib import Path

    from numpy.typing import NDArray

    from fastinet.base.progress import Progress

__all__ = [
    "ColumnFileForm",
    "LaterColumn",
    "UnusableSidecarError",
    "load_or_build",
    "read_columns",
    "read_header",
    "write_columns",
]

_NOBODY = Owners()

Kept = TypeVar("Kept")
Header = TypeVar("Header")

FORMAT_VERSION = 2

_MAGIC = b"FASTINET"
_PREAMBLE = struct.Struct("<8sIIQQ")
_PREAMBLE_BYTES = 64
_ALIGNMENT = 64  # a cache line, and the widest vector register
_PIECE_BYTES = 1 << 18  # of a read, which the checksum finds in the cache


# What numpy.dtype.str gives for the numbers and fixed-width bytes that a column can have.
_DTYPE = re.compile(r"<[iuf][248]|\|[iu]1|\|S[1-9]\d{0,8}", re.ASCII)


@dataclass(frozen=True)
class ColumnFileForm(Generic[Header]):
    """What the column files of one kind hold: the description that a reader checks them by."""

    header: type[Header]
    """A dataclass of what the writer says in the header (:mod:`fastinet.sidecars.schema`)."""
    columns: Mapping[str, str]
    """The dtype of each column that must be there: "<u8"; "S": bytes of any fixed width."""
    optional: tuple[Mapping[str, str], ...] = ()
    """The dtypes of columns that may be there, in groups: all columns of a group or none."""


def read_columns(
    path: Path,
    form: ColumnFileForm[Header],
    check_header: Callable[[Header], None],
    check_columns: Callable[[Header, Mapping[str, NDArray[Any]]], None] | None = None,
    *,
    owners: Owners = _NOBODY,
    later: Collection[str] = (),
) -> tuple[Header, dict[str, Any]]:
    """The header and the columns of the file at ``path``, in memory; the columns are read-only.

    Args:
        path: the file.
        form: of files of its kind.
        check_header: raises UnusableSidecarError when the header, whose checksum and types hold, is
            not what the caller wants; the columns are then not read.
        check_columns: raises it when the columns, whose checksums hold, do not fit one another.
        owners: whose file is believed, besides this user's own.
        later: columns that come as a :class:`LaterColumn`; `check_columns` is given them so, too.

    Raises:
        FileNotFoundError: there is no such file.
        UnusableSidecarError: it is damaged, of another format version, or not what is wanted.
        OSError: it cannot be read.
    """
    with open_to_read(path) as file:
        owners.check(file)
        content, columns_at = _read_header(file)
        header = checked(form.header, content)
        check_header(header)
        table = checked(_Contents, content).columns
        _check_table(table, form, os.fstat(file.fileno()).st_size - columns_at)
        columns: dict[str, Any] = {}
        for name, column in table.items():
            if name in later:
                columns[name] = _later_column(path, file.fileno(), name, column, columns_at)
            else:
                columns[name] = _read_column(file.fileno(), name, column, columns_at)
    if check_columns is not None:
        check_columns(header, columns)
    return header, columns


class LaterColumn:
    """A column whose checksum holds, and which is read into memory when it is first asked for.

    The file stays open until then, so that it does not matter if another takes its place.
    """

    def __init__(
        self, path: Path, file: _HeldFile, name: str, column: _Column, columns_at: int
    ) -> None:
        self._path = path
        self._held: _HeldFile | None = file
        self._name = name
        self._column = column
        self._columns_at = columns_at
        self._array: NDArray[Any] | None = None

    def __len__(self) -> int:
        return self._column.rows

    def __reduce__(self) -> tuple[Any, ...]:
        return np.asarray, (self.array(),)

    def array(self) -> NDArray[Any]:
        """The column, read-only.

        Raises:
            ReadError: somebody has cut or overwritten the file, or it cannot be read.
        """
        # Without a lock, which a child that is forked meanwhile would find taken for ever. Two
        # threads may both read it.
        array, held = self._array, self._held
        if array is None and held is not None:
            try:
                array = _read_column(held.descriptor, self._name, self._column, self._columns_at)
            except (OSError, UnusableSidecarError) as error:
                why = error.strerror if isinstance(error, OSError) else error
                raise ReadError(
                    f"the sidecar '{self._path}' was written to while it was in use, and {why}; "
                    "open the archive again"
                ) from error
            self._array = array
            self._held = None
        return self._array if array is None else array  # type: ignore[return-value]


def _later_column(
    path: Path, descriptor: int, name: str, column: _Column, columns_at: int
) -> LaterColumn | NDArray[Any]:
    """The column, checked, to be read later; at once where no further descriptor can be had."""
    try:
        held = _HeldFile(os.dup(descriptor))
    except OSError:
        return _read_column(descriptor, name, column, columns_at)
    _check_column(descriptor, name, column, columns_at)
    return LaterColumn(path, held, name, column, columns_at)


class _HeldFile:
    """A descriptor, which is closed with the last one who holds this."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __del__(self, close: Callable[[int], None] = os.close) -> None:  # modules may be gone
        try:  # noqa: SIM105 - contextlib may be, too
            close(self.descriptor)
        except OSError:  # which tells nothing of a file that was read
            pass


def write_columns(
    path: Path, header: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]
) -> None:
    """Writes the file so that ``path`` is at every moment absent, the old file, or the new one.

    Args:
        path: the file; its folder is made where it is missing.
        header: fit for JSON; "columns" is the writer's own name.
        columns: one-dimensional arrays of numbers.

    Raises:
        OSError: the folder cannot be written, or the disk is full; nothing is left behind.
    """
    stored = {
        name: np.ascontiguousarray(column, column.dtype.newbyteorder("<"))
        for name, column in columns.items()
    }
    replace_file(path, _pieces(header, stored))


def load_or_build(
    candidates: Sequence[Path],
    what: str,
    *,
    advice: str,
    load: Callable[[Path], Kept],
    build: Callable[[Progress], Kept],
    save: Callable[[Path, Kept], None],
    progress: Progress | None,
) -> tuple[Kept, Path | None]:
    """The content of a column file: of the first candidate that serves, else built and saved.

    Of several processes at once one builds it
    (:func:`fastinet.sidecars.turns.find_or_make_sidecar`). A FastinetWarning tells of a file that
    cannot serve, and of one that could not be saved. A file of another user's that is not believed
    stays where it is.

    Args:
        candidates: where the file may lie, best place first; none: it is built, and not kept.
        what: name of its kind, for messages: "index", "box index".
        advice: what a user can do where it can be kept nowhere.
        load: reads the content; raises FileNotFoundError, UnusableSidecarError or another OSError.
        build: makes the content from the archive, and calls its argument with (done, in all).
        save: writes the content; raises OSError.
        progress: called with (done, in all), here or in the process that builds it.

    Returns:
        What was loaded or built, and where it is kept; None where it could not be.
    """
    findings: list[str] = []
    untrusted: list[tuple[Path, OSError]] = []

    def find_usable() -> tuple[Kept, Path | None] | None:
        findings.clear()
        untrusted.clear()
        for candidate in candidates:
            try:
                return load(candidate), candidate
            except FileNotFoundError:
                continue
            except UnusableSidecarError as error:
                findings.append(f"the {what} '{candidate}' {error}")
                if isinstance(error, UntrustedSidecarError):
                    untrusted.append((candidate, OSError(errno.EPERM, "it is another user's")))
            except OSError as error:
                findings.append(f"the {what} '{candidate}' cannot be read ({error.strerror})")
        return None

    def build_and_save(_: Sequence[Path], tell_progress: Progress) -> tuple[Kept, Path | None]:
        for finding in findings:
            warn(f"{finding}; it is built anew")
        built = build(tell_progress)
        # What another user made serves others: it is not replaced by what they may not believe.
        failures = untrusted.copy()
        for candidate in candidates:
            if candidate in (place for place, _ in untrusted):
                continue
            try:
                save(candidate, built)
            except OSError as error:
                failures.append((candidate, error))
            else:
                return built, candidate
        if failures:
            warn(
                f"the {what} could not be kept, so the next open scans again "
                f"({shown_failures(failures)}); {advice}"
            )
        return built, None

    return turns.find_or_make_sidecar(
        candidates,
        what,
        find_complete=find_usable,
        make_missing=build_and_save,
        progress=progress,
    )


def _pieces(header: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> Iterator[Any]:
    """The bytes of the file, in pieces: preamble, header, and each column with its zeros."""
    table = {}
    offset = 0
    for name, column in columns.items():
        table[name] = {
            "dtype": column.dtype.str,
            "rows": len(column),
            "offset": offset,  # from the end of the header
            "crc32": zlib.crc32(_zeros_behind(column.nbytes), zlib.crc32(column.data)),
        }
        offset += _padded(column.nbytes)
    text = json.dumps({**header, "columns": table}).encode("ascii")
    text = text.ljust(_padded(len(text)))
    yield _preamble(text, _PREAMBLE_BYTES + len(text) + offset)
    yield text
    for column in columns.values():
        yield column.data
        yield _zeros_behind(column.nbytes)


def _preamble(text: bytes, file_bytes: int) -> bytes:
    """The first 64 bytes of a file of ``file_bytes`` whose header is ``text``."""

    def packed(crc: int) -> bytes:
        fields = _PREAMBLE.pack(_MAGIC, FORMAT_VERSION, crc, len(text), file_bytes)
        return fields.ljust(_PREAMBLE_BYTES, b"\0")

    return packed(zlib.crc32(text, zlib.crc32(packed(0))))


@dataclass(frozen=True)
class _Column:
    """A column's entry in the table in the header."""

    dtype: str
    rows: Count
    offset: Count
    """From the end of the header [bytes]."""
    crc32: Word32

    @property
    def stored_bytes(self) -> int:
        """With the zeros behind it."""
        return _padded(np.dtype(self.dtype).itemsize * self.rows)


def read_header(path: Path, form: ColumnFileForm[Header], *, owners: Owners = _NOBODY) -> Header:
    """The header of the file at `path` alone, however long its columns are.

    Raises:
        FileNotFoundError, UnusableSidecarError, OSError: as :func:`read_columns`.
    """
    with open_to_read(path) as file:
        owners.check(file)
        return checked(form.header, _read_header(file)[0])


@dataclass(frozen=True)
class _Contents:
    """What every header says, whoever wrote it."""

    columns: dict[str, _Column]


def _read_header(file: FileIO) -> tuple[dict[str, Any], int]:
    """The header, whose checksum holds, and where the columns begin [bytes]."""
    file_bytes = os.fstat(file.fileno()).st_size
    preamble = file.read(_PREAMBLE_BYTES)
    if len(preamble) < _PREAMBLE_BYTES or not preamble.startswith(_MAGIC):
        raise UnusableSidecarError("is damaged or no index at all")
    _, version, _, text_bytes, stated_bytes = _PREAMBLE.unpack_from(preamble)
    if version != FORMAT_VERSION:
        raise UnusableSidecarError(
            f"has format version {version}, and this fastinet reads {FORMAT_VERSION}"
        )
    if stated_bytes != file_bytes or text_bytes > file_bytes:
        raise UnusableSidecarError("is damaged: it has not the length that it states")
    text = file.read(text_bytes)
    if preamble != _preamble(text, file_bytes):
        raise UnusableSidecarError("is damaged: the checksum of its header is wrong")
    return parsed_object(text), _PREAMBLE_BYTES + text_bytes


def _check_table(
    table: Mapping[str, _Column], form: ColumnFileForm[Any], columns_bytes: int
) -> None:
    """Refuses columns that are not what `form` says, or not within the `columns_bytes` there are.

    Columns that the form does not name must lie within the file all the same.
    """
    present = [group for group in form.optional if group.keys() & table.keys()]
    wanted = {name: dtype for group in (form.columns, *present) for name, dtype in group.items()}
    if missing := wanted.keys() - table.keys():
        raise UnusableSidecarError(f"is damaged: it lacks column '{min(missing)}'")
    for name, column in table.items():
        dtype = wanted.get(name, column.dtype)
        is_wanted = column.dtype[1:2] == "S" if dtype == "S" else column.dtype == dtype
        if not is_wanted or not _DTYPE.fullmatch(column.dtype):
            raise UnusableSidecarError(f"is damaged: column '{name}' has dtype {column.dtype!r}")
        end = column.offset + column.stored_bytes
        if end > columns_bytes or column.offset % _ALIGNMENT:
            raise UnusableSidecarError(f"is damaged: column '{name}' lies beyond its end or askew")


def _read_column(descriptor: int, name: str, column: _Column, columns_at: int) -> NDArray[Any]:
    """The column, read-only, whose CRC-32 holds."""
    stored: NDArray[np.uint8] = np.empty(column.stored_bytes, np.uint8)
    _check_column(descriptor, name, column, columns_at, stored.data)
    stored.flags.writeable = False
    dtype = np.dtype(column.dtype)
    return stored[: dtype.itemsize * column.rows].view(dtype)


def _check_column(
    descriptor: int, name: str, column: _Column, columns_at: int, out: memoryview | None = None
) -> None:
    """Raises UnusableSidecarError unless the CRC-32 holds; puts the bytes into `out`."""
    done = crc = 0
    while done < column.stored_bytes:
        count = min(_PIECE_BYTES, column.stored_bytes - done)
        piece = os.pread(descriptor, count, columns_at + column.offset + done)
        if not piece:
            break  # cut since its length was checked
        crc = zlib.crc32(piece, crc)
        if out is not None:
            out[done : done + len(piece)] = piece
        done += len(piece)
    if crc != column.crc32 or done < column.stored_bytes:
        raise UnusableSidecarError(f"is damaged: the checksum of column '{name}' is wrong")


def _padded(count: int) -> int:
    """``count`` bytes rounded up to a multiple of 64."""
    return -(-count // _ALIGNMENT) * _ALIGNMENT


def _zeros_behind(count: int) -> bytes:
    """The zeros that bring ``count`` bytes to the next multiple of 64."""
    return bytes(_padded(count) - count)

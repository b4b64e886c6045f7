"""What to say of a file that is no tar, or of a tar without its end: what it is, what to do.

The core knows what it has read when it fails: at which byte, and why. What the bytes are instead,
and how a tar is mended, is looked up here, from the file itself, after the failure.
"""

from __future__ import annotations

import gzip
import shlex
import zlib
from typing import TYPE_CHECKING

from fastinet.archives.tar_notes import ALLOW, WITHOUT_MARKER
from fastinet.base.paths import file_bytes
from fastinet.errors import CorruptError, FastinetError, UnsupportedError
from fastinet.formats.signatures import HEAD_BYTES, content_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["explained_scan", "explained_stream"]

_BLOCK_BYTES = 512
_INFLATED = "in the inflated data: "  # how the core begins what it says of a gzipped tar
_GZIP_MAGIC = b"\x1f\x8b"
_TOO_SHORT = "not a tar: shorter than one header"
_NO_TAR = ("not a tar", "the file is empty")
# In csrc/tar/scan.cc: of formats that it knows itself, in words of its own.
_FOREIGN = ("archives are not read",)
_EMPTY = "download it again, or look at what the program says that should have written it"
_SENDER = "look at the messages of what sends it, which stopped too early"
_WITHIN_MARKER = "truncated: the tar ends within its end-of-archive marker"
_LONE_ZEROS = "a single block of zeros"
_AFTER_ZEROS = (
    "some programs stop there; pack it anew from what `tar --ignore-zeros -xf` extracts, or where"
    f" no member follows, {ALLOW}"
)


def explained_scan(error: FastinetError, path: Path, *, is_gzip: bool = False) -> FastinetError:
    """The error of a scan of the file at `path`, saying what the file is and what can be done.

    Args:
        error: of :meth:`FileArchive.scan` or :meth:`GzipArchive.scan`.
        path: of the archive.
        is_gzip: whether the tar is what the file inflates to.
    """
    if error.offset == 0 and error.member is None and _says_no_tar(error):
        try:
            head = _head_of(path, inflated=is_gzip)
            size = None if is_gzip else file_bytes(path)
        except OSError:
            return error
        subject = "what it inflates to is" if is_gzip else "it is"
        return _explained_start(error, head, size, subject=subject)
    if advice := _mending(error, path, is_gzip=is_gzip):
        return error.advising(advice)
    return error


def explained_stream(error: FastinetError, head: bytes) -> FastinetError:
    """The error of a stream, saying what it is and what can be done.

    Args:
        error: of the engine.
        head: the first bytes of the stream, `HEAD_BYTES` of them, or all if there are fewer.
    """
    if error.cause.startswith("the stream is empty"):
        return error.advising(_SENDER)
    is_short = error.cause.startswith(_TOO_SHORT)
    if error.member is None and _says_no_tar(error):
        inflated = _inflated(head)
        if is_short:  # it may be the start of a tar's first header, a name, which reads as text
            content = content_of(inflated or head, None)
            if content is None or (content.is_container and not inflated):
                return error.advising(_SENDER)
            return error.advising(f"what came is {content.name}; {content.as_archive}")
        if head.startswith(_GZIP_MAGIC):
            return _explained_start(error, inflated, None, subject="what it inflates to is")
        return _explained_start(error, head, None)
    if error.cause.startswith("truncated"):
        allowed = f"; {ALLOW}" if error.cause == WITHOUT_MARKER else ""
        return error.advising(f"{_SENDER}{allowed}")
    if error.cause.startswith(_LONE_ZEROS):
        return error.advising(_AFTER_ZEROS)
    return error


def _inflated(head: bytes) -> bytes:
    """What the first bytes of gzip data inflate to; nothing where they are none."""
    if not head.startswith(_GZIP_MAGIC):
        return b""
    try:
        return zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
    except zlib.error:
        return b""


def _explained_start(
    error: FastinetError, head: bytes, size: int | None, *, subject: str = "it is"
) -> FastinetError:
    """The error that something is no tar, saying what it is.

    Args:
        error: to be explained.
        head: the first bytes, `HEAD_BYTES` of them, or all if there are fewer.
        size: how many bytes there are in all; None: not known.
        subject: the words between "not a tar: " and the name of the content.
    """
    content = content_of(head, size)
    if not head:
        return error.advising(_EMPTY)
    if content is None:
        return error.advising(f"it begins with the bytes {head[:8].hex(' ')}, which say nothing")
    kind = UnsupportedError if content.is_container else CorruptError
    return kind(
        f"not a tar: {subject} {content.name}; {content.as_archive}",
        archive=error.archive,
        member=error.member,
        offset=error.offset,
    )


def _head_of(path: Path, *, inflated: bool = False) -> bytes:
    """The first bytes of a file, or of what it inflates to as far as it does.

    Raises:
        OSError: it cannot be read.
    """
    if not inflated:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    try:
        with gzip.open(path) as file:
            return file.read(HEAD_BYTES)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return b""


def _says_no_tar(error: FastinetError) -> bool:
    cause = error.cause.removeprefix(_INFLATED)
    return cause.startswith(_NO_TAR) or any(text in error.cause for text in _FOREIGN)


def _mending(error: FastinetError, path: Path, *, is_gzip: bool) -> str:
    """What can be done about a tar that ends too early or in an odd way; "": nothing is known."""
    cause = error.cause.removeprefix(_INFLATED)
    if cause.startswith(_LONE_ZEROS):
        return _AFTER_ZEROS
    if not cause.startswith("truncated"):
        return ""
    again = "if it was downloaded, continue or repeat that"
    # The end of an inner tar is not at the end of the file.
    if error.member is not None or cause not in (WITHOUT_MARKER, _WITHIN_MARKER):
        allowed = f", or if it is whole, {ALLOW}" if cause == WITHOUT_MARKER else ""
        return f"{again}; else pack it anew{allowed}"
    if is_gzip:
        return (
            f"{again}; a tar that was written so lacks zeros alone, which"
            f" `(gunzip -c OLD; head -c 1024 /dev/zero) | gzip > NEW` adds; {ALLOW}"
        )
    size = file_bytes(path)
    rest = size % _BLOCK_BYTES
    if size != error.offset or not _ends_in_zeros(path, size, rest):
        return f"it ends within a block, and so was cut; {again}, else pack it anew"
    # What of the marker's two blocks is there: none, of which a last member may lack its padding
    # too, or one, behind which there may be a part of the second.
    blocks = size // _BLOCK_BYTES
    missing = (blocks + (1 if cause == _WITHIN_MARKER else 2)) * _BLOCK_BYTES - size
    return (
        f"{again}; a tar that was written so lacks {missing} bytes of zeros alone, which"
        f" `head -c {missing} /dev/zero >> {shlex.quote(str(path))}` adds; {ALLOW}"
    )


def _ends_in_zeros(path: Path, size: int, count: int) -> bool:
    """Whether the last `count` bytes of the file are zeros."""
    with path.open("rb") as file:
        file.seek(size - count)
        return not any(file.read(count))

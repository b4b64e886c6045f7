"""Opening files beside archives, which may be somebody else's: a link, a pipe, another user's file.

Whoever can write to a folder can put anything there under the name of a sidecar. A named pipe would
be waited at for ever; what is written to a link, symbolic or hard, would change the file that it
leads to. So files are opened without waiting, and looked at before a byte of them is read or
written; what is then read is checked as any file's content is (:mod:`fastinet.sidecars.schema`).
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from io import FileIO
from typing import TYPE_CHECKING, Any, TypeVar

from fastinet.sidecars.schema import UnusableSidecarError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["SidecarFile", "check_own", "open_to_read", "open_to_write"]

Made = TypeVar("Made")

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class SidecarFile(FileIO):
    """A sidecar that is open: whatever fails says of which file, and reads are not cut short.

    A read may give less than there is, on network file systems for one. What was written is on the
    disk by `os.fsync` and not by `close`, which therefore has nothing left that could fail.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        """As many bytes as that, or all to the end of the file."""
        if size is None or size < 0:
            return self.readall()
        pieces = []
        while size > 0 and (piece := self._named(super().read, size)):
            pieces.append(piece)
            size -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def readall(self) -> bytes:
        """All bytes to the end of the file."""
        return self._named(super().readall) or b""

    def readinto(self, buffer: Any, /) -> int:
        """Fills the buffer, or as much of it as there are bytes."""
        view = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(view) and (count := self._named(super().readinto, view[filled:])):
            filled += count
        return filled

    def write(self, data: Any, /) -> int:
        """Writes some of the bytes, and says how many."""
        return self._named(super().write, data) or 0

    def truncate(self, size: int | None = None, /) -> int:
        """Cuts the file."""
        return self._named(super().truncate, size)

    def close(self) -> None:
        """Closes it."""
        with contextlib.suppress(OSError):
            super().close()

    def _named(self, call: Callable[..., Made], *arguments: Any) -> Made:
        try:
            return call(*arguments)
        except OSError as error:
            error.filename = self.name
            raise


def open_to_read(path: Path) -> FileIO:
    """The sidecar at `path`, for reading; symbolic links are followed.

    Raises:
        FileNotFoundError: there is nothing.
        OSError: it cannot be opened, or is no regular file; `strerror` says what it is.
    """
    return _opened(path, os.O_RDONLY, "rb")


def open_to_write(path: Path, *, append: bool = False) -> FileIO:
    """The sidecar at `path`, for reading and writing; an empty one is made where there is none.

    Args:
        path: of the sidecar.
        append: whatever is written comes behind all that is there.

    Raises:
        OSError: it cannot be opened or made, is no regular file, is a symbolic link, or has further
            names (hard links).
    """
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | (os.O_APPEND if append else 0)
        return _opened(path, flags, "a+b" if append else "r+b")
    except OSError as error:
        # FreeBSD's EMLINK and NetBSD's EFTYPE mean the same as ELOOP.
        if path.is_symlink():
            raise _refusal(path, "it is a symbolic link, which is not written through") from error
        raise


def check_own(file: FileIO) -> None:
    """Refuses a sidecar that somebody else could have written: for what is believed unseen.

    Raises:
        UnusableSidecarError: it belongs to another user (but the super-user), or others than its
            owner may write to it.
    """
    status = os.fstat(file.fileno())
    if status.st_uid not in (0, os.geteuid()):
        raise UnusableSidecarError(f"belongs to another user, {status.st_uid}, and is not believed")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UnusableSidecarError("can be written by others than its owner, and is not believed")


def _opened(path: Path, flags: int, mode: str) -> FileIO:
    # Without O_NONBLOCK a pipe that nobody writes to would be waited at; regular files ignore it.
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o664)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
            raise _refusal(path, f"it is {kind}, and no regular file")
        if flags & os.O_CREAT and status.st_nlink > 1:  # 0: removed meanwhile
            raise _refusal(path, "it has further names (hard links), which are not written through")
        return SidecarFile(str(path), mode, opener=lambda _path, _flags: descriptor)
    except BaseException:
        os.close(descriptor)
        raise


def _refusal(path: Path, why: str) -> OSError:
    return OSError(errno.EINVAL, why, str(path))

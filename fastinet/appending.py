"""Files that one process at a time appends to, while others may have them mapped."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

from fastinet.errors import ReadError

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

__all__ = ["open_locked", "write_through"]


def open_locked(place: Path, what: str) -> FileIO:
    """Opens the file at `place`, made if need be, for this process alone to write.

    Args:
        place: where it is.
        what: it is, for the message: "the checkpoint index".

    Raises:
        ReadError: another process has it open so.
        OSError: it cannot be opened.
    """
    while True:
        file = place.open("a+b", buffering=0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), place.stat()):
                    file.seek(0)
                    return file
        except BlockingIOError:
            file.close()
            raise ReadError(f"another process is making {what} '{place}'") from None
        except BaseException:
            file.close()
            raise
        file.close()  # it was replaced between the opening and the lock


def write_through(file: FileIO, data: bytes) -> None:
    """Writes all of `data`, to the disk itself."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
    os.fsync(file.fileno())

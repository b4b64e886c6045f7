"""What lies at a path: an answer, or an error where the system gives none.

`pathlib` takes some errors for "nothing is there", and from Python 3.14 on all of them. Whether an
archive is a file or a folder must not hang on a disk that fails for a moment: it would be read as
something else, and what was found be kept in its index.
"""

from __future__ import annotations

import errno
import stat
from typing import TYPE_CHECKING

from fastinet.errors import MissingError, ReadError

if TYPE_CHECKING:
    import os
    from pathlib import Path

__all__ = ["exists", "file_bytes", "is_file", "is_folder"]

# There is nothing; or the path leads through a file, or through a link to itself.
_NOTHING = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def exists(path: Path) -> bool:
    """Whether anything is there. Raises ReadError where the system does not tell."""
    return _status(path) is not None


def is_file(path: Path) -> bool:
    """Whether a regular file is there. Raises ReadError where the system does not tell."""
    status = _status(path)
    return status is not None and stat.S_ISREG(status.st_mode)


def is_folder(path: Path) -> bool:
    """Whether a folder is there. Raises ReadError where the system does not tell."""
    status = _status(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def file_bytes(path: Path) -> int:
    """How long the file is [bytes].

    Raises:
        MissingError: there is none.
        ReadError: the system does not tell.
    """
    status = _status(path)
    if status is None:
        raise MissingError("no such file", archive=str(path))
    return status.st_size


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except ValueError:  # a path with a zero byte
        return None
    except OSError as error:
        if error.errno in _NOTHING:
            return None
        raise ReadError(f"cannot be read: {error.strerror}", archive=str(path)) from error

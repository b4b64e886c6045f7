"""Replacing a file as a whole: readers see the old one or the new one, never a part."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from fastinet.sidecars.places import make_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["replace_file"]


def replace_file(
    path: Path, pieces: Iterable[bytes | memoryview], *, writable_by_owner_alone: bool = False
) -> None:
    """Writes the file so that ``path`` is at every moment absent, the old file, or the new one.

    Args:
        path: the file; its folder is made where it is missing.
        pieces: of its content, in order.
        writable_by_owner_alone: whatever the umask allows to others.

    Raises:
        OSError: the folder cannot be written, or the disk is full; nothing is left behind.
    """
    make_folder(path.parent)
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        with temporary.open("xb") as file:
            # Never by everybody: nobody would believe it (fastinet.sidecars.owners).
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            refused = stat.S_IWOTH | (stat.S_IWGRP if writable_by_owner_alone else 0)
            if mode & refused:
                os.fchmod(file.fileno(), mode & ~refused)
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Makes a rename last through a power cut, on file systems that let a folder be synced."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

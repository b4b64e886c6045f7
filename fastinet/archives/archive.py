"""An archive, by what it is on disk: a file, a gzip file, or the folder that one was extracted to.

Each kind knows what binds an index to it, how its members are listed, and how the engine opens it.
The engine sees every one as a source of bytes by their offset; in a folder the files lie end to
end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fastinet.archives.file_archive import FileArchive
from fastinet.archives.folder_archive import FolderArchive
from fastinet.archives.gzip_archive import GzipArchive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastinet.archives.folder_archive import BoundFolder
    from fastinet.sidecars.identity import Bound

__all__ = ["Archive", "bound_archives"]

Archive = FileArchive | GzipArchive | FolderArchive


def bound_archives(archives: Sequence[Archive]) -> tuple[list[Archive], list[Bound | BoundFolder]]:
    """The archives, bound to what they are now, and what that is.

    Raises:
        ReadError: one cannot be read.
    """
    bounds = [archive.look() for archive in archives]
    bound: list[Archive] = [
        # Each kind of archive is bound by what it gives itself.
        replace(archive, bound=found)  # type: ignore[arg-type]
        for archive, found in zip(archives, bounds, strict=True)
    ]
    return bound, bounds

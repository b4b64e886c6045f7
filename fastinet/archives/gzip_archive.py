"""A tar in a gzip file, entered through its seek index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastinet.archives.explaining import explained_scan
from fastinet.archives.file_archive import OneFile
from fastinet.archives.seek_log import obtain_seek_index
from fastinet.errors import FastinetError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fastinet._native import _engine, _scan
    from fastinet.archives.files import Files
    from fastinet.archives.seek_index import SeekIndex
    from fastinet.base.progress import Progress

__all__ = ["GzipArchive", "is_gzip"]


@dataclass(frozen=True)
class GzipArchive(OneFile):
    """A tar in a gzip file, entered through its seek index."""

    cache_bytes: int | None = None
    """Of inflated data that are kept; None: as :meth:`fastinet.archives.seek_index.SeekIndex.open`
    does."""

    def scan(self, progress: Progress | None = None) -> _scan.Members:
        """Its members, their offsets in the inflated data; makes the seek index if need be."""
        try:
            return self.seek_index(progress).members()
        except FastinetError as error:
            raise explained_scan(error, self.path, is_gzip=True) from None

    def open(self, files: Callable[[], Files]) -> _engine.Source:  # noqa: ARG002  # a folder needs them
        """What the archive inflates to, for the engine."""
        return self.seek_index().open(self.path, self.cache_bytes, briefly=self.briefly)

    def seek_index(self, progress: Progress | None = None) -> SeekIndex:
        """Its seek index; see :func:`fastinet.archives.seek_log.obtain_seek_index`."""
        return obtain_seek_index(
            self.path, self.identify(), self.folder, progress, mapped=not self.briefly
        )


def is_gzip(path: Path) -> bool:
    """Whether the file at `path` begins as gzip data do; False where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(2) == b"\x1f\x8b"
    except OSError:
        return False

"""A plain tar, and what it has in common with a gzipped one: both are one file."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastinet._native import _engine, _scan
from fastinet.archives.explaining import explained_scan
from fastinet.errors import FastinetError, ReadError
from fastinet.sidecars.identity import look_at_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fastinet.archives.files import Files
    from fastinet.base.progress import Progress
    from fastinet.sidecars.identity import Bound, Identity

__all__ = ["FileArchive", "OneFile"]


@dataclass(frozen=True)
class OneFile:
    """An archive that is a file."""

    path: Path
    folder: str = ""
    """Put before the members' names, with a slash: a class tar's wnid."""
    briefly: bool = False
    """True: the file is opened anew for each read, and closed again, because a dataset of many
    archives would exceed the process's limit of open files."""
    end_marker_required: bool = True
    """Whether a tar without its end-of-archive marker is an error."""
    bound: Bound | None = field(default=None, compare=False, kw_only=True)
    """What the file was when its items were listed, and must be when they are read; None: they are
    not listed yet."""

    @property
    def name(self) -> str:
        """File name without folder."""
        return self.path.name

    def identify(self) -> Identity:
        """Identity of the archive as it is now. Raises ReadError where it cannot be read."""
        return self.look().identity

    def look(self) -> Bound:
        """The archive as it is now. Raises ReadError where it cannot be read."""
        return look_at_file(self.path, blocks=not self.briefly)

    def stamp(self) -> str:
        """What differs when anybody has written to the file, or put another in its place.

        Raises:
            ReadError: it is gone.
        """
        try:
            info = self.path.stat()
        except OSError as error:
            raise ReadError(f"cannot be read: {error.strerror}", archive=str(self.path)) from error
        return f"{info.st_ino} {info.st_size} {info.st_mtime_ns} {info.st_ctime_ns}"

    def known_identity(self) -> Identity:
        """The identity that it is bound to, else what it is now.

        Raises:
            ReadError: it is gone, or cannot be read.
        """
        now = self.identify()
        return now if self.bound is None else self.bound.identity


@dataclass(frozen=True)
class FileArchive(OneFile):
    """A tar as a file."""

    def scan(self, progress: Progress | None = None) -> _scan.Members:
        """Its members; see :func:`fastinet._native._scan.scan`."""
        try:
            return _scan.scan(self.path, self.folder, progress, self.end_marker_required)
        except FastinetError as error:
            raise explained_scan(error, self.path) from None

    def open(self, files: Callable[[], Files]) -> _engine.Source:  # noqa: ARG002  # a folder needs them
        """The archive, opened for the engine.

        Args:
            files: gives the items' names, offsets and sizes. Only a folder calls it; the parameter
                is here so that archives of all three kinds are opened alike.

        Raises:
            MissingError, ReadError: it is gone, cannot be read, or is not what it is bound to.
        """
        return _engine.Source.file(
            os.fsencode(self.path),
            briefly=self.briefly,
            expected=None if self.bound is None else self.bound.native(),
        )

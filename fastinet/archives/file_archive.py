"""A plain tar, and what it has in common with a gzipped one: both are one file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastinet._native import _engine, _scan
from fastinet.archives.explaining import explained_scan
from fastinet.errors import FastinetError
from fastinet.sidecars.identity import identify_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fastinet.archives.files import Files
    from fastinet.base.progress import Progress
    from fastinet.sidecars.identity import Identity

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

    @property
    def name(self) -> str:
        """File name without folder."""
        return self.path.name

    def identify(self) -> Identity:
        """Identity of the archive as it is now. Raises ReadError where it cannot be read."""
        return identify_file(self.path, blocks=not self.briefly)


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
        """
        return _engine.Source.file(os.fsencode(self.path), briefly=self.briefly)

"""A tar in a gzip file, entered through its seek index."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fastinet.archives.explaining import explained_scan
from fastinet.archives.file_archive import OneFile
from fastinet.archives.seek_log import obtain_seek_index
from fastinet.archives.tar_notes import check_end_markers
from fastinet.base.limits import check_member_count
from fastinet.base.warning import warn
from fastinet.errors import FastinetError, MissingError, ReadError
from fastinet.sidecars.identity import has_same_content
from fastinet.sidecars.owners import Owners
from fastinet.sidecars.places import Sidecars

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fastinet._native import _engine, _scan
    from fastinet.archives.files import Files
    from fastinet.archives.seek_index import SeekIndex
    from fastinet.base.progress import Progress
    from fastinet.sidecars.identity import Identity

__all__ = ["GzipArchive", "is_gzip"]


@dataclass(frozen=True)
class GzipArchive(OneFile):
    """A tar in a gzip file, entered through its seek index."""

    cache_bytes: int | None = None
    """Of inflated data that are kept; None: as :meth:`fastinet.archives.seek_index.SeekIndex.open`
    does."""
    sidecars: Sidecars | None = None
    """Where its seek index lies; None: in the usual places."""
    told: set[str] = field(default_factory=set, compare=False)
    """What was said already; the archives of one dataset share it."""
    held: list[tuple[Identity, SeekIndex]] = field(default_factory=list, compare=False)
    """The last seek index that could be kept only here, and of what."""

    def scan(self, progress: Progress | None = None) -> _scan.Members:
        """Its members, their offsets in the inflated data; makes the seek index if need be."""
        try:
            members = self.seek_index(progress).members()
            check_member_count(len(members.offsets), str(self.path))
            if self.end_marker_required:
                check_end_markers(members.notes, str(self.path))
        except FastinetError as error:
            raise explained_scan(error, self.path, is_gzip=True) from None
        return members

    def open(self, files: Callable[[], Files]) -> _engine.Source:  # noqa: ARG002  # a folder needs them
        """What the archive inflates to, for the engine.

        Called when an item is first read, not when `fastinet.open` finds an index of items. (A scan
        calls it to read companions, with the seek index that it has just made.) It loads the seek
        index. Where that was removed since the items were listed, or no longer fits, it is made
        anew here, which for a terabyte takes an hour; a FastinetWarning says so.

        Args:
            files: not called; see :meth:`fastinet.archives.file_archive.FileArchive.open`.

        Raises:
            MissingError, ReadError: as :meth:`fastinet.archives.file_archive.FileArchive.open`.
        """
        # First of all, since a seek index of another archive may take an hour to make.
        if self.bound is not None and not has_same_content(self.bound.identity, self.identify()):
            raise ReadError(
                "the file has other content than when it was opened first: it was replaced or"
                " written to; open the dataset again",
                archive=str(self.path),
            )
        index = self.seek_index(_PassWarning(self.path))
        return index.open(self.path, self.cache_bytes, briefly=self.briefly, bound=self.bound)

    def seek_index(self, progress: Progress | None = None) -> SeekIndex:
        """Its seek index; see :func:`fastinet.archives.seek_log.obtain_seek_index`.

        One that can be kept nowhere is made once in this process, and a FastinetWarning says why.
        """
        now = self.look() if self.bound is None else self.bound
        identity = now.identity
        for made_of, index in self.held:
            if has_same_content(made_of, identity):
                return index
        sidecars = replace(self.sidecars or Sidecars(self.path), owners=Owners.of([now.ownership]))
        index = obtain_seek_index(
            self.path,
            identity,
            self.folder,
            progress,
            sidecars=sidecars,
            end_marker_required=self.end_marker_required,
        )
        if index.path is None:
            self.held[:] = [(identity, index)]
        if index.not_kept and not self.told:
            self.told.add("not kept")
            warn(
                f"the seek index of '{self.path}' could not be kept ({index.not_kept}), so it is in"
                f" memory, {len(index.content):,} bytes, and the next process has to inflate the"
                f" archive again; {sidecars.advice()}"
            )
        return index


class _PassWarning:
    """A progress callback for a seek index that is made where nobody gave one: it warns once."""

    def __init__(self, archive: Path) -> None:
        self._archive = archive
        self._has_warned = False

    def __call__(self, done: int, total: int) -> None:
        """Warns of the pass, here or in another process, that has `total` bytes to read."""
        if self._has_warned:
            return
        self._has_warned = True
        warn(
            f"the seek index of '{self._archive}' is not there, incomplete or stale, and no item"
            f" can be read without it: one pass over {total:,} bytes, {done:,} of them done, makes"
            " it now"
        )


def is_gzip(path: Path) -> bool:
    """Whether the file at `path` begins as gzip data do.

    Raises:
        ReadError: it cannot be read, so that nobody knows.
        MissingError: it is not there.
    """
    try:
        with path.open("rb") as file:
            return file.read(2) == b"\x1f\x8b"
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingError("no such file", archive=str(path)) from error
    except OSError as error:
        raise ReadError(f"cannot be read: {error.strerror}", archive=str(path)) from error

"""The walk over the headers of all archives, and what is wrong with them."""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastinet._native import _scan
from fastinet.archives.containers import inner_tars, join_members
from fastinet.archives.file_archive import FileArchive
from fastinet.archives.folder_archive import FolderArchive
from fastinet.archives.gzip_archive import GzipArchive
from fastinet.archives.tar_notes import (
    ALLOW,
    WITHOUT_MARKER,
    check_end_markers,
    note_sentences,
)
from fastinet.base.limits import check_member_count
from fastinet.base.paths import file_bytes
from fastinet.errors import FastinetError, OutOfMemoryError, ReadError
from fastinet.verification.gzip_walk import walk_gzip

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fastinet.archives.archive import Archive
    from fastinet.base.progress import Progress
    from fastinet.verification.findings import Findings
    from fastinet.verification.journal import Journal, Walk

__all__ = ["Cut", "Headers"]

_CONTINUE = "Continue the download where it stopped (curl -C -, wget -c); it need not begin again."
_CONTINUE_OR_ALLOW = f"{_CONTINUE} If it is known to be whole: {ALLOW}."
_DAMAGED = "Download the archive again, or this part of it; no other cure is known."
_DAMAGED_OR_ALLOW = f"{_DAMAGED} If it is known to be whole: {ALLOW}."

# Keeping 1.28 million members takes a fraction of a second.
_KEEPING_SECONDS = 5.0


@dataclass(frozen=True)
class Cut:
    """An archive that ends too early."""

    archive: Archive
    members: _scan.Members
    """Those that are whole."""
    errors: Sequence[FastinetError]
    """All that is wrong with its headers."""
    innermost: FastinetError
    """The error of the member that was cut. The tars around that member have errors of their own
    for the same cut, which are not told."""

    def add_to(self, findings: Findings, published_bytes: int | None) -> None:
        """Tells where the archive ends, and what is whole.

        Args:
            findings: take it.
            published_bytes: size that the archive should have; None: not known.
        """
        size = file_bytes(self.archive.path)
        share = ""
        if published_bytes is not None and published_bytes > size:
            share = f" of {published_bytes:,} as published ({size / published_bytes:.1%})"
        member = self.innermost.member
        within = f"; member {member} is cut" if member else "; a member is missing"
        findings.error(
            "truncated",
            f"truncated: the file ends at byte {size:,}{share}{within}{self._whole_classes()}",
            archive=str(self.archive.path),
            member=member,
            offset=size,
            advice=_CONTINUE if self.innermost.cause != WITHOUT_MARKER else _CONTINUE_OR_ALLOW,
        )

    def _whole_classes(self) -> str:
        rows = inner_tars(self.members)
        if not rows:
            return ""
        damaged = {
            (error.member or "").partition("/")[0].removesuffix(".tar") for error in self.errors
        }
        names = self.members.container_names
        stems = [Path(names[row]).name.removesuffix(".tar") for row in rows]
        text = f"; {sum(stem not in damaged for stem in stems):,} class tars are whole"
        if stems[-1] in damaged:
            images = np.count_nonzero(self.members.containers == rows[-1])
            text += f", of {names[rows[-1]]} {images:,} images are"
        return text


class Headers:
    """What the walk over the headers found: the members, and where an archive ends too early.

    Attributes:
        members: the whole members of each archive.
        cuts: the archives that end too early; told when it is known what the whole should be.
        gzip_md5: of a gzip file, which the walk takes in to its end; "" of others.
        are_sound: whether nothing is damaged or cut.
        readable: whether members can be read by their offsets; not in a damaged gzip file.
    """

    def __init__(
        self,
        archives: Sequence[Archive],
        findings: Findings,
        journal: Journal,
        progress: Callable[[str, int, int], object] | None,
    ) -> None:
        """Walks, or takes what the journal has of it; damage is added to `findings`."""
        self._progress = progress
        self.cuts: list[Cut] = []
        self.gzip_md5 = ""
        self.readable = True
        self._journal = journal
        walks, state = journal.load_walk() or ([], "")
        if state or len(walks) < len(archives):
            walks = self._walk(archives, walks, state)
            if isinstance(archives[0], FileArchive):  # others do not cost a seek a member
                journal.save_walk(walks)
        self.members = [members for members, _ in walks]
        self.are_sound = self.readable and not any(errors for _, errors in walks)
        for archive, (members, errors) in zip(archives, walks, strict=True):
            self._add_errors(findings, archive, members, errors)

    def _walk(self, archives: Sequence[Archive], done: Sequence[Walk], state: str) -> list[Walk]:
        """All walks; those that are done are taken, the last of them on from `state`."""
        walks = list(done)
        begun = walks.pop() if state else None
        keeper = _Keeper(self._journal)
        sizes = [0 if isinstance(a, FolderArchive) else file_bytes(a.path) for a in archives]
        for number in range(len(walks), len(archives)):
            archive = archives[number]
            progress = functools.partial(self._passed, sum(sizes[:number]), sum(sizes))
            if isinstance(archive, FolderArchive):
                walks.append((archive.scan(self._passed_files), []))
            elif isinstance(archive, GzipArchive):
                walks.append(self._walk_gzip(archive, progress))
            else:
                keeper.done, keeper.begun = walks, begun
                start = begun and (bytes.fromhex(state), begun[0].container_names)
                rest = _scan.survey(
                    archive.path,
                    archive.folder,
                    progress,
                    keeper,
                    start,
                    end_marker_required=archive.end_marker_required,
                )
                walks.append(_continued(begun, rest))
                keeper.save_done()
            begun = None
        return walks

    def _walk_gzip(self, archive: GzipArchive, progress: Progress) -> Walk:
        """Makes the archive's seek index, which takes all of it in, or goes on making it."""
        try:
            index = archive.seek_index(progress)
        except (OutOfMemoryError, ReadError):  # they say nothing of the archive
            raise
        except FastinetError:
            self.readable = False
            return walk_gzip(archive.path, archive.folder, progress)
        self.gzip_md5 = index.md5
        members = index.members()
        check_member_count(len(members.offsets), str(archive.path))
        try:
            if archive.end_marker_required:
                check_end_markers(members.notes, str(archive.path))
        except FastinetError as error:
            return members, [error]
        return members, []

    def _passed(self, before: int, total: int, position: int, _: int) -> None:
        if self._progress is not None:
            self._progress("headers", before + position, total)

    def _passed_files(self, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress("files", done, total)

    def _add_errors(
        self,
        findings: Findings,
        archive: Archive,
        members: _scan.Members,
        errors: Sequence[FastinetError],
    ) -> None:
        """Adds the errors to the findings, and the cut to `cuts`.

        Where an archive is cut, every tar around the cut has an error; they are one :class:`Cut`.
        """
        for note in note_sentences(members.notes):
            findings.warn("odd tar", note, archive=str(archive.path))
        size = file_bytes(archive.path)
        cuts = [
            error
            for error in errors
            if error.cause.startswith("truncated")
            and (error.offset == size or isinstance(archive, GzipArchive))
        ]
        for error in errors:
            if error not in cuts:
                findings.error(
                    "damaged header",
                    error.cause,
                    archive=str(archive.path),
                    member=error.member,
                    offset=error.offset,
                    advice=_DAMAGED if error.cause != WITHOUT_MARKER else _DAMAGED_OR_ALLOW,
                )
        if cuts:
            innermost = max(cuts, key=lambda error: (error.member or "").count("/"))
            self.cuts.append(Cut(archive, members, errors, innermost))


class _Keeper:
    """Saves in the journal what the walk has found so far.

    Every few seconds, and less often where saving takes long, so that it costs a small share of the
    time. `_scan.survey` calls `is_due` and `save` while it walks.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._next = time.monotonic() + _KEEPING_SECONDS
        self.done: Sequence[Walk] = ()
        self.begun: Walk | None = None
        """What an earlier run found in the archive after those, of which it saw a part."""

    def is_due(self) -> bool:
        return time.monotonic() > self._next

    def save(self, members: _scan.Members, errors: list[FastinetError], state: bytes) -> None:
        """Keeps all walks that are done, and the part of the present archive that was passed."""
        self._save([*self.done, _continued(self.begun, (members, errors))], state.hex())

    def save_done(self) -> None:
        """Keeps the walks that are done, if that is due; called between two archives."""
        if self.is_due():
            self._save(self.done, "")

    def _save(self, walks: Sequence[Walk], state: str) -> None:
        start = time.monotonic()
        self._journal.save_walk(walks, state)
        end = time.monotonic()
        self._next = end + _KEEPING_SECONDS + 10 * (end - start)


def _continued(begun: Walk | None, rest: Walk) -> Walk:
    """Both walks as one: the second goes on where the first ended; None: there is no first."""
    if begun is None:
        return rest
    joined = join_members([begun[0], rest[0]])
    return joined._replace(container_names=rest[0].container_names), [*begun[1], *rest[1]]

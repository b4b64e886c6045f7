"""Archives by what they are on disk: a file, or the folder that an archive was extracted to.

Each knows what binds an index to it, how its members are listed, and how the engine opens it. The
engine sees every one as a source of bytes by their offset; in a folder the files lie end to end.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastinet._native import _engine, _scan
from fastinet.archives import seek_index
from fastinet.base.texts import take_texts
from fastinet.errors import ReadError
from fastinet.items import catalog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fastinet.archives.seek_index import SeekIndex
    from fastinet.items.catalog import Listing

__all__ = [
    "Archive",
    "FileArchive",
    "FolderArchive",
    "GzipArchive",
    "Identity",
    "Progress",
    "identify",
]

Progress = Callable[[int, int], None]

# Eight blocks tell one archive from another of equal size and time; reading them costs eight seeks.
_PROBES = 8
_PROBE_BYTES = 4096

_HEAD_BYTES = 8  # as TarMembers::kHeadBytes in csrc/tar/scan.h

# Only of files whose names leave it open what they are is the content looked at: of a million
# images on a disk, each look would be a seek. CLS-LOC has an annotation beside every other one.
_PLAIN_SUFFIXES = (".jpeg", ".jpg", ".png", ".xml")


class Identity(NamedTuple):
    """What binds an index to an archive: it holds for these bytes only, as far as we can tell."""

    name: str
    """File name without folder."""
    size: int
    """Bytes; of a folder, how many folders there are in it."""
    mtime_ns: int
    """Time of the last change, nanoseconds since 1970."""
    probe: str
    """SHA-256 over a few blocks of content; of a folder, over its folders and their times."""


@dataclass(frozen=True)
class _OneFile:
    """An archive that is a file."""

    path: Path
    folder: str = ""
    """Put before the members' names, with a slash: a class tar's wnid."""
    briefly: bool = False
    """Open the file for each read and not for good: of many class tars or shards, not all can be
    open."""

    @property
    def name(self) -> str:
        """File name without folder."""
        return self.path.name

    def identify(self) -> Identity:
        """Identity of the archive as it is now. Raises ReadError where it cannot be read."""
        return identify(self.path)


@dataclass(frozen=True)
class FileArchive(_OneFile):
    """A tar as a file."""

    def scan(self, progress: Progress | None = None) -> _scan.Members:
        """Its members; see :func:`fastinet._native._scan.scan`."""
        return _scan.scan(self.path, self.folder, progress)

    def open_scanned(self, members: _scan.Members) -> _engine.Source:  # noqa: ARG002  # likewise
        """The same, with what the scan found."""
        return _engine.Source.file(os.fsencode(self.path))

    def open(self, listing: Listing) -> _engine.Source:  # noqa: ARG002  # a folder needs it
        """The archive, opened for the engine."""
        return _engine.Source.file(os.fsencode(self.path), briefly=self.briefly)


@dataclass(frozen=True)
class GzipArchive(_OneFile):
    """A tar in a gzip file, entered through its seek index."""

    cache_bytes: int | None = None
    """Of inflated data that are kept; None: as :meth:`fastinet.archives.seek_index.SeekIndex.open`
    does."""

    def scan(self, progress: Progress | None = None) -> _scan.Members:
        """Its members, their offsets in the inflated data; makes the seek index if need be."""
        return self.seek_index(progress).members()

    def open_scanned(self, members: _scan.Members) -> _engine.Source:  # noqa: ARG002  # likewise
        """The same, with what the scan found."""
        return self._open()

    def open(self, listing: Listing) -> _engine.Source:  # noqa: ARG002  # a folder needs it
        """What the archive inflates to, for the engine."""
        return self._open()

    def _open(self) -> _engine.Source:
        return self.seek_index().open(self.path, self.cache_bytes, briefly=self.briefly)

    def seek_index(self, progress: Progress | None = None) -> SeekIndex:
        """Its seek index; see :func:`fastinet.archives.seek_index.obtain`."""
        return seek_index.obtain(
            self.path, self.identify(), self.folder, progress, mapped=not self.briefly
        )


@dataclass(frozen=True)
class FolderArchive:
    """The folder that an archive was extracted to: its files are the members."""

    path: Path
    """What the members' names are relative to."""
    top: str = ""
    """The part of `path` that counts; "" is all of it. A class folder opened by itself is the part
    n01440764 of the folder above, so that its items have the keys that they have in the whole."""

    @property
    def name(self) -> str:
        """Name without the folders above."""
        return (self.path / self.top).name

    def identify(self) -> Identity:
        """Identity of the tree: which folders there are, and when entries came or went in each.

        A file that is rewritten in place changes none of them. Its length is compared when it is
        read.
        """
        digest = hashlib.sha256()
        count, latest = 0, 0
        for folder, _ in self._folders():
            when = (self.path / folder).stat().st_mtime_ns
            digest.update(os.fsencode(folder) + b"\0" + when.to_bytes(8, "little", signed=True))
            count, latest = count + 1, max(latest, when)
        return Identity(self.name, count, latest, digest.hexdigest())

    def scan(self, progress: Progress | None = None) -> _scan.Members:
        """Its files as the members of an archive, by name, byte by byte.

        Args:
            progress: called now and then with (bytes passed, bytes in all), as far as is known.

        Raises:
            ReadError: a folder or file cannot be read.
        """
        entries = sorted(
            (os.fsencode(f"{folder}/{name}" if folder else name))
            for folder, names in self._folders()
            for name in names
        )
        sizes: NDArray[np.uint64] = np.zeros(len(entries), np.uint64)
        heads: NDArray[np.uint8] = np.zeros((len(entries), _HEAD_BYTES), np.uint8)
        kept = np.zeros(len(entries), np.bool_)
        for i, name in enumerate(entries):
            if progress is not None and i % 1024 == 0:
                progress(i, len(entries))
            found = self._look_at(name)
            if found is not None:
                kept[i] = True
                sizes[i], head = found
                heads[i, : len(head)] = np.frombuffer(head, np.uint8)
        files = [name for name, keep in zip(entries, kept.tolist(), strict=True) if keep]
        sizes, heads = sizes[kept], heads[kept]
        ends = np.cumsum(sizes, dtype=np.uint64)
        return _scan.Members(
            offsets=ends - sizes,
            sizes=sizes,
            containers=np.full(len(files), -1, np.int32),
            heads=heads,
            names=np.frombuffer(b"".join(files), np.uint8),
            name_ends=np.cumsum([len(name) for name in files], dtype=np.uint64),
            container_names=[],
            special_entries=len(entries) - len(files),
        )

    def _look_at(self, name: bytes) -> tuple[int, bytes] | None:
        """Size [bytes] of a file, and its first bytes unless the name says what it is.

        None where there is no file: for a socket, say, or a link that leads nowhere.
        """
        path = os.path.join(os.fsencode(self.path), name)  # noqa: PTH118  # bytes, a million
        try:
            info = os.stat(path)  # noqa: PTH116
            if not stat.S_ISREG(info.st_mode):
                return None
            if _says_what_it_is(name):
                return info.st_size, b""
            with open(path, "rb") as file:  # noqa: PTH123
                return info.st_size, file.read(_HEAD_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ReadError(
                f"cannot be read: {error.strerror}",
                archive=str(self.path),
                member=os.fsdecode(name),
            ) from error

    def open_scanned(self, members: _scan.Members) -> _engine.Source:
        """All files that the scan found as one source."""
        return _engine.Source.folder(
            os.fsencode(self.path), members.names, members.name_ends, members.offsets, members.sizes
        )

    def open(self, listing: Listing) -> _engine.Source:
        """The files of `listing` as one source for the engine."""
        names, ends, offsets, sizes = (
            listing.key_bytes,
            listing.key_offsets,
            listing.offsets,
            listing.sizes,
        )
        if np.any(offsets[1:] < offsets[:-1]):  # items in another order than the files
            rows = np.argsort(offsets, kind="stable")
            names, ends = take_texts(names, ends, rows)
            offsets, sizes = offsets[rows], sizes[rows]
        return _engine.Source.folder(os.fsencode(self.path), names, ends[1:], offsets, sizes)

    def _folders(self) -> Iterator[tuple[str, list[str]]]:
        """(path below `path`, names of what is no folder in it) of all folders, links followed."""
        seen = set()
        waiting = [self.top]
        while waiting:
            folder = waiting.pop()
            names, below = [], []
            try:
                info = (self.path / folder).stat()
                if (info.st_dev, info.st_ino) in seen:
                    continue  # a link to a folder that is passed anyway
                seen.add((info.st_dev, info.st_ino))
                with os.scandir(self.path / folder) as entries:
                    for entry in entries:
                        if entry.name.startswith(".") or catalog.is_sidecar(entry.name):
                            continue
                        if entry.is_dir():
                            below.append(f"{folder}/{entry.name}" if folder else entry.name)
                        else:
                            names.append(entry.name)
            except OSError as error:
                raise ReadError(
                    f"cannot be read: {error.strerror}", archive=str(self.path / folder)
                ) from error
            yield folder, names
            waiting.extend(sorted(below, reverse=True))


Archive = FileArchive | GzipArchive | FolderArchive


def identify(path: Path) -> Identity:
    """Identity of the file at `path` as it is now. Raises ReadError where it cannot be read."""
    try:
        with path.open("rb", buffering=0) as file:
            info = os.fstat(file.fileno())
            last = max(0, info.st_size - _PROBE_BYTES)
            digest = hashlib.sha256()
            for i in range(_PROBES):
                digest.update(os.pread(file.fileno(), _PROBE_BYTES, last * i // (_PROBES - 1)))
    except OSError as error:
        raise ReadError(f"cannot be read: {error.strerror}", archive=str(path)) from error
    return Identity(path.name, info.st_size, info.st_mtime_ns, digest.hexdigest())


def _says_what_it_is(name: bytes) -> bool:
    """Whether the name alone tells whether the file is an image."""
    base = name.rpartition(b"/")[2]
    return not base.startswith(b"._") and base.lower().endswith(
        tuple(suffix.encode() for suffix in _PLAIN_SUFFIXES)
    )

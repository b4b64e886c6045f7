"""The folder that an archive was extracted to: an archive whose files are its members."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastinet._native import _engine, _scan
from fastinet.archives.leftovers import are_leftovers
from fastinet.base.limits import check_member_count
from fastinet.base.texts import take_texts
from fastinet.errors import ReadError
from fastinet.sidecars.identity import Identity
from fastinet.sidecars.owners import Ownership
from fastinet.sidecars.places import is_sidecar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fastinet.archives.files import Files
    from fastinet.base.progress import Progress

__all__ = ["FolderArchive"]

_HEAD_BYTES = 8  # as TarMembers::kHeadBytes in csrc/tar/scan.h

# Of how many files the sizes tell a copy of a folder from another one: each may be a seek.
_SIZES = 256
_SIZES_PER_FOLDER = 16

# Labels of WebDataset's samples and of Tiny-ImageNet's validation images, which an index has in it.
_LABEL_SUFFIXES = (".cls", ".json", "val_annotations.txt")

# Only of files whose names leave it open what they are is the content looked at: of a million
# images on a disk, each look would be a seek. CLS-LOC has an annotation beside every other one.
_PLAIN_SUFFIXES = (".jpeg", ".jpg", ".png", ".xml")


# Of how many files with labels a dataset notes what they were: their names are sent with it.
_MOST_NOTED = 1 << 12


class BoundFolder(NamedTuple):
    """A folder as it was when it was looked at.

    A file in it is what it is called, and its length is compared whenever it is read. But labels
    that an index keeps were in files, which have to be the same when items are read.
    """

    identity: Identity
    labels: tuple[str, ...]
    """Files that labels are read from, below the archive's path; of very many some."""
    sizes_and_times: str
    """Over those of these files."""
    ownership: Ownership


@dataclass(frozen=True)
class FolderArchive:
    """The folder that an archive was extracted to: its files are the members."""

    path: Path
    """What the members' names are relative to."""
    top: str = ""
    """The part of `path` that counts; "" is all of it. A class folder opened by itself is the part
    n01440764 of the folder above, so that its items have the keys that they have in the whole."""

    bound: BoundFolder | None = field(default=None, compare=False)
    """What the folder was when its items were listed; None: they are not listed yet."""

    @property
    def name(self) -> str:
        """Name without the folders above."""
        return (self.path / self.top).name

    def identify(self) -> Identity:
        """Identity of the tree: which folders there are, and when entries came or went in each.

        And, for copies of it, where the times are others: all names in it, and the sizes of some
        files. A file that is rewritten in place changes neither, as a rule. Its length is compared
        when it is read. Only of files that may have labels in them, which an index keeps, all sizes
        and times count: that costs a look at each, and a copy with other times has an index of its
        own.
        """
        return self._identify()[0]

    def look(self) -> BoundFolder:
        """The folder as it is now. Raises ReadError where it cannot be read."""
        identity, labels = self._identify()
        noted = tuple(_evenly(labels, _MOST_NOTED))
        ownership = Ownership.of((self.path / self.top).stat())
        return BoundFolder(identity, noted, self._sizes_and_times(noted), ownership)

    def stamp(self) -> str:
        """What differs when anybody has written to a file in it: that is a look at each.

        Raises:
            ReadError: a folder cannot be read.
        """
        digest = hashlib.sha256()
        for name in sorted(self.file_names(), key=os.fsencode):
            digest.update(os.fsencode(name))
            try:
                info = (self.path / name.lstrip("/")).stat()
            except OSError:  # a link that leads nowhere
                continue
            fields = (info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)
            digest.update(b"\0%d %d %d %d\n" % fields)
        return digest.hexdigest()

    def known_identity(self) -> Identity:
        """The identity that it is bound to, else what it is now.

        Raises:
            ReadError: it is gone, or cannot be read.
        """
        now = self.identify()
        return now if self.bound is None else self.bound.identity

    def _sizes_and_times(self, names: Sequence[str]) -> str:
        digest = hashlib.sha256()
        for name in names:
            digest.update(b"%d %d " % self._size_and_time_of(name))
        return digest.hexdigest()

    def _check_bound(self, bound: BoundFolder) -> None:
        """Raises ReadError where labels may be others than when the items were listed."""
        if self._sizes_and_times(bound.labels) != bound.sizes_and_times:
            raise ReadError(
                "files with labels in it, such as"
                f" '{bound.labels[0].lstrip('/')}', have other sizes or times than when it was"
                " opened first; open the dataset again",
                archive=str(self.path),
            )

    def _identify(self) -> tuple[Identity, list[str]]:
        """The identity, and the names of files that may have labels in them."""
        times, names = hashlib.sha256(), hashlib.sha256()
        count, latest = 0, 0
        candidates: list[str] = []
        with_labels: list[str] = []
        for folder, files in self._tree().folders:
            when = self._time_of(folder)
            times.update(os.fsencode(folder) + b"\0" + when.to_bytes(8, "little", signed=True))
            count, latest = count + 1, max(latest, when)
            files.sort(key=os.fsencode)
            below = os.fsencode(folder[len(self.top) :])
            names.update(b"\0\0".join([below, *map(os.fsencode, files)]) + b"\0/")
            labels = [name for name in files if name.lower().endswith(_LABEL_SUFFIXES)]
            for name in labels:
                names.update(b"%d %d " % self._size_and_time_of(f"{folder}/{name}"))
                with_labels.append(f"{folder}/{name}")
            candidates += (f"{folder}/{name}" for name in _evenly(files, _SIZES_PER_FOLDER))
        for name in _evenly(candidates, _SIZES):
            names.update(b"%d " % self._size_of(name))
        identity = Identity(self.name, count, latest, times.hexdigest(), names=names.hexdigest())
        return identity, with_labels

    def _time_of(self, folder: str) -> int:
        """When entries last came to a folder or went [ns]."""
        path = self.path / folder
        try:
            return path.stat().st_mtime_ns
        except OSError as error:
            raise ReadError(f"cannot be read: {error.strerror}", archive=str(path)) from error

    def _size_of(self, name: str) -> int:
        """Bytes of a file; -1 where there is none, as for a link that leads nowhere."""
        return self._size_and_time_of(name)[0]

    def _size_and_time_of(self, name: str) -> tuple[int, int]:
        """The same, and when it was changed last [ns]."""
        try:
            info = (self.path / name.lstrip("/")).stat()
        except OSError as error:
            if error.errno in _LEADS_NOWHERE:
                return -1, -1
            raise ReadError(
                f"cannot be read: {error.strerror}", archive=str(self.path), member=name
            ) from error
        return info.st_size, info.st_mtime_ns

    def file_names(self) -> list[str]:
        """Paths of its files, but for those that are hidden or left by other programs.

        Raises:
            ReadError: a folder cannot be read.
        """
        return [
            f"{folder}/{name}" if folder else name
            for folder, names in self._tree().folders
            for name in names
        ]

    def scan(self, progress: Progress | None = None) -> _scan.Members:
        """Its files as the members of an archive, sorted by the bytes of their paths.

        Args:
            progress: called now and then with (files looked at, files in all).

        Raises:
            ReadError: a folder or file cannot be read.
        """
        folders, passed, links = self._tree()
        entries = sorted(
            os.fsencode(f"{folder}/{name}" if folder else name)
            for folder, names in folders
            for name in names
        )
        check_member_count(len(entries), str(self.path / self.top))
        sizes: NDArray[np.uint64] = np.zeros(len(entries), np.uint64)
        heads: NDArray[np.uint8] = np.zeros((len(entries), _HEAD_BYTES), np.uint8)
        kept = np.zeros(len(entries), np.bool_)
        for i, name in enumerate(entries):
            if progress is not None and i % 1024 == 0:
                progress(i, len(entries))
            found = self._look_at(name)
            if isinstance(found, _scan.Passed):
                passed.append(found)
            else:
                kept[i] = True
                sizes[i], head = found
                heads[i, : len(head)] = np.frombuffer(head, np.uint8)
        files = [name for name, keep in zip(entries, kept.tolist(), strict=True) if keep]
        nowhere = {entry.name for entry in passed}
        sizes, heads = sizes[kept], heads[kept]
        ends = np.cumsum(sizes, dtype=np.uint64)
        return _scan.Members(
            offsets=ends - sizes,
            sizes=sizes,
            containers=np.full(len(files), -1, np.int32),
            heads=heads,
            names=np.frombuffer(b"".join(files), np.uint8),
            name_ends=np.cumsum([len(name) for name in files], dtype=np.uint64),
            container_names=[f"{folder}/" for folder, _ in folders if folder],
            special_entries=sum(entry.kind != _scan.LEFTOVER for entry in passed),
            passed=passed,
            outside=self._outside([link for link in links if link not in nowhere]),
        )

    def _outside(self, links: Sequence[str]) -> tuple[int, list[_scan.Passed]]:
        """How many of these links lead out of the folder, and the first of them.

        Those that lie below another one are not counted.
        """
        number = 0
        first: list[_scan.Passed] = []
        above: set[str] = set()
        for link in sorted(links, key=os.fsencode):
            folders = link.split("/")[:-1] if above else []
            if any("/".join(folders[: i + 1]) in above for i in range(len(folders))):
                continue
            if self._leads_out(link):
                number += 1
                path = f"{self.path}/{link}"
                if len(first) < _SHOWN:
                    first.append(_scan.Passed(_scan.SYMBOLIC_LINK, link, os.readlink(path), 0))  # noqa: PTH115
                if os.path.isdir(path):  # noqa: PTH112  # there may be a million
                    above.add(link)
        return number, first

    def _leads_out(self, link: str) -> bool:
        """Whether a link leads out of the folder in the end, or an absolute one is in its way."""
        top = [part for part in self.top.split("/") if part]
        path = top.copy()
        parts = deque(link.split("/")[len(top) :])
        for _ in range(_MOST_STEPS):
            if not parts:
                return False
            part = parts.popleft()
            if part == ".." and path == top:
                return True
            if part == "..":
                path.pop()
            elif part not in ("", "."):
                path.append(part)
                try:
                    target = os.readlink(f"{self.path}/{'/'.join(path)}")  # noqa: PTH115
                except OSError:  # it is no link
                    continue
                if target.startswith("/"):
                    return True
                path.pop()
                parts.extendleft(reversed(target.split("/")))
        return True

    def _look_at(self, name: bytes) -> tuple[int, bytes] | _scan.Passed:
        """Size [bytes] of a file, and its first bytes unless the name says what it is.

        What is no file, a socket, say, or a link that leads nowhere, is told as such.
        """
        path = os.path.join(os.fsencode(self.path), name)  # noqa: PTH118  # bytes, a million
        try:
            info = os.stat(path)  # noqa: PTH116
            if not stat.S_ISREG(info.st_mode):
                return _scan.Passed(_scan.DEVICE, os.fsdecode(name), "", 0)
            if _says_what_it_is(name):
                return info.st_size, b""
            with open(path, "rb") as file:  # noqa: PTH123
                return info.st_size, file.read(_HEAD_BYTES)
        except OSError as error:
            if error.errno in _LEADS_NOWHERE:
                target = os.fsdecode(os.readlink(path)) if os.path.islink(path) else ""  # noqa: PTH114, PTH115
                return _scan.Passed(_scan.SYMBOLIC_LINK, os.fsdecode(name), target, 0)
            raise ReadError(
                f"cannot be read: {error.strerror}",
                archive=str(self.path),
                member=os.fsdecode(name),
            ) from error

    def open(self, files: Callable[[], Files]) -> _engine.Source:
        """Its files as one source for the engine.

        Raises:
            MissingError, ReadError: it cannot be read, or is not what it is bound to.
        """
        if self.bound is not None:
            self._check_bound(self.bound)
        names, name_offsets, offsets, sizes = files()
        if np.any(offsets[1:] < (offsets + sizes)[:-1]):  # in another order than they lie there
            rows = np.lexsort((sizes, offsets))  # an empty file lies before the one at its offset
            names, name_offsets = take_texts(names, name_offsets, rows)
            offsets, sizes = offsets[rows], sizes[rows]
        return _engine.Source.folder(
            os.fsencode(self.path), names, name_offsets[1:], offsets, sizes
        )

    def _tree(self) -> _Tree:
        """All folders, but for those that are hidden or left by other programs.

        Links are followed behind all that lies below `path` itself, so that what can be had without
        a link is. A folder comes once, whatever leads to it.

        Raises:
            ReadError: a folder cannot be read.
        """
        tree = _Tree([], [], [])
        seen: set[tuple[int, int]] = set()
        linked: deque[str] = deque()
        waiting = [self.top]
        while waiting or linked:
            folder = waiting.pop() if waiting else linked.popleft()
            path = self.path / folder
            try:
                info = path.stat()
                if (info.st_dev, info.st_ino) in seen:  # by way of a link
                    target = str(path.readlink()) if path.is_symlink() else ""
                    tree.passed.append(_scan.Passed(_scan.FOLDER_LINK, folder, target, 0))
                    continue
                seen.add((info.st_dev, info.st_ino))
                with os.scandir(path) as entries:
                    own = [entry for entry in entries if not is_sidecar(entry.name)]
                below = self._divide(tree, folder, own)
            except OSError as error:
                raise ReadError(f"cannot be read: {error.strerror}", archive=str(path)) from error
            waiting.extend(sorted((name for name, is_link in below if not is_link), reverse=True))
            linked.extend(sorted(name for name, is_link in below if is_link))
        return tree

    def _divide(
        self, tree: _Tree, folder: str, entries: Sequence[os.DirEntry[str]]
    ) -> list[tuple[str, bool]]:
        """Adds a folder's entries to `tree`; gives the folders below, and which are links."""
        are_folders = [_is_folder(entry) for entry in entries]
        left = are_leftovers(
            [
                entry.name + "/" * is_folder
                for entry, is_folder in zip(entries, are_folders, strict=True)
            ]
        )
        names, below = [], []
        for entry, is_folder, is_left in zip(entries, are_folders, left, strict=True):
            path = f"{folder}/{entry.name}" if folder else entry.name
            if is_left:
                tree.passed.append(_scan.Passed(_scan.LEFTOVER, path + "/" * is_folder, "", 0))
                continue
            if is_link := entry.is_symlink():
                tree.links.append(path)
            if is_folder:
                below.append((path, is_link))
            else:
                names.append(entry.name)
        tree.folders.append((folder, names))
        return below


class _Tree(NamedTuple):
    """What lies below a folder."""

    folders: list[tuple[str, list[str]]]
    """(path below the archive's, names of what is no folder in it) of each folder."""
    passed: list[_scan.Passed]
    """What is passed over: leftovers, and links to folders that come anyway."""
    links: list[str]
    """The symbolic links that are not passed over, or are so for what they lead to."""


# Links out of the folder, for a note.
_SHOWN = 3

# Parts of paths, those in links among them, that a link may lead through; Linux follows 40 links.
_MOST_STEPS = 1000

# Of a link: there is nothing, or it leads to itself.
_LEADS_NOWHERE = (errno.ENOENT, errno.ELOOP, errno.ENOTDIR)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno in _LEADS_NOWHERE:
            return False
        raise


def _evenly(names: Sequence[str], most: int) -> list[str]:
    """Up to `most` of the names, from the first to the last in even steps."""
    count = min(most, len(names))
    return [names[i * len(names) // count] for i in range(count)]


def _says_what_it_is(name: bytes) -> bool:
    """Whether the name alone tells whether the file is an image."""
    base = name.rpartition(b"/")[2]
    return not base.startswith(b"._") and base.lower().endswith(
        tuple(suffix.encode() for suffix in _PLAIN_SUFFIXES)
    )

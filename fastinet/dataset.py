"""A dataset: the items of one archive, or of a folder of archives, opened in place."""

from __future__ import annotations

import contextlib
import copy
import functools
import operator
import os
import stat
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from fastinet import _engine, catalog, checkpoints, datasets, seek_index
from fastinet.checkpoints import CheckpointLog, Checkpoints, Chunk
from fastinet.checks import whole_number
from fastinet.cpus import available_cpus
from fastinet.datasets.classes import class_table
from fastinet.datasets.scanned import ScannedArchive, ScannedMembers, wnid_number
from fastinet.errors import (
    CorruptError,
    FastinetError,
    FastinetWarning,
    MissingError,
    ReadError,
    UnsupportedError,
    from_status,
)
from fastinet.sources import Archive, FileArchive, FolderArchive, GzipArchive, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    from fastinet.catalog import Listing, Split
    from fastinet.datasets.classes import ClassInfo

__all__ = ["Dataset", "Keys", "open"]


class Keys(Sequence[str]):
    """Names of items, decoded one at a time: 1.28 million strings would cost some 100 MB."""

    def __init__(
        self, text: NDArray[np.uint8], starts: NDArray[np.uint64], ends: NDArray[np.uint64]
    ) -> None:
        """Key i is ``text[starts[i]:ends[i]]``, UTF-8 (other bytes come out as surrogates)."""
        self._text = text
        self._starts = starts
        self._ends = ends

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Keys: ...
    def __getitem__(self, index: int | slice) -> str | Keys:
        if isinstance(index, slice):
            return Keys(self._text, self._starts[index], self._ends[index])
        text = self._text[self._starts[index] : self._ends[index]]
        return text.tobytes().decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        for i in range(len(self)):
            yield self[i]

    def __repr__(self) -> str:
        shown = [*map(repr, self[:3]), *(["..."] if len(self) > 3 else [])]
        return f"<{len(self)} keys: {', '.join(shown)}>"

    def take(self, rows: NDArray[np.int64]) -> Keys:
        """The keys of ``rows``, in that order."""
        return Keys(self._text, self._starts[rows], self._ends[rows])

    def columns(self) -> tuple[NDArray[np.uint8], NDArray[np.uint64], NDArray[np.uint64]]:
        """Undecoded, for questions to all keys at once: key i is ``text[starts[i]:ends[i]]``."""
        return self._text, self._starts, self._ends


class Dataset:
    """Items of one or more archives, N in all. Made by :func:`open`.

    Attributes:
        path: what was opened: an archive, or a folder; absolute.
        name: its file name.
        family: which archive family it was recognised as: "train", "val", ...
        split: which part of the archive it is: "train", "val", "test", or as the archive calls it.
        splits: the names of all parts that the archive has.
        index: path of the index that serves, or None where none is kept.
        labels: int64 [N], read-only; index into ``classes``, or -1 for an item without a label.
        sizes: uint64 [N], read-only; the items' original bytes.
        keys: the items' names, str [N]. A key is the path of the member, where an inner tar counts
            as a folder, and so does an archive that a wnid names:
            "n01440764/n01440764_10026.JPEG" is the same item's key in the full archive, in a folder
            of class tars and in its class tar alone.
        skipped: how many entries of the archives are no items; :func:`open` warned of them.
    """

    def __init__(
        self,
        path: str,
        archives: Sequence[Archive],
        listing: Listing,
        index: str | None = None,
        split: str | None = None,
    ) -> None:
        """A dataset of the items in ``listing``, which lie in ``archives``.

        ``split`` takes the items of that split only; None takes all, with the first one's classes.
        """
        self.path = path
        self.index = index
        self.name = Path(path).name
        self.family = listing.family
        self.splits = tuple(name for name, _ in listing.splits)
        self.skipped = listing.skipped
        self._archives = tuple(archives)
        self._listing = listing
        self._sources: tuple[int, list[_engine.Source]] | None = None  # and whose process they are
        self._checkpoints: Checkpoints | None = None  # until somebody needs them
        self._selected = False
        number = 0 if split is None else self.splits.index(split)
        self.split, self._wnids = listing.splits[number]
        self._rows: NDArray[np.int64] | None = None  # of the listing; None: every one, in order
        if split is not None and listing.item_split is not None:
            self._rows = np.flatnonzero(listing.item_split == number)
        self._place_items()
        self.labels = self._of_items(listing.labels)

    def _place_items(self) -> None:
        """Tells from the listing where the items in `_rows` are.

        It is what the loader hands to the engine: item i is sizes[i] bytes from _offsets[i] on of
        _archives[_item_archive[i]], or of _archives[0] where _item_archive is None.
        """
        listing = self._listing
        keys = Keys(listing.key_bytes, listing.key_offsets[:-1], listing.key_offsets[1:])
        self.keys = keys if self._rows is None else keys.take(self._rows)
        self.sizes: NDArray[np.uint64] = self._of_items(listing.sizes)
        self._offsets: NDArray[np.uint64] = self._of_items(listing.offsets)
        self._item_archive: NDArray[np.int32] | None = None
        if listing.item_archive is not None:
            self._item_archive = self._of_items(listing.item_archive)

    def _of_items(self, column: NDArray[Any]) -> NDArray[Any]:
        """A column of the listing, for the items in `_rows`; read-only."""
        column = column.view() if self._rows is None else column[self._rows]
        column.flags.writeable = False
        return column

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"<Dataset {self.name!r}: {len(self)} items in {len(self._wnids)} classes>"

    @functools.cached_property
    def classes(self) -> tuple[ClassInfo, ...]:
        """The classes in label order: sorted wnids, with names and gloss where they are known."""
        return class_table(self._wnids)

    @property
    def checkpoints(self) -> Checkpoints:
        """The entropy checkpoints of the items, as far as an index of them was made.

        They let the loader start decoding where a crop starts, and read only the bytes it needs.
        """
        if self._checkpoints is None:
            found = checkpoints.find(Path(self.path), self._archives, len(self._listing.labels))
            self._checkpoints = found if self._rows is None else found.take(self._rows)
        return self._checkpoints

    def __getstate__(self) -> dict[str, Any]:
        # The records of a million images are not for sending: the other side maps them too. What
        # the listing tells is not sent twice.
        derived = ("keys", "sizes", "_offsets", "_item_archive")
        state = {name: value for name, value in self.__dict__.items() if name not in derived}
        return {**state, "_checkpoints": None, "_sources": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.labels.flags.writeable = False
        self._place_items()

    def build_checkpoints(
        self,
        *,
        stride: int = 0,
        threads: int | None = None,
        chunk_items: int = 2048,
        progress: Progress | None = None,
    ) -> Checkpoints:
        """Makes the entropy checkpoints of all items in one pass over the archive's data.

        They are kept beside the index (``<path>.fastinet.checkpoints``), some 0.3 % of the archive.
        A pass that was interrupted goes on where it was; one that is complete is not made again.
        Loaders that start afterwards use them. Images that the own decoder does not take
        (progressive ones, PNGs) have none; damaged ones are counted in a FastinetWarning.

        Args:
            stride: also note a place every `stride` MCUs within a row; 0: one place a row.
            threads: None takes one for each CPU that affinity and control groups allow.
            chunk_items: items that are kept at once, which is what an interruption loses at most;
                the default is a second or two of work for two threads.
            progress: called with (items done, items in all). It may raise to stop the pass; what
                was done is kept.

        Raises:
            ReadError: an archive cannot be read, the index cannot be written, or another process
                is making it. What was done is kept.
            ValueError: the dataset is a selection: make the checkpoints of the whole.
        """
        if self._selected:
            raise ValueError("a selection has its dataset's checkpoints: make them there")
        if self._rows is not None:  # a split: the archive has one checkpoint index for all of them
            self._whole().build_checkpoints(
                stride=stride, threads=threads, chunk_items=chunk_items, progress=progress
            )
            self._checkpoints = None
            return self.checkpoints
        stride = whole_number("stride", stride, 0, 2**31 - 1)
        chunk_items = whole_number("chunk_items", chunk_items, 1, 2**31 - 1)
        threads = whole_number("threads", available_cpus() if threads is None else threads, 1, 4096)
        found, _ = checkpoints.look(Path(self.path), self._archives, len(self))
        if found.path is None or found.covered < len(self) or found.stride != stride:
            log = CheckpointLog(Path(self.path), self._archives, len(self), stride)
            with contextlib.closing(log):
                self._fill(log, stride, threads, chunk_items, progress)
        if progress is not None:
            progress(len(self), len(self))
        self._checkpoints = None
        return self.checkpoints

    def _fill(
        self,
        log: CheckpointLog,
        stride: int,
        threads: int,
        chunk_items: int,
        progress: Progress | None,
    ) -> None:
        """Adds the records of the items that `log` does not cover yet."""
        table = self._native_table(Checkpoints.none(len(self)))
        damaged, first = 0, None
        while log.covered < len(self):
            if progress is not None:
                progress(log.covered, len(self))
            count = min(chunk_items, len(self) - log.covered)
            records, sizes, header_bytes, chunk_damaged, chunk_first = _engine.make_checkpoints(
                table, log.covered, count, stride=stride, threads=threads
            )
            if chunk_first is not None:
                item, code, cause, archive, offset = chunk_first
                error = from_status(code, cause, archive, self.keys[item], offset)
                if isinstance(error, ReadError):  # it may be there next time
                    raise error
                first = first or error
            log.append(Chunk(records, sizes, header_bytes))
            damaged += chunk_damaged
        if first is not None:
            warnings.warn(
                f"{damaged} items are damaged and have no checkpoints; the first: {first}",
                FastinetWarning,
                stacklevel=3,
            )

    def _native_table(self, places: Checkpoints | None = None) -> _engine.ItemTable:
        """The items as the engine takes them, with `places` or the checkpoints that there are."""
        places = self.checkpoints if places is None else places
        return _engine.ItemTable(
            self._opened_sources(),
            self._item_archive,
            self._offsets,
            self.sizes,
            places.starts,
            places.sizes,
            places.header_bytes,
            places.records,
        )

    def read(self, index: int) -> bytes:
        """The original bytes of an item, as they stand in the archive.

        Args:
            index: 0 to N - 1, or -N to -1 counted from the end.

        Raises:
            IndexError: there is no such item.
            MissingError, ReadError: the archive is gone, was cut, or cannot be read.
        """
        row = range(len(self))[operator.index(index)]
        number = 0 if self._item_archive is None else self._item_archive[row]
        try:
            source = self._opened_sources()[number]
            return source.read(int(self._offsets[row]), int(self.sizes[row]))
        except FastinetError as error:
            raise error.in_member(self.keys[row]) from None

    def _opened_sources(self) -> list[_engine.Source]:
        """The archives, opened in this process when they are first needed."""
        if self._sources is None or self._sources[0] != os.getpid():
            opened = [archive.open(self._listing) for archive in self._archives]
            self._sources = os.getpid(), opened
        return self._sources[1]

    def _whole(self) -> Dataset:
        """All items of all splits."""
        return Dataset(self.path, self._archives, self._listing, self.index)

    def select(self, rows: ArrayLike) -> Dataset:
        """A dataset of some of the items, in the given order, with the same classes and labels.

        Args:
            rows: items 0 to N - 1 (or from the end, as negative numbers), or bool [N].

        Raises:
            IndexError: there is no such item.
        """
        chosen = np.arange(len(self))[np.asarray(rows)].reshape(-1)
        selection = copy.copy(self)
        selection._selected = True  # noqa: SLF001
        selection._rows = chosen if self._rows is None else self._rows[chosen]  # noqa: SLF001
        selection._place_items()  # noqa: SLF001
        selection.labels = self.labels[chosen]
        selection.labels.flags.writeable = False
        if self._checkpoints is not None:
            selection._checkpoints = self._checkpoints.take(chosen)  # noqa: SLF001
        return selection


def open(  # noqa: A001  # read as fastinet.open
    path: str | os.PathLike[str],
    *,
    split: str | None = None,
    index: bool | str | os.PathLike[str] = True,
    progress: Progress | None = None,
) -> Dataset:
    """Opens an archive, a folder of archives, or the folder that one was extracted to, in place.

    What it is shows from its content; README lists every archive that is recognised.

    The first time, the headers are scanned and an index is kept beside the archive
    (``<path>.fastinet``), or in the user's cache folder where that place cannot be written; later
    the index alone is read. An index that is stale, damaged or of another format version is built
    anew, and a :class:`~fastinet.errors.FastinetWarning` says so; so does one for members that
    are no items.

    Args:
        path: the archive or folder.
        split: which part of an archive that has several: "train", "val", "test", or as the archive
            calls it. None takes the first, and warns when there are others.
        index: True as above; a path keeps the index there; False neither reads nor writes one.
        progress: called during a scan with (bytes passed, bytes in all). It may raise to stop it.

    Raises:
        MissingError: no such file, or a folder without images and class tars.
        ReadError: it cannot be read.
        CorruptError: it is no tar, is truncated or damaged, or holds no image.
        UnsupportedError: of a family or compression that fastinet does not read.
        ValueError: the archive has no such split.
    """
    absolute = Path(path).absolute()
    archives, notes = _archives_at(absolute)
    listing, kept_at = catalog.obtain(
        absolute,
        archives,
        build=lambda: _scan_archives(absolute, archives, progress),
        index=index if isinstance(index, bool) else Path(index),
    )
    chosen, split_notes = _chosen_split(absolute, listing.splits, split)
    for note in (*notes, *listing.notes, *split_notes):
        warnings.warn(f"'{absolute}': {note}", FastinetWarning, stacklevel=2)
    return Dataset(
        str(absolute), archives, listing, None if kept_at is None else str(kept_at), chosen
    )


def _chosen_split(path: Path, splits: Sequence[Split], wanted: str | None) -> tuple[str, list[str]]:
    """The name of the split to take, and what the user should hear about that."""
    names = [name for name, _ in splits]
    if wanted is None:
        others = ", ".join(names[1:])
        note = f"this is its split '{names[0]}'; split= takes the others: {others}"
        return names[0], [note] if others else []
    if wanted not in names:
        raise ValueError(f"'{path}' has no split '{wanted}'; it has {', '.join(names)}")
    return wanted, []


def _archives_at(path: Path) -> tuple[list[Archive], list[str]]:
    """The archives that ``path`` stands for, and what the user should hear about the others."""
    try:
        mode = path.stat().st_mode
        found = list(path.iterdir()) if stat.S_ISDIR(mode) else []
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingError("no such file or folder", archive=str(path)) from error
    except OSError as error:
        raise ReadError(f"cannot be read: {error.strerror}", archive=str(path)) from error
    if stat.S_ISREG(mode):
        return [_file_archive(path)], []
    if not stat.S_ISDIR(mode):
        raise UnsupportedError("not a regular file", archive=str(path))
    entries = sorted(
        entry
        for entry in found
        if not entry.name.startswith(".")
        and entry.suffix not in (catalog.SUFFIX, checkpoints.SUFFIX, seek_index.SUFFIX, ".tmp")
    )
    class_tars = [entry for entry in entries if _is_class_tar(entry)]
    if not class_tars:
        if wnid_number(path.name) >= 0:
            return [FolderArchive(path.parent, path.name)], []
        return [FolderArchive(path)], []
    others = [entry.name for entry in entries if not _is_class_tar(entry)]
    notes = []
    if others:
        shown = ", ".join([*others[:3], *(["..."] if len(others) > 3 else [])])
        notes.append(f"{len(others)} files passed over that are not class tars: {shown}")
    return [_file_archive(entry) for entry in class_tars], notes


def _file_archive(path: Path) -> FileArchive | GzipArchive:
    # By content: the archives of ImageNet-V2 are called .tar.gz and are plain tars.
    kind = GzipArchive if seek_index.is_gzip(path) else FileArchive
    return kind(path, path.stem if _is_class_tar(path) else "")


def _is_class_tar(path: Path) -> bool:
    return path.suffix == ".tar" and wnid_number(path.stem) >= 0


def _scan_archives(path: Path, archives: Sequence[Archive], progress: Progress | None) -> Listing:
    """Scans the archives at `path` and has their family recognised."""
    scanned = []
    sizes = [
        archive.path.stat().st_size if isinstance(archive, FileArchive | GzipArchive) else 0
        for archive in archives
    ]
    for i, archive in enumerate(archives):
        report = progress
        if progress is not None and len(archives) > 1:
            report = functools.partial(_report, progress, sum(sizes[:i]), sum(sizes))
        scanned.append(ScannedArchive(archive.name, archive.scan(report)))
    listing = datasets.recognise(scanned)
    if listing is not None:
        return listing
    members = ScannedMembers(scanned)
    if members.images().any():
        raise UnsupportedError(
            "its images carry no wnid, in folders or file names, so their classes are not known",
            archive=str(path),
        )
    if path.is_dir():
        tars = sorted(entry.name for entry in path.glob("*.tar*"))[:5]
        advice = f"; open one of its archives by its own path: {', '.join(tars)}" if tars else ""
        raise MissingError(f"a folder without images and class tars{advice}", archive=str(path))
    raise CorruptError("a complete tar, but there is no image in it", archive=str(path))


def _report(progress: Progress, before: int, total: int, position: int, _: int) -> None:
    progress(before + position, total)

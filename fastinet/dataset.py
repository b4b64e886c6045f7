"""A dataset: the items of one archive, or of a folder of archives, opened in place."""

from __future__ import annotations

import contextlib
import copy
import functools
import operator
import os
import stat
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from fastinet import _engine, _scan, catalog, checkpoints, datasets
from fastinet.checkpoints import CheckpointLog, Checkpoints, Chunk
from fastinet.checks import whole_number
from fastinet.cpus import available_cpus
from fastinet.datasets.classes import class_table
from fastinet.datasets.scanned import ScannedArchive, ScannedMembers, wnid_number
from fastinet.errors import (
    CorruptError,
    FastinetWarning,
    MissingError,
    ReadError,
    UnsupportedError,
    from_status,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    from fastinet.catalog import Listing
    from fastinet.datasets.classes import ClassInfo

__all__ = ["Dataset", "Keys", "open"]

Progress = Callable[[int, int], None]


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
    """Items of one or more archives, N in all, in archive order. Made by :func:`open`.

    Attributes:
        path: what was opened: an archive, or a folder of them; absolute.
        name: its file name.
        family: which archive family it was recognised as: "train".
        index: path of the index that serves, or None where none is kept.
        labels: int64 [N], read-only; index into ``classes``.
        sizes: uint64 [N], read-only; the items' original bytes.
        keys: the items' names, str [N]. A key is the path of the member, where an inner tar counts
            as a folder, and so does an archive that a wnid names:
            "n01440764/n01440764_10026.JPEG" is the same item's key in the full archive, in a folder
            of class tars and in its class tar alone.
        skipped: how many entries of the archives are no items; :func:`open` warned of them.
    """

    def __init__(
        self, path: str, archives: list[str], listing: Listing, index: str | None = None
    ) -> None:
        """A dataset of the items in ``listing``, which lie in ``archives`` (paths)."""
        self.path = path
        self.index = index
        self.name = Path(path).name
        self.family = listing.family
        self.labels = _read_only(listing.labels)
        self.sizes: NDArray[np.uint64] = _read_only(listing.sizes)
        self.keys = Keys(listing.key_bytes, listing.key_offsets[:-1], listing.key_offsets[1:])
        self.skipped = listing.skipped
        self._wnids = listing.wnids
        # What the loader hands to the engine: item i is sizes[i] bytes from _offsets[i] on of
        # _archives[_item_archive[i]], or of _archives[0] where _item_archive is None.
        self._archives = archives
        self._item_archive: NDArray[np.int32] | None = None
        if listing.item_archive is not None:
            self._item_archive = _read_only(listing.item_archive)
        self._offsets: NDArray[np.uint64] = _read_only(listing.offsets)
        self._checkpoints: Checkpoints | None = None  # until somebody needs them
        self._all_items = len(listing.labels)
        self._rows: NDArray[np.int64] | None = None  # of all items; None: every one, in order

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
            found = checkpoints.find(Path(self.path), self._archive_paths(), self._all_items)
            self._checkpoints = found if self._rows is None else found.take(self._rows)
        return self._checkpoints

    def __getstate__(self) -> dict[str, Any]:
        # The records of a million images are not for sending: the other side maps them too.
        return {**self.__dict__, "_checkpoints": None}

    def _archive_paths(self) -> list[Path]:
        return [Path(archive) for archive in self._archives]

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
        if self._rows is not None:
            raise ValueError("a selection has its dataset's checkpoints: make them there")
        stride = whole_number("stride", stride, 0, 2**31 - 1)
        chunk_items = whole_number("chunk_items", chunk_items, 1, 2**31 - 1)
        threads = whole_number("threads", available_cpus() if threads is None else threads, 1, 4096)
        archives = self._archive_paths()
        found, _ = checkpoints.look(Path(self.path), archives, len(self))
        if found.path is None or found.covered < len(self) or found.stride != stride:
            log = CheckpointLog(Path(self.path), archives, len(self), stride)
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
            [os.fsencode(archive) for archive in self._archives],
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
        archive = self._archives[0 if self._item_archive is None else self._item_archive[row]]
        offset, size = int(self._offsets[row]), int(self.sizes[row])
        try:
            with Path(archive).open("rb") as file:
                file.seek(offset)
                data = file.read(size)
        except OSError as error:
            kind = MissingError if isinstance(error, FileNotFoundError) else ReadError
            cause = f"cannot be read: {error.strerror}"
            raise kind(cause, archive=archive, member=self.keys[row], offset=offset) from error
        if len(data) < size:
            raise ReadError(
                f"the archive ends here, though the member has {size} bytes: it was cut since it"
                " was opened",
                archive=archive,
                member=self.keys[row],
                offset=offset + len(data),
            )
        return data

    def select(self, rows: ArrayLike) -> Dataset:
        """A dataset of some of the items, in the given order, with the same classes and labels.

        Args:
            rows: items 0 to N - 1 (or from the end, as negative numbers), or bool [N].

        Raises:
            IndexError: there is no such item.
        """
        chosen = np.arange(len(self))[np.asarray(rows)].reshape(-1)
        selection = copy.copy(self)
        selection._rows = chosen if self._rows is None else self._rows[chosen]  # noqa: SLF001
        if self._checkpoints is not None:
            selection._checkpoints = self._checkpoints.take(chosen)  # noqa: SLF001
        selection.labels = _read_only(self.labels[chosen])
        selection.sizes = _read_only(self.sizes[chosen])
        selection.keys = self.keys.take(chosen)
        selection._offsets = _read_only(self._offsets[chosen])  # noqa: SLF001
        if self._item_archive is not None:
            selection._item_archive = _read_only(self._item_archive[chosen])  # noqa: SLF001
        return selection


def open(  # noqa: A001  # read as fastinet.open
    path: str | os.PathLike[str],
    *,
    index: bool | str | os.PathLike[str] = True,
    progress: Progress | None = None,
) -> Dataset:
    """Opens an archive, or a folder of class tars, in place.

    It may be a tar of class tars (ILSVRC2012_img_train.tar, fall11_whole.tar), one class tar
    (n01440764.tar), a folder of class tars, or a flat tar whose folders or file names carry wnids.
    What it is shows from its content.

    The first time, the headers are scanned and an index is kept beside the archive
    (``<path>.fastinet``), or in the user's cache folder where that place cannot be written; later
    the index alone is read. An index that is stale, damaged or of another format version is built
    anew, and a :class:`~fastinet.errors.FastinetWarning` says so; so does one for members that
    are no items.

    Args:
        path: the archive or folder.
        index: True as above; a path keeps the index there; False neither reads nor writes one.
        progress: called during a scan with (bytes passed, bytes in all). It may raise to stop it.

    Raises:
        MissingError: no such file, or a folder without class tars.
        ReadError: it cannot be read.
        CorruptError: it is no tar, is truncated or damaged, or holds no image.
        UnsupportedError: compressed, or of a family that fastinet does not read.
    """
    absolute = Path(path).absolute()
    archives, notes = _archives_at(absolute)
    listing, kept_at = catalog.obtain(
        absolute,
        archives,
        build=lambda: _scan_archives(archives, progress),
        index=index if isinstance(index, bool) else Path(index),
    )
    for note in (*notes, *listing.notes):
        warnings.warn(f"'{absolute}': {note}", FastinetWarning, stacklevel=2)
    return Dataset(
        str(absolute),
        [str(archive) for archive in archives],
        listing,
        None if kept_at is None else str(kept_at),
    )


def _archives_at(path: Path) -> tuple[list[Path], list[str]]:
    """The archives that ``path`` stands for, and what the user should hear about the others."""
    try:
        mode = path.stat().st_mode
        found = list(path.iterdir()) if stat.S_ISDIR(mode) else []
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingError("no such file or folder", archive=str(path)) from error
    except OSError as error:
        raise ReadError(f"cannot be read: {error.strerror}", archive=str(path)) from error
    if stat.S_ISREG(mode):
        return [path], []
    if not stat.S_ISDIR(mode):
        raise UnsupportedError("not a regular file", archive=str(path))
    entries = sorted(
        entry
        for entry in found
        if not entry.name.startswith(".")
        and entry.suffix not in (catalog.SUFFIX, checkpoints.SUFFIX, ".tmp")
    )
    class_tars = [entry for entry in entries if _is_class_tar(entry)]
    others = [entry.name for entry in entries if not _is_class_tar(entry)]
    if not class_tars:
        tars = [name for name in others if name.endswith(".tar")]
        advice = (
            f"; open one of its archives by its own path: {', '.join(tars[:5])}" if tars else ""
        )
        raise MissingError(
            f"a folder without class tars (n01440764.tar and the like){advice}", archive=str(path)
        )
    notes = []
    if others:
        shown = ", ".join([*others[:3], *(["..."] if len(others) > 3 else [])])
        notes.append(f"{len(others)} files passed over that are not class tars: {shown}")
    return class_tars, notes


def _is_class_tar(path: Path) -> bool:
    return path.suffix == ".tar" and wnid_number(path.stem) >= 0


def _scan_archives(archives: Sequence[Path], progress: Progress | None) -> Listing:
    """Scans the archives and has their family recognised."""
    scanned = []
    sizes = [archive.stat().st_size for archive in archives]
    for i, archive in enumerate(archives):
        report = None
        if progress is not None:
            report = functools.partial(_report, progress, sum(sizes[:i]), sum(sizes))
        folder = archive.stem if _is_class_tar(archive) else ""
        scanned.append(ScannedArchive(archive.name, _scan.scan(archive, folder, report)))
    listing = datasets.recognise(scanned)
    if listing is not None:
        return listing
    path = str(archives[0] if len(archives) == 1 else archives[0].parent)
    if not ScannedMembers(scanned).images().any():
        raise CorruptError("a complete tar, but there is no image in it", archive=path)
    raise UnsupportedError(
        "its images carry no wnid, in folders or file names, so their classes are not known",
        archive=path,
    )


def _report(progress: Progress, before: int, total: int, position: int, _: int) -> None:
    progress(before + position, total)


def _read_only(column: NDArray[Any]) -> NDArray[Any]:
    view = column.view()
    view.flags.writeable = False
    return view

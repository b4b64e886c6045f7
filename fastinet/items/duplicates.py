"""Equal images: found by their bytes, and given as one image with the labels of all its copies.

ImageNet-21K has one label for a file, but the same photograph may lie in several synsets, under
another name in each. No list of them was ever published. Files are equal when their bytes are, so
that neither a photograph that was saved again nor one of two that is gzip-wrapped is found.

Three sieves, each finer and applied to what the one before let through:

1. the size, which the index has;
2. the last 4096 bytes. JPEGs of one size are common (there are 14 million files and some 200,000
   sizes), but the ends of their entropy coded data differ;
3. all bytes, by their BLAKE2b hash of 128 bits.

So the pass reads 4 kB of nearly every file, and the whole of those that have copies. What it found
so far is kept as the index is, ``<archive>.fastinet.duplicates``, a column file as the index is
(:mod:`fastinet.sidecars.column_file`); a pass that was interrupted goes on from there. One process
makes it, and others wait for it (:mod:`fastinet.sidecars.turns`).
"""

from __future__ import annotations

import copy
import errno
import hashlib
import time
import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastinet.base.checks import whole_number
from fastinet.base.cpus import available_cpus
from fastinet.base.progress_bar import drawn
from fastinet.base.threads import submitted
from fastinet.base.warning import warn
from fastinet.datasets.label_sets import LabelSets
from fastinet.errors import printable
from fastinet.sidecars import column_file, turns
from fastinet.sidecars.column_file import ColumnFileForm, UnusableSidecarError
from fastinet.sidecars.identity import Identity, check_identities, fastinet_version
from fastinet.sidecars.owners import Owners, UntrustedSidecarError
from fastinet.sidecars.places import shown_failures
from fastinet.sidecars.schema import Word32

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from fastinet.base.progress import Progress
    from fastinet.items.dataset import Dataset

__all__ = ["Duplicates", "find_duplicates"]

SUFFIX = ".duplicates"

_TAIL_BYTES = 4096
_CHUNK_ITEMS = 256  # in the hands of one thread: long enough that handing over costs nothing
_SAVE_SECONDS = 60.0  # of work that a power cut may cost; an interruption costs none

Rows = NDArray[np.int64]
Hashes = NDArray[np.uint64]


class Duplicates:
    """Which items of a dataset are equal: a sequence of groups. Made by :func:`find_duplicates`.

    A group is the ids of two or more equal items, int64, rising; groups come by their first item.

    Attributes:
        dataset: that they were found in, N items.
        path: where the result is kept; None where it is not.
    """

    def __init__(self, dataset: Dataset, rows: Rows, ends: Rows, path: Path | None = None) -> None:
        """Group i is ``rows[ends[i - 1]:ends[i]]``."""
        self.dataset = dataset
        self.path = path
        self._rows = rows
        self._ends = ends

    def __len__(self) -> int:
        """How many images there are several copies of."""
        return len(self._ends)

    def __getitem__(self, group: int) -> Rows:
        end = self._ends[group]
        start = 0 if group in (0, -len(self)) else self._ends[group - 1]
        return self._rows[start:end]

    def __iter__(self) -> Iterator[Rows]:
        return iter(np.split(self._rows, self._ends[:-1]) if len(self) else [])

    def __repr__(self) -> str:
        return (
            f"<Duplicates in {self.dataset.name!r}: {self.items} items are copies of {len(self)} "
            "images>"
        )

    @property
    def items(self) -> int:
        """How many items are copies of another one, in all groups."""
        return len(self._rows)

    def first_items(self) -> Rows:
        """The first item of each group."""
        first: Rows = self._rows[self._ends - np.diff(self._ends, prepend=0)]
        return first

    @property
    def images(self) -> int:
        """How many different images the dataset has."""
        return len(self.dataset) - self.items + len(self)

    def first_copies(self) -> Rows:
        """The first item that is equal to each item, int64 [N]; its own id where there is none."""
        first = np.arange(len(self.dataset))
        counts = np.diff(self._ends, prepend=0)
        first[self._rows] = np.repeat(self.first_items(), counts)
        return first

    def label_sets(self) -> LabelSets:
        """For each item the labels of all its copies together, N sets."""
        first = self.first_copies()
        single = self.dataset.label_sets
        if single is None:
            labelled = self.dataset.labels >= 0
            single = LabelSets(labelled.astype(np.int64), self.dataset.labels[labelled])
        classes = len(self.dataset.classes)
        pairs = np.unique(first[single.item] * classes + single.label)
        items, labels = np.divmod(pairs, max(classes, 1))
        counts = np.bincount(items, minlength=len(first)).astype(np.int64)
        return LabelSets(counts, labels).take(first)

    def multi_label(self) -> Dataset:
        """The dataset with label sets: every copy of an image has the labels of all copies."""
        dataset = copy.copy(self.dataset)
        dataset.label_sets = self.label_sets()
        return dataset

    def without_copies(self) -> Dataset:
        """`multi_label()` with one item for each image: the first of its copies, in their order.

        `labels` are those of the items that stay, `label_sets` those of all copies.
        """
        first = self.first_copies()
        return self.multi_label().select(first == np.arange(len(first)))


def find_duplicates(
    dataset: Dataset, *, threads: int | None = None, progress: Progress | bool | None = None
) -> Duplicates:
    """Finds the items of a dataset that are equal, byte by byte, in one pass over its data.

    The result is kept beside the dataset's index, and read from there the next time. A pass that
    was interrupted goes on where it was. Empty items are equal to none.

    Args:
        dataset: all of an archive, or of a split.
        threads: None takes one for each CPU that affinity and control groups allow.
        progress: called with (items read, items to read), by the pass here or in another process
            that makes it. The latter grows once, when it is known how many have to be read whole.
            It may raise to stop the pass or the wait; what was done is kept. True draws a bar, in a
            terminal or in a notebook's cell.

    Raises:
        MissingError, ReadError: an archive is gone or cannot be read.
        ValueError: the dataset is a selection: find them in the whole, and select from
            ``multi_label()``.
    """
    if dataset.is_selection:
        raise ValueError("find the duplicates of the whole dataset, and select from multi_label()")
    threads = whole_number("threads", available_cpus() if threads is None else threads, 1, 4096)
    file = _SearchFile.of(dataset)

    def search_on(_: Sequence[Path], progress: Progress) -> tuple[Rows, Rows]:
        search, findings = file.load_search()
        for finding in findings:
            warn(f"{finding}; they are searched anew")
        return _Pass(dataset, search, file, threads, progress).run()

    rows, ends = turns.find_or_make_sidecar(
        file.places,
        "index of duplicates",
        find_complete=lambda: file.load_search()[0].groups,
        make_missing=search_on,
        progress=drawn(progress, f"duplicates in {printable(dataset.name)}"),
    )
    return Duplicates(dataset, rows, ends, file.path)


@dataclass
class _Search:
    """How far a search has come: what the second and the third sieve have hashed so far."""

    tails: Hashes = field(default_factory=lambda: np.zeros(0, np.uint64))
    """[n] hashes of the ends of the first n of those items that share their size."""
    digests: Hashes = field(default_factory=lambda: np.zeros((0, 2), np.uint64))
    """[n, 2] hashes of all bytes of the first n of those items that share size and tail."""
    groups: tuple[Rows, Rows] | None = None
    """The result, rows and ends as :class:`Duplicates` takes them; None before all is done."""


class _Pass:
    """The pass over the data that goes on with a search and brings it to its end."""

    def __init__(
        self,
        dataset: Dataset,
        search: _Search,
        file: _SearchFile,
        threads: int,
        progress: Progress,
    ) -> None:
        self._dataset = dataset
        self._sizes = dataset.sizes.astype(np.int64)
        self._search = search
        self._file = file
        self._threads = threads
        self._progress = progress
        dataset.columns.sources()  # opened once, and not by every thread

    def run(self) -> tuple[Rows, Rows]:
        """The groups, as rows and ends. However it ends, what was found so far is kept."""
        search = self._search
        try:
            same_size = np.flatnonzero(_shared(self._sizes) & (self._sizes > 0))
            self._hash(same_size, "tails", self._hash_tail, before=0)
            same_tail = same_size[_shared(search.tails)]
            self._hash(same_tail, "digests", self._hash_all, before=len(same_size))
            search.groups = _groups(same_tail, search.digests)
            return search.groups
        finally:
            self._file.save_search(search)

    def _hash(
        self, rows: Rows, column: str, work: Callable[[int], tuple[int, ...]], *, before: int
    ) -> None:
        """Adds to the search's `column` what `work` gives for those of `rows` that it lacks.

        `before` items were hashed for other columns; the progress counts them, too.
        """
        done: Hashes = getattr(self._search, column)
        parts = [done]
        saved = time.monotonic()
        chunks = [rows[i : i + _CHUNK_ITEMS] for i in range(len(done), len(rows), _CHUNK_ITEMS)]
        count = len(done)

        def hash_chunk(chunk: Rows) -> Hashes:
            hashes = np.array([work(row) for row in chunk.tolist()], np.uint64)
            return hashes.reshape(len(chunk), *done.shape[1:])

        try:
            self._progress(before + count, before + len(rows))
            for part in _in_order(hash_chunk, chunks, self._threads):
                parts.append(part)
                count += len(part)
                self._progress(before + count, before + len(rows))
                if time.monotonic() - saved > _SAVE_SECONDS:
                    parts = [np.concatenate(parts)]
                    setattr(self._search, column, parts[0])
                    self._file.save_search(self._search)
                    saved = time.monotonic()
        finally:
            setattr(self._search, column, np.concatenate(parts))

    def _hash_tail(self, row: int) -> tuple[int, ...]:
        """64 bits of size and last bytes."""
        size = int(self._sizes[row])
        count = min(size, _TAIL_BYTES)
        tail = self._dataset.columns.read(row, size - count, count)
        digest = hashlib.blake2b(size.to_bytes(8, "little") + tail, digest_size=8).digest()
        return (int.from_bytes(digest, "little"),)

    def _hash_all(self, row: int) -> tuple[int, ...]:
        """128 bits of all bytes."""
        digest = hashlib.blake2b(self._dataset.read(row), digest_size=16).digest()
        return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")


@dataclass(frozen=True)
class _Header:
    """The JSON header of an index of duplicates; see :class:`_SearchFile`."""

    archives: tuple[Identity, ...]
    split: str
    places: Word32  # the CRC of offsets, under the name that earlier versions gave it


_FORM = ColumnFileForm(
    _Header,
    {"tails": "<u8", "digests_0": "<u8", "digests_1": "<u8"},
    optional=({"rows": "<i8", "ends": "<i8"},),
)


@dataclass
class _SearchFile:
    """The file that a search is kept in, and what of the dataset binds the file to it."""

    places: tuple[Path, ...]
    """Where it may lie, best place first; none: it is not kept, as no sidecar of the dataset is."""
    advice: str
    """What a user can do where it can be kept in none of them."""
    identities: list[Identity]
    split: str
    offsets_crc: int
    """CRC-32 of the items' offsets: what is kept speaks of items by their numbers, so it must be of
    the same items in the same order."""
    sizes: Rows
    """[N] of the items, bytes."""
    owners: Owners
    """Whose file is believed, besides this user's own."""
    path: Path | None = None
    """Where it was found or kept last."""
    has_complained: bool = False
    untrusted: set[Path] = field(default_factory=set)
    """Places with files of other users' that are not believed; they stay."""

    @classmethod
    def of(cls, dataset: Dataset) -> _SearchFile:
        """The file for a dataset's search."""
        crc = zlib.crc32(np.ascontiguousarray(dataset.columns.offsets).data)
        part = f".{dataset.split}" if len(dataset.splits) > 1 else ""
        places = dataset.sidecars.places(f"{part}{SUFFIX}")
        archives = dataset.columns.archives if places else ()
        identities = [each.archive.known_identity() for each in archives]
        return cls(
            places,
            dataset.sidecars.advice(),
            identities,
            dataset.split,
            crc,
            dataset.sizes.astype(np.int64),
            dataset.sidecars.owners,
        )

    def load_search(self) -> tuple[_Search, list[str]]:
        """The search as it was kept, or a new one; and what is wrong with files that were found."""
        findings = []
        for place in self.places:
            try:
                search = self._search_at(place)
            except FileNotFoundError:
                continue
            except UnusableSidecarError as error:
                findings.append(f"the index of duplicates '{place}' {error}")
                if isinstance(error, UntrustedSidecarError):
                    self.untrusted.add(place)
            except OSError as error:
                findings.append(
                    f"the index of duplicates '{place}' cannot be read ({error.strerror})"
                )
            else:
                self.path = place
                return search, []
        return _Search(), findings

    def _search_at(self, place: Path) -> _Search:
        """The search that is kept at `place`; raises UnusableSidecarError and OSError."""

        def check(header: _Header) -> None:
            check_identities(header.archives, self.identities)
            if (header.split, header.places) != (self.split, self.offsets_crc):
                raise UnusableSidecarError("is stale: it is of other items")

        _, columns = column_file.read_columns(
            place, _FORM, check, self._check_columns, owners=self.owners
        )
        groups = (columns["rows"], columns["ends"]) if "rows" in columns else None
        digests = np.stack([columns["digests_0"], columns["digests_1"]], axis=1)
        return _Search(columns["tails"], digests, groups)

    def _check_columns(self, _: _Header, columns: Mapping[str, NDArray[Any]]) -> None:
        """Raises UnusableSidecarError unless the columns can be of a search among the items."""
        tails, digests = columns["tails"], columns["digests_0"]
        if len(digests) != len(columns["digests_1"]):
            raise UnusableSidecarError("is damaged: its columns differ in length")
        if len(tails):
            same_size = np.count_nonzero(_shared(self.sizes) & (self.sizes > 0))
            same_tail = np.count_nonzero(_shared(tails)) if len(tails) == same_size else 0
            if len(tails) > same_size or len(digests) > same_tail:
                raise UnusableSidecarError("is damaged: it has more hashes than there are items")
        elif len(digests):
            raise UnusableSidecarError("is damaged: it has more hashes than there are items")
        if "rows" not in columns:
            return
        rows, ends = columns["rows"], columns["ends"]
        counts = np.diff(ends, prepend=0)
        if np.any(counts < 2) or (int(ends[-1]) if len(ends) else 0) != len(rows):
            raise UnusableSidecarError("is damaged: a group has less than two items")
        if np.any(rows < 0) or np.any(rows >= len(self.sizes)):
            raise UnusableSidecarError("is damaged: a group has an item that is not there")
        steps = np.diff(rows)
        within = np.ones(len(steps), np.bool_)
        within[ends[:-1] - 1] = False
        firsts = rows[ends - counts]
        if np.any(steps[within] <= 0) or np.any(np.diff(firsts) <= 0):
            raise UnusableSidecarError("is damaged: its groups are in no order")
        if len(np.unique(rows)) != len(rows):
            raise UnusableSidecarError("is damaged: an item is in two groups")

    def save_search(self, search: _Search) -> None:
        """Keeps the search in the first place that takes it; a FastinetWarning if there is none."""
        header = {
            "fastinet": fastinet_version(),
            "archives": [identity._asdict() for identity in self.identities],
            "split": self.split,
            "places": self.offsets_crc,
        }
        columns: dict[str, NDArray[Any]] = {
            "tails": search.tails,
            "digests_0": search.digests[:, 0],
            "digests_1": search.digests[:, 1],
        }
        if search.groups is not None:  # the hashes have done their work
            columns = {name: column[:0] for name, column in columns.items()}
            columns["rows"], columns["ends"] = search.groups
        self.path = None
        failures: list[tuple[Path, OSError]] = []
        for place in self.places:
            if place in self.untrusted:
                failures.append((place, OSError(errno.EPERM, "it is another user's")))
                continue
            try:
                column_file.write_columns(place, header, columns)
            except OSError as error:
                failures.append((place, error))
            else:
                self.path = place
                return
        if failures and not self.has_complained:
            self.has_complained = True
            warn(
                f"the duplicates could not be kept ({shown_failures(failures)}), so the next search"
                f" begins anew; {self.advice}"
            )


def _shared(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of the values occur more than once."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray(counts[inverse] > 1)


def _groups(rows: Rows, digests: Hashes) -> tuple[Rows, Rows]:
    """The rows that share their digest with others, group by group, and where each group ends."""
    order = np.lexsort((rows, digests[:, 1], digests[:, 0]))
    rows, digests = rows[order], digests[order]
    begins = np.ones(len(rows), np.bool_)
    begins[1:] = (digests[1:] != digests[:-1]).any(axis=1)
    starts = np.flatnonzero(begins)
    counts = np.diff(starts, append=len(rows))
    several = np.repeat(counts > 1, counts)
    rows, firsts = rows[several], np.repeat(rows[starts], counts)[several]
    order = np.lexsort((rows, firsts))
    _, counts = np.unique(firsts, return_counts=True)
    return rows[order], np.cumsum(counts).astype(np.int64)


def _in_order(work: Callable[[Rows], Hashes], chunks: list[Rows], threads: int) -> Iterator[Hashes]:
    """What `work` gives for each chunk, in order; a few chunks are under way at once."""
    executor = ThreadPoolExecutor(threads)
    waiting: deque[Future[Hashes]] = deque()
    try:
        for chunk in chunks:
            waiting.append(submitted(executor, work, chunk))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        executor.shutdown(cancel_futures=True)

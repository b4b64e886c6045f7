"""A listing: all items of one or more archives, as a scan finds them and the index keeps them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastinet.archives.files import Files
from fastinet.base.texts import take_texts
from fastinet.datasets.companion_columns import CompanionColumns
from fastinet.sidecars.column_file import LaterColumn

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Listing", "Others", "Split", "Unmarked"]


class Split(NamedTuple):
    """A part of an archive that is used by itself, and its classes."""

    name: str
    """"train", "val", "test", or as the archive calls it."""
    wnids: tuple[str, ...]
    """[K] classes in label order; several splits may have the same ones."""


class Unmarked(NamedTuple):
    """A tar that only ``end_marker="optional"`` reads; see :mod:`fastinet.archives.tar_notes`."""

    archive: int
    """Number of the archive."""
    kind: str
    """As of ``_scan.Note``, and so are the others."""
    name: str
    offset: int


class Others(NamedTuple):
    """Members of the archives that are no items, and that nobody has been told of so far."""

    rows: NDArray[np.int64]
    """Among all members, rising."""
    what: str
    """Continues "3 " in a note."""

    def without(self, rows: NDArray[np.int64]) -> Others:
        """The same without these."""
        return self._replace(rows=np.setdiff1d(self.rows, rows))


@dataclass(frozen=True)
class Listing:
    """The items of one or more archives, N of them, and what was not taken as items.

    Item i is the ``sizes[i]`` bytes from ``offsets[i]`` on of archive ``item_archive[i]``, belongs
    to split ``item_split[i]``, has class ``labels[i]`` among those of its split, and is called
    ``key_bytes[key_offsets[i]:key_offsets[i + 1]]``.
    """

    family: str
    """Which file of fastinet.datasets recognised the archives."""
    offsets: NDArray[np.uint64]
    """[N] bytes."""
    sizes: NDArray[np.uint64]
    """[N] bytes."""
    labels: NDArray[np.int64]
    """[N] index into the split's ``wnids``; -1: the archives give the item no label."""
    key_offsets: NDArray[np.uint64]
    """[N + 1] bytes in ``key_bytes``; the first is 0."""
    key_text: NDArray[np.uint8] | LaterColumn
    """All keys, one after another, UTF-8; of an index, which is read when one is asked for."""
    item_archive: NDArray[np.int32] | None
    """[N] index of the archive; None where there is one archive only."""
    splits: tuple[Split, ...]
    """At least one."""
    item_split: NDArray[np.int8] | None = None
    """[N] index into ``splits``; None where there is one split only."""
    companions: CompanionColumns | None = None
    """Where the items' companions lie; None where there are none."""
    skipped: int = 0
    """Entries of the archives that are no items."""
    notes: tuple[str, ...] = ()
    """What the user should hear about, skipped entries among it; a sentence each."""
    unmarked: tuple[Unmarked, ...] = ()
    """The first tar that ends without its end-of-archive marker, if there is one."""
    others: Others | None = None
    """For the notes, once it is known which of them are companions; no index keeps them."""

    @property
    def key_bytes(self) -> NDArray[np.uint8]:
        """All keys, one after another, UTF-8. Raises ReadError where the index was cut."""
        return self.key_text.array() if isinstance(self.key_text, LaterColumn) else self.key_text

    def files(self, number: int) -> Files:
        """Names, offsets and sizes of the items in archive `number`; a folder is opened by them."""
        part = self.of_archive(number)
        return Files(part.key_bytes, part.key_offsets, part.offsets, part.sizes)

    def together(self) -> tuple[tuple[str, ...], NDArray[np.int64]]:
        """The classes of all splits, sorted where they differ, and [N] the labels among these."""
        tables = list(dict.fromkeys(wnids for _, wnids in self.splits))
        if len(tables) == 1 or self.item_split is None:
            return tables[0], self.labels
        wnids = tuple(sorted({wnid for table in tables for wnid in table}))
        number = {wnid: label for label, wnid in enumerate(wnids)}
        labels = self.labels.copy()
        for split, (_, table) in enumerate(self.splits):
            mine = np.flatnonzero((self.item_split == split) & (self.labels >= 0))
            new_labels = np.array([number[wnid] for wnid in table], np.int64)
            labels[mine] = new_labels[self.labels[mine]]
        return wnids, labels

    def companion_files(self, number: int) -> Files:
        """The same of the companions in archive `number`."""
        found = self.companions
        files: dict[bytes, tuple[int, int]] = {}
        if found is not None:
            starts = self.key_offsets[found.items]
            keys = self.key_bytes.tobytes()
            for row in np.flatnonzero(found.archives == number).tolist():
                start = int(starts[row])
                shared = keys[start : start + int(found.shared[row])]
                name = shared + found.endings[found.kinds[row]]
                files[name] = int(found.offsets[row]), int(found.sizes[row])
        lengths = [0, *map(len, files)]
        places = np.array([*files.values()], np.uint64).reshape(-1, 2)
        return Files(
            np.frombuffer(b"".join(files), np.uint8),
            np.cumsum(lengths, dtype=np.uint64),
            np.ascontiguousarray(places[:, 0]),
            np.ascontiguousarray(places[:, 1]),
        )

    def of_archive(self, number: int) -> Listing:
        """The listing of the items in archive `number` alone."""
        if self.item_archive is None:
            return self
        rows = np.flatnonzero(self.item_archive == number)
        key_bytes, key_offsets = take_texts(self.key_bytes, self.key_offsets, rows)
        return replace(
            self,
            offsets=self.offsets[rows],
            sizes=self.sizes[rows],
            labels=self.labels[rows],
            key_offsets=key_offsets,
            key_text=key_bytes,
            item_archive=None,
            item_split=None if self.item_split is None else self.item_split[rows],
            companions=None if self.companions is None else self.companions.take(rows),
        )

"""Where the items of a dataset lie: the face that a dataset shows to the rest of the package.

Loaders, concatenations and the search for duplicates ask it for archives, offsets and opened files,
and the engine gets its table of items from it.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinet._native import _engine
from fastinet.archives.folder_archive import FolderArchive
from fastinet.base.texts import take_texts
from fastinet.datasets.keys import Keys
from fastinet.errors import FastinetError, UnsupportedError
from fastinet.formats.not_images import explained_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastinet.archives.archive import Archive
    from fastinet.archives.files import Files
    from fastinet.datasets.listing import Listing
    from fastinet.items.checkpoints import Checkpoints

__all__ = ["ItemColumns", "OpenedArchive"]


class OpenedArchive:
    """One archive of a dataset, which all views of the dataset share: it is opened once a process.

    Attributes:
        archive: the archive.
    """

    def __init__(self, archive: Archive, listing: Listing, number: int) -> None:
        """`archive` is number `number` of those in `listing`, which tells a folder its files."""
        self.archive = archive
        self._listing = listing
        self._number = number
        self._opened: tuple[int, _engine.Source] | None = None  # and in which process
        self._companions: tuple[int, _engine.Source] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return OpenedArchive, (self.archive, self._listing, self._number)

    def source(self) -> _engine.Source:
        """The archive for the engine, opened in this process when it is first needed.

        Raises:
            MissingError, ReadError: it is gone or cannot be read.
        """
        opened = self._opened  # threads that come here at once may open it each, and share one
        if opened is None or opened[0] != os.getpid():
            self._opened = opened = os.getpid(), self.archive.open(self._files)
        return opened[1]

    def companion_source(self) -> _engine.Source:
        """The archive to read companions from. Raises as :meth:`source`."""
        if not isinstance(self.archive, FolderArchive):
            return self.source()
        # A folder's source has the files that it was opened with; for an epoch these are the items.
        companions = self._companions
        if companions is None or companions[0] != os.getpid():
            opened = self.archive.open(lambda: self._listing.companion_files(self._number))
            self._companions = companions = os.getpid(), opened
        return companions[1]

    def _files(self) -> Files:
        # Only a folder asks for its files; there may be 21,841 class tars.
        return self._listing.files(self._number)


class ItemColumns:
    """Archives, and where in them each of N items lies; it never changes.

    Item i is the ``sizes[i]`` bytes from ``offsets[i]`` on of archive ``item_archive[i]``. A view
    of the dataset has columns of its own, which :meth:`take` makes, and shares the archives.

    Attributes:
        archives: that the items lie in.
        listing: what the archives hold, other splits included.
        rows: int64 [N], which entries of the listing the items are; None: every one, in order.
        keys: [N] the items' names.
        offsets: uint64 [N], where their bytes begin in their archives; read-only.
        sizes: uint64 [N] bytes; read-only.
        item_archive: int32 [N], index of the archive; None where there is one only. Read-only.
    """

    def __init__(
        self,
        archives: Sequence[OpenedArchive],
        listing: Listing,
        rows: NDArray[np.int64] | None = None,
    ) -> None:
        self.archives = tuple(archives)
        self.listing = listing
        self.rows = rows
        keys = Keys(listing.key_text, listing.key_offsets[:-1], listing.key_offsets[1:])
        self.keys = keys if rows is None else keys.take(rows)
        self.offsets: NDArray[np.uint64] = self.of_items(listing.offsets)
        self.sizes: NDArray[np.uint64] = self.of_items(listing.sizes)
        self.item_archive: NDArray[np.int32] | None = None
        if listing.item_archive is not None:
            self.item_archive = self.of_items(listing.item_archive)

    @classmethod
    def of(cls, archives: Sequence[Archive], listing: Listing) -> ItemColumns:
        """All items of a listing of `archives`."""
        shared = [OpenedArchive(each, listing, number) for number, each in enumerate(archives)]
        return cls(shared, listing)

    def __reduce__(self) -> tuple[Any, ...]:
        # What follows from the listing is not sent to other processes a second time.
        return ItemColumns, (self.archives, self.listing, self.rows)

    def __len__(self) -> int:
        return len(self.sizes)

    def of_items(self, column: NDArray[Any]) -> NDArray[Any]:
        """[N] a column of the listing, for these items; read-only."""
        column = column.view() if self.rows is None else column[self.rows]
        column.flags.writeable = False
        return column

    def take(self, chosen: NDArray[np.int64]) -> ItemColumns:
        """The items `chosen`, 0 to N - 1 each, in that order."""
        rows = chosen if self.rows is None else self.rows[chosen]
        return ItemColumns(self.archives, self.listing, rows)

    def whole(self) -> ItemColumns:
        """All items of the listing, those of other splits included."""
        return ItemColumns(self.archives, self.listing)

    def packed_keys(self) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
        """The keys one after another as bytes, and [N + 1] where each begins, and ends."""
        listing = self.listing
        if self.rows is None:
            return listing.key_bytes, listing.key_offsets
        return take_texts(listing.key_bytes, listing.key_offsets, self.rows)

    def sources(self) -> list[_engine.Source]:
        """The archives, opened in this process. Raises MissingError and ReadError."""
        return [archive.source() for archive in self.archives]

    def native_table(self, checkpoints: Checkpoints) -> _engine.ItemTable:
        """The items as the engine takes them. Raises as :meth:`sources`."""
        return _engine.ItemTable(
            self.sources(),
            self.item_archive,
            self.offsets,
            self.sizes,
            checkpoints.starts,
            checkpoints.sizes,
            checkpoints.header_bytes,
            checkpoints.records_by_archive(),
        )

    def read(self, item: int, skip: int = 0, size: int | None = None) -> bytes:
        """`size` bytes of an item beyond the first `skip`; None: all that there are.

        Raises:
            MissingError, ReadError: the archive is gone, was cut, or cannot be read.
        """
        number = 0 if self.item_archive is None else int(self.item_archive[item])
        count = int(self.sizes[item]) - skip if size is None else size
        try:
            return self.archives[number].source().read(int(self.offsets[item]) + skip, count)
        except FastinetError as error:
            raise error.in_member(self.keys[item]) from None

    def listing_row(self, item: int) -> int:
        """Which entry of the listing an item is."""
        return item if self.rows is None else int(self.rows[item])

    def read_head(self, item: int, count: int) -> bytes:
        """Up to `count` of an item's first bytes. Raises as :meth:`read`."""
        return self.read(item, size=min(count, int(self.sizes[item])))

    def explained(self, error: Exception, item: int | None = None) -> Exception:
        """The error of an item that gave no row, saying what its bytes are if they are no image.

        Args:
            error: of the engine.
            item: whose error it is; None: to be found by the name that the error has.
        """
        if not isinstance(error, UnsupportedError):
            return error
        if item is None:
            item = self._item_called(error.member)
        if item is None:
            return error
        return explained_image(
            error, functools.partial(self.read_head, item), int(self.sizes[item])
        )

    def _item_called(self, key: str | None) -> int | None:
        """The item of this key; None where there is none, or there are several."""
        if key is None:
            return None
        wanted = np.frombuffer(key.encode("utf-8", "surrogateescape"), np.uint8)
        text, starts, ends = self.keys.columns()
        rows = np.flatnonzero(ends - starts == len(wanted))
        for position, byte in enumerate(wanted.tolist()):
            rows = rows[text[starts[rows] + np.uint64(position)] == byte]
        return int(rows[0]) if len(rows) == 1 else None

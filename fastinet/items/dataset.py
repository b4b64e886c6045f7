"""A dataset: the items of one archive, or of a folder of archives, opened in place."""

from __future__ import annotations

import copy
import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinet._native import _engine
from fastinet.base.checks import item_number
from fastinet.base.warning import warn
from fastinet.datasets.classes import class_table
from fastinet.datasets.devkit import Devkit
from fastinet.datasets.key_labels import validation_numbers
from fastinet.datasets.keys import Keys
from fastinet.datasets.names import Names
from fastinet.errors import FastinetError
from fastinet.items import checkpoints
from fastinet.items.checkpoint_pass import run_checkpoint_pass
from fastinet.items.checkpoints import Checkpoints
from fastinet.items.class_selection import class_selection
from fastinet.items.given_labels import (
    GivenLabels,
    LabelledItems,
    assign,
    read_labels_at,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

    from fastinet.archives.archive import Archive
    from fastinet.base.progress import Progress
    from fastinet.datasets.classes import ClassInfo
    from fastinet.datasets.label_sets import LabelSets
    from fastinet.datasets.listing import Listing

__all__ = ["Dataset"]


class Dataset:
    """Items of one or more archives, N in all. Made by :func:`open`.

    Attributes:
        path: what was opened: an archive, a folder, or a pattern; absolute.
        name: its file name.
        family: which archive family it was recognised as: "train", "val", ...
        split: which part of the archive it is: "train", "val", "test", or as the archive calls it.
        splits: the names of all parts that the archive has.
        index: path of the index that serves, or None where none is kept.
        labels: int64 [N], read-only; index into ``classes``, or -1 for an item without a label.
        label_sets: every label that is right for each item, where there may be several or none (as
            in ReaL), for :func:`fastinet.metrics.evaluate`; None where ``labels`` says it all.
        sizes: uint64 [N], read-only; the items' original bytes.
        keys: the items' names, str [N]. A key is the path of the member, where an inner tar counts
            as a folder, and so does an archive that a wnid names:
            "n01440764/n01440764_10026.JPEG" is the same item's key in the full archive, in a folder
            of class tars and in its class tar alone. Keys of other packagings differ in the folders
            before that, and Hugging Face's have the class at the end of the file name as well.
        skipped: how many entries of the archives are no items; :func:`open` warned of them.
    """

    def __init__(
        self,
        path: str,
        archives: Sequence[Archive],
        listing: Listing,
        index: str | None = None,
        split: str | None = None,
        place: Path | None = None,
        devkit: Devkit | None = None,
    ) -> None:
        """A dataset of the items in ``listing``, which lie in ``archives``.

        ``split`` takes the items of that split only; None takes all, with the first one's classes.
        Indexes are named by ``place``; None: by ``path``. ``devkit`` tells more of the classes.
        """
        self.path = path
        self.index = index
        self._place = Path(path) if place is None else place
        self._devkit = devkit
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
        self.label_sets: LabelSets | None = None

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
        """The classes in label order: sorted wnids, with names and gloss where they are known.

        Their WordNet parents and ancestors are known where a devkit was given that has them.
        """
        return class_table(self._wnids, self._devkit)

    @property
    def split_items(self) -> dict[str, int]:
        """How many items each split of the archive has, by its name."""
        if self._listing.item_split is None:
            return {self.splits[0]: len(self._listing.labels)}
        counts = np.bincount(self._listing.item_split, minlength=len(self.splits))
        return dict(zip(self.splits, counts.tolist(), strict=True))

    @property
    def checkpoints(self) -> Checkpoints:
        """The entropy checkpoints of the items, as far as an index of them was made.

        They let the loader start decoding where a crop starts, and read only the bytes it needs.
        """
        if self._checkpoints is None:
            found = checkpoints.find_checkpoints(
                self._place, self._archives, len(self._listing.labels)
            )
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
            progress: called with (items done, items in all), by the pass here or in another process
                that makes them. It may raise to stop the pass or the wait; what was done is kept.

        Raises:
            ReadError: an archive cannot be read, or the index cannot be written. What was done is
                kept.
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
        run_checkpoint_pass(
            self._native_table(Checkpoints.none(len(self))),
            self.keys,
            functools.partial(checkpoints.complete_checkpoints, self._place, self._archives),
            stride=stride,
            threads=threads,
            chunk_items=chunk_items,
            progress=progress,
        )
        self._checkpoints = None
        return self.checkpoints

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
            places.of_archives(),
        )

    def read(self, index: int) -> bytes:
        """The original bytes of an item, as they stand in the archive.

        Args:
            index: 0 to N - 1, or -N to -1 counted from the end.

        Raises:
            IndexError: there is no such item.
            MissingError, ReadError: the archive is gone, was cut, or cannot be read.
        """
        row = item_number(index, len(self))
        return self._read_part(row, 0, int(self.sizes[row]))

    def _read_part(self, row: int, skip: int, size: int) -> bytes:
        """`size` of the item's bytes, beyond the first `skip`; errors as :meth:`read`'s."""
        number = 0 if self._item_archive is None else self._item_archive[row]
        try:
            source = self._opened_sources()[number]
            return source.read(int(self._offsets[row]) + skip, size)
        except FastinetError as error:
            raise error.in_member(self.keys[row]) from None

    def _opened_sources(self) -> list[_engine.Source]:
        """The archives, opened in this process when they are first needed."""
        if self._sources is None or self._sources[0] != os.getpid():
            opened = [
                # Only a folder asks for its files; there may be 21,841 class tars.
                archive.open(functools.partial(self._listing.files, number))
                for number, archive in enumerate(self._archives)
            ]
            self._sources = os.getpid(), opened
        return self._sources[1]

    def _whole(self) -> Dataset:
        """All items of all splits."""
        return Dataset(self.path, self._archives, self._listing, self.index, place=self._place)

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
        if self.label_sets is not None:
            selection.label_sets = self.label_sets.take(chosen)
        if self._checkpoints is not None:
            selection._checkpoints = self._checkpoints.take(chosen)  # noqa: SLF001
        return selection

    def with_labels(self, labels: GivenLabels) -> Dataset:
        """The same items with other labels.

        Args:
            labels: one of

                - a development kit, or its path: the labels of the validation images, by the
                  numbers in their names. Images whose folders tell their class keep it; the kit
                  must know these classes. Either way the kit tells more of the ``classes``. It has
                  to be of all validation images that there are; a selection takes its part.
                - the path of a ground truth (text, an ILSVRC2012_ID in each line) or of ReaL's
                  ``real.json``: likewise by number; for items without such numbers, in their order.
                  ``real.json`` gives ``label_sets``.
                - int [N] (also as .npy), or N collections of ints, which give ``label_sets``: of
                  item i, as indices into ``classes``.

        Returns:
            A dataset whose ``labels`` and ``label_sets`` are these. Label sets leave the label of
            an item that has one as it is; an item without one gets the first of its set.

        Raises:
            CorruptError: the file or devkit is another archive's: it has labels of other images,
                not as many as there are, or of classes that the archive does not have.
            MissingError, UnsupportedError, OSError: it is not there, or cannot be read.
            ValueError: not one label for each item, or one beyond the classes.
        """
        given = read_labels_at(labels) if isinstance(labels, str | os.PathLike) else labels
        text, starts, ends = self.keys.columns()
        keys = Names(text, starts.astype(np.int64), ends.astype(np.int64))
        items = LabelledItems(
            self.split, self.labels, validation_numbers(keys), self._wnids, self._selected
        )
        labelled = copy.copy(self)
        labelled.labels, labelled.label_sets = assign(given, items)
        labelled.labels.flags.writeable = False
        if isinstance(given, Devkit):
            labelled._devkit = given  # noqa: SLF001
            labelled.__dict__.pop("classes", None)
        return labelled

    def select_classes(self, wnids: Iterable[str]) -> Dataset:
        """A dataset of the items of some classes; labels are places among the sorted `wnids`.

        Items keep their order. Classes that have no items here keep their label, so that the same
        `wnids` give the same labels whatever the archive; a FastinetWarning names them. Label sets
        lose the labels of the other classes.

        Args:
            wnids: of the classes, in any order.

        Raises:
            ValueError: something is no wnid, stands there twice, or there is none.
        """
        chosen = class_selection(self._wnids, wnids)
        labels = chosen.relabel(self.labels)
        view = self.select(labels >= 0)
        view._relabel(chosen.wnids, labels[labels >= 0], chosen.new_label)  # noqa: SLF001
        counts = np.bincount(view.labels, minlength=len(chosen.wnids))
        empty = [
            wnid for wnid, count in zip(chosen.wnids, counts.tolist(), strict=True) if not count
        ]
        if empty:
            some = ", ".join([*empty[:3], *(["..."] if len(empty) > 3 else [])])
            warn(
                f"{len(empty)} of the {len(chosen.wnids)} classes have no items in '{self.name}': "
                f"{some}; they keep their labels, and fastinet.concatenate joins an archive that "
                "has them"
            )
        return view

    def _relabel(
        self, wnids: tuple[str, ...], labels: NDArray[np.int64], new_label: NDArray[np.int64]
    ) -> None:
        """Takes over other classes: `labels` [N]; `new_label` of each old one, for label sets."""
        self._wnids = wnids
        self.__dict__.pop("classes", None)  # of the old ones, where somebody has asked for them
        self.labels = labels
        self.labels.flags.writeable = False
        if self.label_sets is not None:
            self.label_sets = self.label_sets.relabel(new_label)

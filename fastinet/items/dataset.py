"""A dataset: the items of one archive, or of a folder of archives, opened in place."""

from __future__ import annotations

import copy
import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fastinet.base.checks import check_ordered, item_number
from fastinet.base.progress_bar import drawn
from fastinet.base.warning import warn
from fastinet.datasets.classes import class_table
from fastinet.datasets.devkit import Devkit
from fastinet.datasets.key_labels import validation_numbers
from fastinet.datasets.label_sets import LabelSets, single_labels
from fastinet.datasets.names import Names
from fastinet.datasets.path_splits import ALL
from fastinet.errors import ReadError, printable
from fastinet.items import checkpoints
from fastinet.items.checkpoint_pass import run_checkpoint_pass
from fastinet.items.checkpoints import Checkpoints
from fastinet.items.class_numbering import GivenClasses, numbering, wnids_of
from fastinet.items.class_selection import class_selection, wnids_of_list
from fastinet.items.given_labels import (
    GivenLabels,
    LabelledItems,
    assign,
    read_labels_at,
)
from fastinet.items.item_companions import companion_extensions, read_companions, read_kind
from fastinet.items.name_selection import are_names, rows_of_list, rows_of_names
from fastinet.sidecars.places import Sidecars

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from fastinet.base.progress import Progress
    from fastinet.datasets.classes import ClassInfo
    from fastinet.items.item_columns import ItemColumns

__all__ = ["Dataset"]


class Dataset:
    """Items of one or more archives, N in all. Made by :func:`open`.

    Attributes:
        path: what was opened: an archive, a folder, or a pattern; absolute.
        name: its file name.
        family: which archive family it was recognised as: "train", "val", ...
        split: which part of the archive it is: "train", "val", "test", or as the archive calls it;
            "all": all of several.
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
        wnids: str [K], of the classes in label order.
        devkit: the development kit that tells more of the classes; None: none was given.
        is_selection: whether it is a part that :meth:`select` or :meth:`select_classes` has chosen.
        sidecars: where its sidecars lie; likewise.
        columns: where the items lie, for other parts of the package: it may change with any
            version.
        sidecars: where what is kept of it lies; likewise.
    """

    def __init__(
        self,
        path: str,
        columns: ItemColumns,
        *,
        index: str | None = None,
        split: str | None = None,
        sidecars: Sidecars | None = None,
        devkit: Devkit | None = None,
    ) -> None:
        """A dataset of the items in ``columns``.

        ``split`` takes the items of that split only, "all" those of all with the classes of all;
        None takes all, with the first one's classes. ``sidecars`` says where others than the index
        lie; None: nowhere. ``devkit`` tells more of the classes.
        """
        listing = columns.listing
        self.path = path
        self.index = index
        self.sidecars = Sidecars(Path(path), index=False) if sidecars is None else sidecars
        self.devkit = devkit
        self.name = Path(path).name
        self.family = listing.family
        self.splits = tuple(name for name, _ in listing.splits)
        self.skipped = listing.skipped
        self._checkpoints: Checkpoints | None = None  # loaded when first asked for
        self.is_selection = False
        if split == ALL:
            self.split = split
            self.wnids, labels = listing.together()
        else:
            number = 0 if split is None else self.splits.index(split)
            self.split, self.wnids = listing.splits[number]
            labels = listing.labels
            if split is not None and listing.item_split is not None:
                columns = columns.take(np.flatnonzero(listing.item_split == number))
        self._take_columns(columns)
        self.labels: NDArray[np.int64] = columns.of_items(labels)
        self.label_sets: LabelSets | None = None

    def _take_columns(self, columns: ItemColumns) -> None:
        """Makes the items those of `columns`."""
        self.columns = columns
        self.keys = columns.keys
        self.sizes = columns.sizes

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"<Dataset {self.name!r}: {len(self)} items in {len(self.wnids)} classes>"

    @functools.cached_property
    def classes(self) -> tuple[ClassInfo, ...]:
        """The classes in label order: sorted wnids, with names and gloss where they are known.

        Their WordNet parents and ancestors are known where a devkit was given that has them.
        """
        return class_table(self.wnids, self.devkit)

    @property
    def split_items(self) -> dict[str, int]:
        """How many items each split of the archive has, by its name."""
        listing = self.columns.listing
        if listing.item_split is None:
            return {self.splits[0]: len(listing.labels)}
        counts = np.bincount(listing.item_split, minlength=len(self.splits))
        return dict(zip(self.splits, counts.tolist(), strict=True))

    @property
    def checkpoints(self) -> Checkpoints:
        """The entropy checkpoints of the items, as far as an index of them was made.

        They let the loader start decoding where a crop starts, and read only the bytes it needs.
        """
        known = self._checkpoints  # a thread that makes some may take them away meanwhile
        if known is None:
            columns = self.columns
            archives = [each.archive for each in columns.archives]
            found = checkpoints.find_checkpoints(
                self.sidecars, archives, len(columns.listing.labels)
            )
            self._checkpoints = known = found if columns.rows is None else found.take(columns.rows)
        return known

    def __getstate__(self) -> dict[str, Any]:
        # The records of a million images are not for sending: the other side maps them too.
        derived = ("keys", "sizes")
        state = {name: value for name, value in self.__dict__.items() if name not in derived}
        return {**state, "_checkpoints": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.labels.flags.writeable = False
        self._take_columns(self.columns)

    def build_checkpoints(
        self,
        *,
        stride: int = 0,
        threads: int | None = None,
        chunk_items: int = 2048,
        progress: Progress | bool | None = None,
    ) -> Checkpoints:
        """Makes the entropy checkpoints of all items in one pass over the archive's data.

        They are kept beside the index (``<path>.fastinet.checkpoints``), some 0.3 % of the archive.
        A pass that was interrupted goes on where it was; one that is complete is not made again.
        Loaders that start afterwards use them. Images that fastinet's own JPEG decoder cannot read
        (progressive JPEGs, say, and PNGs) have none; damaged ones are counted in a FastinetWarning.

        Args:
            stride: a JPEG is coded in rows of MCUs (minimum coded units, blocks of 8x8 to 16x16
                pixels as a rule). Every row has a checkpoint at its start. A `stride` above 0 adds
                one after every `stride` MCUs within a row; 0 adds none.
            threads: None takes one for each CPU that affinity and control groups allow.
            chunk_items: items that are kept at once, which is what an interruption loses at most;
                the default is a second or two of work for two threads.
            progress: called with (items done, items in all), by the pass here or in another process
                that makes them. It may raise to stop the pass or the wait; what was done is kept.
                True draws a bar, in a terminal or in a notebook's cell.

        Raises:
            ReadError: an archive cannot be read, or the index cannot be written. What was done is
                kept.
            ValueError: the dataset is a selection: make the checkpoints of the whole.
        """
        if self.is_selection:
            raise ValueError("a selection has its dataset's checkpoints: make them there")
        if self.columns.rows is not None:  # a split: all of an archive share one checkpoint index
            self._whole().build_checkpoints(
                stride=stride, threads=threads, chunk_items=chunk_items, progress=progress
            )
            self._checkpoints = None
            return self.checkpoints
        archives = [each.archive for each in self.columns.archives]
        run_checkpoint_pass(
            self.columns.native_table(Checkpoints.none(len(self))),
            self.keys,
            functools.partial(checkpoints.complete_checkpoints, self.path, self.sidecars, archives),
            stride=stride,
            threads=threads,
            chunk_items=chunk_items,
            progress=drawn(progress, f"checkpoints of {printable(self.name)}"),
        )
        self._checkpoints = None
        made = self.checkpoints
        if made.covered < len(self):  # a warning says why
            raise ReadError(
                "the checkpoint index was made, and cannot be read: try again", archive=self.path
            )
        return made

    def read(self, index: int) -> bytes:
        """The original bytes of an item, as they stand in the archive.

        Args:
            index: 0 to N - 1, or -N to -1 counted from the end.

        Raises:
            IndexError: there is no such item.
            MissingError, ReadError: the archive is gone, was cut, or cannot be read.
        """
        return self.columns.read(item_number(index, len(self)))

    def __getitems__(self, items: Any) -> Any:
        """What ``DataLoader`` asks for: the batch whose items a loader's ``batch_sampler`` gave.

        Raises:
            TypeError: other items. A dataset has no pixels without a transform, which
                `fastinet.torch.ImageDataset` has.
        """
        fetch = getattr(items, "fetch", None)
        if fetch is None:
            raise TypeError(
                "what fastinet.open gives has no pixels without a transform: DataLoader takes "
                "fastinet.torch.ImageDataset(ds, transform); or loop over a fastinet.torch.Loader"
            )
        return fetch()

    @property
    def companion_extensions(self) -> tuple[str, ...]:
        """What companions there are beside items of the archives, by extension: "cls", "seg.png".

        See :meth:`companions`.
        """
        return companion_extensions(self.columns)

    def companions(self, index: int) -> dict[str, bytes]:
        """The companions of an item: what has its name but for the extension.

        They are read from the archive as they stand there, of any size; nothing else of the package
        reads them. A name ends at its first dot, as WebDataset has it, or where only that makes
        sense, at its last. Of two files with the same extension the first counts.

        Args:
            index: 0 to N - 1, or -N to -1 counted from the end.

        Returns:
            Contents by extension in small letters: ``{"cls": b"7", "seg.png": ...}``.

        Raises:
            IndexError: there is no such item.
            MissingError, ReadError: the archive is gone, was cut, or cannot be read.
        """
        return read_companions(self.columns, item_number(index, len(self)))

    def companions_of(self, items: Iterable[int], extension: str) -> list[bytes | None]:
        """The companion with one extension of each of several items; None: it has none.

        Args:
            items: 0 to N - 1 each; or -1, for which there is None, as for rows that fill a batch.
            extension: as :meth:`companions` has it.

        Raises:
            ValueError: no item of the archives has such a companion.
            MissingError, ReadError: as :meth:`companions`.
        """
        return read_kind(self.columns, items, extension)

    def _whole(self) -> Dataset:
        """All items of all splits."""
        columns = self.columns.whole()
        return Dataset(self.path, columns, index=self.index, sidecars=self.sidecars)

    def select(self, rows: ArrayLike | Sequence[str] | str | os.PathLike[str]) -> Dataset:
        """A dataset of some of the items, in the given order, with the same classes and labels.

        Args:
            rows: one of

                - items 0 to N - 1 (or from the end, as negative numbers), or bool [N];
                - names of items: file names, as "n02109961_36.JPEG", keys, or paths that end as the
                  keys do. A name without its extension, or with the class at its end that Hugging
                  Face's have and others lack, means the image that is called so otherwise;
                - the path of a text file with such a name at the start of each line, as SimCLR's
                  1percent.txt. What comes behind it, a label perhaps, does not count.

        Raises:
            IndexError: there is no such item.
            TypeError: a set, which has no order.
            ValueError: names that no item has, or several have; the first few are named.
            MissingError, CorruptError: there is no such file of names, or it is no text.
        """
        check_ordered("rows", rows)
        if isinstance(rows, str | os.PathLike):
            chosen = rows_of_list(self.keys, rows, self.name)
        elif are_names(rows):
            chosen = rows_of_names(self.keys, cast("Sequence[str]", rows), self.name)
        else:
            numbers = np.asarray(rows)
            if not numbers.size and numbers.dtype.kind == "f":  # what NumPy makes of []
                numbers = numbers.astype(np.int64)
            chosen = np.arange(len(self))[numbers].reshape(-1)
        selection = copy.copy(self)
        selection.is_selection = True
        selection._take_columns(self.columns.take(chosen))  # noqa: SLF001
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
            self.split, self.labels, validation_numbers(keys), self.wnids, self.is_selection
        )
        labelled = copy.copy(self)
        labelled.labels, labelled.label_sets = assign(given, items)
        labelled.labels.flags.writeable = False
        if isinstance(given, Devkit):
            labelled.devkit = given
            labelled.__dict__.pop("classes", None)
        return labelled

    def with_classes(self, classes: GivenClasses) -> Dataset:
        """The same items with labels that number other classes, in their order.

        So ImageNet-A's 200 classes get their labels among the 1000: ``with_classes("imagenet1k")``.
        Numbers that are labels already, as a WebDataset shard's, stay, and get the names of the
        classes. Of ObjectNet's classes 113 are one or several of ImageNet-1K's: ``label_sets`` has
        all that are right, and items of the other 200 have an empty set, and label -1; a
        FastinetWarning counts them.

        Args:
            classes: the name of a published list ("imagenet1k"; see
                :func:`~fastinet.datasets.published.published_classes`), wnids in label order, or
                the ``classes`` of a dataset.

        Raises:
            ValueError: the dataset has items of other classes, which are named; no list of that
                name is known, or a class comes twice.
            TypeError: `classes` are none of these.
        """
        wnids = wnids_of(classes)
        present = np.bincount(self.labels[self.labels >= 0], minlength=len(self.wnids)) > 0
        if self.label_sets is not None:
            present[self.label_sets.label] = True
        new = numbering(self.wnids, wnids, present, self.name)
        view = copy.copy(self)
        view.wnids = wnids
        view.__dict__.pop("classes", None)
        view.labels = new.first(self.labels)
        view.labels.flags.writeable = False
        if self.label_sets is not None or (new.counts[present] != 1).any():
            view.label_sets = new.sets(self.label_sets or single_labels(self.labels))
        lost = (view.labels < 0) & (self.labels >= 0)
        if lost.any():
            warn(
                f"{np.count_nonzero(lost)} items of {len(np.unique(self.labels[lost]))} classes of"
                f" '{self.name}' are of none of the {len(wnids)} classes given: their label is -1;"
                " ds.select(ds.labels >= 0) leaves them out"
            )
        return view

    def select_classes(self, wnids: Iterable[str] | str | os.PathLike[str]) -> Dataset:
        """A dataset of the items of some classes; labels number the sorted `wnids`.

        Items keep their order. Classes that have no items here keep their label, so that the same
        `wnids` give the same labels whatever the archive; a FastinetWarning names them. Label sets
        lose the labels of the other classes.

        Args:
            wnids: of the classes, in any order; or the path of a file of them: a text whose lines
                begin with one or have several, or a JSON list or mapping, as the lists of
                ImageNet-100 are.

        Raises:
            ValueError: something is no wnid, stands there twice, or there is none.
            MissingError, CorruptError: there is no such file, or it is no text.
        """
        if isinstance(wnids, str | os.PathLike):
            wnids = wnids_of_list(wnids)
        chosen = class_selection(self.wnids, wnids)
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
        self.wnids = wnids
        self.__dict__.pop("classes", None)  # those of the old classes, if they were asked for
        self.labels = labels
        self.labels.flags.writeable = False
        if self.label_sets is not None:
            self.label_sets = self.label_sets.relabel(new_label)

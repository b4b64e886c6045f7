"""A dataset: the items of one archive, or of a folder of archives, opened in place."""

from __future__ import annotations

import copy
import functools
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from fastinet._native import _engine
from fastinet.archives.sources import FolderArchive
from fastinet.archives.stream import is_stream, open_stream
from fastinet.base.checks import item_number, whole_number
from fastinet.base.cpus import available_cpus
from fastinet.datasets.classes import class_table
from fastinet.datasets.devkit import Devkit, read_devkit
from fastinet.datasets.ilsvrc import validation_numbers
from fastinet.datasets.names import Names
from fastinet.errors import FastinetError, FastinetWarning, MissingError, ReadError, from_status
from fastinet.items import catalog, checkpoints
from fastinet.items.checkpoints import CheckpointLog, Checkpoints, Chunk
from fastinet.items.class_selection import class_selection
from fastinet.items.discovery import find, patch_at, scan_archives
from fastinet.items.given_labels import (
    GivenLabels,
    Items,
    assign,
    read_labels_at,
    refuse_strange_devkit,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import ArrayLike, NDArray

    from fastinet.archives.sources import Archive, Progress
    from fastinet.archives.stream import Readable, Stream, StreamClasses
    from fastinet.datasets.classes import ClassInfo
    from fastinet.datasets.companions import LabelFunction
    from fastinet.items.catalog import Listing, Split
    from fastinet.metrics.labels import LabelSets

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
            found = checkpoints.find(self._place, self._archives, len(self._listing.labels))
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
        stride = whole_number("stride", stride, 0, 2**31 - 1)
        chunk_items = whole_number("chunk_items", chunk_items, 1, 2**31 - 1)
        threads = whole_number("threads", available_cpus() if threads is None else threads, 1, 4096)
        fill = functools.partial(self._fill, stride=stride, threads=threads, count=chunk_items)
        checkpoints.obtain(self._place, self._archives, len(self), stride, fill, progress)
        if progress is not None:
            progress(len(self), len(self))
        self._checkpoints = None
        return self.checkpoints

    def _fill(
        self, log: CheckpointLog, report: Progress, *, stride: int, threads: int, count: int
    ) -> None:
        """Adds the records of the items that `log` does not cover yet, `count` at once."""
        table = self._native_table(Checkpoints.none(len(self)))
        damaged, first = 0, None
        while log.covered < len(self):
            report(log.covered, len(self))
            items = min(count, len(self) - log.covered)
            records, sizes, header_bytes, chunk_damaged, chunk_first = _engine.make_checkpoints(
                table, log.covered, items, stride=stride, threads=threads
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
                stacklevel=6,  # behind find_or_make and what it is given
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
                # Only a folder looks into it; there may be 21,841 class tars.
                archive.open(
                    self._listing.of_archive(number)
                    if isinstance(archive, FolderArchive)
                    else self._listing
                )
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
        items = Items(
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
            warnings.warn(
                f"{len(empty)} of the {len(chosen.wnids)} classes have no items in '{self.name}': "
                f"{some}; they keep their labels, and fastinet.concatenate joins an archive that "
                "has them",
                FastinetWarning,
                stacklevel=2,
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


@overload
def open(  # type: ignore[overload-overlap]  # noqa: A001  # "-" is a str like any other
    path: Literal["-"] | Readable,
    *,
    split: str | None = None,
    labels: LabelFunction | None = None,
    classes: StreamClasses | None = None,
) -> Stream: ...
@overload
def open(  # noqa: A001
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    split: str | None = None,
    labels: GivenLabels | LabelFunction | None = None,
    devkit: str | os.PathLike[str] | Devkit | None = None,
    patch: str | os.PathLike[str] | None = None,
    index: bool | str | os.PathLike[str] = True,
    progress: Progress | None = None,
) -> Dataset: ...
def open(  # noqa: A001  # read as fastinet.open
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Readable,
    *,
    split: str | None = None,
    labels: GivenLabels | LabelFunction | None = None,
    devkit: str | os.PathLike[str] | Devkit | None = None,
    patch: str | os.PathLike[str] | None = None,
    index: bool | str | os.PathLike[str] = True,
    progress: Progress | None = None,
    classes: StreamClasses | None = None,
) -> Dataset | Stream:
    """Opens an archive, several, a folder of them, or the folder that one was extracted to.

    What it is shows from its content; README lists every archive that is recognised.

    The first time, the headers are scanned and an index is kept beside the archive
    (``<path>.fastinet``), or in the user's cache folder where that place cannot be written; later
    the index alone is read. Of processes that open it at once, one scans, and the others wait for
    it. An index that is stale, damaged or of another format version is built anew, and a
    :class:`~fastinet.errors.FastinetWarning` says so; so does one for members that are no items.

    An archive that arrives ("-" for standard input, a named pipe, a file object) is a
    :class:`~fastinet.Stream`, for one pass by a :class:`~fastinet.StreamLoader`: see
    :func:`fastinet.open_stream`, which takes what is left of the arguments then.

    Args:
        path: the archive or folder; a pattern like ``"train-{0000..0146}.tar"``, or a list of
            archives, for shards, which have one index, beside the first of them; or what an archive
            arrives by.
        split: which part of an archive that has several: "train", "val", "test", or as the archive
            calls it. The names of images tell (``ILSVRC2012_val_00000001.JPEG``), and the folders
            that they lie in. None takes the first, and warns when there are others; of a stream,
            all.
        labels: other labels for the split's items than the archive's own: a development kit, a
            ground truth, ReaL's ``real.json``, int [N], or a collection of ints for each item; see
            :meth:`Dataset.with_labels`. Or a function that gives the label of every image in the
            archive from its key, and from the contents of the other members of its WebDataset
            sample by their extensions: ``labels=lambda key, files: int(files["txt"])``. What it
            gives is not kept, so that each open scans the archive and asks again.
        devkit: a development kit that tells more of the classes: their WordNet parents, and the
            names of those that the package does not know. One that is given as `labels` does so,
            too.
        patch: a second archive, whose images take the place of those with the same file names in
            the first, as the patch of 2019 for the test images does. Members that take nobody's
            place are passed over with a warning.
        index: True as above; a path keeps the index there; False neither reads nor writes one.
        progress: called during a scan, here or in the process that is waited for, with (bytes
            passed, bytes in all). It may raise to stop.
        classes: of a stream alone, see :func:`fastinet.open_stream`.

    Raises:
        MissingError: no such file, shards that are not all there, or a folder without images and
            class tars.
        ReadError: it cannot be read.
        CorruptError: it is no tar, is truncated or damaged, or holds no image.
        UnsupportedError: of a family or compression that fastinet does not read.
        ValueError: the archive has no such split, or `labels` do not fit it, or `patch` is of
            another archive; a pattern whose braces do not match; or an argument that makes no sense
            for a stream.
        TypeError: `path` is none of these.
    """
    if is_stream(path):
        refused = {
            "devkit": devkit is not None,
            "patch": patch is not None,
            "index": index is not True,
            "progress": progress is not None,
        }
        options: dict[str, Any] = {"classes": classes, "split": split, "labels": labels}
        return _opened_stream(path, options, [name for name in refused if refused[name]])
    if classes is not None:
        raise ValueError("classes= goes with a stream; an archive knows its own")
    if not isinstance(path, str | os.PathLike | Sequence):
        raise TypeError(f"path must be a path, several, '-' or a file object, not {path!r}")
    if path == "":  # an unset variable, which Path takes for the current folder
        raise MissingError("no such file or folder", archive="")
    absolute, place, archives, notes = find(path)
    function = labels if callable(labels) else None
    if patch is not None:
        archives.append(patch_at(Path(patch).absolute()))
        # An index of its own, beside that of the archive alone.
        place = place.with_name(f"{place.name}+{archives[-1].name}")
    listing, kept_at = catalog.obtain(
        place,
        archives,
        build=lambda report: scan_archives(
            absolute, archives, report, patched=patch is not None, label_function=function
        ),
        index=function is None and (index if isinstance(index, bool) else Path(index)),
        progress=progress,
    )
    chosen, split_notes = _chosen_split(absolute, listing.splits, split)
    for note in (*notes, *listing.notes, *split_notes):
        warnings.warn(f"'{absolute}': {note}", FastinetWarning, stacklevel=2)
    kit = devkit if devkit is None or isinstance(devkit, Devkit) else read_devkit(devkit)
    if kit is not None:
        refuse_strange_devkit(kit, [wnid for _, wnids in listing.splits for wnid in wnids])
    dataset = Dataset(
        str(absolute),
        archives,
        listing,
        None if kept_at is None else str(kept_at),
        chosen,
        place,
        kit,
    )
    return dataset if labels is None or callable(labels) else dataset.with_labels(labels)


def _opened_stream(source: Any, options: dict[str, Any], refused: Sequence[str]) -> Stream:
    """The stream of `source`; ValueError if there is an argument that is refused."""
    if options["labels"] is not None and not callable(options["labels"]):
        refused = [*refused, "labels that are no function of key and companions"]
    if refused:
        raise ValueError(f"{refused[0]} makes no sense for a stream, which passes once")
    return open_stream(source, **options)


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

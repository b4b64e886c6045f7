"""Several datasets as one, with one table of classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fastinet.base.checks import check_ordered
from fastinet.base.progress_bar import drawn
from fastinet.datasets.companion_columns import CompanionColumns
from fastinet.datasets.label_sets import LabelSets, single_labels
from fastinet.datasets.listing import Listing, Split
from fastinet.items.checkpoints import Checkpoints
from fastinet.items.dataset import Dataset
from fastinet.items.item_columns import ItemColumns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastinet._native import _engine
    from fastinet.base.progress import Progress

__all__ = ["Concatenation", "concatenate"]


def concatenate(datasets: Sequence[Dataset]) -> Concatenation:
    """One dataset of the items of several, one after another.

    Its classes are those of all together, sorted by wnid, or by value where they are numbers, as
    WebDataset's are; labels and label sets are renumbered. So
    ImageNet-1K's teddy joins ImageNet-22K, which lacks it::

        teddy = fastinet.open("ILSVRC2012_img_train.tar").select_classes(["n04399382"])
        ds = fastinet.concatenate([fastinet.open("fall11_whole.tar"), teddy])

    It has the checkpoints that its parts have, and makes theirs.

    Raises:
        TypeError: something is no dataset, or they are a set, which has no order.
        ValueError: there is none.
    """
    check_ordered("datasets", datasets)
    parts = list(datasets)
    if not parts:
        raise ValueError("a concatenation needs at least one dataset")
    for part in parts:
        if not isinstance(part, Dataset):
            raise TypeError(f"datasets must come from fastinet.open, not be {part!r}")
    return Concatenation(parts)


class Concatenation(Dataset):
    """The items of several datasets. Made by :func:`concatenate`."""

    def __init__(self, parts: Sequence[Dataset]) -> None:
        """The items of `parts`, in this order."""
        classes = _in_order({wnid for part in parts for wnid in part.wnids})
        renumbered = [_renumbered(part, classes) for part in parts]
        # Each archive stays with the listing of its own part, by which a folder is opened.
        archives = [archive for part in parts for archive in part.columns.archives]
        listing = _listing(parts, np.concatenate([labels for labels, _ in renumbered]), classes)
        super().__init__(
            " + ".join(part.path for part in parts),
            ItemColumns(archives, listing),
            devkit=next(filter(None, (part.devkit for part in parts)), None),
        )
        self.name = " + ".join(part.name for part in parts)
        self._parts = tuple(parts)
        if any(part.label_sets is not None for part in parts):
            self.label_sets = LabelSets(
                np.concatenate([sets.counts for _, sets in renumbered]),
                np.concatenate([sets.label for _, sets in renumbered]),
            )

    @property
    def checkpoints(self) -> Checkpoints:
        """Those of the parts, which are kept beside the archives of each."""
        known = self._checkpoints  # a thread that makes some may take them away meanwhile
        if known is None:
            joined = JoinedCheckpoints.of(self._parts)
            rows = self.columns.rows
            self._checkpoints = known = joined if rows is None else joined.take(rows)
        return known

    def build_checkpoints(
        self,
        *,
        stride: int = 0,
        threads: int | None = None,
        chunk_items: int = 2048,
        progress: Progress | bool | None = None,
    ) -> Checkpoints:
        """Makes the checkpoints of all parts, one after another; see `Dataset.build_checkpoints`.

        Of a part that is a split, those of its whole archive are made.

        Raises:
            ValueError: this is a selection, or a part is one whose items do not have them yet:
                make the checkpoints of its dataset.
        """
        if self.is_selection:
            raise ValueError("a selection has its dataset's checkpoints: make them there")
        for part in self._parts:
            if part.is_selection and part.checkpoints.covered < len(part):
                raise ValueError(
                    f"the part '{part.name}' is a selection: make the checkpoints of its dataset"
                )
        self._checkpoints = None
        tell = drawn(progress, f"checkpoints of {len(self._parts)} datasets")
        done = 0
        for part in self._parts:
            if not part.is_selection:
                part.build_checkpoints(
                    stride=stride,
                    threads=threads,
                    chunk_items=chunk_items,
                    progress=tell and _share_of(tell, done, len(part), len(self)),
                )
            done += len(part)
        if tell is not None:
            tell(len(self), len(self))
        return self.checkpoints


@dataclass(frozen=True)
class JoinedCheckpoints(Checkpoints):
    """The checkpoints of several datasets, one after another.

    `path` and `stride` are those of the first dataset that has some, and `covered` is how many
    items the indexes of all cover. `records` is empty: the datasets have a checkpoint index each,
    whose records stay where they are, in `by_archive`.

    Attributes:
        is_covered: bool [N], which items.
        by_archive: for each archive the records of the items in it.
    """

    is_covered: NDArray[np.bool_]
    by_archive: list[_engine.Source | NDArray[np.uint8]]

    @classmethod
    def of(cls, datasets: Sequence[Dataset]) -> JoinedCheckpoints:
        """The checkpoints that `datasets` have, in the order of their items."""
        parts = tuple(dataset.checkpoints for dataset in datasets)
        first = next((part for part in parts if part.path is not None), parts[0])
        return cls(
            first.path,
            sum(part.covered for part in parts),
            first.stride,
            np.concatenate([part.starts for part in parts]),
            np.concatenate([part.sizes for part in parts]),
            np.concatenate([part.header_bytes for part in parts]),
            np.zeros(0, np.uint8),
            np.concatenate([np.arange(len(part.sizes)) < part.covered for part in parts]),
            [array for dataset in datasets for array in _records_of(dataset)],
        )

    def take(self, rows: NDArray[np.int64]) -> JoinedCheckpoints:
        """The checkpoints of the items in `rows`, in that order."""
        is_covered = self.is_covered[rows]
        return replace(
            self,
            covered=int(np.count_nonzero(is_covered)),
            starts=self.starts[rows],
            sizes=self.sizes[rows],
            header_bytes=self.header_bytes[rows],
            is_covered=is_covered,
        )

    def records_by_archive(self) -> list[_engine.Source | NDArray[np.uint8]]:
        """What `starts` are offsets in: one for each archive."""
        return self.by_archive


def _records_of(dataset: Dataset) -> list[_engine.Source | NDArray[np.uint8]]:
    """For each archive of `dataset` the records of the items in it."""
    found = dataset.checkpoints.records_by_archive()
    archives = len(dataset.columns.archives)
    return found if len(found) == archives else found * archives


def _share_of(progress: Progress, before: int, items: int, total: int) -> Progress:
    """The progress of a pass over one part, of `items` items with `before` items before them.

    It calls `progress` with the share that is done of all `total` items.
    """

    def tell_progress(done: int, of: int) -> None:
        progress(before + (done * items // of if of else items), total)

    return tell_progress


def _in_order(classes: set[str]) -> list[str]:
    """Classes sorted: wnids, which have one length, by their text, and numbers by their value."""
    return sorted(classes, key=lambda name: (len(name), name))


def _renumbered(part: Dataset, classes: Sequence[str]) -> tuple[NDArray[np.int64], LabelSets]:
    """The labels and label sets of `part`, numbered by `classes`."""
    label_of = {wnid: label for label, wnid in enumerate(classes)}
    new_label = np.array([label_of[wnid] for wnid in part.wnids], np.int64)
    labels = np.append(new_label, -1)[part.labels]  # -1, no label, stays
    if part.label_sets is not None:
        return labels, part.label_sets.relabel(new_label)
    return labels, single_labels(labels)


def _listing(
    parts: Sequence[Dataset], labels: NDArray[np.int64], classes: Sequence[str]
) -> Listing:
    texts, lengths, archives, companions, first = [], [], [], [], 0
    for part in parts:
        text, offsets = part.columns.packed_keys()
        texts.append(text)
        lengths.append(np.diff(offsets))
        numbers = part.columns.item_archive
        archives.append(np.full(len(part), first, np.int32) if numbers is None else numbers + first)
        found = part.columns.listing.companions
        if found is not None:
            rows = part.columns.rows
            own = found if rows is None else found.take(rows)
            companions.append((own, sum(map(len, lengths[:-1])), first))
        first += len(part.columns.archives)
    key_offsets = np.cumsum(np.concatenate([np.zeros(1, np.uint64), *lengths]), dtype=np.uint64)
    return Listing(
        family=" + ".join(dict.fromkeys(part.family for part in parts)),
        offsets=np.concatenate([part.columns.offsets for part in parts]),
        sizes=np.concatenate([part.sizes for part in parts]),
        labels=labels,
        key_offsets=key_offsets,
        key_text=np.concatenate(texts),
        item_archive=np.concatenate(archives).astype(np.int32) if first > 1 else None,
        companions=CompanionColumns.joined(companions),
        splits=(Split(" + ".join(dict.fromkeys(part.split for part in parts)), tuple(classes)),),
        skipped=sum(part.skipped for part in parts),
    )

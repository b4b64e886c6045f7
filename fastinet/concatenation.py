"""Several datasets as one, with one table of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from fastinet.catalog import Listing, Split
from fastinet.checkpoints import Checkpoints
from fastinet.dataset import Dataset
from fastinet.metrics.labels import LabelSets
from fastinet.texts import take_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastinet import _engine

__all__ = ["Concatenation", "concatenate"]


def concatenate(datasets: Sequence[Dataset]) -> Concatenation:
    """One dataset of the items of several, one after another.

    Its classes are those of all together, sorted by wnid, or by value where they are numbers, as
    WebDataset's are; labels and label sets are renumbered. So
    ImageNet-1K's teddy joins ImageNet-22K, which lacks it::

        teddy = fastinet.open("ILSVRC2012_img_train.tar").select_classes(["n04399382"])
        ds = fastinet.concatenate([fastinet.open("fall11_whole.tar"), teddy])

    Loaders decode without the parts' checkpoints.

    Raises:
        TypeError: something is no dataset.
        ValueError: there is none.
    """
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
        classes = _in_order({wnid for part in parts for wnid in part._wnids})  # noqa: SLF001
        renumbered = [_renumbered(part, classes) for part in parts]
        super().__init__(
            " + ".join(part.path for part in parts),
            [archive for part in parts for archive in part._archives],  # noqa: SLF001
            _listing(parts, np.concatenate([labels for labels, _ in renumbered]), classes),
            devkit=next(filter(None, (part._devkit for part in parts)), None),  # noqa: SLF001
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
        """None for any item: they are kept beside one archive each."""
        return Checkpoints.none(len(self))

    def build_checkpoints(self, **_: Any) -> NoReturn:
        """Raises ValueError: a concatenation has none."""
        raise ValueError("a concatenation has no checkpoints; its loaders decode without them")

    def _opened_sources(self) -> list[_engine.Source]:
        """The parts' archives: a folder is opened by the listing of its own part."""
        return [source for part in self._parts for source in part._opened_sources()]  # noqa: SLF001


def _in_order(classes: set[str]) -> list[str]:
    """Classes sorted: wnids, which have one length, by their text, and numbers by their value."""
    return sorted(classes, key=lambda name: (len(name), name))


def _renumbered(part: Dataset, classes: Sequence[str]) -> tuple[NDArray[np.int64], LabelSets]:
    """The labels and label sets of `part` as places among `classes`."""
    place = {wnid: label for label, wnid in enumerate(classes)}
    new_label = np.array([place[wnid] for wnid in part._wnids], np.int64)  # noqa: SLF001
    labels = np.append(new_label, -1)[part.labels]  # -1, no label, stays
    if part.label_sets is not None:
        return labels, part.label_sets.relabel(new_label)
    return labels, LabelSets((labels >= 0).astype(np.int64), labels[labels >= 0])


def _listing(
    parts: Sequence[Dataset], labels: NDArray[np.int64], classes: Sequence[str]
) -> Listing:
    texts, lengths, archives, first = [], [], [], 0
    for part in parts:
        text, offsets = _keys(part)
        texts.append(text)
        lengths.append(np.diff(offsets))
        numbers = part._item_archive  # noqa: SLF001
        archives.append(np.full(len(part), first, np.int32) if numbers is None else numbers + first)
        first += len(part._archives)  # noqa: SLF001
    key_offsets = np.cumsum(np.concatenate([np.zeros(1, np.uint64), *lengths]), dtype=np.uint64)
    return Listing(
        family=" + ".join(dict.fromkeys(part.family for part in parts)),
        offsets=np.concatenate([part._offsets for part in parts]),  # noqa: SLF001
        sizes=np.concatenate([part.sizes for part in parts]),
        labels=labels,
        key_offsets=key_offsets,
        key_bytes=np.concatenate(texts),
        item_archive=np.concatenate(archives).astype(np.int32) if first > 1 else None,
        splits=(Split(" + ".join(dict.fromkeys(part.split for part in parts)), tuple(classes)),),
        skipped=sum(part.skipped for part in parts),
    )


def _keys(part: Dataset) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
    """The keys of `part` as bytes, and [n + 1] where each begins."""
    listing, rows = part._listing, part._rows  # noqa: SLF001
    if rows is None:
        return listing.key_bytes, listing.key_offsets
    return take_texts(listing.key_bytes, listing.key_offsets, rows)

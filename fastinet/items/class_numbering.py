"""Labels that number other classes than the archive's own: `Dataset.with_classes`.

An archive of some classes numbers these alone: ImageNet-A's labels go from 0 to 199. A model of all
1000 needs them among its own.

===============================  ===================================================================
class of the dataset             label among the given classes
===============================  ===================================================================
a wnid                           that of the same wnid; that there is none is an error
a number, as WebDataset's        the number: it is the label, whatever the classes
a title of ObjectNet             those of all of ImageNet-1K's classes that it is, or none
===============================  ===================================================================
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastinet.base.checks import in_label_order
from fastinet.datasets.classes import ClassInfo
from fastinet.datasets.label_sets import LabelSets
from fastinet.datasets.objectnet_classes import imagenet1k_wnids_of
from fastinet.datasets.published import lists_with_classes, published_classes

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["GivenClasses", "Numbering", "numbering", "wnids_of"]

GivenClasses = str | Sequence[str] | Sequence[ClassInfo] | Mapping[str, int]
"""The name of a published list, wnids in label order or with their labels, or a dataset's."""


def wnids_of(classes: GivenClasses) -> tuple[str, ...]:
    """The wnids, in label order, that `classes` stand for.

    Raises:
        TypeError: they are none of the forms, or in no label order, as a set.
        ValueError: no list of that name is known, or a class comes twice.
    """
    if isinstance(classes, str):
        return published_classes(classes)
    given = in_label_order("classes", classes)
    wnids = tuple(info.wnid if isinstance(info, ClassInfo) else info for info in given)
    for wnid in wnids:
        if not isinstance(wnid, str):
            raise TypeError(f"classes must be wnids, not {wnid!r}")
    if len(set(wnids)) < len(wnids):
        twice = next(wnid for wnid, times in Counter(wnids).items() if times > 1)
        raise ValueError(f"classes have {twice!r} twice")
    return wnids


class Numbering(NamedTuple):
    """For each of K classes, the labels among others that are right for it: P pairs, in order."""

    counts: NDArray[np.int64]
    """[K] how many."""
    label: NDArray[np.int64]
    """[P] of class 0, then of class 1, and so on."""

    @property
    def ends(self) -> NDArray[np.int64]:
        """[K] where the labels of each class end in ``label``."""
        return np.cumsum(self.counts)

    def first(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """[N] the first new label of each old one; -1 where there is none."""
        firsts = np.full(len(self.counts) + 1, -1, np.int64)  # index -1 is the one at the end
        some = np.flatnonzero(self.counts)
        firsts[some] = self.label[self.ends[some] - self.counts[some]]
        return firsts[labels]

    def sets(self, sets: LabelSets) -> LabelSets:
        """The label sets with all new labels in place of each old one, rising, each once."""
        counts = self.counts[sets.label]
        starts = (self.ends - self.counts)[sets.label]
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        label = self.label[np.repeat(starts, counts) + within]
        item = np.repeat(sets.item, counts)
        pairs = np.unique(np.stack([item, label]), axis=1)
        return LabelSets(np.bincount(pairs[0], minlength=len(sets)).astype(np.int64), pairs[1])


def numbering(
    known: Sequence[str], wanted: Sequence[str], present: NDArray[np.bool_], where: str
) -> Numbering:
    """The labels among the classes `wanted` that the classes `known`, K of them, have.

    Args:
        known: a dataset's.
        wanted: in label order.
        present: bool [K], which of `known` have items. Others need not be among `wanted`.
        where: what the classes are of, for messages.

    Raises:
        ValueError: a class that has items is none of `wanted`, or numbers go beyond them.
    """
    if all(name.isdecimal() for name in known):
        return _of_numbers(known, wanted, present, where)
    label_of = {wnid: label for label, wnid in enumerate(wanted)}
    labels: list[list[int]] = []
    missing = []
    for name, has_items in zip(known, present.tolist(), strict=True):
        names = (name,) if name in label_of else imagenet1k_wnids_of(name)
        if names is None and has_items:
            missing.append(name)
        labels.append(sorted(label_of[each] for each in names or () if each in label_of))
    if missing:
        some = ", ".join([*missing[:3], *(["..."] if len(missing) > 3 else [])])
        lists = lists_with_classes(missing)
        advice = f'classes="{lists[0]}" has them, or' if lists else "give others, or"
        raise ValueError(
            f"{len(missing)} of the classes of '{where}' are none of the {len(wanted):,} that are"
            f" given: {some}; {advice} leave them out with select_classes"
        )
    counts = np.array([len(each) for each in labels], np.int64)
    return Numbering(counts, np.array([label for each in labels for label in each], np.int64))


def _of_numbers(
    known: Sequence[str], wanted: Sequence[str], present: NDArray[np.bool_], where: str
) -> Numbering:
    """For classes that are called by the labels themselves."""
    numbers = np.array([int(name) for name in known], np.int64)
    beyond = numbers >= len(wanted)
    if (beyond & present).any():
        raise ValueError(
            f"'{where}' has a label {numbers[beyond & present].max()}, and there are"
            f" {len(wanted):,} classes given"
        )
    return Numbering(np.where(beyond, 0, 1).astype(np.int64), numbers[~beyond])

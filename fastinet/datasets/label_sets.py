"""Every label that is right for each item, where there may be several or none."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["LabelSets", "single_labels"]


@dataclass(frozen=True, eq=False)
class LabelSets:
    """The labels of N items as P pairs (item, label), in item order; no pair twice."""

    counts: NDArray[np.int64]
    """[N] how many labels an item has."""
    label: NDArray[np.int64]
    """[P]"""

    def __len__(self) -> int:
        return len(self.counts)

    def __getitem__(self, row: int) -> list[int]:
        """The labels of one item."""
        end = int(self._ends[row])
        return [int(label) for label in self.label[end - int(self.counts[row]) : end]]

    @functools.cached_property
    def _ends(self) -> NDArray[np.int64]:
        """[N] where the labels of each item end in ``label``."""
        return np.cumsum(self.counts)

    @property
    def item(self) -> NDArray[np.int64]:
        """[P] the item of each pair, 0 to N - 1, rising."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def take(self, rows: NDArray[np.int64]) -> LabelSets:
        """The label sets of ``rows``, in that order."""
        counts = self.counts[rows]
        # Where each chosen item's labels lie, minus where they go: constant within an item.
        shift = self._ends[rows] - np.cumsum(counts)
        return LabelSets(counts, self.label[np.arange(counts.sum()) + np.repeat(shift, counts)])

    def relabel(self, new_label: NDArray[np.int64]) -> LabelSets:
        """The label sets with every label l replaced by ``new_label[l]``, or left out for -1.

        Args:
            new_label: [C] of each of the C old labels; but for the -1 it rises, so that the labels
                of an item stay in order.
        """
        label = new_label[self.label]
        kept = label >= 0
        counts = np.bincount(self.item[kept], minlength=len(self))
        return LabelSets(counts.astype(np.int64), label[kept])

    def multi_hot(self, classes: int, dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """[N, classes] of `dtype`: 1 where the item has the label, else 0; targets of a BCE loss.

        Raises:
            ValueError: there are labels beyond `classes`.
        """
        if self.label.size and self.label.max() >= classes:
            raise ValueError(f"there is a label {self.label.max()}, so more than {classes} classes")
        targets = np.zeros((len(self), classes), dtype)
        targets[self.item, self.label] = 1
        return targets

    def differ(self, rows: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.bool_]:
        """[n] whether item ``rows[j]`` has another set of labels than item ``others[j]``.

        Args:
            rows: [n] items, 0 to N - 1.
            others: [n] items to compare them with, one by one.
        """
        different: NDArray[np.bool_] = self.counts[rows] != self.counts[others]
        comparable = np.flatnonzero(~different)
        ours, theirs = self.take(rows[comparable]), self.take(others[comparable])
        unequal = ours.item[ours.label != theirs.label]
        different[comparable[unequal]] = True
        return different


def single_labels(labels: NDArray[np.int64]) -> LabelSets:
    """The label sets of [N] items that have one label each, or -1 for none."""
    return LabelSets((labels >= 0).astype(np.int64), labels[labels >= 0])

"""Top-k accuracy of predictions, in one call or batch by batch, in one process or many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastinet.datasets.items import PADDING_ITEM
from fastinet.datasets.label_sets import LabelSets
from fastinet.metrics.arrays import as_array
from fastinet.metrics.chosen_columns import checked_columns, in_columns, same_columns
from fastinet.metrics.first_hits import UNLABELLED, checked_predictions, first_hits
from fastinet.metrics.labels import Labels, label_sets, take_labels

__all__ = ["Accumulator", "evaluate"]

Ints = NDArray[np.int64]


def evaluate(
    scores_or_ranked: ArrayLike,
    labels: Labels,
    topk: Sequence[int] = (1, 5),
    columns: ArrayLike | None = None,
) -> dict[str, float]:
    """Top-k accuracy.

    An item is right at k when one of its labels is among its k first guesses. Items with an empty
    label set are left out of the denominator, as ReaL defines it. Equal scores rank by class, the
    lowest first: the order of ``np.argsort(-scores, kind="stable")``.

    Args:
        scores_or_ranked: float [N, C], the score of every class, or int [N, k], labels with the
            best guess first; -1 there is no guess.
        labels: int [N], or one collection of ints for each item.
        topk: the k to evaluate.
        columns: int [K], the classes that a model may guess, where it has more than the evaluation:
            only their scores count. So ImageNet-A, -R and ObjectNet are evaluated, on the columns
            that :func:`class_columns` gives of their classes. Labels stay numbers of all C classes.
            None: all.

    Returns:
        ``{"top1": ..., "top5": ..., "n": ...}``: fractions, and the number of items that they are
        fractions of.

    Raises:
        ValueError: shapes that do not fit, NaN among the scores, labels beyond the classes or none
            of the columns, no item with a label.
    """
    accumulator = Accumulator(topk, columns=columns)
    accumulator.update(scores_or_ranked, labels)
    return accumulator.result()


class Accumulator:
    """Top-k accuracy batch by batch: it keeps 24 bytes an item, not the predictions.

    In a distributed evaluation every process has one of its own and gives :meth:`update` the ids of
    its items in the dataset. Gathered (it pickles) and merged, the result is that of one process,
    to the bit: each item counts once, whoever evaluated it.
    """

    def __init__(
        self,
        topk: Sequence[int] = (1, 5),
        *,
        duplicates: Literal["error", "once"] = "error",
        columns: ArrayLike | None = None,
    ) -> None:
        """An empty accumulator.

        Args:
            topk: the k to evaluate.
            duplicates: what to do about an item that came more than once, as samplers cause it
                that fill up the last batch: "error" refuses it, "once" counts it once, and by the
                worse predictions where they differ.
            columns: the classes that count, as for :func:`evaluate`.
        """
        self.topk = tuple(topk)
        if not self.topk or any(k < 1 for k in self.topk):
            raise ValueError(f"topk is one or more numbers from 1 on, got {self.topk}")
        if duplicates not in ("error", "once"):
            raise ValueError(f'duplicates is "error" or "once", got {duplicates!r}')
        self.duplicates = duplicates
        self._columns = None if columns is None else checked_columns(columns)
        # Item by item as they came; the labels of all, one after the other.
        self._indices: list[Ints] = []
        self._first_hits: list[Ints] = []
        self._counts: list[Ints] = []
        self._labels: list[Ints] = []

    def __len__(self) -> int:
        """How many items came, duplicates included."""
        return sum(map(len, self._indices))

    def update(
        self, scores_or_ranked: ArrayLike, labels: Labels, indices: ArrayLike | None = None
    ) -> None:
        """Takes a batch.

        Args:
            scores_or_ranked: as for :func:`evaluate`.
            labels: as for :func:`evaluate`.
            indices: int [N], the items' ids in the dataset (``batch.indices``). Rows with -1 are
                those that ``pad_last="mask"`` adds, and are left out; a label of -1 is then that of
                an item that has none, as one that ``on_error="mask"`` masks, and counts as an empty
                label set: ``n`` tells how many are left. Without `indices` items count up from 0
                in the order in which they come, which is right for one process only, and -1 is
                refused.

        Raises:
            ValueError: as :func:`evaluate`; the accumulator is then as it was.
        """
        if indices is not None:
            scores_or_ranked, labels, indices = _without_padding(scores_or_ranked, labels, indices)
        sets = label_sets(labels, may_lack=indices is not None)
        items = len(sets.counts)
        predictions = checked_predictions(scores_or_ranked, items, max(self.topk))
        among = sets
        if self._columns is not None:
            predictions, among = in_columns(predictions, sets, self._columns)
            predictions = checked_predictions(predictions, items, max(self.topk))
        self._append(self._checked_indices(indices, items), first_hits(predictions, among), sets)

    def merge(self, other: Accumulator) -> None:
        """Takes over all items of another accumulator, of another process perhaps.

        Raises:
            ValueError: it evaluates other k or other columns, or is this one.
        """
        if other is self or other.topk != self.topk:
            raise ValueError(
                f"only another accumulator of the same topk can be merged: {other.topk} into"
                f" {self.topk}"
            )
        if not same_columns(self._columns, other._columns):
            raise ValueError("only an accumulator of the same columns can be merged")
        self._indices += other._indices
        self._first_hits += other._first_hits
        self._counts += other._counts
        self._labels += other._labels

    def result(self, items: int | None = None) -> dict[str, float]:
        """The accuracies so far, as :func:`evaluate` returns them.

        Args:
            items: how many the dataset has. Given, an item that is missing is an error.

        Raises:
            ValueError: an item came twice or is missing, or no item has a label.
        """
        indices, first, _ = self._each_once()
        if items is not None:
            _refuse_missing(indices, items)
        first = first[first != UNLABELLED]
        if not len(first):
            raise ValueError(f"none of {len(indices)} items has a label: there is nothing to score")
        fractions = {f"top{k}": int(np.count_nonzero(first < k)) / len(first) for k in self.topk}
        return {**fractions, "n": len(first)}

    def per_class(self, classes: int | None = None) -> dict[str, NDArray[np.generic]]:
        """Accuracy by class: an item counts for each of its labels.

        Args:
            classes: how many there are, C; without it, up to the highest label that came.

        Returns:
            ``{"top1": ..., "top5": ..., "n": ...}``: float64 [C], NaN for classes without items,
            and int64 [C], the number of items.

        Raises:
            ValueError: an item came twice, or a label is beyond ``classes``.
        """
        _, first, sets = self._each_once()
        highest = int(sets.label.max(initial=-1))
        classes = highest + 1 if classes is None else classes
        if highest >= classes:
            raise ValueError(f"there is a label {highest}, beyond {classes} classes")
        counts = np.bincount(sets.label, minlength=classes)
        pair_hits = first[sets.item]
        result: dict[str, NDArray[np.generic]] = {}
        for k in self.topk:
            hits = np.bincount(sets.label[pair_hits < k], minlength=classes)
            with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN that is promised
                result[f"top{k}"] = hits / counts
        result["n"] = counts.astype(np.int64)
        return result

    def _checked_indices(self, indices: ArrayLike | None, items: int) -> Ints:
        if indices is None:
            return np.arange(len(self), len(self) + items)
        array = as_array(indices)
        if array.shape != (items,) or (items and array.dtype.kind not in "iu"):
            raise ValueError(
                f"indices are int [{items}], one for each item; got {array.dtype} {array.shape}"
            )
        if items and array.min() < 0:
            raise ValueError(f"indices are 0 or more, got {array.min()}")
        return array.astype(np.int64)

    def _append(self, indices: Ints, first: Ints, sets: LabelSets) -> None:
        self._indices.append(indices)
        self._first_hits.append(first)
        self._counts.append(sets.counts)
        self._labels.append(sets.label)

    def _each_once(self) -> tuple[Ints, Ints, LabelSets]:
        """Ids (rising), first hits and labels of all items, each once."""
        indices, first = _joined(self._indices), _joined(self._first_hits)
        sets = LabelSets(_joined(self._counts), _joined(self._labels))
        order = np.lexsort((-first, indices))  # by id, the worse predictions of an item first
        ordered = indices[order]
        is_first = np.ones(len(order), np.bool_)
        is_first[1:] = ordered[1:] != ordered[:-1]
        if not is_first.all():
            first_of_each = order[is_first][np.cumsum(is_first) - 1]
            self._check_repeated(indices, sets, order[~is_first], first_of_each[~is_first])
        kept = order[is_first]
        return indices[kept], first[kept], sets.take(kept)

    def _check_repeated(self, indices: Ints, sets: LabelSets, again: Ints, before: Ints) -> None:
        """Refuses appearances ``again`` of items that came ``before``, unless they may be."""
        if self.duplicates == "error":
            raise ValueError(
                f"{len(again)} items came more than once, item {indices[again[0]]} among them;"
                " indices are item ids in the whole dataset. Where a sampler repeats items,"
                ' duplicates="once" counts each once'
            )
        different = sets.differ(again, before)
        if different.any():
            raise ValueError(
                f"item {indices[again[different.argmax()]]} came with different labels; are the"
                " indices item ids in the whole dataset?"
            )


def _without_padding(
    predictions: ArrayLike, labels: Labels, indices: ArrayLike
) -> tuple[ArrayLike, Labels, ArrayLike]:
    """The three without the rows that pad a batch.

    Arrays that do not fit each other come back as they are; `update` refuses them.
    """
    predictions, ids = as_array(predictions), as_array(indices)
    is_item = ids != PADDING_ITEM
    if is_item.all() or ids.shape != predictions.shape[:1]:
        return predictions, labels, ids
    rows = np.flatnonzero(is_item)
    return predictions[rows], take_labels(labels, rows), ids[rows]


def _joined(parts: list[Ints]) -> Ints:
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _refuse_missing(indices: Ints, items: int) -> None:
    """Refuses unique and rising ids that are not all of 0 to ``items - 1``."""
    if len(indices) and indices[-1] >= items:
        raise ValueError(f"item {indices[-1]} came, of a dataset of {items} items")
    if len(indices) < items:
        gaps = np.flatnonzero(indices != np.arange(len(indices)))
        missing = int(gaps[0]) if len(gaps) else len(indices)
        raise ValueError(
            f"{items - len(indices)} of {items} items are missing, item {missing} first"
        )

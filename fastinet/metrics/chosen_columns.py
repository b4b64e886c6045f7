"""Scores of some of a model's classes alone, where the evaluation has no others.

A model of ImageNet-1K is evaluated on ImageNet-A by the scores of its 200 classes: what it thinks
of the other 800 does not count (eval.py of hendrycks/natural-adv-examples, and of
hendrycks/imagenet-r).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastinet.metrics.arrays import as_array

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastinet.datasets.label_sets import LabelSets

__all__ = ["checked_columns", "in_columns", "same_columns"]


def checked_columns(columns: ArrayLike) -> NDArray[np.int64]:
    """The columns as int64 [K], rising.

    Raises:
        ValueError: they are no ints, not one-dimensional, negative, none, or one comes twice.
    """
    array = as_array(columns)
    if array.ndim != 1 or not array.size or array.dtype.kind not in "iu":
        raise ValueError(
            f"columns are int [K], the numbers of classes; got {array.dtype} {array.shape}"
        )
    rising = np.unique(array).astype(np.int64)
    if len(rising) < len(array):
        raise ValueError("a column stands twice among the columns")
    if rising[0] < 0:
        raise ValueError(f"columns are 0 or more, got {rising[0]}")
    return rising


def in_columns(
    predictions: NDArray[Any], sets: LabelSets, columns: NDArray[np.int64]
) -> tuple[NDArray[Any], LabelSets]:
    """Scores of the columns alone, and the label sets in the numbers that they have there.

    Raises:
        ValueError: these are no scores, there is no such column, or a label is of none of them.
    """
    if predictions.dtype.kind in "iu":
        raise ValueError(
            "columns choose among scores [N, C]; ranked labels do not tell what comes behind them"
        )
    classes = predictions.shape[1]
    if columns[-1] >= classes:
        raise ValueError(f"there is no column {columns[-1]}: the scores are of {classes} classes")
    new_label = np.full(max(classes, int(sets.label.max(initial=-1)) + 1), -1, np.int64)
    new_label[columns] = np.arange(len(columns))
    outside = new_label[sets.label] < 0
    if outside.any():
        pair = int(np.argmax(outside))
        raise ValueError(
            f"item {sets.item[pair]} has label {sets.label[pair]}, which is none of the"
            f" {len(columns)} columns that count"
        )
    return predictions[:, columns], sets.relabel(new_label)


def same_columns(one: NDArray[np.int64] | None, other: NDArray[np.int64] | None) -> bool:
    """Whether both are all columns, or the same."""
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)

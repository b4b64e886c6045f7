"""The first hit of each item: which of its guesses, from the best on, is the first right one.

The item is right in the sense of top-k where its first hit is below k: 0 is the best guess.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastinet.metrics.arrays import as_array

if TYPE_CHECKING:
    from fastinet.datasets.label_sets import LabelSets

__all__ = ["NO_HIT", "UNLABELLED", "checked_predictions", "first_hits", "top_guesses"]

NO_HIT = np.iinfo(np.int64).max
"""Stands for the first hit of an item whose labels are not among the guesses."""
UNLABELLED = -1
"""Stands for the first hit of an item that has no label."""

_NO_GUESS = -1
_CHUNK_VALUES = 1 << 22  # predictions looked at in one go: 32 MB as float64


def checked_predictions(predictions: ArrayLike, items: int, guesses: int) -> NDArray[Any]:
    """``predictions`` as an array [N, ...] of scores or ranked guesses for ``items`` items.

    Raises:
        ValueError: wrong shape or type, or fewer than ``guesses`` classes or guesses.
    """
    array = as_array(predictions)
    if array.ndim != 2:
        raise ValueError(
            f"predictions are float [N, C] scores or int [N, k] ranked labels, got shape"
            f" {array.shape}"
        )
    if len(array) != items:
        raise ValueError(
            f"predictions for {len(array)} items (shape {array.shape}), labels for {items}"
        )
    is_scores = _are_scores(array)
    if not is_scores and array.dtype.kind not in "iu":
        raise ValueError(f"predictions are floats or ints, got {array.dtype}")
    if array.shape[1] < guesses:
        what = "classes" if is_scores else "guesses"
        raise ValueError(
            f"top-{guesses} needs at least {guesses} {what} for each item, the predictions have"
            f" shape {array.shape}"
        )
    return array


def first_hits(predictions: NDArray[Any], sets: LabelSets) -> NDArray[np.int64]:
    """The number of the first guess that is one of the item's labels, int64 [N].

    Guesses are numbered from 0, the best; NO_HIT and UNLABELLED where there is none.

    Args:
        predictions: of :func:`checked_predictions`. Of scores the guesses are the classes by
            falling score, and equal ones by class, the lowest first: the order of a stable argsort
            of the negated scores. Of ranked labels they are the columns; -1 is no guess.
        sets: the right labels.

    Raises:
        ValueError: NaN among the scores, a label beyond the classes, a guess below -1.
    """
    is_scores = _are_scores(predictions)
    item = sets.item
    if is_scores:
        _refuse_labels_beyond(predictions.shape[1], sets)
    first = np.where(sets.counts > 0, NO_HIT, UNLABELLED)
    for rows in _chunks(*predictions.shape):
        pairs = slice(*np.searchsorted(item, [rows.start, rows.stop]))
        chunk, label = predictions[rows], sets.label[pairs]
        within = item[pairs] - rows.start
        if is_scores:
            found = _hits_by_score(_comparable(chunk, rows.start), within, label)
        else:
            found = _hits_by_column(_guesses(chunk, rows.start), within, label)
        np.minimum.at(first, item[pairs], found)
    return first


def top_guesses(scores: NDArray[Any], guesses: int) -> NDArray[np.int64]:
    """The classes of the highest scores, the best first and equal ones by class: int64 [N, k].

    Args:
        scores: float [N, C], of :func:`checked_predictions`.
        guesses: k, up to C.

    Raises:
        ValueError: NaN among the scores.
    """
    ranked = np.empty((len(scores), guesses), np.int64)
    for rows in _chunks(*scores.shape):
        order = np.argsort(-_comparable(scores[rows], rows.start), axis=1, kind="stable")
        ranked[rows] = order[:, :guesses]
    return ranked


def _are_scores(predictions: NDArray[Any]) -> bool:
    # bfloat16 is no floating type to NumPy; ml_dtypes gives it this name.
    return predictions.dtype.kind == "f" or predictions.dtype.name == "bfloat16"


def _chunks(items: int, width: int) -> Iterator[slice]:
    step = max(1, _CHUNK_VALUES // max(1, width))
    for start in range(0, items, step):
        yield slice(start, min(start + step, items))


def _comparable(scores: NDArray[Any], first: int) -> NDArray[Any]:
    """``scores``, of a type that compares fast; NaN is refused, for it is above and below none."""
    if scores.dtype.itemsize < 4:
        scores = scores.astype(np.float32)
    nan = np.isnan(scores)
    if nan.any():
        row, column = np.argwhere(nan)[0]
        raise ValueError(
            f"the scores of row {first + row} are no numbers (NaN at class {column}); they cannot"
            " be ranked"
        )
    return scores


def _guesses(chunk: NDArray[Any], first: int) -> NDArray[np.int64]:
    """The ranked labels of a chunk that begins with row `first`; one below -1 is refused."""
    guesses: NDArray[np.int64] = chunk.astype(np.int64)
    wrong = guesses < _NO_GUESS
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(
            f"row {first + row} ranks the label {guesses[row, column]}; labels are 0 or more, -1"
            " is no guess"
        )
    return guesses


def _hits_by_score(
    scores: NDArray[Any], row: NDArray[np.int64], label: NDArray[np.int64]
) -> NDArray[np.int64]:
    """How many classes come before each label: those that score more, and ties of lower number."""
    own = scores[row, label][:, np.newaxis]
    others = scores[row]
    left = np.arange(scores.shape[1]) < label[:, np.newaxis]
    before = (others > own) | ((others == own) & left)
    return np.asarray(np.count_nonzero(before, axis=1), np.int64)


def _hits_by_column(
    guesses: NDArray[np.int64], row: NDArray[np.int64], label: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The column in which each label stands, or NO_HIT."""
    hits = guesses[row] == label[:, np.newaxis]
    return np.where(hits.any(axis=1), hits.argmax(axis=1), NO_HIT)


def _refuse_labels_beyond(classes: int, sets: LabelSets) -> None:
    beyond = sets.label >= classes
    if beyond.any():
        pair = int(beyond.argmax())
        raise ValueError(
            f"item {sets.item[pair]} has label {sets.label[pair]}, the scores are of {classes}"
            " classes"
        )

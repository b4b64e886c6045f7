"""Predictions and boxes of any shape, as the ranked guesses with a box each that the devkit has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastinet.metrics.first_hits import checked_predictions, top_guesses
from fastinet.metrics.localization import MOST_GUESSES

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["LocatedGuesses", "located_guesses"]

_NO_GUESS = -1


class LocatedGuesses(NamedTuple):
    """Up to five guesses for each of N images, k."""

    guesses: NDArray[np.int64]
    """[N, k] labels, the best first; -1 is no guess."""
    boxes: NDArray[np.float64]
    """[N, k, 4]: xmin, ymin, xmax, ymax in pixels."""


def located_guesses(predictions: ArrayLike, boxes: ArrayLike) -> LocatedGuesses:
    """The guesses of an image, and the box of each: for :func:`localization_errors`.

    Args:
        predictions: scores float [N, C], or ranked labels int [N, k]; -1 is no guess.
        boxes: xmin, ymin, xmax, ymax in pixels of the annotated image, the last ones included:
            [N, 4], one for all guesses of an image; [N, k, 4], one for each of the k guesses or,
            of scores, of the k highest; or, of scores, [N, C, 4], one for each class.

    Raises:
        ValueError: shapes that do not fit, NaN among the scores.
    """
    given = np.asanyarray(predictions)
    located = np.asanyarray(boxes)
    items = len(located) if located.ndim else 0
    array = checked_predictions(given, items, 1)
    shape = f"boxes {located.shape} for predictions {array.shape}"
    if located.ndim not in (2, 3) or located.shape[-1] != 4 or located.dtype.kind not in "iuf":
        raise ValueError(f"boxes are numbers [N, 4], [N, k, 4] or [N, C, 4], got {shape}")
    if array.dtype.kind in "iu":
        return _of_ranked(array.astype(np.int64), located, shape)
    return _of_scores(array, located, shape)


def _of_ranked(ranked: NDArray[np.int64], boxes: NDArray[Any], shape: str) -> LocatedGuesses:
    if boxes.ndim == 2:
        ranked = ranked[:, :MOST_GUESSES]
        return LocatedGuesses(ranked, _for_all(boxes, ranked.shape[1]))
    columns = boxes.shape[1]
    if columns > ranked.shape[1] or (ranked[:, columns:] != _NO_GUESS).any():
        raise ValueError(f"there is a box for each guess, got {shape}")
    columns = min(columns, MOST_GUESSES)
    return LocatedGuesses(ranked[:, :columns], boxes[:, :columns].astype(np.float64))


def _of_scores(scores: NDArray[Any], boxes: NDArray[Any], shape: str) -> LocatedGuesses:
    classes = scores.shape[1]
    by_class = boxes.ndim == 3 and boxes.shape[1] == classes
    guesses = min(classes, MOST_GUESSES)
    if boxes.ndim == 3 and not by_class:
        if boxes.shape[1] > guesses:
            raise ValueError(
                f"of scores there is a box for each class, or for each of up to {guesses} guesses,"
                f" got {shape}"
            )
        guesses = boxes.shape[1]
    ranked = top_guesses(scores, guesses)
    if boxes.ndim == 2:
        return LocatedGuesses(ranked, _for_all(boxes, guesses))
    chosen = boxes[np.arange(len(boxes))[:, np.newaxis], ranked] if by_class else boxes
    return LocatedGuesses(ranked, chosen.astype(np.float64))


def _for_all(boxes: NDArray[Any], guesses: int) -> NDArray[np.float64]:
    """The one box of each image, for each of its guesses."""
    return np.repeat(boxes[:, np.newaxis].astype(np.float64), guesses, axis=1)

"""The devkit's errors: flat, and of localisation, with 1 to 5 guesses an image.

From the ILSVRC2012 development kit's readme and its evaluation routines: for guesses l_j, j = 1..5,
and the true label g of an image, the flat error is min_j d(l_j, g) with d = 0 where they are equal
and 1 otherwise; the localisation error asks of the same guess that its box overlap a true box of
that label by half. An error is averaged over the images. The ILSVRC2013 to 2015 kits leave their
blacklisted images out of the localisation error, and out of that one only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["MOST_GUESSES", "TrueBoxes", "box_overlaps", "flat_errors", "localization_errors"]

MOST_GUESSES = 5
"""Further guesses are ignored."""

_LEAST_OVERLAP = 0.5

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TrueBoxes:
    """The annotated boxes of N images, B in all."""

    images: int
    """N"""
    image: Ints
    """int64 [B], the image of each box, 0 to N - 1"""
    label: Ints
    """int64 [B]"""
    box: Floats
    """float64 [B, 4]: xmin, ymin, xmax, ymax in pixels, the last ones included"""


def box_overlaps(boxes: ArrayLike, others: ArrayLike) -> Floats:
    """Intersection over union of boxes, pair by pair: float64 [...] of float [..., 4].

    Boxes are (xmin, ymin, xmax, ymax) and name their first and last pixel, so a box is
    ``xmax - xmin + 1`` wide. That is how PASCAL VOC, whose XML the annotations use, counts pixels,
    and how the devkit's ``compute_overlap`` does; without the 1, boxes near one half would be
    judged differently. Boxes that do not meet, or end before they begin, overlap by 0.
    """
    first, second = np.asarray(boxes, np.float64), np.asarray(others, np.float64)
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., 2:], second[..., 2:])
    shared = _pixels(low, high)
    union = _pixels(first[..., :2], first[..., 2:]) + _pixels(second[..., :2], second[..., 2:])
    union = union - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def flat_errors(guesses: ArrayLike, labels: ArrayLike) -> Floats:
    """The flat error with 1, 2, 3, 4 and 5 guesses: float64 [5]. The first is the top-1 error.

    Args:
        guesses: int [N, k], the best first; -1 is no guess. Columns after the fifth are ignored.
        labels: int [N], in the same numbers.

    Raises:
        ValueError: shapes that do not fit.
    """
    ranked, truth = _checked_guesses(guesses, labels)
    return _errors(ranked == truth[:, np.newaxis], np.ones(len(truth), np.bool_))


def localization_errors(
    guesses: ArrayLike,
    boxes: ArrayLike,
    labels: ArrayLike,
    truth: TrueBoxes,
    blacklist: ArrayLike = (),
) -> Floats:
    """The localisation error with 1, 2, 3, 4 and 5 guesses: float64 [5].

    A guess is right when its label is, and its box overlaps a true box of that label by 0.5 or
    more (:func:`box_overlaps`). A guessed box that ends before it begins overlaps nothing.

    Args:
        guesses: int [N, k], as for :func:`flat_errors`.
        boxes: float [N, k, 4], the box of each guess: xmin, ymin, xmax, ymax.
        labels: int [N].
        truth: the annotated boxes.
        blacklist: numbers, from 1 on as the devkit publishes them, of images to leave out.

    Raises:
        ValueError: shapes that do not fit, an image that has no box of its label and is not
            blacklisted, a blacklisted image that does not exist.
    """
    ranked, label = _checked_guesses(guesses, labels)
    located = _checked_boxes(boxes, np.asarray(guesses).shape)[:, :MOST_GUESSES]
    if truth.images != len(label):
        raise ValueError(f"boxes of {truth.images} images, labels of {len(label)}")
    counted = _not_blacklisted(blacklist, len(label))
    relevant = truth.label == label[truth.image]
    image, box = truth.image[relevant], truth.box[relevant]
    _refuse_boxless(image, label, counted)

    hits = np.zeros(ranked.shape, np.bool_)
    for column in range(ranked.shape[1]):
        overlap = box_overlaps(located[image, column], box)
        hits[image[overlap >= _LEAST_OVERLAP], column] = True
    return _errors(hits & (ranked == label[:, np.newaxis]), counted)


def _pixels(low: Floats, high: Floats) -> Floats:
    """Area from the first pixels to the last ones, both included; 0 where there is none."""
    sides = np.maximum(high - low + 1, 0)
    area: Floats = sides[..., 0] * sides[..., 1]
    return area


def _errors(hits: NDArray[np.bool_], counted: NDArray[np.bool_]) -> Floats:
    """Share of the counted images without a hit among the first 1, 2, ... 5 columns."""
    if not counted.any():
        raise ValueError("there is no image to evaluate")
    padded = np.zeros((len(hits), MOST_GUESSES), np.bool_)
    padded[:, : hits.shape[1]] = hits
    found = np.logical_or.accumulate(padded, axis=1)[counted]
    return np.asarray(np.count_nonzero(~found, axis=0) / len(found))


def _checked_guesses(guesses: ArrayLike, labels: ArrayLike) -> tuple[Ints, Ints]:
    """At most five guesses for each image, and its label."""
    ranked, label = np.asarray(guesses), np.asarray(labels)
    shapes = f"guesses {ranked.dtype} {ranked.shape}, labels {label.dtype} {label.shape}"
    if ranked.ndim != 2 or label.shape != ranked.shape[:1]:
        raise ValueError(f"guesses are int [N, k] and labels int [N], got {shapes}")
    if ranked.dtype.kind not in "iu" or label.dtype.kind not in "iu":
        raise ValueError(f"guesses and labels are ints, got {shapes}")
    if label.size and label.min() < 0:
        raise ValueError(f"image {int(np.argmax(label < 0)) + 1} has the label {label.min()}")
    return ranked[:, :MOST_GUESSES].astype(np.int64), label.astype(np.int64)


def _checked_boxes(boxes: ArrayLike, guesses: tuple[int, ...]) -> Floats:
    located = np.asarray(boxes, np.float64)
    if located.shape != (*guesses, 4):
        raise ValueError(f"boxes are [N, k, 4] for guesses {guesses}, got {located.shape}")
    if np.isnan(located).any():
        image = int(np.argwhere(np.isnan(located))[0][0])
        raise ValueError(f"a box of image {image + 1} is not a number")
    return located


def _not_blacklisted(blacklist: ArrayLike, images: int) -> NDArray[np.bool_]:
    numbers = np.asarray(blacklist, np.int64).reshape(-1)
    wrong = numbers[(numbers < 1) | (numbers > images)]
    if wrong.size:
        raise ValueError(f"the blacklist names image {wrong[0]}, there are 1 to {images}")
    counted = np.ones(images, np.bool_)
    counted[numbers - 1] = False
    return counted


def _refuse_boxless(image: Ints, label: Ints, counted: NDArray[np.bool_]) -> None:
    boxless = counted & (np.bincount(image, minlength=len(label)) == 0)
    if boxless.any():
        first = int(boxless.argmax())
        raise ValueError(
            f"{np.count_nonzero(boxless)} images have no box of their own label: image"
            f" {first + 1}, label {label[first]}, first"
        )

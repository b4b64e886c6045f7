"""Brings the predictions and labels of `fastinet eval` to the same classes, or refuses them.

Two numberings of other classes do not fail by themselves: they give a plausible, wrong accuracy. So
what is known of either side is compared before anything is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastinet.datasets.classes import IMAGENET1K_CLASSES, imagenet1k_wnids
from fastinet.datasets.label_sets import LabelSets
from fastinet.errors import FastinetError
from fastinet.items.class_numbering import numbering
from fastinet.metrics.labels import label_sets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastinet.metrics.devkit_text import Order

__all__ = ["Truth", "in_classes_of"]


class Truth(NamedTuple):
    """The right labels of N items, and where they come from."""

    labels: NDArray[np.int64] | list[Any] | LabelSets
    """int [N], or N label sets."""
    wnids: Sequence[str] | None
    """The classes that the labels number; None: the source does not tell."""
    source: str
    """Path of the file or archive that the labels come from."""
    blacklist: NDArray[np.int64] | None = None
    """Numbers of the images that a development kit leaves out of the localisation error."""
    columns: NDArray[np.int64] | None = None
    """The predictions' classes that the source has, where these are not all."""


def in_classes_of(
    predictions: NDArray[Any], truth: Truth, order: Order | None, *, of_imagenet1k: bool
) -> Truth:
    """The truth in the numbers of the predictions' classes.

    An archive of some of ImageNet-1K's classes numbers these alone (Imagenette's are 0 to 9);
    scores of all 1000, and predictions that say that they number ImageNet-1K, meet its labels among
    the 1000. Of ObjectNet these may be several for an image, or none, and predictions may be of
    those images alone that have some.

    Args:
        predictions: scores [N, C] or ranked labels [N, k].
        truth: as it was read.
        order: that the user has named for the predictions; None: none.
        of_imagenet1k: the predictions number ImageNet-1K's classes, by their format or by `order`.

    Raises:
        FastinetError: they are of other classes.
    """
    if predictions.ndim != 2:
        return truth  # the metrics say what is wrong
    if predictions.dtype.kind in "iu":
        return _of_ranked(predictions, truth, of_imagenet1k=of_imagenet1k)
    return _of_scores(len(predictions), predictions.shape[1], truth, order)


def _of_scores(items: int, columns: int, truth: Truth, order: Order | None) -> Truth:
    may_be_tf = columns == IMAGENET1K_CLASSES + 1 and order is None
    if truth.wnids is None:
        if may_be_tf:
            raise FastinetError(f"scores of {columns} classes: {_TF_HINT}, label that it is not")
        return truth
    if columns == len(truth.wnids):
        return truth
    if columns == IMAGENET1K_CLASSES:
        found = _in_imagenet1k(truth, truth.wnids, items)
        if found is not None:
            return found
    hint = _TF_HINT if may_be_tf else "fastinet.metrics.class_columns picks the scores of these"
    raise _others(f"scores of {columns:,} classes", truth, hint)


def _of_ranked(predictions: NDArray[Any], truth: Truth, *, of_imagenet1k: bool) -> Truth:
    if truth.wnids is None:
        return truth
    highest = int(predictions.max(initial=-1))
    hint = "--prediction-order label says that they number ImageNet-1K"
    if of_imagenet1k:
        hint = "they must number the same"
        found = _in_imagenet1k(truth, truth.wnids, len(predictions))
        if found is None:
            raise _others("the predictions number ImageNet-1K", truth, hint)
        truth = found
    if highest >= len(truth.wnids or ()):
        raise _others(f"the predictions rank a label {highest}", truth, hint)
    return truth


_TF_HINT = "--prediction-order tf says that the first is the background"


def _others(found: str, truth: Truth, hint: str) -> FastinetError:
    classes = len(truth.wnids or ())
    return FastinetError(
        f"{found}, the labels of '{truth.source}' are of {classes:,} classes; {hint}"
    )


def _in_imagenet1k(truth: Truth, wnids: Sequence[str], items: int) -> Truth | None:
    """Labels among the classes `wnids` as labels among all 1000; None: some are none of these.

    Args:
        truth: the labels.
        wnids: its classes.
        items: that there are predictions of.
    """
    if wnids == imagenet1k_wnids():
        return truth
    if any(name.isdecimal() for name in wnids):  # numbers, of nobody knows what
        return None
    try:
        new = numbering(wnids, imagenet1k_wnids(), np.ones(len(wnids), np.bool_), truth.source)
    except ValueError:
        return None
    sets = new.sets(label_sets(truth.labels))
    labelled = np.flatnonzero(sets.counts)
    if len(labelled) == items < len(sets):
        sets = sets.take(labelled)
    labels: NDArray[np.int64] | LabelSets = sets
    if isinstance(truth.labels, np.ndarray) and (sets.counts == 1).all():
        labels = sets.label
    return truth._replace(labels=labels, wnids=imagenet1k_wnids(), columns=np.unique(new.label))

"""Accuracy at each level of a semantic tree, as ImageNet-21K-P is scored."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from fastinet.annotations.semantic_tree import SemanticTree

__all__ = ["SemanticAccuracy", "semantic_accuracy"]


class SemanticAccuracy(NamedTuple):
    """How often the best class of a level is the right one, of L levels."""

    accuracy: float
    """Over all pairs of an item and a level that the item's label reaches; NaN without any."""
    level_accuracies: NDArray[np.float64]
    """[L]; NaN at levels that no label reaches."""
    level_items: NDArray[np.int64]
    """[L] how many items have a label that reaches the level."""


def semantic_accuracy(scores: ArrayLike, labels: ArrayLike, tree: SemanticTree) -> SemanticAccuracy:
    """Top-1 accuracy among the classes of each level, and over all levels.

    A label is scored at its own level and at those of its ancestors, where the ancestor is right.
    All such pairs count alike (Alibaba-MIIL/ImageNet21K, ``src_files/semantic/metrics.py``). Of
    equal scores the lowest label is the guess.

    Args:
        scores: float [N, C], of every class of the tree.
        labels: int [N]; -1 is an item without a label, which is left out.
        tree: of C classes.

    Raises:
        ValueError: shapes that do not fit, NaN among the scores, a label that the tree lacks.
    """
    table = np.asarray(scores)
    targets = tree.targets(labels)
    if table.shape != (len(targets), len(tree)) or table.dtype.kind != "f":
        raise ValueError(
            f"scores are float [{len(targets)}, {len(tree)}], not {table.dtype} {list(table.shape)}"
        )
    if np.isnan(table).any():
        row, column = np.argwhere(np.isnan(table))[0]
        raise ValueError(f"the scores of row {row} are no numbers (NaN at class {column})")
    levels = len(tree.level_depths)
    hits, items = np.zeros(levels, np.int64), np.zeros(levels, np.int64)
    for level, classes in enumerate(tree.level_classes):
        reached = targets[:, level] >= 0
        guesses = table[:, classes].argmax(axis=1) if len(table) else np.zeros(0, np.int64)
        items[level] = np.count_nonzero(reached)
        hits[level] = np.count_nonzero(reached & (guesses == targets[:, level]))
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN that is promised
        accuracy = float(np.float64(hits.sum()) / np.float64(items.sum()))
        return SemanticAccuracy(accuracy, hits / items, items)

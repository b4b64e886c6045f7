"""What the labels of WebDataset shards stand for: the classes that names and ``.json`` tell.

Shards have numbers, in whatever order their maker gave the classes. Where images tell their wnids,
pairs of both show which: those of one published list, or an order that is known as far as it is
told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.published import CLASS_LISTS, published_classes
from fastinet.datasets.scanned import wnid_text

if TYPE_CHECKING:
    from fastinet.datasets.names import Ints, Names

__all__ = ["classes_of_labels"]

_WNIDS = 10**8  # numbers of wnids are below


def classes_of_labels(
    labels: Ints, wnids: Ints, names: Names, *, chosen: bool
) -> tuple[tuple[str, ...], str]:
    """The classes of these labels of images, and what the user should hear.

    Args:
        labels: [n]
        wnids: [n] number of the wnid that is told of each image; -1: none is.
        names: [n] of the images.
        chosen: whether the user has chosen the labels, who may number what they like.
    """
    if labels.max() < 0:  # as of other archives without labels
        return imagenet1k_wnids(), ""
    count = int(labels.max()) + 1
    rows = np.flatnonzero((wnids >= 0) & (labels >= 0))
    told, first = np.unique(labels[rows] * _WNIDS + wnids[rows], return_index=True)
    pairs = np.stack(np.divmod(told, _WNIDS))
    first = rows[first]
    table = list(map(str, range(count)))
    for label, wnid in pairs.T.tolist():
        table[label] = wnid_text(wnid)
    if not len(rows):
        return tuple(table), ""
    fitting = [
        wnids_of_list
        for wnids_of_list in map(published_classes, CLASS_LISTS)
        if count <= len(wnids_of_list)
        and all(wnids_of_list[label] == table[label] for label in pairs[0].tolist())
    ]
    numbered = tuple(map(str, range(count)))
    clash = _clash(pairs, first)
    if clash is not None:
        one, other = clash
        shown = " and ".join(
            f"{names[row]}, of {wnid_text(int(wnids[row]))}, has {labels[row]}"
            for row in (one, other)
        )
        return numbered, (
            "the classes have numbers and no names, for labels and wnids, of names or .json,"
            f" contradict each other: {shown}"
        )
    if len(fitting) == 1:
        return fitting[0], ""
    if chosen:
        return numbered, ""
    falling = np.flatnonzero(np.diff(pairs[1]) < 0)
    if not len(falling):
        return tuple(table), ""
    row, after = first[falling[0]], first[falling[0] + 1]
    return tuple(table), (
        "its labels do not number the sorted wnids, as those of other archives do:"
        f" {wnid_text(int(wnids[row]))} is {labels[row]}, {wnid_text(int(wnids[after]))} is"
        f" {labels[after]}; labels= takes a function that gives others"
    )


def _clash(pairs: Ints, rows: Ints) -> tuple[int, int] | None:
    """Two of `rows`, of an image each, of which `pairs` has one label for two wnids, or vice versa.

    None where labels and wnids go together one to one. `pairs` are [2, P], sorted.
    """
    for order in (np.arange(pairs.shape[1]), np.argsort(pairs[1], kind="stable")):
        for side in pairs[:, order]:
            again = np.flatnonzero(np.diff(side) == 0)
            if len(again):
                return int(rows[order[again[0]]]), int(rows[order[again[0] + 1]])
    return None

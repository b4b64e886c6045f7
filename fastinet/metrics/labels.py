"""What is right for each item: one label, or a set of them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastinet.datasets.items import NO_LABEL
from fastinet.datasets.label_sets import LabelSets
from fastinet.errors import CorruptError
from fastinet.metrics.arrays import as_array

if TYPE_CHECKING:
    import os

__all__ = ["LabelSets", "Labels", "label_sets", "real_labels", "take_labels"]

_REAL_CLASSES = 1000


Labels = ArrayLike | Sequence[Iterable[int]] | LabelSets
"""Labels as callers give them: int [N], N collections of ints, or a dataset's ``label_sets``."""


def label_sets(labels: Labels, *, may_lack: bool = False) -> LabelSets:
    """Labels in any form that callers may give.

    With `may_lack` a -1 among int [N] says that an item has no label: an empty set.

    Raises:
        ValueError: neither ints nor collections of ints, or a negative one; it names the item.
    """
    if isinstance(labels, LabelSets):
        return labels
    given = as_array(labels) if hasattr(labels, "__array__") else None
    if given is not None and given.ndim == 1 and given.dtype.kind in "iu":
        return _single(given.astype(np.int64), may_lack=may_lack)
    items: list[Any] = list(labels if given is None else given)  # type: ignore[arg-type]
    single = [isinstance(item, int | np.integer) and not isinstance(item, bool) for item in items]
    if all(single):
        return _single(np.array(items, np.int64), may_lack=may_lack)
    sets = [_label_set(item, row) for row, item in enumerate(items)]
    counts = np.fromiter(map(len, sets), np.int64, len(sets))
    return _checked(counts, np.array(list(itertools.chain(*sets)), np.int64))


def take_labels(labels: Labels, rows: NDArray[np.int64]) -> Labels:
    """The labels of the items in `rows` alone, in the form in which `labels` are given."""
    if isinstance(labels, LabelSets):
        return labels.take(rows)
    if hasattr(labels, "__array__"):
        return as_array(labels)[rows]
    given: list[Any] = list(labels)  # type: ignore[arg-type]
    return [given[row] for row in rows]


def real_labels(path: str | os.PathLike[str]) -> list[list[int]]:
    """The reassessed labels ("ReaL") of the validation images, from ``real.json``.

    Entry i belongs to ILSVRC2012_val_{i+1:08d} and lists every label, 0 to 999, that is right for
    it. 3,163 of the 50,000 lists are empty; :func:`~fastinet.metrics.evaluate` leaves those items
    out of the denominator, which makes it 46,837 (google-research/reassessed-imagenet, README).

    Raises:
        CorruptError: no JSON list of lists of labels; it names the entry.
        OSError: the file cannot be read.
    """
    name = Path(path).name
    try:
        entries = json.loads(Path(path).read_bytes())
    except ValueError as error:
        raise CorruptError(f"'{name}' is no JSON: {error}") from None
    if not isinstance(entries, list):
        raise CorruptError(f"'{name}' is no list with the labels of each image")
    for row, entry in enumerate(entries):
        if not isinstance(entry, list) or not all(map(_is_real_label, entry)):
            raise CorruptError(
                f"'{name}', entry {row}: a list of labels from 0 to {_REAL_CLASSES - 1} expected,"
                f" got {str(entry)[:60]}"
            )
    return entries


def _is_real_label(value: object) -> bool:
    return type(value) is int and 0 <= value < _REAL_CLASSES


def _label_set(item: Any, row: int) -> list[int]:
    """The labels of one item, each once."""
    try:
        values = set(item)
    except TypeError:
        raise ValueError(
            f"labels are int [N], or one collection of ints for each item; item {row} has"
            f" {str(item)[:60]}"
        ) from None
    if not all(isinstance(value, int | np.integer) for value in values):
        raise ValueError(f"the labels of item {row} are no ints: {str(item)[:60]}")
    return sorted(int(value) for value in values)


def _single(label: NDArray[np.int64], *, may_lack: bool) -> LabelSets:
    """Sets of one label each, or of none where that may be."""
    has_label = label != NO_LABEL if may_lack else np.ones(len(label), np.bool_)
    return _checked(has_label.astype(np.int64), label[has_label])


def _checked(counts: NDArray[np.int64], label: NDArray[np.int64]) -> LabelSets:
    sets = LabelSets(counts, label)
    if label.size and label.min() < 0:
        pair = int(np.argmax(label < 0))
        raise ValueError(
            f"item {sets.item[pair]} has label {label[pair]}; labels are 0 or more, and an item"
            " without one has an empty label set"
        )
    return sets

"""Boxes by item of a dataset, and the file names by which annotations and items find each other.

A dataset has 1.28 million keys, so they stay bytes and are worked on all at once.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from fastinet.datasets.items import Items

__all__ = ["MOST_NAME_BYTES", "ItemBoxes", "key_stems", "rows_among"]

MOST_NAME_BYTES = 255
"""Of a file's name, on any usual file system."""

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclasses.dataclass(frozen=True, eq=False)
class ItemBoxes:
    """Boxes of a dataset's items: N items, M boxes. Item i has rows ``starts[i]:starts[i + 1]``.

    Attributes:
        starts: int64 [N + 1]; the first is 0, the last M.
        boxes: float32 [M, 4]: xmin, ymin, xmax, ymax as shares of the image's width and height.
        labels: int64 [M], in the dataset's order of classes; -1: a class that the dataset lacks.

    Raises:
        ValueError: the arrays do not fit each other, or a box has no area within the image.
    """

    starts: Ints
    boxes: Floats
    labels: Ints

    def __post_init__(self) -> None:
        for name, dtype in (("starts", np.int64), ("boxes", np.float32), ("labels", np.int64)):
            array = np.ascontiguousarray(getattr(self, name), dtype)
            object.__setattr__(self, name, array)
        starts, boxes = self.starts, self.boxes
        if starts.ndim != 1 or not len(starts) or starts[0] != 0 or (np.diff(starts) < 0).any():
            raise ValueError("starts must be [N + 1] numbers that begin with 0 and never fall")
        if boxes.shape != (starts[-1], 4) or self.labels.shape != (starts[-1],):
            raise ValueError(
                f"starts ends at {starts[-1]}, boxes are {boxes.shape} and labels"
                f" {self.labels.shape}"
            )
        inside = (boxes >= 0).all(axis=1) & (boxes <= 1).all(axis=1)
        wrong = np.flatnonzero(~(inside & (boxes[:, :2] < boxes[:, 2:]).all(axis=1)))
        if len(wrong):
            raise ValueError(
                f"box {wrong[0]} is {boxes[wrong[0]].tolist()}; boxes are xmin < xmax and ymin <"
                " ymax, from 0 to 1"
            )

    def __len__(self) -> int:
        """N, the number of items."""
        return len(self.starts) - 1

    def __repr__(self) -> str:
        return f"<ItemBoxes: {len(self.boxes)} boxes of {len(self)} items>"


def key_stems(dataset: Items) -> NDArray[np.bytes_]:
    """File names of a dataset's keys without folder and extension, bytes [N].

    The flat archives of the Hugging Face mirror put the class behind the name
    (``n01440764_10026_n01440764.JPEG``); that is taken off too.
    """
    text, *columns = dataset.keys.columns()
    starts, ends = (column.astype(np.int64) for column in columns)
    starts = _behind_last(text, ord("/"), starts, ends)
    dots = _behind_last(text, ord("."), starts, ends) - 1
    ends = np.where(dots >= starts, dots, ends)
    ends = np.where(_has_class_suffix(text, starts, ends), ends - len("_n01440764"), ends)
    return _cut_out(text, starts, ends)


def _behind_last(text: NDArray[np.uint8], mark: int, starts: Ints, ends: Ints) -> Ints:
    """Behind the last ``mark`` in each of ``text[starts[i]:ends[i]]``; its start without one."""
    marks = np.flatnonzero(text == mark)
    if not len(marks):
        return starts
    before = np.searchsorted(marks, ends) - 1
    return np.where(before >= 0, np.maximum(marks[before] + 1, starts), starts)


def _has_class_suffix(text: NDArray[np.uint8], starts: Ints, ends: Ints) -> NDArray[np.bool_]:
    """Which end in "_" and a wnid, with something before it."""
    suffix = len("_n01440764")
    long_enough = np.flatnonzero(ends - starts > suffix)
    begin = ends[long_enough] - suffix
    looks = (text[begin] == ord("_")) & (text[begin + 1] == ord("n"))
    for column in range(2, suffix):
        looks &= (text[begin + column] >= ord("0")) & (text[begin + column] <= ord("9"))
    result = np.zeros(len(starts), np.bool_)
    result[long_enough[looks]] = True
    return result


def _cut_out(text: NDArray[np.uint8], starts: Ints, ends: Ints) -> NDArray[np.bytes_]:
    """The texts as fixed-width bytes; of those beyond any file name, the first 256 bytes."""
    lengths = np.minimum(ends - starts, MOST_NAME_BYTES + 1)
    width = max(1, int(lengths.max(initial=0)))
    table = np.zeros((len(starts), width), np.uint8)
    for column in range(width):  # a column at a time: a table of indices would be 8 times as large
        rows = np.flatnonzero(lengths > column)
        table[rows, column] = text[starts[rows] + column]
    return table.view(f"S{width}").reshape(-1)


def rows_among(names: NDArray[np.bytes_], keys: NDArray[np.bytes_]) -> Ints:
    """Where each name stands among the keys.

    Args:
        names: [N].
        keys: [K], sorted; K is 1 or more.

    Returns:
        int64 [N], 0 to K - 1; -1: the name is not among the keys.
    """
    near = np.minimum(np.searchsorted(keys, names), len(keys) - 1)
    return np.where(keys[near] == names, near, -1)

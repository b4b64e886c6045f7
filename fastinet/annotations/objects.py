"""The annotated objects of a batch, where its crops put them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from fastinet.pixels.geometry import resized_sizes
from fastinet.pixels.transforms import SingleTransform
from fastinet.pixels.view_groups import Transform, groups_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastinet.annotations.item_boxes import ItemBoxes

__all__ = ["CropColumns", "Crops", "Objects", "objects_in_crops"]

Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Objects:
    """The objects that a batch's crops show, M in all, ordered by row, view and annotation.

    An object of which a crop shows nothing is left out; of the others, ``visible`` says how much is
    left: ``objects.boxes[objects.visible > 0.3]``. Mirror images of objects in the padding of a
    `fastinet.RandomCrop` do not count.

    Attributes:
        boxes: float32 [M, 4]: xmin, ymin, xmax, ymax in pixels of the row, after crop, resize and
            flip, clipped to the row: 0 to width, 0 to height.
        rows: int64 [M], the row of the batch.
        views: int64 [M], the view within the row; 0 where the loader has no views.
        labels: int64 [M], in the dataset's order of classes; -1: a class that the dataset lacks.
        visible: float32 [M], which share of the annotated box's area the crop shows, above 0 to 1.
        indices: int64 [M], the object's row in ``loader.boxes``.
    """

    boxes: NDArray[np.float32]
    rows: NDArray[np.int64]
    views: NDArray[np.int64]
    labels: NDArray[np.int64]
    visible: NDArray[np.float32]
    indices: NDArray[np.int64]

    def __len__(self) -> int:
        """M."""
        return len(self.boxes)

    def __repr__(self) -> str:
        return f"<{len(self)} objects in {len(np.unique(self.rows))} rows>"


class Crops(Protocol):
    """What is known of the crops of B rows, as a batch's columns have it."""

    @property
    def items(self) -> NDArray[np.int64]:
        """[B] item ids."""

    @property
    def boxes(self) -> NDArray[np.int32]:
        """[B, views, 4] crop boxes, (x, y, width, height) in pixels of the image."""

    @property
    def windows(self) -> NDArray[np.int32]:
        """[B, views, 4] the parts of the resized boxes that the rows are, likewise."""

    @property
    def flips(self) -> NDArray[np.bool_]:
        """[B, views] whether the row is mirrored left to right."""

    @property
    def vflips(self) -> NDArray[np.bool_]:
        """[B, views] whether it is upside down."""


class CropColumns(NamedTuple):
    """The same of some of the views."""

    items: NDArray[np.int64]
    boxes: NDArray[np.int32]
    windows: NDArray[np.int32]
    flips: NDArray[np.bool_]
    vflips: NDArray[np.bool_]


def objects_in_crops(
    item_boxes: ItemBoxes, transform: Transform, image_sizes: NDArray[np.int32], crops: Crops
) -> Objects:
    """Where the objects of items are in the rows that crops of their images became.

    Views are numbered over all groups of the transform's.

    Args:
        item_boxes: the boxes of the dataset's items.
        transform: that drew the crops, in whatever size.
        image_sizes: [B, 2], (height, width) of each image; zeros in masked rows, which show
            nothing.
        crops: that were drawn.
    """
    parts, first = [], 0
    for group in groups_of(transform):
        taken = slice(first, first + group.count)
        views = CropColumns(
            crops.items,
            crops.boxes[:, taken],
            crops.windows[:, taken],
            crops.flips[:, taken],
            crops.vflips[:, taken],
        )
        parts.append(_objects_of_group(item_boxes, group.transform, image_sizes, views))
        parts[-1].views[:] += first
        first += group.count
    return parts[0] if len(parts) == 1 else _joined(parts)


def _joined(parts: Sequence[Objects]) -> Objects:
    """The objects of several groups of views, ordered by row, view and annotation."""
    columns = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(Objects)
    }
    order = np.lexsort((columns["views"], columns["rows"]))  # stable: annotations stay in order
    return Objects(**{name: column[order] for name, column in columns.items()})


def _objects_of_group(
    item_boxes: ItemBoxes,
    transform: SingleTransform,
    image_sizes: NDArray[np.int32],
    crops: Crops,
) -> Objects:
    """The same for the views of one group, numbered from 0."""
    views = crops.boxes.shape[1]
    shows = image_sizes[:, 0] > 0
    cells, indices = _objects_of_cells(item_boxes, crops.items, shows, views)
    rows = cells // views
    crop = crops.boxes.reshape(-1, 4)[cells].astype(np.float64)
    window = crops.windows.reshape(-1, 4)[cells].astype(np.float64)
    image = image_sizes[rows, ::-1].astype(np.float64)  # width, height
    sides = window[:, 2:]  # of the row: width, height
    resized = resized_sizes(transform, image, sides)
    corners = item_boxes.boxes[indices].astype(np.float64).reshape(-1, 2, 2)
    in_image = corners * image[:, np.newaxis]
    scale = resized / crop[:, 2:]
    moved = (in_image - crop[:, np.newaxis, :2]) * scale[:, np.newaxis]
    placed = moved - window[:, np.newaxis, :2]
    for axis, mirrored in enumerate((crops.flips, crops.vflips)):
        turned = mirrored.reshape(-1)[cells]
        placed[turned, :, axis] = sides[turned, np.newaxis, axis] - placed[turned, ::-1, axis]
    shown = np.clip(placed, 0.0, sides[:, np.newaxis])

    visible = _areas(shown) / _areas(placed)
    boxes = shown.reshape(-1, 4).astype(np.float32)
    kept = (boxes[:, :2] < boxes[:, 2:]).all(axis=1)
    return Objects(
        boxes=boxes[kept],
        rows=rows[kept],
        views=(cells % views)[kept],
        labels=item_boxes.labels[indices[kept]],
        visible=np.minimum(visible[kept], 1).astype(np.float32),
        indices=indices[kept],
    )


def _objects_of_cells(
    item_boxes: ItemBoxes, items: NDArray[np.int64], shows: NDArray[np.bool_], views: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The objects that each view of each row may show: [M] ``row * views + view``, [M] the object.

    Rows that do not show their item have none.
    """
    counts = np.where(shows, np.diff(item_boxes.starts)[items], 0)
    cell_counts = np.repeat(counts, views)
    cells = np.repeat(np.arange(len(cell_counts)), cell_counts)
    ends = np.cumsum(cell_counts)
    firsts = np.repeat(item_boxes.starts[:-1][items], views)
    return cells, firsts[cells] + np.arange(len(cells)) - (ends - cell_counts)[cells]


def _areas(corners: Doubles) -> Doubles:
    """Areas [M] of boxes [M, 2, 2]: the corners (xmin, ymin) and (xmax, ymax)."""
    area: Doubles = np.prod(corners[:, 1] - corners[:, 0], axis=1)
    return area

"""What is known of a loader's items besides their labels: boxes and label maps, if they fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastinet.annotations.bounding_boxes import Boxes
from fastinet.annotations.item_boxes import ItemBoxes
from fastinet.annotations.relabel import ItemLabelMaps, LabelMaps
from fastinet.pixels.view_groups import needs_boxes

if TYPE_CHECKING:
    from fastinet.items.dataset import Dataset
    from fastinet.loading.options import LoaderOptions

__all__ = ["item_boxes_of", "label_maps_of"]


def item_boxes_of(
    boxes: Boxes | ItemBoxes | None, dataset: Dataset, options: LoaderOptions
) -> ItemBoxes | None:
    """The boxes of the dataset's items, if these are its own and the transform can use them.

    Raises:
        TypeError: these are no boxes.
        ValueError: the transform needs some and there are none, they are of other items, or images
            would be turned and boxes not.
    """
    if boxes is None:
        if needs_boxes(options.transform):
            raise ValueError(
                f"{options.transform!r} asks for min_object_covered, so the loader needs boxes="
            )
        return None
    if options.render.exif_orientation:
        raise ValueError(
            "boxes are of images as they are stored: exif_orientation=True would turn the"
            " images, but not the boxes"
        )
    if isinstance(boxes, Boxes):
        return boxes.of(dataset)
    if not isinstance(boxes, ItemBoxes):
        raise TypeError(
            f"boxes must come from fastinet.read_boxes, or be an ItemBoxes, not {boxes!r}"
        )
    if len(boxes) != len(dataset):
        raise ValueError(f"boxes of {len(boxes)} items, the dataset has {len(dataset)}")
    return boxes


def label_maps_of(
    soft_labels: LabelMaps | ItemLabelMaps | None, dataset: Dataset, options: LoaderOptions
) -> ItemLabelMaps | None:
    """The label maps of the dataset's items, if these are its own.

    Raises:
        TypeError: these are no label maps.
        ValueError: they are of another dataset, or images would be turned and maps not.
    """
    if soft_labels is not None and options.render.exif_orientation:
        raise ValueError(
            "label maps are of images as they are stored: exif_orientation=True would turn the"
            " images, but not the maps"
        )
    if isinstance(soft_labels, LabelMaps):
        return soft_labels.of(dataset)
    if not isinstance(soft_labels, ItemLabelMaps | None):
        raise TypeError(
            f"soft_labels must come from open_label_maps, or from their of(), not be"
            f" {soft_labels!r}"
        )
    if soft_labels is not None and soft_labels.dataset is not dataset:
        raise ValueError("soft_labels are of another dataset: use of() with this one")
    return soft_labels

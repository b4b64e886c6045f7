"""Boxes and label maps that fit a loader's items, and those that do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastinet
from fastinet import ItemBoxes, Loader, RandomResizedCrop, Resize
from fastinet.loading.annotated import item_boxes_of, label_maps_of


def options_of(dataset: fastinet.Dataset, **options: Any) -> Any:
    return Loader(dataset, 4, Resize(8), **options).options


def test_what_fits_is_taken(dataset: fastinet.Dataset, label_maps: fastinet.LabelMaps) -> None:
    options = options_of(dataset)
    boxes = ItemBoxes(np.arange(44), np.tile(np.float32([0, 0, 1, 1]), (43, 1)), dataset.labels)
    assert item_boxes_of(boxes, dataset, options) is boxes
    assert item_boxes_of(None, dataset, options) is None
    maps = label_maps_of(label_maps, dataset, options)
    assert maps is not None
    assert maps.dataset is dataset
    assert label_maps_of(maps, dataset, options) is maps
    assert label_maps_of(None, dataset, options) is None


def test_what_does_not_fit_is_refused(
    dataset: fastinet.Dataset, label_maps: fastinet.LabelMaps
) -> None:
    few = dataset.select(range(3))
    boxes = ItemBoxes(np.arange(44), np.tile(np.float32([0, 0, 1, 1]), (43, 1)), dataset.labels)
    with pytest.raises(ValueError, match="boxes of 43 items, the dataset has 3"):
        item_boxes_of(boxes, few, options_of(few))
    with pytest.raises(ValueError, match="soft_labels are of another dataset"):
        label_maps_of(label_maps.of(dataset), few, options_of(few))
    wrong: Any = "boxes.tar"
    with pytest.raises(TypeError, match=r"must come from fastinet\.read_boxes"):
        item_boxes_of(wrong, dataset, options_of(dataset))
    with pytest.raises(TypeError, match="must come from open_label_maps"):
        label_maps_of(wrong, dataset, options_of(dataset))
    turned = options_of(dataset, exif_orientation=True)
    with pytest.raises(ValueError, match="turn the images, but not the boxes"):
        item_boxes_of(boxes, dataset, turned)
    with pytest.raises(ValueError, match="turn the images, but not the maps"):
        label_maps_of(label_maps, dataset, turned)
    with pytest.raises(ValueError, match="so the loader needs boxes="):
        Loader(dataset, 4, RandomResizedCrop(8, min_object_covered=0.5))

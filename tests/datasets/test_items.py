"""What annotations need of a dataset is the interface `Items`; and a padding row is no item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

import fastinet
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.items import PADDING_ITEM
from fastinet.errors import FastinetWarning
from fastinet.testing.bounding_boxes import annotation_xml, write_boxes
from fastinet.testing.label_maps import label_map_files, write_label_maps

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fastinet.datasets.classes import ClassInfo
    from fastinet.datasets.items import Items
    from fastinet.datasets.keys import Keys


@dataclass
class OnlyItems:
    """What `Items` says, and nothing else that a dataset has."""

    path: str
    keys: Keys
    labels: np.ndarray
    classes: Sequence[ClassInfo]

    def __len__(self) -> int:
        return len(self.keys)


def of(dataset: fastinet.Dataset) -> Items:
    return OnlyItems(dataset.path, dataset.keys, dataset.labels, dataset.classes)


def test_boxes_need_no_more_of_a_dataset(dataset: fastinet.Dataset, tmp_path: Path) -> None:
    wnids = [info.wnid for info in dataset.classes]
    files = {
        f"{key.removesuffix('.JPEG')}.xml": annotation_xml((99, 50), [(wnids[label], 1, 2, 30, 40)])
        for key, label in zip(dataset.keys, dataset.labels.tolist(), strict=True)
    }
    boxes = fastinet.read_boxes(write_boxes(tmp_path / "boxes.tar.gz", files), index=False)
    ours, datasets = boxes.of(of(dataset)), boxes.of(dataset)
    assert ours.labels is not None
    assert ours.labels.tolist() == dataset.labels.tolist()
    for name in ("starts", "boxes", "labels"):
        assert np.array_equal(getattr(ours, name), getattr(datasets, name)), name


def test_label_maps_need_no_more_of_a_dataset(dataset: fastinet.Dataset, tmp_path: Path) -> None:
    files = label_map_files(dataset.keys[:20])
    maps = fastinet.open_label_maps(write_label_maps(tmp_path / "maps.tar", files), index=False)
    with pytest.warns(FastinetWarning, match="23 of 43 items have no label map"):
        ours = maps.of(of(dataset), missing="label")
    with pytest.warns(FastinetWarning, match="23 of 43 items have no label map"):
        datasets = maps.of(dataset, missing="label")
    for name in ("offsets", "sizes", "labels"):
        assert np.array_equal(getattr(ours, name), getattr(datasets, name)), name
    wnids = imagenet1k_wnids()
    named = [wnids[label] for label in ours.labels[20:].tolist()]
    assert named == [dataset.classes[label].wnid for label in dataset.labels[20:].tolist()]


def test_a_padding_row_has_that_item_and_that_label(dataset: fastinet.Dataset) -> None:
    loader = fastinet.Loader(dataset, 10, fastinet.Resize(8), pad_last="mask")
    *_, last = loader
    padded = 10 - len(dataset) % 10
    assert last.indices[-padded:].tolist() == [PADDING_ITEM] * padded
    assert last.labels[-padded:].tolist() == [PADDING_ITEM] * padded
    assert PADDING_ITEM not in last.indices[:-padded]
    assert last.keys[-padded:] == [""] * padded

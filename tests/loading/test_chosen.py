"""Batches of chosen items have the rows that an epoch has."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import fastinet
from fastinet import Loader, RandomResizedCrop
from fastinet._native import _plan
from fastinet.loading.chosen import ChosenItems

CROP = RandomResizedCrop(16)
SEED = 11


def chosen(dataset: fastinet.Dataset, crop: RandomResizedCrop = CROP) -> ChosenItems:
    return ChosenItems(Loader(dataset, 3, crop, seed=SEED, threads=2))


@pytest.mark.parametrize("crop", [CROP, RandomResizedCrop(16, views=2)])
def test_rows_of_an_epoch(dataset: fastinet.Dataset, crop: RandomResizedCrop) -> None:
    items = chosen(dataset, crop)
    for epoch in (0, 4):
        loader = Loader(dataset, 43, crop, seed=SEED, threads=1)
        whole = next(iter(loader.epoch(epoch)))
        for wanted in ([5], [40, 2, 2, 17], range(43), np.array([[1, 2], [3, 4]], np.uint8)):
            batch = items.take(wanted, epoch)
            rows = np.asarray(wanted).reshape(-1)
            assert np.array_equal(batch.indices, rows)
            for name in ("images", "labels", "boxes", "flips"):
                assert np.array_equal(getattr(batch, name), getattr(whole, name)[rows])


def test_boxes_of_the_plan(dataset: fastinet.Dataset) -> None:
    items = np.array([7, 30, 2])
    headers = [fastinet.read_header(dataset.read(item)) for item in items]
    sizes = np.array([(header.width, header.height) for header in headers], np.int32)
    boxes, flips = _plan.draw_crops(CROP.native(), sizes, items, seed=SEED, epoch=2)
    batch = chosen(dataset).take(items, epoch=2)
    assert np.array_equal(batch.boxes, boxes)
    assert np.array_equal(batch.flips, flips)


def test_soft_labels_of_the_crops(
    dataset: fastinet.Dataset, label_maps: fastinet.LabelMaps
) -> None:
    loader = Loader(dataset, 43, CROP, seed=SEED, threads=1, soft_labels=label_maps)
    whole = next(loader.epoch(2)).soft_labels
    chosen = ChosenItems(loader).take([4, 0, 42], epoch=2).soft_labels
    assert whole is not None
    assert chosen is not None
    assert np.array_equal(chosen, whole[[4, 0, 42]])


def test_sizes_of_the_epoch(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 3, CROP, threads=1, sizes={1: 8, 2: 24})
    items = ChosenItems(loader)
    assert [items.take([1, 2], epoch).images.shape[1] for epoch in range(3)] == [16, 8, 24]


def test_the_loader_stays_where_it_is(dataset: fastinet.Dataset) -> None:
    loader, other = (Loader(dataset, 9, CROP, shuffle=True, threads=2) for _ in range(2))
    items = ChosenItems(loader)
    for batch, expected in zip(loader, other, strict=True):
        kept = items.take([1, 2, 3], epoch=9)
        before = kept.images.copy()
        items.take([4, 5, 6], epoch=9)
        assert np.array_equal(kept.images, before)
        assert np.array_equal(batch.images, expected.images)
        assert loader.state_dict() == other.state_dict()


def test_it_pickles(dataset: fastinet.Dataset) -> None:
    items = chosen(dataset)
    before = items.take([3, 9]).images
    copy = pickle.loads(pickle.dumps(items))  # noqa: S301
    assert np.array_equal(copy.take([3, 9]).images, before)


@pytest.mark.parametrize("items", [[43], [-1], [0, 99]])
def test_items_that_there_are_not(dataset: fastinet.Dataset, items: list[int]) -> None:
    with pytest.raises(IndexError, match="items must be 0 to 42"):
        chosen(dataset).take(items)


@pytest.mark.parametrize("items", [[True, False, True], [1.5], ["3"]])
def test_what_names_no_items(dataset: fastinet.Dataset, items: Any) -> None:
    with pytest.raises(TypeError, match="items must be whole numbers"):
        chosen(dataset).take(items)


def test_nothing(dataset: fastinet.Dataset) -> None:
    with pytest.raises(ValueError, match="at least one item"):
        chosen(dataset).take([])

"""Several crops of one item: independent, reproducible, and each what it would be alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastinet
from fastinet import Loader, RandomResizedCrop
from fastinet.testing import reference


def test_shapes_and_types(dataset: fastinet.Dataset) -> None:
    batch = next(iter(Loader(dataset, 6, RandomResizedCrop((10, 14), views=3), threads=2)))
    assert batch.images.shape == (6, 3, 10, 14, 3)
    assert batch.boxes.shape == (6, 3, 4)
    assert batch.flips.shape == (6, 3)
    assert batch.labels.shape == batch.valid.shape == batch.indices.shape == (6,)
    planar = next(iter(Loader(dataset, 6, RandomResizedCrop(10), views=2, layout="NCHW")))
    assert planar.images.shape == (6, 2, 3, 10, 10)


def test_one_view_is_not_no_views(dataset: fastinet.Dataset) -> None:
    one = next(iter(Loader(dataset, 5, RandomResizedCrop(9), views=1)))
    none = next(iter(Loader(dataset, 5, RandomResizedCrop(9))))
    assert one.images.shape == (5, 1, 9, 9, 3)
    assert none.images.shape == (5, 9, 9, 3)
    np.testing.assert_array_equal(one.images[:, 0], none.images)
    np.testing.assert_array_equal(one.boxes[:, 0], none.boxes)


@pytest.mark.parametrize("dtype", ["uint8", "float16"])
def test_each_view_is_what_it_would_be_alone(dataset: fastinet.Dataset, dtype: Any) -> None:
    """View 0 is the crop without views; all are decode's pixels of their boxes."""
    transform = RandomResizedCrop(16, interpolation="bicubic")
    several = Loader(dataset, 7, transform, views=4, seed=3, shuffle=True, dtype=dtype)
    single = Loader(dataset, 7, transform, seed=3, shuffle=True, dtype=dtype)
    for batch, first in zip(several.epoch(2), list(single.epoch(2)), strict=True):
        np.testing.assert_array_equal(batch.images[:, 0], first.images)
        np.testing.assert_array_equal(batch.boxes[:, 0], first.boxes)
        np.testing.assert_array_equal(batch.flips[:, 0], first.flips)
        for row, item in enumerate(batch.indices.tolist()):
            data = dataset.read(item)
            for view in range(4):
                alone = fastinet.decode(
                    data,
                    batch.boxes[row, view].tolist(),
                    16,
                    bool(batch.flips[row, view]),
                    interpolation="bicubic",
                    dtype=dtype,
                )
                np.testing.assert_array_equal(batch.images[row, view], alone)


def test_views_are_the_references(dataset: fastinet.Dataset) -> None:
    (batch,) = Loader(dataset, 43, RandomResizedCrop(8), views=5, seed=2**50)
    for row, item in enumerate(batch.indices.tolist()):
        size = reference.open_image(dataset.read(item)).size
        for view in range(5):
            box, flip = reference.random_resized_crop(size, 2**50, 0, item, view=view)
            assert batch.boxes[row, view].tolist() == list(box)
            assert batch.flips[row, view] == flip


def test_views_do_not_depend_on_threads_batches_or_how_many_there_are(
    dataset: fastinet.Dataset,
) -> None:
    def views(number: int, threads: int, batch_size: int) -> np.ndarray:
        loader = Loader(
            dataset, batch_size, RandomResizedCrop(8), views=number, threads=threads, shuffle=True
        )
        return np.concatenate([batch.images.copy() for batch in loader.epoch(4)])

    many = views(6, threads=3, batch_size=5)
    np.testing.assert_array_equal(many, views(6, threads=1, batch_size=43))
    np.testing.assert_array_equal(many[:, :2], views(2, threads=2, batch_size=9))


def test_views_are_independent(dataset: fastinet.Dataset) -> None:
    """No two share their bits: places and flips of pairs of views are uncorrelated."""
    repeated = dataset.select(np.zeros(1, np.int64))
    size = reference.open_image(repeated.read(0)).size
    loader = Loader(repeated, 1, RandomResizedCrop(4), views=4)
    draws = 600
    areas, flips = np.empty((draws, 4)), np.empty((draws, 4), bool)
    for epoch in range(draws):
        (batch,) = loader.epoch(epoch)
        areas[epoch] = batch.boxes[0, :, 2] * batch.boxes[0, :, 3] / (size[0] * size[1])
        flips[epoch] = batch.flips[0]
    for values in (areas, flips):
        correlations = np.corrcoef(values, rowvar=False)[np.triu_indices(4, 1)]
        # Of independent columns: normal with a deviation of 1 / sqrt(draws); five of them.
        assert np.abs(correlations).max() < 5 / np.sqrt(draws)


@pytest.mark.parametrize("views", [0, -1, 1025, 1.5, "2"])
def test_views_that_make_no_sense(dataset: fastinet.Dataset, views: Any) -> None:
    with pytest.raises(ValueError, match=f"views must be .* not {views!r}"):
        RandomResizedCrop(8, views=views)
    with pytest.raises(ValueError, match=f"views must be .* not {views!r}"):
        Loader(dataset, 4, RandomResizedCrop(8), views=views)


def test_views_of_what_draws_nothing(dataset: fastinet.Dataset) -> None:
    with pytest.raises(ValueError, match=r"views=2 of CenterCrop.* would all be the same"):
        Loader(dataset, 4, fastinet.CenterCrop(8), views=2)
    with pytest.raises(ValueError, match="views=2, but the transform has views=3"):
        Loader(dataset, 4, RandomResizedCrop(8, views=3), views=2)


def test_a_masked_row_masks_all_views(dataset: fastinet.Dataset) -> None:
    loader = Loader(
        dataset, 43, RandomResizedCrop(8), views=2, on_error="mask", max_pixels=5000, threads=2
    )
    with pytest.warns(fastinet.errors.FastinetWarning, match="gave no row"):
        (batch,) = loader
    assert 0 < batch.valid.sum() < 43
    for values in (batch.images, batch.boxes, batch.flips):
        assert not values[~batch.valid].any()

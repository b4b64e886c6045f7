"""Epochs that items count for themselves, where nobody says which it is."""

from __future__ import annotations

import itertools
import pickle
import threading
from typing import Any

import numpy as np
import pytest

import fastinet
from fastinet import CenterCrop, Loader, RandomResizedCrop
from fastinet.errors import FastinetWarning

torch = pytest.importorskip("torch")

from torch.utils.data import (  # noqa: E402 - only where torch is
    ConcatDataset,
    DataLoader,
    Subset,
    random_split,
)

from fastinet.torch import CopySampler, ImageDataset  # noqa: E402
from fastinet.torch import datasets as torch_datasets  # noqa: E402
from fastinet.torch.item_turns import ItemTurns  # noqa: E402

CROP = RandomResizedCrop(16)


def rows_of(dataset: fastinet.Dataset, epoch: int, **options: Any) -> list[bytes]:
    """All items' rows in an epoch, in order."""
    (batch,) = Loader(dataset, 43, CROP, seed=5, layout="NCHW", **options).epoch(epoch)
    return [image.tobytes() for image in batch.images]


def had(batches: Any) -> list[bytes]:
    return [image.numpy().tobytes() for images, _ in batches for image in images]


def test_each_time_is_counted_once_in_all_threads() -> None:
    turns = ItemTurns(5)
    assert turns.take(np.array([3, 1])).tolist() == [0, 0]
    assert turns.take(np.array([1, 4])).tolist() == [1, 0]
    seen: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: seen.extend(int(turns.take(np.array([2]))[0]) for _ in range(200))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(800))
    for item in (-1, 5):
        with pytest.raises(IndexError, match="there is no item"):
            turns.take(np.array([0, item]))
    assert turns.take(np.array([0])).tolist() == [0], "a call that fails counts nothing"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_workers": 2, "multiprocessing_context": "fork"},
        {"num_workers": 2, "multiprocessing_context": "fork", "persistent_workers": True},
    ],
    ids=["alone", "fork", "persistent"],
)
def test_epochs_go_on_by_themselves(dataset: fastinet.Dataset, options: dict[str, Any]) -> None:
    images = ImageDataset(dataset, CROP, seed=5)
    batches: Any = DataLoader(images, batch_size=9, **options)
    for epoch in range(2 if "num_workers" in options else 3):
        assert had(batches) == rows_of(dataset, epoch)
    assert images.epoch is None


def test_parts_and_wholes_go_on(dataset: fastinet.Dataset) -> None:
    """Loops over parts of a dataset, side by side, and over more than it."""
    expected = [rows_of(dataset, epoch) for epoch in range(3)]
    images = ImageDataset(dataset, CROP, seed=5)
    parts = [*random_split(images, [30, 13]), Subset(images, [2, 40])]
    for epoch in range(2):
        train, val = (DataLoader(part, batch_size=7) for part in parts[:2])
        assert had(train) == [expected[epoch][i] for i in parts[0].indices]
        assert had(val) == [expected[epoch][i] for i in parts[1].indices]
    assert had(DataLoader(parts[2], batch_size=2)) == [expected[2][2], expected[2][40]]
    both = ConcatDataset([ImageDataset(dataset, CROP, seed=5), ImageDataset(dataset, CROP, seed=5)])
    for epoch in range(2):
        assert had(DataLoader(both, batch_size=43)) == expected[epoch] * 2


def test_a_batch_may_hold_items_of_several_epochs(dataset: fastinet.Dataset) -> None:
    zero, one = (rows_of(dataset, epoch) for epoch in range(2))
    images = ImageDataset(dataset, CROP, seed=5)
    images[7]
    images[3]
    rows = [image.numpy().tobytes() for image, _ in images.__getitems__([2, 7, 5, 3, 9])]
    assert rows == [zero[2], one[7], zero[5], one[3], zero[9]]
    labels = [label for _, label in images.__getitems__([2, 7, 42])]
    assert labels == dataset.labels[[2, 7, 42]].tolist()


def test_who_names_an_epoch_decides(dataset: fastinet.Dataset) -> None:
    images = ImageDataset(dataset, CROP, seed=5)
    images[3]
    images.set_epoch(6)
    for _ in range(2):
        assert had(DataLoader(images, batch_size=43)) == rows_of(dataset, 6)
    assert images.epoch == pickle.loads(pickle.dumps(images)).epoch == 6  # noqa: S301  # its own


def test_nothing_is_counted_where_nothing_is_drawn(dataset: fastinet.Dataset) -> None:
    images = ImageDataset(dataset, CenterCrop(8))
    assert torch.equal(images[4][0], images[4][0])
    assert images._turns is None


def test_ranks_do_not_repeat_each_others_crops(
    dataset: fastinet.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An item that comes to another rank is new there; each rank draws in its own way."""
    seen = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", "3")
        images = ImageDataset(dataset, CROP, seed=5)
        seen += [images[8][0].numpy().tobytes() for _ in range(2)]
        copy = pickle.dumps(ImageDataset(dataset, CROP, seed=5))
        monkeypatch.delenv("RANK")
        monkeypatch.delenv("WORLD_SIZE")
        worker = pickle.loads(copy)  # noqa: S301  # its own
        assert worker[8][0].numpy().tobytes() == seen[-2], "it has the rank of who started it"
    assert len(set(seen)) == 6
    assert seen[:2] == [rows_of(dataset, epoch)[8] for epoch in range(2)]


def test_ranks_cannot_count_sizes(
    dataset: fastinet.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = ImageDataset(dataset, CROP, sizes={1: 24})
    assert [images[0][0].shape[1] for _ in range(2)] == [16, 24]
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    images = ImageDataset(dataset, CROP, sizes={1: 24})
    with pytest.raises(ValueError, match="which 2 ranks cannot count alike: call set_epoch"):
        images[0]
    images.set_epoch(1)
    assert images[0][0].shape[1] == 24


def test_copies_come_with_their_epoch(dataset: fastinet.Dataset) -> None:
    images = ImageDataset(dataset, CROP, seed=5)
    sampler = CopySampler([4, 9, 4])
    expected = [rows_of(dataset, epoch, views=2)[4] for epoch in range(4)]
    batches = DataLoader(images, batch_size=1, sampler=sampler)
    for epoch in (0, 1):
        assert [b"".join(had(batches)[::2])] == expected[epoch : epoch + 1]
    sampler.set_epoch(3)
    for _ in range(2):
        assert b"".join(had(batches)[::2]) == expected[3]
    assert len(list(itertools.islice(sampler, 2))) == 2


def test_pairs_of_somebody_elses_are_told_of(
    dataset: fastinet.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch_datasets._warn_of_pairs.cache_clear()
    images = ImageDataset(dataset, CROP, seed=5)
    pairs = [(4, 0), (9, 0), (4, 1)]
    with pytest.warns(FastinetWarning, match="nobody says which epoch it is") as told:
        assert all([images.__getitems__(pairs), images.__getitems__(pairs)])
    assert len(told) == 1
    monkeypatch.setattr(torch_datasets, "_warn_of_pairs", lambda: pytest.fail("told of"))
    images.set_epoch(1)
    assert images.__getitems__(pairs)

"""Samplers: a program that was written for PyTorch says which epoch begins, and looks at it."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import pytest

import fastinet
from fastinet import Loader, Resize
from fastinet.loading.chosen import ChosenItems

SMALL = Resize(8)


def loader_of(dataset: fastinet.Dataset, **options: Any) -> Loader:
    return Loader(dataset, 10, SMALL, **{"shuffle": True, "seed": 3, **options})


def items(loader: Any) -> list[list[int]]:
    return [batch.indices.tolist() for batch in loader]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"shuffle": False},
        {"shuffle": "blocked", "window": 2**20, "block": 2**12},
        {"rank": 1, "world": 3},
        {"rank": 2, "world": 3, "drop_last": True},
        {"rank": 1, "world": 2, "pad_last": "wrap"},
        {"rank": 2, "world": 3, "pad_last": "mask"},
    ],
    ids=str,
)
def test_it_tells_the_next_loop(dataset: fastinet.Dataset, options: dict[str, Any]) -> None:
    """Which items, in which batches; looking at them begins nothing."""
    loader = loader_of(dataset, **options)
    sampler, batch_sampler = loader.sampler, loader.batch_sampler
    assert sampler == loader.sampler == batch_sampler.sampler
    for epoch in (0, 1):
        assert sampler.epoch == epoch
        foretold, in_batches = list(sampler), list(batch_sampler)
        assert len(foretold) == len(sampler)
        assert len(in_batches) == len(batch_sampler) == len(loader)
        shown = [[item for item in batch if item >= 0] for batch in items(loader)]
        assert in_batches == shown
        assert foretold == list(itertools.chain(*shown))
    assert (sampler.rank, sampler.num_replicas) == (loader.rank, loader.world)
    assert (sampler.seed, sampler.shuffle) == (3, loader.shuffle is not False)
    assert sampler.dataset is sampler.data_source is dataset
    assert batch_sampler.batch_size == 10
    assert batch_sampler.drop_last == sampler.drop_last == loader.drop_last


def test_an_epoch_can_be_chosen(dataset: fastinet.Dataset) -> None:
    expected = {epoch: items(loader_of(dataset).epoch(epoch)) for epoch in range(6)}
    loader = loader_of(dataset)
    for setter in (loader, loader.sampler, loader.batch_sampler, loader.batch_sampler.sampler):
        setter.set_epoch(4)
        assert loader.state_dict()["epoch"] == loader.sampler.epoch == 4
        assert items(loader) == expected[4]
        assert items(loader) == expected[5]
    for epoch in (2, 2, 0):
        loader.set_epoch(epoch)
        assert items(loader) == expected[epoch]
    loader.set_epoch(3)
    for _ in loader:
        break
    loader.set_epoch(3)
    assert items(loader) == expected[3], "from its start, though it was left before"
    for wrong in (-1, 2**32):
        with pytest.raises(ValueError, match="epoch"):
            loader.set_epoch(wrong)


def test_a_loaded_state_stays_where_its_own_epoch_is_chosen(dataset: fastinet.Dataset) -> None:
    """Trainers load a state, then say which epoch it is that they go on with."""
    whole = items(loader_of(dataset).epoch(3))
    before = loader_of(dataset)
    begun = before.epoch(3)
    next(begun)
    next(begun)
    for chosen, expected in ((3, whole[2:]), (4, items(loader_of(dataset).epoch(4)))):
        loader = loader_of(dataset)
        loader.load_state_dict(before.state_dict())
        for _ in range(2):
            iter(loader)  # a look, and dropped
            loader.set_epoch(chosen)
        assert loader.state_dict()["position"] == (20 if chosen == 3 else 0)
        assert items(loader) == expected
    loader = loader_of(dataset)
    loader.load_state_dict(before.state_dict())
    unused = iter(loader)
    loader.set_epoch(3)
    assert items(unused) == whole[2:]


def test_an_iterator_that_nobody_asked_yet_follows(dataset: fastinet.Dataset) -> None:
    """Some trainers make the iterator, then say which epoch it is."""
    expected = {epoch: items(loader_of(dataset).epoch(epoch)) for epoch in range(7)}
    loader = loader_of(dataset)
    unused = iter(loader)
    loader.set_epoch(5)
    assert len(unused) == 5
    assert items(unused) == expected[5]
    assert loader.state_dict()["epoch"] == 6
    assert items(loader) == expected[6]
    unused = iter(loader)
    loader.set_epoch(2)
    assert items(loader) == expected[2], "whether or not somebody still holds the first"
    assert items(unused) == expected[2]
    fixed = loader.epoch(1)
    loader.set_epoch(4)
    assert items(fixed) == expected[1], "who names an epoch gets that one"
    assert items(loader) == expected[4]


def test_a_loop_that_runs_goes_on(dataset: fastinet.Dataset) -> None:
    expected = {epoch: items(loader_of(dataset).epoch(epoch)) for epoch in range(7)}
    loader = loader_of(dataset)
    running = iter(loader)
    seen = [next(running).indices.tolist()]
    loader.set_epoch(6)
    assert (loader.state_dict()["epoch"], loader.state_dict()["position"]) == (0, 10)
    assert [*seen, *items(running)] == expected[0]
    assert loader.state_dict()["epoch"] == 6
    copy = pickle.loads(pickle.dumps(loader))  # noqa: S301  # its own
    assert items(copy) == items(loader) == expected[6]


def test_rows_are_those_of_the_epoch(dataset: fastinet.Dataset) -> None:
    crop = fastinet.RandomResizedCrop(8)
    loader = Loader(dataset, 43, crop, seed=1)
    loader.sampler.set_epoch(9)
    (batch,) = loader
    wanted = ChosenItems(loader).take(batch.indices, 9)
    assert batch.images.tobytes() == wanted.images.tobytes()

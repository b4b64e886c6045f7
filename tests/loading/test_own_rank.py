"""A rank that is found when it is needed: loaders that are older than their process group."""

from __future__ import annotations

import pickle
import sys
import types

import pytest

import fastinet
from fastinet import Loader, RandomResizedCrop
from fastinet.distributed import NotYetKnownError
from fastinet.errors import FastinetWarning
from fastinet.loading.own_rank import OwnRank

CROP = RandomResizedCrop(4)


class Group:
    """Answers as torch.distributed does, before and after a process group is made."""

    def __init__(self) -> None:
        self.ranks: tuple[int, int] | None = None

    def module(self) -> types.SimpleNamespace:
        return types.SimpleNamespace(
            is_available=lambda: True,
            is_initialized=lambda: self.ranks is not None,
            get_rank=lambda: self.ranks[0],  # type: ignore[index]
            get_world_size=lambda: self.ranks[1],  # type: ignore[index]
        )


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> Group:
    """A process without launcher and framework, whose process group the test makes."""
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "NODE_RANK"):
        monkeypatch.delenv(name, raising=False)
    made = Group()
    monkeypatch.setitem(sys.modules, "torch.distributed", made.module())
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    monkeypatch.setattr("fastinet.distributed._said", set())
    return made


def test_given_numbers_stay(group: Group) -> None:
    own = OwnRank(1, 4)
    group.ranks = 0, 2
    assert own.now() == (1, 4)
    with pytest.raises(ValueError, match="rank must be 0 to 1, not 2"):
        OwnRank(2, 2)


def test_found_when_it_is_asked(group: Group) -> None:
    own = OwnRank("auto", "auto")
    assert own.now() == (0, 1)
    group.ranks = 1, 2
    assert own.now() == (1, 2)
    copied = pickle.dumps(own)
    group.ranks = None  # as in a process that another one has sent the loader to
    assert pickle.loads(copied).now() == own.now() == (1, 2)  # noqa: S301


def test_loader_that_is_older_than_the_group(dataset: fastinet.Dataset, group: Group) -> None:
    """Trainers make the group when they begin: then each rank has its own items, and no others."""
    options = {"shuffle": True, "seed": 3}
    loaders = [Loader(dataset, 4, CROP, rank="auto", world="auto", **options) for _ in range(2)]
    whole = [int(item) for batch in loaders[0] for item in batch.indices]
    assert len(loaders[0]) == 11
    for rank, loader in enumerate(loaders):
        group.ranks = rank, 2
        assert len(loader) == 6
        epoch = loader.epoch(0)
        assert (loader.rank, loader.world, len(epoch)) == (rank, 2, 6)
        items = [int(item) for batch in epoch for item in batch.indices]
        assert items == whole[rank::2]
        assert loader.state_dict()["epoch"] == 1


def test_slots_follow_the_ranks(dataset: fastinet.Dataset, group: Group) -> None:
    """Memory is of batches as a rank of four has them; alone, they are larger."""
    group.ranks = 0, 4
    loader = Loader(dataset, 43, CROP, rank="auto", world="auto")
    assert [len(batch) for batch in loader] == [11]
    group.ranks = 0, 1
    assert [len(batch) for batch in loader] == [43]


def test_too_few_items_are_warned_of_when_the_ranks_are_known(
    dataset: fastinet.Dataset, group: Group
) -> None:
    loader = Loader(dataset, 43, CROP, drop_last=True, rank="auto", world="auto")
    group.ranks = 0, 2
    with pytest.warns(FastinetWarning, match="fewer items than the 86 that 2 ranks"):
        assert len(loader) == 0


def test_untold_loader_is_warned_of_in_the_group(dataset: fastinet.Dataset, group: Group) -> None:
    loader = Loader(dataset, 43, CROP)
    told = Loader(dataset, 43, CROP, world=1)
    list(loader)
    group.ranks = 1, 2
    list(told)
    with pytest.warns(FastinetWarning, match=r"torch.distributed says 2 ranks"):
        list(loader)


def test_what_lightning_says_before_its_group(
    dataset: fastinet.Dataset, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It starts processes with a number within their node, and the node's, and without RANK."""
    for name, value in {"WORLD_SIZE": "4", "NODE_RANK": "0", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    assert Loader(dataset, 4, CROP, rank="auto", world="auto").rank == 1
    monkeypatch.setenv("NODE_RANK", "1")
    loader = Loader(dataset, 4, CROP, drop_last=True, rank="auto", world="auto")
    for use in (lambda: len(loader), lambda: iter(loader), lambda: loader.rank):
        with pytest.raises(NotYetKnownError, match="known once its trainer has begun to fit"):
            use()
    group.ranks = 3, 4
    assert (loader.rank, len(loader)) == (3, 2)

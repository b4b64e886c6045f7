"""Positions: where an epoch stands while it runs, when it is over, and in a copy of its loader."""

from __future__ import annotations

import pickle

import fastinet
from fastinet import Loader, Resize
from fastinet.loading.position import EpochPosition, PassTracker


def position_of(loader: Loader) -> tuple[int, int]:
    state = loader.state_dict()
    return state["epoch"], state["position"]


def test_a_position_is_where_the_next_loop_begins() -> None:
    position = EpochPosition(3, 20)
    assert position.reached == position.next_start == (3, 20)
    assert position.next_epoch == (4, 0)
    assert EpochPosition() == (0, 0)


def test_a_loader_follows_its_epoch(dataset: fastinet.Dataset) -> None:
    """43 items in steps of two ranks with 10 rows each: 20, 40, all of them, and the next epoch."""
    loader = Loader(dataset, 10, Resize(8), world=2)
    assert position_of(loader) == (0, 0)
    assert [position_of(loader) for _ in loader] == [(0, 20), (0, 40), (0, 43)]
    assert position_of(loader) == (1, 0)
    later = loader.epoch(7, start_batch=1)
    assert position_of(loader) == (7, 20)
    next(later)
    assert position_of(loader) == (7, 40)
    later.close()  # which is not its end
    assert position_of(loader) == (7, 40)
    iter(loader).close()
    assert position_of(loader) == (8, 0)


def test_a_copy_stands_where_its_loader_stood(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 10, Resize(8))
    epoch = iter(loader)
    next(epoch)
    next(epoch)
    copy = pickle.loads(pickle.dumps(loader))  # noqa: S301  # its own
    next(epoch)
    assert position_of(copy) == (0, 20)
    assert position_of(loader) == (0, 30)
    again = pickle.loads(pickle.dumps(copy))  # noqa: S301
    assert position_of(again) == (0, 20)
    iter(again).close()
    assert position_of(again) == (1, 0)
    list(epoch)
    assert position_of(pickle.loads(pickle.dumps(loader))) == (1, 0)  # noqa: S301


def test_a_pass_moves_on() -> None:
    tracker = PassTracker(EpochPosition(5, 12))
    assert tracker.reached == (5, 12)
    tracker.finish()
    assert tracker.reached == (6, 0)

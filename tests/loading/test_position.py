"""Positions: where an epoch stands while it runs, when it is over, and in a copy of its loader."""

from __future__ import annotations

import gc
import pickle
import weakref
from typing import TYPE_CHECKING

import pytest

import fastinet
from fastinet import Loader, Resize
from fastinet.loading.position import EpochPosition, PassTracker

if TYPE_CHECKING:
    from collections.abc import Iterable


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
    assert position_of(loader) == (7, 40), "never used, hence never begun"
    begun = iter(loader)
    assert position_of(loader) == (8, 0)
    begun.close()


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
    begun = iter(again)
    assert position_of(again) == (1, 0)
    begun.close()
    assert position_of(again) == (0, 20)
    list(epoch)
    assert position_of(pickle.loads(pickle.dumps(loader))) == (1, 0)  # noqa: S301


def test_a_pass_moves_on() -> None:
    tracker = PassTracker(EpochPosition(5, 12))
    assert tracker.reached == (5, 12)
    tracker.deliver(20)
    tracker.deliver(16)  # of a thread that had its batch earlier, and says so later
    assert tracker.reached == (5, 20)
    tracker.finish()
    tracker.finish()
    tracker.deliver(24)
    assert tracker.reached == (6, 0)


def test_a_pass_of_another_epoch() -> None:
    tracker = PassTracker(EpochPosition(5, 12))
    tracker.choose(EpochPosition(2))
    assert tracker.reached == (2, 0)
    tracker.finish()
    assert tracker.reached == (3, 0)


def test_an_iterator_that_is_never_used_is_never_begun(dataset: fastinet.Dataset) -> None:
    """Some trainers make one only to see whether that can be done."""
    loader = Loader(dataset, 10, Resize(8), shuffle=True)
    first, second = (list(loader.epoch(epoch)) for epoch in (0, 1))
    loader = Loader(dataset, 10, Resize(8), shuffle=True)
    iter(loader)
    iter(loader).close()
    assert shown(loader) == shown(first)
    iter(loader)
    assert position_of(loader) == (1, 0)
    assert shown(loader) == shown(second)
    # Several that live at once are several epochs; those that go unused give theirs back.
    loader = Loader(dataset, 10, Resize(8), shuffle=True)
    assert [[shown([one]), shown([two])] for one, two in zip(loader, loader, strict=True)] == [
        [shown([one]), shown([two])] for one, two in zip(first, second, strict=True)
    ]
    loader = Loader(dataset, 10, Resize(8), shuffle=True)
    held, other = iter(loader), iter(loader)
    del held, other
    assert shown(loader) == shown(first)


def test_a_loop_that_was_left_stays_where_it_was_left(dataset: fastinet.Dataset) -> None:
    """An unused iterator behind it changes neither its state nor what comes next."""
    loader = Loader(dataset, 10, Resize(8))
    for _ in loader:
        break
    iter(loader)
    assert position_of(loader) == (0, 10)
    loader.epoch(7, 2)
    assert position_of(loader) == (0, 10)
    begun = iter(loader)
    assert position_of(loader) == (1, 0)
    copy = pickle.loads(pickle.dumps(loader))  # noqa: S301  # its own
    assert position_of(copy) == (0, 10), "the iterator stays here, so there it counts as dropped"
    next(begun)
    begun.close()
    assert position_of(loader) == (1, 10)
    loader.load_state_dict({**loader.state_dict(), "epoch": 4, "position": 20})
    iter(loader)
    assert position_of(loader) == (4, 20)
    assert len(shown(loader)) == 23


def test_what_failed_or_was_empty_was_used(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 43, Resize(8), max_pixels=1)
    with pytest.raises(fastinet.errors.TooLargeError):
        next(iter(loader))
    assert position_of(loader) == (0, 0)
    begun = iter(loader)
    assert position_of(loader) == (1, 0), "the next loop is the next epoch, as after any other"
    del begun
    loader = Loader(dataset, 10, Resize(8))
    assert list(loader.epoch(3, len(loader))) == []
    assert position_of(loader) == (4, 0)


def test_plans_of_earlier_epochs_do_not_pile_up(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 43, Resize(8))
    tracked = []
    for _ in range(4):
        held = iter(loader)
        next(held)
        tracked.append(weakref.ref(loader.position))
    del held
    gc.collect()
    assert [each() is not None for each in tracked] == [False, False, True, True]


def shown(batches: Iterable[fastinet.Batch]) -> list[int]:
    return [item for batch in batches for item in batch.indices.tolist()]

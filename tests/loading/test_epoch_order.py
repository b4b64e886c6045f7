"""The order of an epoch on one rank: items, copies, blocks, and what fills the last batch up."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import fastinet
from fastinet.loading.epoch_order import EpochOrder
from fastinet.loading.ranks import Share


def order_of(dataset: fastinet.Dataset, share: Share, **given: Any) -> EpochOrder:
    options = {"repeats": 1, "shuffle": True, "window": None, "block": None, **given}
    return EpochOrder(dataset, share, **options)


BLOCKED = {"shuffle": "blocked", "window": 2**16, "block": 2**11}


@pytest.mark.parametrize("options", [{}, BLOCKED], ids=["full", "blocked"])
@pytest.mark.parametrize("repeats", [1, 3])
def test_ranks_share_one_order(
    dataset: fastinet.Dataset, options: dict[str, Any], repeats: int
) -> None:
    """Position p is rank p % world's, and copy p % repeats of the item at p // repeats."""
    alone = order_of(dataset, Share(43, 4), repeats=1, **options).items(7, 2, 0)
    assert sorted(alone.tolist()) == list(range(43))
    for rank in range(3):
        order = order_of(dataset, Share(43, 4, rank, 3), repeats=repeats, **options)
        positions = np.arange(rank, 43, 3)
        assert order.items(7, 2, 0).tolist() == alone[positions // repeats].tolist()
        copies = positions % repeats if repeats > 1 else np.zeros(0)
        assert order.copies(0).tolist() == copies.tolist()


@pytest.mark.parametrize("options", [{}, BLOCKED], ids=["full", "blocked"])
def test_a_last_batch_is_filled_up(dataset: fastinet.Dataset, options: dict[str, Any]) -> None:
    wrapped, masked = (
        order_of(dataset, Share(43, 10, pad_last=pad), **options).items(1, 0, 0)
        for pad in ("wrap", "mask")
    )
    assert len(wrapped) == len(masked) == 50
    assert wrapped[43:].tolist() == wrapped[:7].tolist()
    assert masked[43:].tolist() == [-1] * 7
    assert wrapped[:43].tolist() == masked[:43].tolist()


def test_blocks_are_of_blocked_orders(dataset: fastinet.Dataset) -> None:
    plain = order_of(dataset, Share(43, 10, pad_last="wrap"))
    assert plain.blocks is None
    assert not len(plain.blocks_of(plain.items(0, 0, 0), 0))
    blocked = order_of(dataset, Share(43, 10, pad_last="wrap"), **BLOCKED)
    assert blocked.blocks is not None
    items = blocked.items(0, 0, 0)
    blocks = blocked.blocks_of(items, 0)
    assert blocks[:43].tolist() == blocked.blocks.of_items[items[:43]].tolist()
    assert set(blocks[43:].tolist()) == {-1}, "an item that comes again does not keep its block"
    copy = pickle.loads(pickle.dumps(blocked))  # noqa: S301  # its own
    assert "blocks" not in copy.__dict__, "megabytes, which the other process computes itself"
    assert copy.items(0, 0, 0).tolist() == items.tolist()

"""Ranks: who gets which item of an epoch, with what the last batch is filled up, and resuming."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastinet
from fastinet import Loader, RandomResizedCrop
from fastinet.loading.ranks import PadLast, Share

SMALL = RandomResizedCrop(4)
WORLDS = st.integers(1, 5)
BATCH_SIZES = st.integers(1, 50)


def loaders(dataset: fastinet.Dataset, world: int, batch_size: int, **options: Any) -> list[Loader]:
    return [
        Loader(dataset, batch_size, SMALL, shuffle=True, rank=rank, world=world, **options)
        for rank in range(world)
    ]


def rows_of(epoch: Any) -> list[tuple[int, int, bytes]]:
    """(item, label, pixels) of the valid rows."""
    return [
        (int(item), int(label), image.tobytes())
        for batch in epoch
        for item, label, image, valid in zip(
            batch.indices, batch.labels, batch.images, batch.valid, strict=True
        )
        if valid
    ]


# The arithmetic, against a list of positions


@given(
    items=st.integers(0, 60),
    batch_size=st.integers(1, 9),
    world=WORLDS,
    start=st.integers(0, 60),
    end=st.sampled_from([(False, None), (True, None), (False, "wrap"), (False, "mask")]),
)
def test_shares_of_an_epoch(
    items: int, batch_size: int, world: int, start: int, end: tuple[bool, PadLast | None]
) -> None:
    drop_last, pad_last = end
    start = min(start, items)
    shares = [Share(items, batch_size, rank, world, drop_last, pad_last) for rank in range(world)]
    positions = list(range(start, items))
    if drop_last:
        del positions[len(positions) // (batch_size * world) * batch_size * world :]
    if pad_last is not None:
        while len(positions) % (batch_size * world):
            positions.append(start + len(positions))
    for rank, share in enumerate(shares):
        mine = [p for p in positions if p % world == rank]
        assert share.rows(start) == len(mine)
        assert share.padding(start) == sum(p >= items for p in mine)
        assert share.batches(start) == -(-len(mine) // batch_size)
    if shares[0].is_even:
        assert {share.rows(start) for share in shares} == {len(positions) // world}


# The loader


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(world=WORLDS, batch_size=BATCH_SIZES, epoch=st.integers(0, 9))
def test_an_evaluation_counts_each_item_once(
    dataset: fastinet.Dataset, world: int, batch_size: int, epoch: int
) -> None:
    """All ranks have as many batches, all of one shape; the mask tells the items from padding."""
    whole = rows_of(Loader(dataset, 43, SMALL, shuffle=True).epoch(epoch))
    parts = []
    for loader in loaders(dataset, world, batch_size, pad_last="mask"):
        batches = list(loader.epoch(epoch))
        assert len(batches) == len(loader) == -(-43 // (batch_size * world))
        for batch in batches:
            assert batch.images.shape == (batch_size, 4, 4, 3)
            padding = ~batch.valid
            assert (batch.indices[padding] == -1).all()
            assert (batch.labels[padding] == -1).all()
            assert not batch.images[padding].any()
            assert not batch.boxes[padding].any()
            assert [key == "" for key in batch.keys] == padding.tolist()
            assert batch.errors == {}
        parts += rows_of(batches)
    assert sorted(parts) == sorted(whole)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(world=WORLDS, batch_size=BATCH_SIZES, epoch=st.integers(0, 9))
def test_wrapping_gives_the_first_items_again(
    dataset: fastinet.Dataset, world: int, batch_size: int, epoch: int
) -> None:
    order = [row[0] for row in rows_of(Loader(dataset, 43, SMALL, shuffle=True).epoch(epoch))]
    steps = -(-43 // (batch_size * world))
    wanted = Counter(order[position % 43] for position in range(steps * batch_size * world))
    parts = []
    for loader in loaders(dataset, world, batch_size, pad_last="wrap"):
        batches = list(loader.epoch(epoch))
        assert [len(batch) for batch in batches] == [batch_size] * steps
        assert all(batch.valid.all() for batch in batches)
        parts += rows_of(batches)
    assert Counter(item for item, _, _ in parts) == wanted
    assert len(set(parts)) == 43  # the same item has the same pixels both times


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    world=WORLDS,
    batch_size=st.integers(1, 9),
    new_world=WORLDS,
    new_batch_size=st.integers(1, 9),
    steps=st.integers(0, 6),
)
def test_a_stream_goes_on_with_other_ranks_and_batches(
    dataset: fastinet.Dataset,
    world: int,
    batch_size: int,
    new_world: int,
    new_batch_size: int,
    steps: int,
) -> None:
    """What was seen before and after is the epoch, each item once, with the same pixels."""
    whole = rows_of(Loader(dataset, 43, SMALL, shuffle=True))
    before = []
    states = []
    for loader in loaders(dataset, world, batch_size, pad_last="mask"):
        epoch = iter(loader)
        before += rows_of(batch for _, batch in zip(range(steps), epoch, strict=False))
        states.append(loader.state_dict())
    assert all(state == states[0] for state in states)  # any rank's will do
    after = []
    for loader in loaders(dataset, new_world, new_batch_size, pad_last="mask"):
        loader.load_state_dict(states[0])
        if states[0]["epoch"] == 0:
            after += rows_of(loader)
    assert sorted(before + after) == sorted(whole)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    world=WORLDS,
    batch_size=BATCH_SIZES,
    threads=st.integers(1, 5),
    prefetch=st.integers(1, 4),
    shuffle=st.sampled_from([False, True, "blocked"]),
    epoch=st.integers(0, 3),
    start=st.integers(0, 43),
    seed=st.integers(0, 2**64 - 1),
)
def test_the_law(
    dataset: fastinet.Dataset,
    world: int,
    batch_size: int,
    threads: int,
    prefetch: int,
    shuffle: Any,
    epoch: int,
    start: int,
    seed: int,
) -> None:
    """Order, boxes, flips and pixels are functions of (seed, epoch, item), with all that there is.

    A calm loader, one thread and one batch, against ranks that go on from some position.
    """
    transform = RandomResizedCrop(
        6, views=2, color_jitter=fastinet.ColorJitter(0.4, 0.4, 0.4, 0.1), interpolation="bicubic"
    )
    options: dict[str, Any] = {"seed": seed, "shuffle": shuffle, "sizes": {1: 9, 3: (4, 12)}}
    if shuffle == "blocked":
        options |= {"block": 4096, "window": 3 * 4096}

    def rows(epoch: Any) -> list[Any]:
        return [
            (item, image.tobytes(), box.tobytes(), flip.tobytes())
            for batch in epoch
            for item, image, box, flip in zip(
                batch.indices.tolist(), batch.images, batch.boxes, batch.flips, strict=True
            )
        ]

    calm = Loader(dataset, 43, transform, threads=1, prefetch=1, **options)
    whole = rows(calm.epoch(epoch))
    state: Any = {**calm.state_dict(), "epoch": epoch, "position": start}
    for rank in range(world):
        loader = Loader(
            dataset,
            batch_size,
            transform,
            threads=threads,
            prefetch=prefetch,
            rank=rank,
            world=world,
            **options,
        )
        loader.load_state_dict(state)
        assert rows(loader) == [whole[p] for p in range(start, 43) if p % world == rank]


def test_an_epoch_begun_late_is_padded_as_well(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 10, SMALL, pad_last="mask")
    last = list(loader.epoch(0, start_batch=4))
    assert [batch.indices.tolist() for batch in last] == [[40, 41, 42] + [-1] * 7]
    assert list(loader.epoch(0, start_batch=5)) == []


def test_padding_is_not_a_failure(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 16, SMALL, pad_last="mask", on_error="raise")
    assert sum(int(batch.valid.sum()) for batch in loader) == 43
    stats = loader.stats()
    assert (stats.items, stats.failures) == (43, {})


def test_padding_with_views(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset.select([1]), 3, RandomResizedCrop(4, views=2), pad_last="mask")
    for _ in range(3):  # rows that another epoch has left are overwritten
        (batch,) = loader
        assert batch.images.shape == (3, 2, 4, 4, 3)
        assert not batch.images[1:].any()
        assert not batch.boxes[1:].any()
        assert not batch.flips[1:].any()
        batch.images[:], batch.boxes[:], batch.flips[:] = 7, 7, True


def test_no_items_need_no_padding(dataset: fastinet.Dataset) -> None:
    nothing = dataset.select(np.zeros(0, np.int64))
    for pad_last in ("wrap", "mask"):
        assert list(Loader(nothing, 8, SMALL, pad_last=pad_last)) == []


# Arguments


def test_rank_and_world_are_looked_up(
    dataset: fastinet.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastinet.loading.own_rank.told_rank", lambda: (2, 3, "a launcher"))
    loader = Loader(dataset, 8, SMALL, rank="auto", world="auto")
    assert (loader.rank, loader.world) == (2, 3)
    for options in ({"rank": "auto"}, {"world": "auto"}, {"rank": "auto", "world": "all"}):
        with pytest.raises(ValueError, match='"auto" together'):
            Loader(dataset, 8, SMALL, **options)


def test_endings_that_make_no_sense(dataset: fastinet.Dataset) -> None:
    with pytest.raises(ValueError, match="pad_last must be None"):
        Loader(dataset, 8, SMALL, pad_last="repeat")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="both dropped and padded"):
        Loader(dataset, 8, SMALL, pad_last="mask", drop_last=True)

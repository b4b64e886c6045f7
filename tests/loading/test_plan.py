"""The plan: a true permutation, fairly drawn, cut among ranks without loss or overlap."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastinet._native import _plan
from fastinet.pixels.transforms import CenterCrop, RandomResizedCrop
from fastinet.testing import reference

SEEDS = st.integers(0, 2**64 - 1)
EPOCHS = st.integers(0, 2**32 - 1)


@given(n=st.integers(0, 5000), seed=SEEDS, epoch=EPOCHS)
def test_order_is_a_permutation(n: int, seed: int, epoch: int) -> None:
    order = _plan.epoch_order(n, seed=seed, epoch=epoch)
    assert order.dtype == np.int64
    assert np.array_equal(np.sort(order), np.arange(n))


@pytest.mark.parametrize("n", [4095, 4096, 4097, 65536, 1_281_167])
def test_order_is_a_permutation_at_the_sizes_that_matter(n: int) -> None:
    assert np.array_equal(np.sort(_plan.epoch_order(n, seed=5, epoch=3)), np.arange(n))


def test_without_shuffle_the_order_is_the_datasets() -> None:
    assert np.array_equal(_plan.epoch_order(100, seed=9, epoch=9, shuffle=False), np.arange(100))


def test_an_order_never_changes() -> None:
    """What a training run was started with must mean the same in every later version."""
    assert _plan.epoch_order(10, seed=0, epoch=0).tolist() == [1, 6, 8, 3, 0, 5, 4, 2, 7, 9]
    imagenet = _plan.epoch_order(1_281_167, seed=1, epoch=2)
    assert imagenet[:5].tolist() == [183099, 909670, 785916, 1104705, 11468]


def test_seed_and_epoch_are_different_things() -> None:
    """Where they are added up, seed 1 epoch 0 repeats seed 0 epoch 1."""
    orders = {
        _plan.epoch_order(1000, seed=seed, epoch=epoch).tobytes()
        for seed in range(10)
        for epoch in range(10)
    }
    assert len(orders) == 100


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_all_orders_of_few_items_are_equally_likely(n: int) -> None:
    """Pearson's chi-square; the bound is six standard deviations, and the draws are fixed."""
    draws = 100 * math.factorial(n)
    counts = Counter(
        _plan.epoch_order(n, seed=draw // 50, epoch=draw % 50).tobytes() for draw in range(draws)
    )
    expected = draws / math.factorial(n)
    missing = (math.factorial(n) - len(counts)) * expected
    chi2 = sum((count - expected) ** 2 / expected for count in counts.values()) + missing
    freedom = math.factorial(n) - 1
    assert abs(chi2 - freedom) < 6 * math.sqrt(2 * freedom)


@pytest.mark.parametrize("n", [7, 12, 33, 100, 257])
def test_every_item_comes_at_every_position_alike(n: int) -> None:
    """Over many seeds. A table with fixed margins: (n - 1)^2 degrees of freedom."""
    draws = 40 * n
    table = np.zeros((n, n))
    for seed in range(draws):
        table[np.arange(n), _plan.epoch_order(n, seed=seed, epoch=seed % 3)] += 1
    expected = draws / n
    chi2 = ((table - expected) ** 2 / expected).sum() * (n - 1) / n  # the margins are exact
    freedom = (n - 1) ** 2
    assert abs(chi2 - freedom) < 6 * math.sqrt(2 * freedom)


@pytest.mark.parametrize("n", [12, 40])
@pytest.mark.parametrize("distance", [1, 5])
def test_pairs_of_items_are_equally_likely(n: int, distance: int) -> None:
    """What stands at one position says nothing of what stands at another."""
    draws = 20 * n * (n - 1)
    table = np.zeros((n, n))
    for seed in range(draws):
        order = _plan.epoch_order(n, seed=seed)
        table[order[2], order[2 + distance]] += 1
    assert not np.diag(table).any()
    expected = draws / (n * (n - 1))
    off_diagonal = table[~np.eye(n, dtype=bool)]
    chi2 = ((off_diagonal - expected) ** 2 / expected).sum()
    freedom = n * (n - 1) - 1
    assert abs(chi2 - freedom) < 6 * math.sqrt(2 * freedom)


@pytest.mark.parametrize("n", [1000, 4096, 50_000])
def test_positions_and_items_are_independent(n: int) -> None:
    """Over many epochs: where the items stand, whether neighbours stay so, who keeps his place."""
    epochs = 64
    table = np.zeros((16, 16))  # sixteenth of the positions, sixteenth of the items
    neighbours = fixed = 0
    for epoch in range(epochs):
        order = _plan.epoch_order(n, seed=1, epoch=epoch)
        np.add.at(table, (np.arange(n) * 16 // n, order * 16 // n), 1)
        neighbours += int((np.diff(order) == 1).sum())
        fixed += int((order == np.arange(n)).sum())
    expected = table.sum(0, keepdims=True) * table.sum(1, keepdims=True) / table.sum()
    chi2 = ((table - expected) ** 2 / expected).sum()  # a table with fixed margins: 15 * 15
    assert abs(chi2 - 225) < 6 * math.sqrt(2 * 225)
    # Both are Poisson with a mean near one an epoch.
    assert abs(neighbours - epochs) < 6 * math.sqrt(epochs)
    assert abs(fixed - epochs) < 6 * math.sqrt(epochs)


@given(n=st.integers(0, 300), world=st.integers(1, 9), start=st.integers(0, 320), seed=SEEDS)
def test_ranks_share_the_positions_in_turn(n: int, world: int, start: int, seed: int) -> None:
    whole = _plan.epoch_order(n, seed=seed, epoch=4)
    for rank in range(world):
        mine = _plan.epoch_order(n, seed=seed, epoch=4, rank=rank, world=world, start=start)
        positions = [p for p in range(start, n) if p % world == rank]
        assert mine.tolist() == whole[positions].tolist()


def test_positions_beyond_the_end_wrap_around() -> None:
    whole = _plan.epoch_order(7, seed=2)
    assert _plan.epoch_order(7, seed=2, stop=10).tolist() == [*whole, *whole[:3]]


@pytest.mark.parametrize(
    "arguments",
    [{"rank": 2, "world": 2}, {"rank": -1}, {"world": 0}, {"start": -1}, {"repeats": 0}],
)
def test_arguments_that_make_no_sense(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="no plan for 5 items"):
        _plan.epoch_order(5, **arguments)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seeds_beyond_64_bits(seed: int) -> None:
    with pytest.raises(OverflowError):
        _plan.epoch_order(5, seed=seed)


def test_crops_equal_the_references() -> None:
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 700, (300, 2)).astype(np.int32)
    items = rng.integers(0, 2**40, 300)
    transform = RandomResizedCrop(224, scale=(0.1, 0.9), ratio=(0.5, 1.5), hflip=0.3)
    boxes, flips = _plan.draw_crops(transform.native(), sizes, items, seed=2**63 + 5, epoch=77)
    for size, item, box, flip in zip(
        sizes.tolist(), items.tolist(), boxes.tolist(), flips.tolist(), strict=True
    ):
        assert reference.random_resized_crop(
            (size[0], size[1]),
            2**63 + 5,
            77,
            item,
            scale=(0.1, 0.9),
            ratio=(0.5, 1.5),
            flip_probability=0.3,
        ) == (tuple(box), flip)


def test_centre_crops_take_the_whole_image() -> None:
    sizes, items = np.array([[30, 20], [5, 9]], np.int32), np.array([0, 1])
    boxes, flips = _plan.draw_crops(CenterCrop(8, resize=10).native(), sizes, items)
    assert boxes.tolist() == [[0, 0, 30, 20], [0, 0, 5, 9]]
    assert not flips.any()


def test_boxes_of_any_ratio_lie_inside() -> None:
    """Ratios so extreme that a drawn side is no int32, and hardly a double."""
    sizes = np.array([(1, 1), (500, 375), (1, 65535), (65535, 1)] * 50, np.int32)
    for ratio in [(1e-300, 1e300), (1e300, 1e300), (1e-300, 1e-300)]:
        transform = RandomResizedCrop(8, ratio=ratio)
        boxes, _ = _plan.draw_crops(transform.native(), sizes, np.arange(len(sizes)))
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] >= 1).all()
        assert (boxes[:, :2] + boxes[:, 2:] <= sizes).all()


def test_crops_need_as_many_sizes_as_items() -> None:
    with pytest.raises(ValueError, match="sizes must be"):
        _plan.draw_crops(
            RandomResizedCrop().native(), np.ones((2, 2), np.int32), np.zeros(3, np.int64)
        )


def test_counts_go_up_one_by_one() -> None:
    counts = np.array([0, 7, 2**32 - 1], np.uint32)
    before = _plan.count_up(counts, np.array([1, 1, 2, 0]))
    assert before.tolist() == [7, 8, 2**32 - 1, 0]
    assert counts.tolist() == [1, 9, 0]
    for wrong in ([0, 3], [-1]):
        with pytest.raises(IndexError, match="among 3"):
            _plan.count_up(counts, np.array(wrong))
    assert counts.tolist() == [1, 9, 0]

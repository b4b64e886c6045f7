"""The blocked shuffle: a true permutation, fair inside its windows, the same for all ranks."""

from __future__ import annotations

import itertools
import json
import math
import pickle
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import fastinet
from fastinet import Loader, RandomResizedCrop
from fastinet._native import _plan
from fastinet.errors import FastinetWarning
from fastinet.loading.blocks import Blocks
from fastinet.testing.archives import tar
from fastinet.testing.small import small_jpeg

SMALL = RandomResizedCrop(4)
SEEDS = st.integers(0, 2**64 - 1)
EPOCHS = st.integers(0, 2**32 - 1)
BLOCKED: dict[str, Any] = {"shuffle": "blocked", "block": 4 << 10, "window": 16 << 10}


def blocks_of(dataset: fastinet.Dataset, block: int = 4096, window: int = 16384) -> Blocks:
    return Blocks.of(
        dataset.columns.offsets, dataset.columns.item_archive, block=block, window=window
    )


def equal_blocks(blocks: int, items: int) -> NDArray[np.int64]:
    return np.arange(blocks + 1) * items


# The order of places


@given(
    sizes=st.lists(st.integers(0, 9), max_size=60),
    window_blocks=st.integers(1, 70),
    lanes=st.integers(1, 20),
    seed=SEEDS,
    epoch=EPOCHS,
)
def test_every_place_comes_once(
    sizes: list[int], window_blocks: int, lanes: int, seed: int, epoch: int
) -> None:
    starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    order = _plan.blocked_order(
        starts, seed=seed, epoch=epoch, window_blocks=window_blocks, lanes=lanes
    )
    assert np.array_equal(np.sort(order), np.arange(sum(sizes)))


@given(window_blocks=st.integers(1, 700) | st.integers(1, 2**40), seed=SEEDS, epoch=EPOCHS)
@example(window_blocks=2048, seed=1, epoch=0)  # the default
def test_the_window_decides_how_many_lanes_there_are(
    window_blocks: int, seed: int, epoch: int
) -> None:
    """A power of two up to 64, as many as have eight blocks each."""
    lanes = max(n for n in (1, 2, 4, 8, 16, 32, 64) if n == 1 or 8 * n <= window_blocks)
    blocks = Blocks(None, equal_blocks(300, 2), window_blocks)
    wanted = _plan.blocked_order(
        blocks.starts, seed=seed, epoch=epoch, window_blocks=window_blocks, lanes=lanes
    )
    assert np.array_equal(blocks.order(seed=seed, epoch=epoch), wanted)


@given(
    blocks=st.integers(1, 200),
    window_blocks=st.integers(1, 64),
    lanes=st.integers(1, 8),
    seed=SEEDS,
)
def test_a_lane_has_no_more_blocks_in_hand_than_its_window(
    blocks: int, window_blocks: int, lanes: int, seed: int
) -> None:
    """This bounds the memory of whoever reads blocks as wholes."""
    starts = equal_blocks(blocks, 5)
    order = _plan.blocked_order(starts, seed=seed, window_blocks=window_blocks, lanes=lanes)
    for lane in range(lanes):
        of_lane = order[lane::lanes] // 5
        left, in_hand, most = Counter(of_lane.tolist()), set(), 0
        for block in of_lane.tolist():
            in_hand.add(block)
            most = max(most, len(in_hand))
            left[block] -= 1
            if not left[block]:
                in_hand.remove(block)
        # A lane's first and last block may be cut.
        assert most <= max(window_blocks // lanes, 1) + 1


@pytest.mark.parametrize("world", [1, 2, 4, 8])
def test_ranks_that_divide_the_lanes_read_blocks_of_their_own(world: int) -> None:
    order = _plan.blocked_order(equal_blocks(500, 5), window_blocks=64, lanes=8)
    blocks = [set((order[rank::world] // 5).tolist()) for rank in range(world)]
    shared = sum(map(len, blocks)) - len(set.union(*blocks))
    assert shared < 8  # the lanes' ends cut a block each


@pytest.mark.parametrize("n", [2, 3, 4, 5])
@pytest.mark.parametrize("in_one_block", [False, True])
def test_all_orders_are_equally_likely(n: int, in_one_block: bool) -> None:
    """Of the items of a window, and of blocks. Pearson's chi-square, six standard deviations."""
    starts = equal_blocks(1, n) if in_one_block else equal_blocks(n, 1)
    draws = 100 * math.factorial(n)
    counts = Counter(
        _plan.blocked_order(starts, seed=draw // 50, epoch=draw % 50).tobytes()
        for draw in range(draws)
    )
    expected = draws / math.factorial(n)
    missing = (math.factorial(n) - len(counts)) * expected
    chi2 = sum((count - expected) ** 2 / expected for count in counts.values()) + missing
    freedom = math.factorial(n) - 1
    assert abs(chi2 - freedom) < 6 * math.sqrt(2 * freedom)


@pytest.mark.parametrize("lanes", [1, 8])
def test_positions_and_places_are_independent(lanes: int) -> None:
    """Over many epochs every part of the sequence comes at every time of an epoch alike."""
    epochs, blocks, items = 400, 256, 3
    starts, n = equal_blocks(blocks, items), blocks * items
    table = np.zeros((16, 16))
    for epoch in range(epochs):
        order = _plan.blocked_order(starts, epoch=epoch, window_blocks=32, lanes=lanes)
        np.add.at(table, (np.arange(n) * 16 // n, order * 16 // n), 1)
    expected = epochs * n / 256
    chi2 = ((table - expected) ** 2 / expected).sum()
    # The three items of a block come in one window, which covers two sixteenths of an epoch: cells
    # are correlated, and the sum's mean lies between that of independent items and three times it.
    assert 225 - 6 * math.sqrt(450) < chi2 < 3 * (225 + 6 * math.sqrt(450))


def test_windows_are_mixed_as_wholes() -> None:
    """Neighbours of the sequence are as far apart as random places of a window."""
    order = _plan.blocked_order(equal_blocks(4096, 5), window_blocks=512, lanes=8)
    positions = np.empty_like(order)
    positions[order] = np.arange(len(order))
    distances = np.abs(np.diff(positions))[np.arange(len(order) - 1) % 5 != 4]  # within a block
    window_items = 512 * 5
    assert abs(distances.mean() / (window_items / 3) - 1) < 0.1  # of two uniform places: a third


def test_a_blocked_order_never_changes() -> None:
    """What a training run was started with must mean the same in every later version."""
    order = _plan.blocked_order(equal_blocks(1000, 5), seed=1, epoch=2, window_blocks=64, lanes=8)
    assert order[:8].tolist() == [730, 4678, 2484, 1129, 1431, 2218, 143, 1567]


@pytest.mark.parametrize(
    ("starts", "options"),
    [
        ([], {}),
        ([1, 2], {}),
        ([0, 3, 2], {}),
        ([0, 3], {"window_blocks": 0}),
        ([0, 3], {"lanes": 0}),
    ],
)
def test_blocks_that_make_no_sense(starts: list[int], options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"block_starts must|no windows of"):
        _plan.blocked_order(np.array(starts, np.int64), **options)


# The blocks of a dataset


def test_blocks_are_runs_of_neighbours(dataset: fastinet.Dataset) -> None:
    blocks = blocks_of(dataset)
    assert blocks.sequence is None
    assert blocks.window_blocks == 4
    assert blocks.starts[0] == 0
    assert blocks.starts[-1] == 43
    cells = dataset.columns.offsets // np.uint64(4096)
    for start, stop in itertools.pairwise(blocks.starts.tolist()):
        assert len(set(cells[start:stop].tolist())) == 1
        assert start == 0 or cells[start] != cells[start - 1]
        assert len(set(blocks.of_items[start:stop].tolist())) == 1


def test_blocks_follow_the_archive_whatever_the_order_of_items(dataset: fastinet.Dataset) -> None:
    rows = np.random.default_rng(0).permutation(43)
    selection = dataset.select(rows)
    blocks, mixed = blocks_of(dataset), blocks_of(selection)
    assert np.array_equal(mixed.of_items, blocks.of_items[rows])
    assert blocks.checksum != mixed.checksum
    order = blocks.order(seed=5, epoch=1)
    assert np.array_equal(rows[mixed.order(seed=5, epoch=1)], order)


def test_blocks_do_not_reach_into_another_archive(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    for wnid in ("n01440764", "n01443537"):
        members = {f"{wnid}_{i}.JPEG": small_jpeg(rng) for i in range(5)}
        (tmp_path / f"{wnid}.tar").write_bytes(tar(members))
    dataset = fastinet.open(tmp_path, index=False)
    blocks = blocks_of(dataset, 2**30, 2**30)
    assert blocks.starts.tolist() == [0, 5, 10]
    assert sorted(items_of(Loader(dataset, 3, SMALL, shuffle="blocked"))) == list(range(10))


# The loader


def rows_of(epoch: Any) -> list[tuple[int, bytes, bytes]]:
    return [
        (int(item), image.tobytes(), box.tobytes())
        for batch in epoch
        for item, image, box in zip(batch.indices, batch.images, batch.boxes, strict=True)
    ]


def items_of(epoch: Any) -> list[int]:
    return [row[0] for row in rows_of(epoch)]


def test_only_the_order_differs(dataset: fastinet.Dataset) -> None:
    """Pixels are functions of (seed, epoch, item) under any shuffle."""
    blocked = rows_of(Loader(dataset, 8, SMALL, seed=3, **BLOCKED).epoch(2))
    full = rows_of(Loader(dataset, 8, SMALL, shuffle=True, seed=3).epoch(2))
    assert sorted(blocked) == sorted(full)
    assert blocked != full
    blocks = blocks_of(dataset)
    assert [row[0] for row in blocked] == blocks.order(seed=3, epoch=2).tolist()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    world=st.integers(1, 5),
    batch_size=st.integers(1, 20),
    threads=st.integers(1, 3),
    start=st.integers(0, 43),
    seed=SEEDS,
)
def test_ranks_share_the_global_order(
    dataset: fastinet.Dataset, world: int, batch_size: int, threads: int, start: int, seed: int
) -> None:
    """Any rest of an epoch, on any ranks, in any batches, by any number of threads."""
    whole = rows_of(Loader(dataset, 43, SMALL, seed=seed, **BLOCKED))
    state: Any = {**Loader(dataset, 1, SMALL, seed=seed, **BLOCKED).state_dict(), "position": start}
    for rank in range(world):
        loader = Loader(
            dataset, batch_size, SMALL, rank=rank, world=world, threads=threads, **BLOCKED
        )
        loader.load_state_dict(json.loads(json.dumps(state)))
        assert rows_of(loader) == [
            row for p, row in enumerate(whole) if p >= start and p % world == rank
        ]


def test_a_wrapped_epoch_begins_again(dataset: fastinet.Dataset) -> None:
    order = items_of(Loader(dataset, 43, SMALL, **BLOCKED))
    assert items_of(Loader(dataset, 10, SMALL, pad_last="wrap", **BLOCKED)) == order + order[:7]


def test_a_blocked_loader_goes_to_other_processes(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 8, SMALL, **BLOCKED)
    copy = pickle.loads(pickle.dumps(loader))  # noqa: S301  # our own
    assert copy.state_dict() == loader.state_dict()
    assert rows_of(copy) == rows_of(loader)


def test_nothing_to_shuffle(dataset: fastinet.Dataset) -> None:
    nothing = dataset.select(np.zeros(0, np.int64))
    for pad_last in (None, "wrap", "mask"):
        assert list(Loader(nothing, 8, SMALL, pad_last=pad_last, **BLOCKED)) == []


@pytest.mark.parametrize("world", [1, 2])
def test_each_block_is_read_once(dataset: fastinet.Dataset, world: int) -> None:
    """And only what lies between the first and the last item that a rank wants of it."""
    blocks = blocks_of(dataset)
    for rank in range(world):
        loader = Loader(
            dataset, 8, SMALL, rank=rank, world=world, pad_last="wrap", threads=2, **BLOCKED
        )
        order = loader.order.items(0, 0, 0)
        stats_before_end = None
        for _ in loader:
            stats_before_end = loader.stats()
        real = order[: len(order) - loader._share.padding(0)]
        wanted = 0
        for block in set(blocks.of_items[real].tolist()):
            items = real[blocks.of_items[real] == block]
            begin, last = items.min(), items.max()
            wanted += int(
                dataset.columns.offsets[last] + dataset.sizes[last] - dataset.columns.offsets[begin]
            )
        padding = order[len(real) :]
        stats = loader.stats()
        assert stats.bytes_read == wanted + int(dataset.sizes[padding].sum())
        assert stats.block_bytes == 0
        assert stats_before_end is not None
        assert 0 < stats.block_bytes_peak <= 6 * BLOCKED["window"]  # the margin is all 43 items


def test_memory_of_a_large_epoch_is_bounded(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    members = {f"n01440764_{i}.JPEG": small_jpeg(rng) for i in range(600)}
    path = tmp_path / "n01440764.tar"
    path.write_bytes(tar(members))
    large = fastinet.open(path, index=False)
    window = 200 << 10
    loader = Loader(large, 16, SMALL, shuffle="blocked", block=8 << 10, window=window, threads=3)
    assert sorted(items_of(loader)) == list(range(600))
    assert path.stat().st_size > 4 * window
    assert loader.stats().block_bytes_peak <= 2 * window


def test_leaving_early_frees_the_blocks(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 4, SMALL, **BLOCKED)
    epoch = iter(loader)
    next(epoch)
    assert loader.stats().block_bytes > 0
    epoch.close()
    assert loader.stats().block_bytes == 0


def test_a_bad_item_in_a_block_is_named(dataset: fastinet.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "cut.tar"
    content = Path(dataset.path).read_bytes()
    path.write_bytes(content)
    cut = fastinet.open(path, index=False)
    with path.open("r+b") as file:
        file.truncate(int(cut.columns.offsets[40]) + 10)
    loader = Loader(cut, 43, SMALL, on_error="mask", **BLOCKED)
    epoch = iter(loader)
    (batch,) = [next(epoch)]
    assert sorted(batch.indices[~batch.valid].tolist()) == [40, 41, 42]
    assert all(str(path) in str(error) for error in batch.errors.values())
    with pytest.warns(FastinetWarning, match="3 items gave no row"):
        assert next(epoch, None) is None


def test_folders_have_the_order_without_the_blocks(
    dataset: fastinet.Dataset, tmp_path: Path
) -> None:
    for item in range(43):
        path = tmp_path / dataset.keys[item]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(dataset.read(item))
    folder = fastinet.open(tmp_path, index=False)
    loader = Loader(folder, 8, SMALL, **BLOCKED)
    assert sorted(items_of(loader)) == list(range(43))
    assert loader.stats().block_bytes_peak == 0


def test_states_cost_no_pass_over_the_blocks(
    dataset: fastinet.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Feeds take one for each batch."""
    loader = Loader(dataset, 8, SMALL, **BLOCKED)
    state = loader.state_dict()
    monkeypatch.delattr(zlib, "crc32")
    assert [loader.state_dict()["position"] for _ in loader] == [8, 16, 24, 32, 40, 43]
    assert loader.state_dict() == {**state, "epoch": 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shuffle": True}, "shuffle=True, the loader 'blocked'"),
        ({"window": 1}, "window=1, the loader 16384"),
        ({"block": None}, "block=None, the loader 4096"),
        ({"blocks": 1}, "items lie in other blocks"),
    ],
)
def test_states_of_other_orders(
    dataset: fastinet.Dataset, change: dict[str, Any], message: str
) -> None:
    loader = Loader(dataset, 8, SMALL, **BLOCKED)
    with pytest.raises(ValueError, match=message):
        loader.load_state_dict({**loader.state_dict(), **change})  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shuffle": "full"}, "not 'full'"),
        ({"shuffle": True, "window": 2**20}, 'go with shuffle="blocked"'),
        ({"block": 2**20}, 'go with shuffle="blocked"'),
        ({"shuffle": "blocked", "block": 0}, "block must be"),
        ({"shuffle": "blocked", "block": 2, "window": 1}, "window must be 2 to"),
    ],
)
def test_shuffles_that_make_no_sense(
    dataset: fastinet.Dataset, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Loader(dataset, 8, SMALL, **options)

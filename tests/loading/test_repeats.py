"""Repeated augmentation: copies of an item differ, on any ranks, and all else stays what it is."""

from __future__ import annotations

import io
import json
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.bad_items import BAD, DAMAGED, ITEMS, MAX_PIXELS, write_bad_archive

import fastinet
from fastinet import (
    CenterCrop,
    ColorJitter,
    Loader,
    MultiCrop,
    RandomResizedCrop,
    Resize,
    StreamLoader,
    View,
)
from fastinet.augment import Sharpness, Solarize, draw_steps
from fastinet.loading.batch import SentBatch
from fastinet.loading.chosen import ChosenItems, with_copies
from fastinet.testing import reference

if TYPE_CHECKING:
    from pathlib import Path

SMALL = RandomResizedCrop(6)
N = 43
WORLDS = st.integers(1, 5)
REPEATS = st.integers(1, 7)

Row = tuple[int, int, bytes, bytes, bytes, int]


def rows_of(batches: Any) -> list[Row]:
    """(item, copy, pixels, box, flip, label) of each row."""
    return [
        (item, copy, image.tobytes(), box.tobytes(), flip.tobytes(), label)
        for batch in batches
        for item, copy, image, box, flip, label in zip(
            batch.indices.tolist(),
            batch.copies.tolist(),
            batch.images,
            batch.boxes,
            batch.flips,
            batch.labels.tolist(),
            strict=True,
        )
    ]


def shows(batches: Any) -> list[tuple[int, int]]:
    return [row[:2] for row in rows_of(batches)]


def repeated_order(order: list[int], repeats: int) -> list[tuple[int, int]]:
    """The samplers of DeiT, timm and torchvision, without their rounding: (item, copy) of N rows.

    Each item of the order is repeated, and what is beyond the length of an epoch is left out. A
    rank takes ``[rank::world]``.
    """
    repeated = [(item, copy) for item in order for copy in range(repeats)]
    return repeated[: len(order)]


# The order


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    repeats=REPEATS,
    world=WORLDS,
    batch_size=st.integers(1, 50),
    shuffle=st.sampled_from([False, True, "blocked"]),
    end=st.sampled_from([{}, {"drop_last": True}, {"pad_last": "wrap"}]),
    epoch=st.integers(0, 5),
)
def test_order_over_ranks(
    dataset: fastinet.Dataset,
    repeats: int,
    world: int,
    batch_size: int,
    shuffle: Any,
    end: dict[str, Any],
    epoch: int,
) -> None:
    options: dict[str, Any] = {"shuffle": shuffle, "seed": 2**40 + 3}
    if shuffle == "blocked":
        options |= {"block": 4096, "window": 3 * 4096}
    (plain,) = Loader(dataset, N, SMALL, **options).epoch(epoch)
    expected = repeated_order(plain.indices.tolist(), repeats)
    step = batch_size * world
    if end.get("drop_last"):
        expected = expected[: N // step * step]
    if end.get("pad_last"):
        expected = [expected[p % N] for p in range(-(-N // step) * step)]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "drop_last=True leaves no batch")
        loaders = [
            Loader(
                dataset,
                batch_size,
                SMALL,
                repeats=repeats,
                rank=rank,
                world=world,
                **options,
                **end,
            )
            for rank in range(world)
        ]
    for rank, loader in enumerate(loaders):
        batches = list(loader.epoch(epoch))
        assert len(loader) == len(batches)
        assert shows(batches) == expected[rank::world]
        assert [batch.keys for batch in batches] == [
            [dataset.keys[item] for item in batch.indices.tolist()] for batch in batches
        ]
        assert all(np.array_equal(batch.labels, dataset.labels[batch.indices]) for batch in batches)


@pytest.mark.parametrize("world", [3, 4, 8])
def test_copies_of_an_item_are_on_different_ranks(dataset: fastinet.Dataset, world: int) -> None:
    ranks: dict[int, set[int]] = {}
    copies: Counter[int] = Counter()
    for rank in range(world):
        loader = Loader(dataset, 4, SMALL, shuffle=True, repeats=3, rank=rank, world=world)
        for item, _ in shows(loader):
            ranks.setdefault(item, set()).add(rank)
            copies[item] += 1
    assert sorted(copies.values()) == [1] + [3] * 14  # 43 rows: the last item has the rest
    assert {item: len(on) for item, on in ranks.items()} == dict(copies)


def test_every_item_has_its_turn(dataset: fastinet.Dataset) -> None:
    """An epoch shows a third of the items; which ones is drawn anew each time."""
    loader = Loader(dataset, N, SMALL, shuffle=True, repeats=3)
    seen = Counter(item for _ in range(90) for item in {item for item, _ in shows(loader)})
    assert len(seen) == N
    # Binomial: in 15 of 43 of the epochs, with a deviation of 4.5.
    assert all(abs(count - 90 * 15 / 43) < 5 * 4.5 for count in seen.values())


def test_more_copies_than_items(dataset: fastinet.Dataset) -> None:
    few = dataset.select([3, 5])
    assert shows(Loader(few, 2, SMALL, repeats=5)) == [(0, 0), (0, 1)]
    nothing = dataset.select(np.zeros(0, np.int64))
    for pad_last in (None, "wrap"):
        assert list(Loader(nothing, 8, SMALL, repeats=3, pad_last=pad_last)) == []


# The rows


@pytest.mark.parametrize("views", [None, 1, 3])
def test_copies_are_views_with_other_numbers(
    dataset: fastinet.Dataset, label_maps: fastinet.LabelMaps, views: int | None
) -> None:
    """View v of copy c is view ``c * V + v`` of an item with so many, soft labels and all."""
    each = views or 1
    crop = RandomResizedCrop(
        8,
        color_jitter=ColorJitter(0.4, 0.4, 0.4, 0.1),
        augment=(Solarize(p=0.5), Sharpness((0.2, 1.8))),
    )
    options: dict[str, Any] = {"seed": 7, "threads": 2, "soft_labels": label_maps}
    (wide,) = Loader(dataset, N, crop, views=4 * each, **options).epoch(2)
    rows = 0
    for batch in Loader(dataset, 5, crop, views=views, repeats=4, **options).epoch(2):
        for row, (item, copy) in enumerate(shows([batch])):
            mine = slice(copy * each, (copy + 1) * each)
            for name in ("images", "boxes", "flips", "soft_labels"):
                ours, theirs = getattr(batch, name)[row], getattr(wide, name)[item, mine]
                np.testing.assert_array_equal(ours if views else ours[None], theirs)
            rows += 1
    assert rows == N


def test_copies_are_the_references(dataset: fastinet.Dataset) -> None:
    """A row can be made again from what its batch says of it."""
    crop = RandomResizedCrop(8, views=2, augment=(Solarize(p=0.5), Sharpness((0.2, 1.8))))
    (batch,) = Loader(dataset, N, crop, repeats=5, seed=2**50).epoch(3)
    for row, (item, copy) in enumerate(shows([batch])):
        data = dataset.read(item)
        size = reference.open_image(data).size
        for view in range(2):
            number = 2 * copy + view
            drawn = reference.random_resized_crop(size, 2**50, 3, item, view=number)
            assert (tuple(batch.boxes[row, view]), batch.flips[row, view]) == drawn
            box, flip = batch.boxes[row, view].tolist(), bool(batch.flips[row, view])
            steps = draw_steps(crop.augment, 8, seed=2**50, epoch=3, item=item, view=number)
            image = fastinet.decode(data, box, 8, flip, steps=steps)
            np.testing.assert_array_equal(batch.images[row, view], image)


def test_copies_of_groups_of_views(dataset: fastinet.Dataset) -> None:
    """Views are numbered over all groups, and then over all copies."""
    groups = MultiCrop(View(RandomResizedCrop(8)), View(RandomResizedCrop(6), count=2))
    alone = {
        size: next(Loader(dataset, N, RandomResizedCrop(size, views=3 * 4), seed=2).epoch(1))
        for size in (8, 6)
    }
    (batch,) = Loader(dataset, N, groups, repeats=4, seed=2).epoch(1)
    assert [crops.shape[:2] for crops in batch.crops] == [(N, 1), (N, 2)]
    for row, (item, copy) in enumerate(
        zip(batch.indices.tolist(), batch.copies.tolist(), strict=True)
    ):
        first = 3 * copy
        large, small = alone[8].images[item], alone[6].images[item]
        np.testing.assert_array_equal(batch.crops[0][row], large[first : first + 1])
        np.testing.assert_array_equal(batch.crops[1][row], small[first + 1 : first + 3])
        np.testing.assert_array_equal(batch.boxes[row], alone[8].boxes[item, first : first + 3])
    with pytest.raises(ValueError, match="repeats must be 1 to 21845, not 21846"):
        Loader(dataset, N, groups, repeats=21846)
    whole = MultiCrop(View(CenterCrop(8)), View(Resize(6)))
    with pytest.raises(ValueError, match=r"repeats=2 of MultiCrop.* would all be the same"):
        Loader(dataset, N, whole, repeats=2)


def test_all_copies_differ(dataset: fastinet.Dataset) -> None:
    for epoch in range(3):
        (batch,) = Loader(dataset, N, SMALL, repeats=6, shuffle=True).epoch(epoch)
        rows = rows_of([batch])
        assert len({(row[0], row[3]) for row in rows}) == N  # boxes
        assert len({(row[0], row[2]) for row in rows}) == N  # pixels


def test_one_copy_is_what_it_was(dataset: fastinet.Dataset) -> None:
    plain, one = (Loader(dataset, 8, SMALL, shuffle=True, **more) for more in ({}, {"repeats": 1}))
    for batch, expected in zip(one, plain, strict=True):
        assert rows_of([batch]) == rows_of([expected])
        assert batch.copies.tolist() == [0] * len(batch)
        assert batch.copies.dtype == np.int32
        assert one.state_dict() == plain.state_dict()
    assert plain.state_dict()["version"] == 2
    assert "repeats" not in plain.state_dict()
    assert repr(one) == repr(plain)
    assert "repeats=4" in repr(Loader(dataset, 8, SMALL, repeats=4))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    repeats=REPEATS,
    world=WORLDS,
    batch_size=st.integers(1, 20),
    threads=st.integers(1, 4),
    prefetch=st.integers(1, 4),
    shuffle=st.sampled_from([False, True, "blocked"]),
    epoch=st.integers(0, 3),
    start=st.integers(0, N),
    seed=st.integers(0, 2**64 - 1),
)
def test_the_law(
    dataset: fastinet.Dataset,
    repeats: int,
    world: int,
    batch_size: int,
    threads: int,
    prefetch: int,
    shuffle: Any,
    epoch: int,
    start: int,
    seed: int,
) -> None:
    """A calm loader against ranks that go on from any position, also between two copies."""
    transform = RandomResizedCrop(6, views=2, color_jitter=ColorJitter(0.4, 0.4, 0.4, 0.1))
    options: dict[str, Any] = {"seed": seed, "shuffle": shuffle, "repeats": repeats}
    if shuffle == "blocked":
        options |= {"block": 4096, "window": 3 * 4096}
    calm = Loader(dataset, N, transform, threads=1, prefetch=1, **options)
    whole = rows_of(calm.epoch(epoch))
    state: Any = json.loads(json.dumps({**calm.state_dict(), "epoch": epoch, "position": start}))
    assert state.get("repeats", 1) == repeats
    options |= {"threads": threads, "prefetch": prefetch, "world": world}
    for rank in range(world):
        loader = Loader(dataset, batch_size, transform, rank=rank, **options)
        loader.load_state_dict(state)
        assert rows_of(loader) == [whole[p] for p in range(start, N) if p % world == rank]


def test_resuming_in_the_middle_of_a_step(dataset: fastinet.Dataset) -> None:
    """On three ranks after four, and other threads and batches: the unbroken epoch's rows."""
    options: dict[str, Any] = {"shuffle": True, "seed": 5, "repeats": 3}
    whole = rows_of(Loader(dataset, N, SMALL, **options).epoch(0))
    before, states = [], []
    for rank in range(4):
        loader = Loader(dataset, 2, SMALL, rank=rank, world=4, threads=3, **options)
        epoch = iter(loader)
        before += rows_of(next(epoch) for _ in range(2))
        states.append(loader.state_dict())
        assert len(epoch) == len(loader) - 2
    assert states == states[:1] * 4
    after = []
    for rank in range(3):
        loader = Loader(dataset, 5, SMALL, rank=rank, world=3, threads=1, **options)
        loader.load_state_dict(states[0])
        after += rows_of(loader)
    assert sorted(before) == sorted(whole[:16])
    assert sorted(after) == sorted(whole[16:])


# What goes wrong


@pytest.mark.parametrize(("mine", "theirs"), [(1, 3), (3, 1), (3, 2)])
def test_states_of_other_repeats_are_refused(
    dataset: fastinet.Dataset, mine: int, theirs: int
) -> None:
    loader = Loader(dataset, 8, SMALL, repeats=mine)
    state = Loader(dataset, 8, SMALL, repeats=theirs, seed=4).state_dict()
    with pytest.raises(ValueError, match=f"state has repeats={theirs}, the loader {mine}: "):
        loader.load_state_dict(state)
    assert loader.seed == 0
    stream = fastinet.open_stream(io.BytesIO(b""), classes=["n01440764"])
    ours = StreamLoader(stream, 8, SMALL, repeats=mine)
    other = StreamLoader(stream, 8, SMALL, repeats=theirs, seed=4)
    with pytest.raises(ValueError, match=f"state has repeats={theirs}, the loader {mine}: "):
        ours.load_state_dict(other.state_dict())
    assert ours.seed == 0


@pytest.mark.parametrize("transform", [CenterCrop(8), Resize(8)])
def test_copies_that_would_be_the_same(dataset: fastinet.Dataset, transform: Any) -> None:
    with pytest.raises(ValueError, match=r"repeats=2 of .*\(size=8.* would all be the same"):
        Loader(dataset, 8, transform, repeats=2)
    assert len(Loader(dataset, 8, transform, repeats=1)) == 6


def test_an_evaluation_has_no_copies(dataset: fastinet.Dataset) -> None:
    with pytest.raises(ValueError, match=r'pad_last="mask" is for evaluation.* repeats=3'):
        Loader(dataset, 8, SMALL, repeats=3, pad_last="mask")


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> fastinet.Dataset:
    return write_bad_archive(tmp_path_factory.mktemp("bad") / "bad.tar")


@pytest.mark.filterwarnings("ignore:.*gave no row in this epoch")
@pytest.mark.parametrize("on_error", ["mask", "replace"])
@pytest.mark.parametrize("shuffle", [False, True, "blocked"])
def test_copies_of_bad_items(bad: fastinet.Dataset, on_error: Any, shuffle: Any) -> None:
    """Each copy fails by itself. What comes in the place of copy c is copy c of one other item."""
    options: dict[str, Any] = {"max_pixels": MAX_PIXELS, "seed": 9, "shuffle": shuffle}
    (order,) = Loader(bad, ITEMS, SMALL, on_error="mask", **options)
    turns = repeated_order(order.indices.tolist(), 3)
    options["on_error"] = on_error
    loader = Loader(bad, 4, SMALL, repeats=3, threads=2, **options)
    batches = list(loader)
    failures = {(each.item, each.copy): each for each in loader.failures}
    assert len(failures) == len(loader.failures)
    assert {item for item, _ in turns} & set(BAD) - {DAMAGED} <= {item for item, _ in failures}
    one_by_one = ChosenItems(Loader(bad, 1, SMALL, **options))
    for row, was_replaced, (item, copy) in zip(
        rows_of(batches),
        [bool(replaced) for batch in batches for replaced in batch.replaced],
        turns,
        strict=True,
    ):
        failure = failures.get((item, copy))
        assert was_replaced == (failure is not None and on_error == "replace")
        if failure is not None and on_error == "mask":
            assert row == (item, copy, bytes(6 * 6 * 3), bytes(16), bytes(1), -1)
            assert failure.action == "masked"
            continue
        shown = item if failure is None else failure.replacement
        assert row[:2] == (shown, copy)
        assert [row] == rows_of([one_by_one.take([row[0]], copies=[copy])])
    others = {(each.item, each.replacement) for each in failures.values()}
    assert len(others) == len({item for item, _ in others})  # the same for all copies
    if not shuffle:
        assert set(failures) == {(item, copy) for item in (3, 4, 9) for copy in range(3)}


# Elsewhere


def test_copies_of_chosen_items(dataset: fastinet.Dataset) -> None:
    chosen = ChosenItems(Loader(dataset, 1, RandomResizedCrop(6, views=3), seed=4))
    batch = chosen.take([7, 7, 2, 7], epoch=2, copies=[0, 2, 21844, 0])
    assert batch.copies.tolist() == [0, 2, 21844, 0]
    assert rows_of([batch])[0] == rows_of([batch])[3]
    for row, (item, copy) in enumerate(shows([batch])):
        size = reference.open_image(dataset.read(item)).size
        for view in range(3):
            box, _ = reference.random_resized_crop(size, 4, 2, item, view=3 * copy + view)
            assert tuple(batch.boxes[row, view]) == box
    for copies in ([-1], [21845]):
        with pytest.raises(IndexError, match="copies must be 0 to 21844"):
            chosen.take([7], copies=copies)
    with pytest.raises(TypeError, match="copies must be whole numbers"):
        chosen.take([7], copies=[0.5])
    with pytest.raises(ValueError, match="1 copies of 2 items"):
        chosen.take([7, 8], copies=[1])


@given(items=st.lists(st.integers(0, 9), max_size=40))
def test_numbers_of_copies(items: list[int]) -> None:
    expected = [(item, items[:i].count(item)) for i, item in enumerate(items)]
    assert list(with_copies(items)) == expected


def test_copies_stay_on_the_host(dataset: fastinet.Dataset) -> None:
    for batch in Loader(dataset, 5, SMALL, repeats=3):
        sent = SentBatch(batch, np.copy, np.copy)
        assert sent.copies.tolist() == batch.copies.tolist()
        assert not np.shares_memory(sent.copies, batch.copies)


def streamed(path: Path, **options: Any) -> StreamLoader:
    stream = fastinet.open_stream(path, classes=options.pop("classes"))
    return StreamLoader(stream, options.pop("batch_size", 4), SMALL, seed=6, **options)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("world", [1, 2, 4])
def test_copies_of_a_stream(
    archive_path: Path, dataset: fastinet.Dataset, shuffle: bool, world: int
) -> None:
    """All items come, each of them so many times, one copy behind another; also after a resume."""
    options: dict[str, Any] = {"classes": [info.wnid for info in dataset.classes]}
    options |= {"shuffle": True, "window": 9} if shuffle else {}
    order = [item for batch in streamed(archive_path, **options) for item in batch.indices.tolist()]
    expected = [(item, copy) for item in order for copy in range(3)]
    single = streamed(archive_path, repeats=3, **options)
    rows, states = [], [single.state_dict()]
    for batch in single:
        rows += rows_of([batch])
        states.append(json.loads(json.dumps(single.state_dict())))
    assert [row[:2] for row in rows] == expected
    for rank in range(world):
        for state in (states[0], states[5], states[-1]):
            resumed = streamed(
                archive_path, repeats=3, batch_size=5, rank=rank, world=world, **options
            )
            resumed.load_state_dict(state)
            start = state["position"]
            assert rows_of(resumed) == [
                row for p, row in enumerate(rows) if p >= start and p % world == rank
            ]
    if not shuffle:  # the loader of the archive has the same rows, as far as it goes
        assert rows[:N] == rows_of(Loader(dataset, 8, SMALL, seed=6, repeats=3))

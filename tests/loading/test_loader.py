"""The loader: order, epochs, ranks, resuming, bad items, and what a batch knows."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastinet
from fastinet import Loader, RandomResizedCrop, Resize
from fastinet.errors import CorruptError, FastinetError, FastinetWarning, TooLargeError
from fastinet.testing.archives import train_tar
from fastinet.testing.small import small_jpeg

SMALL = RandomResizedCrop(8)


def stream(epoch: Any) -> list[tuple[int, bytes, bytes, bool, int]]:
    """All rows of some batches, one after another, wherever the batches end."""
    return [
        (item, image.tobytes(), box.tobytes(), bool(flip), label)
        for batch in epoch
        for item, image, box, flip, label in zip(
            batch.indices.tolist(),
            batch.images,
            batch.boxes,
            batch.flips,
            batch.labels.tolist(),
            strict=True,
        )
    ]


def items_of(epoch: Any) -> list[int]:
    return [item for batch in epoch for item in batch.indices.tolist()]


# Order and batches


def test_a_batch_knows_its_rows(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 16, SMALL, shuffle=True, seed=1)
    batch = next(iter(loader))
    images, labels = batch
    assert images is batch.images
    assert labels is batch.labels
    assert (images.shape, images.dtype) == ((16, 8, 8, 3), np.uint8)
    assert images.flags.c_contiguous
    assert images.flags.writeable
    assert images.ctypes.data % 64 == 0
    assert (labels.shape, labels.dtype) == ((16,), np.int64)
    assert (batch.boxes.shape, batch.boxes.dtype) == ((16, 4), np.int32)
    assert (batch.flips.dtype, batch.valid.dtype, batch.indices.dtype) == (bool, bool, np.int64)
    assert batch.valid.all()
    assert batch.errors == {}
    assert len(batch) == 16
    assert np.array_equal(labels, dataset.labels[batch.indices])
    assert batch.keys == [dataset.keys[i] for i in batch.indices.tolist()]
    assert repr(batch) == "<Batch images uint8 16x8x8x3>"


def test_the_last_batch_is_short_unless_dropped(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 10, SMALL)
    assert [len(batch) for batch in loader] == [10, 10, 10, 10, 3]
    assert len(loader) == 5
    dropping = Loader(dataset, 10, SMALL, drop_last=True)
    assert [len(batch) for batch in dropping] == [10] * 4
    assert len(dropping) == 4
    with pytest.warns(FastinetWarning, match="43 items.* than the 64 that 2 ranks with batch_size"):
        none = Loader(dataset, 32, SMALL, drop_last=True, rank=1, world=2)
    assert len(none) == 0
    assert list(none) == []


def test_without_shuffle_items_come_in_the_datasets_order(dataset: fastinet.Dataset) -> None:
    assert items_of(Loader(dataset, 7, SMALL)) == list(range(43))


def test_each_loop_is_the_next_epoch(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 8, SMALL, shuffle=True, seed=3)
    epochs = [stream(loader) for _ in range(3)]
    assert [len({row[0] for row in rows}) for rows in epochs] == [43] * 3
    assert epochs[0] != epochs[1] != epochs[2]
    again = Loader(dataset, 8, SMALL, shuffle=True, seed=3)
    assert [stream(again.epoch(number)) for number in (0, 1, 2)] == epochs
    assert stream(again) == stream(loader)  # both begin epoch 3


def test_an_abandoned_epoch_counts(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 8, SMALL, shuffle=True)
    for _ in loader:
        break
    assert items_of(loader) == items_of(Loader(dataset, 8, SMALL, shuffle=True).epoch(1))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    threads=st.integers(1, 4),
    batch_size=st.integers(1, 50),
    prefetch=st.integers(1, 5),
    epoch=st.integers(0, 2**32 - 1),
)
def test_rows_do_not_depend_on_threads_batches_or_prefetch(
    dataset: fastinet.Dataset, threads: int, batch_size: int, prefetch: int, epoch: int
) -> None:
    loader = Loader(dataset, batch_size, SMALL, shuffle=True, threads=threads, prefetch=prefetch)
    calm = Loader(dataset, 43, SMALL, shuffle=True, threads=1, prefetch=1)
    assert stream(loader.epoch(epoch)) == stream(calm.epoch(epoch))


def test_rows_do_not_depend_on_what_else_is_selected(dataset: fastinet.Dataset) -> None:
    """Crops differ between the epochs, and between seeds, of one item."""
    loader = Loader(dataset, 43, SMALL, seed=1)
    boxes = [next(iter(loader)).boxes.tobytes() for _ in range(3)]
    boxes.append(next(iter(Loader(dataset, 43, SMALL, seed=2))).boxes.tobytes())
    assert len(set(boxes)) == 4


def test_repeated_items_and_selections(dataset: fastinet.Dataset) -> None:
    selection = dataset.select([5, 5, 40])
    batch = next(iter(Loader(selection, 3, Resize(8))))
    assert np.array_equal(batch.images[0], batch.images[1])
    assert batch.keys == [dataset.keys[5], dataset.keys[5], dataset.keys[40]]
    assert np.array_equal(batch.labels, dataset.labels[[5, 5, 40]])


def test_two_epochs_at_once(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 8, SMALL, threads=2)
    first, second = loader.epoch(0), loader.epoch(1)
    rows = [(stream([a]), stream([b])) for a, b in zip(first, second, strict=True)]
    assert [row for pair in rows for row in pair[0]] == stream(loader.epoch(0))
    assert [row for pair in rows for row in pair[1]] == stream(loader.epoch(1))


def test_loaders_with_as_many_threads_share_them(dataset: fastinet.Dataset) -> None:
    loaders = [Loader(dataset, 8, SMALL, threads=3) for _ in range(2)]
    epochs = [iter(loader) for loader in loaders]
    assert len({id(loader._engine.pool) for loader in loaders}) == 1  # type: ignore[union-attr]
    assert stream(epochs[0]) == stream(epochs[1])


# Starting in the middle


@pytest.mark.parametrize("drop_last", [False, True])
def test_epochs_start_at_any_batch(dataset: fastinet.Dataset, drop_last: bool) -> None:
    loader = Loader(dataset, 5, SMALL, shuffle=True, seed=8, drop_last=drop_last)
    whole = [stream([batch]) for batch in loader.epoch(2)]
    for start in range(len(loader) + 1):
        epoch = loader.epoch(2, start_batch=start)
        assert len(epoch) == len(loader) - start
        for number, batch in enumerate(epoch, start=start):
            assert stream([batch]) == whole[number]
            assert len(epoch) == len(loader) - number - 1
        assert len(epoch) == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    stop=st.integers(0, 12),
    batch_size=st.integers(1, 20),
    threads=st.integers(1, 3),
    new_batch_size=st.integers(1, 20),
)
def test_a_resumed_stream_goes_on_bit_for_bit(
    dataset: fastinet.Dataset, stop: int, batch_size: int, threads: int, new_batch_size: int
) -> None:
    unbroken = Loader(dataset, 43, SMALL, shuffle=True, seed=4)
    wanted = stream(unbroken) + stream(unbroken) + stream(unbroken)

    first = Loader(dataset, batch_size, SMALL, shuffle=True, seed=4, threads=threads)
    got, batches = [], 0
    while batches < stop:
        for batch in first:
            got += stream([batch])
            batches += 1
            if batches == stop:
                break
    state = json.loads(json.dumps(first.state_dict()))
    second = Loader(dataset, new_batch_size, SMALL, shuffle=True)
    second.load_state_dict(state)
    while len(got) < len(wanted):
        got += stream(second)
    assert got[: len(wanted)] == wanted


def test_a_state_goes_to_other_ranks(dataset: fastinet.Dataset) -> None:
    alone = Loader(dataset, 4, SMALL, shuffle=True, seed=4)
    whole = stream(Loader(dataset, 4, SMALL, shuffle=True, seed=4))
    epoch = iter(alone)
    seen = stream([next(epoch) for _ in range(3)])
    rest = []
    for rank in range(3):
        loader = Loader(dataset, 4, SMALL, shuffle=True, rank=rank, world=3)
        loader.load_state_dict(alone.state_dict())
        rest += stream(loader)
    assert sorted(seen + rest) == sorted(whole)
    assert len(set(seen + rest)) == 43


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 5}, "version 5; this fastinet reads 1, 2, 3 and 4"),
        ({"seed": None}, "seed must be a whole number"),
        ({"position": 44}, "position must be 0 to 43"),
        ({"items": 44}, "44 items, the dataset has 43"),
        ({"shuffle": True}, "shuffle=True, the loader False"),
        ({"seed": -1}, "seed must be"),
        ({"epoch": -1}, "epoch must be"),
        ({"position": 0.5}, "position must be a whole number, not 0.5"),
    ],
)
def test_states_that_do_not_fit(
    dataset: fastinet.Dataset, change: dict[str, Any], message: str
) -> None:
    loader = Loader(dataset, 8, SMALL)
    with pytest.raises(ValueError, match=message):
        loader.load_state_dict({**loader.state_dict(), "seed": 7, **change})  # type: ignore[typeddict-item]
    assert loader.state_dict()["seed"] == 0  # nothing of it was taken over


@pytest.mark.parametrize("name", ["seed", "shuffle", "items", "epoch", "position"])
def test_states_that_lack_something(dataset: fastinet.Dataset, name: str) -> None:
    loader = Loader(dataset, 8, SMALL)
    state: Any = dict(loader.state_dict())
    del state[name]
    with pytest.raises(ValueError, match=f"state lacks {name}"):
        loader.load_state_dict(state)


def test_what_is_no_state(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 8, SMALL)
    with pytest.raises(TypeError, match=r"what state_dict\(\) gives, not None"):
        loader.load_state_dict(None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="state lacks epoch, items, position, seed, shuffle"):
        loader.load_state_dict({"version": 2})  # type: ignore[typeddict-item]


# Ranks


@pytest.mark.parametrize("world", [1, 2, 3, 7])
@pytest.mark.parametrize("drop_last", [False, True])
def test_ranks_share_an_epoch(dataset: fastinet.Dataset, world: int, drop_last: bool) -> None:
    def loader(rank: int, world: int) -> Loader:
        return Loader(
            dataset, 4, SMALL, shuffle=True, rank=rank, world=world, drop_last=drop_last, threads=2
        )

    loaders = [loader(rank, world) for rank in range(world)]
    parts = [stream(loader.epoch(5)) for loader in loaders]
    together = sorted(row for part in parts for row in part)
    assert len(set(together)) == len(together)  # no item twice
    whole = stream(Loader(dataset, 4, SMALL, shuffle=True).epoch(5))
    if drop_last:
        assert {len(part) for part in parts} == {43 // (4 * world) * 4}
        assert set(together) <= set(whole)
    else:
        assert together == sorted(whole)  # each item exactly once, with the same pixels
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
    for loader_, part in zip(loaders, parts, strict=True):
        assert len(loader_) == -(-len(part) // 4)


# Bad items


@pytest.fixture
def damaged(tmp_path: Path) -> fastinet.Dataset:
    """20 items, of which 3, 4 and 13 are bad, each in its own way."""
    rng = np.random.default_rng(1)
    images = [small_jpeg(rng) for _ in range(20)]
    images[3] = images[3][: len(images[3]) // 2]
    images[4] = b""
    images[13] = images[13][:2] + b"not a JPEG any more" * 30
    members = {f"n01440764_{i:02}.JPEG": data for i, data in enumerate(images)}
    path = tmp_path / "damaged.tar"
    path.write_bytes(train_tar({"n01440764": members}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FastinetWarning)
        return fastinet.open(path, index=False)


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("prefetch", [1, 8])
def test_a_bad_item_fails_in_place_of_its_batch(
    damaged: fastinet.Dataset, threads: int, prefetch: int
) -> None:
    loader = Loader(damaged, 3, SMALL, threads=threads, prefetch=prefetch)
    epoch = iter(loader)
    assert items_of([next(epoch)]) == [0, 1, 2]
    with pytest.raises(CorruptError) as failure:
        next(epoch)
    error = failure.value
    assert error.member == damaged.keys[3]
    assert error.archive == damaged.path
    start, size = int(damaged.columns.offsets[3]), int(damaged.sizes[3])
    assert error.offset is not None
    assert start <= error.offset <= start + size
    for part in (damaged.path, damaged.keys[3], str(error.offset), error.cause):
        assert part in str(error)
    assert list(epoch) == []  # this epoch is over,
    assert items_of([next(iter(loader.epoch(0)))]) == [0, 1, 2]  # the loader is not,
    assert items_of([next(loader.epoch(0, start_batch=2))]) == [6, 7, 8]  # nor what comes after


def test_of_several_bad_items_the_first_in_the_batch_is_raised(damaged: fastinet.Dataset) -> None:
    backwards = damaged.select(np.arange(20)[::-1])
    for _ in range(10):
        loader = Loader(backwards, 20, SMALL, threads=4)
        with pytest.raises(FastinetError) as failure:
            next(iter(loader))
        assert failure.value.member == damaged.keys[13]


@pytest.mark.parametrize("threads", [1, 4])
def test_masked_rows_are_zero_counted_and_reported(damaged: fastinet.Dataset, threads: int) -> None:
    loader = Loader(damaged, 8, SMALL, threads=threads, on_error="mask")
    epoch = iter(loader)
    batches = [next(epoch) for _ in range(len(loader))]
    with pytest.warns(FastinetWarning, match="3 items gave no row in this epoch") as warned:
        assert next(epoch, None) is None
    assert len(warned) == 1
    assert damaged.keys[3] in str(warned[0].message)
    assert warned[0].filename == __file__

    bad = [i for batch in batches for i in batch.indices[~batch.valid].tolist()]
    assert bad == [3, 4, 13]
    first = batches[0]
    assert not first.images[[3, 4]].any()
    assert not first.boxes[[3, 4]].any()
    assert first.images[[0, 1, 2, 5, 6, 7]].any((1, 2, 3)).all()
    assert first.labels.tolist() == [0, 0, 0, -1, -1, 0, 0, 0]
    assert list(first.errors) == [3, 4]
    assert isinstance(first.errors[4], CorruptError)
    assert damaged.keys[4] in str(first.errors[4])
    assert damaged.path in str(first.errors[4])
    assert "2 masked" in repr(first)
    stats = loader.stats()
    assert sum(stats.failures.values()) == 3
    assert stats.failures["corrupt"] >= 2
    assert "(3 failed)" in str(stats)


def test_an_epoch_without_bad_items_warns_of_nothing(damaged: fastinet.Dataset) -> None:
    good = damaged.select([0, 1, 2])
    assert len(list(Loader(good, 2, SMALL, on_error="mask"))) == 2


def test_masks_of_an_epoch_that_was_left_early(damaged: fastinet.Dataset) -> None:
    epoch = iter(Loader(damaged, 8, SMALL, on_error="mask"))
    next(epoch)
    with pytest.warns(FastinetWarning, match="2 items gave no row"):
        epoch.close()


def test_images_beyond_the_limit(dataset: fastinet.Dataset) -> None:
    with pytest.raises(TooLargeError, match="max_pixels = 300"):
        next(iter(Loader(dataset, 8, SMALL, max_pixels=300)))


def test_an_archive_that_has_shrunk_since(archive_path: Path, tmp_path: Path) -> None:
    """The end of the epoch is an error, not a short epoch."""
    path = tmp_path / "shrinking.tar"
    path.write_bytes(archive_path.read_bytes())
    dataset = fastinet.open(path, index=False)
    loader = Loader(dataset, 43, SMALL)
    cut = int(dataset.columns.offsets[42]) + 10
    with path.open("r+b") as file:
        file.truncate(cut)
    with pytest.raises(FastinetError) as failure:
        next(iter(loader))
    assert failure.value.member == dataset.keys[42]
    assert str(path) in str(failure.value)


# The rest


def test_loaders_go_to_other_processes(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 8, SMALL, shuffle=True)
    first = stream(loader)
    other = pickle.loads(pickle.dumps(loader))  # noqa: S301  # our own
    assert other.state_dict() == loader.state_dict()
    assert stream(other.epoch(0)) == first


def test_an_empty_selection_is_an_empty_epoch(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset.select(np.zeros(0, np.int64)), 8, SMALL)
    assert len(loader) == 0
    assert list(loader) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "batch_size must be 1 to .* not 0"),
        ({"batch_size": 2.5}, "batch_size must be a whole number, not 2.5"),
        ({"seed": -1}, "seed must be 0 to .* not -1"),
        ({"seed": 2**64}, "seed must be"),
        ({"threads": 0}, "threads must be 1 to .* not 0"),
        ({"prefetch": 0}, "prefetch must be 1 to .* not 0"),
        ({"rank": 2, "world": 2}, "rank must be 0 to 1, not 2"),
        ({"world": 0}, "world must be 1 to"),
        ({"on_error": "skip"}, "on_error must be .* not 'skip'"),
        ({"max_pixels": 0}, "max_pixels must be 1 to"),
        ({"dtype": "int8"}, "not 'int8'"),
        ({"mean": "imagenet"}, "give both mean and std"),
    ],
)
def test_nonsense_is_refused_by_name(
    dataset: fastinet.Dataset, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Loader(**{"dataset": dataset, "batch_size": 8, "transform": SMALL, **arguments})


def test_a_number_is_no_transform(dataset: fastinet.Dataset) -> None:
    with pytest.raises(TypeError, match="transform must be a RandomResizedCrop"):
        Loader(dataset, 8, 224)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"dataset must come from .* not be 'a.tar'"):
        Loader("a.tar", 8, SMALL)  # type: ignore[arg-type]


def test_epochs_and_batches_that_are_not_there(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 8, SMALL)
    with pytest.raises(ValueError, match="epoch must be"):
        loader.epoch(-1)
    with pytest.raises(ValueError, match="start_batch must be 0 to 6, not 7"):
        loader.epoch(0, start_batch=7)

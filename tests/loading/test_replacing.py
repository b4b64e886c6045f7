"""Another item in the place of a bad one, or nothing: the same, whoever makes the row."""

from __future__ import annotations

import importlib
import itertools
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.bad_items import BAD, DAMAGED, ITEMS, MAX_PIXELS, write_bad_archive

import fastinet
from fastinet import ItemBoxes, Loader, RandomResizedCrop, Resize
from fastinet.errors import CorruptError, FastinetError, FastinetWarning
from fastinet.metrics.labels import label_sets
from fastinet.testing.archives import train_tar
from fastinet.testing.small import small_jpeg

CROP = RandomResizedCrop(8)

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*gave no row in this epoch"),
    pytest.mark.filterwarnings("ignore:drop_last=True leaves no batch"),
]


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> fastinet.Dataset:
    return write_bad_archive(tmp_path_factory.mktemp("bad") / "bad.tar")


def loader_of(dataset: fastinet.Dataset, batch_size: int = 4, **options: Any) -> Loader:
    given = {"on_error": "replace", "max_pixels": MAX_PIXELS, "threads": 2, "world": 1, **options}
    return Loader(dataset, batch_size, given.pop("transform", CROP), **given)


Row = tuple[int, bytes, bytes, bytes, int]


def row_of(batch: fastinet.Batch, row: int) -> Row:
    """All that a batch has of a row: item, pixels, box, flip and label."""
    return (
        int(batch.indices[row]),
        batch.images[row].tobytes(),
        batch.boxes[row].tobytes(),
        batch.flips[row].tobytes(),
        int(batch.labels[row]),
    )


def rows_by_turn(dataset: fastinet.Dataset, batches: Any) -> list[tuple[int, Row]]:
    """Of each row the item whose turn it was, and what the batch has of it."""
    numbers = {key: item for item, key in enumerate(dataset.keys)}
    rows = []
    for batch in batches:
        errors = batch.errors
        assert list(errors) == np.flatnonzero(batch.replaced | ~batch.valid).tolist()
        for row in range(len(batch)):
            turn = int(batch.indices[row])
            if row in errors:
                turn = numbers[errors[row].member]
            rows.append((turn, row_of(batch, row)))
    return rows


def expected_rows(
    dataset: fastinet.Dataset, on_error: str, seed: int, epoch: int
) -> dict[int, Row]:
    """What each item's turn gives, by a loader that masks and one that takes items one by one."""
    masking = loader_of(dataset, ITEMS, on_error="mask", seed=seed, threads=1)
    (batch,) = masking.epoch(epoch)
    if on_error == "mask":
        for row in np.flatnonzero(~batch.valid).tolist():
            nothing = (bytes(8 * 8 * 3), bytes(16), bytes(1), -1)
            assert row_of(batch, row) == (row, *nothing)
        return {item: row_of(batch, item) for item in range(ITEMS)}
    own = {item: row_of(batch, item) for item in range(ITEMS) if batch.valid[item]}
    assert set(range(ITEMS)) - set(own) in (set(BAD), set(BAD) - {DAMAGED})
    replacing = loader_of(dataset, 1, seed=seed, threads=1)
    for _ in replacing.epoch(epoch):
        pass
    chosen = {failure.item: failure.replacement for failure in replacing.failures}
    assert set(chosen) == set(range(ITEMS)) - set(own)
    return own | {item: own[other] for item, other in chosen.items() if other is not None}


# Many drawn cases open many small epochs; the archive is the same for all.
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    on_error=st.sampled_from(["mask", "replace", "replace"]),
    seed=st.integers(0, 2**64 - 1),
    epoch=st.integers(0, 2**32 - 1),
    shuffle=st.sampled_from([True, False, "blocked"]),
    threads=st.sampled_from([1, 4]),
    batch_size=st.integers(1, 12),
    world=st.integers(1, 3),
    start=st.integers(0, 3),
    later=st.tuples(st.integers(1, 12), st.integers(1, 3)),
    end=st.sampled_from([{}, {"drop_last": True}, {"pad_last": "wrap"}]),
)
def test_rows_are_functions_of_seed_epoch_and_item(
    bad: fastinet.Dataset,
    on_error: str,
    seed: int,
    epoch: int,
    shuffle: Any,
    threads: int,
    batch_size: int,
    world: int,
    start: int,
    later: tuple[int, int],
    end: dict[str, Any],
) -> None:
    expected = expected_rows(bad, on_error, seed, epoch)
    options = {"on_error": on_error, "seed": seed, "shuffle": shuffle, "threads": threads, **end}
    start = min(start, ITEMS // (batch_size * world))  # so that all ranks have as many
    state, turns = None, 0
    for rank in range(world):
        loader = loader_of(bad, batch_size, rank=rank, world=world, **options)
        begun = loader.epoch(epoch)
        rows = rows_by_turn(bad, itertools.islice(begun, start))
        state = loader.state_dict()
        begun.close()
        turns += len(rows)
        assert all(row == expected[turn] for turn, row in rows)
    assert state is not None
    # The rest of that epoch, in batches and on ranks of another number.
    batch_size, world = later
    for rank in range(world):
        loader = loader_of(bad, batch_size, rank=rank, world=world, **options)
        loader.load_state_dict(state)
        rows = rows_by_turn(bad, loader)
        turns += len(rows)
        assert all(row == expected[turn] for turn, row in rows)
    assert end or turns == ITEMS


def test_no_row_is_missing_and_none_is_bad(bad: fastinet.Dataset) -> None:
    loader = loader_of(bad, shuffle=True, seed=3, transform=Resize(8))
    batches = list(loader)
    rows = rows_by_turn(bad, batches)
    masking = loader_of(bad, shuffle=True, seed=3, on_error="mask", transform=Resize(8))
    assert [turn for turn, _ in rows] == [i for batch in masking for i in batch.indices.tolist()]
    for batch in batches:
        assert batch.valid.all()
        assert not np.isin(batch.indices, list(BAD)).any()
        assert np.array_equal(batch.labels, bad.labels[batch.indices])
        assert batch.keys == [bad.keys[item] for item in batch.indices.tolist()]
        assert batch.image_sizes.min() > 0
    replaced = sum(int(batch.replaced.sum()) for batch in batches)
    assert replaced == len(BAD) == len(loader.failures) == sum(loader.stats().failures.values())
    assert loader.stats().items == ITEMS
    some = next(batch for batch in batches if batch.replaced.any())
    assert f"{some.replaced.sum()} replaced" in repr(some)


def test_other_epochs_and_seeds_have_other_replacements(bad: fastinet.Dataset) -> None:
    chosen = set()
    for seed, epoch in itertools.product(range(3), range(3)):
        loader = loader_of(bad, seed=seed)
        for _ in loader.epoch(epoch):
            pass
        chosen.add(tuple(failure.replacement for failure in loader.failures))
    assert len(chosen) == 9


def test_which_items_come_instead_never_changes(bad: fastinet.Dataset) -> None:
    """What a training run was started with must mean the same in every later version."""
    loader = loader_of(bad, seed=7, transform=Resize(8))
    for _ in loader.epoch(2):
        pass
    chosen = {failure.item: failure.replacement for failure in loader.failures}
    assert chosen == {3: 21, 4: 10, 9: 6, 13: 26, 14: 12, 29: 25}


def test_all_views_and_annotations_are_the_other_items(bad: fastinet.Dataset) -> None:
    starts = np.arange(ITEMS + 1)
    corner = np.linspace(0, 0.5, ITEMS, dtype=np.float32)
    boxes = ItemBoxes(
        starts, np.stack([corner, corner, corner + 0.4, corner + 0.4], 1), np.arange(ITEMS)
    )
    dataset = bad.select(range(ITEMS))
    dataset.label_sets = label_sets([[item, item + 100] for item in range(ITEMS)])
    options: dict[str, Any] = {"views": 2, "boxes": boxes, "batch_size": ITEMS}
    (batch,) = loader_of(dataset, **options)
    (masked,) = loader_of(dataset, on_error="mask", **options)
    assert batch.images.shape == (ITEMS, 2, 8, 8, 3)
    for row in np.flatnonzero(batch.replaced).tolist():
        other = int(batch.indices[row])
        for name in ("images", "boxes", "flips", "image_sizes", "labels"):
            assert np.array_equal(getattr(batch, name)[row], getattr(masked, name)[other])
    assert batch.label_sets is not None
    assert masked.label_sets is not None
    items = batch.indices.tolist()
    assert [list(each) for each in batch.label_sets] == [[item, item + 100] for item in items]
    assert [list(each) for each in masked.label_sets] == [
        [] if item in BAD else [item, item + 100] for item in range(ITEMS)
    ]
    assert batch.objects is not None
    assert np.isin(batch.objects.labels, list(BAD)).sum() == 0
    assert batch.objects.labels.tolist() == batch.indices[batch.objects.rows].tolist()


@pytest.mark.parametrize("out", [False, True])
def test_formats_and_buffers_of_ones_own(bad: fastinet.Dataset, out: bool) -> None:
    options: dict[str, Any] = {"dtype": "float32", "layout": "NCHW", "mean": 0.5, "std": 0.2}
    options["transform"] = Resize(8)

    def buffers() -> dict[str, Any]:
        return {"out": [np.full((ITEMS, 3, 8, 8), 9, np.float32) for _ in range(4)]} if out else {}

    (batch,) = loader_of(bad, ITEMS, **options, **buffers())
    (masked,) = loader_of(bad, ITEMS, on_error="mask", **options, **buffers())
    assert masked.labels[list(BAD)].tolist() == [-1] * len(BAD)
    assert not masked.images[list(BAD)].any()
    assert np.array_equal(batch.images, masked.images[batch.indices])


@pytest.mark.parametrize("framework", ["torch", "jax"])
@pytest.mark.parametrize("on_error", ["mask", "replace"])
def test_batches_on_devices(bad: fastinet.Dataset, framework: str, on_error: str) -> None:
    pytest.importorskip(framework)
    module = importlib.import_module(f"fastinet.{framework}")
    options: dict[str, Any] = {"on_error": on_error, "transform": Resize(8)}
    loader = loader_of(bad, 8, **options)
    if framework == "torch":
        feed = module.Loader(
            bad, 8, Resize(8), device="cpu", on_error=on_error, max_pixels=MAX_PIXELS, world=1
        )
    else:
        feed = module.feed(loader_of(bad, 8, **options))
    epoch = iter(feed)
    for sent, batch in zip(epoch, loader, strict=True):
        assert np.array_equal(np.asarray(sent.labels), batch.labels)
        assert np.array_equal(sent.replaced, batch.replaced)
        assert np.array_equal(sent.valid, batch.valid)
        assert list(map(str, sent.errors.values())) == list(map(str, batch.errors.values()))
    for failures in (feed.failures, epoch.failures):
        assert [failure.item for failure in failures] == list(BAD)
        assert list(map(str, failures)) == list(map(str, loader.failures))


def dataset_of(path: Path, images: list[bytes]) -> fastinet.Dataset:
    files = {f"n01440764_{i:02}.JPEG": data for i, data in enumerate(images)}
    path.write_bytes(train_tar({"n01440764": files}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FastinetWarning)
        return fastinet.open(path, index=False)


def test_one_good_item_is_found(tmp_path: Path) -> None:
    """Of few items all are tried before the row fails."""
    good = small_jpeg(np.random.default_rng(0))
    dataset = dataset_of(tmp_path / "a.tar", [good[:300]] * 20 + [good])
    loader = loader_of(dataset, 7)
    for batch in loader:
        assert batch.indices.tolist() == [20] * 7
    assert len(loader.failures) == 20


@pytest.mark.parametrize(
    ("bad_items", "said"),
    [
        (1, "there is no other item to put in its place"),
        (5, "none of the 4 other items that were drawn in its place gave a row either"),
        (40, "none of the 32 other items that were drawn in its place gave a row either"),
    ],
)
def test_where_too_many_are_bad_the_row_fails(tmp_path: Path, bad_items: int, said: str) -> None:
    good = small_jpeg(np.random.default_rng(0))
    dataset = dataset_of(tmp_path / "a.tar", [good[:300]] * bad_items)
    epoch = iter(loader_of(dataset, 3))
    with pytest.raises(CorruptError, match=rf"n01440764_00\.JPEG.*byte \d+.*{said}"):
        next(epoch)
    assert list(epoch) == []


def test_an_archive_that_is_gone_fails(tmp_path: Path) -> None:
    """Not with rows of the few items that can still be read."""
    good = small_jpeg(np.random.default_rng(0))
    dataset = dataset_of(tmp_path / "a.tar", [good] * 300)
    loader = loader_of(dataset, 3)
    with (tmp_path / "a.tar").open("r+b") as file:
        file.truncate(int(dataset.columns.offsets[2]))
    with pytest.raises(FastinetError, match="none of the 32 other items"):
        list(loader)


def test_what_does_not_go_with_it(bad: fastinet.Dataset, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='pad_last="mask" is for evaluation'):
        loader_of(bad, pad_last="mask")
    with (tmp_path / "a.tar").open("wb+") as file:
        stream = fastinet.open_stream(file)
        with pytest.raises(ValueError, match=r'on_error="replace" needs an archive'):
            fastinet.StreamLoader(stream, 4, Resize(4), on_error="replace")  # type: ignore[arg-type]


def test_a_loader_in_another_process_has_none_of_the_failures(bad: fastinet.Dataset) -> None:
    loader = loader_of(bad, transform=Resize(8))
    assert len(list(loader)) == -(-ITEMS // 4)
    copied = pickle.loads(pickle.dumps(loader))  # noqa: S301  # our own
    assert len(loader.failures) == len(BAD)
    assert len(copied.failures) == 0
    for _ in copied.epoch(0):
        pass
    assert list(map(str, copied.failures)) == list(map(str, loader.failures))

"""ImageDataset under DataLoader, and a loader under torchdata's StatefulDataLoader."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastinet
from fastinet import CenterCrop, Loader, RandomResizedCrop
from fastinet.augment import RandomErasing
from fastinet.errors import FastinetError
from fastinet.testing.archives import train_tar
from fastinet.testing.small import small_jpeg

torch = pytest.importorskip("torch")

from torch.utils.data import DataLoader  # noqa: E402

from fastinet.torch import CopySampler, ImageDataset, IterableDataset  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore:'set_vital' is deprecated"),  # torchdata's business
    # Python 3.12 warns of every fork beside threads; that this one is safe is what is tested.
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
]

CROP = RandomResizedCrop(16)
SEED = 11


def rows_of_epoch(dataset: fastinet.Dataset, epoch: int, **options: Any) -> dict[int, Any]:
    """What the Loader makes of every item: {item: (pixels, label)}."""
    loader = Loader(dataset, 7, CROP, shuffle=True, seed=SEED, threads=2, **options)
    return {
        item: (image.copy(), label)
        for batch in loader.epoch(epoch)
        for item, image, label in zip(
            batch.indices.tolist(), batch.images, batch.labels.tolist(), strict=True
        )
    }


def test_rows_that_nobody_could_erase(dataset: fastinet.Dataset) -> None:
    """What gives images alone does not leave their erasing to somebody who has no boxes."""
    crop = RandomResizedCrop(16, erase=RandomErasing(1))
    with pytest.raises(ValueError, match="ImageDataset cannot erase rows of uint8"):
        ImageDataset(dataset, crop)
    with pytest.raises(ValueError, match="IterableDataset cannot erase rows of uint8"):
        IterableDataset(Loader(dataset, 4, crop))
    IterableDataset(Loader(dataset, 4, crop, dtype="float32"))
    images = ImageDataset(dataset, crop, dtype="float32", seed=SEED)
    (batch,) = Loader(dataset, 43, crop, dtype="float32", layout="NCHW", seed=SEED)
    for item in (0, 7):
        assert np.array_equal(images[item][0].numpy(), batch.images[item])


# ImageDataset


def test_named_items_are_dicts(dataset: fastinet.Dataset) -> None:
    images = ImageDataset(dataset, CROP, seed=SEED, names=("pixel_values", "labels"))
    plain = ImageDataset(dataset, CROP, seed=SEED)
    (batch,) = DataLoader(images, batch_size=len(dataset))
    (expected,) = DataLoader(plain, batch_size=len(dataset))
    assert list(batch) == ["pixel_values", "labels"]
    assert all(map(torch.equal, batch.values(), expected))
    with pytest.raises(TypeError, match="names are those of images and labels"):
        ImageDataset(dataset, CROP, names="pixel_values")  # type: ignore[arg-type]


def test_groups_of_views_are_the_loaders(dataset: fastinet.Dataset) -> None:
    """An item has a tuple of the views of each group, and DataLoader collates them by group."""
    views = fastinet.MultiCrop(
        fastinet.View(CROP, count=2), fastinet.View(RandomResizedCrop(9), count=3)
    )
    expected = next(iter(Loader(dataset, 6, views, seed=SEED, layout="NCHW")))
    images = ImageDataset(dataset, views, seed=SEED)
    (wide, local), label = images[4]
    assert np.array_equal(wide.numpy(), expected.crops[0][4])
    assert np.array_equal(local.numpy(), expected.crops[1][4])
    assert label == expected.labels[4]
    images.set_epoch(0)
    crops, labels = next(iter(DataLoader(images, batch_size=6)))
    for own, other in zip(crops, expected.crops, strict=True):
        assert np.array_equal(own.numpy(), other)
    assert np.array_equal(labels.numpy(), expected.labels)
    loader = Loader(dataset, 6, views, seed=SEED, layout="NCHW")
    crops, _ = next(iter(DataLoader(IterableDataset(loader), batch_size=None)))
    for own, other in zip(crops, expected.crops, strict=True):
        assert np.array_equal(own.numpy(), other)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", ["uint8", "bfloat16", "float32"])
def test_items_are_the_loaders(dataset: fastinet.Dataset, dtype: Any, layout: Any) -> None:
    rows = rows_of_epoch(dataset, 3, dtype=dtype, layout=layout)
    images = ImageDataset(dataset, CROP, seed=SEED, dtype=dtype, layout=layout)
    images.set_epoch(3)
    assert len(images) == 43
    assert images.epoch == 3
    for item in (0, 42, 17):
        image, label = images[item]
        expected, expected_label = rows[item]
        if dtype == "bfloat16":
            image, expected = image.view(torch.int16), expected.view(np.int16)
        assert np.array_equal(image.numpy(), expected)
        assert (label, type(label)) == (expected_label, int)


@pytest.mark.parametrize("context", [None, "fork", "forkserver", "spawn"])
def test_under_dataloader(dataset: fastinet.Dataset, context: str | None) -> None:
    """Workers that live for several epochs count with their parent, and see set_epoch too."""
    images = ImageDataset(dataset, CROP, seed=SEED)
    images.__getitems__(range(43))  # epoch 0; and the parent's threads run before the fork
    workers: dict[str, Any] = {}
    if context is not None:
        workers = {
            "num_workers": 2,
            "multiprocessing_context": context,
            "persistent_workers": True,
        }
    loader = DataLoader(images, batch_size=5, shuffle=True, **workers)
    for epoch, named in ((1, False), (0, True), (6, True)):
        if named:
            images.set_epoch(epoch)
        rows = rows_of_epoch(dataset, epoch, layout="NCHW")
        expected = {(image.tobytes(), label) for image, label in rows.values()}
        seen = [
            (image.numpy().tobytes(), int(label))
            for batch, labels in loader
            for image, label in zip(batch, labels, strict=True)
        ]
        assert len(seen) == 43
        assert set(seen) == expected


def test_soft_labels_of_items(dataset: fastinet.Dataset, label_maps: fastinet.LabelMaps) -> None:
    options: dict[str, Any] = {"seed": SEED, "soft_labels": label_maps}
    batch = next(iter(DataLoader(ImageDataset(dataset, CROP, **options), batch_size=5)))
    expected = next(iter(Loader(dataset, 5, CROP, threads=1, **options)))
    assert len(batch) == 3
    assert np.array_equal(batch[1].numpy(), expected.labels)
    assert np.array_equal(batch[2].numpy(), expected.soft_labels)


def test_items_go_through_a_function(dataset: fastinet.Dataset) -> None:
    expected = next(iter(Loader(dataset, 43, CROP, layout="NCHW"))).images
    for threads in (1, 2):
        images = ImageDataset(dataset, CROP, then=negative, threads=threads)
        for loader in (DataLoader(images, 8), DataLoader(images, 8, num_workers=1)):
            images.set_epoch(0)
            found = np.concatenate([pixels.numpy() for pixels, _ in loader])
            np.testing.assert_array_equal(found, 255 - expected)


def negative(row: Any) -> Any:
    return 255 - row


def test_it_pickles(dataset: fastinet.Dataset) -> None:
    images = ImageDataset(dataset, CenterCrop(16, 18), seed=SEED)
    images.set_epoch(2)
    copy = pickle.loads(pickle.dumps(images))  # noqa: S301
    assert torch.equal(copy[9][0], images[9][0])
    assert copy.epoch == 2


def test_a_bad_item_is_named(tmp_path: Path) -> None:
    path = tmp_path / "train.tar"
    jpeg = small_jpeg(np.random.default_rng(0))
    path.write_bytes(train_tar({"n01440764": {"n01440764_0.JPEG": jpeg, "n01440764_1.JPEG": b"?"}}))
    images = ImageDataset(fastinet.open(path, index=False), CROP)
    with pytest.raises(FastinetError, match="n01440764_1"):
        images[1]
    assert images[0][0].shape == (3, 16, 16)
    with pytest.raises(FastinetError, match="n01440764_1"):
        list(DataLoader(images, batch_size=2, num_workers=1))


@pytest.mark.parametrize("name", ["shuffle", "rank", "window", "out", "on_error", "repeats"])
def test_what_is_not_for_it(dataset: fastinet.Dataset, name: str) -> None:
    with pytest.raises(TypeError, match=f"{name} is not for ImageDataset"):
        ImageDataset(dataset, CROP, **{name: 1})


@pytest.mark.parametrize("name", ["prefetch", "log", "log_every"])
def test_what_would_do_nothing(dataset: fastinet.Dataset, name: str) -> None:
    with pytest.raises(TypeError, match=f"{name} is not for ImageDataset: batches are DataLoader"):
        ImageDataset(dataset, CROP, **{name: 1})


def test_what_is_drawn_is_not_recorded(dataset: fastinet.Dataset) -> None:
    with pytest.raises(TypeError, match=r"record is not for ImageDataset: .*draw_steps says"):
        ImageDataset(dataset, CROP, record=True)


# Copies of an item


def copies_of(dataset: fastinet.Dataset, item: int, count: int, epoch: int = 0) -> list[bytes]:
    """The first copies of an item, as views of it: what `Loader` makes of view 0, 1, ..."""
    loader = Loader(dataset, 43, CROP, views=count, seed=SEED, layout="NCHW")
    (batch,) = loader.epoch(epoch)
    return [view.tobytes() for view in batch.images[item]]


def test_an_item_that_comes_again_in_a_batch(dataset: fastinet.Dataset) -> None:
    images = ImageDataset(dataset, CROP, seed=SEED)
    images.set_epoch(4)
    rows = [image.numpy().tobytes() for image, _ in images.__getitems__([7, 3, 7, 7, 3])]
    seven, three = copies_of(dataset, 7, 3, epoch=4), copies_of(dataset, 3, 2, epoch=4)
    assert rows == [seven[0], three[0], seven[1], seven[2], three[1]]
    assert len(set(rows)) == 5
    again = images.__getitems__([7])  # a function of what is asked for, not of what was before
    assert again[0][0].numpy().tobytes() == images[7][0].numpy().tobytes() == seven[0]


def test_copies_by_number(dataset: fastinet.Dataset) -> None:
    images = ImageDataset(dataset, CROP, seed=SEED)
    expected = copies_of(dataset, 9, 5)
    assert [images[9, copy][0].numpy().tobytes() for copy in range(5)] == expected
    images.set_epoch(0)
    rows = [image.numpy().tobytes() for image, _ in images.__getitems__([(9, 4), (9, 0), (9, 4)])]
    assert rows == [expected[4], expected[0], expected[4]]
    with pytest.raises(IndexError, match="copies must be 0 to 65535"):
        images[9, -1]
    assert images[9][0].numpy().tobytes() == expected[0]


class Listed:
    """A sampler that gives the same items every time, and hears of epochs."""

    def __init__(self, items: list[int]) -> None:
        self.items = items
        self.epoch = 0

    def __iter__(self) -> Any:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("world", [1, 2, 4])
def test_a_repeated_order_under_dataloader(
    dataset: fastinet.Dataset, workers: int, world: int
) -> None:
    """With the items of the loader's repeated order, its rows: on all ranks, in any batches."""
    options: dict[str, Any] = {"seed": SEED, "repeats": 3, "shuffle": True, "layout": "NCHW"}
    (whole,) = Loader(dataset, 43, CROP, **options).epoch(2)
    images = ImageDataset(dataset, CROP, seed=SEED)
    images.set_epoch(2)
    rows = []
    for rank in range(world):
        sampler = CopySampler(Listed(whole.indices.tolist()), rank=rank, world=world)
        assert len(sampler) == 43 // world
        loader: Any = DataLoader(
            images,
            batch_size=4,
            sampler=sampler,
            num_workers=workers,
            multiprocessing_context="fork" if workers else None,
        )
        rows.append([image.numpy().tobytes() for batch, _ in loader for image in batch])
    expected = [image.tobytes() for image in whole.images[: 43 // world * world]]
    assert rows == [expected[rank::world] for rank in range(world)]
    assert len(set(expected)) == len(expected)


def test_samplers_of_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    items = Listed([5, 5, 2, 5])
    sampler = CopySampler(items)
    for _ in range(2):  # each epoch counts anew
        assert list(sampler) == [(5, 0), (5, 1), (2, 0), (5, 2)]
    sampler.set_epoch(6)
    assert items.epoch == 6
    drawn = CopySampler(torch.utils.data.RandomSampler(range(3), True, 20))
    drawn.set_epoch(1)  # harmless
    pairs = list(drawn)
    assert len(set(pairs)) == len(drawn) == 20
    monkeypatch.setattr("fastinet.loading.own_rank.told_rank", lambda: (1, 2, "a launcher"))
    assert list(CopySampler(items, rank="auto", world="auto")) == [(5, 1), (5, 2)]
    with pytest.raises(ValueError, match="rank must be 0 to 1, not 2"):
        CopySampler(items, rank=2, world=2)


# torchdata


def stateful_loader(
    dataset: fastinet.Dataset, workers: int, threads: int = 2, *, persistent: bool = True
) -> Any:
    torchdata = pytest.importorskip("torchdata.stateful_dataloader")
    loader = Loader(dataset, 6, CROP, shuffle=True, seed=SEED, threads=threads)
    return torchdata.StatefulDataLoader(
        IterableDataset(loader),
        batch_size=None,
        num_workers=workers,
        persistent_workers=workers > 0 and persistent,
        multiprocessing_context="fork" if workers else None,
    )


def content(batch: Any) -> tuple[bytes, list[int]]:
    images, labels = batch
    return images.numpy().tobytes(), labels.tolist()


@pytest.mark.parametrize(("workers", "persistent"), [(0, False), (1, True), (1, False)])
@pytest.mark.parametrize("stop", [0, 1, 5, 8, 10])
def test_under_stateful_dataloader(
    dataset: fastinet.Dataset, workers: int, persistent: bool, stop: int
) -> None:
    native = Loader(dataset, 6, CROP, shuffle=True, seed=SEED, threads=1)
    unbroken = [
        (batch.images.tobytes(), batch.labels.tolist()) for _ in range(3) for batch in native
    ]
    assert len(unbroken) == 24
    first = stateful_loader(dataset, workers, persistent=persistent)
    stream, state = [], first.state_dict()
    for _ in range(2):
        for batch in first:
            if len(stream) == stop:
                break
            stream.append(content(batch))
            state = json.loads(json.dumps(first.state_dict()))
        if len(stream) == stop:
            break
    resumed = stateful_loader(dataset, workers, threads=1, persistent=persistent)
    resumed.load_state_dict(state)
    while len(stream) < 16:
        stream += [content(batch) for batch in resumed]
    assert stream[:16] == unbroken[:16]


@pytest.mark.parametrize(("workers", "persistent"), [(0, False), (1, True), (1, False)])
@pytest.mark.parametrize("had", [3, 8])
def test_a_state_between_iter_and_the_first_batch(
    dataset: fastinet.Dataset, workers: int, persistent: bool, had: int
) -> None:
    """It is that of the epoch to come, whether or not the one before came to its end."""
    native = Loader(dataset, 6, CROP, shuffle=True, seed=SEED, threads=1).epoch(1)
    first = stateful_loader(dataset, workers, persistent=persistent)
    batches = iter(first)
    for _ in range(had):
        next(batches)
    if had == 8:
        assert next(batches, None) is None
    batches = iter(first)
    state = first.state_dict()
    resumed = stateful_loader(dataset, workers, persistent=persistent)
    resumed.load_state_dict(state)
    for batch, expected in zip(resumed, native, strict=True):
        assert content(batch) == (expected.images.tobytes(), expected.labels.tolist())


def test_it_goes_on_and_does_not_skip(dataset: fastinet.Dataset) -> None:
    """A resumed loader begins at its batch; nothing before it is decoded again."""
    first = stateful_loader(dataset, 0)
    batches = iter(first)
    for _ in range(5):
        next(batches)
    resumed = stateful_loader(dataset, 0)
    resumed.load_state_dict(first.state_dict())
    assert len(list(resumed)) == 3
    assert resumed.dataset.loader.stats().batches == 3


WORKERS: list[dict[str, Any]] = [
    {},
    {"num_workers": 1, "multiprocessing_context": "fork"},
    {"num_workers": 1, "multiprocessing_context": "spawn"},
    {"num_workers": 1, "multiprocessing_context": "fork", "persistent_workers": True},
]


def test_two_workers_are_refused(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 6, CROP, threads=1)
    with pytest.raises(ValueError, match="num_workers=2 would give every batch 2 times"):
        list(DataLoader(IterableDataset(loader), batch_size=None, num_workers=2))


@pytest.mark.parametrize("batch_size", [1, 2])
def test_whole_batches_are_not_stacked(dataset: fastinet.Dataset, batch_size: int) -> None:
    """DataLoader's own batch size is 1: it would give [1, 6, 3, 16, 16]."""
    batches = DataLoader(IterableDataset(Loader(dataset, 6, CROP)), batch_size=batch_size)
    with pytest.raises(ValueError, match=f"6 rows, .* to stack {batch_size} .* batch_size=None"):
        next(iter(batches))


@pytest.mark.parametrize("options", WORKERS[::3])
def test_its_epoch_can_be_chosen(dataset: fastinet.Dataset, options: dict[str, Any]) -> None:
    """In workers that run already, too; a loaded state in the middle of it stays."""

    def loader_of() -> Loader:
        return Loader(dataset, 6, CROP, shuffle=True, seed=SEED, threads=1)

    images = IterableDataset(loader_of())
    batches: Any = DataLoader(images, batch_size=None, **options)
    for epoch in (3, 0):
        images.set_epoch(epoch)
        for batch, expected in zip(batches, loader_of().epoch(epoch), strict=True):
            assert content(batch) == (expected.images.tobytes(), expected.labels.tolist())
    other = IterableDataset(loader_of())
    other.load_state_dict({**other.state_dict(), "epoch": 2, "position": 30})
    other.set_epoch(2)
    assert len(list(DataLoader(other, batch_size=None, **options))) == 3


def test_an_iterator_that_is_never_used_takes_no_epoch(dataset: fastinet.Dataset) -> None:
    images = IterableDataset(Loader(dataset, 43, CROP, shuffle=True, seed=SEED))
    iter(images)
    iter(DataLoader(images, batch_size=None))
    (batch,) = images
    (expected,) = Loader(dataset, 43, CROP, shuffle=True, seed=SEED).epoch(0)
    assert torch.equal(batch[1], torch.from_numpy(expected.labels))


def test_only_a_plain_loader_is_taken(dataset: fastinet.Dataset) -> None:
    """The loader of tensors has the same methods; it is looped over as it is."""
    loader: Any = fastinet.torch.Loader(dataset, 6, CROP, device="cpu")
    with pytest.raises(TypeError, match=r"takes a fastinet\.Loader, not <fastinet\.torch\.Loader"):
        IterableDataset(loader)
    assert len(IterableDataset(loader.loader)) == len(loader)


@pytest.mark.parametrize("options", WORKERS)
def test_iterable_under_dataloader(dataset: fastinet.Dataset, options: dict[str, Any]) -> None:
    """Each loop is the next epoch, also where a new process begins it."""
    loader = Loader(dataset, 6, CROP, shuffle=True, seed=SEED, threads=1)
    batches: Any = DataLoader(IterableDataset(loader), batch_size=None, **options)
    assert len(batches) == 8
    for epoch in range(3):
        if epoch == 1:
            for _ in batches:  # an epoch that is left early is one too
                break
            continue
        native = Loader(dataset, 6, CROP, shuffle=True, seed=SEED, threads=1).epoch(epoch)
        for batch, expected in zip(batches, native, strict=True):
            assert content(batch) == (expected.images.tobytes(), expected.labels.tolist())

"""A loader as scripts want it: tuples, lists of views, who is told the epoch, and its state."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import fastinet
from fastinet import MultiCrop, RandomResizedCrop, View

torch = pytest.importorskip("torch")

import fastinet.torch as fastinet_torch  # noqa: E402
from fastinet.mixing import Mixup  # noqa: E402
from fastinet.torch import TrainerLoader  # noqa: E402


def made(dataset: fastinet.Dataset, transform: Any = None, **options: Any) -> TrainerLoader:
    transform = transform or RandomResizedCrop(16)
    return TrainerLoader(
        fastinet_torch.Loader(dataset, 8, transform, shuffle=True, device="cpu", **options)
    )


def test_batches_are_tuples_of_tensors(dataset: fastinet.Dataset) -> None:
    loader = made(dataset)
    batch = next(iter(loader))
    assert isinstance(batch, tuple)
    images, labels = batch
    assert images.shape == (8, 3, 16, 16)
    assert labels.dtype == torch.int64
    assert (len(loader), loader.batch_size, loader.dataset) == (6, 8, dataset)
    assert "TrainerLoader" in repr(loader)
    assert loader.stats().batches >= 1


@pytest.mark.parametrize(
    ("transform", "sizes"),
    [
        (RandomResizedCrop(16, views=3), [16, 16, 16]),
        (
            MultiCrop(View(RandomResizedCrop(16), 2), View(RandomResizedCrop(8), 3)),
            [16, 16, 8, 8, 8],
        ),
        (MultiCrop(View(RandomResizedCrop(12))), [12]),
    ],
)
def test_views_are_a_list(dataset: fastinet.Dataset, transform: Any, sizes: list[int]) -> None:
    loader = made(dataset, transform)
    batch = next(iter(made(dataset, transform).loader))
    images, _ = next(iter(loader))
    assert [tuple(view.shape) for view in images] == [(8, 3, size, size) for size in sizes]
    everything = [crop[:, view] for crop in batch.crops for view in range(crop.shape[1])]
    assert all(map(torch.equal, everything, images))
    images[0] = images[0].clone()  # as MoCo v3's script assigns


@pytest.mark.parametrize("who", ["loader", "sampler", "batch_sampler"])
def test_epoch_is_told(dataset: fastinet.Dataset, who: str) -> None:
    expected = [images for images, _ in made(dataset).loader.epoch(5)]
    loader = made(dataset)
    list(loader)
    (loader if who == "loader" else getattr(loader, who)).set_epoch(5)
    assert all(map(torch.equal, expected, [images for images, _ in loader]))
    assert loader.state_dict()["epoch"] == 6
    with pytest.raises(ValueError, match="epoch"):
        loader.set_epoch(-1)


def test_epochs_follow_one_another(dataset: fastinet.Dataset) -> None:
    loader = made(dataset)
    for epoch in range(2):
        expected = [images for images, _ in made(dataset).loader.epoch(epoch)]
        assert all(map(torch.equal, expected, (images for images, _ in loader)))


def test_iterator_that_is_never_used_burns_no_epoch(dataset: fastinet.Dataset) -> None:
    loader = made(dataset)
    iter(loader)
    next(iter(loader))
    assert loader.state_dict()["epoch"] == 0


def test_run_goes_on_after_any_batch(dataset: fastinet.Dataset) -> None:
    whole = [[images for images, _ in loader] for loader in [made(dataset)] for _ in range(2)]
    loader = made(dataset)
    for number, _ in enumerate(loader):
        if number == 2:
            state = loader.state_dict()
            break
    later = made(dataset)
    later.load_state_dict(state)
    rest = [images for images, _ in later]
    assert len(rest) == len(whole[0]) - 3
    assert all(map(torch.equal, whole[0][3:], rest))
    assert torch.equal(next(iter(later))[0], whole[1][0])


def test_mixing_knows_epoch_batch_and_rank(dataset: fastinet.Dataset) -> None:
    seen: list[tuple[int, int]] = []

    def mix(images: Any, labels: Any, *, epoch: int, batch: int) -> tuple[Any, Any]:
        seen.append((epoch, batch))
        return images, labels

    inner = fastinet_torch.Loader(
        dataset, 8, RandomResizedCrop(8), rank=1, world=2, drop_last=True, device="cpu"
    )
    loader = TrainerLoader(inner, mix)
    assert loader.mixup_enabled
    list(loader)
    next(iter(loader))
    assert seen == [(0, 1), (0, 3), (1, 1)]
    later = TrainerLoader(inner, mix)
    later.load_state_dict(loader.state_dict())
    seen.clear()
    list(later)
    assert seen == [(1, 3)]


def images_of(loader: TrainerLoader, count: int) -> list[Any]:
    return [batch[0].clone() for _, batch in zip(range(count), loader, strict=False)]


def test_inputs_are_what_the_script_takes(dataset: fastinet.Dataset) -> None:
    """SwAV's script takes a list of crops, DeepCluster v2's one behind the items' numbers."""
    inner = made(dataset, RandomResizedCrop(16, views=2)).loader
    seen: list[str] = []

    def inputs(images: Any, labels: Any, batch: Any) -> Any:
        assert isinstance(batch, fastinet_torch.Batch)
        assert torch.equal(labels, batch.labels)
        seen.extend(batch.keys)
        return torch.as_tensor(batch.indices), images

    plain = iter(made(dataset, RandomResizedCrop(16, views=2)).loader)
    for (numbers, views), batch in zip(TrainerLoader(inner, inputs=inputs), plain, strict=True):
        assert numbers.tolist() == batch.indices.tolist()
        assert torch.equal(torch.stack(views, 1), batch.images)
    assert sorted(seen) == sorted(dataset.keys)
    alone = TrainerLoader(inner, inputs=lambda images, *_: images)
    assert [len(views) for views in alone] == [2] * len(inner)


def test_inputs_are_mixed_ones(dataset: fastinet.Dataset) -> None:
    def mix(images: Any, labels: Any, *, epoch: int, batch: int) -> tuple[Any, Any]:
        return images + 1, labels + epoch + batch

    inner = made(dataset, dtype="float32").loader
    expected = next(iter(TrainerLoader(inner, mix)))
    inner.set_epoch(0)
    got = next(iter(TrainerLoader(inner, mix, inputs=lambda images, labels, _: [labels, images])))
    assert torch.equal(got[0], expected[1])
    assert torch.equal(got[1], expected[0])


@pytest.mark.parametrize("world", [1, 2])
def test_endless_loop_goes_on_anywhere(dataset: fastinet.Dataset, world: int) -> None:
    """Scripts that count steps know no epochs, and go on behind any number of steps."""

    def loader(**options: Any) -> TrainerLoader:
        inner = made(dataset, drop_last=True, rank=world - 1, world=world).loader
        return TrainerLoader(inner, endless=True, **options)

    whole, length = images_of(loader(), 14), len(loader())
    epochs = made(dataset, drop_last=True, rank=world - 1, world=world)
    assert all(map(torch.equal, whole, (images for _ in range(5) for images, _ in epochs)))
    for steps in (1, length - 1, length, length + 1, 2 * length + 1):
        later = loader(first_batch=steps)
        assert later.state_dict()["epoch"] == steps // length
        assert all(map(torch.equal, whole[steps:13], images_of(later, 13 - steps)))
        resumed = loader()
        resumed.load_state_dict(later.state_dict())
        assert torch.equal(next(iter(resumed))[0], whole[13])


def test_first_batch_and_who_tells_the_epoch(dataset: fastinet.Dataset) -> None:
    """A script may tell the epoch besides: the loop begins in its middle; another epoch wins."""
    whole = images_of(made(dataset), 99)
    for tell in (lambda made, epoch: made.set_epoch(epoch), lambda m, e: m.sampler.set_epoch(e)):
        later = TrainerLoader(made(dataset).loader, first_batch=2)
        tell(later, 0)
        assert torch.equal(next(iter(later))[0], whole[2])
        later = TrainerLoader(made(dataset).loader, first_batch=2 + len(later))
        tell(later, 0)
        assert torch.equal(next(iter(later))[0], whole[0])


def test_endless_loop_over_nothing_is_refused(dataset: fastinet.Dataset) -> None:
    with pytest.warns(fastinet.errors.FastinetWarning, match="leaves no batch"):
        inner = fastinet_torch.Loader(dataset, 999, RandomResizedCrop(8), drop_last=True)
    with pytest.raises(ValueError, match="endless loop over no batches"):
        next(iter(TrainerLoader(inner, endless=True)))
    with pytest.raises(ValueError, match="first_batch"):
        TrainerLoader(inner, first_batch=-1)


@pytest.mark.parametrize("options", [{}, {"endless": True, "first_batch": 4}])
def test_an_async_loop_gets_the_same(dataset: fastinet.Dataset, options: dict[str, Any]) -> None:
    def loader() -> TrainerLoader:
        plain = fastinet_torch.Loader(
            dataset, 8, RandomResizedCrop(16), shuffle=True, device="cpu", dtype="float32"
        )
        return TrainerLoader(plain, Mixup(5, 1.0), **options)

    async def had(loader: TrainerLoader) -> list[Any]:
        batches = []
        async for batch in loader:
            batches.append((batch, loader.state_dict()))
            if len(batches) == 9:
                break
        return batches

    one, other, expected = loader(), loader(), []
    for batch in one:
        expected.append((batch, one.state_dict()))
        if len(expected) == 9:
            break
    found = asyncio.run(had(other))
    assert len(found) == len(expected) == (9 if options else 6)
    for (batch, state), (same_batch, same_state) in zip(found, expected, strict=True):
        assert all(map(torch.equal, batch, same_batch))
        assert state == same_state


def test_folder_is_neither_mixed_nor_made_anything_else_of(archive_path: Any) -> None:
    folder = fastinet_torch.ImageFolder(archive_path)
    inner = made(folder.in_order()).loader
    for other in ({"mix": Mixup(5, 0.2)}, {"inputs": lambda *given: given}):
        with pytest.raises(ValueError, match="neither mixed nor"):
            TrainerLoader(inner, folder=folder, **other)

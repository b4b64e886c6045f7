"""Loaders of recipes for scripts: what they give is what the recipe and the plain loader say."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

import fastinet
from fastinet import CenterCrop, MultiCrop, RandomCrop

torch = pytest.importorskip("torch")

import fastinet.torch as fastinet_torch  # noqa: E402
from fastinet.torch import ImageFolder, train_loader, val_loader  # noqa: E402


def test_training_batches_are_the_recipes(dataset: fastinet.Dataset) -> None:
    recipe = fastinet.recipe("deit")
    plain = fastinet_torch.Loader(
        dataset,
        6,
        dataclasses.replace(recipe.train, size=32),
        mean=recipe.mean,
        std=recipe.std,
        repeats=3,
        dtype="float32",
        shuffle=True,
        drop_last=True,
        seed=4,
        world=1,
    )
    made = train_loader("deit", dataset, 6, size=32, seed=4)
    pairs = list(zip(plain, made, strict=True))
    assert len(pairs) == len(made) == len(dataset) // 6
    for batch, (images, labels) in pairs:
        assert torch.equal(batch.images, images)
        assert torch.equal(batch.labels, labels)


def test_path_takes_the_datasets_place(dataset: fastinet.Dataset, archive_path: Path) -> None:
    (ours, _), (theirs, _) = (
        next(iter(train_loader("rsb-a3", data, 4, size=24)))
        for data in (dataset, archive_path.with_name("train"))  # scripts join it to a folder
    )
    assert torch.equal(ours, theirs)


def test_first_epoch_is_where_a_run_goes_on(dataset: fastinet.Dataset) -> None:
    unbroken = train_loader("torchvision-v1", dataset, 8, size=16)
    epochs = [[images for images, _ in unbroken] for _ in range(3)]
    later = train_loader("torchvision-v1", dataset, 8, size=16, first_epoch=1)
    for expected in epochs[1:]:
        assert all(map(torch.equal, expected, (images for images, _ in later)))
    assert not torch.equal(epochs[0][0], epochs[1][0])


def test_validation_has_each_item_once(dataset: fastinet.Dataset) -> None:
    loader = val_loader("rsb-a1", dataset, 8, size=96)
    assert loader.loader.options.transform == CenterCrop(96, resize=100, interpolation="bicubic")
    labels = torch.cat([labels for _, labels in loader])
    assert labels.tolist() == dataset.labels.tolist()


def test_targets_are_mixed_where_the_loader_is_to_mix(dataset: fastinet.Dataset) -> None:
    mixed = train_loader("torchvision-v2", dataset, 8, size=16, mixing=True)
    plain = train_loader("torchvision-v2", dataset, 8, size=16)
    mix = fastinet.recipe("torchvision-v2").mixing(classes=len(dataset.classes))
    for number, ((images, targets), (before, labels)) in enumerate(zip(mixed, plain, strict=True)):
        expected = mix(before, labels, epoch=0, batch=number)
        assert torch.equal(images, expected[0])
        assert torch.equal(targets, expected[1])
    mixed.mixup_enabled = False
    plain.set_epoch(1)
    (images, targets), (before, labels) = next(iter(mixed)), next(iter(plain))
    assert torch.equal(images, before)
    assert torch.equal(targets.argmax(1), labels)
    assert targets.shape == (8, len(dataset.classes))
    wide = train_loader("torchvision-v2", dataset, 8, size=16, mixing=True, classes=1000)
    assert next(iter(wide))[1].shape == (8, 1000)


def test_one_size_is_the_crops_of_all_views(dataset: fastinet.Dataset) -> None:
    images, _ = next(iter(train_loader("mocov3", dataset, 3, size=20)))
    assert [tuple(view.shape) for view in images] == [(3, 3, 20, 20)] * 2
    source = train_loader("deit3-src", dataset, 3, size=112).loader.options.transform
    assert isinstance(source, RandomCrop)
    assert (source.size, source.resize) == (112, 112)
    progressive = train_loader("ffcv-rn50-16", dataset, 3, size=40)
    assert progressive.loader.loader.transform_at(15).size == 40


@pytest.mark.parametrize(
    ("recipe", "options", "error", "words"),
    [
        ("deat", {}, ValueError, "did you mean 'deit'"),
        ("dino", {"size": 64}, ValueError, "2 sizes"),
        ("mae", {"mixing": True}, ValueError, "mixes nothing"),
        ("deit", {"classes": 10}, ValueError, "mixing=True"),
        ("deit", {"split": "train"}, ValueError, "one split already"),
        ("deit", {"size": 0}, ValueError, "size"),
        ("deit", {"first_epoch": -1}, ValueError, "epoch"),
        ("deit", {"first_epoch": 1, "first_batch": 9}, ValueError, "counts steps"),
    ],
)
def test_what_makes_no_sense_is_refused(
    dataset: fastinet.Dataset, recipe: str, options: dict[str, Any], error: Any, words: str
) -> None:
    with pytest.raises(error, match=words):
        train_loader(recipe, dataset, 4, **options)


def test_a_recipe_of_ones_own(dataset: fastinet.Dataset) -> None:
    recipe = fastinet.recipe("dino")
    assert isinstance(recipe.train, MultiCrop)
    first, _, local = recipe.train.groups
    small = dataclasses.replace(local, transform=dataclasses.replace(local.transform, size=12))
    own = dataclasses.replace(recipe, train=MultiCrop(first, small))
    images, _ = next(iter(train_loader(own, dataset, 2)))
    assert [view.shape[-1] for view in images] == [224] + [12] * 8


class Numbered(ImageFolder):
    """As scripts derive datasets that give numbers, too."""

    def __getitem__(self, index: int) -> Any:
        return index, *super().__getitem__(index)


def test_plain_folder_is_its_dataset(dataset: fastinet.Dataset) -> None:
    folder = ImageFolder(dataset)
    made = train_loader("mae", folder, 8, size=16)
    assert made.folder is None
    expected = train_loader("mae", folder.in_order(), 8, size=16)
    for pairs in zip(made, expected, strict=True):
        assert all(map(torch.equal, *pairs))


def test_rows_go_through_a_folder(dataset: fastinet.Dataset) -> None:
    kept = {key for key in dataset.keys if not key.endswith("1.JPEG")}
    folder = Numbered(dataset, is_valid_file=kept.__contains__, target_transform=lambda t: -t)
    expected = train_loader("mocov3", folder.in_order(), 8, size=16, seed=2)
    made = train_loader("mocov3", folder, 8, size=16, seed=2)
    assert made.dataset is folder
    assert len(made) == len(kept) // 8
    seen = []
    for (numbers, views, targets), (images, labels) in zip(made, expected, strict=True):
        assert all(map(torch.equal, views, images))
        assert torch.equal(targets, -labels)
        assert [folder.samples[number][1] for number in numbers.tolist()] == labels.tolist()
        seen += numbers.tolist()
    assert len(set(seen)) == len(seen) == 8 * len(made)


def test_rows_of_single_images_go_through_a_folder(dataset: fastinet.Dataset) -> None:
    folder = Numbered(dataset)
    expected = val_loader("mae", folder.in_order(), 8, size=16, pad_last="mask")
    made = val_loader("mae", folder, 8, size=16, pad_last="mask")
    numbers = []
    for (each, images, labels), (padded, _) in zip(made, expected, strict=True):
        assert torch.equal(images, padded[: len(labels)])
        numbers += each.tolist()
    assert numbers == list(range(len(dataset)))


def test_folder_that_adds_something_mixes_nothing(dataset: fastinet.Dataset) -> None:
    with pytest.raises(ValueError, match="neither mixed nor"):
        train_loader("deit", Numbered(dataset), 8, size=16, mixing=True)
    with pytest.raises(ValueError, match="split= is for a path"):
        train_loader("deit", ImageFolder(dataset), 8, size=16, split="train")

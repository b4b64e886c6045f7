"""timm's create_dataset and create_loader for archives, against recipes and against timm itself."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import fastinet
from fastinet import CenterCrop, RandomResizedCrop, Resize
from fastinet.augment import ColorJitter, GaussianBlur, Grayscale, RandomErasing

torch = pytest.importorskip("torch")

from fastinet.timm import ArchiveDataset, create_dataset, create_loader  # noqa: E402

RAND = "rand-m9-mstd0.5-inc1"
# As train.py gives them without further options; those of validation are none of these.
TRAIN: dict[str, Any] = {
    "no_aug": False,
    "re_prob": 0.0,
    "re_mode": "pixel",
    "re_count": 1,
    "re_split": False,
    "train_crop_mode": None,
    "scale": [0.08, 1.0],
    "ratio": [3 / 4, 4 / 3],
    "hflip": 0.5,
    "vflip": 0.0,
    "color_jitter": 0.4,
    "color_jitter_prob": None,
    "grayscale_prob": 0.0,
    "gaussian_blur_prob": 0.0,
    "auto_augment": None,
    "num_aug_repeats": 0.0,
    "num_aug_splits": 0,
    "interpolation": "random",
    "num_workers": 4,
    "worker_seeding": "all",
    "pin_memory": False,
    "use_multi_epochs_loader": False,
    "batch_choice_seed": 42,
    "batch_choice_schedule": "constant",
    "num_batches": None,
    "input_size_choices": None,
}


@pytest.fixture
def data(dataset: fastinet.Dataset) -> ArchiveDataset:
    return ArchiveDataset(dataset, 7)


def training(data: Any, size: Any = (3, 224, 224), **options: Any) -> Any:
    return create_loader(data, size, 8, is_training=True, device="cpu", **{**TRAIN, **options})


def transform_of(loader: Any) -> Any:
    return loader.loader.options.transform


@pytest.mark.parametrize(
    ("recipe", "options"),
    [
        ("timm-default", {}),
        (
            "efficientnet-timm",
            {"auto_augment": "rand-m9-mstd0.5", "re_prob": 0.2},
        ),
        ("convnext", {"auto_augment": RAND, "interpolation": "bicubic", "re_prob": 0.25}),
        (
            "rsb-a1",
            {
                "auto_augment": "rand-m7-mstd0.5-inc1",
                "interpolation": "bicubic",
                "num_aug_repeats": 3.0,
            },
        ),
    ],
)
def test_options_of_the_script_are_the_recipes(
    data: ArchiveDataset, recipe: str, options: dict[str, Any]
) -> None:
    """The recipes are held to their authors' transforms by tests/recipes."""
    expected = fastinet.recipe(recipe)
    loader = training(data, **options)
    assert transform_of(loader) == expected.train
    assert loader.loader.options.repeats == expected.repeats


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"no_aug": True, "interpolation": "random"}, Resize(224, "bilinear")),
        (
            {
                "color_jitter": (0.8, 0.8, 0.8, 0.2),
                "color_jitter_prob": 0.8,
                "grayscale_prob": 0.2,
                "gaussian_blur_prob": 0.5,
                "hflip": 0.0,
                "vflip": 0.1,
                "scale": (0.2, 0.9),
                "interpolation": "bilinear",
            },
            RandomResizedCrop(
                224,
                (0.2, 0.9),
                hflip=0.0,
                vflip=0.1,
                augment=(
                    ColorJitter(0.8, 0.8, 0.8, 0.2, p=0.8),
                    Grayscale(p=0.2),
                    GaussianBlur((0.1, 2.0), p=0.5, kernel=23),
                ),
            ),
        ),
        (
            {"color_jitter": None, "interpolation": "bilinear", "re_prob": 0.1, "re_mode": "const"},
            RandomResizedCrop(224, erase=RandomErasing.timm(0.1)),
        ),
    ],
)
def test_other_options_of_training(
    data: ArchiveDataset, options: dict[str, Any], expected: Any
) -> None:
    assert transform_of(training(data, **options)) == expected


def test_three_augment_keeps_its_jitter(data: ArchiveDataset) -> None:
    policy, jitter = transform_of(training(data, auto_augment="3a", color_jitter=0.3)).augment
    assert policy.config == "3a"
    assert jitter == ColorJitter(0.3, 0.3, 0.3)


def test_order_is_a_function_of_the_datasets_seed(dataset: fastinet.Dataset) -> None:
    first, second, other = (training(ArchiveDataset(dataset, seed), 16) for seed in (1, 1, 2))
    expected = [images for images, _ in first]
    assert len(expected) == len(first) == len(dataset) // 8  # drop_last
    assert all(map(torch.equal, expected, (images for images, _ in second)))
    assert not torch.equal(expected[0], next(iter(other))[0])
    second.sampler.set_epoch(0)
    assert torch.equal(expected[0], next(iter(second))[0])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, CenterCrop(224, 256)),
        ({"crop_pct": 0.95, "interpolation": "bicubic"}, CenterCrop(224, 235, "bicubic")),
        ({"crop_pct": 1.0, "crop_mode": "squash"}, Resize(224)),
    ],
)
def test_validation_has_timms_crop(
    data: ArchiveDataset, options: dict[str, Any], expected: Any
) -> None:
    loader = create_loader(data, (3, 224, 224), 8, device="cpu", **options)
    assert transform_of(loader) == expected
    labels = torch.cat([labels for _, labels in loader])
    assert labels.tolist() == data.dataset.labels.tolist()


@pytest.mark.parametrize("prefetcher", [False, True])
def test_device_and_dtype(data: ArchiveDataset, prefetcher: bool) -> None:
    """Without the prefetcher, the script moves batches and makes their dtype."""
    loader = create_loader(
        data, 16, 8, device="cpu", img_dtype=torch.bfloat16, use_prefetcher=prefetcher
    )
    images, _ = next(iter(loader))
    assert images.dtype == (torch.bfloat16 if prefetcher else torch.float32)
    assert next(iter(create_loader(data, 16, 8, device="cpu", fp16=True)))[0].dtype == torch.float16


def test_ranks_are_those_of_the_launcher(
    data: ArchiveDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "3")
    train = training(data, 16, distributed=True).loader
    val = create_loader(data, 16, 8, device="cpu", distributed=True)
    assert (train.options.rank, train.options.world) == (1, 3)
    assert sum(len(labels) for _, labels in val) == len(val) * 8  # all ranks have equally many
    assert training(data, 16).loader.options.world == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num_aug_splits": 3}, "num_aug_splits=3"),
        ({"re_split": True, "re_prob": 0.1}, "re_split=True"),
        ({"train_crop_mode": "rkrc"}, "rkrc"),
        ({"input_size_choices": [128, 224]}, "input_size_choices"),
        ({"tf_preprocessing": True}, "tf_preprocessing"),
        ({"collate_fn": list}, "collate_fn"),
        ({"color_jitter": (0.4, 0.4)}, "color_jitter"),
        ({"mean": (0.5,)}, "three numbers"),
        ({"size": (1, 224, 224)}, "three channels"),
        ({"img_dtype": torch.float64}, "float64"),
    ],
)
def test_what_has_no_equal_is_refused_in_training(
    data: ArchiveDataset, options: dict[str, Any], words: str
) -> None:
    if "collate_fn" in options:
        pytest.importorskip("timm")
    with pytest.raises(ValueError, match=words):
        training(data, **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"crop_mode": "border"}, "border"),
        ({"crop_mode": "squash"}, "squash"),
        ({"crop_border_pixels": 4}, "crop_border_pixels"),
        ({"tf_preprocessing": True}, "tf_preprocessing"),
        ({"input_size": (3, 224, 192)}, "224 x 192"),
    ],
)
def test_what_has_no_equal_is_refused_in_validation(
    data: ArchiveDataset, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        create_loader(data, **{"input_size": 224, "batch_size": 8, "device": "cpu", **options})


def test_unknown_arguments_are_refused(data: ArchiveDataset) -> None:
    for is_training in (False, True):
        with pytest.raises(TypeError, match="'crop_percent'"):
            create_loader(data, 16, 8, is_training, device="cpu", crop_percent=0.9)


def test_dataset_of_an_archive(archive_path: Path) -> None:
    for name in ("", "fastinet"):
        data = create_dataset(
            name,
            root=archive_path,
            split="train",
            is_training=True,
            class_map="",
            download=False,
            batch_size=8,
            seed=3,
            repeats=0,
            input_img_mode="RGB",
            num_samples=None,
            trust_remote_code=False,
        )
        assert isinstance(data, ArchiveDataset)
        assert (len(data), data.seed) == (43, 3)
    assert data.filename(0, basename=True) == data.filenames(basename=True)[0] == "n01440764_0.JPEG"
    assert data.filenames() == list(data.dataset.keys)
    assert data.filename(0) == data.dataset.keys[0]
    with pytest.raises(TypeError, match="create_loader"):
        data[0]
    wrapped = type("AugMixDataset", (), {"dataset": data})()
    with pytest.raises(ValueError, match="--aug-splits"):
        training(wrapped)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"class_map": "classes.txt"}, ValueError),
        ({"load_bytes": True}, ValueError),
        ({"num_samples": 10}, ValueError),
        ({"repeats": 2}, ValueError),
        ({"input_img_mode": "L"}, ValueError),
        ({"root": None}, TypeError),
    ],
)
def test_what_a_dataset_has_no_equal_for_is_refused(
    archive_path: Path, options: dict[str, Any], error: type[Exception]
) -> None:
    name = "--data-dir" if "root" in options else next(iter(options))
    with pytest.raises(error, match=name):
        create_dataset(**{"root": archive_path, "split": "train", **options})


# Beside timm itself


def test_validation_pixels_are_timms(data: ArchiveDataset) -> None:
    timm_data = pytest.importorskip("timm.data")
    options = {"crop_pct": 0.9, "interpolation": "bicubic"}
    theirs = timm_data.create_transform(48, is_training=False, **options)
    images, _ = next(iter(create_loader(data, (3, 48, 48), 4, device="cpu", **options)))
    for item, row in enumerate(images):
        with Image.open(io.BytesIO(data.dataset.read(item))) as image:
            expected = theirs(image.convert("RGB"))
        # Two ways to write one normalisation, in float32; a pixel's step is 0.017.
        np.testing.assert_allclose(row.numpy(), expected.numpy(), atol=1e-5)


@pytest.mark.parametrize("mode", ["batch", "pair", "elem"])
def test_mixing_is_timms(data: ArchiveDataset, mode: str) -> None:
    timm_data = pytest.importorskip("timm.data")
    arguments = {"mixup_alpha": 0.8, "cutmix_alpha": 1.0, "mode": mode, "num_classes": 5}
    mixed = training(data, 16, collate_fn=timm_data.FastCollateMixup(**arguments))
    again = training(data, 16, collate_fn=timm_data.FastCollateMixup(**arguments))
    plain = training(data, 16)
    np.random.seed(11)  # noqa: NPY002 - what timm draws from
    before = np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
    for number, ((images, targets), (same, _), (clean, labels)) in enumerate(
        zip(mixed, again, plain, strict=True)
    ):
        assert torch.equal(images, same)
        np.random.seed([7, 0, 0, number])  # noqa: NPY002
        theirs = timm_data.Mixup(**arguments)(clean, labels)
        assert torch.equal(images, theirs[0])
        assert torch.equal(targets, theirs[1])
        np.random.seed(11)  # noqa: NPY002
    next(iter(mixed))
    assert np.random.get_state()[1].tolist() == before  # type: ignore[index]  # noqa: NPY002
    assert mixed.mixup_enabled
    mixed.mixup_enabled = False  # --mixup-off-epoch
    mixed.sampler.set_epoch(0)
    plain.sampler.set_epoch(0)
    (images, targets), (clean, labels) = next(iter(mixed)), next(iter(plain))
    assert torch.equal(images, clean)
    assert torch.allclose(targets.max(1).values, torch.tensor(0.9 + 0.1 / 5))


def test_half_batches_are_refused(data: ArchiveDataset) -> None:
    timm_data = pytest.importorskip("timm.data")
    with pytest.raises(ValueError, match="half"):
        training(data, collate_fn=timm_data.FastCollateMixup(mode="half"))


def test_other_data_sets_go_to_timm(tmp_path: Path) -> None:
    pytest.importorskip("timm")
    for wnid in ("a", "b"):
        (tmp_path / "train" / wnid).mkdir(parents=True)
        Image.new("RGB", (20, 20)).save(tmp_path / "train" / wnid / "1.jpg")
    data = create_dataset("torch/image_folder", root=str(tmp_path), split="train")
    loader = create_loader(
        data, (3, 16, 16), 2, device="cpu", num_workers=0, persistent_workers=False
    )
    images, labels = next(iter(loader))
    assert (tuple(images.shape), labels.tolist()) == ((2, 3, 16, 16), [0, 1])

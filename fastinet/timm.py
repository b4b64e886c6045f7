"""fastinet in timm's scripts: its ``create_dataset`` and ``create_loader``, for archives.

One line behind the imports of timm's ``train.py`` or ``validate.py``, or of a script of your own::

    from fastinet.timm import create_dataset, create_loader

and ``--data-dir`` may be an archive, a folder in which archives lie, or the folder that one was
extracted to. Every option of theirs that says what happens to images is done in fastinet's core;
one that it has no equal for is refused by name. Data sets of other kinds (``--dataset hfds/...``)
go to timm as ever.
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fastinet.augment import ColorJitter, GaussianBlur, Grayscale, RandomErasing, TimmAugment
from fastinet.pixels.transforms import CenterCrop, RandomResizedCrop, Resize
from fastinet.torch.loader import Loader
from fastinet.torch.roots import open_root
from fastinet.torch.tensors import TORCH_DTYPES
from fastinet.torch.trainer_loader import TrainerLoader

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from fastinet.augment.operation import Operation
    from fastinet.items.dataset import Dataset
    from fastinet.pixels.view_groups import Transform

__all__ = ["ArchiveDataset", "create_dataset", "create_loader"]

_OURS = ("", "fastinet")
_CROP_SHARE = 0.875  # timm's DEFAULT_CROP_PCT

# What create_loader takes and what does not reach pixels or order here: the core's threads fetch,
# and what a schedule of sizes would need, which timm passes over as well where there is none.
_WITHOUT_EFFECT = {
    "num_workers",
    "pin_memory",
    "use_multi_epochs_loader",
    "persistent_workers",
    "worker_seeding",
    "batch_size_choices",
    "batch_choice_weights",
    "batch_choice_seed",
    "batch_choice_schedule",
    "batch_schedule_epochs",
    "batch_schedule_spread",
    "batch_schedule_random_mix",
    "num_batches",
}


class ArchiveDataset:
    """What `create_dataset` gives for an archive, and `create_loader` takes.

    Attributes:
        dataset: the `fastinet.Dataset`.
        seed: of the training loader's order and of all that is drawn.
        transform: None: `create_loader` makes transforms.
    """

    transform = None

    def __init__(self, dataset: Dataset, seed: int) -> None:
        self.dataset = dataset
        self.seed = seed

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        """Always fails, since loaders take items by batches."""
        raise TypeError(
            "a dataset of fastinet.timm.create_dataset is for fastinet.timm.create_loader; for "
            "items one by one take fastinet.torch.ImageDataset"
        )

    def filenames(self, basename: bool = False, absolute: bool = False) -> list[str]:
        """The items' keys, in order; the names of their files alone where `basename` is True."""
        del absolute  # a member of an archive has no other path than its key
        keys = list(self.dataset.keys)
        return [key.rpartition("/")[2] for key in keys] if basename else keys

    def filename(self, index: int, basename: bool = False, absolute: bool = False) -> str:
        """The key of one item; see `filenames`."""
        del absolute
        key: str = self.dataset.keys[index]
        return key.rpartition("/")[2] if basename else key

    def __repr__(self) -> str:
        return f"<ArchiveDataset of {self.dataset!r}, seed={self.seed}>"


def create_dataset(
    name: str = "",
    root: str | os.PathLike[str] | None = None,
    split: str = "validation",
    *,
    seed: int = 42,
    **options: Any,
) -> Any:
    """``timm.data.create_dataset`` for archives.

    Args:
        name: "" or "fastinet" for an archive; other names go to timm with all arguments.
        root: the archive, the folder that it was extracted to, or a folder in which it lies; see
            `fastinet.torch.open_root`.
        split: which part: "train", "validation", ...; see `fastinet.open`.
        seed: of the training loader.
        options: timm's others. Those that would choose or change items are refused, and those that
            do nothing for files in timm either, such as ``batch_size``, are passed over.

    Returns:
        An `ArchiveDataset`, or what timm gives.

    Raises:
        TypeError: no `root`.
        ValueError: an option that fastinet has no equal for.
        Exception: as `fastinet.open` does.
    """
    if name.lower() not in _OURS:
        from timm import data  # noqa: PLC0415 - needed for other data sets only

        return data.create_dataset(name, root=root, split=split, seed=seed, **options)
    if root is None:
        raise TypeError("root must be the path of an archive or folder: give --data-dir")
    refused = {
        "class_map": "labels are those of the archive; leave it out",
        "load_bytes": "loaders decode; a dataset of fastinet.open has read(item)",
        "num_samples": "fastinet.open(...).select(...) takes some of the items",
        "repeats": "an epoch shows each item once",
        "input_key": "items are images",
        "target_key": "labels are those of the archive",
    }
    _refuse("create_dataset", {key: options.get(key) for key in refused}, refused)
    mode = options.get("input_img_mode", "RGB")
    if mode not in (None, "RGB"):
        raise ValueError(
            f"create_dataset(input_img_mode={mode!r}): images have three channels, RGB"
        )
    return ArchiveDataset(open_root(root, split), seed)


def create_loader(
    dataset: Any,
    input_size: int | tuple[int, ...],
    batch_size: int,
    is_training: bool = False,
    *,
    device: torch.device | str = "cuda",
    img_dtype: torch.dtype | None = torch.float32,
    fp16: bool = False,
    use_prefetcher: bool = True,
    distributed: bool = False,
    num_aug_repeats: float = 0,
    collate_fn: Any = None,
    mean: Sequence[float] = (0.485, 0.456, 0.406),
    std: Sequence[float] = (0.229, 0.224, 0.225),
    **options: Any,
) -> Any:
    """``timm.data.create_loader`` for archives: the same arguments, all work in the core.

    Batches are ``(images, targets)`` on `device`, normalised; without ``use_prefetcher`` on the
    CPU, as float32. Order and all that is drawn are functions of the dataset's seed and the epoch,
    which scripts tell by ``loader.sampler.set_epoch(epoch)``; so runs resume from their checkpoints
    exactly. Where batches are mixed (``FastCollateMixup``), timm's own code does it, on the
    normalised and erased images, with random numbers of (seed, epoch, batch, rank). timm mixes
    first and erases then; under ``--no-prefetcher`` its order is this one.

    Args:
        dataset: of `create_dataset`. Any other goes to timm with all arguments.
        input_size: (3, height, width), or height and width in one [pixels].
        batch_size: rows of a batch on this rank.
        is_training: shuffled full batches and random transforms, or each item once in order.
        device: where batches go.
        img_dtype: of the images.
        fp16: timm's older word for float16.
        use_prefetcher: False leaves batches on the CPU, for scripts that move them.
        distributed: whether the ranks share an epoch. In validation all ranks have equally many
            batches, the last of which begin anew with the first items, as in timm.
        num_aug_repeats: repeated augmentation, on one rank as well.
        collate_fn: None or a ``FastCollateMixup``.
        mean: in units of 0..1; likewise `std`.
        std: see there.
        options: timm's others. ``num_workers`` and what else is about processes has no effect.

    Returns:
        A `fastinet.torch.TrainerLoader`, or what timm gives.

    Raises:
        ValueError: an option that fastinet has no equal for, or values that make no sense.
    """
    if isinstance(getattr(dataset, "dataset", None), ArchiveDataset):
        raise ValueError(  # noqa: TRY004 - of an option's value, for those who gave it
            f"create_loader({dataset!r}): a dataset around an archive's, as --aug-splits makes "
            "one; several mixtures of one crop are fastinet's MultiCrop"
        )
    if not isinstance(dataset, ArchiveDataset):
        from timm import data  # noqa: PLC0415 - needed for other data sets only

        given = {
            "device": torch.device(device),
            "img_dtype": img_dtype,
            "fp16": fp16,
            "use_prefetcher": use_prefetcher,
            "distributed": distributed,
            "num_aug_repeats": num_aug_repeats,
            "collate_fn": collate_fn,
            "mean": mean,
            "std": std,
            **options,
        }
        return data.create_loader(dataset, input_size, batch_size, is_training, **given)
    mean, std = _three(mean), _three(std)
    size = _height_and_width(input_size)
    make = _training_transform if is_training else _validation_transform
    mix = unmixed = None
    if collate_fn is not None:
        mix, unmixed = _mixing(collate_fn, dataset.seed)
    used = {key: value for key, value in options.items() if key not in _WITHOUT_EFFECT}
    order: dict[str, Any] = {"seed": dataset.seed, "shuffle": is_training, "drop_last": is_training}
    if distributed:
        order.update(rank="auto", world="auto")
        if not is_training:
            order["pad_last"] = "wrap"  # train.py's ranks meet in every batch of its validation
    else:
        order.update(rank=0, world=1)
    if num_aug_repeats:
        order["repeats"] = int(num_aug_repeats)
    dtype = torch.float16 if fp16 else img_dtype or torch.float32
    loader = Loader(
        dataset.dataset,
        batch_size,
        make(size, isinstance(input_size, int), mean, used),
        device=device if use_prefetcher else "cpu",
        dtype=_name_of(dtype if use_prefetcher else torch.float32),
        mean=mean,
        std=std,
        **order,
    )
    return TrainerLoader(loader, mix, unmixed)


def _training_transform(
    size: tuple[int, int], square: bool, mean: tuple[float, ...], options: dict[str, Any]
) -> Transform:
    """What ``timm.data.create_transform(is_training=True)`` makes of its options."""
    take = options.pop
    interpolation = take("interpolation", "bilinear")
    refused = {
        "num_aug_splits": "several mixtures of one crop are fastinet's MultiCrop",
        "re_split": "erasing is alike in all parts of a batch",
        "tf_preprocessing": "pixels are Pillow's",
        "input_size_choices": "fastinet.torch.Loader(sizes=...) has a size for each epoch",
    }
    given = {key: take(key, None) for key in refused}
    if not options.get("re_prob"):
        given["re_split"] = None  # nothing is erased
    _refuse("create_loader", given, refused)
    for name in ("crop_pct", "crop_mode", "crop_border_pixels"):  # of validation
        take(name, None)
    random_ones = {
        "train_crop_mode": take("train_crop_mode", None) or "rrc",
        "scale": tuple(take("scale", None) or (0.08, 1.0)),
        "ratio": tuple(take("ratio", None) or (3 / 4, 4 / 3)),
        "hflip": take("hflip", 0.5),
        "vflip": take("vflip", 0.0),
        "erase": _erasing(options),
        "augment": _operations(options, mean),
    }
    no_augmentation = take("no_aug", False)
    sides = _side_or_sides(size)
    _refuse_unknown(options)
    if no_augmentation:
        plain: Any = "bilinear" if interpolation == "random" else interpolation
        return CenterCrop(size[0], size[0], plain) if square else Resize(sides, plain)
    mode = random_ones.pop("train_crop_mode")
    if mode != "rrc":
        raise ValueError(f'create_loader(train_crop_mode={mode!r}): training crops are "rrc" here')
    return RandomResizedCrop(sides, interpolation=interpolation, **random_ones)


def _operations(options: dict[str, Any], mean: tuple[float, ...]) -> tuple[Operation, ...]:
    """A policy, jitter, grey and blur, in timm's order."""
    operations: list[Operation] = []
    policy = options.pop("auto_augment", None)
    if policy:
        operations.append(TimmAugment(policy, None, (mean[0], mean[1], mean[2])))
    jitter, share = options.pop("color_jitter", 0.4), options.pop("color_jitter_prob", None)
    if jitter is not None and (not policy or "3a" in policy):
        parts = list(jitter) if isinstance(jitter, tuple | list) else [float(jitter)] * 3
        if len(parts) not in (3, 4):
            raise ValueError(f"color_jitter is one number, three, or four with hue, not {jitter!r}")
        hue = parts[3] if len(parts) == 4 else None
        if any(parts):
            p = 1.0 if share is None else share
            operations.append(ColorJitter(parts[0], parts[1], parts[2], hue, p))
    if grey := options.pop("grayscale_prob", 0.0):
        operations.append(Grayscale(p=grey))
    if blur := options.pop("gaussian_blur_prob", 0.0):
        operations.append(GaussianBlur((0.1, 2.0), p=blur, kernel=23))
    return tuple(operations)


def _erasing(options: dict[str, Any]) -> RandomErasing | None:
    probability = options.pop("re_prob", 0.0)
    mode, count = options.pop("re_mode", "const"), options.pop("re_count", 1)
    return RandomErasing.timm(probability, mode, count) if probability else None


def _validation_transform(
    size: tuple[int, int],
    square: bool,  # noqa: ARG001 - timm makes height and width of one number here
    mean: tuple[float, ...],  # noqa: ARG001 - which training needs
    options: dict[str, Any],
) -> Transform:
    """What ``timm.data.create_transform(is_training=False)`` makes of its options."""
    interpolation = options.pop("interpolation", "bilinear")
    share = options.pop("crop_pct", None) or _CROP_SHARE
    mode = options.pop("crop_mode", None) or "center"
    refused = {
        "tf_preprocessing": "pixels are Pillow's",
        "crop_border_pixels": "images are not trimmed",
        "input_size_choices": "validation images have one size",
    }
    _refuse("create_loader", {key: options.pop(key, None) for key in refused}, refused)
    for name in _OF_TRAINING:
        options.pop(name, None)
    _refuse_unknown(options)
    height, width = size
    if mode == "squash" and share == 1:
        return Resize(_side_or_sides(size), interpolation)
    if mode != "center" or height != width:
        shape = f"crop_mode={mode!r}, crop_pct={share}, {height} x {width} pixels"
        raise ValueError(
            f"create_loader({shape}): validation crops are central squares here, or whole images "
            'that are squashed (crop_mode="squash" with crop_pct=1)'
        )
    return CenterCrop(height, math.floor(height / share), interpolation)


_OF_TRAINING = (
    "no_aug",
    "re_prob",
    "re_mode",
    "re_count",
    "re_split",
    "train_crop_mode",
    "scale",
    "ratio",
    "hflip",
    "vflip",
    "color_jitter",
    "color_jitter_prob",
    "grayscale_prob",
    "gaussian_blur_prob",
    "auto_augment",
    "num_aug_splits",
)


class _TimmMixing:
    """timm's ``Mixup`` with random numbers of (seed, epoch, batch)."""

    def __init__(self, mixup: Any, seed: int, *, enabled: bool) -> None:
        self._mixup = copy.copy(mixup)
        self._mixup.mixup_enabled = enabled
        self._seed = seed

    def __call__(self, images: Any, labels: Any, *, epoch: int, batch: int) -> tuple[Any, Any]:
        from timm.data import Mixup  # noqa: PLC0415 - there, since there is one

        earlier = np.random.get_state()  # noqa: NPY002 - what timm draws from
        words = [self._seed & 0xFFFFFFFF, self._seed >> 32, epoch, batch]
        np.random.seed(words)  # noqa: NPY002
        try:
            mixed: tuple[Any, Any] = Mixup.__call__(self._mixup, images, labels)
        finally:
            np.random.set_state(earlier)  # noqa: NPY002
        return mixed


def _mixing(collate_fn: Any, seed: int) -> tuple[_TimmMixing, _TimmMixing]:
    """What mixes as a ``FastCollateMixup`` says, and what makes targets only."""
    from timm.data import FastCollateMixup  # noqa: PLC0415 - there, since there is one

    if not isinstance(collate_fn, FastCollateMixup):
        raise ValueError(  # noqa: TRY004 - it is the kind of options, all of which are refused so
            f"create_loader(collate_fn={collate_fn!r}): batches are made by the core; a "
            "FastCollateMixup is taken, which says how to mix them"
        )
    if collate_fn.mode not in ("batch", "pair", "elem"):
        raise ValueError(
            f"create_loader: mixing takes batch, pair or elem, not {collate_fn.mode!r}"
        )
    return (
        _TimmMixing(collate_fn, seed, enabled=True),
        _TimmMixing(collate_fn, seed, enabled=False),
    )


def _refuse(function: str, given: Mapping[str, Any], reasons: Mapping[str, str]) -> None:
    for name, reason in reasons.items():
        if given[name]:
            raise ValueError(f"{function}({name}={given[name]!r}): {reason}")


def _refuse_unknown(options: Mapping[str, Any]) -> None:
    if options:
        raise TypeError(f"create_loader got an unexpected argument {next(iter(options))!r}")


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) != 3:
        raise ValueError(f"mean and std are three numbers each, for RGB, not {tuple(values)}")
    return float(values[0]), float(values[1]), float(values[2])


def _side_or_sides(size: tuple[int, int]) -> int | tuple[int, int]:
    return size[0] if size[0] == size[1] else size


def _height_and_width(size: int | tuple[int, ...]) -> tuple[int, int]:
    if isinstance(size, int):
        return size, size
    if len(size) == 3 and size[0] != 3:
        raise ValueError(f"input_size={tuple(size)}: images have three channels, RGB")
    return size[-2], size[-1]


def _name_of(dtype: torch.dtype) -> Any:
    for name, each in TORCH_DTYPES.items():
        if each == dtype:
            return name
    raise ValueError(f"img_dtype must be one of {', '.join(TORCH_DTYPES)}, not {dtype}")

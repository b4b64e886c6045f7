"""Loaders of recipes for training scripts: one call in place of transforms and ``DataLoader``."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any, TypeVar

import fastinet
from fastinet.base.checks import whole_number
from fastinet.pixels.transforms import CenterCrop, RandomCrop
from fastinet.pixels.view_groups import MultiCrop
from fastinet.recipes import Recipe
from fastinet.torch.image_folder import ImageFolder
from fastinet.torch.loader import Batch, Loader
from fastinet.torch.roots import open_root
from fastinet.torch.trainer_loader import TrainerLoader

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from fastinet.items.dataset import Dataset
    from fastinet.pixels.output import DType
    from fastinet.pixels.transforms import SingleTransform
    from fastinet.pixels.view_groups import SameCrop, Transform

__all__ = ["train_loader", "val_loader"]

OneCrop = TypeVar("OneCrop", bound="SingleTransform | SameCrop")


def train_loader(
    recipe: str | Recipe,
    dataset: Dataset | ImageFolder | str | os.PathLike[str],
    batch_size: int,
    *,
    size: int | None = None,
    mixing: bool = False,
    classes: int | None = None,
    seed: int = 0,
    first_epoch: int = 0,
    inputs: Callable[[Any, Any, Batch], Any] | None = None,
    endless: bool = False,
    first_batch: int = 0,
    reseed: bool = False,
    split: str | None = None,
    device: torch.device | str | int | None = None,
    dtype: DType = "float32",
    **options: Any,
) -> TrainerLoader:
    """Training batches of a recipe, as scripts in PyTorch loop over them.

    ::

        data_loader = fastinet.torch.train_loader("deit", "ILSVRC2012_img_train.tar", 64)

    takes the place of a script's ``ImageFolder``, transforms, sampler and ``DataLoader``: items are
    shuffled, repeated where the recipe repeats them, dealt out to the ranks that torch.distributed
    or the launcher tells of, and normalised; batches are all full.

    Args:
        recipe: a name that `fastinet.recipe` takes, or a `Recipe`.
        dataset: from `fastinet.open`, or a path, as `open_root` takes it: an archive, a folder, or
            what scripts make of one, ``data/train``. Or an `ImageFolder`, or what a script derives
            from it: its samples are loaded, and rows get what its ``__getitem__`` adds, such as
            masks; the recipe's transform is in the place of its own. See `TrainerLoader`.
        batch_size: rows of a batch on this rank.
        size: height and width of the crops [pixels], where it is another than the recipe's.
        mixing: let the loader mix batches as the recipe does, and give targets, float32 [B, C].
            False is for scripts that mix by themselves.
        classes: C, number of classes of these targets; None: those of the dataset.
        seed: of order, crops and all that is drawn. Every rank has the same.
        first_epoch: which epoch the first loop is, for runs that go on:
            ``first_epoch=args.start_epoch``.
        inputs: makes of images, labels and the batch what the script takes, where that is not
            ``(images, labels)``; see `TrainerLoader`, likewise `endless`, `first_batch` and
            `reseed`.
        endless: for scripts that count steps and not epochs.
        first_batch: steps that the run has had already, in place of `first_epoch`.
        reseed: seed the global generators before each batch, for scripts that draw from them what
            is to come again when a run goes on.
        split: of a path, which part; None: as the path says, see `fastinet.open`.
        device: see `fastinet.torch.Loader`; likewise `dtype`.
        dtype: see there.
        options: further arguments of `fastinet.torch.Loader`, such as `threads` and `on_error`;
            `shuffle`, `drop_last`, `rank` and `world`, too, where they are to be others.

    Raises:
        TypeError, ValueError: as `fastinet.recipe`, `fastinet.open` and `fastinet.torch.Loader` do;
            `size` for a recipe of several sizes; `mixing` for one that mixes nothing; both
            `first_epoch` and `first_batch`; `mixing` or `inputs` with an `ImageFolder` that adds
            something.
    """
    if first_epoch and first_batch:
        raise ValueError(
            f"first_epoch={first_epoch} and first_batch={first_batch} both say where the run goes "
            "on: give first_epoch to a script that counts epochs, first_batch to one that counts "
            "steps"
        )
    recipe = recipe if isinstance(recipe, Recipe) else fastinet.recipe(recipe)
    chosen = {**recipe.train_options(), "shuffle": True, "drop_last": True, "seed": seed}
    chosen["transform"] = _of_size(recipe.train, size)
    if size is not None:
        chosen.pop("sizes", None)  # the schedule of another size
    ds, folder = _opened(dataset, split)
    mix = unmixed = None
    if mixing:
        if recipe.mixing is None:
            raise ValueError(f"mixing=True, but recipe {recipe.name!r} mixes nothing")
        number = len(ds.classes) if classes is None else whole_number("classes", classes, 1, 2**31)
        mix = recipe.mixing(classes=number, seed=seed)
        plain = dataclasses.replace(recipe.mixing, mixup=0.0, cutmix=0.0)
        unmixed = plain(classes=number)
    elif classes is not None:
        raise ValueError("classes= is the number of classes of mixed targets: give mixing=True too")
    loader = _made(ds, batch_size, chosen, device, dtype, options)
    made = TrainerLoader(
        loader,
        mix,
        unmixed,
        inputs=inputs,
        endless=endless,
        first_batch=first_batch,
        folder=folder,
        reseed=reseed,
    )
    if first_epoch:
        made.set_epoch(first_epoch)
    return made


def val_loader(
    recipe: str | Recipe,
    dataset: Dataset | ImageFolder | str | os.PathLike[str],
    batch_size: int,
    *,
    size: int | None = None,
    split: str | None = None,
    device: torch.device | str | int | None = None,
    dtype: DType = "float32",
    **options: Any,
) -> TrainerLoader:
    """Validation batches of a recipe: each item once, in order, dealt out to the ranks.

    Ranks may have different numbers of batches, and the last batch may be short. Where a loop has
    all ranks meet in every batch, ``pad_last="wrap"`` gives all of them equally many, of which the
    last ones show the first items again.

    Args:
        recipe: see `train_loader`, likewise the others.
        dataset: see there.
        batch_size: rows of a batch on this rank.
        size: height and width of the central crop [pixels], where it is another than the recipe's.
            The image is resized in proportion: for a recipe of 256 and 224, 96 gives 109 and 96.
        split: of a path, which part; None: as the path says.
        device: see `fastinet.torch.Loader`; likewise `dtype`.
        dtype: see there.
        options: further arguments of `fastinet.torch.Loader`.

    Raises:
        TypeError, ValueError: as `train_loader` does.
    """
    recipe = recipe if isinstance(recipe, Recipe) else fastinet.recipe(recipe)
    chosen = {**recipe.val_options(), "transform": _of_size(recipe.val, size)}
    ds, folder = _opened(dataset, split)
    return TrainerLoader(_made(ds, batch_size, chosen, device, dtype, options), folder=folder)


def _made(
    dataset: Dataset,
    batch_size: int,
    chosen: dict[str, Any],
    device: torch.device | str | int | None,
    dtype: DType,
    options: dict[str, Any],
) -> Loader:
    every: dict[str, Any] = {"rank": "auto", "world": "auto", **chosen, **options}
    return Loader(dataset, batch_size, device=device, dtype=dtype, **every)


def _opened(dataset: Any, split: str | None) -> tuple[Dataset, ImageFolder | None]:
    """The dataset, and the folder that rows go through, where there is one that adds something."""
    if isinstance(dataset, str | os.PathLike):
        return open_root(dataset, split), None
    if split is not None:
        raise ValueError("split= is for a path; a dataset is of one split already")
    if isinstance(dataset, ImageFolder):
        samples = dataset.in_order()
        return samples, dataset if dataset.adds_to(samples) else None
    opened: Dataset = dataset
    return opened, None


def _of_size(transform: Transform, size: int | None) -> Transform:
    """A recipe's transform for crops of another size, where it has one size only."""
    if size is None:
        return transform
    if not isinstance(transform, MultiCrop):
        return _single_of_size(transform, size)
    sizes = {group.transform.size for group in transform.groups if group.transform.size is not None}
    if len(sizes) > 1:
        raise ValueError(
            f"size={size}, but this recipe has crops of {len(sizes)} sizes: "
            "dataclasses.replace(recipe, train=...) makes a recipe of others"
        )
    groups = (
        dataclasses.replace(group, transform=_single_of_size(group.transform, size))
        for group in transform.groups
    )
    return MultiCrop(*groups)


def _single_of_size(transform: OneCrop, size: int) -> OneCrop:
    """The same with a row of another size, which the image before a central crop follows."""
    if isinstance(transform, CenterCrop | RandomCrop) and transform.resize is not None:
        was = transform.size
        height = was if isinstance(was, int) else was[0]
        whole_number("size", size, 1, 2**16)
        resize = transform.resize * size // height
        return dataclasses.replace(transform, size=size, resize=resize)
    if transform.size is None:  # that of the crop that it shows
        return transform
    return dataclasses.replace(transform, size=size)

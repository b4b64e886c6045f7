"""What the loops of published training scripts do with their loader, call by call, in their words.

Each loop here does what the script of its name does between building its loader and its checkpoint
(read in the sources that docs/trainers names), for two epochs, killed after the first and gone on
with. The network is a linear one; what counts is what the loop asks and what it gets.
"""
# ruff: noqa: PLW2901 - scripts assign to their loops' variables

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastinet
from fastinet import MultiCrop

torch = pytest.importorskip("torch")

from fastinet.torch import ImageFolder, TrainerLoader, train_loader, val_loader  # noqa: E402

Seen = list[Any]
EPOCHS = 2


def log_every(iterable: Any) -> Iterator[Any]:
    """The MetricLogger of torchvision, DeiT, MAE, DINO and ConvNeXt: it needs a length."""
    width = len(str(len(iterable)))
    for number, thing in enumerate(iterable):
        assert len(f"[{number:{width}d}/{len(iterable)}]") == 2 * width + 3
        yield thing


def deit(loader: Any, epoch: int, distributed: bool, seen: Seen) -> None:
    """DeiT's, ConvNeXt's and MAE's scripts tell the epoch under several processes only."""
    if distributed:
        loader.sampler.set_epoch(epoch)
    for step, (samples, targets) in enumerate(log_every(loader)):
        assert 0 <= step / len(loader) + epoch < EPOCHS  # MAE's learning rate
        samples = samples.to(torch.device("cpu"), non_blocking=True)
        targets = targets.to(torch.device("cpu"), non_blocking=True)
        seen.append((samples.clone(), targets.clone()))
        samples.mul_(0.5)  # timm's Mixup writes into its batch


def torchvision(loader: Any, epoch: int, distributed: bool, seen: Seen) -> None:
    """The script has a sampler of its own to tell; its labels may be targets."""
    del epoch, distributed
    for image, target in log_every(loader):
        image, target = image.to("cpu"), target.to("cpu")
        loss = torch.nn.functional.cross_entropy(image.mean((2, 3)) @ torch.ones(3, 5), target)
        assert torch.isfinite(loss)
        if target.ndim == 2:
            target = target.max(dim=1)[1]  # its accuracy
        seen.append((image, target))


def dino(loader: Any, epoch: int, distributed: bool, seen: Seen) -> None:
    """DINO always tells the epoch; crops are grouped by their resolution."""
    del distributed
    loader.sampler.set_epoch(epoch)
    for it, (images, _) in enumerate(log_every(loader)):
        it = len(loader) * epoch + it
        images = [im.to("cpu", non_blocking=True) for im in images]
        sizes = torch.tensor([crop.shape[-1] for crop in images])
        idx = torch.cumsum(torch.unique_consecutive(sizes, return_counts=True)[1], 0)
        assert idx.tolist() == [2, 10]
        assert torch.cat(images[: idx[0]]).shape[0] == 2 * len(images[0])
        seen.append((torch.cat(images[2:]), torch.tensor(it)))


def moco(loader: Any, epoch: int, distributed: bool, seen: Seen) -> None:
    """MoCo v3 assigns to the list of views."""
    del distributed
    for i, (images, _) in enumerate(loader):
        assert i / len(loader) + epoch < EPOCHS
        images[0] = images[0].to("cpu", non_blocking=True)
        images[1] = images[1].to("cpu", non_blocking=True)
        seen.append((images[0], images[1]))


def swin(loader: Any, epoch: int, distributed: bool, seen: Seen) -> None:
    """Swin always tells the epoch, and counts its steps."""
    del distributed
    loader.sampler.set_epoch(epoch)
    num_steps = len(loader)
    for idx, (samples, targets) in enumerate(loader):
        assert epoch * num_steps + idx < EPOCHS * num_steps
        seen.append((samples, targets))


def timm(loader: Any, epoch: int, distributed: bool, seen: Seen) -> None:
    """The script looks for who is to be told the epoch: train.py's _set_loader_epoch."""
    del distributed
    if hasattr(loader.dataset, "set_epoch"):
        loader.dataset.set_epoch(epoch)
    if hasattr(loader.batch_sampler, "set_epoch"):
        loader.batch_sampler.set_epoch(epoch)
    elif hasattr(loader.sampler, "set_epoch"):
        loader.sampler.set_epoch(epoch)
    if epoch >= 1 and loader.mixup_enabled:  # --mixup-off-epoch
        loader.mixup_enabled = False
    last_batch_idx = len(loader) - 1
    for batch_idx, (input, target) in enumerate(loader):  # noqa: A001 - its own words
        input = input.contiguous(memory_format=torch.channels_last)  # noqa: A001
        assert batch_idx <= last_batch_idx
        seen.append((input, target))


def swav(loader: Any, epoch: int, distributed: bool, seen: Seen) -> None:
    """SwAV's dataset gives no labels; its model wants a list, and its schedule a length."""
    del distributed
    loader.sampler.set_epoch(epoch)
    lr_schedule = range(len(loader) * EPOCHS)
    for it, inputs in enumerate(loader):
        assert epoch * len(loader) + it in lr_schedule
        assert isinstance(inputs, list)
        bs = inputs[0].size(0)
        idx_crops = torch.unique_consecutive(
            torch.tensor([inp.shape[-1] for inp in inputs]), return_counts=True
        )[1]
        assert (bs, idx_crops.tolist()) == (16, [2, 6])
        seen.append((torch.cat(inputs[:2]), torch.cat(inputs[2:])))


def ijepa(loader: Any, epoch: int, distributed: bool, seen: Seen) -> None:
    """I-JEPA's collator stacks rows, adds masks, and counts the batches that it made."""
    del distributed
    loader.set_epoch(epoch)
    for itr, (udata, masks_enc, masks_pred) in enumerate(loader):
        assert itr < len(loader)
        imgs = udata[0].to("cpu", non_blocking=True)
        assert len(masks_enc[0]) == len(masks_pred[0]) == len(imgs)
        seen.append((imgs, udata[1]))


def ijepa_collate(images: Any, labels: Any, _: Any) -> Any:
    """What MaskCollator does of rows; a mask is drawn for each."""
    rows = list(zip(images, labels, strict=True))
    masks = [torch.randint(0, 4, (len(rows), 2))]
    return torch.utils.data.default_collate(rows), masks, masks


def ibot(loader: Any, epoch: int, distributed: bool, seen: Seen) -> None:
    """IBOT tells its own dataset the epoch, too; that adds masks to what ImageFolder gives."""
    del distributed
    loader.sampler.set_epoch(epoch)
    loader.dataset.set_epoch(epoch)
    for it, (images, labels, masks) in enumerate(log_every(loader)):
        assert len(loader) * epoch + it < EPOCHS * len(loader)
        images = [im.to("cpu", non_blocking=True) for im in images]
        masks = [msk.to("cpu", non_blocking=True) for msk in masks]
        assert [len(msk) for msk in masks] == [16] * 12
        assert {msk.dtype for msk in masks} == {torch.bool}
        assert masks[0].flatten(1).sum(1).tolist() == [epoch] * 16
        seen.append((torch.cat(images[:2]), torch.cat(images[2:]), labels))


def solo_learn(loader: Any, epoch: int, distributed: bool, seen: Seen) -> None:
    """Methods of solo-learn take items' numbers first; Lightning tells the epoch."""
    del distributed
    loader.sampler.set_epoch(epoch)
    for batch in loader:
        _, X, targets = batch  # noqa: N806 - its own words
        X = [X] if isinstance(X, torch.Tensor) else X  # noqa: N806
        assert len(X) == 2
        seen.append((X[0], X[1], targets))


def open_clip(loader: Any, epoch: int, distributed: bool, seen: Seen) -> None:
    """open_clip counts batches and samples by names of its own, and tells nobody the epoch."""
    del distributed
    num_batches_per_epoch = loader.num_batches // 1
    for i, batch in enumerate(loader):
        step = num_batches_per_epoch * epoch + i
        assert step < EPOCHS * num_batches_per_epoch
        images, texts = batch
        images = images.to(device="cpu", dtype=torch.float32, non_blocking=True)
        texts = texts.to(device="cpu", non_blocking=True)
        seen.append((images, texts))
    assert num_batches_per_epoch * 16 == loader.num_samples


def simclr(loader: Any, epoch: int, distributed: bool, seen: Seen) -> None:
    """Spijkervet's script, and Lightly's loops, take two views apart."""
    del epoch, distributed
    for step, ((x_i, x_j), _) in enumerate(loader):
        assert step < len(loader)
        seen.append((x_i, x_j))


def fastai(loader: Any, epoch: int, distributed: bool, seen: Seen) -> None:
    """Learner asks how many parts of a batch are inputs, and slices it; its loader is bare."""
    del epoch, distributed
    loader = loader.loader
    for _, b in enumerate(loader):
        i = getattr(loader, "n_inp", 1 if len(b) == 1 else len(b) - 1)
        (xb,), (yb,) = b[:i], b[i:]
        seen.append((xb, yb))


def small(name: str) -> fastinet.recipes.Recipe:
    """A recipe of crops of two sizes, made for small networks."""
    recipe = fastinet.recipe(name)
    assert isinstance(recipe.train, MultiCrop)
    groups = [
        dataclasses.replace(
            group, transform=dataclasses.replace(group.transform, size=24 if large else 12)
        )
        for group in recipe.train.groups
        for large in [group.transform.size == 224]
    ]
    return dataclasses.replace(recipe, train=MultiCrop(*groups))


SCRIPTS: dict[str, tuple[Callable[..., None], Any, dict[str, Any]]] = {
    "deit": (deit, "deit", {"size": 24}),
    "deit3": (deit, "deit3", {"size": 24}),
    "convnext": (deit, "convnext", {"size": 24}),
    "mae": (deit, "mae", {"size": 24}),
    "mae-linear": (deit, "mae-linear", {"size": 24}),
    "torchvision": (torchvision, "torchvision-v2", {"size": 24, "mixing": True}),
    "torchvision-v1": (torchvision, "torchvision-v1", {"size": 24}),
    "swin": (swin, "swin", {"size": 24}),
    "timm": (timm, "rsb-a3", {"size": 24, "mixing": True}),
    "mocov3": (moco, "mocov3", {"size": 24}),
    "simclr": (moco, "simclr-symmetric", {"size": 24}),
    "dino": (dino, small("dino"), {}),
    "swav": (swav, small("swav"), {"inputs": lambda crops, *_: crops}),
    "ijepa": (ijepa, "ijepa", {"size": 24, "inputs": ijepa_collate}),
    "solo-learn": (
        solo_learn,
        "byol",
        {"size": 24, "inputs": lambda views, labels, batch: (batch.indices, views, labels)},
    ),
    "open_clip": (
        open_clip,
        "clip",
        {"size": 24, "inputs": lambda images, labels, _: (images, labels[:, None])},
    ),
    "simclr-lightly": (simclr, "simclr-symmetric", {"size": 24}),
    "ffcv": (torchvision, "ffcv-rn50-16", {"size": 24}),
    "fastai": (fastai, "mae", {"size": 24}),
}


def same(left: Seen, right: Seen) -> bool:
    return len(left) == len(right) and all(
        torch.equal(a, b)
        for pair in zip(left, right, strict=True)
        for a, b in zip(*pair, strict=True)
    )


@pytest.mark.parametrize("name", SCRIPTS)
def test_run_goes_on_from_an_epochs_end(dataset: fastinet.Dataset, name: str) -> None:
    loop, recipe, options = SCRIPTS[name]
    whole: Seen = []
    loader = train_loader(recipe, dataset, 16, seed=3, **options)
    for epoch in range(EPOCHS):
        loop(loader, epoch, False, whole)
    assert len(whole) == EPOCHS * len(loader)
    rest: Seen = []
    resumed = train_loader(recipe, dataset, 16, seed=3, first_epoch=1, **options)
    loop(resumed, 1, False, rest)
    assert same(whole[len(loader) :], rest)
    assert not same(whole[: len(loader)], rest)


class ImageFolderMask(ImageFolder):
    """What iBOT derives from ImageFolder: a mask for each crop; here as many patches as epochs."""

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __getitem__(self, index: int) -> Any:
        output = super().__getitem__(index)
        masks = []
        for img in output[0]:
            mask = np.zeros((img.shape[1] // 4, img.shape[2] // 4), dtype=bool)
            mask.reshape(-1)[: self.epoch] = True
            masks.append(mask)
        return (*output, masks)


def test_ibot_goes_on_with_masks_of_its_own_dataset(archive_path: Path) -> None:
    recipe = small("ibot")

    def train(first: int) -> Seen:
        dataset = ImageFolderMask(str(archive_path), transform=None)
        loader = train_loader(recipe, dataset, 16, seed=3)
        assert loader.dataset is dataset
        seen: Seen = []
        for epoch in range(first, EPOCHS):
            ibot(loader, epoch, True, seen)
        return seen

    whole = train(0)
    assert same(whole[len(whole) // 2 :], train(1))
    labels = [label for _, label in ImageFolder(str(archive_path)).samples]
    assert set(torch.cat([each[2] for each in whole]).tolist()) == set(labels)


def dinov2_collate(samples_list: Any) -> dict[str, Any]:
    """What collate_data_and_cast asks of samples, but for the masks."""
    n_global_crops = len(samples_list[0][0]["global_crops"])
    n_local_crops = len(samples_list[0][0]["local_crops"])
    return {
        f"collated_{kind}_crops": torch.stack(
            [s[0][f"{kind}_crops"][i] for i in range(count) for s in samples_list]
        ).to(torch.half)
        for kind, count in (("global", n_global_crops), ("local", n_local_crops))
    }


@pytest.mark.parametrize("name", ["dinov2", "dinov3"])
def test_dino_goes_on_from_any_step(dataset: fastinet.Dataset, name: str) -> None:
    """They count steps, whose number they ask the loop to reach, and save at any of them."""

    def train(start_iter: int) -> Seen:
        data_loader = train_loader(
            small(name),
            dataset,
            8,
            endless=True,
            first_batch=start_iter,
            inputs=lambda views, *_: dinov2_collate(
                [
                    ({"global_crops": v[:2], "local_crops": v[2:]}, ())
                    for v in zip(*views, strict=True)
                ]
            ),
        )
        seen: Seen = []
        for iteration, data in enumerate(data_loader, start_iter):
            assert data["collated_global_crops"].shape == (2 * 8, 3, 24, 24)
            assert data["collated_local_crops"].shape == (8 * 8, 3, 12, 12)
            seen.append((data["collated_global_crops"], data["collated_local_crops"]))
            if iteration + 1 >= 9:
                break
        return seen

    whole = train(0)
    assert len({images.sum().item() for images, _ in whole}) == len(whole) == 9
    assert same(whole[4:], train(4))
    assert same(whole[8:], train(8))


def test_composer_goes_on_in_the_middle_of_an_epoch(dataset: fastinet.Dataset) -> None:
    """It begins each epoch that is over, takes a batch of it, and drops those that it has had."""

    def trained(loader: Any, epoch: int, batch_in_epoch: int) -> Seen:
        for _ in range(epoch):  # Trainer._spin_dataloaders_to_cur_epoch
            for _ in loader:
                break
        seen: Seen = []
        for batch_idx, batch in enumerate(loader):
            if batch_idx < batch_in_epoch:
                continue
            assert isinstance(batch, tuple)  # DataSpec: neither of a mapping nor of a list
            sizes = {tensor.shape[0] for tensor in batch}
            assert sizes == {16}
            pieces = [tensor.split(4) for tensor in batch]
            assert len(list(zip(*pieces, strict=True))) == 4
            seen.append(batch)
        return seen

    whole: Seen = []
    loader = train_loader("mae", dataset, 16, size=24)
    for _ in range(EPOCHS):
        whole += trained(loader, 0, 0)
    rest = trained(train_loader("mae", dataset, 16, size=24), 1, 1)
    assert same(whole[len(loader) + 1 :], rest)


@pytest.mark.parametrize("name", ["deit", "swin", "timm"])
def test_ranks_share_an_epoch(
    dataset: fastinet.Dataset, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a launcher, one line of glue is the same line, and no item comes twice."""
    loop, _, options = SCRIPTS[name]
    labels = []
    for rank in range(2):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", "2")
        loader = train_loader("mae", dataset, 4, size=options["size"])
        seen: Seen = []
        loop(loader, 0, True, seen)
        labels.append(torch.stack([pair[1] for pair in seen]))
    monkeypatch.delenv("RANK")
    monkeypatch.delenv("WORLD_SIZE")
    alone = train_loader("mae", dataset, 8, size=options["size"])
    expected = [each for _, each in alone]
    together = torch.stack(labels, -1).flatten(1)
    assert torch.equal(torch.stack(expected), together)


@pytest.mark.parametrize("recipe", ["deit", "torchvision-v2", "swin", "mae"])
def test_validation_counts_each_item(dataset: fastinet.Dataset, recipe: str) -> None:
    """The evaluation of torchvision compares what it saw with the dataset's length."""
    loader = val_loader(recipe, dataset, 16, size=24)
    num_processed_samples = 0
    with torch.inference_mode():
        for images, target in log_every(loader):
            assert images.shape[1:] == (3, 24, 24)
            num_processed_samples += len(target)
    assert hasattr(loader.dataset, "__len__")
    assert len(loader.dataset) == num_processed_samples


def test_the_path_of_a_script_is_its_own(archive_path: Path, dataset: fastinet.Dataset) -> None:
    """``os.path.join(args.data_path, "train")``, where the path is the folder of an archive."""
    traindir = os.path.join(archive_path.parent, "train")  # noqa: PTH118 - as scripts write it
    loader = train_loader("mae", traindir, 16, size=24)
    assert isinstance(loader, TrainerLoader)
    assert len(loader.dataset) == len(dataset)

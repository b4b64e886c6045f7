"""`torchvision.datasets.ImageFolder` over an archive, for scripts that exist."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, UnidentifiedImageError
from torch.utils import data

import fastinet
from fastinet.base.warning import warn
from fastinet.errors import FastinetError
from fastinet.items.dataset import Dataset
from fastinet.torch.crop_fronts import Front, front_of
from fastinet.torch.roots import open_root

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["ImageFolder", "MadeSample", "pil_loader"]


def pil_loader(file: Any) -> Image.Image:
    """The image in a file as torchvision loads it: ``PIL.Image.open(file).convert("RGB")``."""
    with Image.open(file) as image:
        return image.convert("RGB")


class ItemPath(str):
    """A key in the place of a path; it knows its item."""

    __slots__ = ("item",)

    item: int


class MadeSample(int):
    """The number of a sample whose image, or views, a loader has made already."""

    image: Any


class ImageFolder(data.Dataset[tuple[Any, Any]]):
    """`torchvision.datasets.ImageFolder` over any archive, without unpacking it.

    ``folder[i]`` is ``(image, target)``: what Pillow decodes, taken through `transform`. Order,
    targets, pixels and random numbers are those that torchvision's class has over the extracted
    archive, bit for bit. Where the pipeline begins with a crop or a resize, fastinet decodes no
    more than that needs, and hands an image of Pillow's to the rest: ``RandomResizedCrop``,
    ``RandomCrop``, ``CenterCrop`` and ``Resize`` of torchvision's two versions, and timm's
    ``RandomResizedCropAndInterpolation``, first in a ``Compose`` or alone, without padding. Their
    numbers are drawn by their own methods. All other pipelines get the whole image from Pillow, and
    so does an image that fastinet's decoder does not take.

    An image that is damaged somewhere else than in the crop is read, where Pillow refuses it.

    `transform`, `target_transform`, `samples` and `loader` may be changed or assigned to at any
    time. It pickles, and works in workers of ``DataLoader``.

    Args:
        root: the path of an archive, or what scripts make of one, ``imagenet.tar/train``, see
            `fastinet.torch.open_root`; or what `fastinet.open` gave.
        transform: of images; None gives images of Pillow's.
        target_transform: of targets.
        loader: called with a binary file object of the image's bytes, as there is no path; None, or
            a loader of torchvision's that opens images with Pillow, is `pil_loader`. With another
            one, all of the pipeline is its images' way.
        is_valid_file: called with an item's key; items for which it is false are left out.
        allow_empty: classes are those of the dataset, with its own numbers, also where no item has
            them. Otherwise they are those that items have, numbered as their folders would be; a
            warning says where these are others than the dataset's own.
        split: as for `fastinet.open`, where `root` is a path.

    Attributes:
        root: the archive's path.
        dataset: what `fastinet.open` gave.
        classes: list of str [K], the wnids of the classes (or their names, where they have none),
            sorted.
        class_to_idx: {class: its index in `classes`}.
        samples: list of (key, target), in the order of torchvision: by class, then by path.
        imgs: the same list.
        targets: list of int, of the samples; as torchvision's, it does not follow `samples`.
        wnids: `classes`, as `torchvision.datasets.ImageNet` calls them.
        wnid_to_idx: `class_to_idx`, likewise.
        transform, target_transform, loader: as given.

    Raises:
        FileNotFoundError: no item is left.
        ValueError: items have no labels, or `split` is given with a dataset.
        FastinetError: as `fastinet.open` does.
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | Dataset,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        loader: Callable[[Any], Any] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
        *,
        split: str | None = None,
    ) -> None:
        if isinstance(root, Dataset):
            if split is not None:
                raise ValueError("split goes with a path: open the dataset with it")
            self.dataset = root
        else:
            opened = open_root(Path(root).expanduser(), split)
            if not isinstance(opened, Dataset):
                raise TypeError(f"ImageFolder needs an archive on a disk, not {opened!r}")
            self.dataset = opened
        self.root = self.dataset.path
        self.transform, self.target_transform = transform, target_transform
        self.loader = pil_loader if loader is None or _is_torchvisions(loader) else loader
        chosen = _chosen_items(self.dataset, is_valid_file)
        labels = self.dataset.labels[chosen]
        self.classes, targets = _numbered(self.dataset, labels, keep_all=allow_empty)
        self.class_to_idx = {name: number for number, name in enumerate(self.classes)}
        self.samples: list[tuple[str, int]] = _samples(self.dataset, chosen, targets)
        self.imgs = self.samples
        self.targets = [target for _, target in self.samples]
        self._items: dict[str, int] | None = None  # by key, once somebody has made paths of his own

    @property
    def wnids(self) -> list[str]:
        """See `classes`."""
        return self.classes

    @property
    def wnid_to_idx(self) -> dict[str, int]:
        """See `class_to_idx`."""
        return self.class_to_idx

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """The image and the target of a sample, taken through the transforms.

        Raises:
            IndexError: there is no such sample.
            KeyError: somebody has put a path into `samples` that is no key of the dataset.
            MissingError, ReadError: the archive is gone, was cut, or cannot be read.
            OSError: Pillow cannot decode the image; the message names the key.
        """
        path, target = self.samples[index]
        image = index.image if isinstance(index, MadeSample) else self._image(path)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target

    def __repr__(self) -> str:
        return f"<ImageFolder of {self.dataset!r}, transform={self.transform!r}>"

    def with_image(self, index: int, image: Any) -> Any:
        """``folder[index]`` with an image that is made already, or a tuple of views of it.

        Nothing is read, and `transform` has nothing to do. What a class that is derived from this
        one adds in its ``__getitem__`` is there.
        """
        made = MadeSample(index)
        made.image = image
        return self[made]

    def in_order(self) -> Dataset:
        """The dataset whose item i is sample i, as `samples` has them now."""
        return self.dataset.select([self._item_of(path) for path, _ in self.samples])

    def adds_to(self, dataset: Dataset) -> bool:
        """Whether items are more than the images and labels of a dataset with the same items."""
        return (
            type(self).__getitem__ is not ImageFolder.__getitem__
            or self.target_transform is not None
            or [target for _, target in self.samples] != dataset.labels.tolist()
        )

    def _image(self, path: str) -> Any:
        content = self.dataset.read(self._item_of(path))
        front = front_of(self.transform) if self.loader is pil_loader else None
        image = None if front is None else _fronted(front, content, path)
        if image is not None and front is not None:
            for step in front.rest:
                image = step(image)
            return image
        image = self._loaded(content, path)
        return image if self.transform is None else self.transform(image)

    def _loaded(self, content: bytes, path: str) -> Any:
        if self.loader is pil_loader:
            return _opened(content, path)
        return self.loader(_file(content, path))

    def _item_of(self, path: str) -> int:
        if isinstance(path, ItemPath):
            return path.item
        if self._items is None:
            self._items = {key: item for item, key in enumerate(self.dataset.keys)}
        return self._items[path]


def _fronted(front: Front, content: bytes, path: str) -> Image.Image | None:
    """What the front of a pipeline makes of an image; None: it is not for fastinet to do.

    Once something was drawn, it is done with what was drawn: by Pillow, if fastinet cannot. Where
    Pillow cannot either, generators stand where they stood, as if it had been asked first.
    """
    try:
        header = fastinet.read_header(content)
    except FastinetError:
        return None
    put_back = front.remembered()
    cut = front.draw(header.height, header.width)
    if cut is None:
        return None
    try:
        return Image.fromarray(cut.native(content))
    except (FastinetError, ValueError):
        try:
            image = _opened(content, path)
        except Exception:
            put_back()
            raise
        return cut.pillow(image)


def _file(content: bytes, path: str) -> io.BytesIO:
    """A file object with a name, which messages and loaders may want."""
    file = io.BytesIO(content)
    file.name = str(path)
    return file


def _opened(content: bytes, path: str) -> Image.Image:
    try:
        return pil_loader(_file(content, path))
    except OSError as error:
        if path in str(error):
            raise
        kind = type(error) if type(error) in (OSError, UnidentifiedImageError) else OSError
        raise kind(f"{path}: {error}") from error


def _is_torchvisions(loader: Callable[[Any], Any]) -> bool:
    """Whether it is one of torchvision's loaders, which open a path with Pillow."""
    names = ("default_loader", "pil_loader")
    return (
        getattr(loader, "__module__", None) == "torchvision.datasets.folder"
        and getattr(loader, "__name__", None) in names
    )


def _chosen_items(
    dataset: Dataset, is_valid_file: Callable[[str], bool] | None
) -> NDArray[np.int64]:
    """The items that are samples."""
    chosen = np.arange(len(dataset))
    if is_valid_file is not None:
        kept = [bool(is_valid_file(key)) for key in dataset.keys]
        chosen = np.flatnonzero(kept)
    if not len(chosen):
        raise FileNotFoundError(f"no item of {dataset!r} is left for ImageFolder")
    unlabelled = int((dataset.labels[chosen] < 0).sum())
    if unlabelled:
        raise ValueError(
            f"{unlabelled} of {len(chosen)} items have no label, and an ImageFolder has classes: "
            "open the archive with labels=, or leave them out with is_valid_file"
        )
    return chosen


def _numbered(
    dataset: Dataset, labels: NDArray[np.int64], *, keep_all: bool
) -> tuple[list[str], NDArray[np.int64]]:
    """The names of the classes, and the labels as their numbers."""
    names = list(map(str, dataset.wnids))
    if keep_all:
        return names, labels
    present, targets = np.unique(labels, return_inverse=True)
    if not np.array_equal(present, np.arange(len(present))):
        warn(
            f"targets are numbers among the {len(present)} classes that items have, as "
            f"torchvision's ImageFolder numbers folders, and not the labels of {dataset!r}, which "
            f"has {len(names)} classes: allow_empty=True keeps those"
        )
    return [names[label] for label in present.tolist()], targets.reshape(-1).astype(np.int64)


def _samples(
    dataset: Dataset, chosen: NDArray[np.int64], targets: NDArray[np.int64]
) -> list[tuple[str, int]]:
    """(key, target) of each item, by class and then by folder and name."""
    paths = []
    for item in chosen.tolist():
        path = ItemPath(dataset.keys[item])
        path.item = item
        paths.append(path)
    samples: list[tuple[str, int]] = list(zip(paths, targets.tolist(), strict=True))
    samples.sort(key=_place)
    return samples


def _place(sample: tuple[str, int]) -> tuple[int, str, str]:
    """By what torchvision sorts: the class, its folders, the files in each."""
    path, target = sample
    folder, _, name = path.rpartition("/")
    return target, folder, name

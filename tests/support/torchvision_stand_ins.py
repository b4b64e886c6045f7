"""Transforms that have the names, attributes and methods of torchvision's, in Pillow and torch.

They stand in for torchvision where it is not installed; where it
is, `tests/frameworks/test_torch_crop_fronts.py` tries both.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from PIL import Image

MODULE = "torchvision.transforms.transforms"


def size_of(image: Any) -> tuple[int, int]:
    """(height, width) of an image of Pillow's, or of a tensor [..., H, W]."""
    if isinstance(image, torch.Tensor):
        return int(image.shape[-2]), int(image.shape[-1])
    return image.height, image.width


def both(size: Any) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else tuple(size)


def number(high: int) -> int:
    return int(torch.randint(0, high, size=(1,)).item())


class Compose:
    """Transforms, one behind the other."""

    def __init__(self, transforms: list[Any]) -> None:
        self.transforms = transforms

    def __call__(self, image: Any) -> Any:
        for each in self.transforms:
            image = each(image)
        return image


class Resize:
    """The shorter side, or both, to a length."""

    def __init__(self, size: Any, interpolation: str = "bilinear") -> None:
        self.size, self.interpolation, self.max_size = size, interpolation, None

    def __call__(self, image: Any) -> Any:
        height, width = size_of(image)
        if isinstance(self.size, int):
            short, long = sorted((height, width))
            longer = int(self.size * long / short)
            size = (self.size, longer) if height <= width else (longer, self.size)
        else:
            size = both(self.size)
        return image.resize(size[::-1], getattr(Image.Resampling, self.interpolation.upper()))


class CenterCrop:
    """The middle; what an image lacks is black."""

    def __init__(self, size: Any) -> None:
        self.size = both(size)

    def __call__(self, image: Any) -> Any:
        height, width = size_of(image)
        lacking = [max(0, side - own) for side, own in zip(self.size, (height, width), strict=True)]
        if any(lacking):
            larger = Image.new("RGB", (width + lacking[1], height + lacking[0]))
            larger.paste(image, (lacking[1] // 2, lacking[0] // 2))
            image, (height, width) = larger, size_of(larger)
        top = round((height - self.size[0]) / 2.0)
        left = round((width - self.size[1]) / 2.0)
        return image.crop((left, top, left + self.size[1], top + self.size[0]))


class RandomCrop:
    """A part of a size anywhere."""

    def __init__(self, size: Any, padding: Any = None) -> None:
        self.size, self.padding = both(size), padding
        self.pad_if_needed, self.padding_mode = False, "constant"

    @staticmethod
    def get_params(image: Any, size: tuple[int, int]) -> tuple[int, int, int, int]:
        height, width = size_of(image)
        if height < size[0] or width < size[1]:
            raise ValueError(f"Required crop size {size} is larger than {(height, width)}")
        if (height, width) == size:
            return 0, 0, height, width
        return number(height - size[0] + 1), number(width - size[1] + 1), *size

    def __call__(self, image: Any) -> Any:
        if self.padding is not None:
            margin = self.padding
            larger = Image.new("RGB", (image.width + 2 * margin, image.height + 2 * margin))
            larger.paste(image, (margin, margin))
            image = larger
        top, left, height, width = self.get_params(image, self.size)
        return image.crop((left, top, left + width, top + height))


class RandomResizedCrop:
    """A random part, resized."""

    def __init__(self, size: Any, interpolation: Any = "bilinear") -> None:
        self.size, self.interpolation = both(size), interpolation
        self.scale, self.ratio = (0.08, 1.0), (3 / 4, 4 / 3)

    @staticmethod
    def get_params(image: Any, scale: Any, ratio: Any) -> tuple[int, int, int, int]:
        height, width = size_of(image)
        area = height * width * torch.empty(1).uniform_(*scale).item()
        aspect = math.exp(torch.empty(1).uniform_(*map(math.log, ratio)).item())
        box_width = min(width, max(1, round(math.sqrt(area * aspect))))
        box_height = min(height, max(1, round(math.sqrt(area / aspect))))
        top, left = number(height - box_height + 1), number(width - box_width + 1)
        return top, left, box_height, box_width

    def __call__(self, image: Any) -> Any:
        top, left, height, width = self.get_params(image, self.scale, self.ratio)
        part = image.crop((left, top, left + width, top + height))
        return part.resize(
            self.size[::-1], getattr(Image.Resampling, str(self.interpolation).upper())
        )


class RandomHorizontalFlip:
    """Mirrors every other image."""

    def __call__(self, image: Any) -> Any:
        is_mirrored = torch.rand(1).item() < 0.5
        return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if is_mirrored else image


for _kind in (Compose, Resize, CenterCrop, RandomCrop, RandomResizedCrop, RandomHorizontalFlip):
    _kind.__module__ = MODULE

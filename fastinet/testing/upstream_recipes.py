"""The transforms of recipes as their authors write them, in torchvision's and timm's objects.

They show what `fastinet.recipe` has to agree with, and what it is measured beside. Needs torch,
torchvision and timm, which are imported when a transform is asked for.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from fastinet.pixels.output import IMAGENET_MEAN, IMAGENET_STD

__all__ = [
    "UPSTREAM",
    "PillowBlur",
    "UpstreamView",
    "black_without_bits",
    "upstream_rows",
    "upstream_views",
]

OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)
OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class UpstreamView:
    """Views of an image that are made alike.

    Attributes:
        transform: from an image to a float tensor [3, H, W].
        count: how many there are.
        crop: what comes before that, from an image to its crop: once for all views that have the
            same one. None: nothing does.
    """

    transform: Callable[[Image.Image], Any]
    count: int = 1
    crop: Callable[[Image.Image], Image.Image] | None = None


def upstream_rows(views: Sequence[UpstreamView], image: Image.Image) -> Iterator[Any]:
    """All views of an image, one after another."""
    crops: dict[int, Image.Image] = {}
    for view in views:
        cropped = image
        if view.crop is not None:
            if id(view.crop) not in crops:
                crops[id(view.crop)] = view.crop(image)
            cropped = crops[id(view.crop)]
        for _ in range(view.count):
            yield view.transform(cropped)


class PillowBlur:
    """The blur of DINO, SwAV, MoCo v3 and DeiT III: Pillow's, of a random radius."""

    def __init__(self, low: float = 0.1, high: float = 2.0) -> None:
        self.sigma = (low, high)

    def __call__(self, image: Image.Image) -> Image.Image:
        """The image, blurred."""
        return image.filter(ImageFilter.GaussianBlur(random.uniform(*self.sigma)))  # noqa: S311


def upstream_views(name: str) -> list[UpstreamView]:
    """The training transforms of a recipe of this name, one of `UPSTREAM`."""
    made = UPSTREAM[name]()
    return made if isinstance(made, list) else [UpstreamView(made)]


def black_without_bits() -> None:
    """Makes timm's posterize give black for 0 bits, as it did before Pillow 13 refused them."""
    from timm.data import auto_augment  # noqa: PLC0415

    original = auto_augment.posterize

    def posterize(image: Image.Image, bits: int, **more: Any) -> Image.Image:
        if bits > 0:
            posterized: Image.Image = original(image, bits, **more)
            return posterized
        return Image.fromarray(np.zeros_like(np.asarray(image)))

    for operation in [name for name in auto_augment.NAME_TO_OP if name.startswith("Posterize")]:
        auto_augment.NAME_TO_OP[operation] = posterize


def _compose(*parts: Any, mean: Any = IMAGENET_MEAN, std: Any = IMAGENET_STD) -> Any:
    """`parts`, and then ToTensor and Normalize."""
    from torchvision import transforms as v1  # noqa: PLC0415

    return v1.Compose([*parts, v1.ToTensor(), v1.Normalize(mean, std)])


def _crop(
    size: int, low: float, interpolation: str, *, high: float = 1.0, flip: bool = True
) -> list[Any]:
    from torchvision import transforms as v1  # noqa: PLC0415

    mode = v1.InterpolationMode(interpolation)
    crop = v1.RandomResizedCrop(size, scale=(low, high), interpolation=mode)
    return [crop, v1.RandomHorizontalFlip()] if flip else [crop]


def _colours(*factors: float, grey: float = 0.2) -> list[Any]:
    """SimCLR's jitter, which happens to 8 of 10 images, and grey."""
    from torchvision import transforms as v1  # noqa: PLC0415

    jitter = v1.RandomApply([v1.ColorJitter(*factors)], p=0.8)
    return [jitter, v1.RandomGrayscale(grey)]


def _blur(p: float) -> Any:
    from torchvision import transforms as v1  # noqa: PLC0415

    return v1.RandomApply([PillowBlur()], p=p)


def _solarize(p: float) -> Any:
    from torchvision import transforms as v1  # noqa: PLC0415

    return v1.RandomSolarize(128, p)


def _torchvision(
    size: int, interpolation: str = "bilinear", erase: float = 0.0, **policy: Any
) -> Any:
    """``ClassificationPresetTrain`` of torchvision's references."""
    import torch  # noqa: PLC0415
    from torchvision import transforms as v1  # noqa: PLC0415

    mode = v1.InterpolationMode(interpolation)
    parts = _crop(size, 0.08, interpolation)
    for kind, options in policy.items():
        parts.append(getattr(v1, kind)(**options, interpolation=mode))
    parts += [
        v1.PILToTensor(),
        v1.ConvertImageDtype(torch.float),
        v1.Normalize(IMAGENET_MEAN, IMAGENET_STD),
    ]
    return v1.Compose([*parts, v1.RandomErasing(erase)] if erase else parts)


def _timm(size: int = 224, **options: Any) -> Any:
    """``create_transform`` of timm, as its training script and DeiT's call it."""
    from timm.data import create_transform  # noqa: PLC0415

    return create_transform(size, is_training=True, **options)


def _consistency() -> list[UpstreamView]:
    """The ``--aug-splits 3 --resplit`` of timm: a crop alone, which is not erased, and augmented.

    ``AugMixDataset`` shares the crop among them.
    """
    from torchvision import transforms as v1  # noqa: PLC0415

    crop, augmentation, final = _timm(
        auto_augment="rand-m9-mstd0.5-inc1",
        interpolation="random",
        re_prob=0.6,
        re_mode="pixel",
        separate=True,
    )
    *normalised, _ = final.transforms
    clean = UpstreamView(v1.Compose(normalised), crop=crop)
    changed = v1.Compose([*augmentation.transforms, *final.transforms])
    return [clean, *[UpstreamView(changed, crop=crop)] * 2]


def _deit() -> Any:
    return _timm(
        auto_augment="rand-m9-mstd0.5-inc1",
        interpolation="bicubic",
        re_prob=0.25,
        re_mode="pixel",
        re_count=1,
    )


def _three_augment(*crop: Any) -> Any:
    """``new_data_aug_generator`` of DeiT III, from the crop on."""
    from torchvision import transforms as v1  # noqa: PLC0415

    one = v1.RandomChoice([v1.Grayscale(3), _solarize(1.0), PillowBlur()])
    return _compose(*crop, one, v1.ColorJitter(0.3, 0.3, 0.3))


def _simple_random_crop() -> list[Any]:
    from torchvision import transforms as v1  # noqa: PLC0415

    return [
        v1.Resize(224, v1.InterpolationMode.BICUBIC),
        v1.RandomCrop(224, padding=4, padding_mode="reflect"),
        v1.RandomHorizontalFlip(),
    ]


def _symmetric() -> list[UpstreamView]:
    crop, flip = _crop(224, 0.08, "bicubic")
    return [UpstreamView(_compose(crop, *_colours(0.8, 0.8, 0.8, 0.2), _blur(0.5), flip), 2)]


def _asymmetric(low: float, interpolation: str) -> list[UpstreamView]:
    """The two views of BYOL and MoCo v3, mirrored at the end."""
    crop, flip = _crop(224, low, interpolation)
    colours = _colours(0.4, 0.4, 0.2, 0.1)
    return [
        UpstreamView(_compose(crop, *colours, *effects, flip))
        for effects in ([_blur(1.0)], [_blur(0.1), _solarize(0.2)])
    ]


def _swav() -> list[UpstreamView]:
    colours = [*_colours(0.8, 0.8, 0.8, 0.2), _blur(0.5)]
    std = (0.228, 0.224, 0.225)
    large, small = _crop(224, 0.14, "bilinear"), _crop(96, 0.05, "bilinear", high=0.14)
    return [
        UpstreamView(_compose(*large, *colours, std=std), 2),
        UpstreamView(_compose(*small, *colours, std=std), 6),
    ]


def _dino(blur: Callable[[float], Any], split: float, smalls: int = 8) -> list[UpstreamView]:
    """DINO's family: the large crops cover `split` of the image or more, the small ones less."""
    colours = _colours(0.4, 0.4, 0.2, 0.1)
    large = _crop(224, split, "bicubic")
    small = _crop(96, 0.05, "bicubic", high=split)
    return [
        UpstreamView(_compose(*large, *colours, blur(1.0))),
        UpstreamView(_compose(*large, *colours, blur(0.1), _solarize(0.2))),
        UpstreamView(_compose(*small, *colours, blur(0.5)), smalls),
    ]


def _dinov2_blur(p: float) -> Any:
    """DINOv2's ``GaussianBlur(p)``, which blurs with the probability 1 - p."""
    from torchvision import transforms as v1  # noqa: PLC0415

    return v1.RandomApply([v1.GaussianBlur(9, (0.1, 2.0))], p=1 - p)


UPSTREAM: Mapping[str, Callable[[], Any]] = {
    "torchvision-v1": lambda: _torchvision(224),
    "torchvision-v2": lambda: _torchvision(176, erase=0.1, TrivialAugmentWide={}),
    "torchvision-swin": lambda: _torchvision(224, "bicubic", 0.25, TrivialAugmentWide={}),
    "torchvision-vit": lambda: _torchvision(224, RandAugment={"magnitude": 9}),
    "torchvision-mobilenet-v3": lambda: _torchvision(224, erase=0.2, AutoAugment={}),
    "timm-default": lambda: _timm(interpolation="random"),
    "rsb-a1": lambda: _timm(auto_augment="rand-m7-mstd0.5-inc1", interpolation="bicubic"),
    "rsb-a2": lambda: _timm(auto_augment="rand-m7-mstd0.5-inc1", interpolation="bicubic"),
    "rsb-a3": lambda: _timm(160, auto_augment="rand-m6-mstd0.5-inc1", interpolation="bicubic"),
    "deit": _deit,
    "deit3": lambda: _three_augment(*_crop(224, 0.08, "bicubic")),
    "deit3-src": lambda: _three_augment(*_simple_random_crop()),
    "convnext": _deit,
    "swin": _deit,
    "efficientnet-timm": lambda: _timm(
        auto_augment="rand-m9-mstd0.5", interpolation="random", re_prob=0.2, re_mode="pixel"
    ),
    "resnet50-jsd": _consistency,
    "mae": lambda: _compose(*_crop(224, 0.2, "bicubic")),
    "mae-finetune": _deit,
    "ijepa": lambda: _compose(*_crop(224, 0.3, "bilinear", flip=False)),
    "clip": lambda: _compose(
        *_crop(224, 0.9, "bicubic", flip=False), mean=OPENAI_MEAN, std=OPENAI_STD
    ),
    "simclr-symmetric": _symmetric,
    "mocov3": lambda: _asymmetric(0.08, "bilinear"),
    "mocov3-rn50": lambda: _asymmetric(0.2, "bilinear"),
    "byol": lambda: _asymmetric(0.08, "bicubic"),
    "swav": _swav,
    "dino": lambda: _dino(_blur, 0.4),
    "ibot": lambda: _dino(_blur, 0.25, 10),
    "dinov2": lambda: _dino(_dinov2_blur, 0.32),
    "dinov3": lambda: _dino(_dinov2_blur, 0.32),
}
"""What makes the training transforms of each recipe: one transform, or a view for each group."""

"""Recipes that train on several views of an image, without labels.

What each function gives was read in the files that `source` names, unless `not_verified` says so.
Their validation is that of the linear classifier that is trained on the finished network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastinet.augment.operations import ColorJitter, GaussianBlur, Grayscale, Solarize
from fastinet.pixels.transforms import CenterCrop, RandomResizedCrop
from fastinet.pixels.view_groups import MultiCrop, View
from fastinet.recipes.description import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastinet.augment import Operation
    from fastinet.pixels.transform_parts import Interpolation

__all__ = ["self_supervised"]

VAL = CenterCrop(224, resize=256)
BICUBIC_VAL = CenterCrop(224, resize=256, interpolation="bicubic")

_GREY = Grayscale(p=0.2)
_STRONG = (ColorJitter(0.8, 0.8, 0.8, 0.2, p=0.8), _GREY)  # SimCLR's colours at strength 1
_WEAK = (ColorJitter(0.4, 0.4, 0.2, 0.1, p=0.8), _GREY)  # BYOL's
_SOLARIZE = Solarize(128, p=0.2)

_SOLO_LEARN = "vturrisi/solo-learn: solo/data/, scripts/pretrain/imagenet/augmentations/"
_FLIP_LAST = (
    "The authors mirror last; the order makes no difference to the pixels, since these operations "
    "commute with mirroring."
)
_INVERTED = (
    "The blur's rates are 0, 0.9 and 0.5, where the code seems to say 1, 0.1 and 0.5: its "
    "GaussianBlur passes 1 - p on as the probability. The published models were trained so. "
    "Blurs are torchvision's with 9 taps; a value in 10,000 may differ by 1."
)


def self_supervised() -> Iterator[Recipe]:
    """All of them, each made anew."""
    yield from _two_views()
    yield _swav()
    yield from _dino_family()


def _blur(p: float, kernel: int | None = None) -> GaussianBlur:
    return GaussianBlur((0.1, 2.0), p=p, kernel=kernel)


def _view(
    size: int,
    scale: tuple[float, float],
    interpolation: Interpolation,
    augment: tuple[Operation, ...],
    count: int = 1,
) -> View:
    crop = RandomResizedCrop(size, scale=scale, interpolation=interpolation, augment=augment)
    return View(crop, count=count)


def _two_views() -> Iterator[Recipe]:
    yield Recipe(
        "simclr",
        "SimCLR as its authors train it in TensorFlow",
        train=MultiCrop(
            View(
                RandomResizedCrop(
                    224,
                    box_rule="tensorflow",
                    interpolation="bicubic",
                    augment=(*_STRONG, _blur(0.5, kernel=23)),
                ),
                count=2,
            )
        ),
        val=BICUBIC_VAL,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        source="google-research/simclr: data_util.py",
        note=(
            "Values are 0 to 1. TensorFlow adjusts colours in floating point, contrast about the "
            "mean of each channel and saturation in HSV, resizes without antialiasing, and blurs a "
            "batch with one sigma and black borders: here all of these are Pillow's and "
            "torchvision's."
        ),
    )
    yield Recipe(
        "simclr-symmetric",
        "SimCLR as PyTorch's libraries train it",
        train=MultiCrop(_view(224, (0.08, 1.0), "bicubic", (*_STRONG, _blur(0.5)), 2)),
        val=VAL,
        source=f"{_SOLO_LEARN} symmetric.yaml",
        note=_FLIP_LAST,
    )
    for name, title, low in (
        ("mocov3", "MoCo v3, vision transformers", 0.08),
        ("mocov3-rn50", "MoCo v3, ResNet-50", 0.2),
    ):
        yield Recipe(
            name,
            title,
            train=MultiCrop(
                _view(224, (low, 1.0), "bilinear", (*_WEAK, _blur(1.0))),
                _view(224, (low, 1.0), "bilinear", (*_WEAK, _blur(0.1), _SOLARIZE)),
            ),
            val=VAL,
            source="facebookresearch/moco-v3: main_moco.py, main_lincls.py, CONFIG.md",
            note=_FLIP_LAST,
        )
    yield Recipe(
        "byol",
        "BYOL as PyTorch's libraries train it",
        train=MultiCrop(
            _view(224, (0.08, 1.0), "bicubic", (*_WEAK, _blur(1.0))),
            _view(224, (0.08, 1.0), "bicubic", (*_WEAK, _blur(0.1), _SOLARIZE)),
        ),
        val=VAL,
        source=f"{_SOLO_LEARN} asymmetric.yaml",
        note=_FLIP_LAST,
        not_verified="DeepMind's own code",
    )


def _swav() -> Recipe:
    augment = (*_STRONG, _blur(0.5))
    return Recipe(
        "swav",
        "SwAV with 2 large and 6 small crops",
        train=MultiCrop(
            _view(224, (0.14, 1.0), "bilinear", augment, 2),
            _view(96, (0.05, 0.14), "bilinear", augment, 6),
        ),
        val=VAL,
        std=(0.228, 0.224, 0.225),
        source="facebookresearch/swav: src/multicropdataset.py, main_swav.py, eval_linear.py",
        note="The first std is 0.228, not ImageNet's usual 0.229.",
    )


def _dino_crops(
    split: float, blurs: tuple[float, float, float], kernel: int | None = None, small: int = 8
) -> MultiCrop:
    """Two large crops of `split` of the image or more, and small ones of less."""
    first, second, others = (_blur(p, kernel) for p in blurs)
    return MultiCrop(
        _view(224, (split, 1.0), "bicubic", (*_WEAK, first)),
        _view(224, (split, 1.0), "bicubic", (*_WEAK, second, _SOLARIZE)),
        _view(96, (0.05, split), "bicubic", (*_WEAK, others), small),
    )


def _dino_family() -> Iterator[Recipe]:
    yield Recipe(
        "dino",
        "DINO with 8 small crops",
        train=_dino_crops(0.4, (1.0, 0.1, 0.5)),
        val=BICUBIC_VAL,
        source="facebookresearch/dino: main_dino.py, utils.py, eval_linear.py",
    )
    yield Recipe(
        "ibot",
        "iBOT with 10 small crops",
        train=_dino_crops(0.25, (1.0, 0.1, 0.5), small=10),
        val=BICUBIC_VAL,
        source="bytedance/ibot: main_ibot.py, README.md (ViT-S/16), evaluation/eval_linear.py",
        note="Patches are masked within the training loop. The code's defaults are other scales.",
    )
    yield Recipe(
        "dinov2",
        "DINOv2",
        train=_dino_crops(0.32, (0.0, 0.9, 0.5), kernel=9),
        val=BICUBIC_VAL,
        source="facebookresearch/dinov2: dinov2/data/, dinov2/configs/ssl_default_config.yaml",
        note=f"{_INVERTED} Models with patches of 14 pixels take small crops of 98.",
    )
    yield Recipe(
        "dinov3",
        "DINOv3 on ImageNet-1K",
        train=_dino_crops(0.32, (0.0, 0.9, 0.5), kernel=9),
        val=BICUBIC_VAL,
        source="facebookresearch/dinov3: dinov3/data/, dinov3/configs/train/vitl_im1k_lin834.yaml",
        note=(
            f"{_INVERTED} Larger models take crops of 256 and 112 pixels that are not mirrored. "
            "The options (shared jitter, gram crops, small crops out of the large ones) are off."
        ),
    )

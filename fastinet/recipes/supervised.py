"""Recipes that train with labels, and those whose transform is as plain: MAE's, I-JEPA's, CLIP's.

What each function gives was read in the files that `source` names, unless `not_verified` says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastinet.pixels.transforms import CenterCrop, RandomResizedCrop
from fastinet.recipes.description import Mixing, Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["supervised"]

VAL = CenterCrop(224, resize=256)
BICUBIC_VAL = CenterCrop(224, resize=256, interpolation="bicubic")
OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)
OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)

_TORCHVISION = "pytorch/vision: references/classification, presets.py and README.md"


def supervised() -> Iterator[Recipe]:
    """All of them, each made anew."""
    yield from _torchvision()
    yield from _ffcv()
    yield from _plain_pretraining()


def _torchvision() -> Iterator[Recipe]:
    yield Recipe(
        "torchvision-v1",
        "torchvision's first ResNets, and RegNets",
        train=RandomResizedCrop(224),
        val=VAL,
        source=_TORCHVISION,
    )


def _ffcv() -> Iterator[Recipe]:
    # Sizes grow from 160 to 192 in a linear ramp, rounded to multiples of 32: the first epoch of
    # 192 follows from start_ramp and end_ramp.
    for epochs, first_large in {16: 12, 24: 19, 32: 25, 40: 32, 56: 45, 88: 71}.items():
        yield Recipe(
            f"ffcv-rn50-{epochs}",
            f"ResNet-50 in {epochs} epochs, rows growing from 160 to 192",
            train=RandomResizedCrop(160),
            val=CenterCrop(256, resize=293),
            mixing=Mixing(smoothing=0.1),
            sizes={first_large: 192},
            source="libffcv/ffcv-imagenet: train_imagenet.py, rn50_configs/",
            note=(
                "Validation averages the scores of an image and of its mirror image. FFCV resizes "
                "with OpenCV, without Pillow's antialiasing, images that were shrunk to 500 pixels "
                "and half of them compressed anew; its validation crop is cut out before it is "
                "resized."
            ),
            not_verified="with which of OpenCV's filters FFCV resizes",
        )


def _plain_pretraining() -> Iterator[Recipe]:
    yield Recipe(
        "mae",
        "masked autoencoder, pretraining",
        train=RandomResizedCrop(224, scale=(0.2, 1.0), interpolation="bicubic"),
        val=BICUBIC_VAL,
        source="facebookresearch/mae: main_pretrain.py; validation from main_linprobe.py",
        note="Patches are masked within the network.",
    )
    yield Recipe(
        "ijepa",
        "I-JEPA, pretraining",
        train=RandomResizedCrop(224, scale=(0.3, 1.0), hflip=0.0),
        val=VAL,
        source="facebookresearch/ijepa: src/transforms.py, configs/in1k_vith14_ep300.yaml",
        note="Masks of context and targets are drawn on the grid of patches: the training loop's.",
        not_verified="the validation transform, whose code is not published",
    )
    yield Recipe(
        "clip",
        "OpenCLIP's training of the image tower",
        train=RandomResizedCrop(224, scale=(0.9, 1.0), interpolation="bicubic", hflip=0.0),
        val=CenterCrop(224, resize=224, interpolation="bicubic"),
        mean=OPENAI_MEAN,
        std=OPENAI_STD,
        source="mlfoundations/open_clip: src/open_clip/transform.py, constants.py",
    )

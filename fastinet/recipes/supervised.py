"""Recipes that train with labels, and those whose transform is as plain: MAE's, I-JEPA's, CLIP's.

What each function gives was read in the files that `source` names, unless `not_verified` says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastinet.augment import (
    AutoAugment,
    ColorJitter,
    RandAugment,
    RandomErasing,
    ThreeAugment,
    TrivialAugmentWide,
)
from fastinet.pixels.transforms import CenterCrop, RandomCrop, RandomResizedCrop
from fastinet.pixels.view_groups import MultiCrop, SameCrop, View
from fastinet.recipes.description import Mixing, Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["supervised"]

VAL = CenterCrop(224, resize=256)
BICUBIC_VAL = CenterCrop(224, resize=256, interpolation="bicubic")
OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)
OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)

_TORCHVISION = "pytorch/vision: references/classification, presets.py and README.md"
_TF_PIXELS = (
    "TensorFlow resizes without antialiasing and decodes otherwise: pixels are Pillow's here."
)


def supervised() -> Iterator[Recipe]:
    """All of them, each made anew."""
    yield from _torchvision()
    yield from _timm()
    yield from _rsb()
    yield from _deit()
    yield from _deit3()
    yield from _tensorflow()
    yield from _ffcv()
    yield from _composer()
    yield from _mae()
    yield from _plain_pretraining()


def _torchvision() -> Iterator[Recipe]:
    trivial = TrivialAugmentWide(interpolation="bilinear", version=1)
    v2 = Mixing(mixup=0.2, cutmix=1.0, smoothing=0.1)
    yield Recipe(
        "torchvision-v1",
        "torchvision's first ResNets, and RegNets",
        train=RandomResizedCrop(224),
        val=VAL,
        source=_TORCHVISION,
    )
    for name, title, size, val in (
        ("torchvision-v2", "ResNet, ConvNeXt and ShuffleNet V2", 176, CenterCrop(224, resize=232)),
        ("torchvision-v2-efficientnet-v2-s", "EfficientNetV2-S", 300, CenterCrop(384, resize=384)),
        ("torchvision-v2-efficientnet-v2-m", "EfficientNetV2-M", 384, CenterCrop(480, resize=480)),
    ):
        yield Recipe(
            name,
            f"torchvision's second weights: {title}",
            train=RandomResizedCrop(size, augment=trivial, erase=RandomErasing(0.1)),
            val=val,
            mixing=v2,
            repeats=4,
            source=_TORCHVISION,
        )
    yield Recipe(
        "torchvision-swin",
        "torchvision's Swin Transformers",
        train=RandomResizedCrop(
            224,
            interpolation="bicubic",
            augment=TrivialAugmentWide(interpolation="bicubic", version=1),
            erase=RandomErasing(0.25),
        ),
        val=CenterCrop(224, resize=224, interpolation="bicubic"),
        mixing=Mixing(mixup=0.8, cutmix=1.0, smoothing=0.1),
        repeats=4,
        source=_TORCHVISION,
        note="The size that validation resizes to was tuned afterwards for each of the weights.",
    )
    yield Recipe(
        "torchvision-vit",
        "torchvision's ViT-B/16",
        train=RandomResizedCrop(224, augment=RandAugment(interpolation="bilinear", version=1)),
        val=VAL,
        mixing=Mixing(mixup=0.2, cutmix=1.0, smoothing=0.11),
        repeats=3,
        source=_TORCHVISION,
    )
    yield Recipe(
        "torchvision-mobilenet-v3",
        "torchvision's MobileNetV3",
        train=RandomResizedCrop(
            224,
            augment=AutoAugment(interpolation="bilinear", version=1),
            erase=RandomErasing(0.2),
        ),
        val=VAL,
        source=_TORCHVISION,
    )


def _timm() -> Iterator[Recipe]:
    yield Recipe(
        "timm-default",
        "timm's training script without options",
        train=RandomResizedCrop(224, interpolation="random", augment=ColorJitter(0.4, 0.4, 0.4)),
        val=BICUBIC_VAL,
        mixing=Mixing(smoothing=0.1),
        source="huggingface/pytorch-image-models: train.py, timm/data/transforms_factory.py",
    )
    yield Recipe(
        "efficientnet-timm",
        "timm's own EfficientNet-B0 and MobileNetV3",
        train=RandomResizedCrop(
            224,
            interpolation="random",
            augment=RandAugment.timm("rand-m9-mstd0.5"),
            erase=RandomErasing.timm(0.2, "pixel"),
        ),
        val=BICUBIC_VAL,
        mixing=Mixing(smoothing=0.1),
        source="huggingface/pytorch-image-models: hfdocs/source/training_script.mdx",
        note="timm's prefetcher erases after it has mixed; nothing is mixed here.",
    )
    augmented = SameCrop(
        0,
        augment=RandAugment.timm("rand-m9-mstd0.5-inc1"),
        erase=RandomErasing.timm(0.6, "pixel"),
    )
    yield Recipe(
        "resnet50-jsd",
        "timm's ResNet-50 with AugMix's consistency loss",
        train=MultiCrop(
            View(RandomResizedCrop(224, interpolation="random")), View(augmented), View(augmented)
        ),
        val=BICUBIC_VAL,
        mixing=Mixing(smoothing=0.1),
        source="huggingface/pytorch-image-models: hfdocs/source/training_script.mdx, train.py",
        note=(
            "Each image comes unchanged and in two augmentations of the same crop. The loss is "
            "timm's JsdCrossEntropy; batch normalisation is split, too."
        ),
    )


def _rsb() -> Iterator[Recipe]:
    for name, size, policy, mixing, repeats in (
        ("rsb-a1", 224, "rand-m7-mstd0.5-inc1", Mixing(0.2, 1.0, smoothing=0.1), 3),
        ("rsb-a2", 224, "rand-m7-mstd0.5-inc1", Mixing(0.1, 1.0), 3),
        ("rsb-a3", 160, "rand-m6-mstd0.5-inc1", Mixing(0.1, 1.0), 1),
    ):
        yield Recipe(
            name,
            f"ResNet strikes back, procedure {name[-2:].upper()}",
            train=RandomResizedCrop(
                size, interpolation="bicubic", augment=RandAugment.timm(policy)
            ),
            val=CenterCrop(224, resize=235, interpolation="bicubic"),
            mixing=mixing,
            repeats=repeats,
            source="open-mmlab/mmpretrain: configs/resnet/resnet50_8xb256-rsb-*; arXiv 2110.00476",
            note=(
                "The loss is binary cross-entropy. timm resizes validation images to 235 pixels "
                "for a crop of 0.95, mmpretrain to 236; there A3 trains at 224."
            ),
            not_verified="the authors' own arguments, which are not in their repository",
        )


def _deit() -> Iterator[Recipe]:
    train = RandomResizedCrop(
        224,
        interpolation="bicubic",
        augment=RandAugment.timm("rand-m9-mstd0.5-inc1"),
        erase=RandomErasing.timm(0.25, "pixel"),
    )
    mixing = Mixing(mixup=0.8, cutmix=1.0, smoothing=0.1)
    for name, title, repeats, source in (
        ("deit", "DeiT", 3, "facebookresearch/deit: main.py, datasets.py"),
        ("convnext", "ConvNeXt as published", 1, "facebookresearch/ConvNeXt: main.py, datasets.py"),
        (
            "swin",
            "Swin Transformer as published",
            1,
            "microsoft/Swin-Transformer: config.py, data/build.py",
        ),
        (
            "mae-finetune",
            "masked autoencoder, fine-tuning",
            1,
            "facebookresearch/mae: main_finetune.py, util/datasets.py, FINETUNE.md",
        ),
    ):
        yield Recipe(
            name,
            title,
            train=train,
            val=BICUBIC_VAL,
            mixing=mixing,
            repeats=repeats,
            source=source,
            note="The options for colour jitter have no effect beside a policy, in timm.",
        )


def _deit3() -> Iterator[Recipe]:
    augment = ThreeAugment(jitter=0.3)
    source = "facebookresearch/deit: augment.py, README_revenge.md, main.py"
    yield Recipe(
        "deit3",
        "DeiT III on ImageNet-1K",
        train=RandomResizedCrop(224, interpolation="bicubic", augment=augment),
        val=CenterCrop(224, resize=224, interpolation="bicubic"),
        mixing=Mixing(mixup=0.8, cutmix=1.0),
        repeats=3,
        source=source,
        note="The loss is binary cross-entropy. Larger models train at 192 or 160 pixels.",
    )
    yield Recipe(
        "deit3-src",
        "DeiT III on ImageNet-21K, with the simple random crop",
        train=RandomCrop(
            224,
            resize=224,
            padding=4,
            padding_mode="reflect",
            interpolation="bicubic",
            augment=augment,
        ),
        val=CenterCrop(224, resize=224, interpolation="bicubic"),
        mixing=Mixing(cutmix=1.0, smoothing=0.1),
        source=source,
    )


def _tensorflow() -> Iterator[Recipe]:
    yield Recipe(
        "efficientnet-tf",
        "EfficientNet as published, with AutoAugment",
        train=RandomResizedCrop(
            224,
            interpolation="bicubic",
            box_rule="tensorflow",
            augment=AutoAugment.tensorflow("v0"),
        ),
        val=BICUBIC_VAL,
        mixing=Mixing(smoothing=0.1),
        source="tensorflow/tpu: models/official/efficientnet/preprocessing.py, autoaugment.py",
        note=(
            f"{_TF_PIXELS} It gives up after 10 tries of a box, fastinet after 100, and takes the "
            "central crop then; its validation crop is cut out before it is resized."
        ),
        not_verified="the label smoothing",
    )
    for name, magnitude, alpha in (
        ("light1", 0, 0.0),
        ("light2", 10, 0.2),
        ("medium1", 15, 0.2),
        ("medium2", 15, 0.5),
        ("strong1", 20, 0.5),
        ("strong2", 20, 0.8),
    ):
        yield Recipe(
            f"vit-augreg-{name}",
            f"How to train your ViT, {name}",
            train=RandomResizedCrop(
                224,
                scale=(0.05, 1.0),
                ratio=(0.75, 1.33),
                box_rule="tensorflow",
                min_object_covered=0.0,
                augment=RandAugment.tensorflow(2, magnitude),
            ),
            val=VAL,
            mixing=Mixing(mixup=alpha),
            mean=(0.5, 0.5, 0.5),
            std=(0.5, 0.5, 0.5),
            source="google-research/big_vision: big_vision/configs/vit_i1k.py, pp/ops_image.py",
            note=(
                f"{_TF_PIXELS} The loss is a sigmoid's cross-entropy. ViT-B/16 and L/16 take "
                "medium2, as do S/16 and B/32; S/32 takes medium1, Ti/16 light1."
            ),
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


def _composer() -> Iterator[Recipe]:
    weak = RandAugment.composer(10, 1)
    for name, epochs, initial, delay, mixing, augment in (
        ("mild", 32, 0.5, 0.4, Mixing(smoothing=0.08), ()),
        ("medium", 90, 0.5, 0.4, Mixing(mixup=0.2, smoothing=0.1), ()),
        ("hot", 90, 0.6, 0.2, Mixing(mixup=0.25, smoothing=0.13, colout=0.05), weak),
    ):
        sizes = [_composer_size(e / epochs, initial, delay, mixing.colout) for e in range(epochs)]
        yield Recipe(
            f"composer-rn50-{name}",
            f"MosaicML's {name} recipe: ResNet-50 in {epochs} epochs, rows growing",
            train=RandomResizedCrop(sizes[0], augment=augment),
            val=CenterCrop(224, resize=232),
            mixing=mixing,
            sizes={e: sizes[e] for e in range(1, epochs) if sizes[e] != sizes[e - 1]},
            source="mosaicml/examples: blogs/resnet/recipes/; mosaicml/composer: algorithms/",
            note=(
                "The loss is binary cross-entropy. Composer makes crops of 176 pixels, and shrinks "
                "whole batches to their nearest pixels, by a size that grows with each; here crops "
                "have the size of their epoch's first batch. Its mixup mixes with any other row, "
                "and its mild and medium recipes read FFCV's files."
            ),
        )


def _composer_size(elapsed: float, initial: float, delay: float, colout: float) -> int:
    """The size of crops from which ColOut makes what ProgressiveResizing does at this time.

    Sizes grow from the share `initial` on, between the shares `delay` and 0.8 of the training, and
    are multiples of 4 but for the last one.
    """
    share = min(max((elapsed - delay) / (1 - 0.2 - delay), 0.0), 1.0)
    full = int((1 - colout) * 176)
    wanted = min(round(full * (initial + (1 - initial) * share) / 4) * 4, full)
    return next(size for size in range(1, 177) if int((1 - colout) * size) == wanted)


def _mae() -> Iterator[Recipe]:
    yield Recipe(
        "mae",
        "masked autoencoder, pretraining",
        train=RandomResizedCrop(224, scale=(0.2, 1.0), interpolation="bicubic"),
        val=BICUBIC_VAL,
        source="facebookresearch/mae: main_pretrain.py; validation from main_linprobe.py",
        note="Patches are masked within the network.",
    )
    yield Recipe(
        "mae-linear",
        "masked autoencoder, linear classifier",
        train=RandomResizedCrop(224, interpolation="bicubic", box_rule="clamp"),
        val=BICUBIC_VAL,
        source="facebookresearch/mae: main_linprobe.py, util/crop.py",
    )


def _plain_pretraining() -> Iterator[Recipe]:
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

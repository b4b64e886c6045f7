"""What may happen to the pixels of a row after its crop was resized.

*Operations* are random: descriptions, such as ``GaussianBlur((0.1, 2.0), p=0.5)``, that are given
to a transform, ``RandomResizedCrop(224, augment=(...))``. A :class:`Step` is one operation with the
numbers that it was drawn with: what was done to one image. :func:`draw_steps` says which steps a
loader takes an item through, and :func:`fastinet.apply_steps` takes them again.

:class:`RandomErasing` and :class:`Lighting` are parts of a transform of their own. They come with
the normalisation, behind all operations.
"""

from typing import TYPE_CHECKING

from fastinet.base.first_use import names_on_first_use

if TYPE_CHECKING:
    from fastinet.augment.aug_mix import AugMix
    from fastinet.augment.auto_augment import AutoAugment
    from fastinet.augment.composer_augment import ComposerRandAugment
    from fastinet.augment.erasing import EraseMode, RandomErasing, erase
    from fastinet.augment.lighting import Lighting
    from fastinet.augment.operation import Augment, Operation, draw_steps
    from fastinet.augment.operations import (
        AutoContrast,
        ColorJitter,
        Equalize,
        GaussianBlur,
        Grayscale,
        Invert,
        OneOf,
        Posterize,
        Rotate,
        Sharpness,
        ShearX,
        ShearY,
        Solarize,
        SolarizeAdd,
        TranslateX,
        TranslateY,
        VerticalFlip,
    )
    from fastinet.augment.rand_augment import RandAugment, TrivialAugmentWide
    from fastinet.augment.shared import Shared
    from fastinet.augment.steps import STEP_ARGUMENTS, Sampling, Step
    from fastinet.augment.tensorflow_augment import TensorFlowAutoAugment, TensorFlowRandAugment
    from fastinet.augment.three_augment import ThreeAugment
    from fastinet.augment.timm_augment import TimmAugment

__all__ = [
    "STEP_ARGUMENTS",
    "AugMix",
    "Augment",
    "AutoAugment",
    "AutoContrast",
    "ColorJitter",
    "ComposerRandAugment",
    "Equalize",
    "EraseMode",
    "GaussianBlur",
    "Grayscale",
    "Invert",
    "Lighting",
    "OneOf",
    "Operation",
    "Posterize",
    "RandAugment",
    "RandomErasing",
    "Rotate",
    "Sampling",
    "Shared",
    "Sharpness",
    "ShearX",
    "ShearY",
    "Solarize",
    "SolarizeAdd",
    "Step",
    "TensorFlowAutoAugment",
    "TensorFlowRandAugment",
    "ThreeAugment",
    "TimmAugment",
    "TranslateX",
    "TranslateY",
    "TrivialAugmentWide",
    "VerticalFlip",
    "draw_steps",
    "erase",
]

# Public names -> the modules here that make them.
_HOMES = {
    "AugMix": "aug_mix",
    "Augment": "operation",
    "AutoAugment": "auto_augment",
    "AutoContrast": "operations",
    "ColorJitter": "operations",
    "ComposerRandAugment": "composer_augment",
    "Equalize": "operations",
    "EraseMode": "erasing",
    "GaussianBlur": "operations",
    "Grayscale": "operations",
    "Invert": "operations",
    "Lighting": "lighting",
    "OneOf": "operations",
    "Operation": "operation",
    "Posterize": "operations",
    "RandAugment": "rand_augment",
    "RandomErasing": "erasing",
    "Rotate": "operations",
    "STEP_ARGUMENTS": "steps",
    "Sampling": "steps",
    "Shared": "shared",
    "Sharpness": "operations",
    "ShearX": "operations",
    "ShearY": "operations",
    "Solarize": "operations",
    "SolarizeAdd": "operations",
    "Step": "steps",
    "TensorFlowAutoAugment": "tensorflow_augment",
    "TensorFlowRandAugment": "tensorflow_augment",
    "ThreeAugment": "three_augment",
    "TimmAugment": "timm_augment",
    "TranslateX": "operations",
    "TranslateY": "operations",
    "TrivialAugmentWide": "rand_augment",
    "VerticalFlip": "operations",
    "draw_steps": "operation",
    "erase": "erasing",
}

__getattr__, __dir__ = names_on_first_use(__name__, _HOMES)

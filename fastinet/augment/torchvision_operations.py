"""The operations that torchvision's policies choose from, with its magnitudes and its arithmetic.

What PIL images go through in ``_augmentation_space`` and ``_apply_op`` of
torchvision/transforms/autoaugment.py, "version 1", and in ``_AUGMENTATION_SPACE`` and
``_apply_image_or_video_transform`` of torchvision/transforms/v2/_auto_augment.py, "version 2".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from fastinet._native import _engine
from fastinet.augment.amounts import Amount
from fastinet.augment.levels import linspace, posterize_bits
from fastinet.augment.operation import (
    Fill,
    OperationInterpolation,
    Row,
    affine_matrix,
    native_geometric,
    native_step,
)

__all__ = [
    "RAND_SPACE",
    "WIDE_SPACE",
    "Space",
    "check_version",
    "shear_slope",
    "shear_tangent",
    "torchvision_levels",
    "torchvision_operation",
]


@dataclass(frozen=True)
class Space:
    """How strong the operations of a policy get, at the last of its magnitudes."""

    names: tuple[str, ...]
    """What is chosen from."""
    shear: float
    translate: Callable[[int], float]
    """[pixels], of a side of the row."""
    degrees: float
    enhance: float
    """How far factors are from 1."""
    lost_bits: int
    most_bits: int = 8


_CHOICES = (
    "Identity",
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
    "Rotate",
    "Brightness",
    "Color",
    "Contrast",
    "Sharpness",
    "Posterize",
    "Solarize",
    "AutoContrast",
    "Equalize",
)

RAND_SPACE: Final = Space(_CHOICES, 0.3, lambda side: 150.0 / 331.0 * side, 30.0, 0.9, 4)
"""RandAugment's and AutoAugment's."""
WIDE_SPACE: Final = Space(_CHOICES, 0.99, lambda _side: 32.0, 135.0, 0.99, 6)
"""TrivialAugmentWide's."""

_FACTORS = {
    "Brightness": "brightness",
    "Color": "saturation",
    "Contrast": "contrast",
    "Sharpness": "sharpness",
}
_WITHOUT_LEVEL = {"AutoContrast": "autocontrast", "Equalize": "equalize", "Invert": "invert"}


def check_version(version: int) -> None:
    """Raises ValueError unless there is such a version of torchvision's transforms."""
    if version not in (1, 2):
        raise ValueError(
            "version must be 1, torchvision.transforms, or 2, torchvision.transforms.v2, "
            f"not {version!r}"
        )


def torchvision_levels(
    name: str, space: Space, count: int, row: Row, version: int
) -> tuple[float, ...]:
    """The `count` magnitudes of an operation, without signs; none where it takes none."""
    match name:
        case "ShearX" | "ShearY":
            return linspace(0.0, space.shear, count)
        case "TranslateX":
            return linspace(0.0, space.translate(row.size[1]), count)
        case "TranslateY":
            return linspace(0.0, space.translate(row.size[0]), count)
        case "Rotate":
            return linspace(0.0, space.degrees, count)
        case "Posterize":
            return posterize_bits(space.most_bits, space.lost_bits, count)
        case "Solarize" if version == 1:
            return linspace(255.0, 0.0, count)
        case "Solarize":
            # Some products lie just above the whole number that version 1 has, and then one more
            # value stays as it is.
            return tuple(255.0 * share for share in linspace(1.0, 0.0, count))
        case _ if name in _FACTORS:
            return linspace(0.0, space.enhance, count)
        case _:
            return ()


def torchvision_operation(
    name: str,
    levels: Sequence[float],
    row: Row,
    interpolation: OperationInterpolation | None,
    fill: Fill,
    p: float = 1.0,
) -> _engine.Operation:
    """An operation by torchvision's name, whose magnitude is one of `levels`, each alike.

    Those of geometric operations and factors are negated half of the time.
    """
    values = tuple(levels)

    def amount(of: Callable[[float], float] = float) -> Amount:
        return Amount("values", values=tuple(of(level) for level in values), random_sign=True)

    def geometric(*arguments: Amount) -> _engine.Operation:
        return native_geometric(arguments, row, interpolation, fill, p)

    match name:
        case "Identity":
            return _engine.Operation.sequence([], probability=p)
        case "ShearX":
            return geometric(*affine_matrix(b=amount(shear_tangent)))
        case "ShearY":
            return geometric(*affine_matrix(d=amount(shear_slope)))
        case "TranslateX":
            return geometric(*affine_matrix(c=amount(math.trunc)))
        case "TranslateY":
            return geometric(*affine_matrix(f=amount(math.trunc)))
        case "Rotate":
            return geometric(amount())
        case "Posterize" | "Solarize":
            return native_step(name.lower(), Amount("values", values=values), p=p)
        case _ if name in _FACTORS:
            factor = Amount("values", values=values, random_sign=True, offset=1.0)
            return native_step(_FACTORS[name], factor, p=p)
        case _:
            return native_step(_WITHOUT_LEVEL[name], p=p)


def _shear_angle(level: float) -> float:
    """The angle that torchvision makes of a shear, by way of degrees, which costs a bit."""
    return math.radians(math.degrees(math.atan(level)))


def shear_tangent(level: float) -> float:
    """The tangent of that angle, for horizontal shears."""
    return math.tan(_shear_angle(level))


def shear_slope(level: float) -> float:
    """The same, as ``_get_inverse_affine_matrix`` computes it for vertical shears."""
    angle = _shear_angle(level)
    return math.sin(angle) / math.cos(angle)

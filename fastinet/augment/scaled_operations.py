"""Operations whose magnitude runs from 0 to 10: TensorFlow's, and timm's, which go back to them.

From ``level_to_arg`` of models/official/efficientnet/autoaugment.py of tensorflow/tpu, and
``LEVEL_TO_ARG`` of timm/data/auto_augment.py. The order of the arithmetic is theirs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

from fastinet._native import _engine
from fastinet.augment.amounts import Amount, constant
from fastinet.augment.operation import (
    Fill,
    OperationInterpolation,
    Row,
    affine_matrix,
    checked_fill,
    native_geometric,
    native_step,
)

__all__ = ["AUGMIX_RULES", "TIMM_RULES", "Magnitude", "Rules", "scaled_operation"]


@dataclass(frozen=True)
class Magnitude:
    """How the magnitude of an operation is drawn, of which 10 is the usual most."""

    mean: float
    deviation: float = 0.0
    """Standard deviation; infinity draws uniformly between 0 and `mean`."""
    most: float = math.inf

    def amount(self, **arithmetic: Any) -> Amount:
        """A tenth of it, and what becomes of that."""
        fields: dict[str, Any] = {"divisor": 10.0, "limit": self.most, **arithmetic}
        if self.deviation == 0:
            level = max(0.0, min(self.mean, self.most))
            return Amount(low=level, high=level, **fields)
        if math.isinf(self.deviation):
            return Amount(low=0.0, high=self.mean, **fields)
        return Amount("normal", low=self.mean, high=self.deviation, **fields)


@dataclass(frozen=True)
class Rules:
    """Where timm and TensorFlow differ."""

    translate: float
    """How far the magnitude 10 shifts: as a share of the row's side, or in pixels."""
    translate_in_pixels: bool = False
    most_added: int = 128
    """By SolarizeAdd."""
    cutout: float = field(default=0.0)
    """Half the side of the square that Cutout fills at the magnitude 10 [pixels]."""


TIMM_RULES: Final = Rules(translate=0.45)
AUGMIX_RULES: Final = Rules(translate=0.3)
"""timm's, in AugMix."""

_FACTORS = {
    "Brightness": "brightness",
    "Color": "saturation",
    "Contrast": "contrast",
    "Sharpness": "sharpness",
}
_PLAIN = {"AutoContrast": "autocontrast", "Equalize": "equalize", "Invert": "invert"}


def scaled_operation(
    name: str,
    magnitude: Magnitude,
    rules: Rules,
    row: Row,
    interpolation: OperationInterpolation | None,
    fill: Fill,
    p: float = 1.0,
) -> _engine.Operation:
    """An operation by timm's name; TensorFlow's are among them."""

    def geometric(*arguments: Amount) -> _engine.Operation:
        return native_geometric(arguments, row, interpolation, fill, p)

    def shift(side: int) -> Amount:
        scale = 1.0 if rules.translate_in_pixels else side
        return magnitude.amount(factor=rules.translate, random_sign=True, scale=scale)

    if name in _PLAIN:
        return native_step(_PLAIN[name], p=p)
    if name in _FACTORS:
        return native_step(_FACTORS[name], magnitude.amount(factor=1.8, offset=0.1), p=p)
    if (factor := name.removesuffix("Increasing")) in _FACTORS:
        amount = magnitude.amount(factor=0.9, random_sign=True, offset=1.0, floor=0.1)
        return native_step(_FACTORS[factor], amount, p=p)
    match name:
        case "Rotate":
            return geometric(magnitude.amount(factor=30.0, random_sign=True))
        case "ShearX":
            return geometric(*affine_matrix(b=magnitude.amount(factor=0.3, random_sign=True)))
        case "ShearY":
            return geometric(*affine_matrix(d=magnitude.amount(factor=0.3, random_sign=True)))
        case "TranslateX":
            return geometric(*affine_matrix(c=shift(row.size[1])))
        case "TranslateY":
            return geometric(*affine_matrix(f=shift(row.size[0])))
        case "Posterize":
            # More than 8 bits are all of them.
            bits = magnitude.amount(factor=4.0, truncate=True, ceiling=8.0)
            return native_step("posterize", bits, p=p)
        case "PosterizeIncreasing":
            bits = magnitude.amount(factor=4.0, truncate=True, offset=4.0, subtract=True, floor=0.0)
            return native_step("posterize", bits, p=p)
        case "PosterizeOriginal":
            bits = magnitude.amount(factor=4.0, truncate=True, ceiling=4.0, offset=4.0)
            return native_step("posterize", bits, p=p)
        case "Solarize":
            threshold = magnitude.amount(factor=256.0, truncate=True, ceiling=256.0)
            return native_step("solarize", threshold, p=p)
        case "SolarizeIncreasing":
            threshold = magnitude.amount(
                factor=256.0, truncate=True, ceiling=256.0, offset=256.0, subtract=True
            )
            return native_step("solarize", threshold, p=p)
        case "SolarizeAdd":
            added = magnitude.amount(factor=110.0, truncate=True, ceiling=float(rules.most_added))
            return native_step("solarize_add", added, constant(128), p=p)
        case "Desaturate":
            # What is left of the colours: 1 - (0.5 + 0.5 of the magnitude).
            left = magnitude.amount(factor=0.5, ceiling=0.5, offset=0.5, subtract=True)
            return native_step("saturation", left, p=p)
        case "GaussianBlur":
            radius = magnitude.amount(factor=1.9, ceiling=1.9, offset=0.1)
            return native_step("gaussian_blur", radius, p=p)
        case "GaussianBlurRand" if magnitude == Magnitude(10.0, most=magnitude.most):
            return native_step("gaussian_blur", Amount(low=0.1, high=2.0), p=p)
        case "Cutout":
            return _cutout(int(magnitude.mean / 10.0 * rules.cutout), row, fill, p)
        case _:
            raise ValueError(f"there is no operation {name!r} at {magnitude}")


def _cutout(reach: int, row: Row, fill: Fill, p: float) -> _engine.Operation:
    """A square of twice `reach`, whose centre is any pixel, as far as it lies in the image."""
    height, width = row.size

    def corner(side: int) -> Amount:
        return Amount(low=0.0, high=float(side), truncate=True, offset=float(-reach))

    sides = constant(2.0 * reach), constant(2.0 * reach)
    return native_step(
        "rectangle", corner(width), corner(height), *sides, p=p, fill=checked_fill(fill)
    )

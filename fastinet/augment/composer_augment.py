"""RandAugment of MosaicML's Composer, whose operations go back to AugMix's authors.

From composer/algorithms/utils/augmentation_primitives.py and composer/algorithms/randaugment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from fastinet._native import _engine
from fastinet.augment.amounts import Amount
from fastinet.augment.operation import (
    Operation,
    Row,
    affine_matrix,
    native_choice,
    native_geometric,
    native_step,
)
from fastinet.base.checks import whole_number

__all__ = ["ComposerRandAugment"]

AugmentationSet = Literal["all", "safe", "original"]

_SAFE = (
    "autocontrast",
    "equalize",
    "posterize",
    "rotate",
    "solarize",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
)
_FACTORS = {
    "color": "saturation",
    "contrast": "contrast",
    "brightness": "brightness",
    "sharpness": "sharpness",
}
MAX_DEPTH = 32
_LEAST_LEVEL = 0.1


@dataclass(frozen=True)
class ComposerRandAugment(Operation):
    """Composer's RandAugment: `depth` operations, each at a magnitude of its own up to `severity`.

    Operations are Pillow's, and the same one may come again. Those between pixels read bilinear and
    fill with black.

    Attributes:
        severity: the largest magnitude, 0 to 10; magnitudes are drawn from 0.1 on.
        depth: how many operations, one after another; 0 to 32.
        augmentation_set: "all"; "safe" is without saturation, contrast, brightness and sharpness,
            which ImageNet-C has among its corruptions; "original" draws these as AugMix's authors
            do, where 5 changes nothing, and not alike to both sides of no change.

    Raises:
        ValueError: a value that makes no sense; the message names it.
    """

    severity: float = 9.0
    depth: int = 2
    augmentation_set: AugmentationSet = "all"

    def __post_init__(self) -> None:
        severity: Any = self.severity
        if not (isinstance(severity, int | float) and 0 <= severity <= 10):
            raise ValueError(f"severity must be 0 to 10, not {severity!r}")
        object.__setattr__(self, "severity", float(severity))
        object.__setattr__(self, "depth", whole_number("depth", self.depth, 0, MAX_DEPTH))
        if self.augmentation_set not in get_args(AugmentationSet):
            raise ValueError(
                f"augmentation_set must be one of {get_args(AugmentationSet)}, "
                f"not {self.augmentation_set!r}"
            )

    def native(self, row: Row) -> _engine.Operation:
        """See :class:`Operation`."""
        names = _SAFE if self.augmentation_set == "safe" else (*_SAFE, *_FACTORS)
        return native_choice([self._operation(name, row) for name in names], count=self.depth)

    def _operation(self, name: str, row: Row) -> _engine.Operation:
        """One operation, by its name there."""
        height, width = row.size
        if name in _FACTORS:
            return self._factor(name)
        match name:
            case "posterize":
                return native_step(name, self._level(4.0, truncate=True, offset=4.0, subtract=True))
            case "solarize":
                threshold = self._level(256.0, truncate=True, offset=256.0, subtract=True)
                return native_step(name, threshold)
            case "rotate":
                return _between_pixels(row, self._level(30.0, truncate=True, random_sign=True))
            case "shear_x":
                return _between_pixels(row, *affine_matrix(b=self._level(0.3, random_sign=True)))
            case "shear_y":
                return _between_pixels(row, *affine_matrix(d=self._level(0.3, random_sign=True)))
            case "translate_x":
                shift = self._level(width / 3, truncate=True, random_sign=True)
                return _between_pixels(row, *affine_matrix(c=shift))
            case "translate_y":
                shift = self._level(height / 3, truncate=True, random_sign=True)
                return _between_pixels(row, *affine_matrix(f=shift))
            case _:
                return native_step(name)

    def _factor(self, name: str) -> _engine.Operation:
        op = _FACTORS[name]
        if self.augmentation_set == "original":
            return native_step(op, self._level(1.8, offset=0.1))
        # Up to the severity, or down to as much less than one, either half of the time.
        weaker = _between(1.0 - 0.09 * self.severity, 1.0)
        # Brightness has a quarter less of what is above one.
        is_milder = name == "brightness" and self.severity > 1
        stronger = _between(1.0, self.severity, factor=0.75 if is_milder else 1.0)
        return native_choice([native_step(op, weaker), native_step(op, stronger)])

    def _level(self, most: float, **arithmetic: Any) -> Amount:
        """A magnitude, as a part of what 10 is."""
        return _between(_LEAST_LEVEL, self.severity, divisor=10.0, factor=most, **arithmetic)


def _between(one: float, other: float, **arithmetic: Any) -> Amount:
    """Any number between two, whichever is larger."""
    return Amount(low=min(one, other), high=max(one, other), **arithmetic)


def _between_pixels(row: Row, *arguments: Amount) -> _engine.Operation:
    return native_geometric(arguments, row, "bilinear", 0)

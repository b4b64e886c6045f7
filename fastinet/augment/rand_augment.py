"""RandAugment and TrivialAugment: operations chosen at random, all of them alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fastinet._native import _engine
from fastinet.augment.composer_augment import AugmentationSet, ComposerRandAugment
from fastinet.augment.operation import (
    Fill,
    Operation,
    OperationInterpolation,
    Row,
    checked_fill,
    native_choice,
    set_operation_interpolation,
)
from fastinet.augment.tensorflow_augment import TensorFlowRandAugment
from fastinet.augment.timm_augment import IMAGENET_MEAN, TimmAugment, timm_augment
from fastinet.augment.torchvision_operations import (
    RAND_SPACE,
    WIDE_SPACE,
    check_version,
    torchvision_levels,
    torchvision_operation,
)
from fastinet.base.checks import whole_number

__all__ = ["RandAugment", "TrivialAugmentWide"]

MAX_OPS = 32  # times the 7 blocks of random bits that a choice needs: below the 256 there are
MAX_BINS = 1000


@dataclass(frozen=True)
class RandAugment(Operation):
    """torchvision's RandAugment: `num_ops` of 14 operations, each at the same magnitude.

    Every draw is one of: nothing, shears, translations, a rotation, brightness, saturation,
    contrast, sharpness, posterize, solarize, autocontrast, equalize; the same one may come again.
    The arguments and their defaults are torchvision's, in whose policies geometric operations read
    the nearest pixel; torchvision's reference scripts pass "bilinear".

    Attributes:
        num_ops: how many, one after another; 0 to 32.
        magnitude: which of the magnitudes: 0 to num_magnitude_bins - 1.
        num_magnitude_bins: how many magnitudes there are.
        interpolation: how geometric operations read between pixels: "nearest", "bilinear",
            "bicubic", "random" (bilinear or bicubic), or None for what the crop is resized with.
        fill: of what the image does not reach, 0 to 255: one number, or (red, green, blue).
        version: 1 or 2: of torchvision's transforms. Their thresholds of solarize differ in the
            last bit.
    """

    num_ops: int = 2
    magnitude: int = 9
    num_magnitude_bins: int = 31
    interpolation: OperationInterpolation | None = "nearest"
    fill: Fill = 0
    version: Literal[1, 2] = 2

    def __post_init__(self) -> None:
        given: Any = self.num_ops
        if isinstance(given, str):
            raise TypeError(
                "num_ops must be a whole number; timm's strings are "
                f"RandAugment.timm({given!r}) and the like"
            )
        _check_geometry(self)
        bins = whole_number("num_magnitude_bins", self.num_magnitude_bins, 2, MAX_BINS)
        object.__setattr__(self, "num_magnitude_bins", bins)
        object.__setattr__(self, "num_ops", whole_number("num_ops", self.num_ops, 0, MAX_OPS))
        magnitude = whole_number("magnitude", self.magnitude, 0, bins - 1)
        object.__setattr__(self, "magnitude", magnitude)

    @staticmethod
    def timm(
        config: str = "rand-m9-mstd0.5-inc1",
        *,
        interpolation: OperationInterpolation | None = None,
        mean: tuple[float, float, float] = IMAGENET_MEAN,
    ) -> TimmAugment:
        """The RandAugment of timm by its string: see :class:`TimmAugment`."""
        return timm_augment("RandAugment", config, interpolation, mean)

    @staticmethod
    def tensorflow(num_layers: int = 2, magnitude: float = 10.0) -> TensorFlowRandAugment:
        """RandAugment of EfficientNet and big_vision: see :class:`TensorFlowRandAugment`."""
        return TensorFlowRandAugment(num_layers, magnitude)

    @staticmethod
    def composer(
        severity: float = 9.0, depth: int = 2, augmentation_set: AugmentationSet = "all"
    ) -> ComposerRandAugment:
        """The RandAugment of MosaicML's Composer: see :class:`ComposerRandAugment`."""
        return ComposerRandAugment(severity, depth, augmentation_set)

    def native(self, row: Row) -> _engine.Operation:
        """See :class:`Operation`."""
        parts = []
        for name in RAND_SPACE.names:
            levels = torchvision_levels(
                name, RAND_SPACE, self.num_magnitude_bins, row, self.version
            )
            chosen = levels[self.magnitude : self.magnitude + 1]
            parts.append(torchvision_operation(name, chosen, row, self.interpolation, self.fill))
        return native_choice(parts, count=self.num_ops)


@dataclass(frozen=True)
class TrivialAugmentWide(Operation):
    """torchvision's TrivialAugmentWide: one of RandAugment's operations, at any magnitude.

    Its magnitudes reach further: shears of 0.99, 32 pixels, 135 degrees.

    Attributes:
        num_magnitude_bins: how many magnitudes there are, all alike.
        interpolation: as in :class:`RandAugment`.
        fill: likewise.
        version: likewise.
    """

    num_magnitude_bins: int = 31
    interpolation: OperationInterpolation | None = "nearest"
    fill: Fill = 0
    version: Literal[1, 2] = 2

    def __post_init__(self) -> None:
        _check_geometry(self)
        bins = whole_number("num_magnitude_bins", self.num_magnitude_bins, 2, MAX_BINS)
        object.__setattr__(self, "num_magnitude_bins", bins)

    def native(self, row: Row) -> _engine.Operation:
        """See :class:`Operation`."""
        parts: Sequence[_engine.Operation] = [
            torchvision_operation(
                name,
                torchvision_levels(name, WIDE_SPACE, self.num_magnitude_bins, row, self.version),
                row,
                self.interpolation,
                self.fill,
            )
            for name in WIDE_SPACE.names
        ]
        return native_choice(parts)


def _check_geometry(policy: RandAugment | TrivialAugmentWide) -> None:
    """Checks what both have, and makes one form of `fill`."""
    set_operation_interpolation(policy)
    check_version(policy.version)
    object.__setattr__(policy, "fill", checked_fill(policy.fill))

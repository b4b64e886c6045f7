"""AugMix: an image mixed with what several chains of operations make of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from fastinet._native import _engine
from fastinet.augment.operation import (
    Fill,
    Operation,
    OperationInterpolation,
    Row,
    check_operation_interpolation,
    checked_fill,
    native_mixture,
)
from fastinet.augment.timm_augment import IMAGENET_MEAN, TimmAugment, timm_augment
from fastinet.augment.torchvision_operations import (
    Space,
    check_version,
    torchvision_levels,
    torchvision_operation,
)
from fastinet.base.checks import whole_number

__all__ = ["MIX_SPACE", "AugMix"]

_GEOMETRY_AND_VALUES = (
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
    "Rotate",
    "Posterize",
    "Solarize",
    "AutoContrast",
    "Equalize",
)
_ENHANCEMENTS = ("Brightness", "Color", "Contrast", "Sharpness")
_BINS = 10
MAX_WIDTH = 10
MAX_DEPTH = 16

MIX_SPACE: Final = Space(
    (*_GEOMETRY_AND_VALUES, *_ENHANCEMENTS), 0.3, lambda side: side / 3.0, 30.0, 0.9, 4, most_bits=4
)


@dataclass(frozen=True)
class AugMix(Operation):
    """torchvision's AugMix: the image and `mixture_width` chains of operations, mixed.

    Each chain begins with the image, the weights of all are random (Dirichlet's distribution and
    Beta's, of parameter 1, which torchvision calls alpha). The mixture is torchvision's, float32
    without its broken part; the chains have Pillow's operations, where torchvision turns even PIL
    images into tensors, whose operations differ from Pillow's by a level here and there.

    Attributes:
        severity: the first so many of 10 magnitudes are drawn, each alike; 1 to 10.
        mixture_width: how many chains; 1 to 10.
        chain_depth: how many operations each has, 1 to 16; -1 draws 1, 2 or 3.
        all_ops: whether brightness, saturation, contrast and sharpness are among them.
        interpolation: how geometric operations read between pixels: "nearest", "bilinear",
            "bicubic", "random" (bilinear or bicubic), or None for what the crop is resized with.
        fill: of what the image does not reach, 0 to 255: one number, or (red, green, blue).
        version: 1 or 2: of torchvision's transforms.
    """

    severity: int = 3
    mixture_width: int = 3
    chain_depth: int = -1
    all_ops: bool = True
    interpolation: OperationInterpolation | None = "bilinear"
    fill: Fill = 0
    version: Literal[1, 2] = 2

    def __post_init__(self) -> None:
        checked = {
            "severity": whole_number("severity", self.severity, 1, _BINS),
            "mixture_width": whole_number("mixture_width", self.mixture_width, 1, MAX_WIDTH),
        }
        if self.chain_depth != -1:
            checked["chain_depth"] = whole_number("chain_depth", self.chain_depth, 1, MAX_DEPTH)
        for name, number in checked.items():
            object.__setattr__(self, name, number)
        check_operation_interpolation(self.interpolation)
        check_version(self.version)
        object.__setattr__(self, "fill", checked_fill(self.fill))

    @staticmethod
    def timm(
        config: str = "augmix-m3-w3",
        *,
        interpolation: OperationInterpolation | None = None,
        mean: tuple[float, float, float] = IMAGENET_MEAN,
    ) -> TimmAugment:
        """The AugMix of timm by its string: see :class:`TimmAugment`."""
        return timm_augment("AugMix", config, interpolation, mean)

    def native(self, row: Row) -> _engine.Operation:
        """See :class:`Operation`."""
        operations = []
        for name in MIX_SPACE.names if self.all_ops else _GEOMETRY_AND_VALUES:
            levels = torchvision_levels(name, MIX_SPACE, _BINS, row, self.version)
            operations.append(
                torchvision_operation(
                    name, levels[: self.severity], row, self.interpolation, self.fill
                )
            )
        return native_mixture(operations, self.mixture_width, self.chain_depth, blend_at_end=False)

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
    checked_alpha,
    checked_fill,
    native_mixture,
    set_operation_interpolation,
)
from fastinet.augment.tensor_operations import tensor_operation
from fastinet.augment.timm_augment import IMAGENET_MEAN, TimmAugment, timm_augment
from fastinet.augment.torchvision_operations import (
    Space,
    check_version,
    torchvision_levels,
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

    Each chain begins with the image, and the weights of all are random. torchvision turns even PIL
    images into tensors here, whose operations are not Pillow's; given what is drawn, rows have its
    pixels. It reads tensors nearest or bilinear: where rows are read in another way, geometric
    operations are Pillow's.

    Attributes:
        severity: the first so many of 10 magnitudes are drawn, each alike; 1 to 10.
        mixture_width: how many chains; 1 to 10.
        chain_depth: how many operations each has, 1 to 16; -1 draws 1, 2 or 3.
        alpha: of Dirichlet's distribution of the chains' weights, and of Beta's of what they weigh
            together; 0.001 to 10000. 1 makes all weights alike likely.
        all_ops: whether brightness, saturation, contrast and sharpness are among them.
        interpolation: how geometric operations read between pixels: "nearest", "bilinear",
            "bicubic", "random" (bilinear or bicubic), or None for what the crop is resized with.
        fill: of what the image does not reach, 0 to 255: one number, or (red, green, blue). None,
            torchvision's default, is black; with the fill 0, which is black as well, torchvision
            makes pixels at the ends of a turned image darker than that.
        version: 1 or 2: of torchvision's transforms.
    """

    severity: int = 3
    mixture_width: int = 3
    chain_depth: int = -1
    all_ops: bool = True
    interpolation: OperationInterpolation | None = "bilinear"
    fill: Fill | None = None
    version: Literal[1, 2] = 2
    alpha: float = 1.0

    def __post_init__(self) -> None:
        checked = {
            "severity": whole_number("severity", self.severity, 1, _BINS),
            "mixture_width": whole_number("mixture_width", self.mixture_width, 1, MAX_WIDTH),
        }
        if self.chain_depth != -1:
            checked["chain_depth"] = whole_number("chain_depth", self.chain_depth, 1, MAX_DEPTH)
        for name, number in checked.items():
            object.__setattr__(self, name, number)
        if not isinstance(self.all_ops, bool):
            raise TypeError(
                f"all_ops must be True or False, not {self.all_ops!r}; torchvision's alpha is "
                "given by its name"
            )
        set_operation_interpolation(self)
        check_version(self.version)
        if self.fill is not None:
            object.__setattr__(self, "fill", checked_fill(self.fill))
        object.__setattr__(self, "alpha", checked_alpha("alpha", self.alpha))

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
                tensor_operation(
                    name,
                    levels[: self.severity],
                    row,
                    self.interpolation,
                    self.fill,
                    self.version,
                )
            )
        return native_mixture(
            operations,
            self.mixture_width,
            self.chain_depth,
            alpha=self.alpha,
            blend_at_end=False,
        )

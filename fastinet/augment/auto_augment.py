"""AutoAugment: one of 25 pairs of operations, which were found by a search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from fastinet._native import _engine
from fastinet.augment.auto_augment_policies import CIFAR10, IMAGENET, SVHN
from fastinet.augment.operation import (
    Fill,
    Operation,
    OperationInterpolation,
    Row,
    checked_fill,
    native_choice,
    set_operation_interpolation,
)
from fastinet.augment.tensorflow_augment import TensorFlowAutoAugment
from fastinet.augment.timm_augment import IMAGENET_MEAN, TimmAugment, timm_augment
from fastinet.augment.timm_strings import AUTO_AUGMENT_NAMES
from fastinet.augment.torchvision_operations import (
    RAND_SPACE,
    check_version,
    torchvision_levels,
    torchvision_operation,
)

__all__ = ["AutoAugment"]

_POLICIES: Final = {"imagenet": IMAGENET, "cifar10": CIFAR10, "svhn": SVHN}
_BINS = 10


@dataclass(frozen=True)
class AutoAugment(Operation):
    """torchvision's AutoAugment: one of a policy's 25 pairs, each operation with its probability.

    Attributes:
        policy: "imagenet", "cifar10" or "svhn".
        interpolation: how geometric operations read between pixels: "nearest", "bilinear",
            "bicubic", "random" (bilinear or bicubic), or None for what the crop is resized with.
        fill: of what the image does not reach, 0 to 255: one number, or (red, green, blue).
        version: 1 or 2: of torchvision's transforms.
    """

    policy: Literal["imagenet", "cifar10", "svhn"] = "imagenet"
    interpolation: OperationInterpolation | None = "nearest"
    fill: Fill = 0
    version: Literal[1, 2] = 2

    def __post_init__(self) -> None:
        if not isinstance(self.policy, str) or self.policy not in _POLICIES:
            known = ", ".join(map(repr, _POLICIES))
            if str(self.policy).split("-")[0] in AUTO_AUGMENT_NAMES:
                raise ValueError(
                    f"{self.policy!r} is timm's policy: AutoAugment.timm({self.policy!r}), or "
                    f"TensorFlow's 'v0': AutoAugment.tensorflow(); torchvision has {known}"
                )
            raise ValueError(f"there is no policy {self.policy!r}; torchvision has {known}")
        set_operation_interpolation(self)
        check_version(self.version)
        object.__setattr__(self, "fill", checked_fill(self.fill))

    @staticmethod
    def timm(
        config: str = "original-mstd0.5",
        *,
        interpolation: OperationInterpolation | None = None,
        mean: tuple[float, float, float] = IMAGENET_MEAN,
    ) -> TimmAugment:
        """The AutoAugment of timm by its string: see :class:`TimmAugment`."""
        return timm_augment("AutoAugment", config, interpolation, mean)

    @staticmethod
    def tensorflow(policy: Literal["v0"] = "v0") -> TensorFlowAutoAugment:
        """AutoAugment of EfficientNet: see :class:`TensorFlowAutoAugment`."""
        return TensorFlowAutoAugment(policy)

    def native(self, row: Row) -> _engine.Operation:
        """See :class:`Operation`."""
        pairs = [
            _engine.Operation.sequence(
                [self._operation(row, *operation) for operation in pair], probability=1.0
            )
            for pair in _POLICIES[self.policy]
        ]
        return native_choice(pairs)

    def _operation(self, row: Row, name: str, p: float, magnitude: int) -> _engine.Operation:
        levels = torchvision_levels(name, RAND_SPACE, _BINS, row, self.version)
        chosen = levels[magnitude : magnitude + 1]
        return torchvision_operation(name, chosen, row, self.interpolation, self.fill, p)

"""The policies of TensorFlow's EfficientNet, which big_vision trains ViTs with.

From models/official/efficientnet/autoaugment.py of tensorflow/tpu, which is
big_vision/pp/archive/autoaugment.py, too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from fastinet._native import _engine
from fastinet.augment.auto_augment_policies import V0
from fastinet.augment.operation import Operation, Row, native_choice
from fastinet.augment.scaled_operations import Magnitude, Rules, scaled_operation
from fastinet.base.checks import whole_number

__all__ = ["TensorFlowAutoAugment", "TensorFlowRandAugment"]

_RAND_RULES: Final = Rules(100.0, translate_in_pixels=True, most_added=255, cutout=40.0)
_AUTO_RULES: Final = Rules(250.0, translate_in_pixels=True, most_added=255, cutout=100.0)
_NAMES = (
    "AutoContrast",
    "Equalize",
    "Invert",
    "Rotate",
    "Posterize",
    "Solarize",
    "Color",
    "Contrast",
    "Brightness",
    "Sharpness",
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
    "Cutout",
    "SolarizeAdd",
)
_FILL = 128
MAX_LAYERS = 32
MAX_MAGNITUDE = 100


@dataclass(frozen=True)
class TensorFlowRandAugment(Operation):
    """RandAugment of EfficientNet and big_vision: `num_layers` of 16 operations, always made.

    Geometric operations read the nearest pixel and fill with grey. Pixels are Pillow's, whose
    functions TensorFlow's go back to: they agree in what is drawn, and not in every bit.

    Attributes:
        num_layers: how many operations, one after another; 0 to 32.
        magnitude: 0 to 100; those beyond 10 go beyond what the policies were made for: factors of
            3.7 at 20, where posterize and solarize change nothing any more.
    """

    num_layers: int = 2
    magnitude: float = 10.0

    def __post_init__(self) -> None:
        layers = whole_number("num_layers", self.num_layers, 0, MAX_LAYERS)
        object.__setattr__(self, "num_layers", layers)
        try:
            magnitude = float(self.magnitude)
        except (TypeError, ValueError):
            magnitude = math.nan
        if not 0 <= magnitude <= MAX_MAGNITUDE:
            raise ValueError(
                f"magnitude must be a number from 0 to {MAX_MAGNITUDE}, not {self.magnitude!r}"
            )
        object.__setattr__(self, "magnitude", magnitude)

    def native(self, row: Row) -> _engine.Operation:
        """See :class:`Operation`."""
        magnitude = Magnitude(self.magnitude)
        parts = [
            scaled_operation(name, magnitude, _RAND_RULES, row, "nearest", _FILL) for name in _NAMES
        ]
        return native_choice(parts, count=self.num_layers)


@dataclass(frozen=True)
class TensorFlowAutoAugment(Operation):
    """AutoAugment of EfficientNet: one of 25 pairs. Pixels as :class:`TensorFlowRandAugment`'s.

    Attributes:
        policy: "v0".
    """

    policy: Literal["v0"] = "v0"

    def __post_init__(self) -> None:
        if self.policy != "v0":
            raise ValueError(f"there is no policy {self.policy!r}; TensorFlow has 'v0'")

    def native(self, row: Row) -> _engine.Operation:
        """See :class:`Operation`."""
        pairs = []
        for pair in V0:
            operations = [
                scaled_operation(
                    name, Magnitude(float(level)), _AUTO_RULES, row, "nearest", _FILL, p
                )
                for name, p, level in pair
            ]
            pairs.append(_engine.Operation.sequence(operations, probability=1.0))
        return native_choice(pairs)

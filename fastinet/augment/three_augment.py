"""3-Augment: grey, solarized or blurred, and then a colour jitter: DeiT III's."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fastinet._native import _engine
from fastinet.augment.operation import Operation, Row
from fastinet.augment.operations import ColorJitter, GaussianBlur, Grayscale, OneOf, Solarize

__all__ = ["ThreeAugment"]


@dataclass(frozen=True)
class ThreeAugment(Operation):
    """``new_data_aug_generator`` of DeiT III (augment.py of facebookresearch/deit).

    One of grey, solarize at 128 and Pillow's blur of a radius between 0.1 and 2, each alike; then a
    colour jitter.

    Attributes:
        jitter: brightness, contrast and saturation of the jitter, 0 to 1; 0 makes none.
    """

    jitter: float = 0.3

    def __post_init__(self) -> None:
        try:
            jitter = float(self.jitter)
        except (TypeError, ValueError):
            jitter = math.nan
        if not 0 <= jitter <= 1:
            raise ValueError(f"jitter must be a number from 0 to 1, not {self.jitter!r}")
        object.__setattr__(self, "jitter", jitter)

    def native(self, row: Row) -> _engine.Operation:
        """See :class:`Operation`."""
        one = OneOf((Grayscale(), Solarize(128), GaussianBlur((0.1, 2.0))))
        jitter = ColorJitter(self.jitter, self.jitter, self.jitter)
        return _engine.Operation.sequence([one.native(row), jitter.native(row)], probability=1.0)

"""Policies of timm, by the strings that describe them: RandAugment, AutoAugment, AugMix."""

from __future__ import annotations

from dataclasses import dataclass

from fastinet._native import _engine
from fastinet.augment.auto_augment_policies import IMAGENET, V0, Policy
from fastinet.augment.operation import (
    Operation,
    OperationInterpolation,
    Row,
    native_choice,
    native_mixture,
    plain_bounds,
    set_operation_interpolation,
)
from fastinet.augment.scaled_operations import (
    AUGMIX_RULES,
    TIMM_RULES,
    Magnitude,
    scaled_operation,
)
from fastinet.augment.timm_strings import AUTO_AUGMENT_NAMES, TimmPolicy, parse_timm_string

__all__ = ["IMAGENET_MEAN", "TimmAugment", "timm_augment"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
_THREE = (
    (("Solarize", 1.0, 5),),
    (("Desaturate", 1.0, 10),),
    (("GaussianBlurRand", 1.0, 10),),
)
# Which table a name stands for, and which of the three ways to posterize.
_TABLES: dict[str, tuple[Policy, str]] = {
    "original": (IMAGENET, "PosterizeOriginal"),
    "originalr": (IMAGENET, "PosterizeIncreasing"),
    "v0": (V0, "Posterize"),
    "v0r": (V0, "PosterizeIncreasing"),
    "3a": (_THREE, ""),
}


@dataclass(frozen=True)
class TimmAugment(Operation):
    """timm's ``auto_augment`` by its string, as ``create_transform`` makes it.

    ``rand-m9-mstd0.5-inc1`` and others of RandAugment; ``original``, ``originalr``, ``v0``, ``v0r``
    and ``3a`` of AutoAugment, with ``-mstd0.5``; ``augmix-m5-w4-d2`` of AugMix. What geometric
    operations do not reach is filled with the mean. Where timm fails on Pillow 13, at 0 bits of
    posterize, the image is black, as it was with earlier versions.

    Attributes:
        config: the string.
        interpolation: how geometric operations read between pixels: None for what the crop is
            resized with, as timm does, "nearest", "bilinear", "bicubic", or "random".
        mean: of the normalisation, each 0 to 1: what timm makes the fill of.

    Raises:
        ValueError: timm does not know the string, or passes over a part of it; the message says
            which.
    """

    config: str
    interpolation: OperationInterpolation | None = None
    mean: tuple[float, float, float] = IMAGENET_MEAN

    def __post_init__(self) -> None:
        parse_timm_string(self.config)
        set_operation_interpolation(self)
        mean = plain_bounds(self.mean)
        numbers = isinstance(mean, tuple) and all(isinstance(each, int | float) for each in mean)
        if not numbers or len(mean) != 3 or not all(0 <= share <= 1 for share in mean):
            raise ValueError(f"mean must be three numbers from 0 to 1, not {self.mean!r}")
        object.__setattr__(self, "mean", mean)

    def native(self, row: Row) -> _engine.Operation:
        """See :class:`Operation`."""
        policy = parse_timm_string(self.config)
        if policy.kind == "rand":
            operations = [self._operation(policy, row, name) for name in policy.names]
            return native_choice(
                operations,
                weights=policy.weights,
                count=policy.layers,
                replacement=not policy.weights,
            )
        if policy.kind == "augmix":
            return self._mixture(policy, row)
        table, posterize = _TABLES[policy.kind]
        pairs = []
        for pair in table:
            operations = [
                self._tabled(policy, row, posterize if name == "Posterize" else name, p, level)
                for name, p, level in pair
            ]
            pairs.append(_engine.Operation.sequence(operations, probability=1.0))
        return native_choice(pairs)

    def _operation(self, policy: TimmPolicy, row: Row, name: str) -> _engine.Operation:
        magnitude = Magnitude(policy.magnitude, policy.deviation, policy.most)
        rules = AUGMIX_RULES if policy.kind == "augmix" else TIMM_RULES
        return scaled_operation(
            name, magnitude, rules, row, self.interpolation, self._fill(), policy.p
        )

    def _tabled(
        self, policy: TimmPolicy, row: Row, name: str, p: float, level: int
    ) -> _engine.Operation:
        magnitude = Magnitude(float(level), policy.deviation, policy.most)
        return scaled_operation(
            name, magnitude, TIMM_RULES, row, self.interpolation, self._fill(), p
        )

    def _mixture(self, policy: TimmPolicy, row: Row) -> _engine.Operation:
        operations = [self._operation(policy, row, name) for name in policy.names]
        return native_mixture(
            operations, policy.width, policy.depth, alpha=policy.alpha, blend_at_end=True
        )

    def _fill(self) -> tuple[int, int, int]:
        red, green, blue = (min(255, round(255 * share)) for share in self.mean)
        return red, green, blue


# By whose name a policy is asked for, and what its strings begin with.
_KINDS = {"RandAugment": ("rand",), "AutoAugment": AUTO_AUGMENT_NAMES, "AugMix": ("augmix",)}


def timm_augment(
    asked: str,
    config: str,
    interpolation: OperationInterpolation | None,
    mean: tuple[float, float, float],
) -> TimmAugment:
    """A policy by its string, which must be one of the kind that is asked for."""
    kind = parse_timm_string(config).kind
    for name, kinds in _KINDS.items():
        if kind in kinds and name != asked:
            raise ValueError(f"{config!r} is no {asked}; it is {name}.timm({config!r})")
    return TimmAugment(config, interpolation, mean)

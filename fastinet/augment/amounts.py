"""Numbers that operations draw, and how they become arguments of steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from fastinet._native import _engine

__all__ = ["Amount", "constant", "uniform"]


@dataclass(frozen=True)
class Amount:
    """How one argument of a step is drawn: the twin of ``Amount`` in ``csrc/policy/amount.h``.

    A number x comes from `source`. What becomes of it is written in the order of the arithmetic,
    which the last bit depends on: ``x / divisor * factor``, its whole part if `truncate` says so,
    at most `ceiling`, negated half of the time if `random_sign` says so, times `scale`, added to
    `offset` or subtracted from it, at least `floor`.

    Attributes:
        source: "uniform" in [low, high), cut at `limit`, or always `low` where both are the same;
            one of `values`, each alike; or "normal" with mean `low` and standard deviation `high`,
            cut to 0 .. `limit`.
    """

    source: Literal["uniform", "values", "normal"] = "uniform"
    low: float = 0.0
    high: float = 0.0
    values: tuple[float, ...] = ()
    limit: float = math.inf
    divisor: float = 1.0
    factor: float = 1.0
    truncate: bool = False
    ceiling: float = math.inf
    random_sign: bool = False
    scale: float = 1.0
    offset: float = 0.0
    subtract: bool = False
    floor: float = -math.inf

    def native(self) -> _engine.Amount:
        """As the engine takes it."""
        return _engine.Amount(**{name: getattr(self, name) for name in self.__dataclass_fields__})


def constant(value: float) -> Amount:
    """Always the same number."""
    return Amount(low=value, high=value)


def uniform(low: float, high: float) -> Amount:
    """Any number from `low` to `high`, each alike."""
    return Amount(low=low, high=high)

"""What operations draw, and whether it is distributed as it should be."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from fastinet._native import _engine
from fastinet.augment import Step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def steps_drawn(
    operation: _engine.Operation, size: tuple[int, int], items: int
) -> list[tuple[Step, ...]]:
    """The steps of a native operation for rows of (height, width), for items 0, 1, ..."""
    return [
        tuple(
            Step(*step)
            for step in _engine.draw_steps(
                [operation], size=size, seed=11, epoch=3, item=item, view=0
            )
        )
        for item in range(items)
    ]


def assert_drawn_like(drawn: Sequence[object], shares: Mapping[object, float]) -> None:
    """Chi-squared at about 1 in 10,000: things are drawn as often as their `shares` say."""
    assert math.isclose(sum(shares.values()), 1)
    counts = Counter(drawn)
    assert set(counts) <= set(shares), set(counts) - set(shares)
    statistic = sum(
        (counts[thing] - len(drawn) * share) ** 2 / (len(drawn) * share)
        for thing, share in shares.items()
        if share > 0
    )
    freedom = sum(share > 0 for share in shares.values()) - 1
    # Wilson and Hilferty: the cube root of chi-squared by its degrees of freedom is nearly normal.
    width = 2 / (9 * max(freedom, 1))
    limit = freedom * (1 - width + 3.72 * math.sqrt(width)) ** 3
    assert statistic <= limit, (statistic, limit, counts)

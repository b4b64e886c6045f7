"""Bounds that a statistic of correct code exceeds once in a million times."""

from __future__ import annotations

import math

# The standard normal distribution's quantile of 1 - 1e-6.
_QUANTILE = 4.753


def chi_squared_bound(freedom: int) -> float:
    """Of the chi-squared distribution, by Wilson and Hilferty's approximation."""
    if freedom == 0:
        return 0.0
    share = 2 / (9 * freedom)
    return freedom * (1 - share + _QUANTILE * math.sqrt(share)) ** 3

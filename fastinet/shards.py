"""Shard patterns: many archives under one name, as WebDataset writes them."""

from __future__ import annotations

import itertools
import math
import re

from fastinet.checks import whole_number

__all__ = ["expand_braces"]

_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_MOST_SHARDS = 1 << 20


def expand_braces(pattern: str) -> list[str]:
    """The names that a pattern stands for, in order, as a shell expands braces.

    ``train-{0000..0002}.tar`` is train-0000.tar, train-0001.tar, train-0002.tar; the numbers are as
    wide as the first one. ``{train,val}.tar`` is a list. Several braces multiply, the last one
    running fastest; braces within braces are not taken apart.

    Raises:
        ValueError: a range that runs backwards, unmatched braces, or more than a million names.
    """
    parts = _BRACES.split(pattern)
    if any("{" in part or "}" in part for part in parts[::2]):
        raise ValueError(f"the braces in '{pattern}' do not match, or are nested")
    choices = [
        _choices(part, pattern) if number % 2 else [part] for number, part in enumerate(parts)
    ]
    count = math.prod(map(len, choices))
    whole_number(f"the number of shards in '{pattern}'", count, 1, _MOST_SHARDS)
    return ["".join(pieces) for pieces in itertools.product(*choices)]


def _choices(braces: str, pattern: str) -> list[str]:
    numbers = _RANGE.fullmatch(braces)
    if numbers is None:
        return braces.split(",")
    first, last = numbers.groups()
    if int(last) < int(first):
        raise ValueError(f"the range {{{braces}}} in '{pattern}' runs backwards")
    if int(last) - int(first) >= _MOST_SHARDS:
        raise ValueError(f"the range {{{braces}}} in '{pattern}' has more than a million numbers")
    return [str(number).zfill(len(first)) for number in range(int(first), int(last) + 1)]

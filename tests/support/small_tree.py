"""A semantic tree of ten classes in three levels, and the way from a root to a class."""

from __future__ import annotations

#     0     1
#    / \    |
#   2   3   4      5 is another root
#   |      / \
#   6     7   8
#             |
#             9
PARENTS = [-1, -1, 0, 0, 1, -1, 2, 4, 4, 8]
WNIDS = [f"n{100 + i:08d}" for i in range(len(PARENTS))]


def chain_of(parents: list[int], label: int) -> list[int]:
    """From the root to the class."""
    return ([] if parents[label] < 0 else chain_of(parents, parents[label])) + [label]

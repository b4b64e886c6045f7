"""What is hidden, or left among files by other programs: it is passed over everywhere.

The rule is in ``csrc/tar/member_name.h``, for every road: scans, folders and streams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastinet._native import _scan

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["are_leftovers", "leftover_ends"]


def leftover_ends(names: Sequence[bytes]) -> list[int]:
    """Where in each path the first part ends that is a leftover [bytes]; 0: none is.

    A slash at the end says that the last part is a folder.
    """
    ends = np.cumsum([len(name) for name in names], dtype=np.uint64)
    found: list[int] = _scan.junk_ends(np.frombuffer(b"".join(names), np.uint8), ends).tolist()
    return found


def are_leftovers(names: Sequence[str]) -> list[bool]:
    """Which of these paths are leftovers, or lie in a folder that is one."""
    return [end > 0 for end in leftover_ends([n.encode("utf-8", "surrogateescape") for n in names])]

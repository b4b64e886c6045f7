"""Many short texts in one array of bytes: a million strings would cost some 100 MB."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["take_texts"]


def take_texts(
    text: NDArray[np.uint8], offsets: NDArray[np.uint64], rows: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
    """Some of N texts, in the order of `rows`: their bytes one after another, and [n + 1] offsets.

    Args:
        text: uint8, all texts one after another.
        offsets: [N + 1] where each begins, and ends, in `text` [bytes].
        rows: int64 [n], 0 to N - 1.
    """
    ends = offsets.astype(np.int64)
    starts, lengths = ends[:-1][rows], (ends[1:] - ends[:-1])[rows]
    taken = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    positions = np.arange(taken[-1]) + np.repeat(starts - taken[:-1], lengths)
    return text[positions], taken.astype(np.uint64)

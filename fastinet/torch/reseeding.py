"""Seeds of the global random generators, which training scripts draw masks and dropout from."""

from __future__ import annotations

import random

import numpy as np
import torch

__all__ = ["reseed"]


def reseed(seed: int, epoch: int, batch: int) -> None:
    """Seeds the generators of Python, NumPy and PyTorch, on all devices, by these three numbers.

    Args:
        seed: 0 .. 2**64 - 1.
        epoch: from 0 on.
        batch: its number in the epoch, over all ranks.
    """
    words = np.random.SeedSequence((seed, epoch, batch)).generate_state(3, np.uint64)
    first, second, third = map(int, words)
    random.seed(first)
    np.random.seed(second & 0xFFFFFFFF)  # noqa: NPY002 - the one that scripts draw from
    torch.manual_seed(third >> 1)  # those of CUDA and other devices, too

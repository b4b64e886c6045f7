"""Recipes with labels against the rules that their authors' scripts compute with."""

from __future__ import annotations

import numpy as np
import pytest

import fastinet

RAMPS = {16: (11, 13), 24: (17, 20), 32: (23, 27), 40: (29, 34), 56: (41, 48), 88: (65, 76)}


@pytest.mark.parametrize("epochs", RAMPS)
def test_sizes_of_ffcv_follow_its_ramp(epochs: int) -> None:
    """The resolution of each epoch as ``get_resolution`` of its training script computes it."""
    start, end = RAMPS[epochs]
    recipe = fastinet.recipe(f"ffcv-rn50-{epochs}")
    for epoch in range(epochs):
        if epoch <= start or epoch >= end:
            wanted = 160 if epoch <= start else 192
        else:
            wanted = round(float(np.interp(epoch, (start, end), (160, 192))) / 32) * 32
        begun = [size for first, size in recipe.sizes.items() if first <= epoch]
        assert (begun[-1] if begun else recipe.train.size) == wanted, epoch

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


@pytest.mark.parametrize(
    ("name", "epochs", "initial", "delay", "colout"),
    [("mild", 32, 0.5, 0.4, 0), ("medium", 90, 0.5, 0.4, 0), ("hot", 90, 0.6, 0.2, 0.05)],
)
def test_sizes_of_composer_follow_its_ramp(
    name: str, epochs: int, initial: float, delay: float, colout: float
) -> None:
    """What ColOut leaves of an epoch's rows has the width that ProgressiveResizing makes of 176."""
    recipe = fastinet.recipe(f"composer-rn50-{name}")
    mix = recipe.mixing(seed=1, layout="NHWC")  # type: ignore[misc]
    for epoch in range(epochs):
        size = [recipe.train.size, *(s for e, s in recipe.sizes.items() if e <= epoch)][-1]
        labels = np.zeros(2, np.int64)
        rows, targets = mix(np.zeros((2, size, size, 3), np.float32), labels, epoch=0, batch=0)
        assert targets.shape == (2, 1000)
        width = int((1 - colout) * 176)
        grown = np.interp(epoch / epochs, (delay, 0.8), (initial, 1))
        wanted = min(round(width * grown / 4) * 4, width)
        assert rows.shape == (2, wanted, wanted, 3), epoch

"""Recipes of several views: how many there are, how large, and what happens to how many of them."""

from __future__ import annotations

import numpy as np
import pytest

import fastinet
from fastinet.augment import draw_steps
from fastinet.pixels.view_groups import groups_of

GROUPS = {
    "simclr": [(224, 2)],
    "simclr-symmetric": [(224, 2)],
    "mocov3": [(224, 1), (224, 1)],
    "mocov3-rn50": [(224, 1), (224, 1)],
    "byol": [(224, 1), (224, 1)],
    "swav": [(224, 2), (96, 6)],
    "dino": [(224, 1), (224, 1), (96, 8)],
    "ibot": [(224, 1), (224, 1), (96, 10)],
    "dinov2": [(224, 1), (224, 1), (96, 8)],
    "dinov3": [(224, 1), (224, 1), (96, 8)],
}
# By group: the shares of the views that are blurred.
BLURRED = {
    "simclr": [0.5],
    "simclr-symmetric": [0.5],
    "mocov3": [1, 0.1],
    "byol": [1, 0.1],
    "swav": [0.5, 0.5],
    "dino": [1, 0.1, 0.5],
    "dinov2": [0, 0.9, 0.5],
    "dinov3": [0, 0.9, 0.5],
}
ITEMS = 1500


@pytest.mark.parametrize("name", GROUPS)
def test_views_come_in_groups(dataset: fastinet.Dataset, name: str) -> None:
    loader = fastinet.Loader(dataset, 2, **fastinet.recipe(name).train_options(), dtype="float16")
    shapes = [crops.shape for crops in next(iter(loader)).crops]
    assert shapes == [(2, count, size, size, 3) for size, count in GROUPS[name]]


@pytest.mark.parametrize("name", BLURRED)
def test_rates_of_what_happens(name: str) -> None:
    """The jitter's and the blur's, counted; within 4.5 standard deviations."""
    for group, wanted in zip(groups_of(fastinet.recipe(name).train), BLURRED[name], strict=True):
        steps = [
            {step.op for step in draw_steps(group.transform.augment, 224, seed=1, epoch=0, item=i)}
            for i in range(ITEMS)
        ]
        for ops, share in (({"gaussian_blur", "kernel_blur"}, wanted), ({"hue"}, 0.8)):
            found = sum(bool(ops & each) for each in steps) / ITEMS
            assert abs(found - share) <= 4.5 * np.sqrt(share * (1 - share) / ITEMS), ops

"""What recipes say: mixing as timm's options have it, and the arguments of loaders."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import numpy as np
import pytest

import fastinet
from fastinet import CenterCrop, RandomResizedCrop
from fastinet.mixing import ColOut, CutMix, InTurn, Mixup, OneOf, Unmixed
from fastinet.recipes import Mixing, Recipe

DRAWS = 4000


def drawn(mixing: Mixing) -> Counter[str]:
    """How often each way comes in many batches."""
    way = mixing(seed=3)
    if not isinstance(way, OneOf):
        return Counter({type(way).__name__: DRAWS})
    return Counter(type(way.draw(0, batch)).__name__ for batch in range(DRAWS))


@pytest.mark.parametrize(
    ("mixing", "shares"),
    [
        (Mixing(mixup=0.8, cutmix=1.0), {"Mixup": 0.5, "CutMix": 0.5}),
        (Mixing(mixup=0.8, cutmix=1.0, switch=0.2), {"Mixup": 0.8, "CutMix": 0.2}),
        (
            Mixing(mixup=0.8, cutmix=1.0, switch=0.2, p=0.75),
            {"Mixup": 0.6, "CutMix": 0.15, "Unmixed": 0.25},
        ),
        (Mixing(mixup=0.2), {"Mixup": 1.0}),
        (Mixing(cutmix=1.0, switch=0.0), {"CutMix": 1.0}),  # nothing to switch from
        (Mixing(cutmix=1.0, p=0.5), {"CutMix": 0.5, "Unmixed": 0.5}),
        (Mixing(mixup=0.2, cutmix=1.0, switch=1.0), {"CutMix": 1.0}),
        (Mixing(mixup=0.2, cutmix=1.0, p=0.0), {"Unmixed": 1.0}),
        (Mixing(smoothing=0.1), {"Unmixed": 1.0}),
    ],
)
def test_shares_of_the_ways(mixing: Mixing, shares: dict[str, float]) -> None:
    """Those of timm's ``mixup_prob`` and ``mixup_switch_prob``."""
    found = drawn(mixing)
    assert found.keys() == shares.keys()
    for way, share in shares.items():
        deviation = np.sqrt(share * (1 - share) / DRAWS)
        assert abs(found[way] / DRAWS - share) <= 4.5 * deviation, way


def test_parameters_reach_the_ways() -> None:
    way = Mixing(mixup=0.8, cutmix=0.9, p=0.5, smoothing=0.1)(classes=7, seed=5, layout="NHWC")
    assert isinstance(way, OneOf)
    assert way.ways == (Mixup(7, 0.8, 0.1, 5), CutMix(7, 0.9, 0.1, 5, "NHWC"), Unmixed(7, 0.1))
    assert way.seed == 5


def test_colout_comes_before_the_mixing() -> None:
    way = Mixing(mixup=0.8, colout=0.1)(classes=7, seed=5, layout="NHWC")
    assert isinstance(way, InTurn)
    assert way.ways == (ColOut(0.1, 0.1, 5, "NHWC"), Mixup(7, 0.8, 0.0, 5))


def test_targets_without_mixing_are_smoothed() -> None:
    images = np.zeros((2, 3, 4, 4), np.uint8)
    same, targets = Mixing(smoothing=0.2)(classes=4)(images, np.array([1, -1]), epoch=0, batch=0)
    assert same is images
    np.testing.assert_allclose(targets, [[0.05, 0.85, 0.05, 0.05], [0, 0, 0, 0]], atol=1e-7)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"p": 1.5}, "p must be 0 to 1, not 1.5"),
        ({"switch": float("nan")}, "switch must be 0 to 1, not nan"),
        ({"mixup": -1}, "mixup must be 0 or positive, not -1"),
        ({"cutmix": float("nan")}, "cutmix must be 0 or positive, not nan"),
        ({"mixup": float("inf")}, "alpha must be positive, not inf"),
        ({"colout": 1}, "p_row must be 0 to below 1, not 1"),
        ({"smoothing": 1}, "smoothing must be 0 to below 1, not 1"),
    ],
)
def test_senseless_mixing_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Mixing(**values)


RECIPE = Recipe("own", "mine", RandomResizedCrop(8), CenterCrop(8, resize=9))


def test_options_are_those_of_loaders(dataset: fastinet.Dataset) -> None:
    assert RECIPE.train_options() == {
        "transform": RandomResizedCrop(8),
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
    }
    grown = dataclasses.replace(RECIPE, sizes={1: 12})
    assert grown.train_options() == {**RECIPE.train_options(), "sizes": {1: 12}}
    loader = fastinet.Loader(dataset, 5, **grown.train_options(), dtype="float16")
    assert [next(iter(loader)).images.shape[1] for _ in range(2)] == [8, 12]
    val = fastinet.Loader(dataset, 5, **grown.val_options(), dtype="float32")
    assert val.transform == CenterCrop(8, resize=9)


def test_a_recipe_is_a_value() -> None:
    assert dataclasses.replace(RECIPE) == RECIPE
    assert hash(dataclasses.replace(RECIPE)) == hash(RECIPE)
    assert "train=RandomResizedCrop(size=8" in repr(RECIPE)
    with pytest.raises(dataclasses.FrozenInstanceError):
        RECIPE.repeats = 2  # type: ignore[misc]

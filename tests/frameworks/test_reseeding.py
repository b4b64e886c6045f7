"""`reseed=True`: what a script draws from the global generators comes again with the batches."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import fastinet
from fastinet import RandomResizedCrop

torch = pytest.importorskip("torch")

import fastinet.torch as fastinet_torch  # noqa: E402
from fastinet.torch import TrainerLoader  # noqa: E402


def drawn() -> tuple[float, float, float]:
    """What a script's step draws from the global generators."""
    return random.random(), float(np.random.random()), float(torch.rand(()))  # noqa: NPY002


def reseeded(dataset: fastinet.Dataset, seed: int = 0, **options: Any) -> TrainerLoader:
    loader = fastinet_torch.Loader(
        dataset, 8, RandomResizedCrop(8), seed=seed, drop_last=True, device="cpu", **options
    )
    return TrainerLoader(loader, reseed=True)


def test_generators_go_on_with_the_batches(dataset: fastinet.Dataset) -> None:
    loader = reseeded(dataset)
    whole = [drawn() for _ in range(2) for _ in loader]
    assert all(len(set(draws)) == len(whole) == 10 for draws in zip(*whole, strict=True))
    for had, end in ((1, 5), (5, 10), (8, 10)):
        rest = TrainerLoader(reseeded(dataset).loader, reseed=True, first_batch=had)
        drawn()  # whatever the script draws before its loop
        assert [drawn() for _ in rest] == whole[had:end]


def test_generators_differ_by_seed_and_rank(dataset: fastinet.Dataset) -> None:
    runs = [
        reseeded(dataset, 1, rank=0, world=2),
        reseeded(dataset, 1, rank=1, world=2),
        reseeded(dataset, 2, rank=0, world=2),
    ]
    draws = [[drawn() for _ in loader] for loader in runs]
    assert len({draw for run in draws for draw in run}) == sum(map(len, draws)) == 6


def test_generators_are_left_alone_unless_asked(dataset: fastinet.Dataset) -> None:
    torch.manual_seed(4)
    np.random.seed(4)  # noqa: NPY002
    random.seed(4)
    expected = [drawn() for _ in range(3)]
    loader = TrainerLoader(reseeded(dataset).loader)
    torch.manual_seed(4)
    np.random.seed(4)  # noqa: NPY002
    random.seed(4)
    assert [drawn() for _, _ in zip(range(3), loader, strict=False)] == expected


def test_masks_of_inputs_come_again(dataset: fastinet.Dataset) -> None:
    """`inputs` draws before its batch is handed over."""

    def masked(images: Any, *_: Any) -> Any:
        return torch.rand(len(images))

    def masks(first_batch: int) -> list[Any]:
        loader = TrainerLoader(
            reseeded(dataset).loader, inputs=masked, reseed=True, first_batch=first_batch
        )
        return list(loader)

    whole, rest = masks(0), masks(2)
    assert all(map(torch.equal, whole[2:], rest))
    assert len(rest) == 3

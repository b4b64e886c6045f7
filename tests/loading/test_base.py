"""What loaders have in common, asked of the loader of a dataset and that of a stream alike."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import fastinet
from fastinet import Loader, RandomResizedCrop, StreamLoader
from fastinet.loading.base import BaseLoader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Make = "Callable[..., BaseLoader]"


def of_dataset(archive: Path, **options: Any) -> BaseLoader:
    return Loader(fastinet.open(archive, index=False), 8, RandomResizedCrop(8), **options)


def of_stream(archive: Path, **options: Any) -> BaseLoader:
    stream = fastinet.open_stream(io.BytesIO(archive.read_bytes()), classes="imagenet1k")
    return StreamLoader(stream, 8, RandomResizedCrop(8), **options)


KINDS = pytest.mark.parametrize("make", [of_dataset, of_stream])


@KINDS
def test_options_are_attributes_to_be_read(
    archive_path: Path, make: Callable[..., BaseLoader]
) -> None:
    loader = make(archive_path, seed=3, threads=2, rank=1, world=2, dtype="float32", views=2)
    assert (loader.batch_size, loader.seed, loader.threads) == (8, 3, 2)
    assert (loader.rank, loader.world, loader.prefetch) == (1, 2, 2)
    assert (loader.on_error, loader.drop_last, loader.affinity) == ("raise", False, ())
    assert loader.output.dtype == "float32"
    assert loader.transform == RandomResizedCrop(8, views=2)
    for name in ("batch_size", "transform", "output", "threads", "rank", "world", "on_error"):
        with pytest.raises(AttributeError):
            setattr(loader, name, None)


@KINDS
def test_a_seed_that_is_set_is_that_of_the_rows(
    archive_path: Path, make: Callable[..., BaseLoader]
) -> None:
    """As loading a state does it; nothing else of the options changes."""
    expected = [batch.boxes for batch in make(archive_path, seed=9)]
    loader = make(archive_path, seed=3, threads=1)
    before = loader.options
    loader.seed = 9
    found = [batch.boxes for batch in loader]
    assert np.array_equal(np.concatenate(found), np.concatenate(expected))
    assert (before.seed, loader.options.seed) == (3, 9)
    assert loader.options.threads == before.threads == 1


@KINDS
@pytest.mark.parametrize("views", [None, 1, 3])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_the_shape_of_a_batch(
    archive_path: Path, make: Callable[..., BaseLoader], views: int | None, layout: str
) -> None:
    loader = make(archive_path, views=views, layout=layout)
    batch = next(iter(loader))
    assert batch.images.shape == loader._batch_shapes()[0]
    assert batch.images.ndim == (4 if views is None else 5)


@KINDS
def test_statistics_are_there_before_during_and_after(
    archive_path: Path, make: Callable[..., BaseLoader]
) -> None:
    loader = make(archive_path, threads=2, prefetch=5)
    stats = loader.stats()
    assert (stats.batches, stats.ready, stats.slots, stats.prefetch) == (0, 0, 0, 5)
    batches = iter(loader)
    next(batches)
    assert loader.stats().batches == 1
    assert loader.stats().slots > 0
    rest = list(batches)
    stats = loader.stats()
    assert stats.batches == 1 + len(rest) == 6
    assert (stats.items, stats.threads, stats.ready) == (43, 2, 0)


@KINDS
def test_a_log_hears_of_it(archive_path: Path, make: Callable[..., BaseLoader]) -> None:
    heard: list[int] = []
    loader = make(archive_path, log=lambda stats: heard.append(stats.batches), log_every=0)
    assert len(list(loader)) == sum(heard) == 6
    assert make(archive_path)._log_call() is None

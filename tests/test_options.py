"""The options that all loaders share: one list of them, and what follows from what is left out."""

from __future__ import annotations

import io
from typing import Any

import pytest

import fastinet
from fastinet import Loader, Resize, StreamLoader
from fastinet.testing.archives import train_tar


def loader_of(dataset: fastinet.Dataset, batch_size: int, **options: Any) -> Loader:
    return Loader(dataset, batch_size, Resize(8), **options)


def stream_loader_of(_: fastinet.Dataset, batch_size: int, **options: Any) -> StreamLoader:
    stream = fastinet.open_stream(io.BytesIO(train_tar({})), classes=["n01440764"])
    return StreamLoader(stream, batch_size, Resize(8), **options)


@pytest.mark.parametrize("make", [loader_of, stream_loader_of])
@pytest.mark.parametrize(
    ("threads", "batch_size", "prefetch"),
    [
        # One batch that the loop is about to get, and two items for each thread in the others.
        (1, 1, 3),
        (4, 1, 9),
        (4, 2, 5),
        (4, 3, 4),
        (4, 7, 3),
        (16, 5, 8),
        (64, 100, 3),
        # Two at least: while the loop has a batch taken over, there is another to work on.
        (4, 8, 2),
        (4, 9, 2),
        (1, 256, 2),
        (128, 256, 2),
        (129, 256, 3),
    ],
)
def test_default_prefetch(
    dataset: fastinet.Dataset, make: Any, threads: int, batch_size: int, prefetch: int
) -> None:
    loader = make(dataset, batch_size, threads=threads)
    assert loader.prefetch == prefetch
    assert (prefetch - 1) * batch_size >= 2 * threads
    assert prefetch == 2 or (prefetch - 2) * batch_size < 2 * threads
    assert make(dataset, batch_size, threads=threads, prefetch=7).prefetch == 7

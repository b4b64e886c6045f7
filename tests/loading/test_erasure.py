"""Rows that nobody erases are not passed over in silence."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import fastinet
from fastinet import Loader, RandomResizedCrop
from fastinet.augment import RandomErasing
from fastinet.loading.batch import SentBatch
from fastinet.loading.erasure import leaves_erasing, refuse_unerased
from fastinet.pixels.output import OutputFormat

if TYPE_CHECKING:
    from pathlib import Path

CROP = RandomResizedCrop(8, erase=RandomErasing(1))
MESSAGE = "rows of uint8 are not erased"


def looks_at_nothing(batch: fastinet.Batch) -> None:
    batch.images.sum()


def looks_at_boxes(batch: fastinet.Batch) -> None:
    assert batch.erased is not None


def looks_at_pixels(batch: fastinet.Batch) -> None:
    assert batch.erased_pixels() is not None


def looks_at_sent_boxes(batch: fastinet.Batch) -> None:
    assert SentBatch(batch, np.copy, np.copy).erased is not None


def sends(batch: fastinet.Batch) -> None:
    SentBatch(batch, np.copy, np.copy)


@pytest.mark.parametrize("look", [looks_at_nothing, sends])
def test_batches_whose_boxes_nobody_asks_for(dataset: fastinet.Dataset, look: Any) -> None:
    """The hundredth is the last that is waited for, whichever epoch it comes in."""
    loader = Loader(dataset, 1, CROP)
    batches = (batch for _ in range(3) for batch in loader)
    for _ in range(100):
        look(next(batches))
    with pytest.warns(fastinet.errors.FastinetWarning, match=MESSAGE):
        look(next(batches))
    for batch in batches:  # once is enough
        look(batch)


def test_a_stream_whose_boxes_nobody_asks_for(archive_path: Path) -> None:
    with archive_path.open("rb") as file:
        stream = fastinet.open_stream(file, classes="imagenet1k")
        batches = iter(fastinet.StreamLoader(stream, 1, CROP))
        batches._erasure._delivered = 90  # the archive has not so many items
        for _ in range(10):
            next(batches)
        with pytest.warns(fastinet.errors.FastinetWarning, match=MESSAGE):
            next(batches)
        assert len(list(batches)) == 32


@pytest.mark.parametrize("look", [looks_at_boxes, looks_at_pixels, looks_at_sent_boxes])
def test_an_epoch_whose_boxes_somebody_asks_for(dataset: fastinet.Dataset, look: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loader = Loader(dataset, 1, CROP)
        for batch in (batch for _ in range(3) for batch in loader):
            look(batch)


@pytest.mark.parametrize(("crop", "dtype"), [(CROP, "float32"), (RandomResizedCrop(8), "uint8")])
def test_nothing_is_left_to_others(dataset: fastinet.Dataset, crop: Any, dtype: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loader = Loader(dataset, 1, crop, dtype=dtype)
        for batch in (batch for _ in range(3) for batch in loader):
            assert batch.erased_pixels() is None


def test_who_cannot_erase_refuses() -> None:
    floats, pixels = OutputFormat("float32"), OutputFormat()
    assert leaves_erasing(CROP, pixels)
    assert not leaves_erasing(CROP, floats)
    assert not leaves_erasing(fastinet.Resize(8), pixels)
    refuse_unerased("It", CROP, floats)
    with pytest.raises(ValueError, match="It cannot erase rows of uint8"):
        refuse_unerased("It", CROP, pixels)

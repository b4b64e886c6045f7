"""Every recipe runs an epoch, and goes on elsewhere with the same bits where it was interrupted."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

import fastinet
from fastinet.testing import reference

SEED, STOP = 5, 4  # batches that are had before the interruption
BATCH = 5


def digests(batch: fastinet.Batch) -> list[str]:
    """One for each row: pixels of all views, label and index."""
    return [
        hashlib.sha256(
            b"".join(group[row].tobytes() for group in batch.crops)
            + bytes(f"{batch.labels[row]} {batch.indices[row]}", "ascii")
        ).hexdigest()
        for row in range(len(batch))
    ]


@pytest.mark.parametrize("name", fastinet.recipes.names())
def test_an_interrupted_epoch_goes_on(dataset: fastinet.Dataset, name: str) -> None:
    """With other threads, another batch size, and on two ranks in place of one."""
    options = fastinet.recipe(name).train_options()
    unbroken = fastinet.Loader(
        dataset, BATCH, **options, dtype="float32", shuffle=True, seed=SEED, threads=1
    )
    batches = iter(unbroken)
    rows: list[str] = []
    state = None
    for number, batch in enumerate(batches, 1):
        rows += digests(batch)
        if number == STOP:
            state = json.loads(json.dumps(unbroken.state_dict()))
    assert len(rows) == len(dataset)
    assert len(set(rows)) == len(rows), "two rows of an epoch are the same"
    rest = rows[STOP * BATCH :]
    for rank in range(2):
        resumed = fastinet.Loader(
            dataset, 3, **options, dtype="float32", shuffle=True, threads=3, rank=rank, world=2
        )
        resumed.load_state_dict(state)  # type: ignore[arg-type]
        assert [row for batch in resumed for row in digests(batch)] == rest[rank::2]


@pytest.mark.parametrize("name", fastinet.recipes.names())
def test_validation_rows_are_normalised_centres(dataset: fastinet.Dataset, name: str) -> None:
    recipe = fastinet.recipe(name)
    loader = fastinet.Loader(dataset, BATCH, **recipe.val_options(), dtype="float32")
    mean, std = np.array(recipe.mean), np.array(recipe.std)
    for image, item in zip(next(iter(loader)).images, range(BATCH), strict=True):
        data, val = dataset.read(item), recipe.val
        pixels = reference.center_crop(data, val.size, val.resize, interpolation=val.interpolation)
        np.testing.assert_allclose(image, (pixels / 255 - mean) / std, atol=1e-5)

"""What a dataset of a miniature challenge must hold, and the items of its test archive."""

from __future__ import annotations

import numpy as np

import fastinet
from fastinet.testing.ilsvrc import MiniatureChallenge

JPEG = b"\xff\xd8\xff\xe0"


def check(dataset: fastinet.Dataset, expected: list[tuple[str, bytes, str | None]]) -> None:
    """Compares with (end of the key, content, wnid or None), also by way of a loader."""
    assert len(dataset) == len(expected)
    for row, (key, content, wnid) in enumerate(expected):
        assert dataset.keys[row].endswith(key)
        assert dataset.read(row) == content
        label = int(dataset.labels[row])
        assert (None if label < 0 else dataset.classes[label].wnid) == wnid
    loader = fastinet.Loader(dataset, 4, fastinet.Resize(8), threads=2)
    batches = list(loader)
    assert np.concatenate([batch.labels for batch in batches]).tolist() == dataset.labels.tolist()
    rows = np.concatenate([batch.images for batch in batches])
    for row, (_, content, _) in enumerate(expected):
        assert np.array_equal(rows[row], fastinet.decode(content, size=8))
    everything = fastinet.Loader(dataset, 4, fastinet.RandomResizedCrop(8), shuffle=True, seed=3)
    seen = sorted(int(item) for batch in everything for item in batch.indices)
    assert seen == list(range(len(dataset)))


def expected_test(challenge: MiniatureChallenge) -> list:
    return [
        (f"ILSVRC2012_test_{number:08d}.JPEG", challenge.test[number], None)
        for number in sorted(challenge.test)
    ]

"""What a dataset of a whole archive's miniature holds, and that batches of it are Pillow's."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fastinet
from fastinet.errors import FastinetWarning


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def contents(dataset: fastinet.Dataset) -> dict[str, tuple[str, bytes]]:
    """Key -> (wnid, bytes)."""
    return {
        key: (dataset.classes[label].wnid, dataset.read(item))
        for item, (key, label) in enumerate(zip(dataset.keys, dataset.labels.tolist(), strict=True))
    }


def check_batches(dataset: fastinet.Dataset, expected: dict[str, tuple[int, bytes]]) -> None:
    """The loader gives each of `expected` (key -> label, bytes) once, with Pillow's pixels."""
    loader = fastinet.Loader(dataset, 4, fastinet.Resize((32, 40)), exact=True, threads=2)
    seen = {}
    for batch in loader:
        images, labels = batch
        for key, label, image in zip(batch.keys, labels.tolist(), images, strict=True):
            seen[key] = label
            with Image.open(io.BytesIO(expected[key][1])) as picture:
                resized = picture.convert("RGB").resize((40, 32), Image.Resampling.BILINEAR)
            assert np.array_equal(image, np.asarray(resized)), key
    assert seen == {key: label for key, (label, _) in expected.items()}


def open_quietly(path: Path, split: str | None = None) -> fastinet.Dataset:
    """Opens a split; opening without `split` warns that there are others."""
    if split is not None:
        return fastinet.open(path, split=split)
    with pytest.warns(FastinetWarning, match="split= takes the others: val, small_classes"):
        return fastinet.open(path)

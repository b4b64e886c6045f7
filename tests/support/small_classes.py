"""A tar of class tars with so many images in each class, and the wnid of each item."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import fastinet
from fastinet.testing.archives import train_tar
from fastinet.testing.small import small_jpeg


def archive(path: Path, images: dict[str, int], seed: int = 0) -> Path:
    """A tar of class tars with so many images in each class."""
    rng = np.random.default_rng(seed)
    classes = {
        wnid: {f"{wnid}_{number}.JPEG": small_jpeg(rng) for number in range(count)}
        for wnid, count in images.items()
    }
    path.write_bytes(train_tar(classes))
    return path


def labelled(dataset: fastinet.Dataset) -> list[tuple[str, str]]:
    """Key and wnid of each item."""
    return [
        (key, dataset.classes[label].wnid)
        for key, label in zip(dataset.keys, dataset.labels.tolist(), strict=True)
    ]

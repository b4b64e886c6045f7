"""The labels of ILSVRC2012's 50,000 validation images, which no archive of images has in it."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

__all__ = ["VALIDATION_IMAGES", "validation_labels"]

VALIDATION_IMAGES = 50_000


@functools.cache
def validation_labels() -> NDArray[np.int64]:
    """int64 [50000], read-only: the label, 0 to 999, of ILSVRC2012_val_{i+1:08d} at i.

    They are those of ``ILSVRC2012_validation_ground_truth.txt`` in the development kit, as sorted
    wnids number them; the file has a line for each.
    """
    import importlib.resources  # noqa: PLC0415 - for few archives

    file = importlib.resources.files(__package__) / "ilsvrc2012_val_labels.txt"
    labels = np.array(file.read_bytes().split(), np.int64)
    labels.flags.writeable = False
    return labels

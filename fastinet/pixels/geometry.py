"""Where transforms put the pixels of an image: the Python twin of the geometry in csrc/crop.

Which part of an image is cropped is drawn by the core alone, and batches say it: boxes, and windows
in the resized boxes. How large these are follows from the transform; Python works it out again
where annotations follow the pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastinet.pixels.transforms import CenterCrop, RandomCrop, SingleTransform

__all__ = ["resized_sizes"]

Doubles = NDArray[np.float64]


def resized_sizes(transform: SingleTransform, images: Doubles, rows: Doubles) -> Doubles:
    """Width and height of each resized crop box [pixels]: of the `Crop` that DrawCrop in C++ gives.

    Args:
        transform: that drew the boxes.
        images: [M, 2], width and height of each image [pixels].
        rows: [M, 2], width and height of the row that each crop became, likewise.
    """
    if not isinstance(transform, RandomCrop | CenterCrop):
        return rows
    if transform.resize is None:
        return images
    # Whole numbers below 2**31 have a quotient whose whole part is exact.
    resized: Doubles = np.floor(transform.resize * images / images.min(axis=1, keepdims=True))
    return resized

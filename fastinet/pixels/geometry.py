"""Where transforms put the pixels of an image: the Python twin of the geometry in csrc/crop.

Which part of an image is cropped is drawn by the core alone, and batches say it. What becomes of
that part follows from the transform; Python works it out again where annotations follow the pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastinet.pixels.transforms import CenterCrop, SingleTransform, height_width

__all__ = ["Placement", "placement"]

Doubles = NDArray[np.float64]


class Placement(NamedTuple):
    """How crop boxes come into their rows: scaled to `resized`, then moved by ``-start``.

    Attributes:
        resized: [M, 2], width and height of each resized box [pixels].
        start: [M, 2], where in the resized box the row begins, x and y [pixels]; negative where it
            begins before the box, and is black there.
    """

    resized: Doubles
    start: Doubles


def placement(transform: SingleTransform, images: Doubles, crops: Doubles) -> Placement:
    """How crop boxes come into the rows of a transform: the `Crop` that DrawCrop in C++ gives.

    Args:
        transform: that drew the boxes.
        images: [M, 2], width and height of each image [pixels].
        crops: [M, 2], width and height of each crop box [pixels].
    """
    row = np.array(height_width(transform.size)[::-1], np.float64)
    if not isinstance(transform, CenterCrop):
        return Placement(np.broadcast_to(row, crops.shape), np.zeros_like(crops))
    resized = images
    if transform.resize is not None:
        # Whole numbers below 2**31 have a quotient whose whole part is exact.
        resized = np.floor(transform.resize * images / images.min(axis=1, keepdims=True))
    return Placement(resized, _centred_start(resized, row))


def _centred_start(available: Doubles, wanted: Doubles) -> Doubles:
    """Where a centred run of `wanted` pixels starts: CentredStart in csrc/crop/crop.cc."""
    before = -np.floor((wanted - available) / 2)
    return np.where(wanted > available, before, np.rint((available - wanted) / 2))

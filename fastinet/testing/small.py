"""Small images, for tests that need many and do not care what they show."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

__all__ = ["small_jpeg"]


def small_jpeg(rng: np.random.Generator, quality: int = 85, subsampling: int = 0) -> bytes:
    """A JPEG of 20 to 120 pixels a side: colours that change slowly, and some noise.

    Args:
        rng: of size and content.
        quality: as Pillow means it.
        subsampling: of the chroma: 0 is 4:4:4, 1 is 4:2:2, 2 is 4:2:0.
    """
    width, height = (int(side) for side in rng.integers(20, 121, 2))
    coarse = Image.fromarray(rng.integers(0, 256, (5, 5, 3), np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.int16)
    pixels = np.clip(smooth + rng.integers(-12, 13, smooth.shape), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return file.getvalue()

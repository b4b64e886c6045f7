"""Makes planes of texture with the statistics of natural images, of which photographs are cut.

Photographs have amplitude spectra near 1/f (Field, "Relations between the statistics of natural
images and the response properties of cortical cells", JOSA A 1987), and their edges come from
objects that occlude each other at every scale (Lee, Mumford & Huang, "Occlusion models for natural
images", IJCV 2001). Both are made here: fractal noise of several exponents, and dead leaves.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.floating[Any]]  # float32 [height, width]

SIDE = 1024  # of every plane [pixels]; larger windows continue mirrored, which shows no seam
_FRACTALS_PER_KIND = 3


class TextureBank:
    """Square planes of zero mean and unit deviation, by kind; the same for the same seed.

    Kinds: "smooth" (clouds, walls), "rough" (stone, skin), "fine" (cloth, sand), "grain" (sensor
    noise), "pebbles" and "blades" (dead leaves, round and long), and "pebbles blurred" and "blades
    blurred" (the same, out of focus).
    """

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng((seed, 0x7E87))
        self._planes = {
            "smooth": _fractals(rng, exponent=2.0),
            "rough": _fractals(rng, exponent=1.3),
            "fine": _fractals(rng, exponent=0.8),
            "grain": [_blur(plane, 0.45) for plane in _fractals(rng, exponent=0.0)],
        }
        for kind, elongation in (("pebbles", 1.3), ("blades", 6.0)):
            leaves = [dead_leaves(rng, elongation) for _ in range(2)]
            self._planes[kind] = [_blur(plane, 0.6) for plane in leaves]
            self._planes[f"{kind} blurred"] = [_blur(plane, 7.0) for plane in leaves]

    def window(self, kind: str, height: int, width: int, rng: np.random.Generator) -> Plane:
        """A random `height` x `width` window of a random plane of `kind`, mirrored at random."""
        planes = self._planes[kind]
        plane = planes[rng.integers(len(planes))]
        top, left, mirror = (int(rng.integers(limit)) for limit in (SIDE, SIDE, 2))
        if height <= SIDE and width <= SIDE:
            top, left = top % (SIDE - height + 1), left % (SIDE - width + 1)
            window = plane[top : top + height, left : left + width]
        else:
            window = plane[np.ix_(_mirrored(top, height), _mirrored(left, width))]
        return window[:, ::-1] if mirror else window


@functools.lru_cache(maxsize=1)
def default_bank() -> TextureBank:
    """The bank that every synthetic photograph is cut from."""
    return TextureBank()


def fractal_noise(rng: np.random.Generator, exponent: float, side: int = SIDE) -> Plane:
    """Gaussian noise [side, side] whose amplitude spectrum falls as 1/f**exponent."""
    white = rng.standard_normal((side, side), dtype=np.float32)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    frequency[0, 0] = np.inf if exponent else 1.0  # no constant part
    spectrum = np.fft.rfft2(white) * frequency**-exponent
    return _standardised(np.fft.irfft2(spectrum, white.shape))


def dead_leaves(
    rng: np.random.Generator, elongation: float, side: int = SIDE, smallest: float = 3.0
) -> Plane:
    """Shades [side, side] of ellipses that lie over each other, with radii r distributed as r**-3.

    That density makes the picture look alike at every magnification. Long leaves stand upright,
    as grass does.
    """
    largest = side / 16
    # The mean of r**2 under the density r**-3 between the two radii.
    mean_square = 2 * smallest**2 * math.log(largest / smallest) / (1 - (smallest / largest) ** 2)
    count = int(3 * side**2 / (math.pi * mean_square))  # covers the plane three times
    shares = rng.random(count)
    radii = smallest / np.sqrt(1 - shares * (1 - (smallest / largest) ** 2))
    tilts = rng.normal(0, 3.0 / elongation, count)
    centres = rng.random((count, 2)) * side
    shades = rng.standard_normal((count, 2))
    leaves = np.zeros((side, side), np.float32)
    for radius, tilt, (y, x), (shade, slope) in zip(radii, tilts, centres, shades, strict=True):
        _lay_leaf(leaves, y, x, radius, elongation, tilt, shade, slope)
    return _standardised(leaves)


def _lay_leaf(
    plane: Plane,
    y: float,
    x: float,
    radius: float,
    elongation: float,
    tilt: float,
    shade: float,
    slope: float,
) -> None:
    """Lays an ellipse of the area pi * radius**2 over `plane`, shaded from side to side."""
    half_width, half_height = radius / math.sqrt(elongation), radius * math.sqrt(elongation)
    reach = int(half_height) + 1
    top, left = max(0, int(y) - reach), max(0, int(x) - reach)
    part = plane[top : int(y) + reach + 1, left : int(x) + reach + 1]
    rows = np.arange(top, top + part.shape[0], dtype=np.float32)[:, None] - np.float32(y)
    columns = np.arange(left, left + part.shape[1], dtype=np.float32)[None] - np.float32(x)
    cosine, sine = np.float32(math.cos(tilt)), np.float32(math.sin(tilt))
    across = (columns * cosine + rows * sine) / np.float32(half_width)
    along = (rows * cosine - columns * sine) / np.float32(half_height)
    inside = across * across + along * along < 1
    part[inside] = (np.float32(shade) + np.float32(0.5 * slope) * across)[inside]


def _fractals(rng: np.random.Generator, exponent: float) -> list[Plane]:
    return [fractal_noise(rng, exponent) for _ in range(_FRACTALS_PER_KIND)]


def _blur(plane: Plane, sigma: float) -> Plane:
    """`plane` under a Gaussian of `sigma` pixels, standardised again."""
    rows, columns = np.fft.fftfreq(plane.shape[0])[:, None], np.fft.rfftfreq(plane.shape[1])[None]
    transfer = np.exp(-2 * (math.pi * sigma) ** 2 * (rows**2 + columns**2))
    return _standardised(np.fft.irfft2(np.fft.rfft2(plane) * transfer, plane.shape))


def _standardised(plane: Plane) -> Plane:
    standardised: Plane = ((plane - plane.mean()) / plane.std()).astype(np.float32)
    return standardised


def _mirrored(start: int, count: int) -> NDArray[np.int64]:
    """`count` positions from `start` on in 0..SIDE-1, turning back at the ends."""
    position = np.arange(start, start + count) % (2 * SIDE)
    mirrored: NDArray[np.int64] = np.minimum(position, 2 * SIDE - 1 - position)
    return mirrored

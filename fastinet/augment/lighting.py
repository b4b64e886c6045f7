"""Lighting: a random shift of all colours of an image, as AlexNet was trained with."""

from __future__ import annotations

from dataclasses import dataclass

from fastinet.base.checks import number_within

__all__ = ["Lighting"]

# Random numbers are below 6.34 (csrc/rng/normal.h), and of the three channels blue has the largest
# sum of eigenvalues times entries of eigenvectors, 0.1419.
_LARGEST = 0.9
_MOST_STD = 10.0  # kMostStd in csrc/augment/lighting.cc


@dataclass(frozen=True)
class Lighting:
    """Adds a random multiple of each principal component of ImageNet's colours to all pixels.

    It is AlexNet's: "to each RGB image pixel we add [p1, p2, p3] [a1 l1, a2 l2, a3 l3]", where p
    and l are eigenvectors and eigenvalues of the colours, and each a is drawn anew for each image.
    The numbers are those of fb.resnet.torch and of all that came after it, for pixels of 0..1. The
    shift comes after all other colour operations and before the normalisation, of which it becomes
    a part: values below 0 and above 1 are not cut off, and only rows of a float dtype can have it.

    What is drawn depends on (seed, epoch, item, view) alone.

    Attributes:
        std: standard deviation of the multiples, 0 to 10.

    Raises:
        ValueError: a value that makes no sense; the message names it.
    """

    std: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "std", number_within("std", self.std, 0, _MOST_STD))

    @property
    def largest_shift(self) -> float:
        """The most that can be added to a channel or taken from it, in units of 0..1."""
        return _LARGEST * self.std

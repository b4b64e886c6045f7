"""Random numbers of a batch, the same with every version of NumPy.

NumPy promises what the bits of its Philox are, and not what its ``Generator`` makes of them: that
has changed between 1.24 and 2.4. So it is done here, by the algorithms of NumPy 2.4 and with their
very bits: batches which earlier versions of this package mixed are mixed alike.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from fastinet.base.warning import warn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["Draws"]

_LOW_HALF: Final = 2**32 - 1
# Below it, not even the logarithms of the two powers can be compared.
_TINIEST: Final = 3e-103
# The first numbers of Beta(2.5, 2.5) with key 1, as NumPy 2.4 draws them.
_KNOWN: Final = (0.6889992212402306, 0.8547901757524371, 0.5260435147037005)


class Draws:
    """Random numbers one after another, from one key and one counter of Philox 4x64.

    Args:
        key: 0 .. 2**64 - 1.
        counter: uint64 [4]; the first element counts blocks of four numbers.
    """

    def __init__(self, key: int, counter: NDArray[np.uint64]) -> None:
        self._bits = np.random.Philox(key=key, counter=counter)
        self._half: int | None = None  # the upper 32 bits of a number whose lower ones were taken

    def uniform(self, count: int) -> NDArray[np.float64]:
        """Numbers in [0, 1), float64 [count]: multiples of 2**-53."""
        return (self._bits.random_raw(count) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def below(self, bounds: Iterable[int]) -> NDArray[np.int64]:
        """For each bound, 1 .. 2**32 - 1, a whole number from 0 to less than it; int64 [count]."""
        return np.array([self._below(bound) for bound in bounds], np.int64)

    def permutation(self, count: int) -> NDArray[np.int64]:
        """The numbers below `count` in any order, int64 [count]: Fisher's and Yates' shuffle."""
        order = list(range(count))
        for last in range(count - 1, 0, -1):
            other = self._up_to(last)
            order[last], order[other] = order[other], order[last]
        return np.array(order, np.int64)

    def beta(self, alpha: float, count: int) -> NDArray[np.float64]:
        """Numbers from Beta(alpha, alpha), float64 [count].

        With `alpha` above 1 they are those of the installed NumPy, whose tables of the normal
        distribution cannot be computed anew to the last bit; a warning says so where they are not
        those of NumPy 2.4.
        """
        if alpha > 1:
            _warn_of_another_beta()
            return np.random.Generator(self._bits).beta(alpha, alpha, size=count)
        return np.array([self._beta(alpha) for _ in range(count)], np.float64)

    def _32_bits(self) -> int:
        """The lower half of the next number, and then its upper one."""
        if self._half is not None:
            bits, self._half = self._half, None
            return bits
        number = self._bits.random_raw()
        self._half = number >> 32
        return number & _LOW_HALF

    def _below(self, bound: int) -> int:
        """D. Lemire, "Fast Random Integer Generation in an Interval", ACM TOMACS 29 (1), 2019."""
        if bound == 1:
            return 0
        product = self._32_bits() * bound
        if product & _LOW_HALF < bound:
            least = 2**32 % bound
            while product & _LOW_HALF < least:
                product = self._32_bits() * bound
        return product >> 32

    def _up_to(self, most: int) -> int:
        """As many bits as `most` has, until they are no greater number."""
        mask = (1 << most.bit_length()) - 1
        while (number := self._32_bits() & mask) > most:
            pass
        return number

    def _next_uniform(self) -> float:
        return (self._bits.random_raw() >> 11) * 2.0**-53

    def _beta(self, alpha: float) -> float:
        """M. D. Jöhnk, "Erzeugung von betaverteilten und gammaverteilten Zufallszahlen", 1964.

        The powers are the C library's, as they are in NumPy.
        """
        if alpha < _TINIEST:
            return float(2 * alpha * self._next_uniform() < alpha)
        while True:
            u, v = self._next_uniform(), self._next_uniform()
            x, y = math.pow(u, 1 / alpha), math.pow(v, 1 / alpha)
            if x + y > 1 or u + v == 0:
                continue
            if x > 0 and y > 0:
                return x / (x + y)
            ratio = _log(u) / alpha - _log(v) / alpha  # of x and y, its logarithm
            if ratio > 0:
                return math.exp(-math.log1p(math.exp(-ratio)))
            return math.exp(ratio - math.log1p(math.exp(ratio)))


@functools.cache
def _warn_of_another_beta() -> None:
    known = np.random.Generator(np.random.Philox(key=1, counter=np.zeros(4, np.uint64)))
    if not np.allclose(known.beta(2.5, 2.5, size=len(_KNOWN)), _KNOWN, rtol=1e-9, atol=0):
        warn(
            f"NumPy {np.__version__} draws from Beta(alpha, alpha) with alpha above 1 in another "
            "way than NumPy 2.4 does: batches are mixed, and not as they are with that. With alpha "
            "up to 1 they are the same with every version"
        )


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf

"""Random numbers of batches: the bits that NumPy 2.4's Generator draws from the same Philox."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from fastinet.errors import FastinetWarning
from fastinet.mixing import CutMix, Mixup, batch_draws
from fastinet.mixing.batch_draws import Draws

COUNTER = np.array([0, 3, 7, 11], np.uint64)
SERIES = tuple(map(int, np.__version__.split(".")[:2]))


def pair(key: int) -> tuple[Draws, np.random.Generator]:
    """The same random numbers, of this package and of NumPy."""
    bits = np.random.Philox(key=key, counter=COUNTER)
    return Draws(key, COUNTER), np.random.Generator(bits)


def equal(ours: Any, numpys: Any) -> bool:
    """Bits, and the type."""
    return ours.dtype == numpys.dtype and ours.tobytes() == numpys.tobytes()


@pytest.mark.parametrize("key", [0, 1, 2**64 - 1])
def test_uniform_numbers(key: int) -> None:
    ours, numpys = pair(key)
    for count in (1, 5, 0, 100):
        assert equal(ours.uniform(count), numpys.random(count))


def test_whole_numbers() -> None:
    """Half a number is left for the next one; a bound of 1 takes none; some are drawn anew."""
    ours, numpys = pair(5)
    for bound in (1, 2, 224, 1000, 2**31 + 1, 3 * 2**30, 2**32 - 1):
        for count in (1, 3, 50):
            assert equal(ours.below([bound] * count), numpys.integers(bound, size=count))
        assert equal(ours.uniform(1), numpys.random(1))
    bounds = np.arange(1, 300)
    assert equal(ours.below(bounds.tolist()), numpys.integers(0, bounds))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 224, 1001])
def test_permutations(count: int) -> None:
    ours, numpys = pair(count)
    for _ in range(3):
        assert equal(ours.permutation(count), numpys.permutation(count))


# Until NumPy 2.0 the least of them were a last bit apart.
ALPHAS = [1.0, 0.8, 0.5, 0.4, 0.3, 0.2, 0.1] + [0.01, 1e-3, 1e-4, 1e-8, 3e-103, 1e-103, 1e-308] * (
    SERIES >= (2, 2)
)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_beta(alpha: float) -> None:
    ours, numpys = pair(round(-math.log(alpha) * 100))
    assert equal(ours.beta(alpha, 2000), numpys.beta(alpha, alpha, size=2000))
    assert equal(ours.uniform(3), numpys.random(3))


def test_beta_above_one_is_numpys() -> None:
    ours, numpys = pair(3)
    assert equal(ours.below([9]), numpys.integers(9, size=1))
    assert equal(ours.beta(2.0, 50), numpys.beta(2, 2, size=50))
    assert equal(ours.below([9] * 4), numpys.integers(9, size=4))


def test_another_numpy_is_told_of(monkeypatch: pytest.MonkeyPatch, recwarn: Any) -> None:
    batch_draws._warn_of_another_beta.cache_clear()
    assert Draws(1, COUNTER).beta(2.5, 1).shape == (1,)
    assert not recwarn.list
    monkeypatch.setattr(batch_draws, "_KNOWN", (0.5, 0.5, 0.5))
    batch_draws._warn_of_another_beta.cache_clear()
    with pytest.warns(FastinetWarning, match=r"NumPy .* alpha above 1"):
        Draws(1, COUNTER).beta(2.5, 1)
    batch_draws._warn_of_another_beta.cache_clear()


def test_batches_are_mixed_as_they_were() -> None:
    """As this package mixed them when it still asked NumPy's Generator, with NumPy 2.4."""
    lam = Mixup(10, alpha=0.2, seed=3).draw(1, 2)
    assert lam == pytest.approx(0.9172526949844071, rel=1e-15)  # the power is the C library's
    box, around = CutMix(10, alpha=1.0, seed=2**64 - 1).draw(5, 6, 224, 192)
    assert (box, around) == ((29, 32, 45, 50), 0.9933035714285714)

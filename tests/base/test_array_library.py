"""Arrays of NumPy, PyTorch and JAX: whose they are, and what is called otherwise."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from fastinet.base.array_library import as_dtype, library_of, range_beside


@pytest.mark.parametrize("library", ["numpy", "torch", "jax.numpy"])
def test_each_library(library: str) -> None:
    pytest.importorskip(library.partition(".")[0])
    module = importlib.import_module(library)
    array = module.zeros(3, dtype=module.float32)
    assert library_of(array) is module
    numbers = range_beside(module, 4, array)
    assert type(numbers) is type(array)
    assert np.asarray(numbers).tolist() == [0, 1, 2, 3]
    assert as_dtype(array, module.int32).dtype == module.int32


def test_what_is_no_array_goes_to_numpy() -> None:
    assert library_of([1, 2]) is np

"""Element types by name, whichever library's own object somebody gives."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from fastinet.base.array_types import dtype_name


@pytest.mark.parametrize("name", ["uint8", "float16", "bfloat16", "float32"])
@pytest.mark.parametrize("library", ["numpy", "ml_dtypes", "torch", "jax.numpy"])
def test_every_librarys_own(library: str, name: str) -> None:
    module: Any = pytest.importorskip(library)
    if not hasattr(module, name):
        pytest.skip(f"{library} has no {name}")
    assert dtype_name(getattr(module, name)) == name


def test_dtypes_and_strings() -> None:
    assert dtype_name(np.dtype("f4")) == "float32"
    assert dtype_name(np.dtype(ml_dtypes.bfloat16)) == "bfloat16"
    assert dtype_name("anything") == "anything"

    class TensorFlows:
        as_numpy_dtype = np.float16

    assert dtype_name(TensorFlows()) == "float16"


@pytest.mark.parametrize(
    ("given", "said"), [(None, "None"), (3, "3"), (float, "float64"), (">f4", ">f4"), ([1], "[1]")]
)
def test_what_is_none_is_said_as_it_is(given: Any, said: str) -> None:
    assert dtype_name(given) == said
    assert dtype_name(np.dtype(">f4")) == ">f4", "bytes in another order are another type"

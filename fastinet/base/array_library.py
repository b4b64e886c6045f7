"""Arrays of any library, which have the operations of NumPy and are not all called alike."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

__all__ = ["as_dtype", "library_of", "range_beside"]


def library_of(array: Any) -> Any:
    """The module whose functions take `array`: torch, jax.numpy or NumPy."""
    name = type(array).__module__.partition(".")[0]
    if name == "torch":
        return sys.modules["torch"]
    if name in ("jax", "jaxlib"):
        return sys.modules["jax.numpy"]
    return np


def range_beside(xp: Any, count: int, beside: Any) -> Any:
    """0 .. count - 1, on the device of `beside`."""
    return xp.arange(count, device=beside.device) if xp.__name__ == "torch" else xp.arange(count)


def as_dtype(array: Any, dtype: Any) -> Any:
    """`array` as `dtype`."""
    return array.to(dtype) if hasattr(array, "to") else array.astype(dtype)

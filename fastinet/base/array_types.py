"""Names of element types, whichever library's own object somebody gives."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["dtype_name"]


def dtype_name(dtype: Any) -> str:
    """The name of an element type: of a string, or of NumPy's, PyTorch's, JAX's or ml_dtypes' own.

    It imports none of them, and refuses nothing: of what is no element type it gives the ``repr``.
    """
    if isinstance(dtype, str):
        return dtype
    if type(dtype).__module__.partition(".")[0] == "torch":
        return str(dtype).rpartition(".")[2]
    if dtype is None or isinstance(dtype, bool | int | float):
        return repr(dtype)
    name = getattr(dtype, "as_numpy_dtype", dtype)  # TensorFlow's
    try:
        known: np.dtype[Any] = np.dtype(name)
    except TypeError:
        return repr(dtype)
    return str(known.name if known.isnative else known.str)

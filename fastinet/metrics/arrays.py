"""Arrays of other libraries as NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["as_array"]


def as_array(values: Any) -> NDArray[Any]:
    """`values` as a NumPy array.

    Of PyTorch's tensors also those that NumPy does not take: on a GPU, with a gradient, or of
    bfloat16, which becomes float32, and so keeps its values.
    """
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = values.float() if str(values.dtype) == "torch.bfloat16" else values
    return np.asarray(values)

"""NumPy arrays as tensors, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastinet.pixels.output import DType

__all__ = ["TORCH_DTYPES", "channels_second", "tensor", "tensors"]

TORCH_DTYPES: Final[dict[DType, torch.dtype]] = {
    "uint8": torch.uint8,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
}


def tensor(array: NDArray[Any]) -> torch.Tensor:
    """A tensor over the memory of `array`, which it keeps alive; bfloat16 included."""
    if array.dtype.name == "bfloat16":  # which PyTorch does not take from NumPy
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def tensors(images: NDArray[Any] | tuple[NDArray[Any], ...]) -> Any:
    """A tensor over what a batch has first: images, or a tuple of them over crops."""
    return tuple(map(tensor, images)) if isinstance(images, tuple) else tensor(images)


def channels_second(images: torch.Tensor) -> torch.Tensor:
    """[..., H, W, 3] as a view [..., 3, H, W]: what PyTorch calls ``channels_last`` memory."""
    return images.movedim(-1, -3)

"""NumPy arrays as tensors, and what a batch of them is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastinet.pixels.output import DType

__all__ = ["TORCH_DTYPES", "channels_second", "checked_names", "tensor", "tensors"]

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


def checked_names(names: Any, options: Mapping[str, Any]) -> tuple[str, str] | None:
    """The names of images and labels in a dict; None: no dict is wanted.

    Args:
        names: as they were given.
        options: of the loader or dataset.

    Raises:
        TypeError: not two texts.
        ValueError: the same name twice, or soft labels, which would have none.
    """
    if names is None:
        return None
    if (
        isinstance(names, str)
        or len(names) != 2
        or not all(isinstance(each, str) for each in names)
    ):
        raise TypeError(
            f'names are those of images and labels, as ("pixel_values", "labels"), not {names!r}'
        )
    images, labels = names
    if images == labels:
        raise ValueError(f"images and labels cannot both be called {images!r}")
    if options.get("soft_labels") is not None:
        raise ValueError(
            "names are of images and labels, and a dict of these two would leave soft_labels out: "
            "take batches as they are, without names="
        )
    return images, labels

"""What a finished row looks like: element type, order of axes, normalisation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["DType", "Layout", "OutputFormat", "checked_buffers"]

DType = Literal["uint8", "float16", "bfloat16", "float32"]
Layout = Literal["NHWC", "NCHW"]
ChannelValues = float | Sequence[float] | Literal["imagenet"]

# What torchvision's reference recipes normalise with, in units of 0..1.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class OutputFormat:
    """How RGB pixels are stored.

    uint8 stores the pixel. The float types store ``(pixel / 255 - mean) / std``, as torchvision's
    ``ToTensor`` and ``Normalize`` do, or ``pixel / 255`` without `mean` and `std`: computed in
    float32 as ``pixel * scale + bias`` and rounded once.

    Attributes:
        dtype: "uint8", "float16", "bfloat16" or "float32".
        layout: "NHWC" or "NCHW".
        mean: in units of 0..1: three numbers, one for all channels, or "imagenet"; None does not
            normalise.
        std: likewise; given exactly when `mean` is.

    Raises:
        ValueError: a value that makes no sense; the message names it.
    """

    dtype: DType = "uint8"
    layout: Layout = "NHWC"
    mean: ChannelValues | None = None
    std: ChannelValues | None = None

    def __post_init__(self) -> None:
        if self.dtype not in ("uint8", "float16", "bfloat16", "float32"):
            raise ValueError(
                f'dtype must be "uint8", "float16", "bfloat16" or "float32", not {self.dtype!r}'
            )
        if self.layout not in ("NHWC", "NCHW"):
            raise ValueError(f'layout must be "NHWC" or "NCHW", not {self.layout!r}')
        if (self.mean is None) != (self.std is None):
            raise ValueError(f"give both mean and std, not mean={self.mean!r}, std={self.std!r}")
        if self.mean is None or self.std is None:
            return
        if self.dtype == "uint8":
            raise ValueError('mean and std need a float dtype, not dtype="uint8"')
        object.__setattr__(self, "mean", _channels("mean", self.mean, IMAGENET_MEAN))
        std = _channels("std", self.std, IMAGENET_STD)
        object.__setattr__(self, "std", std)
        if min(std) <= 0:
            raise ValueError(f"std must be positive, not {self.std!r}")

    def native(self) -> dict[str, Any]:
        """The format as the native modules take it."""
        mean = np.array((0, 0, 0) if self.mean is None else self.mean, np.float64)
        std = np.array((1, 1, 1) if self.std is None else self.std, np.float64)
        return {
            "dtype": self.dtype,
            "layout": self.layout,
            "pixel_scale": (1 / (255 * std)).tolist(),
            "pixel_bias": (-mean / std).tolist(),
        }

    def view(self, stored: NDArray[Any]) -> NDArray[Any]:
        """`stored` under its own dtype: bfloat16 leaves the native modules as uint16."""
        if self.dtype != "bfloat16":
            return stored
        import ml_dtypes  # noqa: PLC0415  # most programs never need it

        return stored.view(ml_dtypes.bfloat16)


def _channels(
    name: str, values: ChannelValues, imagenet: tuple[float, float, float]
) -> tuple[float, ...]:
    if isinstance(values, str):
        if values == "imagenet":
            return imagenet
        raise ValueError(f'{name} must be three numbers, one, or "imagenet", not {values!r}')
    try:
        channels = tuple(float(value) for value in np.broadcast_to(np.asarray(values), 3))
    except (TypeError, ValueError):
        channels = ()
    if len(channels) != 3 or not all(map(math.isfinite, channels)):
        raise ValueError(f'{name} must be three numbers, one, or "imagenet", not {values!r}')
    return channels


def checked_buffers(
    buffers: Sequence[NDArray[Any]], shape: tuple[int, ...], dtype: DType
) -> list[NDArray[Any]]:
    """`buffers` when each can hold a batch of `shape`; ValueError says which one cannot and why."""
    element_bytes = {"uint8": 1, "float16": 2, "bfloat16": 2, "float32": 4}[dtype]
    checked = []
    for index, buffer in enumerate(buffers):
        array = np.asarray(buffer)
        if array.shape != shape or array.dtype.itemsize != element_bytes:
            raise ValueError(
                f"out[{index}] must be of shape {shape} and dtype {dtype}, "
                f"not {array.dtype} {array.shape}"
            )
        if not (array.flags.c_contiguous and array.flags.writeable):
            raise ValueError(f"out[{index}] must be contiguous and writable")
        checked.append(array.reshape(-1).view(np.uint8))
    if len({array.ctypes.data for array in checked}) < len(checked):
        raise ValueError("out names the same memory twice")
    return checked

"""What a finished row looks like: element type, order of axes, normalisation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["DType", "Layout", "OutputFormat"]

DType = Literal["uint8", "float16", "bfloat16", "float32"]
Layout = Literal["NHWC", "NCHW"]
ChannelValues = Sequence[float] | Literal["imagenet"]

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
        mean: per channel in units of 0..1, or "imagenet"; None does not normalise.
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
        object.__setattr__(self, "std", _channels("std", self.std, IMAGENET_STD))
        if min(map(float, self.std)) <= 0:
            raise ValueError(f"std must be positive, not {self.std!r}")

    def native(self) -> dict[str, Any]:
        """The format as the native modules take it."""
        mean = np.array(self.mean or (0, 0, 0), np.float64)
        std = np.array(self.std or (1, 1, 1), np.float64)
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
        raise ValueError(f'{name} must be three numbers or "imagenet", not {values!r}')
    try:
        channels = tuple(float(value) for value in values)
    except (TypeError, ValueError):
        channels = ()
    if len(channels) != 3 or not all(map(math.isfinite, channels)):
        raise ValueError(f'{name} must be three numbers or "imagenet", not {values!r}')
    return channels

"""What a finished row looks like: element type, order of axes, normalisation."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fastinet.base.array_types import dtype_name

__all__ = ["DType", "Layout", "OutputFormat", "checked_array", "checked_buffers"]

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
    ``ToTensor`` and ``Normalize`` do, or ``pixel / 255`` without `mean` and `std`. To the bit, they
    store ``pixel * scale + bias`` in float32, each operation rounded, with ``scale = 1 / (255 *
    std)`` and ``bias = -mean / std`` rounded to float32 once; float16 and bfloat16 then round that
    to nearest, ties to even. torchvision's own order of operations differs from it in the last bits
    of float32.

    Attributes:
        dtype: "uint8", "float16", "bfloat16" or "float32"; PyTorch's, NumPy's, JAX's and
            ml_dtypes' own objects for these become their names.
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
        dtype = dtype_name(self.dtype)
        if dtype not in ("uint8", "float16", "bfloat16", "float32"):
            raise ValueError(
                f'dtype must be "uint8", "float16", "bfloat16" or "float32", not {self.dtype!r}'
            )
        object.__setattr__(self, "dtype", dtype)
        if self.layout not in ("NHWC", "NCHW"):
            raise ValueError(f'layout must be "NHWC" or "NCHW", not {self.layout!r}')
        if (self.mean is None) != (self.std is None):
            raise ValueError(f"give both mean and std, not mean={self.mean!r}, std={self.std!r}")
        if self.mean is None or self.std is None:
            return
        if self.dtype == "uint8":
            raise ValueError('mean and std need a float dtype, not dtype="uint8"')
        mean = _channels("mean", self.mean, IMAGENET_MEAN)
        std = _channels("std", self.std, IMAGENET_STD)
        if min(std) <= 0:
            raise ValueError(f"std must be positive, not {self.std!r}")
        _check_units(mean, std)
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "std", std)
        self.check_range()

    def check_range(self, shift: float = 0.0) -> None:
        """Refuses a normalisation whose values the element type cannot hold.

        Args:
            shift: how far pixels may be shifted before it, up or down, in units of 0..1.
        """
        largest = {"float16": 65504.0, "bfloat16": 255 * 2.0**120}.get(self.dtype, math.inf)
        native = self.native()
        with np.errstate(over="ignore", invalid="ignore"):
            scale, bias = (np.float32(native[name]) for name in ("pixel_scale", "pixel_bias"))
            shifted = np.float32(255 * shift) * scale
            ends = np.abs([bias - shifted, np.float32(255) * scale + bias + shifted])
        if not (np.isfinite(ends) & (ends <= largest)).all():
            raise ValueError(
                f"mean={self.mean!r} and std={self.std!r} give values beyond the range of "
                f"{self.dtype}"
            )

    def native(self) -> dict[str, Any]:
        """The format as the native modules take it."""
        means: Any = (0.0, 0.0, 0.0) if self.mean is None else self.mean
        stds: Any = (1.0, 1.0, 1.0) if self.std is None else self.std
        return {
            "dtype": self.dtype,
            "layout": self.layout,
            "pixel_scale": [1 / (255 * std) for std in stds],
            "pixel_bias": [-mean / std for mean, std in zip(means, stds, strict=True)],
        }

    def native_shifted(self, shift: Any) -> dict[str, Any]:
        """The same for pixels whose colours are shifted: what `Shifted` in csrc/augment gives.

        Args:
            shift: what is added to red, green and blue, in units of 0..1.

        Raises:
            ValueError: these are no three numbers, or more than the element type can hold.
        """
        shifts = _channels("lighting", shift)
        if self.dtype == "uint8":
            raise ValueError(
                "lighting shifts colours by parts of a value, which uint8 cannot hold: take "
                'dtype="float32" or another float'
            )
        self.check_range(max(map(abs, shifts)))
        native = self.native()
        scales, biases = (
            np.asarray(native[name], np.float32).astype(np.float64)
            for name in ("pixel_scale", "pixel_bias")
        )
        return {**native, "pixel_bias": (biases + np.asarray(shifts) * 255 * scales).tolist()}

    def numpy_dtype(self) -> np.dtype[Any]:
        """The element type as NumPy knows it; bfloat16 by way of ml_dtypes."""
        if self.dtype != "bfloat16":
            return np.dtype(self.dtype)
        import ml_dtypes  # noqa: PLC0415  # most programs never need it

        bfloat16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
        return bfloat16

    def shape(self, height: int, width: int) -> tuple[int, int, int]:
        """Shape of one image."""
        return (height, width, 3) if self.layout == "NHWC" else (3, height, width)

    def array(
        self, shape: tuple[int, ...], out: NDArray[Any] | None, name: str = "out"
    ) -> NDArray[Any]:
        """A new array of `shape`, or `out`. Raises as `checked_array`."""
        dtype = self.numpy_dtype()
        return np.empty(shape, dtype) if out is None else checked_array(dtype, shape, out, name)


def checked_array(
    dtype: np.dtype[Any], shape: tuple[int, ...], out: NDArray[Any], name: str
) -> NDArray[Any]:
    """`out`, which images of this type and shape are to be written to.

    Raises:
        TypeError: `out` is no NumPy array.
        ValueError: `out` is not of this shape and type, or not to be written to in one go.
    """
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array, not {type(out).__name__}")
    # Libraries without bfloat16 carry its bits as 16-bit integers.
    stand_ins = (np.uint16, np.int16) if dtype.name == "bfloat16" else ()
    if out.shape != shape or out.dtype not in (dtype, *stand_ins):
        raise ValueError(
            f"{name} must be of shape {shape} and dtype {dtype.name}, "
            f"not {out.shape} and {out.dtype}"
        )
    if not out.flags.carray:
        raise ValueError(f"{name} must be contiguous, aligned and writable")
    return out


def checked_buffers(
    dtype: np.dtype[Any],
    shapes: Sequence[tuple[int, ...]],
    buffers: Sequence[Any],
    *,
    in_groups: bool,
) -> list[list[NDArray[np.uint8]]]:
    """The memory of each of `buffers`, flat, after checks that batches can be put there.

    Args:
        dtype: of images.
        shapes: of a batch's images, for each group of views.
        buffers: arrays of that shape and type.
        in_groups: each of `buffers` is a sequence of arrays, one for each group; else it is the one
            group's.

    Raises:
        TypeError: these are no NumPy arrays.
        ValueError: one has another shape or dtype or cannot be written to, or two share memory.
    """
    if not isinstance(buffers, Iterable):
        raise TypeError(f"out must be NumPy arrays, one for each buffer, not {buffers!r}")
    arrays = [
        _checked_buffer(dtype, shapes, buffer, f"out[{index}]")
        if in_groups
        else [checked_array(dtype, shapes[0], buffer, f"out[{index}]")]
        for index, buffer in enumerate(buffers)
    ]
    places = sorted((array.ctypes.data, array.nbytes) for groups in arrays for array in groups)
    if any(start + size > after for (start, size), (after, _) in itertools.pairwise(places)):
        raise ValueError("out names the same memory twice")
    return [[array.reshape(-1).view(np.uint8) for array in groups] for groups in arrays]


def _checked_buffer(
    dtype: np.dtype[Any], shapes: Sequence[tuple[int, ...]], buffer: Any, name: str
) -> list[NDArray[Any]]:
    """The arrays of one buffer, one for each group of views."""
    if not isinstance(buffer, Sequence):
        raise TypeError(
            f"{name} must be a sequence of NumPy arrays, one for each group of views, "
            f"not {type(buffer).__name__}"
        )
    if len(buffer) != len(shapes):
        raise ValueError(f"{name} must have {len(shapes)} arrays, not {len(buffer)}")
    return [
        checked_array(dtype, shape, array, f"{name}[{group}]")
        for group, (shape, array) in enumerate(zip(shapes, buffer, strict=True))
    ]


def _channels(
    name: str, values: ChannelValues, imagenet: tuple[float, float, float] | None = None
) -> tuple[float, ...]:
    """The three channels' numbers that a caller passed as `mean`, `std` or another."""
    if imagenet is not None and isinstance(values, str) and values == "imagenet":
        return imagenet
    try:
        given = np.asarray(values)
        if given.ndim != 1 and given.size == 3:  # [3, 1, 1] and its like
            given = given.reshape(3)
        channels = tuple(float(value) for value in np.broadcast_to(given, 3))
    except (TypeError, ValueError, RuntimeError):  # the last: a tensor that has a gradient
        channels = ()
    if len(channels) != 3 or not all(map(math.isfinite, channels)) or isinstance(values, str):
        kinds = "three numbers, or one" if imagenet is None else 'three numbers, one, or "imagenet"'
        raise ValueError(f"{name} must be {kinds}, not {values!r}")
    return channels


def _check_units(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    """Refuses numbers that are meant for pixels of 0 to 255, or for channels in another order."""
    # Pixels of 0 to 1 have no mean above 1; a std of 2 is odd and means what it says.
    if max(mean) > 1 or max(std) > 10:
        bgr = max(mean) > 1 and mean[0] + 5 < mean[1] < mean[2] - 5
        # Of mean=(123.7, ...) with std=1, both are of 0 to 255.
        both = [
            [value / 255 for value in values] if max(values) > 1 or max(mean) > 1 else values
            for values in (mean, std)
        ]
        if bgr:
            both = [values[::-1] for values in both]
        said = [f"({', '.join(f'{value:.4g}' for value in values)})" for values in both]
        order = " they look like B, G, R, and channels are R, G, B;" if bgr else ""
        raise ValueError(
            f"mean={mean} and std={std} are of pixels from 0 to 255, and here pixels are from 0 to "
            f"1:{order} divided by 255 they are mean={said[0]}, std={said[1]}"
        )
    if min(mean) < 0:
        raise ValueError(
            f"mean must be 0 to 1, not {mean}: it is subtracted, and no channel has a mean below 0"
        )
    # Nobody's data but ImageNet's have these numbers; in this order they are for OpenCV's images.
    if np.allclose(mean, IMAGENET_MEAN[::-1], atol=2e-3):
        raise ValueError(
            f"mean={mean} is ImageNet's for channels in the order B, G, R, and here they are R, G, "
            'B: write mean="imagenet", std="imagenet"; for a network that wants B, G, R, mirror '
            "the channels behind the loader"
        )

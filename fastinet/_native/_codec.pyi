"""Images without an engine. Use `fastinet.decode` and its kin, which check their arguments."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

def read_header(data: Buffer, *, max_pixels: int) -> dict[str, Any]:
    """The fields of `fastinet.ImageHeader`; see there."""

def apply_steps(
    pixels: NDArray[np.uint8],
    steps: Iterable[tuple[str, Sequence[float], str, Sequence[int]]],
) -> None:
    """Changes `pixels`, contiguous [H, W, 3], in place; see `fastinet.apply_steps`.

    A step is (name, arguments, sampling, fill).
    """

def decode(
    data: Buffer,
    make_rows: Callable[[int, int], NDArray[Any]],
    *,
    steps: Iterable[tuple[str, Sequence[float], str, Sequence[int]]],
    rule: Mapping[str, Any],
    pass_order: str,
    dtype: str,
    layout: str,
    pixel_scale: Sequence[float],
    pixel_bias: Sequence[float],
    apply_orientation: bool,
    max_pixels: int,
    max_scans: int,
) -> NDArray[Any]:
    """Decodes, crops, resizes and mirrors one image without the GIL; see `fastinet.decode`.

    `rule` says how to cut it: boxes [n, 4], size (height, width) and interpolation, or transform,
    and besides flips [n], vflips [n] and window (x, y, width, height); what does not apply is None.
    Here n is 1. `make_rows` is called with height and width of the result and gives the array that
    is written to and returned.
    """

def decode_batch(
    images: Sequence[Buffer],
    make_rows: Callable[[int, int], NDArray[Any]],
    *,
    threads: int,
    rule: Mapping[str, Any],
    pass_order: str,
    dtype: str,
    layout: str,
    pixel_scale: Sequence[float],
    pixel_bias: Sequence[float],
    apply_orientation: bool,
    max_pixels: int,
    max_scans: int,
) -> NDArray[Any]:
    """The same for many images, on several threads; see `fastinet.decode_batch`."""

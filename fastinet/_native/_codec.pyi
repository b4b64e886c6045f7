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
    boxes: Sequence[Sequence[int]] | None,
    flips: Sequence[bool] | None,
    size: Sequence[int] | None,
    transform: Mapping[str, Any] | None,
    steps: Iterable[tuple[str, Sequence[float], str, Sequence[int]]],
    interpolation: str,
    pass_order: str,
    dtype: str,
    layout: str,
    pixel_scale: Sequence[float],
    pixel_bias: Sequence[float],
    apply_orientation: bool,
    max_pixels: int,
) -> NDArray[Any]:
    """Decodes, crops, resizes and mirrors one image without the GIL; see `fastinet.decode`.

    `size` is (height, width); boxes and flips have one element. `make_rows` is called with height
    and width of the result and gives the array that is written to and returned.
    """

def decode_batch(
    images: Sequence[Buffer],
    make_rows: Callable[[int, int], NDArray[Any]],
    *,
    boxes: Sequence[Sequence[int]] | None,
    flips: Sequence[bool] | None,
    size: Sequence[int] | None,
    transform: Mapping[str, Any] | None,
    threads: int,
    interpolation: str,
    pass_order: str,
    dtype: str,
    layout: str,
    pixel_scale: Sequence[float],
    pixel_bias: Sequence[float],
    apply_orientation: bool,
    max_pixels: int,
) -> NDArray[Any]:
    """The same for many images, on several threads; see `fastinet.decode_batch`."""

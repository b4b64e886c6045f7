"""One image at a time, without an engine. Use `fastinet.decode`, which checks its arguments."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray
from typing_extensions import Buffer

def image_size(data: Buffer, *, max_pixels: int) -> tuple[int, int]:
    """(width, height) of an encoded image [pixels], from its header."""

def decode(
    data: Buffer,
    box: Sequence[int] | None,
    size: Sequence[int] | None,
    flip: bool,
    transform: Mapping[str, Any] | None,
    *,
    interpolation: str,
    dtype: str,
    layout: str,
    pixel_scale: Sequence[float],
    pixel_bias: Sequence[float],
    max_pixels: int,
) -> NDArray[Any]:
    """Decodes, crops, resizes and mirrors one image without the GIL; see `fastinet.decode`.

    `size` is (height, width). bfloat16 comes as uint16.
    """

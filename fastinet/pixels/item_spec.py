"""How an item becomes a row, as loaders say it to the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastinet._native import _engine
from fastinet.pixels.transforms import RandomResizedCrop

if TYPE_CHECKING:
    from fastinet.pixels.output import OutputFormat
    from fastinet.pixels.rendering import RenderOptions
    from fastinet.pixels.transforms import Transform

__all__ = ["item_spec"]


def item_spec(
    transform: Transform, output: OutputFormat, render: RenderOptions
) -> _engine.ItemSpec:
    """What a loader's options say about every row, as the engine takes it.

    Args:
        transform: which part of the image is cropped, and what becomes of it.
        output: how the row stores its pixels.
        render: what holds whatever the transform is.
    """
    return _engine.ItemSpec(
        **transform.native(),
        **output.native(),
        **render.native(),
        operations=(
            transform.native_operations() if isinstance(transform, RandomResizedCrop) else []
        ),
        views=getattr(transform, "views", None) or 1,
        interpolation=transform.interpolation,
    )

"""What loaders tell the engine of each item: how it becomes a row."""

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
    transform: Transform, output: OutputFormat, options: RenderOptions
) -> _engine.ItemSpec:
    """The three as the engine takes them."""
    return _engine.ItemSpec(
        **transform.native(),
        **output.native(),
        **options.native(),
        jitter=transform.native_jitter() if isinstance(transform, RandomResizedCrop) else None,
        views=getattr(transform, "views", None) or 1,
        interpolation=transform.interpolation,
    )

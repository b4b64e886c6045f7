"""How an item becomes a row, as loaders say it to the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastinet._native import _engine
from fastinet.pixels.transforms import RandomTransform
from fastinet.pixels.view_groups import groups_of

if TYPE_CHECKING:
    from fastinet.augment.erasing import RandomErasing
    from fastinet.augment.lighting import Lighting
    from fastinet.pixels.output import OutputFormat
    from fastinet.pixels.rendering import RenderOptions
    from fastinet.pixels.view_groups import Transform, ViewGroup

__all__ = ["item_spec"]


def item_spec(
    transform: Transform, output: OutputFormat, render: RenderOptions, *, record: bool = False
) -> _engine.ItemSpec:
    """What a loader's options say about every row, as the engine takes it.

    Args:
        transform: which part of the image is cropped, and what becomes of it.
        output: how the row stores its pixels.
        render: what holds whatever the transform is.
        record: whether batches keep the steps of their rows.
    """
    groups = [_view_spec(view) for view in groups_of(transform)]
    return _engine.ItemSpec(groups, **output.native(), **render.native(), record=record)


def _view_spec(view: ViewGroup) -> _engine.ViewSpec:
    """What the engine is told of one group of views."""
    transform = view.transform
    erase: RandomErasing | None = getattr(transform, "erase", None)
    lighting: Lighting | None = getattr(transform, "lighting", None)
    return _engine.ViewSpec(
        **transform.native(),
        operations=transform.native_operations() if isinstance(transform, RandomTransform) else [],
        erase=None if erase is None else _engine.ErasingRule(**erase.native()),
        lighting=None if lighting is None else lighting.std,
        count=view.count,
        crop_of=view.crop_of,
    )

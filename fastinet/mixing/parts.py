"""What ways to mix are made of: random numbers of a batch, groups of views, targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from fastinet.base.array_library import as_dtype, library_of, range_beside
from fastinet.base.checks import checked_epoch, whole_number
from fastinet.mixing.batch_draws import Draws

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

__all__ = [
    "CENTRE",
    "CHOICE",
    "COLUMNS",
    "LAMBDA",
    "ROWS",
    "TIMM",
    "Layout",
    "check_layout_name",
    "check_smoothing",
    "each_group",
    "groups_of",
    "height_width",
    "random_of",
    "refuse_whole_numbers",
    "scaled",
    "soft_labels",
    "targets_of",
]

Layout = Literal["NCHW", "NHWC"]
Edge = TypeVar("Edge", int, "NDArray[np.int64]")

# What random numbers are for; each use has a counter of its own, so that none shifts another. Those
# of a loader's sizes, which are drawn in the same way, begin at 16.
LAMBDA, CENTRE, CHOICE, ROWS, COLUMNS, TIMM = range(6)


def soft_labels(labels: Any, classes: int, lam: float = 1.0, smoothing: float = 0.0) -> Any:
    """Targets of rows that are `lam` their own label and ``1 - lam`` that of the row before.

    A class has ``1 - smoothing + smoothing / classes``, and every other one ``smoothing /
    classes``. A label of -1, as in rows that pad a batch or are masked, is no class: its targets
    are all zero, so that nothing is learnt of what is not there. Labels that are soft already are
    smoothed and mixed alike, as ReLabel's training code and torchvision do it; rows that are all
    zero stay so.

    Args:
        labels: int [B], or soft ones, float [B, C]; or [B, V, C] where each view has its own.
        classes: number of classes, C.
        lam: 0 to 1.
        smoothing: 0 to below 1.

    Returns:
        float32 [B, C], beside the labels; or [B, V, C].

    Raises:
        ValueError: labels of another shape.
    """
    xp = library_of(labels)
    targets = targets_of(labels, classes, smoothing)
    return as_dtype(targets * lam + xp.roll(targets, 1, 0) * (1.0 - lam), xp.float32)


def targets_of(labels: Any, classes: int, smoothing: float, *, towards: float | None = None) -> Any:
    """The targets of unmixed rows, smoothed as `soft_labels` says, or soft ones `towards` a value.

    Raises:
        ValueError: labels of another shape, or beyond the classes, where that can be told without
            waiting for a device.
    """
    xp = library_of(labels)
    off = smoothing / classes
    if len(labels.shape) == 1:
        _check_range(labels, classes)
        here = labels[:, None] == range_beside(xp, classes, labels)
        targets = xp.where(here, 1.0 - smoothing + off, off)
        has_label = labels >= 0
    elif len(labels.shape) in (2, 3) and labels.shape[-1] == classes:
        targets = as_dtype(labels, xp.float32) * (1.0 - smoothing)
        targets = targets + (off if towards is None else smoothing * towards)
        has_label = (labels != 0).any(-1)
    else:
        raise ValueError(
            f"labels must be [B] or [B, {classes}], with views [B, V, {classes}], "
            f"not {list(labels.shape)}"
        )
    return xp.where(has_label[..., None], targets, 0.0)


def _check_range(labels: Any, classes: int) -> None:
    """Refuses classes that there are not, where nobody has to wait for a device to know them."""
    is_at_hand = isinstance(labels, np.ndarray) or getattr(labels, "is_cpu", False)
    if is_at_hand and len(labels) and (most := int(labels.max())) >= classes:
        raise ValueError(
            f"label {most} is none of {classes} classes: give as many as the dataset has, "
            "len(ds.classes)"
        )


def check_layout_name(layout: str) -> None:
    """Refuses what is no layout."""
    if layout not in ("NCHW", "NHWC"):
        raise ValueError(f'layout must be "NCHW" or "NHWC", not {layout!r}')


def height_width(name: str, layout: Layout, shape: Sequence[int]) -> tuple[int, int]:
    """Of images of this shape.

    Raises:
        ValueError: they are no images, or lie the other way, so that `name` would cut channels.
    """
    if len(shape) not in (4, 5):
        raise ValueError(
            f"{name} needs images of four axes, or of five with views, not {tuple(shape)}"
        )
    here, other = (-3, -1) if layout == "NCHW" else (-1, -3)
    if shape[here] != 3 and shape[other] == 3:
        raise ValueError(
            f'{name} with layout="{layout}" has channels on axis {len(shape) + here}, and '
            f"images are {tuple(shape)}: give it the layout of the images"
        )
    height, width = shape[-2:] if layout == "NCHW" else shape[-3:-1]
    return height, width


def groups_of(images: Any) -> tuple[Any, ...]:
    """The images of each group of views; all in one without groups.

    Raises:
        ValueError: no groups, or groups of different batches.
    """
    if not isinstance(images, tuple | list):
        return (images,)
    rows = sorted({int(group.shape[0]) for group in images})
    if len(rows) != 1:
        raise ValueError(
            f"groups of views of one batch have as many rows, not {rows or 'none at all'}"
        )
    return tuple(images)


def each_group(mix: Callable[[Any], Any], images: Any) -> Any:
    """What `mix` makes of images, or of those of each group of views."""
    mixed = tuple(mix(group) for group in groups_of(images))
    return mixed if isinstance(images, tuple | list) else mixed[0]


def scaled(edge: Edge, side: int, other: int) -> Edge:
    """An edge at `edge` of a side of so many pixels, on a side of `other`; the half up."""
    return (2 * edge * other + side) // (2 * side)


def refuse_whole_numbers(images: Any) -> None:
    """Refuses images that Mixup cannot blend."""
    for group in groups_of(images):
        if "int" in str(group.dtype):
            raise TypeError(
                f"mixup needs images of a float dtype, not {group.dtype}: give the loader one, "
                'dtype="float32" or another'
            )


def check_smoothing(classes: int, smoothing: float) -> None:
    """Refuses what is no number of classes, or no share of the labels' weight."""
    whole_number("classes", classes, 1, 2**31 - 1)
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing must be 0 to below 1, not {smoothing!r}")


def random_of(seed: int, epoch: int, batch: int, use: int) -> Draws:
    """Random numbers of one use in one batch: the counter begins at (0, use, batch, epoch)."""
    epoch = checked_epoch(epoch)
    batch = whole_number("batch", batch, 0, 2**32 - 1)
    counter = np.array([0, use, batch, epoch], np.uint64)
    return Draws(seed, counter)

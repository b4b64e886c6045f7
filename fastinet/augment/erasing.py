"""Random erasing: boxes of a row whose pixels are replaced after it was normalised.

The engine erases rows of float dtypes by itself (``csrc/augment/erasing.h``). Rows of uint8 are
normalised later, by whoever has them: `fastinet.torch.Loader` erases them on the device after that,
and :func:`erase` does it for everybody else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from fastinet.base.array_library import as_dtype, library_of, range_beside
from fastinet.base.checks import low_high, number_within, whole_number

__all__ = ["EraseMode", "RandomErasing", "erase"]

EraseMode = Literal["const", "rand", "pixel"]

# As ErasingRule in csrc/augment/erasing.h has them.
_MOST_BOXES = 25
_MOST_VALUE = 65504.0  # of float16
_MOST_RATIO = 1e6


@dataclass(frozen=True)
class RandomErasing:
    """Replaces a random box of the row, after it was normalised: torchvision's and timm's rule.

    A box has an area uniform in `scale`, and a logarithm of height / width uniform in that of
    `ratio`; sides are rounded to whole pixels, ties to even. Ten are tried until one is smaller
    than the row on both sides; then its place is uniform. Names and defaults are torchvision's, but
    for `mode` and `count`, which are timm's; ``RandomErasing(value="random")`` is the same as
    ``mode="pixel"``, and :meth:`timm` takes all of timm's parameters.

    Erasing comes before Mixup and CutMix, as in DeiT and torchvision's references. timm's own
    training script with its default prefetcher mixes first, and then erases the mixed images.

    What is drawn depends on (seed, epoch, item, view) alone.

    Attributes:
        p: probability that a row is erased.
        scale: bounds of the share of the row's area, 0 < low <= high <= 1: of the box, or of all
            together where there are more.
        ratio: bounds of a box's height / width, 0 < low <= high.
        value: under "const": what the channels become, one number or three, in units of the
            normalised row; 0 is the mean colour where rows are normalised by it.
        mode: "const"; "rand": normally distributed numbers, one for each channel of a box; "pixel":
            one for each channel of each pixel.
        count: the most boxes of a row, 1 to 25. Their number is uniform from 1 on, and each has its
            share of the area.

    Raises:
        ValueError: a value that makes no sense; the message names it.
    """

    p: float = 0.5
    scale: tuple[float, float] = (0.02, 0.33)
    ratio: tuple[float, float] = (0.3, 3.3)
    value: float | tuple[float, float, float] | Literal["random"] = 0.0
    mode: EraseMode = "const"
    count: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "p", number_within("p", self.p, 0, 1, "probability"))
        object.__setattr__(self, "scale", low_high("scale", self.scale, highest=1.0))
        ratio = low_high("ratio", self.ratio, lowest=1 / _MOST_RATIO, highest=_MOST_RATIO)
        object.__setattr__(self, "ratio", ratio)
        if self.mode not in get_args(EraseMode):
            raise ValueError(f"mode must be one of {get_args(EraseMode)}, not {self.mode!r}")
        if isinstance(self.value, str):
            self._take_torchvisions_word()
        else:
            object.__setattr__(self, "value", _checked_value(self.value))
        if self.mode != "const" and self.value != 0.0:
            raise ValueError(f'value={self.value!r} is for mode="const", not for {self.mode!r}')
        object.__setattr__(self, "count", whole_number("count", self.count, 1, _MOST_BOXES))

    def _take_torchvisions_word(self) -> None:
        if self.value != "random":
            raise ValueError(f'value must be numbers or "random", not {self.value!r}')
        if self.mode == "rand":
            raise ValueError('value="random" is mode="pixel", not mode="rand"')
        object.__setattr__(self, "value", 0.0)
        object.__setattr__(self, "mode", "pixel")

    @classmethod
    def timm(
        cls,
        probability: float = 0.5,
        mode: EraseMode = "const",
        count: int = 1,
        *,
        min_area: float = 0.02,
        max_area: float = 1 / 3,
        min_aspect: float = 0.3,
        max_aspect: float | None = None,
    ) -> RandomErasing:
        """The erasing of ``timm.data.RandomErasing``, with its parameters and defaults.

        Args:
            probability: ``--reprob`` of timm's training script.
            mode: ``--remode``.
            count: ``--recount``.
            min_area: the least share of the row's area.
            max_area: the largest.
            min_aspect: the least height / width.
            max_aspect: the largest; None takes ``1 / min_aspect``.
        """
        low = number_within("min_aspect", min_aspect, 1 / _MOST_RATIO, _MOST_RATIO)
        aspects = (low, 1 / low if max_aspect is None else max_aspect)
        return cls(probability, (min_area, max_area), aspects, mode=mode, count=count)

    def native(self) -> dict[str, Any]:
        """The rule as the engine takes it."""
        value = self.value if isinstance(self.value, tuple) else (self.value,) * 3
        return {
            "probability": self.p,
            "scale": self.scale,
            "ratio": self.ratio,
            "mode": self.mode,
            "value": value,
            "count": self.count,
        }


def erase(
    images: Any,
    erased: Any,
    value: float | tuple[float, float, float] = 0.0,
    *,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
) -> Any:
    """Images whose boxes are replaced by a constant: for batches that were loaded as uint8.

    It is what the loader does to rows of float dtypes under ``mode="const"``. Erase after the
    normalisation: ``images = erase(normalised, batch.erased)``. The shapes do not depend on what is
    erased, so that it may stand inside ``jax.jit``.

    Args:
        images: floats, [B, 3, H, W] or under "NHWC" [B, H, W, 3]; with views, [B, views, ...]. Of
            NumPy, PyTorch or JAX.
        erased: `fastinet.Batch.erased`, int [B, boxes, 4]; with views, [B, views, boxes, 4]. Of the
            same library, on the same device, or of NumPy.
        value: one number or three, for the channels.
        layout: where images have their channels.

    Raises:
        TypeError: images of whole numbers, whose normalisation is still to come.
        ValueError: shapes that do not fit each other.
    """
    xp = library_of(images)
    if "int" in str(images.dtype):
        raise TypeError(
            f"images are erased after they were normalised, and these are {images.dtype}: make "
            "floats of them first"
        )
    if layout not in ("NCHW", "NHWC"):
        raise ValueError(f'layout must be "NCHW" or "NHWC", not {layout!r}')
    if erased is None:
        raise TypeError("erased is None: the transform of these images has no erase=")
    channels, others = (-3, -1) if layout == "NCHW" else (-1, -3)
    rows = tuple(images.shape[:-3])
    if images.shape[channels] != 3 and images.shape[others] == 3:
        other = "NHWC" if layout == "NCHW" else "NCHW"
        raise ValueError(
            f"images {tuple(images.shape)} have no three channels under layout={layout!r}: "
            f"say layout={other!r}"
        )
    if images.shape[channels] != 3 or tuple(erased.shape[:-2]) != rows or erased.shape[-1] != 4:
        raise ValueError(
            f"boxes {tuple(erased.shape)} do not fit images {tuple(images.shape)} of {layout}"
        )
    boxes = xp.asarray(erased)
    if xp.__name__ == "torch":
        boxes = boxes.to(images.device)
    height, width = images.shape[-2:] if layout == "NCHW" else images.shape[-3:-1]
    left, top, right, bottom = (
        boxes[..., 0],
        boxes[..., 1],
        boxes[..., 0] + boxes[..., 2],
        boxes[..., 1] + boxes[..., 3],
    )
    lines, columns = range_beside(xp, height, images), range_beside(xp, width, images)
    of_lines = (lines >= top[..., None]) & (lines < bottom[..., None])
    of_columns = (columns >= left[..., None]) & (columns < right[..., None])
    inside = (of_lines[..., :, None] & of_columns[..., None, :]).any(-3)
    inside = inside[..., None, :, :] if layout == "NCHW" else inside[..., None]
    checked = _checked_value(value)
    constant = as_dtype(
        xp.asarray(checked if isinstance(checked, tuple) else (checked,) * 3), images.dtype
    )
    if xp.__name__ == "torch":
        constant = constant.to(images.device)
    return xp.where(inside, constant[:, None, None] if layout == "NCHW" else constant, images)


def _checked_value(value: Any) -> float | tuple[float, float, float]:
    if not isinstance(value, Iterable):
        return number_within("value", value, -_MOST_VALUE, _MOST_VALUE)
    channels = tuple(number_within("value", each, -_MOST_VALUE, _MOST_VALUE) for each in value)
    if len(channels) != 3:
        raise ValueError(f"value must be one number, or three for the channels, not {value!r}")
    return channels[0], channels[1], channels[2]

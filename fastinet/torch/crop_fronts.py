"""Pipelines of torchvision or timm that begin with a crop: what of them fastinet does itself.

What is random is drawn by the transform's own method, so that every generator stands afterwards
where it would stand without fastinet.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import torch
from PIL import Image

import fastinet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastinet.pixels.transform_parts import Interpolation

__all__ = ["Cut", "Front", "front_of"]

_Box: TypeAlias = "tuple[int, int, int, int]"
"""(x, y, width, height) in pixels."""

_PILLOW: Final = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "nearest": Image.Resampling.NEAREST,
}


@dataclass(frozen=True)
class Cut:
    """The part of one image that a pipeline begins with, as it was drawn.

    Attributes:
        box: of the image that is taken; None: all of it.
        size: (height, width) that it is resized to; None: as it is.
        interpolation: how.
        window: of the resized image that is kept; None: all of it.
        shorter: of the resize that `window` is in: the length of the image's shorter side.
    """

    box: _Box | None = None
    size: tuple[int, int] | None = None
    interpolation: Interpolation = "bilinear"
    window: _Box | None = None
    shorter: int | None = None

    def native(self, data: bytes) -> NDArray[Any]:
        """The pixels, uint8 [H, W, 3], with those of the Pillow that is installed.

        Raises:
            FastinetError: an image that is damaged or not read; `pillow` has the last word.
            ValueError: a size beyond fastinet's limits; likewise.
        """
        if self.window is None:
            return fastinet.decode(
                data, self.box, self.size, exact=True, interpolation=self.interpolation
            )
        _, _, width, height = self.window
        crop = fastinet.RandomCrop(
            (height, width), resize=self.shorter, interpolation=self.interpolation
        )
        return fastinet.decode(data, transform=crop, window=self.window, exact=True)

    def pillow(self, image: Image.Image) -> Image.Image:
        """The same of an image that Pillow has decoded, by Pillow."""
        if self.box is not None:
            image = image.crop(_corners(self.box))
        if self.size is not None:
            height, width = self.size
            image = image.resize((width, height), _PILLOW[self.interpolation])
        return image if self.window is None else image.crop(_corners(self.window))


Draw: TypeAlias = "Callable[[int, int], Cut | None]"


@dataclass(frozen=True)
class Front:
    """What a pipeline begins with.

    Attributes:
        draw: the cut of an image of this height and width; None, before anything was drawn: there
            is none that fastinet could do.
        rest: the transforms behind it.
        is_by_python: whether `draw` takes Python's generator, as timm does, and not torch's.
    """

    draw: Draw
    rest: Sequence[Callable[[Any], Any]]
    is_by_python: bool = False

    def remembered(self) -> Callable[[], None]:
        """What puts the generator that `draw` takes back to where it stands now."""
        if self.is_by_python:
            return functools.partial(random.setstate, random.getstate())
        return functools.partial(torch.set_rng_state, torch.get_rng_state())


def _corners(box: _Box) -> tuple[int, int, int, int]:
    """(left, top, right, bottom), which Pillow wants."""
    x, y, width, height = box
    return x, y, x + width, y + height


def front_of(transform: Any) -> Front | None:
    """The beginning of a pipeline that fastinet does itself; None: Pillow does all of it.

    It is asked for each image, since scripts change the pipeline that a dataset has.
    """
    steps = _steps_of(transform)
    if not steps:
        return None
    first = _kind(steps[0])
    if first in _RESIZES:
        shorter = _shorter_side(steps[0])
        if shorter is None:
            draw = _resized_to(steps[0])
            return None if draw is None else Front(draw, steps[1:])
        window = _WINDOWS.get(_kind(steps[1])) if len(steps) > 1 else None
        draw = _resized(steps[0], shorter, None if window is None else (window, steps[1]))
        return None if draw is None else Front(draw, steps[1 if window is None else 2 :])
    make = _CROPS.get(first)
    draw = None if make is None else make(steps[0])
    return None if draw is None else Front(draw, steps[1:], first.startswith("timm."))


def _kind(step: Any) -> str:
    """The name of a transform's class; "" for one with hooks, which want to see its images.

    Subclasses have other names: what they do besides is not known; likewise "" for an object that
    was given a `forward` of its own.
    """
    if "forward" in getattr(step, "__dict__", ()):
        return ""
    if getattr(step, "_forward_hooks", None) or getattr(step, "_forward_pre_hooks", None):
        return ""
    return f"{type(step).__module__}.{type(step).__qualname__}"


def _steps_of(transform: Any) -> Sequence[Any]:
    """The transforms of a pipeline, and of those within it, in order."""
    if _kind(transform) in _PIPELINES:
        parts = transform.transforms if hasattr(transform, "transforms") else transform
        return [step for part in parts for step in _steps_of(part)]
    return [] if transform is None else [transform]


class _SizedAsPillow(torch.Tensor):
    """An image that also answers as Pillow's do: timm 0.4 asks for ``image.size[0]``."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height [pixels]."""
        return self.shape[-1], self.shape[-2]


def _stand_in(height: int, width: int) -> torch.Tensor:
    """What has the size of an image, for methods that ask for nothing else; it takes no memory."""
    return torch.empty(()).expand(3, height, width)


def _interpolation(given: Any) -> Interpolation | None:
    """What names one in torchvision, as fastinet names it; None: fastinet does not have it."""
    if isinstance(given, int):  # Pillow's numbers
        by_number: dict[int, Interpolation] = {
            0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic",
        }  # fmt: skip
        return by_number.get(int(given))
    name = getattr(given, "value", given)
    return name if name in _PILLOW else None


def _size(given: Any) -> tuple[int, int] | None:
    """(height, width) of an attribute `size`; None: it is something else."""
    if not isinstance(given, Sequence) or len(given) != 2:
        return None
    if not all(isinstance(side, int) and side > 0 for side in given):
        return None
    return int(given[0]), int(given[1])


def _params(step: Any, height: int, width: int) -> dict[str, Any]:
    """What a transform of torchvision's second kind draws for an image."""
    draw = getattr(step, "make_params", None) or step._get_params  # noqa: SLF001 - before 0.21
    params: dict[str, Any] = draw([_stand_in(height, width)])
    return params


def _resized_crop(step: Any, draw_box: Callable[[Any, int, int], _Box]) -> Draw | None:
    size = _size(step.size)
    given = step.interpolation
    # timm's "random": one of several, chosen after the box.
    choices = list(given) if isinstance(given, tuple | list) else [given]
    names = [_interpolation(each) for each in choices]
    if size is None or None in names:
        return None

    def draw(height: int, width: int) -> Cut:
        box = draw_box(step, height, width)
        chosen = random.choice(given) if isinstance(given, tuple | list) else given  # noqa: S311
        return Cut(box, size, _interpolation(chosen) or "bilinear")

    return draw


def _box_by_image(step: Any, height: int, width: int) -> _Box:
    image = _stand_in(height, width).as_subclass(_SizedAsPillow)
    top, left, box_height, box_width = step.get_params(image, step.scale, step.ratio)
    return left, top, box_width, box_height


def _box_by_params(step: Any, height: int, width: int) -> _Box:
    params = _params(step, height, width)
    return params["left"], params["top"], params["width"], params["height"]


def _random_window(step: Any, height: int, width: int) -> _Box:
    """Where torchvision's first `RandomCrop` cuts; it raises what it raises by itself."""
    top, left, crop_height, crop_width = step.get_params(_stand_in(height, width), step.size)
    return left, top, crop_width, crop_height


def _random_window_by_params(step: Any, height: int, width: int) -> _Box:
    params = _params(step, height, width)
    return params["left"], params["top"], params["width"], params["height"]


def _centre_window(step: Any, height: int, width: int) -> _Box:
    crop_height, crop_width = step.size
    top, left = round((height - crop_height) / 2.0), round((width - crop_width) / 2.0)
    return left, top, crop_width, crop_height


def _may_cut(step: Any, height: int, width: int) -> bool:
    """Whether a crop of fixed size pads nothing in an image of this size."""
    if getattr(step, "padding", None) is not None or getattr(step, "pad_if_needed", False):
        return False
    size = _size(step.size)
    if size is None:
        return False
    is_random = hasattr(step, "padding_mode")  # which refuses smaller images itself
    return is_random or (size[0] <= height and size[1] <= width)


def _shorter_side(step: Any) -> int | None:
    """The length that a `Resize` gives the shorter side; None: it has another rule."""
    if step.max_size is not None:
        return None
    size = step.size
    if isinstance(size, Sequence) and len(size) == 1:
        size = size[0]
    return size if isinstance(size, int) and size > 0 else None


def _resized(
    step: Any, shorter: int, cropped: tuple[Callable[[Any, int, int], _Box], Any] | None
) -> Draw | None:
    """A resize of the shorter side, and the crop behind it if there is one that is known."""
    name = _interpolation(step.interpolation)
    if name is None:
        return None

    def draw(height: int, width: int) -> Cut | None:
        short, long = sorted((height, width))
        longer = int(shorter * long / short)
        size = (shorter, longer) if height <= width else (longer, shorter)
        if cropped is None:
            return Cut(None, size, name)
        window_of, crop = cropped
        if not _may_cut(crop, *size):
            return None
        return Cut(None, size, name, window_of(crop, *size), shorter)

    return draw


def _resized_to(step: Any) -> Draw | None:
    """A resize to a height and a width."""
    size, name = _size(step.size), _interpolation(step.interpolation)
    if size is None or name is None or step.max_size is not None:
        return None
    return lambda _height, _width: Cut(None, size, name)


def _fixed(window_of: Callable[[Any, int, int], _Box]) -> Callable[[Any], Draw]:
    """A crop of the image itself."""

    def made(step: Any) -> Draw:
        def draw(height: int, width: int) -> Cut | None:
            return Cut(window_of(step, height, width)) if _may_cut(step, height, width) else None

        return draw

    return made


_V1 = "torchvision.transforms.transforms"
_V2 = "torchvision.transforms.v2._geometry"

_PIPELINES: Final = frozenset(
    (f"{_V1}.Compose", "torchvision.transforms.v2._container.Compose",
     "torch.nn.modules.container.Sequential")
)  # fmt: skip
_RESIZES: Final = frozenset((f"{_V1}.Resize", f"{_V2}.Resize"))
_WINDOWS: Final[dict[str, Callable[[Any, int, int], _Box]]] = {
    f"{_V1}.CenterCrop": _centre_window,
    f"{_V2}.CenterCrop": _centre_window,
    f"{_V1}.RandomCrop": _random_window,
    f"{_V2}.RandomCrop": _random_window_by_params,
}
_CROPS: Final[dict[str, Callable[[Any], Draw | None]]] = {
    f"{_V1}.RandomResizedCrop": lambda step: _resized_crop(step, _box_by_image),
    f"{_V2}.RandomResizedCrop": lambda step: _resized_crop(step, _box_by_params),
    "timm.data.transforms.RandomResizedCropAndInterpolation": (
        lambda step: _resized_crop(step, _box_by_image)
    ),
    **{kind: _fixed(window_of) for kind, window_of in _WINDOWS.items()},
}

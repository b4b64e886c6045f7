"""What happens to an image between its archive and its batch row.

These are descriptions: frozen, comparable, printable. The native core carries them out
(``csrc/crop``), with torchvision's rules and random bits that depend on (seed, epoch, item) alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from fastinet.augment.erasing import RandomErasing
from fastinet.augment.lighting import Lighting
from fastinet.augment.operation import (
    Augment,
    Row,
    augment_tuple,
    draw_steps,
    native_operations,
)
from fastinet.augment.operations import ColorJitter
from fastinet.base.checks import check_name, checked_numbers, low_high, number_within, whole_number
from fastinet.pixels.transform_parts import (
    BoxRule,
    Interpolation,
    PaddingMode,
    check_interpolation,
    checked_padding,
    checked_side,
    checked_size,
    height_width,
    left_top_right_bottom,
    red_green_blue,
)

if TYPE_CHECKING:
    from fastinet._native import _engine

__all__ = [
    "MAX_VIEWS",
    "CenterCrop",
    "RandomCrop",
    "RandomResizedCrop",
    "RandomTransform",
    "Resize",
    "SingleTransform",
    "check_after_normalisation",
]

MAX_VIEWS: Final = 1024  # far below the 16 bits that random bits have for the view


@dataclass(frozen=True)
class RandomResizedCrop:
    """The training transform: a random part of the image, resized, mirrored half of the time.

    The rule is torchvision's ``RandomResizedCrop``: the box's area is uniform in `scale`, the
    logarithm of its aspect ratio uniform in that of `ratio`; sides are rounded to whole pixels,
    ties to even; ten tries, then the largest centred box within the ratio's bounds. The resize is
    antialiased and sees nothing outside the box.

    Attributes:
        size: height and width of the row [pixels]: one number for a square, or (height, width).
        scale: bounds of the box's share of the image's area, 0 < low <= high <= 1.
        ratio: bounds of the box's width / height, 0 < low <= high.
        interpolation: "bilinear", "bicubic", "lanczos" or "nearest"; or "random", which draws
            bilinear or bicubic for each crop, as timm does; ``batch.interpolations`` says which.
        hflip: probability of mirroring left to right.
        color_jitter: random colours for the resized crop, or None: the same as this jitter as the
            first operation of `augment`.
        views: independent crops of each item, for self-supervised training: batches then have
            images [B, views, ...], boxes [B, views, 4] and flips [B, views]. 1 to 1024; view 0 is
            the crop that there is without views. None: one crop, and no such axis.
        min_object_covered: the crop must cover at least this share of the area of at least one of
            the item's bounding boxes, 0 to 1; `Loader` then needs `boxes`. The rule is that of
            TensorFlow's ``sample_distorted_bounding_box``, whose users take 0.1: boxes are drawn
            as above until one covers enough, at most 100 times, and then the whole image is taken.
            Items without boxes are cropped as if this were 0, and so are all when it is. None is 0,
            and 0.1 with ``box_rule="tensorflow"``.
        augment: what else happens to the pixels of the resized and mirrored crop, before it is
            normalised: an operation of `fastinet.augment`, or a tuple of them in their order.
        erase: boxes of the row that are replaced after it was normalised, or None. Rows of uint8
            are normalised later: see `fastinet.Batch.erased`.
        lighting: a random shift of all colours before the normalisation, or None; for rows of a
            float dtype.
        box_rule: "torchvision" is the rule above. "clamp" makes one try, whose sides are clamped to
            the image's (BYOL, MAE's linear probe); `min_object_covered` is then 0. "tensorflow" is
            ``sample_distorted_bounding_box`` altogether: the ratio itself is uniform, the height
            uniform among the whole numbers that fit, up to 100 tries, then the whole image.
            `min_object_covered` is of the whole image where an item has no boxes, so that `Loader`
            needs none; big_vision sets it to 0, EfficientNet and SimCLR to 0.1.
        vflip: probability of turning upside down, besides.

    Raises:
        TypeError: `augment` is no operation.
        ValueError: a value that makes no sense; the message names it.
    """

    size: int | tuple[int, int] = 224
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    interpolation: Interpolation | Literal["random"] = "bilinear"
    hflip: float = 0.5
    color_jitter: ColorJitter | None = None
    views: int | None = None
    min_object_covered: float | None = None
    augment: Augment = ()
    box_rule: BoxRule = "torchvision"
    vflip: float = 0.0
    erase: RandomErasing | None = None
    lighting: Lighting | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", low_high("scale", self.scale, highest=1.0))
        object.__setattr__(self, "ratio", low_high("ratio", self.ratio))
        check_interpolation(self.interpolation, drawn=True)
        check_name("box_rule", self.box_rule, BoxRule)
        _check_random_parts(self)
        covered = self.min_object_covered
        if covered is None:
            covered = 0.1 if self.box_rule == "tensorflow" else 0.0
        covered = number_within("min_object_covered", covered, 0, 1, "share")
        if covered > 0 and self.box_rule == "clamp":
            raise ValueError(
                f'min_object_covered={covered}, but box_rule="clamp" draws a box once, whatever it'
                " covers"
            )
        object.__setattr__(self, "min_object_covered", covered)

    @property
    def needs_boxes(self) -> bool:
        """Whether crops depend on the bounding boxes of the items, which must then be given."""
        return self.box_rule == "torchvision" and bool(self.min_object_covered)

    def native(self) -> dict[str, Any]:
        """The transform as the native modules take it."""
        drawn = self.interpolation == "random"
        return _native(
            self,
            scale=self.scale,
            ratio=self.ratio,
            box_rule=self.box_rule,
            min_object_covered=self.min_object_covered,
            flip_probability=self.hflip,
            vflip_probability=self.vflip,
            interpolation="bilinear" if drawn else self.interpolation,
            random_interpolation=drawn,
        )

    def native_operations(self) -> list[_engine.Operation]:
        """What happens to the pixels of the crop, as the engine takes it."""
        return _native_operations(self)


@dataclass(frozen=True)
class RandomCrop:
    """A part of `size` anywhere in the image, which is resized and padded before, if wanted.

    As torchvision's ``Resize(resize)``, ``RandomCrop(size, padding, pad_if_needed=True)`` and
    random flips do it: any place within the padded image is as likely as any other. DeiT III's
    simple random crop is ``RandomCrop(224, resize=224, padding=4, padding_mode="reflect",
    interpolation="bicubic")``. Only what the row shows is decoded.

    An image that is smaller than the row, even with its padding, is padded by what it lacks, on
    either side, and then lies somewhere within the row: torchvision's ``pad_if_needed=True``, of
    `transforms.v2`, which pads once.

    ``batch.windows`` says which part of the resized image a row is; `boxes` are whole images.

    Attributes:
        size: height and width of the row [pixels]: one number for a square, or (height, width).
        resize: length of the image's shorter side after the resize [pixels], whose longer side is
            truncated to whole pixels; None does not resize.
        padding: around the resized image [pixels]: one number; (left and right, top and bottom);
            or (left, top, right, bottom). 0 to 4096 each.
        padding_mode: what is beyond the image: "constant", that is `fill`; "edge", its outermost
            pixels; "reflect", a mirror image that does not repeat them; "symmetric", one that does.
        fill: the colour of "constant": one number for all channels, or (red, green, blue), 0..255.
        hflip: probability of mirroring left to right.
        vflip: probability of turning upside down.
        interpolation: "bilinear", "bicubic", "lanczos" or "nearest".
        color_jitter: random colours for the crop, or None, see `RandomResizedCrop`.
        views: independent crops of each item, likewise.
        augment: what else happens to the pixels of the crop, likewise.
        erase: boxes of the row that are replaced after it was normalised, likewise.
        lighting: a random shift of all colours, likewise.

    Raises:
        TypeError: `augment` is no operation.
        ValueError: a value that makes no sense; the message names it.
    """

    size: int | tuple[int, int] = 224
    resize: int | None = None
    padding: int | tuple[int, int] | tuple[int, int, int, int] = 0
    padding_mode: PaddingMode = "constant"
    fill: int | tuple[int, int, int] = 0
    hflip: float = 0.5
    vflip: float = 0.0
    interpolation: Interpolation = "bilinear"
    color_jitter: ColorJitter | None = None
    views: int | None = None
    augment: Augment = ()
    erase: RandomErasing | None = None
    lighting: Lighting | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "padding", checked_padding(self.padding))
        check_interpolation(self.interpolation)
        _check_window_parts(self)
        _check_random_parts(self)

    def native(self) -> dict[str, Any]:
        """The transform as the native modules take it."""
        return _native(
            self,
            resize=self.resize or 0,
            padding=left_top_right_bottom(self.padding),
            padding_mode=self.padding_mode,
            fill=red_green_blue(self.fill),
            flip_probability=self.hflip,
            vflip_probability=self.vflip,
        )

    def native_operations(self) -> list[_engine.Operation]:
        """What happens to the pixels of the crop, as the engine takes it."""
        return _native_operations(self)


@dataclass(frozen=True)
class CenterCrop:
    """The validation transform: resize the shorter side to `resize`, keep the central `size`.

    As torchvision's ``Resize(resize)`` and ``CenterCrop(size)`` do it: the longer side is truncated
    to whole pixels, and where the crop reaches beyond the image the row is black, or what
    `padding_mode` says.

    Attributes:
        size: height and width of the row [pixels]: one number for a square, or (height, width).
        resize: length of the shorter side after the resize [pixels]; None does not resize.
        interpolation: "bilinear", "bicubic", "lanczos" or "nearest".
        padding_mode: what is beyond the image, see `RandomCrop`.
        fill: the colour of ``padding_mode="constant"``, likewise.

    Raises:
        ValueError: a value that makes no sense; the message names it.
    """

    size: int | tuple[int, int] = 224
    resize: int | None = 256
    interpolation: Interpolation = "bilinear"
    padding_mode: PaddingMode = "constant"
    fill: int | tuple[int, int, int] = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", checked_size(self.size))
        check_interpolation(self.interpolation)
        _check_window_parts(self)

    def native(self) -> dict[str, Any]:
        """The transform as the native modules take it."""
        return _native(
            self,
            resize=self.resize or 0,
            padding_mode=self.padding_mode,
            fill=red_green_blue(self.fill),
        )


@dataclass(frozen=True)
class Resize:
    """The whole image, resized to exactly `size`; its aspect ratio is not kept.

    Attributes:
        size: height and width of the row [pixels]: one number for a square, or (height, width).
        interpolation: "bilinear", "bicubic", "lanczos" or "nearest".

    Raises:
        ValueError: a value that makes no sense; the message names it.
    """

    size: int | tuple[int, int] = 224
    interpolation: Interpolation = "bilinear"

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", checked_size(self.size))
        check_interpolation(self.interpolation)

    def native(self) -> dict[str, Any]:
        """The transform as the native modules take it."""
        return _native(self)


SingleTransform: TypeAlias = RandomResizedCrop | RandomCrop | CenterCrop | Resize
"""What gives one crop of an image, or several that are alike."""
RandomTransform: TypeAlias = RandomResizedCrop | RandomCrop
"""What draws its crops."""


def _native(transform: SingleTransform, **parts: Any) -> dict[str, Any]:
    """All parts that the core's Transform has; those that its kind does not use are neutral."""
    neutral = {
        "scale": (1.0, 1.0),
        "ratio": (1.0, 1.0),
        "box_rule": "torchvision",
        "min_object_covered": 0.0,
        "flip_probability": 0.0,
        "vflip_probability": 0.0,
        "resize": 0,
        "padding": (0, 0, 0, 0),
        "padding_mode": "constant",
        "fill": (0, 0, 0),
        "interpolation": transform.interpolation,
        "random_interpolation": False,
    }
    size = height_width(transform.size)
    return {"kind": type(transform).__name__, "size": size, **neutral, **parts}


def _native_operations(transform: RandomTransform) -> list[_engine.Operation]:
    first = () if transform.color_jitter is None else (transform.color_jitter,)
    row = Row(height_width(transform.size), transform.interpolation)
    return native_operations((*first, *augment_tuple("augment", transform.augment)), row)


def _check_random_parts(transform: RandomTransform) -> None:
    """Checks what the random transforms have in common, and puts it into its form."""
    checked: dict[str, Any] = {"size": checked_size(transform.size)}
    for name in ("hflip", "vflip"):
        checked[name] = number_within(name, getattr(transform, name), 0, 1, "probability")
    if not isinstance(transform.color_jitter, ColorJitter | None):
        raise TypeError(f"color_jitter must be a ColorJitter, not {transform.color_jitter!r}")
    if transform.views is not None:
        checked["views"] = whole_number("views", transform.views, 1, MAX_VIEWS)
    checked["augment"] = augment_tuple("augment", transform.augment)
    for name, value in checked.items():
        object.__setattr__(transform, name, value)
    draw_steps(transform.augment, transform.size, seed=0, epoch=0, item=0)  # refuses what cannot be
    check_after_normalisation(transform.erase, transform.lighting)


def check_after_normalisation(erase: Any, lighting: Any) -> None:
    """Checks what comes with the normalisation.

    Raises:
        TypeError: `erase` is no `RandomErasing`, or `lighting` no `Lighting`.
    """
    if not isinstance(erase, RandomErasing | None):
        raise TypeError(f"erase must be a RandomErasing, not {erase!r}")
    if not isinstance(lighting, Lighting | None):
        raise TypeError(f"lighting must be a Lighting, not {lighting!r}")


def _check_window_parts(transform: RandomCrop | CenterCrop) -> None:
    """The same for the transforms that cut a window out of a resized image."""
    if transform.resize is not None:
        object.__setattr__(transform, "resize", checked_side("resize", transform.resize))
    check_name("padding_mode", transform.padding_mode, PaddingMode)
    fill = checked_numbers("fill", transform.fill, (3,), 255, "a number or (red, green, blue)")
    if fill not in (0, (0, 0, 0)) and transform.padding_mode != "constant":
        raise ValueError(
            f'fill={fill!r} is for padding_mode="constant", not for {transform.padding_mode!r}'
        )
    object.__setattr__(transform, "fill", fill)

"""Random operations on the pixels of a row: single ones, and one of several.

A number is the number itself: ``Rotate(30)`` turns every image by 30 degrees. A pair (low, high)
is drawn from: ``Rotate((-30, 30))``. Only :class:`ColorJitter` takes bounds about 1 from a number,
as torchvision's does.

These are descriptions: frozen, comparable, printable. The native core draws from them
(``csrc/policy``) and carries out what was drawn (``csrc/augment``). Each operation of a row has
random bits of its own, which depend on (seed, epoch, item, view) and on its place among the others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from fastinet._native import _engine
from fastinet.augment.amounts import Amount, constant
from fastinet.augment.operation import (
    Augment,
    Fill,
    Operation,
    OperationInterpolation,
    Row,
    affine_matrix,
    augment_tuple,
    checked_bounds,
    checked_fill,
    checked_weights,
    drawn_from,
    is_ordered,
    native_choice,
    native_geometric,
    native_operations,
    native_step,
    plain_bounds,
    scaled,
    set_operation_interpolation,
    set_probability,
)
from fastinet.base.checks import whole_number

__all__ = [
    "AutoContrast",
    "ColorJitter",
    "Equalize",
    "GaussianBlur",
    "Grayscale",
    "Invert",
    "OneOf",
    "Posterize",
    "Rotate",
    "Sharpness",
    "ShearX",
    "ShearY",
    "Solarize",
    "SolarizeAdd",
    "TranslateX",
    "TranslateY",
    "VerticalFlip",
]

MAX_FACTOR = 1e6  # ColourJitter::Validate in csrc/policy/colour_jitter.cc
MAX_SIGMA = 1000  # kMostSigma in csrc/blur/blur.h
MAX_TAPS = 255  # kMostKernelSize there


@dataclass(frozen=True)
class ColorJitter(Operation):
    """Random brightness, contrast, saturation and hue, in random order: torchvision's ColorJitter.

    Pixels are those of torchvision on PIL images, bit for bit: ``ImageEnhance`` and 8-bit HSV, as
    Pillow's builds for x86-64 compute them, on every machine. Factors and order depend on (seed,
    epoch, item) alone.

    Attributes:
        brightness: the factor is uniform in [max(0, 1 - brightness), 1 + brightness], or in the
            bounds (low, high); 0 and None make no such adjustment.
        contrast: likewise.
        saturation: likewise.
        hue: the part of a turn is uniform in [-hue, hue], hue at most 0.5, or in (low, high).
        p: probability that any of this happens.

    Raises:
        ValueError: a value that makes no sense; the message names it.
    """

    brightness: float | tuple[float, float] | None = None
    contrast: float | tuple[float, float] | None = None
    saturation: float | tuple[float, float] | None = None
    hue: float | tuple[float, float] | None = None
    p: float = 1.0

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "saturation", "hue"):
            object.__setattr__(self, name, plain_bounds(getattr(self, name)))
        self.bounds()
        set_probability(self)

    def bounds(self) -> list[tuple[float, float] | None]:
        """Bounds of the four factors in order; None where nothing is adjusted."""
        return [
            _factor_bounds("brightness", self.brightness, 1, 0, MAX_FACTOR),
            _factor_bounds("contrast", self.contrast, 1, 0, MAX_FACTOR),
            _factor_bounds("saturation", self.saturation, 1, 0, MAX_FACTOR),
            _factor_bounds("hue", self.hue, 0, -0.5, 0.5),
        ]

    def native(self, row: Row) -> _engine.Operation:  # noqa: ARG002 - rows are all the same to it
        """See :class:`Operation`."""
        return _engine.Operation.jitter(self.bounds(), probability=self.p)


@dataclass(frozen=True)
class _WithoutNumbers(Operation):
    """An operation that draws nothing but whether it happens.

    Attributes:
        p: probability.
    """

    p: float = 1.0
    _step: ClassVar[str]

    def __post_init__(self) -> None:
        set_probability(self)

    def native(self, row: Row) -> _engine.Operation:  # noqa: ARG002
        """See :class:`Operation`."""
        return native_step(self._step, p=self.p)


@dataclass(frozen=True)
class Grayscale(_WithoutNumbers):
    """Grey in all three channels: ``ImageOps.grayscale``; with p=0.2, RandomGrayscale of SimCLR.

    Attributes:
        p: probability.
    """

    _step = "grayscale"


@dataclass(frozen=True)
class Invert(_WithoutNumbers):
    """Every value v becomes 255 - v: ``ImageOps.invert``.

    Attributes:
        p: probability.
    """

    _step = "invert"


@dataclass(frozen=True)
class AutoContrast(_WithoutNumbers):
    """Each channel stretched to 0 .. 255: ``ImageOps.autocontrast``.

    Attributes:
        p: probability.
    """

    _step = "autocontrast"


@dataclass(frozen=True)
class Equalize(_WithoutNumbers):
    """Each channel's histogram made even: ``ImageOps.equalize``.

    Attributes:
        p: probability.
    """

    _step = "equalize"


@dataclass(frozen=True)
class VerticalFlip(_WithoutNumbers):
    """The last line comes first: ``ImageOps.flip``.

    Attributes:
        p: probability.
    """

    p: float = 0.5
    _step = "vertical_flip"


@dataclass(frozen=True)
class Solarize(Operation):
    """Values from `threshold` on are inverted: ``ImageOps.solarize``.

    Attributes:
        threshold: 0 to 256, or (low, high) to draw it from.
        p: probability.
    """

    threshold: float | tuple[float, float] = 128
    p: float = 1.0

    def __post_init__(self) -> None:
        set_probability(self)
        object.__setattr__(self, "threshold", checked_bounds("threshold", self.threshold, 0, 256))

    def native(self, row: Row) -> _engine.Operation:  # noqa: ARG002
        """See :class:`Operation`."""
        return native_step("solarize", drawn_from(self.threshold), p=self.p)


@dataclass(frozen=True)
class SolarizeAdd(Operation):
    """`addition` is added to values below `threshold`: timm's and TensorFlow's SolarizeAdd.

    Attributes:
        addition: 0 to 255.
        threshold: 0 to 256.
        p: probability.
    """

    addition: int
    threshold: int = 128
    p: float = 1.0

    def __post_init__(self) -> None:
        set_probability(self)
        object.__setattr__(self, "addition", whole_number("addition", self.addition, 0, 255))
        object.__setattr__(self, "threshold", whole_number("threshold", self.threshold, 0, 256))

    def native(self, row: Row) -> _engine.Operation:  # noqa: ARG002
        """See :class:`Operation`."""
        arguments = constant(self.addition), constant(self.threshold)
        return native_step("solarize_add", *arguments, p=self.p)


@dataclass(frozen=True)
class Posterize(Operation):
    """Only the highest bits of each value are kept: ``ImageOps.posterize``.

    Attributes:
        bits: 0 to 8, or (least, most) to draw them from; 0 bits are black.
        p: probability.
    """

    bits: int | tuple[int, int] = 4
    p: float = 1.0

    def __post_init__(self) -> None:
        set_probability(self)
        object.__setattr__(self, "bits", self._checked_bits())

    def _checked_bits(self) -> int | tuple[int, int]:
        if not isinstance(self.bits, Iterable):
            return whole_number("bits", self.bits, 0, 8)
        bits = tuple(self.bits)
        if len(bits) != 2:
            raise ValueError(f"bits must be 0 to 8, or (least, most), not {bits!r}")
        low = whole_number("bits", bits[0], 0, 8)
        return low, whole_number("bits", bits[1], low, 8)

    def _choices(self) -> tuple[float, ...]:
        low, high = self.bits if isinstance(self.bits, tuple) else (self.bits, self.bits)
        return tuple(range(low, high + 1))

    def native(self, row: Row) -> _engine.Operation:  # noqa: ARG002
        """See :class:`Operation`."""
        return native_step("posterize", Amount("values", values=self._choices()), p=self.p)


@dataclass(frozen=True)
class Sharpness(Operation):
    """``ImageEnhance.Sharpness``: 0 smooths, 1 changes nothing, 2 sharpens.

    Attributes:
        factor: or (low, high) to draw it from.
        p: probability.
    """

    factor: float | tuple[float, float]
    p: float = 1.0

    def __post_init__(self) -> None:
        set_probability(self)
        object.__setattr__(self, "factor", checked_bounds("factor", self.factor, 0, MAX_FACTOR))

    def native(self, row: Row) -> _engine.Operation:  # noqa: ARG002
        """See :class:`Operation`."""
        return native_step("sharpness", drawn_from(self.factor), p=self.p)


@dataclass(frozen=True)
class GaussianBlur(Operation):
    """A blur: Pillow's ``ImageFilter.GaussianBlur``, or torchvision's with a kernel.

    Attributes:
        sigma: standard deviation [pixels], which Pillow calls the radius; or (low, high) to draw it
            from.
        p: probability.
        kernel: None blurs as Pillow does. An odd number of taps blurs as torchvision's
            ``GaussianBlur(kernel, sigma)`` does a PIL image; a value in 10,000 may differ by 1. The
            row's sides must be longer than half of it.
    """

    sigma: float | tuple[float, float] = (0.1, 2.0)
    p: float = 1.0
    kernel: int | None = None

    def __post_init__(self) -> None:
        set_probability(self)
        lowest = 0.0
        if self.kernel is not None:
            taps = whole_number("kernel", self.kernel, 1, MAX_TAPS)
            if taps % 2 == 0:
                raise ValueError(f"kernel must be an odd number of taps, not {taps}")
            object.__setattr__(self, "kernel", taps)
            lowest = 1e-3
        sigma = checked_bounds("sigma", self.sigma, lowest, MAX_SIGMA)
        object.__setattr__(self, "sigma", sigma)

    def native(self, row: Row) -> _engine.Operation:  # noqa: ARG002
        """See :class:`Operation`."""
        sigma = drawn_from(self.sigma)
        if self.kernel is None:
            return native_step("gaussian_blur", sigma, p=self.p)
        return native_step("kernel_blur", constant(self.kernel), sigma, p=self.p)


@dataclass(frozen=True)
class _Geometric(Operation):
    """An operation that moves pixels.

    Attributes:
        amount: how far, always so far; or (low, high) to draw it from.
        interpolation: how to read between pixels: "nearest", "bilinear", "bicubic", "random"
            (bilinear or bicubic, each half of the time), or None for what the crop is resized with.
        fill: of what the image does not reach, 0 to 255: one number, or (red, green, blue).
        p: probability.
    """

    amount: float | tuple[float, float]
    interpolation: OperationInterpolation | None = None
    fill: Fill = 0
    p: float = 1.0

    def __post_init__(self) -> None:
        set_probability(self)
        set_operation_interpolation(self)
        object.__setattr__(self, "fill", checked_fill(self.fill))
        object.__setattr__(self, "amount", checked_bounds("amount", self.amount, -1e6, 1e6))

    def _matrix(self, amount: Amount, row: Row) -> list[Amount]:  # noqa: ARG002
        """The arguments of the affine step; none where the operation is no affine one."""
        return []

    def native(self, row: Row) -> _engine.Operation:
        """See :class:`Operation`."""
        amount = drawn_from(self.amount)
        return native_geometric(
            self._matrix(amount, row) or [amount], row, self.interpolation, self.fill, self.p
        )


@dataclass(frozen=True)
class Rotate(_Geometric):
    """A rotation about the centre: ``Image.rotate``. The amount is in degrees, anticlockwise.

    ``Rotate(30)`` turns every image by 30 degrees; torchvision's ``RandomRotation(30)`` draws an
    angle from -30 to 30, which is the default here.

    Attributes:
        amount: how far, always so far; or (low, high) to draw it from.
        interpolation: how to read between pixels: "nearest", "bilinear", "bicubic", "random"
            (bilinear or bicubic, each half of the time), or None for what the crop is resized with.
        fill: of what the image does not reach, 0 to 255: one number, or (red, green, blue).
        p: probability.
    """

    amount: float | tuple[float, float] = (-30.0, 30.0)


@dataclass(frozen=True)
class ShearX(_Geometric):
    """Lines shifted by `amount` times their number, from the top: timm's and TensorFlow's."""

    amount: float | tuple[float, float] = (-0.3, 0.3)

    def _matrix(self, amount: Amount, row: Row) -> list[Amount]:  # noqa: ARG002
        return affine_matrix(b=amount)


@dataclass(frozen=True)
class ShearY(_Geometric):
    """Columns shifted by `amount` times their number, from the left."""

    amount: float | tuple[float, float] = (-0.3, 0.3)

    def _matrix(self, amount: Amount, row: Row) -> list[Amount]:  # noqa: ARG002
        return affine_matrix(d=amount)


@dataclass(frozen=True)
class TranslateX(_Geometric):
    """A shift to the left by `amount` of the row's width; negative ones go to the right."""

    amount: float | tuple[float, float] = (-0.45, 0.45)

    def _matrix(self, amount: Amount, row: Row) -> list[Amount]:
        return affine_matrix(c=scaled(amount, row.size[1]))


@dataclass(frozen=True)
class TranslateY(_Geometric):
    """A shift upwards by `amount` of the row's height; negative ones go down."""

    amount: float | tuple[float, float] = (-0.45, 0.45)

    def _matrix(self, amount: Amount, row: Row) -> list[Amount]:
        return affine_matrix(f=scaled(amount, row.size[0]))


@dataclass(frozen=True)
class OneOf(Operation):
    """One of several operations, or of several sequences of them.

    ``OneOf([Grayscale(), Solarize(128), GaussianBlur((0.1, 2))])`` is the heart of 3-Augment.

    Attributes:
        operations: each an operation, or a tuple of them in order; 1 to 256.
        weights: how likely each is, relative to the others; None: all alike.
        p: probability that any is made.
    """

    operations: Sequence[Augment]
    weights: Sequence[float] | None = None
    p: float = 1.0

    def __post_init__(self) -> None:
        set_probability(self)
        given: Any = self.operations
        if not is_ordered(given):
            raise TypeError(
                "OneOf takes a list of operations to choose from, OneOf([Grayscale(), Invert()]), "
                f"not {given!r}"
            )
        parts = tuple(
            part if isinstance(part, Operation) else augment_tuple("operations", part)
            for part in given
        )
        if not 1 <= len(parts) <= 256:
            raise ValueError(f"operations must be 1 to 256 to choose from, not {len(parts)}")
        object.__setattr__(self, "operations", parts)
        if self.weights is not None:
            object.__setattr__(self, "weights", checked_weights(self.weights, len(parts)))

    def native(self, row: Row) -> _engine.Operation:
        """See :class:`Operation`."""
        parts = [
            _engine.Operation.sequence(native_operations(part, row), probability=1.0)
            if isinstance(part, tuple)
            else part.native(row)  # type: ignore[union-attr]
            for part in self.operations
        ]
        return native_choice(parts, weights=self.weights or (), p=self.p)


def _factor_bounds(
    name: str, value: Any, neutral: float, lowest: float, highest: float
) -> tuple[float, float] | None:
    """Bounds of a colour factor; torchvision takes a number as a distance from `neutral`."""
    if value is None:
        return None
    try:
        if isinstance(value, tuple):
            low, high = (float(bound) for bound in value)
        elif isinstance(value, str):
            low, high = math.nan, math.nan
        else:
            low, high = neutral - float(value), neutral + float(value)
            low = max(low, 0) if neutral == 1 else low
    except (TypeError, ValueError, OverflowError):
        low, high = math.nan, math.nan
    if not lowest <= low <= high <= highest:
        raise ValueError(
            f"{name} must be a number from 0 on, or (low, high) within {lowest:g} .. {highest:g}, "
            f"not {value!r}"
        )
    return None if low == high == neutral else (low, high)

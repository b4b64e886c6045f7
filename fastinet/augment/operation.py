"""Random operations: what they have in common, how they are drawn and handed to the engine."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Literal, NamedTuple, TypeAlias

from fastinet._native import _engine
from fastinet.augment.amounts import Amount, constant, uniform
from fastinet.augment.erasing import RandomErasing
from fastinet.augment.lighting import Lighting
from fastinet.augment.steps import Step
from fastinet.base.checks import (
    check_name,
    checked_epoch,
    checked_seed,
    constant_name,
    whole_number,
)
from fastinet.base.draws import checked_draws, draws_number

__all__ = [
    "Augment",
    "Fill",
    "Operation",
    "OperationInterpolation",
    "Row",
    "affine_matrix",
    "augment_tuple",
    "checked_alpha",
    "checked_bounds",
    "checked_fill",
    "checked_probability",
    "checked_weights",
    "draw_steps",
    "drawn_from",
    "is_ordered",
    "native_choice",
    "native_geometric",
    "native_mixture",
    "native_operations",
    "native_step",
    "plain_bounds",
    "scaled",
    "set_operation_interpolation",
    "set_probability",
]

OperationInterpolation = Literal["nearest", "bilinear", "bicubic", "random"]
_CropInterpolation = Literal["bilinear", "bicubic", "lanczos", "nearest", "random"]
Fill: TypeAlias = int | tuple[int, int, int]

_MAX_SIDE = 16384  # kMaxSide in csrc/crop/crop.cc
_LEAST_ALPHA, _MOST_ALPHA = 1e-3, 1e4  # kLeastGammaShape, kMostGammaShape in csrc/rng/gamma.h


class Row(NamedTuple):
    """What operations know of the row that they change."""

    size: tuple[int, int]
    """Height and width [pixels]."""
    interpolation: str
    """How the crop was resized: what geometric operations take that name no interpolation."""


class Operation(ABC):
    """What may happen to the pixels of a row, between the resize and the normalisation."""

    @abstractmethod
    def native(self, row: Row) -> _engine.Operation:
        """The operation for rows of this kind, as the engine takes it."""


Augment: TypeAlias = "Operation | Sequence[Operation]"


def augment_tuple(name: str, augment: Any) -> tuple[Operation, ...]:
    """What a caller passed as operations, as a tuple of them.

    Raises:
        TypeError: something else; the message says what is taken.
    """
    if augment is None:
        return ()
    operations = tuple(augment) if is_ordered(augment) else (augment,)
    for each in operations:
        if not isinstance(each, Operation):
            raise TypeError(
                f"{name} must be an operation of fastinet.augment or a tuple of them, "
                f"not {each!r}; {_advice(each)}"
            )
    return operations


def _advice(augment: Any) -> str:
    """What to do with something that is no operation."""
    if isinstance(augment, str):
        return f"timm's strings are RandAugment.timm({augment!r}) and the like"
    if isinstance(augment, type) and issubclass(augment, Operation):
        return f"write {augment.__name__}(...)"
    if isinstance(augment, Lighting | RandomErasing):
        argument = "lighting" if isinstance(augment, Lighting) else "erase"
        return f"it comes with the normalisation: give it to the transform as {argument}="
    return "functions of your own belong behind the loader"


def is_ordered(values: Any) -> bool:
    """Whether these are several values in an order: that of a set is another in each process."""
    return isinstance(values, Iterable) and not isinstance(values, str | AbstractSet | Mapping)


def native_operations(augment: Augment, row: Row) -> list[_engine.Operation]:
    """Operations for rows of this kind, as the engine takes them."""
    return [operation.native(row) for operation in augment_tuple("augment", augment)]


def draw_steps(
    augment: Augment,
    size: int | tuple[int, int],
    *,
    seed: int,
    epoch: int,
    item: int,
    view: int = 0,
    interpolation: str = "bilinear",
    views: int | None = None,
    draws: str = "",
) -> list[Step]:
    """The steps that a loader with these numbers takes one item through.

    Args:
        augment: an operation, or a tuple of them: what the transform has, or that of a `View`.
        size: height and width of the row [pixels]: one number for a square, or (height, width).
        seed: of the loader.
        epoch: which.
        item: its id.
        view: which of the item's views, numbered over all groups of a `MultiCrop`; view v of copy c
            is ``c * V + v``, of V views.
        interpolation: of the crop, "random" included.
        views: how many views a copy of the item has, V, for `Shared` operations where items come
            repeatedly; None: all views are those of the first copy.
        draws: the name of what the loader draws, if it has one.

    Raises:
        ValueError: operations that a row of this size cannot have, or another argument that makes
            no sense; the message names it.
    """
    sides = tuple(size) if isinstance(size, Iterable) else (size, size)
    if len(sides) != 2:
        raise ValueError(f"size must be a number or (height, width), not {size!r}")
    height, width = (whole_number("size", side, 1, _MAX_SIDE) for side in sides)
    height_width = height, width
    interpolation = constant_name(interpolation)
    check_name("interpolation", interpolation, _CropInterpolation)
    view = whole_number("view", view, 0, 2**16 - 1)
    drawn = _engine.draw_steps(
        native_operations(augment, Row(height_width, interpolation)),
        size=height_width,
        seed=checked_seed(seed) ^ draws_number(checked_draws(draws)),
        epoch=checked_epoch(epoch),
        item=whole_number("item", item, 0, 2**64 - 1),
        view=view,
        first_view=0 if views is None else view - view % whole_number("views", views, 1, 2**16),
    )
    return [Step(*parts) for parts in drawn]


def native_step(
    op: str,
    *arguments: Amount,
    p: float = 1.0,
    sampling: str = "nearest",
    fill: tuple[int, int, int] = (0, 0, 0),
) -> _engine.Operation:
    """One step with drawn arguments, as the engine takes it."""
    amounts = [argument.native() for argument in arguments]
    return _engine.Operation.step(op, amounts, probability=p, sampling=sampling, fill=fill)


def native_choice(
    parts: Sequence[_engine.Operation],
    *,
    weights: Sequence[float] = (),
    count: int = 1,
    replacement: bool = True,
    p: float = 1.0,
) -> _engine.Operation:
    """`count` of several operations, as the engine takes them."""
    return _engine.Operation.choice(
        list(parts), probability=p, weights=list(weights), count=count, replacement=replacement
    )


def native_mixture(
    operations: Sequence[_engine.Operation],
    width: int,
    depth: int,
    *,
    alpha: float,
    blend_at_end: bool,
) -> _engine.Operation:
    """A mixture of `width` chains of `depth` of the operations; of 1 to 3 if it is not positive."""
    chains = [native_choice(operations, count=n) for n in ((depth,) if depth > 0 else (1, 2, 3))]
    chain = chains[0] if depth > 0 else native_choice(chains)
    return _engine.Operation.mix(
        [chain] * width, probability=1.0, blend_at_end=blend_at_end, alpha=alpha
    )


def checked_alpha(name: str, value: Any) -> float:
    """A parameter of Dirichlet's distribution that the engine draws from."""
    try:
        alpha = float(value)
    except (TypeError, ValueError, OverflowError):
        alpha = math.nan
    if not _LEAST_ALPHA <= alpha <= _MOST_ALPHA:
        raise ValueError(f"{name} must be {_LEAST_ALPHA:g} to {_MOST_ALPHA:g}, not {value!r}")
    return alpha


def native_geometric(
    arguments: Sequence[Amount],
    row: Row,
    interpolation: OperationInterpolation | None,
    fill: Fill,
    p: float = 1.0,
) -> _engine.Operation:
    """A rotation by one argument [degrees], or an affine step by six."""
    op = "rotate" if len(arguments) == 1 else "affine"
    # No step reads between pixels as the wider filters of a resize do; bicubic comes nearest.
    sampling = interpolation or row.interpolation
    if sampling not in ("nearest", "bilinear", "bicubic", "random"):
        sampling = "bicubic"
    return native_step(op, *arguments, p=p, sampling=sampling, fill=checked_fill(fill))


def affine_matrix(**entries: Amount) -> list[Amount]:
    """The arguments of an affine step: those of the identity but for `entries`."""
    identity = {"a": 1.0, "b": 0.0, "c": 0.0, "d": 0.0, "e": 1.0, "f": 0.0}
    return [entries.get(name, constant(value)) for name, value in identity.items()]


def scaled(amount: Amount, scale: float) -> Amount:
    """`amount` times `scale`."""
    return Amount(**{**_parts(amount), "scale": amount.scale * scale})


def _parts(amount: Amount) -> dict[str, Any]:
    return {name: getattr(amount, name) for name in amount.__dataclass_fields__}


def plain_bounds(value: Any) -> Any:
    """What a caller passed as a number, or as (low, high), in the form that descriptions keep.

    Lists, arrays and iterators become a tuple of Python's numbers, so that descriptions can be
    hashed, compared and pickled. What is neither stays as it is, for the check behind this to
    refuse; so does a text, whose letters might be taken for bounds.
    """
    if not isinstance(value, Iterable) or isinstance(value, str | bytes):
        return value
    bounds = tuple(value)
    try:
        return tuple(bound if type(bound) is int else float(bound) for bound in bounds)
    except (TypeError, ValueError, OverflowError):
        return bounds


def checked_bounds(name: str, value: Any, lowest: float, highest: float) -> Any:
    """A number, or (low, high) to draw it from, in the form that descriptions keep.

    Raises:
        ValueError: neither, or beyond `lowest` .. `highest`; the message names it.
    """
    bounds = plain_bounds(value)
    try:
        low, high = (
            (float(bound) for bound in bounds)
            if isinstance(bounds, tuple)
            else (float(bounds), float(bounds))
        )
    except (TypeError, ValueError, OverflowError):
        low, high = math.nan, math.nan
    if isinstance(value, str) or not lowest <= low <= high <= highest:
        raise ValueError(
            f"{name} must be a number, or (low, high), within {lowest:g} .. {highest:g}, "
            f"not {value!r}"
        )
    return bounds


def drawn_from(bounds: Any) -> Amount:
    """What `checked_bounds` gave, as an amount."""
    low, high = bounds if isinstance(bounds, tuple) else (bounds, bounds)
    return uniform(float(low), float(high))


def checked_fill(fill: Any) -> tuple[int, int, int]:
    """A colour as (red, green, blue)."""
    values = tuple(fill) if isinstance(fill, Iterable) else (fill,) * 3
    if len(values) != 3:
        raise ValueError(f"fill must be a number from 0 to 255 or three of them, not {fill!r}")
    red, green, blue = (whole_number("fill", value, 0, 255) for value in values)
    return red, green, blue


def set_operation_interpolation(operation: Any) -> None:
    """Checks the `interpolation` of a frozen description, and makes it a name, or None.

    Raises:
        ValueError: geometric operations cannot read between pixels so.
    """
    interpolation = constant_name(operation.interpolation)
    object.__setattr__(operation, "interpolation", interpolation)
    known = (None, "nearest", "bilinear", "bicubic", "random")
    if interpolation not in known:
        raise ValueError(f"interpolation must be one of {known}, not {interpolation!r}")


def checked_weights(weights: Any, count: int) -> tuple[float, ...]:
    """Weights of as many choices: from 0 on, not all 0, and with a finite sum."""
    try:
        values = tuple(float(weight) for weight in weights)
    except (TypeError, ValueError, OverflowError):
        values = ()
    is_fine = all(value >= 0 for value in values) and 0 < sum(values) < math.inf
    if len(values) != count or not is_fine:
        raise ValueError(
            f"weights must be {count} numbers from 0 on with a finite sum, not all of them 0; "
            f"not {weights!r}"
        )
    return values


def checked_probability(name: str, value: Any) -> float:
    """A probability."""
    try:
        probability = float(value)
    except (TypeError, ValueError):
        probability = math.nan
    if not 0 <= probability <= 1:
        raise ValueError(f"{name} must be a probability, 0 to 1, not {value!r}")
    return probability


def set_probability(operation: Any) -> None:
    """Checks the `p` of a description that is being made."""
    object.__setattr__(operation, "p", checked_probability("p", operation.p))

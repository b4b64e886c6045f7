"""Random operations: what they have in common, how they are drawn and handed to the engine."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from fastinet._native import _engine
from fastinet.augment.amounts import Amount, constant, uniform
from fastinet.augment.erasing import RandomErasing
from fastinet.augment.lighting import Lighting
from fastinet.augment.steps import Step
from fastinet.base.checks import whole_number

__all__ = [
    "Augment",
    "Fill",
    "Operation",
    "OperationInterpolation",
    "Row",
    "affine_matrix",
    "augment_tuple",
    "check_operation_interpolation",
    "checked_fill",
    "checked_probability",
    "checked_weights",
    "draw_steps",
    "drawn_from",
    "native_choice",
    "native_geometric",
    "native_mixture",
    "native_operations",
    "native_step",
    "scaled",
    "set_probability",
]

OperationInterpolation = Literal["nearest", "bilinear", "bicubic", "random"]
Fill: TypeAlias = int | tuple[int, int, int]


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
    is_sequence = isinstance(augment, Iterable) and not isinstance(augment, str)
    operations = tuple(augment) if is_sequence else (augment,)
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

    Raises:
        ValueError: operations that a row of this size cannot have; the message names them.
    """
    height_width = (size, size) if isinstance(size, int) else (size[0], size[1])
    drawn = _engine.draw_steps(
        native_operations(augment, Row(height_width, interpolation)),
        size=height_width,
        seed=seed,
        epoch=epoch,
        item=item,
        view=view,
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
    operations: Sequence[_engine.Operation], width: int, depth: int, *, blend_at_end: bool
) -> _engine.Operation:
    """A mixture of `width` chains of `depth` of the operations; of 1 to 3 if it is not positive."""
    chains = [native_choice(operations, count=n) for n in ((depth,) if depth > 0 else (1, 2, 3))]
    chain = chains[0] if depth > 0 else native_choice(chains)
    return _engine.Operation.mix([chain] * width, probability=1.0, blend_at_end=blend_at_end)


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


def drawn_from(name: str, value: Any, lowest: float, highest: float) -> Amount:
    """A number, or (low, high) to draw it from, as an amount.

    Raises:
        ValueError: neither, or beyond `lowest` .. `highest`; the message names it.
    """
    try:
        low, high = (
            (float(bound) for bound in value)
            if isinstance(value, Iterable)
            else (float(value), float(value))
        )
    except (TypeError, ValueError):
        low, high = math.nan, math.nan
    if not lowest <= low <= high <= highest:
        raise ValueError(
            f"{name} must be a number, or (low, high), within {lowest:g} .. {highest:g}, "
            f"not {value!r}"
        )
    return uniform(low, high)


def checked_fill(fill: Any) -> tuple[int, int, int]:
    """A colour as (red, green, blue)."""
    values = tuple(fill) if isinstance(fill, Iterable) else (fill,) * 3
    if len(values) != 3:
        raise ValueError(f"fill must be a number from 0 to 255 or three of them, not {fill!r}")
    red, green, blue = (whole_number("fill", value, 0, 255) for value in values)
    return red, green, blue


def check_operation_interpolation(interpolation: str | None) -> None:
    """Raises ValueError unless geometric operations can read between pixels so."""
    known = (None, "nearest", "bilinear", "bicubic", "random")
    if interpolation not in known:
        raise ValueError(f"interpolation must be one of {known}, not {interpolation!r}")


def checked_weights(weights: Any, count: int) -> tuple[float, ...]:
    """Weights of as many choices: finite, from 0 on, and not all 0."""
    try:
        values = tuple(float(weight) for weight in weights)
    except (TypeError, ValueError):
        values = ()
    is_fine = all(math.isfinite(value) and value >= 0 for value in values) and sum(values) > 0
    if len(values) != count or not is_fine:
        raise ValueError(
            f"weights must be {count} numbers from 0 on, not all of them 0; not {weights!r}"
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

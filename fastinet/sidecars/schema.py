"""Typed headers: what the JSON of a sidecar must hold before anything is taken from it.

A sidecar lies on a disk for years, and other programs and other versions of this one can have
written it. Each kind of sidecar therefore describes its JSON as a dataclass, beside the code that
reads it, and :func:`checked` turns what was parsed into that class, or refuses it with an
:class:`UnusableSidecarError` that names the value. The sidecar is then made anew, and the user is
told, where a ``KeyError`` in the middle of a reader would have ended the program.

A field's annotation is its check:

=============================  =====================================================================
annotation                     JSON
=============================  =====================================================================
``int``, ``str``, ``bool``     that type, exactly: ``true`` is no number
``Annotated[int, Range(a,b)]`` a number from a to b
``Annotated[str, Matching(p)]`` a text that the regular expression p matches
``tuple[X, ...]``, ``list[X]`` an array of X; with ``Annotated[..., Length(a, b)]`` of a to b
``tuple[X, Y]``                an array of an X and a Y
``dict[str, X]``               an object with values X
``X | None``, ``Literal[...]`` X or ``null``; one of the values
a dataclass or NamedTuple      an object with its fields; a field with a default may be missing
=============================  =====================================================================

Names that a class does not have are passed over, so that a later version can add some.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import types
from dataclasses import dataclass
from typing import (
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

__all__ = [
    "Count",
    "Hexadecimal",
    "Length",
    "Matching",
    "Positive",
    "Range",
    "UnusableSidecarError",
    "Word32",
    "checked",
    "checked_json",
    "parsed_object",
]

Described = TypeVar("Described")


class UnusableSidecarError(Exception):
    """This sidecar cannot serve; the text continues a sentence that names it: "is damaged: ..."."""


@dataclass(frozen=True)
class Range:
    """The numbers from `low` to `high`, both among them."""

    low: int
    high: int


@dataclass(frozen=True)
class Length:
    """From `low` to `high` elements."""

    low: int
    high: int


@dataclass(frozen=True)
class Matching:
    """A text that the regular expression matches as a whole."""

    pattern: str


Count = Annotated[int, Range(0, 2**63 - 1)]
"""How many of something there are, bytes among it; it fits the engine's int64."""
Positive = Annotated[int, Range(1, 2**63 - 1)]
Word32 = Annotated[int, Range(0, 2**32 - 1)]
"""A CRC-32, or another number of 32 bits."""
Hexadecimal = Annotated[str, Matching("([0-9a-f]{2})*")]
"""Bytes, two digits each."""


def parsed_object(text: bytes) -> dict[str, Any]:
    """The JSON object in `text`; UnusableSidecarError where it is no JSON, or no object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise UnusableSidecarError("is damaged: its header is no JSON") from None
    if not isinstance(value, dict):
        raise UnusableSidecarError("is damaged: its header is no JSON object")
    return value


def checked(kind: type[Described], value: Any) -> Described:
    """`value`, as JSON gives it, as an instance of the dataclass or NamedTuple `kind`.

    Raises:
        UnusableSidecarError: a field is missing, of another type, or out of its range.
    """
    return cast("Described", _checked(kind, value, ""))


def checked_json(kind: type[Described], text: bytes) -> Described:
    """The JSON object in `text` as a `kind`; errors as those of :func:`checked`."""
    return checked(kind, parsed_object(text))


def _checked(hint: Any, value: Any, where: str) -> Any:
    """`value` as what the annotation `hint` says; `where` is its path: "archives[0].size"."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _within(arguments[1:], _checked(arguments[0], value, where), where)
    if hint in (int, str, bool, type(None)):
        if type(value) is not hint:
            raise _wrong(where, value, _NAMES[hint])
        return value
    if origin is Literal:
        if type(value) is not str or value not in arguments:
            raise _wrong(where, value, f"one of {', '.join(map(repr, arguments))}")
        return value
    if origin in (Union, types.UnionType):
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return None if value is None else _checked(inner, value, where)
    if origin in (tuple, list):
        return _checked_array(origin, arguments, value, where)
    if origin is dict:
        if not isinstance(value, dict):
            raise _wrong(where, value, "an object")
        return {name: _checked(arguments[1], value[name], _below(where, name)) for name in value}
    return _checked_fields(hint, value, where)


_NAMES = {int: "a whole number", str: "a text", bool: "true or false", type(None): "null"}


def _within(limits: tuple[Any, ...], value: Any, where: str) -> Any:
    """`value`, which must be within all `limits`."""
    for limit in limits:
        if isinstance(limit, Length):
            if not limit.low <= len(value) <= limit.high:
                raise UnusableSidecarError(f"is damaged: '{where}' has {len(value)} elements")
        elif isinstance(limit, Matching):
            if not re.fullmatch(limit.pattern, value):
                raise UnusableSidecarError(f"is damaged: '{where}' is not written as it should be")
        elif not limit.low <= value <= limit.high:
            raise _wrong(where, value, f"{limit.low} to {limit.high}")
    return value


def _checked_array(kind: Any, arguments: tuple[Any, ...], value: Any, where: str) -> Any:
    if not isinstance(value, list):
        raise _wrong(where, value, "an array")
    if kind is tuple and arguments[-1] is not Ellipsis:
        if len(value) != len(arguments):
            raise _wrong(where, value, f"an array of {len(arguments)}")
        hints = arguments
    else:
        hints = arguments[:1] * len(value)
    return kind(
        _checked(hint, element, f"{where}[{number}]")
        for number, (hint, element) in enumerate(zip(hints, value, strict=True))
    )


def _checked_fields(kind: Any, value: Any, where: str) -> Any:
    """An instance of a dataclass or NamedTuple, of a JSON object."""
    if not isinstance(value, dict):
        raise _wrong(where, value, "an object")
    fields = {}
    for name, (hint, is_needed) in _fields_of(kind).items():
        if name in value:
            fields[name] = _checked(hint, value[name], _below(where, name))
        elif is_needed:
            raise UnusableSidecarError(f"is damaged: it lacks '{_below(where, name)}'")
    return kind(**fields)


@functools.lru_cache(maxsize=64)
def _fields_of(kind: Any) -> dict[str, tuple[Any, bool]]:
    """Annotation of each field, and whether it has no default."""
    hints = get_type_hints(kind, include_extras=True)
    if dataclasses.is_dataclass(kind):
        missing = dataclasses.MISSING
        return {
            field.name: (
                hints[field.name],
                field.default is missing and field.default_factory is missing,
            )
            for field in dataclasses.fields(kind)
        }
    return {name: (hints[name], name not in kind._field_defaults) for name in kind._fields}


def _below(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _wrong(where: str, value: Any, wanted: str) -> UnusableSidecarError:
    shown = json.dumps(value)
    shown = shown if len(shown) <= 40 else f"{shown[:37]}..."  # a line's half
    what = f"'{where}'" if where else "its header"
    return UnusableSidecarError(f"is damaged: {what} is {shown}, and must be {wanted}")

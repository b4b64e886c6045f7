"""Arguments by names that other libraries have: errors that say what takes their place."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["explains_unknown"]

P = ParamSpec("P")
R = TypeVar("R")


def explains_unknown(
    kind: str, elsewhere: Mapping[str, str]
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator: arguments that a function does not have are refused with what takes their place.

    Args:
        kind: what is called, as users write it.
        elsewhere: {a name that users of other libraries try: what they are to do here}.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        known = list(inspect.signature(function).parameters)

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            for name in kwargs:
                if name not in known:
                    raise TypeError(_explanation(kind, name, known, elsewhere))
            return function(*args, **kwargs)

        return checked

    return decorate


def _explanation(kind: str, name: str, known: list[str], elsewhere: Mapping[str, Any]) -> str:
    if name in elsewhere:
        return f"{kind} has no {name}=: {elsewhere[name]}"
    import difflib  # noqa: PLC0415 - for messages alone

    near = difflib.get_close_matches(name, [each for each in known if each != "self"], n=1)
    hint = f"did you mean {near[0]}=?" if near else f"help({kind}) lists what it has"
    return f"{kind} has no {name}=: {hint}"

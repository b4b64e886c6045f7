"""Warnings that name the user's line, however deep in the package they arise."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Final

from fastinet.errors import FastinetWarning, printable

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["warn"]

_PACKAGE: Final = __name__.partition(".")[0]

# Modules of the standard library through which the package calls itself: a finalizer, a cached
# property, a context manager. Nobody looks for the cause of a warning there.
_GLUE: Final = frozenset({"contextlib", "functools", "weakref"})


def warn(message: str) -> None:
    """Issues a `FastinetWarning` for the innermost line outside the package on this thread's stack.

    A depth that is counted by hand (``stacklevel=``) goes wrong as soon as a function moves; this
    looks where the package was entered. A thread that has only the package on its stack, and a
    finalizer at the interpreter's end, have no such line: "sys", line 1, stands for it, as in
    `warnings.warn` itself.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # what warnings.warn does, too
    while frame is not None and _is_ours(frame):
        frame = frame.f_back
    variables = sys.__dict__ if frame is None else frame.f_globals
    warnings.warn_explicit(
        printable(message),
        FastinetWarning,
        filename="sys" if frame is None else frame.f_code.co_filename,
        lineno=1 if frame is None else frame.f_lineno,
        module=str(variables.get("__name__", "<string>")),
        # Where Python notes which warnings of a module were shown already.
        registry=variables.setdefault("__warningregistry__", {}),
    )


def _is_ours(frame: FrameType) -> bool:
    name = str(frame.f_globals.get("__name__", ""))
    return name == _PACKAGE or name.startswith(f"{_PACKAGE}.") or name in _GLUE

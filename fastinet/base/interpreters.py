"""Which of a process's Python interpreters this is: fastinet works in the main one alone."""

from __future__ import annotations

__all__ = ["refuse_subinterpreter"]

# The module below `concurrent.interpreters`, as CPython calls it since 3.13 and before.
try:
    import _interpreters as interpreters  # type: ignore[import-not-found,unused-ignore]
except ImportError:
    try:
        import _xxsubinterpreters as interpreters  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        interpreters = None  # type: ignore[assignment,unused-ignore]


def refuse_subinterpreter() -> None:
    """Raises ImportError in a subinterpreter, before it loads a module that cannot live there.

    NumPy does not support them, and Cython's modules belong to the interpreter that loaded them
    first. Without this, an import fails with a message about a module that nobody has named, or
    waits for ever for a lock of the other interpreter.
    """
    if _is_subinterpreter():
        raise ImportError(
            "fastinet cannot be imported in a subinterpreter: NumPy and the compiled modules work "
            "in a process's main interpreter only. Use threads, which fastinet's work runs in "
            "without the GIL, or processes (concurrent.futures.ProcessPoolExecutor, "
            "multiprocessing); under mod_wsgi set WSGIApplicationGroup %{GLOBAL}",
            name="fastinet",
        )


def _is_subinterpreter() -> bool:
    """Whether this is one. A Python that has no module to ask has only the main one."""
    if interpreters is None:
        return False
    return bool(interpreters.get_current() != interpreters.get_main())

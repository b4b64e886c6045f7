"""``progress=True``: how far a pass is, drawn in a terminal or in a notebook's cell.

There is nothing to install for it, and nothing is drawn elsewhere: a log file is no place for bars.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastinet.base.progress import Progress

__all__ = ["drawn", "drawn_stages"]

_WIDTH = 30
_PERIOD_SECONDS = 0.1


def drawn(progress: Progress | bool | None, what: str) -> Progress | None:
    """What a pass calls, of what a user gave as ``progress=``.

    Args:
        progress: the user's own callable, True for a bar, None or False for nothing.
        what: what the pass does: "index of train.tar".

    Raises:
        TypeError: it is none of these.
    """
    bar = _bar(progress)
    if bar is None:
        return progress if callable(progress) else None
    return lambda done, total: bar.show(what, done, total)


def drawn_stages(
    progress: Callable[[str, int, int], object] | bool | None, what: str
) -> Callable[[str, int, int], object] | None:
    """The same for passes that say (stage, done, in all)."""
    bar = _bar(progress)
    if bar is None:
        return progress if callable(progress) else None
    return lambda stage, done, total: bar.show(f"{what}: {stage}", done, total)


def _bar(progress: object) -> _Bar | None:
    """A new bar, where one is asked for."""
    if progress is not True:
        if progress is None or progress is False or callable(progress):
            return None
        raise TypeError(
            "progress must be a callable that takes (done, in all), or True for a bar, "
            f"not {progress!r}"
        )
    if _is_notebook():
        return _Bar(_Cell())
    return _Bar(_Terminal(sys.stderr) if sys.stderr.isatty() else None)


class _Bar:
    """A bar that is drawn some times a second, and once more at the end of each stage."""

    def __init__(self, place: _Cell | _Terminal | None) -> None:
        self._place = place
        self._next = 0.0
        self._began = time.monotonic()
        self._what = ""

    def show(self, what: str, done: int, total: int) -> None:
        """Draws it, if it is time to."""
        now = time.monotonic()
        if self._place is None:
            return
        if what != self._what:
            self._what, self._began, self._next = what, now, 0.0
        if now < self._next and done < total:
            return
        self._next = now + _PERIOD_SECONDS
        part = min(done / total, 1.0) if total else 1.0
        filled = round(part * _WIDTH)
        bar = "█" * filled + "░" * (_WIDTH - filled)
        self._place.draw(f"{what} {bar} {part:4.0%} {now - self._began:.0f} s", ends=done >= total)


class _Terminal:
    """A line of a terminal, which is drawn over."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._shown = ""

    def draw(self, line: str, *, ends: bool) -> None:
        """Puts `line` in the place of the one before; the last one of a stage stays."""
        if line == self._shown:
            return
        self._file.write(f"\r{line.ljust(len(self._shown))}" + "\n" * ends)
        self._file.flush()
        self._shown = "" if ends else line


class _Cell:
    """An output of a notebook's cell, which is replaced."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._shown = ""

    def draw(self, line: str, *, ends: bool) -> None:
        """Puts `line` in the place of the one before; the last one of a stage stays."""
        display = sys.modules["IPython"].display.display  # it is there, or this is no cell
        if line != self._shown:
            self._shown = line
            data = {"text/plain": line}
            if self._handle is None:
                self._handle = display(data, raw=True, display_id=True)
            else:
                self._handle.update(data, raw=True)
        if ends:
            self._handle = None


def _is_notebook() -> bool:
    """Whether this runs in a kernel, whose outputs a notebook shows."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None

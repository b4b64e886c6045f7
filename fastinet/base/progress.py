"""How long passes tell how far they are."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Progress"]

Progress = Callable[[int, int], object]
"""Takes (done, in all), in the unit of the pass: bytes or items. It may raise to stop the pass."""

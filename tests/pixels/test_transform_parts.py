"""Sizes, paddings, colours and names: which are taken, and in which form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fastinet.pixels import transform_parts as parts


@pytest.mark.parametrize(
    ("given", "taken"),
    [(224, (224, 224)), ((3, 5), (3, 5)), ([3, 5], (3, 5)), (np.int64(7), (7, 7))],
)
def test_sizes(given: Any, taken: tuple[int, int]) -> None:
    assert parts.checked_height_width(given) == taken
    assert parts.height_width(parts.checked_size(given)) == taken


@pytest.mark.parametrize("given", [0, -1, parts.MAX_SIDE + 1, 2.5, "224", (1, 2, 3), (1, 0), ()])
def test_sizes_that_are_none(given: Any) -> None:
    with pytest.raises(ValueError, match="size must be"):
        parts.checked_size(given)


@pytest.mark.parametrize(
    ("given", "sides"),
    [(0, (0, 0, 0, 0)), (4, (4, 4, 4, 4)), ((1, 2), (1, 2, 1, 2)), ([1, 2, 3, 4], (1, 2, 3, 4))],
)
def test_paddings(given: Any, sides: tuple[int, ...]) -> None:
    assert parts.left_top_right_bottom(parts.checked_padding(given)) == sides


@pytest.mark.parametrize("given", [-1, parts.MAX_PADDING + 1, (1, 2, 3), 1.5, "a", (1, -2), ()])
def test_paddings_that_are_none(given: Any) -> None:
    with pytest.raises(ValueError, match="padding must be"):
        parts.checked_padding(given)


def test_colours() -> None:
    assert parts.red_green_blue(7) == (7, 7, 7)
    assert parts.red_green_blue((1, 2, 3)) == (1, 2, 3)


def test_names() -> None:
    for name in parts.INTERPOLATIONS:
        parts.check_interpolation(name)
    for name in ("cubic", "", None, 3):
        with pytest.raises(
            ValueError, match='must be "bilinear", "bicubic", "lanczos" or "nearest"'
        ):
            parts.check_interpolation(name)  # type: ignore[arg-type]

"""Which recipes there are."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from fastinet.recipes.self_supervised import self_supervised
from fastinet.recipes.supervised import supervised

if TYPE_CHECKING:
    from fastinet.recipes.description import Recipe

__all__ = ["names", "recipe"]


def _all() -> dict[str, Recipe]:
    """Every recipe by its name; made when asked for, since few programs do."""
    return {made.name: made for made in (*supervised(), *self_supervised())}


def names() -> list[str]:
    """The names that `recipe` takes, in the order of docs/recipes.md."""
    return list(_all())


def recipe(name: str) -> Recipe:
    """The recipe of this name.

    Raises:
        TypeError: no string.
        ValueError: there is none; the message lists all.
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be that of a recipe, not {name!r}")
    recipes = _all()
    if name in recipes:
        return recipes[name]
    close = difflib.get_close_matches(name.lower().replace("_", "-"), recipes, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    raise ValueError(f"there is no recipe {name!r}{hint} There are {', '.join(recipes)}")

"""Recipes are found by their names, and each is documented."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.recipe_rows import recipe_lines, source_lines

import fastinet
from fastinet.recipes import Recipe

ROOT = Path(__file__).resolve().parents[2]


def test_each_name_gives_its_recipe() -> None:
    names = fastinet.recipes.names()
    assert len(names) == len(set(names)) > 5
    for name in names:
        recipe = fastinet.recipe(name)
        assert isinstance(recipe, Recipe)
        assert recipe.name == name
        assert recipe == fastinet.recipe(name)
        assert recipe.title
        assert recipe.source


def test_a_recipe_is_the_callers_own() -> None:
    fastinet.recipe("ffcv-rn50-16").sizes[1] = 8  # type: ignore[index]
    assert 1 not in fastinet.recipe("ffcv-rn50-16").sizes


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("dyno", "did you mean 'dino'?"),
        ("", ""),
        ("xyzzy", ""),
        ("MAE_finetune", "did you mean 'mae-finetune'?"),
    ],
)
def test_an_unknown_name_is_told_the_known_ones(name: str, hint: str) -> None:
    with pytest.raises(ValueError, match=f"there is no recipe {name!r}") as raised:
        fastinet.recipe(name)
    assert hint in str(raised.value)
    assert ", ".join(fastinet.recipes.names()) in str(raised.value)


def test_what_is_no_name_is_refused() -> None:
    with pytest.raises(TypeError, match="name must be that of a recipe, not 3"):
        fastinet.recipe(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("lines", [recipe_lines, source_lines])
def test_the_page_says_what_recipes_say(lines: Callable[[], list[str]]) -> None:
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8").splitlines()
    wanted = lines()
    assert [line for line in wanted if line not in page] == []
    first = page.index(wanted[0])
    assert page[first : first + len(wanted)] == wanted
    behind = page[first + len(wanted) :][:1]
    assert behind in ([], [""]), "a recipe that there is not"

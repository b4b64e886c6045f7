"""Recipes as lines of the tables in docs/recipes.md, which a test compares with the page."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Any

import fastinet
from fastinet.pixels.view_groups import groups_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastinet.recipes import Recipe

RATIO = (3 / 4, 4 / 3)


def recipe_lines() -> list[str]:
    """The table of what recipes do, without its heading."""
    recipes = map(fastinet.recipe, fastinet.recipes.names())
    return [
        f"| `{each.name}` | {'<br>'.join(views(each.train))} | {batches(each)} | {val(each.val)} |"
        for each in recipes
    ]


def source_lines() -> list[str]:
    """The table of where they come from; recipes of one source share a line."""
    recipes = map(fastinet.recipe, fastinet.recipes.names())
    groups = itertools.groupby(recipes, lambda each: (each.source, each.note, each.not_verified))
    return [
        f"| {', '.join(f'`{each.name}`' for each in group)} | {source} | {note} | {not_verified} |"
        for (source, note, not_verified), group in groups
    ]


def views(transform: Any) -> Iterator[str]:
    """A training transform, a line for each group of views."""
    for group in groups_of(transform):
        yield f"{group.count} x " * (group.count > 1) + crop(group.transform, group.crop_of)


def crop(transform: Any, crop_of: int | None) -> str:
    """A training crop and what happens to it."""
    size, resize = transform.size, getattr(transform, "resize", None)
    if crop_of is not None:
        text = f"the crop of view {crop_of}"
    elif resize is not None:
        padding = f"padded by {transform.padding} ({transform.padding_mode})"
        text = f"{resize}, {padding} → crop {size} {transform.interpolation}"
    else:
        low, high = transform.scale
        text = f"crop {size} ({low:g}, {high:g}) {transform.interpolation}"
        if transform.box_rule != "torchvision":
            text += f", box rule {transform.box_rule}"
    if transform.hflip != 0.5 and crop_of is None:
        text += f", flip {transform.hflip:g}"
    parts = [text, *map(operation, transform.augment)]
    if (erase := transform.erase) is not None:
        parts.append(f"erase {erase.p:g}" + f" {erase.mode}" * (erase.mode != "const"))
    return "; ".join(parts)


def operation(given: Any) -> str:
    """An operation, without what it has by default."""
    shown, by_position = [], True
    for field in dataclasses.fields(given):
        value = getattr(given, field.name)
        if field.name == "fill" and value == (0, 0, 0):
            continue  # 0, as the description keeps it
        by_position = by_position and value != field.default and field.name != "p"
        if by_position:
            shown.append(repr(value))
        elif value != field.default:
            shown.append(f"{field.name}={value!r}")
    return f"{type(given).__name__}({', '.join(shown)})"


def batches(recipe: Recipe) -> str:
    """Mixing, smoothing, repeats and sizes."""
    parts = []
    if (mixing := recipe.mixing) is not None:
        names = ("mixup", "cutmix", "smoothing", "colout")
        values = {name: getattr(mixing, name) for name in names}
        parts += [f"{name} {value:g}" for name, value in values.items() if value > 0]
    if recipe.repeats > 1:
        parts.append(f"repeats {recipe.repeats}")
    sizes = list(recipe.sizes.items())
    if len(sizes) > 1:
        parts.append(f"sizes up to {sizes[-1][1]} in epochs {sizes[0][0]} to {sizes[-1][0]}")
    else:
        parts += [f"size {size} from epoch {epoch}" for epoch, size in sizes]
    return ", ".join(parts) or "-"


def val(transform: Any) -> str:
    """A validation transform."""
    resized = transform.size if transform.resize is None else transform.resize
    return f"{resized} → {transform.size}, {transform.interpolation}"

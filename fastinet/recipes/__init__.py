"""Published recipes by name: what the network sees in training and in validation.

    recipe = fastinet.recipe("deit")
    loader = fastinet.Loader(ds, 256, **recipe.train_options(), shuffle=True, dtype="float16")
    mix = recipe.mixing(seed=0)

Each is a frozen :class:`Recipe` that can be printed; ``dataclasses.replace`` makes another one of
it. ``docs/recipes.md`` has them in a table, with their sources.
"""

from fastinet.recipes.description import Mixing, Recipe
from fastinet.recipes.names import names, recipe

__all__ = ["Mixing", "Recipe", "names", "recipe"]

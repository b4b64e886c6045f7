"""fastinet show --recipe: what a network sees of some images, view by view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import fastinet
from fastinet.augment import STEP_ARGUMENTS
from fastinet.cli.sheets import first_batch, say_what_was_drawn, write_pictures
from fastinet.errors import MissingError
from fastinet.pixels.view_groups import groups_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastinet import Batch, Dataset
    from fastinet.augment import Step
    from fastinet.recipes import Recipe

_TILES = 40  # of a sheet, unless told otherwise
_COLUMNS = 8  # or as many as an image has views


def show_recipe(
    dataset: Dataset, recipe: Recipe, output: str, *, count: int | None, training: bool, seed: int
) -> None:
    """Writes a sheet of the first images of an epoch of this recipe.

    Each view of an image is a tile, and all of them stand side by side; the caption says what was
    done to it. Pixels are those of a float32 batch, put back from the normalisation: what was
    erased is shown as the network has it.

    Raises:
        MissingError: the dataset is empty.
    """
    options = recipe.train_options() if training else recipe.val_options()
    views = sum(group.count for group in groups_of(options["transform"]))
    loader = fastinet.Loader(
        dataset,
        max(1, _TILES // views) if count is None else count,
        **options,
        dtype="float32",
        shuffle=True,
        seed=seed,
        world=1,
        on_error="mask",
        record=True,
    )
    batch, errors = first_batch(loader)
    if batch is None:
        raise MissingError("there are no images to show", archive=dataset.path)
    tiles = [(row, view) for row in range(len(batch)) for view in range(views)]
    write_pictures(
        [_pixels(picture, recipe) for row in range(len(batch)) for picture in _row(batch, row)],
        [_caption(dataset, batch, row, view) for row, view in tiles],
        output,
        errors={tile: errors[row] for tile, (row, _) in enumerate(tiles) if row in errors},
        columns=views * max(1, _COLUMNS // views),
    )
    say_what_was_drawn(output, len(batch), errors)


def _row(batch: Batch, row: int) -> list[NDArray[np.float32]]:
    """The views of an item, in order."""
    return [view for group in batch.crops for view in group[row]]


def _pixels(image: NDArray[np.float32], recipe: Recipe) -> NDArray[np.uint8]:
    """Normalised values as pixels: those that the normalisation was given, where there were any."""
    values = (image * np.array(recipe.std) + np.array(recipe.mean)) * 255
    pixels: NDArray[np.uint8] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return pixels


def _caption(dataset: Dataset, batch: Batch, row: int, view: int) -> list[str]:
    """What a tile is of, and a line for each thing that was done to it."""
    first = f"view {view}" if view else _class_name(dataset, batch, row)
    flips = batch.flips.reshape(len(batch), -1)
    lines = ["mirrored"] if flips[row, view] else []
    if batch.steps is not None and batch.valid[row]:
        steps = batch.steps[row]
        lines += map(step_text, steps[view] if batch.flips.ndim > 1 else steps)
    if batch.erased is not None:
        erased = batch.erased.reshape(*flips.shape, -1, 4)[row, view]
        lines += ["erased"] * bool(erased[:, 2].any())
    return [first, *lines]


def _class_name(dataset: Dataset, batch: Batch, row: int) -> str:
    """The class of an item; where that is not known, the name of its file."""
    label = int(batch.labels[row])
    if 0 <= label < len(dataset.classes) and dataset.classes[label].names:
        return dataset.classes[label].names[0]
    return dataset.keys[int(batch.indices[row])].rpartition("/")[2]


def step_text(step: Step) -> str:
    """A step in a few words: "rotate 12.5", "affine b=0.2"."""
    numbers: list[Any] = [f"{value:.3g}" for value in step.arguments]
    if step.op == "affine":
        identity = (1, 0, 0, 0, 1, 0)
        numbers = [
            f"{name}={number}"
            for name, number, value, usual in zip(
                STEP_ARGUMENTS["affine"], numbers, step.arguments, identity, strict=True
            )
            if value != usual
        ]
    return " ".join([step.op, *numbers])

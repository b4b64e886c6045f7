"""fastinet show --recipe: what a network sees of some images, view by view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import fastinet
from fastinet.augment import STEP_ARGUMENTS, draw_steps
from fastinet.cli.sheets import first_batch, say_what_was_drawn, write_pictures
from fastinet.errors import MissingError
from fastinet.pixels.transforms import groups_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastinet import Batch, Dataset
    from fastinet.augment import Step
    from fastinet.pixels.transforms import SingleTransform, Transform
    from fastinet.recipes import Recipe

_TILES = 40  # of a sheet, unless told otherwise
_COLUMNS = 8  # or as many as an image has views


def show_recipe(
    dataset: Dataset, recipe: Recipe, output: str, *, count: int | None, training: bool, seed: int
) -> None:
    """Writes a sheet of the first images of an epoch of this recipe.

    Each view of an image is a tile, and all of them stand side by side. The
    caption says what was done to it. Pixels are those of a float32 batch, put back from the
    normalisation: what was erased is shown as it is for the network.

    Raises:
        MissingError: the dataset is empty.
    """
    options = recipe.train_options() if training else recipe.val_options()
    views = _views(options["transform"])
    loader = fastinet.Loader(
        dataset,
        max(1, _TILES // len(views)) if count is None else count,
        **options,
        dtype="float32",
        shuffle=True,
        seed=seed,
        world=1,
        on_error="mask",
    )
    batch, errors = first_batch(loader)
    if batch is None:
        raise MissingError("there are no images to show", archive=dataset.path)
    pictures = [
        _pixels(picture, recipe) for row in range(len(batch)) for picture in _row(batch, row)
    ]
    captions = [
        (*_names(dataset, batch, row, view, len(views)), *_done(batch, row, view, transform, seed))
        for row in range(len(batch))
        for view, transform in enumerate(views)
    ]
    crossed = {
        row * len(views) + view: error
        for row, error in errors.items()
        for view in range(len(views))
    }
    columns = len(views) * max(1, _COLUMNS // len(views))
    write_pictures(pictures, captions, output, errors=crossed, columns=columns)
    say_what_was_drawn(output, len(batch), errors)


def _views(transform: Transform) -> list[SingleTransform]:
    """The transform of each view of an item."""
    return [group.transform for group in groups_of(transform) for _ in range(group.count)]


def _row(batch: Batch, row: int) -> list[NDArray[np.float32]]:
    """The views of an item, in order."""
    return [view for group in batch.crops for view in group[row]]


def _pixels(image: NDArray[np.float32], recipe: Recipe) -> NDArray[np.uint8]:
    """Normalised values as pixels: those that the normalisation was given, where there were any."""
    values = (image * np.array(recipe.std) + np.array(recipe.mean)) * 255
    pixels: NDArray[np.uint8] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return pixels


def _names(dataset: Dataset, batch: Batch, row: int, view: int, views: int) -> Sequence[str]:
    """What a tile is of: the class, or the number of the view."""
    if views > 1 and view > 0:
        return (f"view {view}",)
    label = int(batch.labels[row])
    known = dataset.classes[label].names if 0 <= label < len(dataset.classes) else ()
    return (known[0] if known else dataset.keys[int(batch.indices[row])].rpartition("/")[2],)


def _done(batch: Batch, row: int, view: int, transform: SingleTransform, seed: int) -> list[str]:
    """What was done to a view, a line for each."""
    item = int(batch.indices[row])
    flips = batch.flips[row] if batch.flips.ndim > 1 else batch.flips[row : row + 1]
    lines = ["mirrored"] if flips[view] else []
    augment = getattr(transform, "augment", ())
    if item >= 0 and augment:
        steps = draw_steps(
            augment,
            transform.size,
            seed=seed,
            epoch=0,
            item=item,
            view=view,
            interpolation=transform.interpolation,
        )
        lines += [step_text(step) for step in steps]
    return lines


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

"""fastinet show: a contact sheet of an archive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

import fastinet
from fastinet.cli.opening import open_archive, open_boxes, split_option
from fastinet.cli.output import archive_argument, literal, say
from fastinet.errors import FastinetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastinet import Batch, Dataset, ItemBoxes


@click.command()
@archive_argument
@split_option
@click.option(
    "--output", "-o", default="contact_sheet.png", show_default=True, help="PNG to write."
)
@click.option("--count", "-n", type=click.IntRange(1), default=40, show_default=True)
@click.option(
    "--transform",
    type=click.Choice(["none", "train", "val"]),
    default="none",
    show_default=True,
    help="Originals, or what a training or validation batch sees.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Which images.")
@click.option(
    "--boxes",
    metavar="PATH",
    help="Draw bounding boxes from this archive, or folder of XML files.",
)
def show(
    archive: str,
    split: str | None,
    output: str,
    count: int,
    transform: str,
    seed: int,
    boxes: str | None,
) -> None:
    """Write a contact sheet of images drawn at random from ARCHIVE, with their class names."""
    dataset = open_archive(archive, split)
    of_items = None if boxes is None else _boxes_of_items(boxes, dataset)
    items = np.random.default_rng(seed).permutation(len(dataset))[:count]
    if transform == "none":
        images = [_decoded(dataset, item) for item in items.tolist()]
        frames = None if of_items is None else _frames_of_items(of_items, items, images)
        write_sheet(dataset, images, items, output, frames)
    else:
        write_batch_sheet(dataset, _batch(dataset, count, transform, seed, of_items), output)
    say(f"{literal(output)}: {len(items)} images")


def _decoded(dataset: Dataset, item: int) -> NDArray[np.uint8]:
    try:
        return fastinet.decode(dataset.read(item))
    except FastinetError as error:
        raise error.in_member(dataset.keys[item]) from None


def _boxes_of_items(path: str, dataset: Dataset) -> ItemBoxes:
    found = open_boxes(path)
    try:
        return found.of(dataset)
    except ValueError as error:  # they are of other images
        raise FastinetError(str(error)) from error


def _frames_of_items(
    boxes: ItemBoxes, items: NDArray[np.int64], images: Sequence[NDArray[np.uint8]]
) -> list[NDArray[np.float32]]:
    """The boxes of each item, [n, 4] in pixels of its image."""
    frames = []
    for item, image in zip(items, images, strict=True):
        height, width = image.shape[:2]
        side = np.array([width, height, width, height], np.float32)
        frames.append(boxes.boxes[boxes.starts[item] : boxes.starts[item + 1]] * side)
    return frames


def _batch(
    dataset: Dataset, count: int, transform: str, seed: int, boxes: ItemBoxes | None
) -> Batch:
    """The first batch of a shuffled epoch."""
    rule: fastinet.RandomResizedCrop | fastinet.CenterCrop = (
        fastinet.RandomResizedCrop(224)
        if transform == "train"
        else fastinet.CenterCrop(224, resize=256)
    )
    loader = fastinet.Loader(
        dataset, batch_size=count, transform=rule, shuffle=True, seed=seed, boxes=boxes
    )
    return next(iter(loader))


def write_batch_sheet(dataset: Dataset, batch: Batch, output: str | Path) -> None:
    """Writes the rows of a batch as a contact sheet, with its objects if it has them."""
    frames = None
    if (objects := batch.objects) is not None:
        frames = [objects.boxes[objects.rows == row] for row in range(len(batch))]
    write_sheet(dataset, list(batch.images), batch.indices, output, frames)


def write_sheet(
    dataset: Dataset,
    images: Sequence[NDArray[np.uint8]],
    items: NDArray[np.int64],
    output: str | Path,
    frames: Sequence[NDArray[np.float32]] | None = None,
) -> None:
    """Writes images of `items` as a contact sheet, captioned with class and key.

    `frames` are boxes [n, 4] to draw on each: xmin, ymin, xmax, ymax in its pixels.
    """
    from fastinet.contact_sheet import contact_sheet  # noqa: PLC0415 - it needs Pillow

    captions = []
    for item in items:
        label = int(dataset.labels[item])
        names = dataset.classes[label].names if label >= 0 else ()
        captions.append((names[0] if names else "", dataset.keys[item].rpartition("/")[2]))
    contact_sheet(images, captions, frames=frames).save(Path(output), "PNG")

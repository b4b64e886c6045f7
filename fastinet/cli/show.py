"""fastinet show: a contact sheet of an archive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

import fastinet
from fastinet.cli.opening import open_archive, split_option
from fastinet.cli.output import archive_argument, literal, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastinet import Batch, Dataset


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
def show(
    archive: str, split: str | None, output: str, count: int, transform: str, seed: int
) -> None:
    """Write a contact sheet of images drawn at random from ARCHIVE, with their class names."""
    dataset = open_archive(archive, split)
    items = np.random.default_rng(seed).permutation(len(dataset))[:count]
    if transform == "none":
        images = [fastinet.decode(dataset.read(int(item))) for item in items]
        write_sheet(dataset, images, items, output)
    else:
        write_batch_sheet(dataset, _batch(dataset, count, transform, seed), output)
    say(f"{literal(output)}: {len(items)} images")


def _batch(dataset: Dataset, count: int, transform: str, seed: int) -> Batch:
    """The first batch of a shuffled epoch."""
    rule: fastinet.RandomResizedCrop | fastinet.CenterCrop = (
        fastinet.RandomResizedCrop(224)
        if transform == "train"
        else fastinet.CenterCrop(224, resize=256)
    )
    loader = fastinet.Loader(dataset, batch_size=count, transform=rule, shuffle=True, seed=seed)
    return next(iter(loader))


def write_batch_sheet(dataset: Dataset, batch: Batch, output: str | Path) -> None:
    """Writes the rows of a batch as a contact sheet."""
    write_sheet(dataset, list(batch.images), batch.indices, output)


def write_sheet(
    dataset: Dataset,
    images: Sequence[NDArray[np.uint8]],
    items: NDArray[np.int64],
    output: str | Path,
) -> None:
    """Writes images of `items` as a contact sheet, captioned with class and key."""
    from fastinet.contact_sheet import contact_sheet  # noqa: PLC0415 - it needs Pillow

    captions = []
    for item in items:
        label = int(dataset.labels[item])
        names = dataset.classes[label].names if label >= 0 else ()
        captions.append((names[0] if names else "", dataset.keys[item].rpartition("/")[2]))
    contact_sheet(images, captions).save(Path(output), "PNG")

"""fastinet show: a contact sheet of an archive."""

from __future__ import annotations

import contextlib
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

import fastinet
from fastinet.cli.opening import (
    classes_if_any,
    end_marker_option,
    index_option,
    open_archive,
    open_boxes,
    open_streamed,
    refuse_for_stream,
    split_option,
)
from fastinet.cli.output import archive_argument
from fastinet.cli.sheets import NO_ERRORS, first_batch, say_what_was_drawn, write_pictures
from fastinet.cli.show_recipe import show_recipe
from fastinet.datasets.classes import class_table
from fastinet.errors import CorruptError, FastinetError, MissingError
from fastinet.items.opening import is_stream

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fastinet import Batch, Dataset, ItemBoxes
    from fastinet.archives.tar_notes import EndMarker
    from fastinet.datasets.classes import ClassInfo
    from fastinet.recipes import Recipe

    Picture = NDArray[np.uint8] | None  # None: the item gave none

_COUNT = 40  # images of a sheet, unless told otherwise


@click.command(short_help="Write a contact sheet of images drawn at random from ARCHIVE.")
@archive_argument
@split_option
@index_option
@end_marker_option
@click.option(
    "--output", "-o", default="contact_sheet.png", show_default=True, help="PNG to write."
)
@click.option(
    "--count",
    "-n",
    type=click.IntRange(1),
    help="Images  [default: 40, or as many as have 40 views]",
)
@click.option(
    "--transform",
    type=click.Choice(["none", "train", "val"]),
    default="none",
    show_default=True,
    help="Originals, or what a training or validation batch sees.",
)
@click.option(
    "--recipe",
    "recipe_name",
    metavar="NAME",
    help="What a batch of this recipe sees, view by view, and what was done to it.",
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
    index_path: str | None,
    end_marker: EndMarker,
    output: str,
    count: int | None,
    transform: str,
    recipe_name: str | None,
    seed: int,
    boxes: str | None,
) -> None:
    """Write a contact sheet of images drawn at random from ARCHIVE, with their class names.

    Of an ARCHIVE that arrives ("-" for standard input, or a named pipe) it shows the first images.
    An image that gives no picture is shown as a crossed tile with the cause, and named on stderr.
    """
    recipe = None if recipe_name is None else _recipe(recipe_name, boxes)
    if is_stream(archive):
        refuse_for_stream(archive, index=index_path, recipe=recipe_name)
        _show_stream(archive, split, end_marker, output, count or _COUNT, transform, seed, boxes)
        return
    if recipe is not None:
        dataset = open_archive(archive, split, index_path=index_path, end_marker=end_marker)
        training = transform != "val"
        show_recipe(dataset, recipe, output, count=count, training=training, seed=seed)
        return
    count = count or _COUNT
    dataset = open_archive(archive, split, index_path=index_path, end_marker=end_marker)
    of_items = None if boxes is None else _boxes_of_items(boxes, dataset)
    if transform == "none":
        items = np.random.default_rng(seed).permutation(len(dataset))[:count]
        decoded = [_decoded_item(dataset, item) for item in items.tolist()]
        images = [image for image, _ in decoded]
        errors = {row: error for row, (_, error) in enumerate(decoded) if error is not None}
        frames = None if of_items is None else _frames_of_items(of_items, items, images)
        write_sheet(dataset, images, items, output, frames, errors)
    else:
        batch, errors = _batch(dataset, count, transform, seed, of_items)
        images = list(batch.images)
        write_batch_sheet(dataset, batch, output, errors)
    say_what_was_drawn(output, len(images), errors)


def _recipe(name: str, boxes: str | None) -> Recipe:
    """The recipe of this name."""
    if boxes is not None:
        raise click.UsageError("--boxes are drawn on images without --recipe")
    try:
        return fastinet.recipe(name)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--recipe") from None


def _decoded_item(dataset: Dataset, item: int) -> tuple[Picture, Exception | None]:
    """The picture of an item, or why there is none, in the words of a loader.

    A loader knows where in which archive the item lies.
    """
    try:
        return fastinet.decode(dataset.read(item)), None
    except FastinetError as error:
        alone = dataset.select([item])
        loader = fastinet.Loader(alone, 1, fastinet.Resize(8), threads=1, world=1, on_error="mask")
        batch, errors = first_batch(loader)
        cause = None if batch is None else errors.get(0)
        return None, cause or error.in_member(dataset.keys[item])


def _decoded(data: bytes, key: str) -> tuple[Picture, Exception | None]:
    """The picture that an item of a stream holds, or why there is none."""
    try:
        return fastinet.decode(data), None
    except FastinetError as error:
        return None, error.in_member(key)


def _boxes_of_items(path: str, dataset: Dataset) -> ItemBoxes:
    found = open_boxes(path)
    try:
        return found.of(dataset)
    except ValueError as error:  # they are of other images
        raise FastinetError(str(error)) from error


def _frames_of_items(
    boxes: ItemBoxes, items: NDArray[np.int64], images: Sequence[Picture]
) -> list[NDArray[np.float32]]:
    """The boxes of each item, [n, 4] in pixels of its image; none where there is no image."""
    frames = []
    for item, image in zip(items, images, strict=True):
        if image is None:
            frames.append(np.zeros((0, 4), np.float32))
            continue
        height, width = image.shape[:2]
        side = np.array([width, height, width, height], np.float32)
        frames.append(boxes.boxes[boxes.starts[item] : boxes.starts[item + 1]] * side)
    return frames


def _batch(
    dataset: Dataset, count: int, transform: str, seed: int, boxes: ItemBoxes | None
) -> tuple[Batch, dict[int, Exception]]:
    """The first batch of a shuffled epoch, and why rows of it are masked."""
    loader = fastinet.Loader(
        dataset,
        batch_size=count,
        transform=_rule(transform),
        shuffle=True,
        seed=seed,
        boxes=boxes,
        world=1,
        on_error="mask",
    )
    batch, errors = first_batch(loader)
    if batch is None:
        raise MissingError("there are no images to show", archive=dataset.path)
    return batch, errors


def _rule(transform: str) -> fastinet.RandomResizedCrop | fastinet.CenterCrop:
    if transform == "train":
        return fastinet.RandomResizedCrop(224)
    return fastinet.CenterCrop(224, resize=256)


def _show_stream(
    archive: str,
    split: str | None,
    end_marker: EndMarker,
    output: str,
    count: int,
    transform: str,
    seed: int,
    boxes: str | None,
) -> None:
    told: dict[str, int | str] = {}

    def note_class(key: str, companions: Mapping[str, bytes]) -> int:
        (told[key],) = classes_if_any([(key, companions)])
        return -1

    images: list[Picture]
    errors: Mapping[int, Exception]
    if transform == "none":
        stream = open_streamed(archive, split=split, boxes=boxes, end_marker=end_marker)
        with contextlib.closing(stream.items()) as items:
            first = list(itertools.islice(items, count))
        decoded = [_decoded(item.data, item.key) for item in first]
        images = [image for image, _ in decoded]
        errors = {row: error for row, (_, error) in enumerate(decoded) if error is not None}
        classes = classes_if_any([(item.key, item.companions) for item in first])
        keys = [item.key for item in first]
    else:
        stream = open_streamed(
            archive, split=split, labels=note_class, boxes=boxes, end_marker=end_marker
        )
        loader = fastinet.StreamLoader(
            stream, count, _rule(transform), seed=seed, world=1, on_error="mask"
        )
        batch, errors = first_batch(loader)
        images = [] if batch is None else list(batch.images)
        keys = [] if batch is None else batch.keys
        classes = [told[key] for key in keys]
    if not images:
        raise CorruptError("no images came", archive=stream.name)
    # A wnid has a name, though no label.
    infos = [
        _info_of(each, stream.classes) if isinstance(each, int) else class_table([each])[0]
        for each in classes
    ]
    write_pictures(images, _captions(infos, keys), output, errors=errors)
    say_what_was_drawn(output, len(images), errors)


def write_batch_sheet(
    dataset: Dataset,
    batch: Batch,
    output: str | Path,
    errors: Mapping[int, Exception] = NO_ERRORS,
) -> None:
    """Writes the rows of a batch as a contact sheet, with its objects if it has them.

    `errors` say why rows are masked.
    """
    frames = None
    if (objects := batch.objects) is not None:
        frames = [objects.boxes[objects.rows == row] for row in range(len(batch))]
    write_sheet(dataset, list(batch.images), batch.indices, output, frames, errors)


def write_sheet(
    dataset: Dataset,
    images: Sequence[Picture],
    items: NDArray[np.int64],
    output: str | Path,
    frames: Sequence[NDArray[np.float32]] | None = None,
    errors: Mapping[int, Exception] = NO_ERRORS,
) -> None:
    """Writes images of `items` as a contact sheet, captioned with class and key.

    `frames` are boxes [n, 4] to draw on each: xmin, ymin, xmax, ymax in its pixels. `errors` say,
    by their place among `items`, why some gave no picture.
    """
    labels = dataset.labels[items].tolist()
    keys = [dataset.keys[item] for item in items]
    infos = [_info_of(label, dataset.classes) for label in labels]
    write_pictures(images, _captions(infos, keys), output, frames, errors)


def _info_of(label: int, classes: Sequence[ClassInfo]) -> ClassInfo | None:
    return classes[label] if 0 <= label < len(classes) else None


def _captions(infos: Sequence[ClassInfo | None], keys: Sequence[str]) -> list[tuple[str, str]]:
    """The name of each image's class, where it is known, and of its file."""
    captions = []
    for info, key in zip(infos, keys, strict=True):
        names = ("",) if info is None else (*info.names, info.wnid)
        captions.append((names[0], key.rpartition("/")[2]))
    return captions

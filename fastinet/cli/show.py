"""fastinet show: a contact sheet of an archive."""

from __future__ import annotations

import contextlib
import itertools
import types
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

import fastinet
from fastinet.cli.opening import (
    classes_if_any,
    index_option,
    open_archive,
    open_boxes,
    open_streamed,
    refuse_for_stream,
    split_option,
)
from fastinet.cli.output import archive_argument, literal, note, say
from fastinet.datasets.classes import class_table
from fastinet.errors import CorruptError, FastinetError, FastinetWarning, MissingError
from fastinet.items.opening import is_stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from fastinet import Batch, Dataset, ItemBoxes
    from fastinet.datasets.classes import ClassInfo

    Picture = NDArray[np.uint8] | None  # None: the item gave none

_NO_ERRORS: Mapping[int, Exception] = types.MappingProxyType({})


@click.command(short_help="Write a contact sheet of images drawn at random from ARCHIVE.")
@archive_argument
@split_option
@index_option
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
    index_path: str | None,
    output: str,
    count: int,
    transform: str,
    seed: int,
    boxes: str | None,
) -> None:
    """Write a contact sheet of images drawn at random from ARCHIVE, with their class names.

    Of an ARCHIVE that arrives ("-" for standard input, or a named pipe) it shows the first images.
    An image that gives no picture is shown as a crossed tile with the cause, and named on stderr.
    """
    if is_stream(archive):
        refuse_for_stream(archive, index=index_path)
        _show_stream(archive, split, output, count, transform, seed, boxes)
        return
    dataset = open_archive(archive, split, index_path=index_path)
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
    _say_what_was_drawn(output, images, errors)


def _say_what_was_drawn(
    output: str, images: Sequence[Picture], errors: Mapping[int, Exception]
) -> None:
    """Names the images that gave no picture on stderr, and says how many there are."""
    for row in sorted(errors):
        note(f"[yellow]no picture:[/] {literal(errors[row])}")
    bad = f", {len(errors)} of them crossed: they gave no picture" if errors else ""
    say(f"{literal(output)}: {len(images)} images{bad}")


def _decoded_item(dataset: Dataset, item: int) -> tuple[Picture, Exception | None]:
    """The picture of an item, or why there is none, in the words of a loader.

    A loader knows where in which archive the item lies.
    """
    try:
        return fastinet.decode(dataset.read(item)), None
    except FastinetError as error:
        alone = dataset.select([item])
        loader = fastinet.Loader(alone, 1, fastinet.Resize(8), threads=1, world=1, on_error="mask")
        batch, errors = _first_batch(loader)
        cause = None if batch is None else errors.get(0)
        return None, cause or error.in_member(dataset.keys[item])


def _decoded(data: bytes, key: str) -> tuple[Picture, Exception | None]:
    """The picture that an item of a stream holds, or why there is none."""
    try:
        return fastinet.decode(data), None
    except FastinetError as error:
        return None, error.in_member(key)


def _first_batch(
    loader: fastinet.Loader | fastinet.StreamLoader,
) -> tuple[Batch | None, dict[int, Exception]]:
    """The first batch, and why rows of it are masked; no warning, since they are shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FastinetWarning)
        batches: Iterator[Batch] = iter(loader)
        batch = next(batches, None)
        del batches  # which ends the epoch, so that it warns here
    return batch, {} if batch is None else batch.errors


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
    batch, errors = _first_batch(loader)
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
        stream = open_streamed(archive, split=split, boxes=boxes)
        with contextlib.closing(stream.items()) as items:
            first = list(itertools.islice(items, count))
        decoded = [_decoded(item.data, item.key) for item in first]
        images = [image for image, _ in decoded]
        errors = {row: error for row, (_, error) in enumerate(decoded) if error is not None}
        classes = classes_if_any([(item.key, item.companions) for item in first])
        keys = [item.key for item in first]
    else:
        stream = open_streamed(archive, split=split, labels=note_class, boxes=boxes)
        loader = fastinet.StreamLoader(
            stream, count, _rule(transform), seed=seed, world=1, on_error="mask"
        )
        batch, errors = _first_batch(loader)
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
    _write(images, _captions(infos, keys), output, errors=errors)
    _say_what_was_drawn(output, images, errors)


def write_batch_sheet(
    dataset: Dataset,
    batch: Batch,
    output: str | Path,
    errors: Mapping[int, Exception] = _NO_ERRORS,
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
    errors: Mapping[int, Exception] = _NO_ERRORS,
) -> None:
    """Writes images of `items` as a contact sheet, captioned with class and key.

    `frames` are boxes [n, 4] to draw on each: xmin, ymin, xmax, ymax in its pixels. `errors` say,
    by their place among `items`, why some gave no picture.
    """
    labels = dataset.labels[items].tolist()
    keys = [dataset.keys[item] for item in items]
    infos = [_info_of(label, dataset.classes) for label in labels]
    _write(images, _captions(infos, keys), output, frames, errors)


def _info_of(label: int, classes: Sequence[ClassInfo]) -> ClassInfo | None:
    return classes[label] if 0 <= label < len(classes) else None


def _captions(infos: Sequence[ClassInfo | None], keys: Sequence[str]) -> list[tuple[str, str]]:
    """The name of each image's class, where it is known, and of its file."""
    captions = []
    for info, key in zip(infos, keys, strict=True):
        names = ("",) if info is None else (*info.names, info.wnid)
        captions.append((names[0], key.rpartition("/")[2]))
    return captions


def _write(
    images: Sequence[Picture],
    captions: Sequence[tuple[str, str]],
    output: str | Path,
    frames: Sequence[NDArray[np.float32]] | None = None,
    errors: Mapping[int, Exception] = _NO_ERRORS,
) -> None:
    """Writes the sheet; pictures with an error are crossed out, and captioned with its cause."""
    from fastinet.pixels.contact_sheet import contact_sheet  # noqa: PLC0415 - it needs Pillow

    sound = [None if row in errors else image for row, image in enumerate(images)]
    lines = [
        (_cause(errors[row]), key) if row in errors else (name, key)
        for row, (name, key) in enumerate(captions)
    ]
    sheet = contact_sheet(sound, lines, frames=frames)
    try:
        sheet.save(Path(output), "PNG")
    except OSError as error:  # that of a full disk does not say which file it is
        raise OSError(error.errno, error.strerror, str(output)) from error


def _cause(error: Exception) -> str:
    """Why an item gave no picture, without the place, which is too long for a caption."""
    return error.cause if isinstance(error, FastinetError) else str(error)

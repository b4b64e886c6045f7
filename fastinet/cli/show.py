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
    index_option,
    open_archive,
    open_boxes,
    open_streamed,
    refuse_for_stream,
    split_option,
)
from fastinet.cli.output import archive_argument, literal, note, say
from fastinet.datasets.classes import class_table
from fastinet.errors import CorruptError, FastinetError
from fastinet.items.opening import is_stream

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fastinet import Batch, Dataset, ItemBoxes
    from fastinet.datasets.classes import ClassInfo

_GREY = np.full((160, 160, 3), 190, np.uint8)  # of the size of a cell
_NOTES = 5  # on single images


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
    A grey square stands for an image that cannot be decoded, and a note says which it is, and why.
    """
    if is_stream(archive):
        refuse_for_stream(archive, index=index_path)
        _show_stream(archive, split, output, count, transform, seed, boxes)
        return
    dataset = open_archive(archive, split, index_path=index_path)
    of_items = None if boxes is None else _boxes_of_items(boxes, dataset)
    items = np.random.default_rng(seed).permutation(len(dataset))[:count]
    if transform == "none":
        images = _pictures([_decoded_item(dataset, item) for item in items.tolist()])
        frames = None if of_items is None else _frames_of_items(of_items, items, images)
        write_sheet(dataset, images, items, output, frames)
    else:
        write_batch_sheet(dataset, _batch(dataset, count, transform, seed, of_items), output)
    say(f"{literal(output)}: {len(items)} images")


def _decoded_item(dataset: Dataset, item: int) -> NDArray[np.uint8] | Exception:
    """The item's pixels, or why there are none."""
    try:
        return fastinet.decode(dataset.read(item))
    except FastinetError as error:
        # A loader fails, too, and knows where in which archive.
        one = fastinet.Loader(dataset.select([item]), 1, fastinet.Resize(8), threads=1, world=1)
        try:
            next(iter(one))
        except FastinetError as located:
            return located
        return error.in_member(dataset.keys[item])


def _decoded(data: bytes, key: str) -> NDArray[np.uint8] | Exception:
    """The pixels of an image, or why there are none."""
    try:
        return fastinet.decode(data)
    except FastinetError as error:
        return error.in_member(key)


def _pictures(found: Sequence[NDArray[np.uint8] | Exception]) -> list[NDArray[np.uint8]]:
    """What to draw, with a grey square for each image that is none; a note says which these are.

    Raises:
        the first of the errors, where there is nothing else.
    """
    errors = [each for each in found if isinstance(each, Exception)]
    if errors and len(errors) == len(found):
        raise errors[0]
    for error in errors[:_NOTES]:
        note(f"[dim]note: a grey square stands for an image: {literal(error)}[/]")
    if len(errors) > _NOTES:
        note(f"[dim]note: and for {len(errors) - _NOTES} more; fastinet verify names them[/]")
    return [_GREY if isinstance(each, Exception) else each for each in found]


def _rows(batch: Batch) -> list[NDArray[np.uint8]]:
    errors = batch.errors
    return _pictures([errors.get(row, batch.images[row]) for row in range(len(batch))])


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
    rule = _rule(transform)
    loader = fastinet.Loader(
        dataset,
        batch_size=count,
        transform=rule,
        shuffle=True,
        seed=seed,
        boxes=boxes,
        world=1,
        on_error="mask",
    )
    return next(iter(loader))


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

    images: list[NDArray[np.uint8]]
    if transform == "none":
        stream = open_streamed(archive, split=split, boxes=boxes)
        with contextlib.closing(stream.items()) as items:
            first = list(itertools.islice(items, count))
        images = _pictures([_decoded(item.data, item.key) for item in first])
        classes = classes_if_any([(item.key, item.companions) for item in first])
        keys = [item.key for item in first]
    else:
        stream = open_streamed(archive, split=split, labels=note_class, boxes=boxes)
        loader = fastinet.StreamLoader(
            stream, count, _rule(transform), seed=seed, world=1, on_error="mask"
        )
        batch = next(iter(loader), None)
        images = [] if batch is None else _rows(batch)
        keys = [] if batch is None else batch.keys
        classes = [told[key] for key in keys]
    if not images:
        raise CorruptError("no images came", archive=stream.name)
    # A wnid has a name, though no label.
    infos = [
        _info_of(each, stream.classes) if isinstance(each, int) else class_table([each])[0]
        for each in classes
    ]
    _write(images, _captions(infos, keys), output)
    say(f"{literal(output)}: {len(images)} images")


def write_batch_sheet(dataset: Dataset, batch: Batch, output: str | Path) -> None:
    """Writes the rows of a batch as a contact sheet, with its objects if it has them."""
    frames = None
    if (objects := batch.objects) is not None:
        frames = [objects.boxes[objects.rows == row] for row in range(len(batch))]
    write_sheet(dataset, _rows(batch), batch.indices, output, frames)


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
    labels = dataset.labels[items].tolist()
    keys = [dataset.keys[item] for item in items]
    infos = [_info_of(label, dataset.classes) for label in labels]
    _write(images, _captions(infos, keys), output, frames)


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
    images: Sequence[NDArray[np.uint8]],
    captions: Sequence[tuple[str, str]],
    output: str | Path,
    frames: Sequence[NDArray[np.float32]] | None = None,
) -> None:
    from fastinet.pixels.contact_sheet import contact_sheet  # noqa: PLC0415 - it needs Pillow

    sheet = contact_sheet(images, captions, frames=frames)
    try:
        sheet.save(Path(output), "PNG")
    except OSError as error:  # that of a full disk does not say which file it is
        raise OSError(error.errno, error.strerror, str(output)) from error

"""Opening an archive for a command: with a progress bar while its index is built."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import fastinet
from fastinet.archives.gzip_archive import is_gzip
from fastinet.cli.output import byte_bar, file_bar, note
from fastinet.datasets.key_labels import KeyLabels, told_by_keys
from fastinet.datasets.path_splits import ALL
from fastinet.datasets.scanned import wnid_text
from fastinet.errors import FastinetError
from fastinet.items.opening import is_stream

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastinet import Boxes, Dataset, Stream
    from fastinet.archives.tar_notes import EndMarker
    from fastinet.datasets.companions import LabelFunction


split_option = click.option(
    "--split", help="Which part, of an archive that has several, or all.  [default: train]"
)

index_option = click.option(
    "--index",
    "index_path",
    metavar="PATH",
    help=(
        "Where the index is kept, and the other sidecars beside it; or a folder for all of them."
        "  [default: beside the archive, or in your cache folder]"
    ),
)


end_marker_option = click.option(
    "--end-marker",
    type=click.Choice(["required", "optional"]),
    default="required",
    show_default=True,
    help=(
        "Whether a tar must end with its end-of-archive marker. A tar that was cut may lack nothing"
        " else, so make it optional for archives alone that are known to be whole."
    ),
)


def open_archive(
    path: str,
    split: str | None = None,
    devkit: str | None = None,
    index_path: str | None = None,
    end_marker: EndMarker = "required",
) -> Dataset:
    """The dataset at `path`; shows how far the scan is where there is no index yet.

    The index is at `index_path`; None: in the usual places.

    Raises:
        click.UsageError: there is no such split, or no file.
        otherwise as :func:`fastinet.open`.
    """
    refuse_streams(path)
    try:
        with byte_bar("indexing") as progress:
            return fastinet.open(
                path,
                split=split,
                devkit=devkit,
                index=True if index_path is None else index_path,
                progress=progress,
                end_marker=end_marker,
            )
    except KeyboardInterrupt:
        with contextlib.suppress(FastinetError):
            if is_gzip(Path(path)):
                note(
                    "What was made of the seek index is kept: the same command goes on from there."
                )
        raise
    except FastinetError:
        raise
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def refuse_streams(path: str) -> None:
    """Raises click.UsageError for a stream, in a command that has to read the archive twice."""
    if is_stream(path):
        raise click.UsageError(
            f"this needs a file, and '{path}' passes once; bench, info and show take what does"
        )


def refuse_for_stream(path: str, **options: object) -> None:
    """Raises click.UsageError where an option was given that makes no sense for a stream."""
    for option, value in options.items():
        if value is not None:
            raise click.UsageError(f"--{option} needs a file, and '{path}' passes once")


def open_streamed(
    path: str,
    *,
    split: str | None = None,
    labels: LabelFunction | None = None,
    end_marker: EndMarker = "required",
    **refused: object,
) -> Stream:
    """The archive that arrives by `path`: "-" or a named pipe.

    Raises:
        click.UsageError: one of the `refused` options, by name, was given; standard input is a
            terminal; or there is no such split.
    """
    refuse_for_stream(path, **refused)
    if path == "-" and os.isatty(0):
        raise click.UsageError("standard input is a terminal: cat archive.tar | fastinet ... -")
    try:
        # Commands that only look at a stream look at all of it.
        return fastinet.open_stream(path, split=split or ALL, labels=labels, end_marker=end_marker)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def classes_if_any(items: Sequence[tuple[str, Mapping[str, bytes]]]) -> list[int | str]:
    """What a stream tells of the classes of its items, (key, companions) each.

    A wnid, or the label that a companion has; -1 of an item without one. Commands that only look at
    a stream need no labels.
    """
    keys = [key for key, _ in items]
    classes: list[int | str] = []
    for item, told in zip(items, told_by_keys(keys), strict=True):
        try:
            by_itself = (
                next(KeyLabels(None)([item])) if "cls" in item[1] or "json" in item[1] else -1
            )
        except ValueError:  # what lies beside it is no label
            by_itself = -1
        is_told = by_itself < 0 and told.wnid >= 0
        classes.append(wnid_text(told.wnid) if is_told else by_itself)
    return classes


def open_boxes(path: str) -> Boxes:
    """The bounding boxes at `path`; shows how far reading is, unless they are kept already."""
    with file_bar("reading boxes") as progress:
        return fastinet.read_boxes(path, progress=progress)


def describe_index(dataset: Dataset) -> dict[str, Any]:
    """Where the index of `dataset` lies and its size [bytes]; None where it could not be kept."""
    size = None if dataset.index is None else Path(dataset.index).stat().st_size
    return {"index": dataset.index, "index_bytes": size}

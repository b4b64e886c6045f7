"""Opening an archive for a command: with a progress bar while its index is built."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import fastinet
from fastinet import seek_index
from fastinet.cli.output import byte_bar, file_bar, note
from fastinet.errors import FastinetError

if TYPE_CHECKING:
    from fastinet import Boxes, Dataset


split_option = click.option(
    "--split", help="Which part, of an archive that has several.  [default: the first]"
)


def open_archive(path: str, split: str | None = None, devkit: str | None = None) -> Dataset:
    """The dataset at `path`; shows how far the scan is where there is no index yet.

    Raises:
        click.UsageError: there is no such split.
        otherwise as :func:`fastinet.open`.
    """
    try:
        with byte_bar("indexing") as progress:
            return fastinet.open(path, split=split, devkit=devkit, progress=progress)
    except KeyboardInterrupt:
        if seek_index.is_gzip(Path(path)):
            note("What was made of the seek index is kept: the same command goes on from there.")
        raise
    except FastinetError:
        raise
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def open_boxes(path: str) -> Boxes:
    """The bounding boxes at `path`; shows how far it is where they were not read before."""
    with file_bar("reading boxes") as progress:
        return fastinet.read_boxes(path, progress=progress)


def describe_index(dataset: Dataset) -> dict[str, Any]:
    """Where the index of `dataset` lies and its size [bytes]; None where it could not be kept."""
    size = None if dataset.index is None else Path(dataset.index).stat().st_size
    return {"index": dataset.index, "index_bytes": size}

"""fastinet index: builds the index beside an archive, or reports the one that is there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click
import numpy as np

import fastinet
from fastinet.cli.opening import (
    describe_index,
    end_marker_option,
    index_option,
    open_archive,
    split_option,
)
from fastinet.cli.output import (
    archive_argument,
    file_bar,
    json_option,
    note,
    print_facts,
    print_json,
    progress_bar,
)

if TYPE_CHECKING:
    from fastinet import Dataset, Duplicates
    from fastinet.archives.tar_notes import EndMarker


@click.command()
@archive_argument
@split_option
@index_option
@end_marker_option
@click.option(
    "--checkpoints", is_flag=True, help="Also make entropy checkpoints: one pass over the data."
)
@click.option(
    "--stride",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help=(
        "Have a checkpoint every so many MCUs (a JPEG's blocks of 8x8 to 16x16 pixels as a rule)"
        " within each row of them, too; 0: only at its start."
    ),
)
@click.option(
    "--duplicates", is_flag=True, help="Also find images that are in the archive several times."
)
@click.option("--threads", type=click.IntRange(1), help="[default: all CPUs]")
@json_option
def index(
    archive: str,
    split: str | None,
    index_path: str | None,
    end_marker: EndMarker,
    checkpoints: bool,
    stride: int,
    duplicates: bool,
    threads: int | None,
    as_json: bool,
) -> None:
    """Build the index of ARCHIVE, or report the one that is there.

    The index says where every image lies. It is built once, by one pass over the archive's headers,
    and kept beside the archive (or in your cache folder, where that cannot be written). A stale or
    damaged index is built anew. Where another process is building it, this one waits and says so.
    Index and checkpoints are of all splits; --split chooses which is reported.

    With --checkpoints every image is decoded once, without pixels, and points are noted from which
    a crop can be decoded. With --duplicates the files that may be equal are read and compared, so
    that ImageNet-21K has several labels for one image. Interrupt either as you like: it goes on
    where it was.
    """
    start = time.perf_counter()
    dataset = open_archive(archive, split, index_path=index_path, end_marker=end_marker)
    seconds = time.perf_counter() - start
    if checkpoints:
        _make_checkpoints(dataset, stride, threads)
    found = _find_duplicates(dataset, threads) if duplicates else None
    made = dataset.checkpoints
    facts = {
        "archive": archive,
        "split": dataset.split,
        "splits": dataset.split_items,
        "items": len(dataset),
        "classes": len(dataset.classes),
        "seconds": seconds,
        **describe_index(dataset),
        "checkpoints": None if made.path is None else str(made.path),
        "checkpointed_items": int(np.count_nonzero(made.sizes)),
        "checkpoint_bytes": made.record_bytes,
        "duplicates": None if found is None else _duplicate_facts(found),
    }
    if as_json:
        print_json(facts)
        return
    print_facts(
        [
            ("archive", archive),
            ("items", f"{len(dataset):,} in {len(dataset.classes):,} classes"),
            ("index", f"{facts['index'] or 'not kept'}"),
            ("opened in", f"{seconds:.3f} s"),
            ("checkpoints", _describe_checkpoints(dataset)),
            *([] if found is None else [("duplicates", _describe_duplicates(found))]),
        ]
    )


def _make_checkpoints(dataset: Dataset, stride: int, threads: int | None) -> None:
    try:
        with progress_bar("checkpoints", total=len(dataset)) as progress:
            dataset.build_checkpoints(
                stride=stride, threads=threads, progress=lambda done, _: progress(done)
            )
    except KeyboardInterrupt:
        note("What was made is kept: the same command goes on from there.")
        raise


def _find_duplicates(dataset: Dataset, threads: int | None) -> Duplicates:
    try:
        with file_bar("duplicates") as progress:
            return fastinet.find_duplicates(dataset, threads=threads, progress=progress)
    except KeyboardInterrupt:
        note("What was found is kept: the same command goes on from there.")
        raise


def _duplicate_facts(found: Duplicates) -> dict[str, Any]:
    counts = found.label_sets().counts[found.first_items()]
    return {
        "images": found.images,
        "repeated_images": len(found),
        "repeated_items": found.items,
        "images_of_several_classes": int(np.count_nonzero(counts > 1)),
        "path": None if found.path is None else str(found.path),
    }


def _describe_duplicates(found: Duplicates) -> str:
    facts = _duplicate_facts(found)
    if not len(found):
        return f"none among {found.images:,} images; {facts['path'] or 'not kept'}"
    return (
        f"{facts['repeated_items']:,} items in {facts['repeated_images']:,} groups of equal ones, "
        f"{facts['images_of_several_classes']:,} groups of several classes; {found.images:,} "
        f"different images; {facts['path'] or 'not kept'}"
    )


def _describe_checkpoints(dataset: Dataset) -> str:
    made = dataset.checkpoints
    having = int(np.count_nonzero(made.sizes))
    if made.path is None:
        return "none; `fastinet index --checkpoints` makes them"
    if made.covered < len(dataset):
        return f"{made.covered:,} of {len(dataset):,} items so far; {made.path}"
    share = made.record_bytes / max(int(dataset.sizes.sum()), 1)
    return (
        f"{having:,} images, {made.record_bytes / max(having, 1):.0f} bytes each, "
        f"{share:.2%} of their data; {made.path}"
    )

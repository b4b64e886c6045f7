"""fastinet index: builds the index beside an archive, or reports the one that is there."""

from __future__ import annotations

import time

import click

from fastinet.cli.opening import describe_index, open_archive
from fastinet.cli.output import archive_argument, json_option, print_facts, print_json


@click.command()
@archive_argument
@json_option
def index(archive: str, as_json: bool) -> None:
    """Build the index of ARCHIVE, or report the one that is there.

    The index says where every image lies. It is built once, by one pass over the archive's headers,
    and kept beside the archive (in your cache folder where that place is read-only). A stale or
    damaged index is built anew.
    """
    start = time.perf_counter()
    dataset = open_archive(archive)
    seconds = time.perf_counter() - start
    facts = {
        "archive": archive,
        "items": len(dataset),
        "classes": len(dataset.classes),
        "seconds": seconds,
        **describe_index(dataset),
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
        ]
    )

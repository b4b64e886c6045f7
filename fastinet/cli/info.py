"""fastinet info: what an archive is and what lies in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import numpy as np

from fastinet.cli.headers import HeaderTally, header_facts, print_mix
from fastinet.cli.info_stream import info_of_stream
from fastinet.cli.opening import (
    describe_index,
    end_marker_option,
    index_option,
    open_archive,
    open_streamed,
    split_option,
)
from fastinet.cli.output import (
    archive_argument,
    json_option,
    print_facts,
    print_json,
    print_table,
    size_text,
)
from fastinet.items.opening import is_stream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastinet import Dataset
    from fastinet.archives.tar_notes import EndMarker

_FIRST_KEYS = 3
_FIRST_CLASSES = 5


@click.command(short_help="Tell what ARCHIVE is: items, classes, sizes, image formats.")
@archive_argument
@split_option
@index_option
@end_marker_option
@click.option(
    "--sample",
    type=click.IntRange(0),
    default=500,
    show_default=True,
    help="Images whose headers are read; 0 for none.",
)
@click.option(
    "--lang",
    type=click.Choice(["en", "zh"]),
    default="en",
    show_default=True,
    help="Language of the class names.",
)
@click.option("--classes", "with_classes", is_flag=True, help="List the classes, too.")
@click.option("--devkit", metavar="KIT", help="Development kit, which tells the classes' parents.")
@json_option
def info(
    archive: str,
    split: str | None,
    index_path: str | None,
    end_marker: EndMarker,
    sample: int,
    lang: str,
    with_classes: bool,
    devkit: str | None,
    as_json: bool,
) -> None:
    """Tell what ARCHIVE is: items, classes, sizes, and the mix of its image formats.

    Of an ARCHIVE that arrives ("-" for standard input, or a named pipe) it tells what a pass
    shows.
    """
    if is_stream(archive):
        info_of_stream(
            open_streamed(
                archive, split=split, devkit=devkit, index=index_path, end_marker=end_marker
            ),
            sample,
            lang,
            with_classes,
            as_json,
        )
        return
    dataset = open_archive(archive, split, devkit, index_path, end_marker)
    facts = _describe(archive, dataset)
    rows = _class_rows(dataset, lang)
    facts["first_classes"] = [row["name"] for row in rows[:_FIRST_CLASSES]]
    if with_classes:
        facts["class_table"] = rows
    mix = _header_mix(dataset, sample)
    if as_json:
        print_json({**facts, "sample": mix})
        return
    per_class, sizes = facts["items_per_class"], facts["bytes_per_item"]
    extremes = [f"{name} {size_text(sizes[name])}" for name in ("min", "median", "mean", "max")]
    print_facts(
        [
            ("archive", archive),
            ("family", facts["family"]),
            ("split", _split_text(facts)),
            ("items", _items_text(facts)),
            ("first classes", ", ".join(facts["first_classes"])),
            ("items per class", f"{per_class[0]:,} to {per_class[1]:,}"),
            ("bytes", size_text(facts["bytes"])),
            ("bytes per item", ", ".join(extremes)),
            ("first keys", ", ".join(facts["first_keys"])),
            ("index", facts["index"] or "none"),
        ]
    )
    print_mix(mix)
    if with_classes:
        _print_classes(rows)


def _items_text(facts: Mapping[str, Any]) -> str:
    """How many items and classes there are, and what is not known of them."""
    text = f"{facts['items']:,} in {facts['classes']:,} classes"
    if facts["unlabelled"]:
        text += f"; {facts['unlabelled']:,} without a label"
    if facts["unknown_classes"]:
        text += f"; no name is known of {facts['unknown_classes']:,} classes"
    return text


def _split_text(facts: Mapping[str, Any]) -> str:
    others = [
        f"{name} ({items:,} items)"
        for name, items in facts["splits"].items()
        if name != facts["split"]
    ]
    return f"{facts['split']}{'; others: ' if others else ''}{', '.join(others)}"


def _print_classes(rows: list[dict[str, Any]]) -> None:
    headings, cells = ["label", "wnid", "name", "items"], []
    with_parents = any("parents" in row for row in rows)
    if with_parents:
        headings.insert(3, "WordNet parents")
    for row in rows:
        cells.append([f"{row['label']}", row["wnid"], row["name"], f"{row['items']:,}"])
        if with_parents:
            cells[-1].insert(3, ", ".join(row.get("parents", [])))
    print_table("Classes", headings, cells)


def _class_rows(dataset: Dataset, lang: str) -> list[dict[str, Any]]:
    """The classes with their names in a language; a class without one goes by its wnid."""
    counts = _items_per_class(dataset)
    return [
        {
            "label": info.index,
            "wnid": info.wnid,
            "name": (info.zh if lang == "zh" else "".join(info.names[:1])) or info.wnid,
            "items": int(counts[info.index]),
            **({"parents": list(info.parents)} if info.parents else {}),
        }
        for info in dataset.classes
    ]


def _describe(archive: str, dataset: Dataset) -> dict[str, Any]:
    sizes = dataset.sizes
    counts = _items_per_class(dataset)
    return {
        "archive": archive,
        "family": dataset.family,
        "split": dataset.split,
        "splits": dataset.split_items,
        "items": len(dataset),
        "classes": len(dataset.classes),
        "unlabelled": int(np.count_nonzero(dataset.labels < 0)),
        "unknown_classes": sum(not info.names for info in dataset.classes),
        "items_per_class": [int(counts.min()), int(counts.max())],
        "bytes": int(sizes.sum()),
        "bytes_per_item": {
            "min": int(sizes.min()),
            "median": float(np.median(sizes)),
            "mean": float(sizes.mean()),
            "max": int(sizes.max()),
        },
        "first_keys": [dataset.keys[item] for item in range(min(_FIRST_KEYS, len(dataset)))],
        **describe_index(dataset),
    }


def _items_per_class(dataset: Dataset) -> NDArray[np.int64]:
    labelled = dataset.labels[dataset.labels >= 0]
    return np.bincount(labelled, minlength=len(dataset.classes))


def _header_mix(dataset: Dataset, count: int) -> dict[str, Any]:
    """What the headers of `count` items spread evenly tell."""
    tally = HeaderTally()
    for item in np.linspace(0, len(dataset) - 1, min(count, len(dataset)), dtype=np.int64):
        tally.add(header_facts(dataset.read(int(item))))
    return tally.mix()

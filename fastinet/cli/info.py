"""fastinet info: what an archive is and what lies in it."""

from __future__ import annotations

import collections
import functools
import io
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from fastinet.cli.opening import describe_index, open_archive, split_option
from fastinet.cli.output import (
    archive_argument,
    json_option,
    print_facts,
    print_json,
    print_table,
    say,
    size_text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from PIL import Image

    from fastinet import Dataset

_FIRST_KEYS = 3
_FIRST_CLASSES = 5
_MOST_COMMON = 8  # values of each header field that are told
_SAMPLINGS = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0", (1, 2): "4:4:0", (4, 1): "4:1:1"}


@click.command()
@archive_argument
@split_option
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
    sample: int,
    lang: str,
    with_classes: bool,
    devkit: str | None,
    as_json: bool,
) -> None:
    """Tell what ARCHIVE is: items, classes, sizes, and the mix of its image formats."""
    dataset = open_archive(archive, split, devkit)
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
    count = mix.pop("images")
    if not count:
        return
    say(f"\n[bold]The headers of {count} images[/]")
    print_facts(
        (name, ", ".join(f"{value} ({share:.1%})" for value, share in shares.items()))
        for name, shares in mix.items()
    )
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
    """Shares of formats, samplings, qualities and sizes among `count` items spread evenly."""
    count = min(count, len(dataset))
    tallies: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for item in np.linspace(0, len(dataset) - 1, count, dtype=np.int64):
        for name, value in _header_facts(dataset.read(int(item))).items():
            tallies[name][value] += 1
    mix: dict[str, Any] = {"images": count}
    for name, tally in tallies.items():
        mix[name] = {value: number / count for value, number in tally.most_common(_MOST_COMMON)}
    return mix


def _header_facts(data: bytes) -> dict[str, str]:
    """What the header of one image tells."""
    from PIL import Image  # noqa: PLC0415 - only this needs Pillow

    try:
        image = Image.open(io.BytesIO(data))
    except (OSError, Image.DecompressionBombError):  # no image, a damaged one, one beyond all size
        return {"format": "unknown"}
    width, height = image.size
    facts = {"size": f"{width} x {height}"}
    if image.format != "JPEG":
        return {"format": str(image.format), **facts}
    kind = "progressive" if "progressive" in image.info else "baseline"
    components = image.layer  # type: ignore[attr-defined]
    if len(components) == 1:
        sampling = "grey"
    else:
        sampling = _SAMPLINGS.get(components[0][1:3], "other")
        sampling += " of 4 components" if len(components) == 4 else ""
    quality = _quality_of_table().get(_luma_table(image), "own tables")
    return {"format": f"JPEG {kind}", "sampling": sampling, "quality": quality, **facts}


def _luma_table(image: Image.Image) -> tuple[int, ...]:
    """Quantisation table 0 of a JPEG; empty where a damaged one has none."""
    return tuple(image.quantization.get(0, ()))  # type: ignore[attr-defined]


@functools.cache
def _quality_of_table() -> Mapping[tuple[int, ...], str]:
    """Quality by luma quantisation table, for the tables of the Independent JPEG Group.

    Found by asking the encoder itself. The qualities that share a table go by the lowest.
    """
    from PIL import Image  # noqa: PLC0415 - only this needs Pillow

    qualities = {}
    for quality in range(100, 0, -1):
        file = io.BytesIO()
        Image.new("L", (8, 8)).save(file, "JPEG", quality=quality)
        table = _luma_table(Image.open(file))
        qualities[table] = f"{quality}"
    return qualities

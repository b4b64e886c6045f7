"""The class table: what each wnid stands for."""

from __future__ import annotations

import csv
import functools
import importlib.resources
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ClassInfo", "class_table"]


@dataclass(frozen=True)
class ClassInfo:
    """One class of a dataset."""

    index: int
    """The label: the wnid's place among the dataset's sorted wnids."""
    wnid: str
    """WordNet 3.0 noun offset: "n01440764"."""
    names: tuple[str, ...] = ()
    """English names, the usual one first; empty outside ImageNet-1K. Not unique: there are two
    classes "crane"."""
    gloss: str = ""
    """WordNet's definition; empty outside ImageNet-1K."""
    zh: str = ""
    """Chinese name; empty where none is known."""


def class_table(wnids: Sequence[str]) -> tuple[ClassInfo, ...]:
    """The classes ``wnids``, in this order, with what is known of them."""
    known = _imagenet1k()
    return tuple(
        ClassInfo(index, wnid, *known.get(wnid, ((), ""))) for index, wnid in enumerate(wnids)
    )


@functools.cache
def _imagenet1k() -> dict[str, tuple[tuple[str, ...], str]]:
    """Names and gloss of the 1000 classes by wnid, from the texts of WordNet 3.0."""
    table = importlib.resources.files(__package__) / "imagenet1k_classes.tsv"
    with table.open(encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["wnid"]: (tuple(row["names"].split(", ")), row["gloss"]) for row in rows}

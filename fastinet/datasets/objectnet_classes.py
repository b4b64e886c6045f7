"""ObjectNet's 313 classes, and the classes of ImageNet-1K that 113 of them are.

From the files that the authors publish with the images and with their challenge
(abarbu/objectnet-template-tensorflow, mapping_files; Copyright 2020-2021 ObjectNet team, under the
MIT licence): folder_to_objectnet_label.json, objectnet_id.json, objectnet_to_imagenet_1k.json with
pytorch_to_imagenet_2012_id.json, and imagenet_id_to_objectnet_id.json, which agree.

A class of ObjectNet may be several of ImageNet-1K: its "Chair" is barber chair, folding chair and
rocking chair, any of which is right. No class of ImageNet-1K is two of ObjectNet.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

__all__ = ["ObjectNetClass", "imagenet1k_wnids_of", "objectnet_classes"]


class ObjectNetClass(NamedTuple):
    """One class of ObjectNet."""

    title: str
    """As "Alarm clock"; sorted, the titles have the order of ObjectNet's ids, 0 to 312."""
    folder: str
    """That its images lie in, as "alarm_clock"; sorted, the folders have another order."""
    wnids: tuple[str, ...]
    """Of ImageNet-1K's classes that it is; empty for 200 of them."""


@functools.cache
def objectnet_classes() -> tuple[ObjectNetClass, ...]:
    """The 313 classes in the order of ObjectNet's ids."""
    import csv  # noqa: PLC0415 - for few archives
    import importlib.resources  # noqa: PLC0415

    path = importlib.resources.files(__package__) / "objectnet_classes.tsv"
    with path.open(encoding="ascii") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return tuple(
        ObjectNetClass(row["title"], row["folder"], tuple(row["wnids"].split())) for row in rows
    )


def imagenet1k_wnids_of(title: str) -> tuple[str, ...] | None:
    """The wnids of ImageNet-1K's classes that a class of ObjectNet is; None: it has no such class.

    Args:
        title: of the class, as "Alarm clock".
    """
    return _wnids_by_title().get(title)


@functools.cache
def _wnids_by_title() -> dict[str, tuple[str, ...]]:
    return {each.title: each.wnids for each in objectnet_classes()}

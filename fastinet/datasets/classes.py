"""The class table: what each wnid stands for, and the three orders of the 1000 classes.

ImageNet-1K is numbered in three ways, each of which has its use:

======================  =========  ============================  =================================
order                   numbers    first class                   who uses it
======================  =========  ============================  =================================
label                   0 to 999   n01440764 tench is 0          sorted wnids: fastinet,
                                                                 torchvision, timm, Keras, ReaL,
                                                                 ImageNet-V2, ReLabel
ILSVRC2012_ID           1 to 1000  n02119789 kit fox is 1        the devkit: its ground truth, and
                                                                 the predictions it evaluates
TF, "1001 classes"      0 to 1000  0 is background, tench is 1   TensorFlow-Slim and its models
======================  =========  ============================  =================================
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray


__all__ = [
    "ClassInfo",
    "class_table",
    "ilsvrc2012_id_of_label",
    "imagenet1k_wnids",
    "label_of_ilsvrc2012_id",
    "label_of_tf1001",
    "tf1001_of_label",
]

IMAGENET1K_CLASSES = 1000
_WNID = re.compile(r"n[0-9]{8}")
_WNID_LENGTH = 9


@dataclass(frozen=True)
class ClassInfo:
    """One class of a dataset."""

    index: int
    """The label: the wnid's number, from 0 on, among the dataset's sorted wnids."""
    wnid: str
    """WordNet 3.0 noun offset: "n01440764". A class that is none has a number or a name here: "7",
    "Alarm clock"."""
    names: tuple[str, ...] = ()
    """English names, the usual one first: WordNet 3.0's, of wnids in ImageNet-22K or ImageNet-1K.
    Empty for other wnids, and for numbers. Not unique: there are two classes "crane"."""
    gloss: str = ""
    """WordNet's definition; empty where the names are not WordNet's."""
    parents: tuple[str, ...] = ()
    """Wnids of the WordNet parents, of which a synset may have several; empty without a devkit."""
    ancestors: tuple[str, ...] = ()
    """Wnids of all synsets above, the nearest first and n00001740 "entity" last; empty without a
    devkit."""

    @property
    def zh(self) -> str:
        """Chinese name (simplified), unique among the 1000; empty outside ImageNet-1K."""
        return _chinese_names().get(self.wnid, "")


class Synset(Protocol):
    """What a development kit says of one WordNet synset."""

    @property
    def wnid(self) -> str:
        """As "n01440764"."""

    @property
    def words(self) -> str:
        """English names, joined by ", "."""

    @property
    def gloss(self) -> str:
        """WordNet's definition."""


class Hierarchy(Protocol):
    """What is above the classes in WordNet: a :class:`fastinet.datasets.devkit.Devkit` tells it."""

    @property
    def synsets(self) -> Sequence[Synset]:
        """All that it knows."""

    @property
    def parents(self) -> Mapping[str, tuple[str, ...]]:
        """The wnids of each synset's parents, by wnid."""

    def ancestors(self, wnid: str) -> tuple[str, ...]:
        """Wnids of all synsets above, the nearest first."""


def class_table(wnids: Sequence[str], devkit: Hierarchy | None = None) -> tuple[ClassInfo, ...]:
    """The classes ``wnids``, in this order, with what is known of them.

    ``devkit`` tells their WordNet parents, and what the package does not know by itself.
    """
    synsets = {} if devkit is None else {synset.wnid: synset for synset in devkit.synsets}
    table = []
    for index, wnid in enumerate(wnids):
        names, gloss = _names_and_gloss(wnid)
        if wnid in synsets and not names:
            names, gloss = tuple(synsets[wnid].words.split(", ")), synsets[wnid].gloss
        above = () if devkit is None else (devkit.parents.get(wnid, ()), devkit.ancestors(wnid))
        table.append(ClassInfo(index, wnid, names, gloss, *above))
    return tuple(table)


def imagenet1k_wnids() -> tuple[str, ...]:
    """The 1000 wnids of ImageNet-1K, sorted: label i is ``imagenet1k_wnids()[i]``."""
    return tuple(_imagenet1k())


def ilsvrc2012_id_of_label(labels: ArrayLike) -> NDArray[np.int64]:
    """The devkit's ILSVRC2012_ID, 1 to 1000, of labels 0 to 999; int64 of the same shape.

    Raises:
        ValueError: there is no such label.
    """
    return _ids()[_numbers(labels, 0, IMAGENET1K_CLASSES - 1, "label")]


def label_of_ilsvrc2012_id(ids: ArrayLike) -> NDArray[np.int64]:
    """The label, 0 to 999, of ILSVRC2012_IDs 1 to 1000; int64 of the same shape.

    The devkit's IDs from 1001 on are ancestors of the classes (1001 is "entity") and have no label.

    Raises:
        ValueError: there is no such class.
    """
    return _labels_by_id()[_numbers(ids, 1, IMAGENET1K_CLASSES, "ILSVRC2012_ID")]


def tf1001_of_label(labels: ArrayLike) -> NDArray[np.int64]:
    """The number, 1 to 1000, in TensorFlow-Slim's order of labels 0 to 999; int64, same shape.

    Raises:
        ValueError: there is no such label.
    """
    return _numbers(labels, 0, IMAGENET1K_CLASSES - 1, "label") + 1


def label_of_tf1001(numbers: ArrayLike) -> NDArray[np.int64]:
    """The label, 0 to 999, of TensorFlow-Slim's 1 to 1000; -1 of its 0, background.

    Raises:
        ValueError: there is no such number.
    """
    return _numbers(numbers, 0, IMAGENET1K_CLASSES, "TF class") - 1


@dataclass(frozen=True)
class _Row:
    """One line of imagenet1k_classes.tsv."""

    ilsvrc2012_id: int
    names: tuple[str, ...]
    gloss: str


@functools.cache
def _imagenet1k() -> dict[str, _Row]:
    """The 1000 classes by wnid, sorted; their texts are those of WordNet 3.0."""
    return {
        row["wnid"]: _Row(int(row["ILSVRC2012_ID"]), tuple(row["names"].split(", ")), row["gloss"])
        for row in _table("imagenet1k_classes.tsv")
    }


def _names_and_gloss(wnid: str) -> tuple[tuple[str, ...], str]:
    """What the package knows of a class."""
    if wnid in _imagenet1k():
        return _imagenet1k()[wnid].names, _imagenet1k()[wnid].gloss
    if wnid.isdecimal() or not wnid:  # WebDataset's classes have numbers
        return (), ""
    if not _WNID.fullmatch(wnid):  # ObjectNet's have names
        return (wnid,), ""
    names, _, gloss = _imagenet22k().get(wnid, "").partition("\t")
    return tuple(names.split(", ")) if names else (), gloss


@functools.cache
def _imagenet22k() -> dict[str, str]:
    """Names and gloss, with a tab between them, of the 21,841 classes by wnid.

    They are split for each class that is asked for, and read when the first one is: most archives
    have no others than the 1000. tools/make_imagenet22k_names.py takes them from WordNet 3.0, whose
    licence lies beside the file.
    """
    import gzip  # noqa: PLC0415 - for classes that are asked for
    import importlib.resources  # noqa: PLC0415

    path = importlib.resources.files(__package__) / "imagenet22k_names.tsv.gz"
    _, *rows = gzip.decompress(path.read_bytes()).decode("ascii").splitlines()
    return {row[:_WNID_LENGTH]: row[_WNID_LENGTH + 1 :] for row in rows}


@functools.cache
def _chinese_names() -> dict[str, str]:
    """Chinese names by wnid, written for fastinet from the English names and glosses."""
    return {row["wnid"]: row["zh"] for row in _table("imagenet1k_zh.tsv")}


def _table(name: str) -> list[dict[str, str]]:
    import csv  # noqa: PLC0415 - for classes that are asked for
    import importlib.resources  # noqa: PLC0415

    with (importlib.resources.files(__package__) / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@functools.cache
def _ids() -> NDArray[np.int64]:
    """[1000] ILSVRC2012_ID by label."""
    return np.array([row.ilsvrc2012_id for row in _imagenet1k().values()], np.int64)


@functools.cache
def _labels_by_id() -> NDArray[np.int64]:
    """[1001] label by ILSVRC2012_ID; -1 at 0, for the IDs begin with 1."""
    labels = np.full(IMAGENET1K_CLASSES + 1, -1, np.int64)
    labels[_ids()] = np.arange(IMAGENET1K_CLASSES)
    return labels


def _numbers(values: ArrayLike, least: int, most: int, what: str) -> NDArray[np.int64]:
    """``values`` as int64, when all are whole numbers from ``least`` to ``most``."""
    numbers = np.asarray(values)
    if numbers.size and numbers.dtype.kind not in "iu":
        raise ValueError(f"a {what} is a whole number, these are of type {numbers.dtype}")
    wrong = numbers[(numbers < least) | (numbers > most)]
    if wrong.size:
        raise ValueError(f"there is no {what} {wrong.flat[0]}: they go from {least} to {most}")
    return numbers.astype(np.int64)

"""The development kits: synsets and their hierarchy, ground truth of the validation images.

=============================  =====================================================================
ILSVRC2012_devkit_t12          ``data/meta.mat``: 1860 synsets, the 1000 classes first, then their
                               ancestors; ``data/ILSVRC2012_validation_ground_truth.txt``
ILSVRC2013 to 2015 devkits     ``data/meta_clsloc.mat``: the same, or the 1000 classes alone, with
                               other field names; ``data/ILSVRC20xx_clsloc_validation_*.txt``, the
                               ground truth and the blacklist
=============================  =====================================================================

Kits are in circulation as folder, ``.tar`` and ``.tar.gz``, under either ending; which it is shows
from the content.
"""

from __future__ import annotations

import dataclasses
import functools
import gzip
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastinet.base.memory import raise_for_memory
from fastinet.base.paths import exists, file_bytes, is_file, is_folder
from fastinet.datasets.classes import (
    IMAGENET1K_CLASSES,
    imagenet1k_wnids,
    label_of_ilsvrc2012_id,
)
from fastinet.errors import CorruptError, MissingError, UnsupportedError
from fastinet.formats.matlab import Struct, read_matlab
from fastinet.formats.number_lines import one_per_line
from fastinet.formats.signatures import HEAD_BYTES, content_of

if TYPE_CHECKING:
    import os

__all__ = ["Devkit", "Synset", "is_devkit", "read_devkit"]

# What of a kit is read, by the name without its folders.
_PARTS = {
    "meta": re.compile(r"meta(_clsloc)?\.mat"),
    "truth": re.compile(r"ILSVRC20\d\d(_clsloc)?_validation_ground_truth\.txt"),
    "blacklist": re.compile(r"ILSVRC20\d\d(_clsloc)?_validation_blacklist\.txt"),
}
_OF_IMAGE_ARCHIVES = (".jpeg", ".jpg", ".png", ".tar")
_GZIP_MAGIC = b"\x1f\x8b"
_MOST_BYTES = 1 << 26  # of a part: each has less than 1 MB

# The fields of "synsets" under their names of 2012 and, after them, of the later kits.
_ID_FIELD = re.compile(r"ILSVRC20\d\d(_CLSLOC)?_ID|ID")
_WORDS = ("words", "name")
_GLOSS = ("gloss", "description")


@dataclasses.dataclass(frozen=True)
class Synset:
    """One synset: a class, or an ancestor of classes."""

    id: int
    """ILSVRC2012_ID: 1 to 1000 are the classes, the ancestors follow."""
    wnid: str
    words: str
    """English names, separated by ", "."""
    gloss: str
    children: tuple[int, ...] = ()
    """IDs; empty for classes, and in kits that have no hierarchy."""
    wordnet_height: int | None = None
    """Longest path to a leaf of the full WordNet; None where the kit does not say."""
    train_images: int | None = None
    """Number of training images; None where the kit does not say."""


@dataclasses.dataclass(frozen=True, eq=False)
class Devkit:
    """What a development kit says.

    Attributes:
        path: of the kit.
        synsets: by ID: ``synsets[0].id`` is 1.
        validation_labels: int64 [N], read-only: the label (0 to 999) of ILSVRC2012_val_{i+1:08d}.
            The order is that of the names, not that of the members of ILSVRC2012_img_val.tar.
        blacklist: int64 [M], read-only: numbers, from 1 on, of the validation images which the
            localisation error leaves out; None in kits without one (2012).
    """

    path: str
    synsets: tuple[Synset, ...]
    validation_labels: NDArray[np.int64]
    blacklist: NDArray[np.int64] | None

    @functools.cached_property
    def parents(self) -> dict[str, tuple[str, ...]]:
        """The wnids of each synset's WordNet parents, by wnid, in order of their IDs.

        A synset may have several. The root, n00001740 "entity", has none; nor has any in a kit
        that gives no children.
        """
        parents: dict[str, list[str]] = {synset.wnid: [] for synset in self.synsets}
        for synset in self.synsets:
            for child in synset.children:
                parents[self.synsets[child - 1].wnid].append(synset.wnid)
        return {wnid: tuple(above) for wnid, above in parents.items()}

    def ancestors(self, wnid: str) -> tuple[str, ...]:
        """The wnids of all synsets above one, each once, by their distance, the nearest first.

        Empty for a synset that the kit does not know.
        """
        found: dict[str, None] = {}
        below: tuple[str, ...] = (wnid,)
        while below:
            above = [parent for child in below for parent in self.parents.get(child, ())]
            below = tuple(parent for parent in dict.fromkeys(above) if parent not in found)
            found.update(dict.fromkeys(below))
        return tuple(found)

    def labels_of_validation(self, images: int) -> NDArray[np.int64]:
        """``validation_labels``, for an archive with this many images.

        Raises:
            CorruptError: the kit has labels for another number of images.
        """
        if images != len(self.validation_labels):
            raise CorruptError(
                f"a ground truth of {len(self.validation_labels)} validation images, but there are"
                f" {images}: one of them is incomplete, or the devkit is another archive's",
                archive=self.path,
            )
        return self.validation_labels


def read_devkit(path: str | os.PathLike[str]) -> Devkit:
    """Reads a development kit: folder, tar, or compressed tar.

    Raises:
        MissingError: there is nothing, or a part is not in it.
        CorruptError: it is damaged, its classes are not those of ImageNet-1K, or its parts
            contradict each other.
        UnsupportedError: its MATLAB file is of a kind that is not read.
        OSError: it cannot be read.
    """
    location = Path(path)
    if not exists(location):
        raise MissingError("no such file or folder", archive=str(location))
    parts = _parts_of_folder(location) if is_folder(location) else _parts_of_tar(location)
    for part, advice in (("meta", "meta.mat"), ("truth", "validation_ground_truth.txt")):
        if part not in parts:
            raise MissingError(
                f"no development kit: there is no {advice} in it", archive=str(location)
            )
    try:
        synsets = _synsets(*parts["meta"])
        labels = _validation_labels(*parts["truth"])
        blacklist = _blacklist(*parts["blacklist"], len(labels)) if "blacklist" in parts else None
    except (CorruptError, UnsupportedError) as error:
        raise type(error)(
            error.cause, archive=str(location), member=error.member, offset=error.offset
        ) from None
    return Devkit(str(location), synsets, labels, blacklist)


def is_devkit(path: str | os.PathLike[str]) -> bool:
    """Whether a folder or tar is a development kit, rather than an archive of images.

    Looks no further than the first image, or part of a kit. What cannot be read is none.
    """
    import tarfile  # noqa: PLC0415 - few datasets need it

    location = Path(path)
    try:
        if is_folder(location):
            return bool(_parts_of_folder(location))
        with location.open("rb") as file, tarfile.open(fileobj=file, mode="r:*") as tar:
            for member in tar:
                base = member.name.rpartition("/")[2]
                if _part_named(base) is not None:
                    return True
                if base.lower().endswith(_OF_IMAGE_ARCHIVES):
                    return False
    except (OSError, tarfile.TarError, EOFError, zlib.error):
        pass
    return False


def _part_named(name: str) -> str | None:
    """Which part of a kit a file is, by its name without folders."""
    return next((part for part, names in _PARTS.items() if names.fullmatch(name)), None)


def _parts_of_folder(folder: Path) -> dict[str, tuple[str, bytes]]:
    """Parts by their names: file name and content. The folder is the kit, or holds it."""
    parts = {}
    for below in (folder, folder / "data", *sorted(folder.glob("*/data"))):
        for file in sorted(below.iterdir()) if is_folder(below) else ():
            part = _part_named(file.name)
            if part is not None and part not in parts and is_file(file):
                if file_bytes(file) > _MOST_BYTES:
                    raise _too_long(str(folder), file.name)
                parts[part] = file.name, file.read_bytes()
    return parts


def _parts_of_tar(path: Path) -> dict[str, tuple[str, bytes]]:
    import tarfile  # noqa: PLC0415 - few datasets need it

    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    compressed = head.startswith(_GZIP_MAGIC)
    parts: dict[str, tuple[str, bytes]] = {}
    try:
        with tarfile.open(path, "r:gz" if compressed else "r:") as tar:
            for member in tar:
                part = _part_named(member.name.rpartition("/")[2])
                if part is None or part in parts or not member.isfile():
                    continue
                if member.size > _MOST_BYTES:
                    raise _too_long(str(path), member.name)
                content = tar.extractfile(member)
                parts[part] = member.name, content.read() if content is not None else b""
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise_for_memory(error)
        found = None if compressed else content_of(head, file_bytes(path))
        known = f"; it is {found.name}: {found.as_archive}" if found is not None else ""
        raise CorruptError(
            f"no tar or tar.gz, or a truncated or damaged one: {error}{known}", archive=str(path)
        ) from None
    return parts


def _too_long(archive: str, member: str) -> CorruptError:
    return CorruptError(
        "more than 64 MB, where a devkit has less than 1 MB", archive=archive, member=member
    )


def _synsets(name: str, data: bytes) -> tuple[Synset, ...]:
    table = read_matlab(data, name).get("synsets")
    if not isinstance(table, Struct) or not table.elements:
        raise CorruptError("there is no struct array 'synsets' in it", member=name)
    synsets = tuple(_synset(fields, name) for fields in table.elements)
    for number, synset in enumerate(synsets, start=1):
        if synset.id != number:
            raise CorruptError(f"synset {number} has the ID {synset.id}", member=name)
        if any(not 1 <= child <= len(synsets) for child in synset.children):
            raise CorruptError(
                f"synset {number} ({synset.wnid}) has a child beyond the {len(synsets)} synsets",
                member=name,
            )
    _refuse_other_classes(synsets, name)
    return synsets


def _synset(fields: dict[str, Any], name: str) -> Synset:
    """A synset from the struct's fields, in the names of any year."""
    id_field = next(filter(_ID_FIELD.fullmatch, fields), "ILSVRC2012_ID")
    return Synset(
        id=_whole(fields, id_field, name),
        wnid=_text(fields, ("WNID",), name),
        words=_text(fields, _WORDS, name),
        gloss=_text(fields, _GLOSS, name),
        children=_children(fields, name),
        wordnet_height=_whole(fields, "wordnet_height", name)
        if "wordnet_height" in fields
        else None,
        train_images=_whole(fields, "num_train_images", name)
        if "num_train_images" in fields
        else None,
    )


def _whole(fields: dict[str, Any], field: str, name: str) -> int:
    value = fields.get(field)
    if not isinstance(value, np.ndarray) or value.size != 1 or not float(value[0]).is_integer():
        raise CorruptError(f"a synset's '{field}' is no whole number: {value!s:.80}", member=name)
    return int(value[0])


def _children(fields: dict[str, Any], name: str) -> tuple[int, ...]:
    value = fields.get("children", np.zeros(0))
    if not isinstance(value, np.ndarray) or not all(float(child).is_integer() for child in value):
        raise CorruptError(f"a synset's 'children' are no IDs: {value!s:.80}", member=name)
    return tuple(int(child) for child in value)


def _text(fields: dict[str, Any], names: tuple[str, ...], name: str) -> str:
    value = next((fields[field] for field in names if field in fields), None)
    if not isinstance(value, str):
        raise CorruptError(f"a synset's '{names[0]}' is no text: {value!s:.80}", member=name)
    return value


def _refuse_other_classes(synsets: tuple[Synset, ...], name: str) -> None:
    """The first 1000 must be ImageNet-1K's, or the labels would mean something else."""
    if len(synsets) < IMAGENET1K_CLASSES:
        raise CorruptError(
            f"{len(synsets)} synsets; a devkit of ILSVRC2012 or later has at least"
            f" {IMAGENET1K_CLASSES}",
            member=name,
        )
    labels = label_of_ilsvrc2012_id(np.arange(1, IMAGENET1K_CLASSES + 1))
    wnids = imagenet1k_wnids()
    for synset, label in zip(synsets, labels, strict=False):
        if synset.wnid != wnids[label]:
            raise CorruptError(
                f"class {synset.id} is {synset.wnid}, in ILSVRC2012 it is {wnids[label]}: the"
                " devkit of another challenge",
                member=name,
            )


def _validation_labels(name: str, data: bytes) -> NDArray[np.int64]:
    ids = np.array(one_per_line(data, name), np.int64)
    wrong = np.flatnonzero((ids < 1) | (ids > IMAGENET1K_CLASSES))
    if len(wrong):
        raise CorruptError(
            f"line {wrong[0] + 1}: {ids[wrong[0]]} is no ILSVRC2012_ID of a class", member=name
        )
    return _read_only(label_of_ilsvrc2012_id(ids))


def _blacklist(name: str, data: bytes, images: int) -> NDArray[np.int64]:
    numbers = np.array(one_per_line(data, name), np.int64)
    wrong = np.flatnonzero((numbers < 1) | (numbers > images))
    if len(wrong):
        raise CorruptError(
            f"line {wrong[0] + 1}: there is no image {numbers[wrong[0]]} among {images}",
            member=name,
        )
    return _read_only(numbers)


def _read_only(array: NDArray[np.int64]) -> NDArray[np.int64]:
    array.flags.writeable = False
    return array

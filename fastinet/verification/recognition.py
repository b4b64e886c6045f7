"""What a file is by its first bytes, and what an archive is by the names in it.

File names count for nothing here, since archives are renamed, and ``.tar.gz`` often is none; they
only help to tell releases of one archive from each other.

Only ``fastinet verify`` uses this. The recognisers in :mod:`fastinet.datasets`, which
``fastinet.open`` uses, list the items of sound archives of images. `verify` must also say what a
damaged or incomplete archive was meant to be, and knows development kits, bounding boxes and label
maps besides. So a majority of the names decides here, and nothing in an archive is an error. Those
recognisers are asked, too, where nothing is damaged (:mod:`fastinet.verification.identification`).
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fastinet.base.paths import file_bytes
from fastinet.datasets import imagenet_c, objectnet, tiny_imagenet
from fastinet.datasets.key_labels import wnids_told
from fastinet.datasets.names import Names
from fastinet.datasets.published import CORRUPTIONS
from fastinet.datasets.scanned import wnid_number, wnid_text
from fastinet.errors import ReadError
from fastinet.formats.signatures import content_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fastinet.datasets.published import PublishedArchive
    from fastinet.datasets.scanned import ScannedMembers

__all__ = [
    "WITHOUT_IMAGES",
    "Part",
    "Wrong",
    "choose_published",
    "family_of",
    "file_kind",
    "is_later_devkit",
    "parts_of",
]

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

_BLOCK_BYTES = 512
_SAMPLE = 1000  # names that are looked at to tell the family


@dataclass(frozen=True)
class Wrong:
    """Why a file cannot be an archive."""

    message: str
    advice: str


_AGAIN = "Download it again, and look at what the server answers."

_TAR_MAGIC = slice(257, 262)  # of a header: "ustar"

_UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".aria2", ".!qb", ".tmp", ".st")


def file_kind(path: Path) -> str | Wrong:
    """By the first bytes of the file "tar", "gzip", "zip" or "json"; else why it is none of them.

    A file with damage in its first header still is a "tar".

    Raises:
        ReadError: it cannot be read.
    """
    size = file_bytes(path)
    try:
        with path.open("rb") as file:
            head = file.read(_BLOCK_BYTES)
    except OSError as error:
        raise ReadError(f"cannot be read: {error.strerror}", archive=str(path)) from error
    if size == 0:
        return Wrong("the file is empty", "Download it again.")
    for magic, kind in ((b"\x1f\x8b", "gzip"), (b"PK\x03\x04", "zip"), (b"[[", "json")):
        if head.startswith(magic):
            return kind
    if not any(head) and size > 2 * _BLOCK_BYTES:
        return Wrong(
            "the file begins with zeros, as one that a download made room for and did not fill",
            "Let the download end, or check its pieces again.",
        )
    content = content_of(head, size)
    # Text that has the checksum of a tar header is one: its name came first.
    if len(head) == _BLOCK_BYTES and (
        head[_TAR_MAGIC] == b"ustar" or _is_header(head) or not any(head)
    ):
        return "tar"
    if content is None:
        return Wrong("this is no archive: it begins neither as a tar nor as gzip", _AGAIN)
    advice = f"{content.as_archive[0].upper()}{content.as_archive[1:]}."
    return Wrong(f"this is {content.name}, no archive that is published", advice)


def _is_header(block: bytes) -> bool:
    """Whether the block is a tar header: its checksum is right. Old tars have no magic to go by."""
    digits = block[148:156].strip(b" \0")
    total = sum(block[:148]) + sum(block[156:]) + 8 * ord(" ")
    return digits.isdigit() and digits.strip(b"01234567") == b"" and int(digits, 8) == total


def is_unfinished(name: str) -> bool:
    """Whether a file is named as downloads are until they are complete."""
    return name.lower().endswith(_UNFINISHED)


WITHOUT_IMAGES = ("devkit", "boxes", "relabel")
"""Families that :func:`fastinet.open` does not open: others read them."""

# Asked in this order; a family is recognised when at least half of the names are its own.
_FAMILIES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("imagenet21k_p", re.compile(r"(.*/)?imagenet21k_(train|val|small_classes)/.*")),
    ("boxes", re.compile(r".*\.xml")),
    ("relabel", re.compile(r"(.*/)?n\d{8}_\d+\.pt")),
    (
        imagenet_c.FAMILY,
        re.compile(
            r"(.*/)?([^/]+/[1-9][0-9]?/n\d{8}/ILSVRC2012_val_\d{8}"
            rf"|({'|'.join(itertools.chain(*CORRUPTIONS.values()))})/[1-9]/n\d{{8}}/[^/]+)\.JPEG"
        ),
    ),
    ("val", re.compile(r"(.*/)?ILSVRC2012_val_\d{8}(_n\d{8})?\.JPEG")),
    ("test", re.compile(r"(.*/)?ILSVRC2012_test_\d{8}\.JPEG")),
    ("imagenet_v2", re.compile(r"(.*/)?(\d{1,3}/[^/]+|n\d{8}/\d{1,2})\.jpe?g", re.IGNORECASE)),
    (
        "train",
        re.compile(r"(.*/)?(n\d{8}/([^/]+/)*[^/]+|n\d{8}_[^/]+)\.(jpe?g|png)", re.IGNORECASE),
    ),
)
# Of the Kaggle packaging, and of folders that people extract all splits to.
_SPLIT_FOLDERS = re.compile(
    r"((?:.*/)?)(train(?=/n\d{8}/)|(?:val|test)(?=/(?:n\d{8}/)?ILSVRC2012_))/.*\.JPEG"
)
_DEVKIT = re.compile(r"(.*/)?data/(meta(_clsloc)?\.mat|ILSVRC20\d\d\w*_ground_truth\.txt)")
_LATER_DEVKIT = re.compile(r"(.*/)?data/(meta_clsloc\.mat|ILSVRC201[3-9]\w*_ground_truth\.txt)")
_MOST_DEVKIT_FILES = 1000


def family_of(members: ScannedMembers, images: Bools) -> str | None:
    """The family that the members' names show; None: not one of ours.

    Where some are images, those alone count for families of images: captions may lie beside each.
    """
    count = len(members)
    if count == 0:
        return None
    names = _some_names(members, np.arange(count))
    if count <= _MOST_DEVKIT_FILES and any(_DEVKIT.fullmatch(name) for name in names):
        return "devkit"
    if tiny_imagenet.are_tiny(members):
        return tiny_imagenet.FAMILY
    splits = {found[2] for name in names if (found := _SPLIT_FOLDERS.fullmatch(name))}
    if len(splits) > 1:
        return "ilsvrc"
    if objectnet.recognise(members) is not None:
        return objectnet.FAMILY
    pictured = _some_names(members, np.flatnonzero(images)) or names
    for family, pattern in _FAMILIES:
        looked_at = names if family in WITHOUT_IMAGES else pictured
        if 2 * sum(pattern.fullmatch(name) is not None for name in looked_at) >= len(looked_at):
            return family
    return None


def _some_names(members: ScannedMembers, rows: Ints) -> list[str]:
    """The names of up to `_SAMPLE` of these members, evenly spaced."""
    step = np.linspace(0, max(0, len(rows) - 1), min(len(rows), _SAMPLE)).astype(np.int64)
    return [members.name(row) for row in rows[np.unique(step)].tolist()]


def is_later_devkit(members: ScannedMembers) -> bool:
    """Whether a development kit is that of ILSVRC2013 or later; their files have other names."""
    return any(_LATER_DEVKIT.fullmatch(members.name(row)) for row in range(len(members)))


@dataclass(frozen=True)
class Part:
    """The images of one split, n of them, by member row."""

    split: str
    rows: Ints
    """[n]"""
    classes: Ints | None = None
    """[n] number of the wnid, of ImageNet-V2's folder, or ObjectNet's id; -1: none. None: the names
    tell none."""
    numbers: Ints | None = None
    """[n] number in the name of a validation or test image; None: names without number."""
    are_wnids: bool = True

    def class_name(self, number: int) -> str:
        """The class as the archive spells it."""
        return wnid_text(number) if self.are_wnids else str(number)


def parts_of(family: str | None, members: ScannedMembers, images: Bools) -> list[Part]:
    """The splits in the archive; `images` says which members are images."""
    if family == "train":
        return [_by_wnid("train", members, images)]
    if family in ("val", "test"):
        return [_by_number(family, members, images)]
    if family == "imagenet_v2":
        return [_by_folder_number(members, images)]
    if family == "imagenet21k_p":
        inside = _below(members, images, "imagenet21k_", ("train", "val", "small_classes"))
        return [_by_wnid(split, members, rows) for split, rows in inside.items()]
    if family == imagenet_c.FAMILY:
        return _by_corruption(members, images)
    if family == objectnet.FAMILY:
        rows = np.flatnonzero(images)
        return [Part(objectnet.SPLIT, rows, _objectnet_ids(members, rows), are_wnids=False)]
    if family == "ilsvrc":
        inside = _below(members, images, "", ("train", "val", "test"))
        makers = {"train": _by_wnid, "val": _by_number, "test": _by_number}
        return [makers[split](split, members, rows) for split, rows in inside.items()]
    return []


def _by_wnid(split: str, members: ScannedMembers, images: Bools) -> Part:
    wnids = wnids_told(members.names, (Names.folder_wnids, Names.base_wnids))
    rows = np.flatnonzero(images & (wnids >= 0))
    return Part(split, rows, wnids[rows])


def _by_number(split: str, members: ScannedMembers, images: Bools) -> Part:
    """Images that are numbered; their class where a folder or a suffix tells it."""
    numbers = members.names.numbers_after(f"ILSVRC2012_{split}_")
    rows = np.flatnonzero(images & (numbers >= 0))
    classes = wnids_told(members.names.take(rows), (Names.stem_wnids, Names.folder_wnids))
    told = len(rows) > 0 and bool((classes >= 0).all())
    return Part(split, rows, classes if told else None, numbers[rows])


def _by_corruption(members: ScannedMembers, images: Bools) -> list[Part]:
    rows = np.flatnonzero(images)
    found = imagenet_c.corrupted_images(members, rows)
    return [
        Part(name, rows[found.split == number], found.wnid[found.split == number])
        for number, name in enumerate(found.splits)
    ]


def _objectnet_ids(members: ScannedMembers, rows: Ints) -> Ints:
    folder, folders = members.names.take(rows).folders()
    return np.array([objectnet.class_of_folder(each) for each in folders], np.int64)[folder]


def _by_folder_number(members: ScannedMembers, images: Bools) -> Part:
    rows = np.flatnonzero(images)
    folders = [PurePosixPath(members.name(row)).parent.name for row in rows.tolist()]
    if all(wnid_number(folder) >= 0 for folder in folders):  # of December 2020
        return _by_wnid("val", members, images)
    classes = [int(folder) if folder.isdecimal() else -1 for folder in folders]
    return Part("val", rows, np.array(classes, np.int64), are_wnids=False)


def _below(
    members: ScannedMembers, images: Bools, prefix: str, splits: Sequence[str]
) -> dict[str, Bools]:
    """The images below the folder ``prefix + split``, by split; those that have any."""
    top = ""
    for row in np.flatnonzero(images).tolist():
        folders = re.match(rf"((?:.*/)?){prefix}(?:{'|'.join(splits)})/", members.name(row))
        if folders is not None:
            top = folders[1]
            break
    starts, names = members.packed_names()
    found = {}
    for split in splits:
        folder = f"{top}{prefix}{split}/".encode("utf-8", "surrogateescape")
        rows = images & _begin_with(folder, starts.astype(np.int64), names)
        if rows.any():
            found[split] = rows
    return found


def _begin_with(prefix: bytes, starts: Ints, names: NDArray[np.uint8]) -> Bools:
    """[N] whether the texts names[starts[i]:starts[i + 1]] begin so."""
    found: Bools = starts[1:] - starts[:-1] >= len(prefix)
    for i, letter in enumerate(prefix):
        found &= names[np.minimum(starts[:-1] + i, len(names) - 1)] == letter
    return found


def choose_published(
    candidates: Sequence[PublishedArchive], name: str, first_member: str, classes: Sequence[str]
) -> PublishedArchive | None:
    """The archive that this one is likeliest a copy of, among candidates of its family.

    Args:
        candidates: the likeliest by size, name and family first.
        name: file name.
        first_member: name of a member, whose top folder may tell.
        classes: wnids that the images have.
    """
    names = (name.lower(), first_member.partition("/")[0].lower())
    known = [archive for archive in candidates if not archive.one_source]

    def likelihood(archive: PublishedArchive) -> tuple[bool, bool, bool, int]:
        stem = archive.name.partition(".tar")[0].partition(".tgz")[0].lower()
        listed = {wnid for split in archive.splits for wnid in split.wnids or ()}
        counts = [split.classes or 0 for split in archive.splits]
        return (
            any(stem in text for text in names),
            bool(listed) and listed.issuperset(classes),
            not listed and max(counts, default=0) >= len(classes) > 0,
            -max(counts, default=1 << 30),  # the smallest that has all of the classes
        )

    return max(known, key=likelihood, default=None)

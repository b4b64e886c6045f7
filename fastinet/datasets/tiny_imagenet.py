"""Tiny-ImageNet's validation and test images, which have neither folders of classes nor wnids.

``tiny-imagenet-200.zip`` of Stanford's course CS231n, extracted, or a tar of it::

    tiny-imagenet-200/wnids.txt, words.txt          the 200 classes, and words for all of WordNet's
    tiny-imagenet-200/train/n01443537/images/n01443537_0.JPEG
    tiny-imagenet-200/train/n01443537/n01443537_boxes.txt
    tiny-imagenet-200/val/images/val_0.JPEG         to val_9999.JPEG
    tiny-imagenet-200/val/val_annotations.txt       a line for each, in tabs: name, wnid, box
    tiny-imagenet-200/test/images/test_0.JPEG       to test_9999.JPEG, whose classes are not public

Its training images are told by their folders, as any (:mod:`fastinet.datasets.ilsvrc`). Here the
classes of the validation images are read, and it is told which images are test images, that have
label -1. Nobody else's images are touched: there has to be a ``val_annotations.txt``, and it is of
the images in the folder ``images`` beside it that it names.

A stream cannot wait for the file, and refuses these images.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastinet.datasets.scanned import wnid_number
from fastinet.errors import CorruptError, FastinetError, TooLargeError

if TYPE_CHECKING:
    from fastinet.datasets.names import Bools, Ints
    from fastinet.datasets.scanned import ScannedMembers

__all__ = ["FAMILY", "OWN_FILES", "TinyImages", "are_tiny", "tiny_images"]

FAMILY = "tiny_imagenet"

_ANNOTATIONS = "val_annotations.txt"
OWN_FILES = (_ANNOTATIONS, "wnids.txt", "words.txt", "_boxes.txt")
"""How the names end of what it has beside images."""

_MOST_BYTES = 1 << 26  # that of 10,000 images has 290 kB
_LINE = re.compile(r"([^\t]+)\t(n[0-9]{8})(?:\t.*)?")


class TinyImages(NamedTuple):
    """What is told of n images."""

    wnids: Ints
    """[n] number of the wnid that is a validation image's class; -1: none is told."""
    tests: Bools
    """[n] which are test images."""


def tiny_images(members: ScannedMembers, rows: Ints) -> TinyImages:
    """What ``val_annotations.txt`` files tell of the images `rows`, n of the members.

    Raises:
        CorruptError: a line of one tells no class, or one image has several.
        TooLargeError: one is far too large.
        ReadError: one cannot be read.
    """
    wnids = np.full(len(rows), -1, np.int64)
    tests = np.zeros(len(rows), np.bool_)
    classes: dict[tuple[int, str], int] = {}
    test_folders: set[tuple[int, str]] = set()
    for row in np.flatnonzero(members.names.ends_with(_ANNOTATIONS)).tolist():
        folder, slash, base = members.name(row).rpartition("/")
        if base != _ANNOTATIONS:
            continue
        told = _annotations(members, row)
        archive = int(members.archive[row])
        classes |= {(archive, f"{folder}{slash}images/{name}"): wnid for name, wnid in told.items()}
        above, above_slash, _ = folder.rpartition("/")
        if told and folder:
            test_folders.add((archive, f"{above}{above_slash}test/images/"))
    if not classes:
        return TinyImages(wnids, tests)
    for i, (row, archive) in enumerate(
        zip(rows.tolist(), members.archive[rows].tolist(), strict=True)
    ):
        name = members.name(row)
        wnids[i] = classes.get((archive, name), -1)
        folder, slash, base = name.rpartition("/")
        tests[i] = (archive, folder + slash) in test_folders and base.startswith("test_")
    return TinyImages(wnids, tests)


def are_tiny(members: ScannedMembers) -> bool:
    """Whether the members are Tiny-ImageNet's by their names, with its validation images."""
    for row in np.flatnonzero(members.names.ends_with(_ANNOTATIONS)).tolist():
        folder, slash, base = members.name(row).rpartition("/")
        if base == _ANNOTATIONS and members.in_folder("images").any():
            images = f"{folder}{slash}images/val_"
            return any(members.name(each).startswith(images) for each in range(len(members)))
    return False


def _annotations(members: ScannedMembers, row: int) -> dict[str, int]:
    """The number of each image's wnid in such a file; none where it is another kind of file."""
    archive, name, offset = members.archive_of(row), members.name(row), int(members.offsets[row])
    size = int(members.sizes[row])
    if size > _MOST_BYTES:
        raise TooLargeError(
            f"a list of classes of {size:,} bytes; the limit is {_MOST_BYTES:,}", member=name
        )
    try:
        content = archive.opened().read(offset, size)
    except FastinetError as error:
        raise error.in_member(name) from None
    lines = bytes(content).decode("utf-8", "surrogateescape").splitlines()
    found = [
        (number, _LINE.fullmatch(line)) for number, line in enumerate(lines, 1) if line.strip()
    ]
    if not any(match for _, match in found):
        return {}
    told: dict[str, int] = {}
    for number, match in found:
        if match is None:
            raise CorruptError(
                f"line {number} has no name of an image and wnid, with a tab between them, and"
                " others have; without this file the images are passed over",
                member=name,
            )
        wnid = wnid_number(match[2])
        if told.setdefault(match[1], wnid) != wnid:
            raise CorruptError(
                f"line {number} gives '{match[1]}' another class than a line before; take one of"
                " the two away",
                member=name,
            )
    return told

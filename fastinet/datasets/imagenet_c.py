"""ImageNet-C: the validation images under 19 corruptions, each in five severities.

Five tars have some of the corruptions each (hendrycks/robustness; zenodo.org/record/2235448)::

    noise.tar      gaussian_noise/3/n01440764/ILSVRC2012_val_00000293.JPEG    also shot, impulse
    blur.tar       defocus_blur, glass_blur, motion_blur, zoom_blur
    weather.tar    snow, frost, fog, brightness
    digital.tar    contrast, elastic_transform, pixelate, jpeg_compression
    extra.tar      speckle_noise, gaussian_blur, spatter, saturate

A corruption in one severity is a *split*, "gaussian_noise/3", so that all that is open has one
table of classes, that of ImageNet-1K. The number in the name is that of the validation image, which
comes in each split once; within a split, items come in the order of these numbers, so that item i
is the same image in all of them.

Other sets may be laid out alike, as Tiny-ImageNet-C is, whose images have other names and 200
classes. Therefore any name counts as that of a corruption where the images below it have numbers as
the validation images have; where they have none, the published names count.

The layout is known from the readme, from TensorFlow Datasets and from users' scripts, not from an
archive that was looked at.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastinet.datasets.entries import folders_of
from fastinet.datasets.key_labels import imagenet1k_wnid_numbers, published_wnids, wnids_told
from fastinet.datasets.listing import Others, Split
from fastinet.datasets.path_splits import common_folder, image_numbers
from fastinet.datasets.published import CORRUPTIONS
from fastinet.datasets.scanned import wnid_number, wnid_text
from fastinet.errors import CorruptError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastinet.datasets.listing import Listing
    from fastinet.datasets.names import Ints
    from fastinet.datasets.scanned import ScannedMembers

__all__ = [
    "FAMILY",
    "Corrupted",
    "CorruptedImages",
    "corrupted_folder",
    "corrupted_images",
    "recognise",
]

FAMILY = "imagenet_c"

_PUBLISHED = frozenset(itertools.chain(*CORRUPTIONS.values()))
_FOLDER = re.compile(r"(?:(.*)/)?([^/]+)/([1-9][0-9]?)/(n[0-9]{8})", re.DOTALL)
_LOOKED_AT = 100
_MOST_SPLITS = 127  # a split's number is an int8 in the index


class Corrupted(NamedTuple):
    """What a folder tells whose images are of one class, corrupted in one way."""

    above: str
    """Path of the folder around; "": there is none."""
    corruption: str
    severity: int
    wnid: int
    """The number in it."""

    @property
    def split(self) -> str:
        """As "gaussian_noise/3"."""
        return f"{self.corruption}/{self.severity}"


def corrupted_folder(folder: str, archive: str = "") -> Corrupted | None:
    """What the path of a folder tells; None: it is none of a corruption, severity and class.

    The name of the opened `archive` counts as a folder around.
    """
    found = _FOLDER.fullmatch(folder)
    if found is None:
        name = archive.removesuffix(".gz").removesuffix(".tgz").removesuffix(".tar")
        found = _FOLDER.fullmatch(f"{name}/{folder}") if name else None
    if found is None:
        return None
    above, corruption, severity, wnid = found.groups()
    return Corrupted(above or "", corruption, int(severity), wnid_number(wnid))


class CorruptedImages(NamedTuple):
    """Which split and class n images are of."""

    splits: list[str]
    """The names of the splits, in their order."""
    split: Ints
    """[n] index into `splits`; -1: they do not lie as ImageNet-C's images do."""
    wnid: Ints
    """[n] the number in it; -1 likewise."""


def corrupted_images(members: ScannedMembers, rows: Ints) -> CorruptedImages:
    """The splits and classes of the images `rows`, n of the members."""
    place, places = _places(members, rows, image_numbers(members.names)[1])
    splits, split_of_place = _named_splits(places)
    # Index -1, of no such place, takes the last one.
    wnids = np.array([*(each.wnid for each in places), -1], np.int64)
    return CorruptedImages(splits, np.append(split_of_place, -1)[place], wnids[place])


def recognise(members: ScannedMembers) -> Listing | None:
    """The listing of the members, or None when their images do not lie as ImageNet-C's.

    Raises:
        CorruptError: two images of a split have the same number.
        UnsupportedError: there are images of other archives beside them, or too many splits.
    """
    # Where most are, some of a few are: other archives need not have all their names looked at.
    some = range(0, len(members), len(members) // _LOOKED_AT + 1)
    if not any(corrupted_folder(members.name(row).rpartition("/")[0], "?") for row in some):
        return None
    rows = np.flatnonzero(members.images())
    names, splits, wnids = corrupted_images(members, rows)
    if not names:
        return None
    _refuse_others(members, rows[splits < 0])
    rows, splits, wnids = (each[splits >= 0] for each in (rows, splits, wnids))
    if len(names) > _MOST_SPLITS:
        raise UnsupportedError(
            f"{len(names)} corruptions and severities, and one dataset has {_MOST_SPLITS} splits at"
            " most: open the tars, or the folders of the corruptions, by themselves"
        )
    numbers = image_numbers(members.names)[1]
    order = np.lexsort((numbers[rows], splits))
    rows, splits, wnids = (each[order] for each in (rows, splits, wnids))
    _refuse_twins(members, rows, numbers, splits, names)
    classes = _classes(members, wnids, numbers[rows])
    items = np.zeros(len(members), np.bool_)
    items[rows] = True
    others = Others(
        np.flatnonzero(~items), "entries skipped that are no images of a corruption and a severity"
    )
    wnid_texts = tuple(wnid_text(number) for number in classes.tolist())
    return members.listing(
        rows,
        family=FAMILY,
        labels=np.searchsorted(classes, wnids).astype(np.int64),
        splits=tuple(Split(name, wnid_texts) for name in names),
        item_split=splits.astype(np.int8) if len(names) > 1 else None,
        skipped=len(others.rows),
        notes=tuple(_contradictions(members, rows, wnids)),
        others=others,
    )


def _places(members: ScannedMembers, rows: Ints, numbers: Ints) -> tuple[Ints, list[Corrupted]]:
    """[n] index of where each image lies, and these places, each once; -1: not as ImageNet-C's."""
    folder, folders = members.names.take(rows).folders()
    archives = [archive.name for archive in members.archives]
    # The same folder may be in several archives, which may be called otherwise.
    pair_of_image = members.archive[rows].astype(np.int64) * len(folders) + folder
    pairs, of_pair = np.unique(pair_of_image, return_inverse=True)
    has_number = np.zeros(len(pairs), np.bool_)
    has_number[of_pair[numbers[rows] >= 0]] = True
    found: dict[Corrupted, int] = {}
    places = np.full(len(pairs), -1, np.int64)
    for i, (pair, numbered) in enumerate(zip(pairs.tolist(), has_number.tolist(), strict=True)):
        told = corrupted_folder(folders[pair % len(folders)], archives[pair // len(folders)])
        if told is not None and (told.corruption in _PUBLISHED or _is_of_its_own(told, numbered)):
            places[i] = found.setdefault(told, len(found))
    return places[of_pair], list(found)


def _is_of_its_own(told: Corrupted, numbered: bool) -> bool:
    """Whether a corruption that is none of the published ones counts."""
    return numbered and told.corruption.lower() not in _SPLIT_NAMES


_SPLIT_NAMES = ("train", "val", "valid", "validation", "test")  # folders of other archives


def _refuse_others(members: ScannedMembers, others: Ints) -> None:
    """Raises UnsupportedError if there are images among `others` that have a class."""
    classed = others[wnids_told(members.names.take(others)) >= 0] if len(others) else others
    if len(classed):
        raise UnsupportedError(
            f"beside images of ImageNet-C there are {len(classed)} that lie in no folder of a"
            " corruption and a severity; this is the first. fastinet.open takes each folder by its"
            " own path",
            member=members.name(int(classed[0])),
        )


def _named_splits(places: Sequence[Corrupted]) -> tuple[list[str], Ints]:
    """The names of the splits in their order, and for each place the index of its split.

    Where one corruption comes in several folders, the path of the folder goes before, from the one
    on that is around all.
    """
    aboves: dict[str, set[str]] = {}
    for each in places:
        aboves.setdefault(each.split, set()).add(each.above)
    top = common_folder(each.above for each in places)

    def key(each: Corrupted) -> tuple[str, str, int]:
        above = each.above[len(top) :].lstrip("/") if len(aboves[each.split]) > 1 else ""
        return above, each.corruption, each.severity

    keys = sorted({key(each) for each in places})
    names = [f"{above}/{corruption}/{severity}".lstrip("/") for above, corruption, severity in keys]
    number = {found: i for i, found in enumerate(keys)}
    return names, np.array([number[key(each)] for each in places], np.int64)


def _refuse_twins(
    members: ScannedMembers, rows: Ints, numbers: Ints, splits: Ints, names: Sequence[str]
) -> None:
    """Raises CorruptError if two of `rows`, sorted by split and number, are equal in both."""
    found = numbers[rows]
    again = np.flatnonzero(
        (found[1:] >= 0) & (found[1:] == found[:-1]) & (splits[1:] == splits[:-1])
    )
    if len(again):
        first = int(again[0])
        raise CorruptError(
            f"{len(again)} images have the number of another one of their split; the first, in"
            f" '{names[int(splits[first])]}', that of '{members.name(int(rows[first]))}': open the"
            " archives, or the folder, that have each once",
            member=members.name(int(rows[first + 1])),
        )


def _classes(members: ScannedMembers, wnids: Ints, numbers: Ints) -> Ints:
    """Numbers of the wnids that labels number: ImageNet-1K's where they are validation images.

    Of other images they are those that have a folder, be it empty, or labels would move.
    """
    known = imagenet1k_wnid_numbers()
    if (numbers >= 0).all() and np.isin(wnids, known).all():
        return known
    empty = {
        told.wnid
        for archive in members.archives
        for folder in folders_of(archive.members)
        if (told := corrupted_folder(folder, archive.name)) is not None
    }
    return np.union1d(wnids, np.array([*empty], np.int64))


def _contradictions(members: ScannedMembers, rows: Ints, wnids: Ints) -> list[str]:
    """What to say of images whose folder is another class than the published one."""
    published = published_wnids(members.names.take(rows))
    wrong = np.flatnonzero((published >= 0) & (published != wnids))
    if not len(wrong):
        return []
    first = members.name(int(rows[wrong[0]]))
    note = (
        f"{len(wrong)} images are published as of another class than their folder says, which they"
        f" go by; the first, {first}, is {wnid_text(int(published[wrong[0]]))}"
    )
    return [note]

"""WebDataset shards: members that share a name, up to its first dot, are one sample.

===========================  =======================================================================
``000017.jpg``               the image: the first member of the sample whose extension is jpg, jpeg
                             or png; where there is none, the first that is an image otherwise
``000017.cls``               its label, as a decimal number
``000017.json``              or an object with the label under "label" or "cls"
===========================  =======================================================================

The dot is the first one behind the last slash, letters may be of either case, and the members of a
sample follow one another (webdataset, "The WebDataset Format"). A sample ends with its archive, so
that two shards may use one name.

Second images are passed over, those of the same name too, and a note counts them. webdataset itself
(``group_by_keys``) stops at a member whose name its sample has already, or leaves it out where it
is told to go on.

An archive is of this family when a sample in it has an image and a ``.cls``, or when the first
``.json`` of an image has a label: others say other things. From then on an image without a label is
an error, for to leave it out would shorten the epoch. Images without any label, and any other ones,
open with a :data:`~fastinet.datasets.companions.LabelFunction`. It gets the members of up to 64 KiB
by their extensions in small letters; of two with the same extension the first counts.

Labels are taken as they are. The *classes* are those of ImageNet-1K, with their names, where the
wnids and validation numbers in the images' names say so: at least one is there, and all that are
agree with the labels. Otherwise they are "0", "1", and so on up to the highest label. The *split*
is the one that all archives are called by: train-0000.tar, imagenet1k-validation-00.tar; else
"train".

A folder that shards were extracted to is none of these: its index would not notice another label in
a file. It opens with a function.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastinet.base.checks import whole_number
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.companions import (
    MOST_CLASSES,
    MOST_COMPANION_BYTES,
    LabelFunction,
    has_label,
    label_of,
)
from fastinet.datasets.ilsvrc import validation_numbers
from fastinet.datasets.listing import Split
from fastinet.datasets.scanned import ScannedMembers, wnid_number
from fastinet.datasets.validation import VALIDATION_IMAGES, validation_labels
from fastinet.errors import CorruptError, FastinetError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastinet.datasets.listing import Listing
    from fastinet.datasets.names import Bools, Ints, Names

__all__ = ["FAMILY", "label_by_function", "recognise"]

FAMILY = "webdataset"

_IMAGE_EXTENSIONS = ("jpg", "jpeg", "png")
_SPLITS = {"train": "train", "val": "val", "validation": "val", "test": "test"}


def recognise(members: ScannedMembers) -> Listing | None:
    """The listing of the shards, or None when no sample in them has an image and a label.

    Raises:
        CorruptError: an image without a label, or a label that is none; it names the member.
    """
    numbers = members.names.have_extension("cls")
    objects = members.names.have_extension("json")
    if not (numbers | objects).any() or any(archive.is_folder for archive in members.archives):
        return None
    samples = _Samples.of(members)
    found = samples.companions(numbers)
    found = np.where(found >= 0, found, samples.companions(objects))
    if not _speak_of_labels(members, found, numbers):
        return None
    _check_labelled(members, samples.items[found < 0])
    return _listing(members, samples, _read_labels(members, found, numbers))


def label_by_function(members: ScannedMembers, function: LabelFunction) -> Listing | None:
    """The listing of all images in the archives with the labels that a function gives them.

    Returns:
        None when there is no image.

    Raises:
        ValueError: the function gave something that is no label; what it raises comes through.
    """
    samples = _Samples.of(members)
    if not len(samples.items):
        return None
    owners, rows = samples.all_companions(members.sizes <= MOST_COMPANION_BYTES)
    contents = _contents(members, rows)
    waiting = next(contents, None)
    place = 0
    labels = np.zeros(len(samples.items), np.int64)
    for item, row in enumerate(samples.items.tolist()):
        companions: dict[str, bytes] = {}
        while waiting is not None and owners[place] == item:
            companions.setdefault(_extension(members.name(waiting[0])), waiting[1])
            waiting, place = next(contents, None), place + 1
        key = members.name(row)
        what = f"the label of '{key}'"
        labels[item] = whole_number(what, function(key, companions), -1, MOST_CLASSES - 1)
    return _listing(members, samples, labels, chosen=True)


def _extension(name: str) -> str:
    return name.rpartition("/")[2].partition(".")[2].lower()


# ------------------------------------------------------------------------------------- samples


@dataclass(frozen=True)
class _Samples:
    """Members grouped to samples; of n of them one is an image."""

    of_members: Ints
    """[N] number of the sample that each member belongs to, rising; -1: to none."""
    images: Bools
    """[N] which members are images."""
    items: Ints
    """[n] the members that are the items, rising."""

    @classmethod
    def of(cls, members: ScannedMembers) -> _Samples:
        """The samples of all members, but for the files that macOS adds to each."""
        own = np.flatnonzero(~members.apple_doubles())
        begins = ~members.names.take(own).go_on_a_sample()
        begins[1:] |= np.diff(members.archive[own]) != 0
        of_members = np.full(len(members), -1, np.int64)
        of_members[own] = np.cumsum(begins) - 1
        images = members.images()
        named: Bools = np.zeros(len(members), np.bool_)
        for extension in _IMAGE_EXTENSIONS:
            named |= members.names.have_extension(extension)
        # Of each sample the first that is called as images are, else the first.
        rows = np.flatnonzero(images)
        rows = rows[np.lexsort((rows, ~named[rows], of_members[rows]))]
        items = rows[np.unique(of_members[rows], return_index=True)[1]]
        return cls(of_members, images, items)

    def companions(self, of_kind: Bools) -> Ints:
        """[n] the first member of that kind in each item's sample; -1: there is none."""
        rows = np.flatnonzero(of_kind & (self.of_members >= 0))
        found: Ints = np.full(len(self.items), -1, np.int64)
        if len(rows):
            wanted, there = self.of_members[self.items], self.of_members[rows]
            near = np.minimum(np.searchsorted(there, wanted), len(rows) - 1)
            found = np.where(there[near] == wanted, rows[near], -1)
        return found

    def all_companions(self, of_kind: Bools) -> tuple[Ints, Ints]:
        """All members of that kind beside an item in its sample: whose they are, and their rows."""
        of_kind = of_kind & (self.of_members >= 0)
        of_kind[self.items] = False
        rows = np.flatnonzero(of_kind)
        wanted, there = self.of_members[rows], self.of_members[self.items]
        owners = np.minimum(np.searchsorted(there, wanted), len(self.items) - 1)
        owned = there[owners] == wanted
        return owners[owned], rows[owned]

    def idle(self) -> tuple[Ints, Ints]:
        """Members that nobody has a use for: second images, and samples without any image."""
        second = self.images.copy()
        second[self.items] = False
        alone = ~np.isin(self.of_members, self.of_members[self.items])
        return np.flatnonzero(second), np.flatnonzero(alone)


# -------------------------------------------------------------------------------------- labels


def _speak_of_labels(members: ScannedMembers, found: Ints, numbers: Bools) -> bool:
    """Whether the companions that were found for the images are labels."""
    rows = found[found >= 0]
    if not len(rows):
        return False
    if numbers[rows].any():
        return True
    if members.sizes[rows[0]] > MOST_COMPANION_BYTES:
        return False
    ((_, content),) = _contents(members, rows[:1])
    return has_label(content)


def _check_labelled(members: ScannedMembers, bare: Ints) -> None:
    """Raises CorruptError if there is a member in `bare`: images without a label."""
    if len(bare):
        row = int(bare[0])
        raise CorruptError(
            f"{len(bare)} images have no label, no .cls or .json right beside them; this is the "
            "first. Give labels= a function of the key, or repack the shard",
            archive=members.archive_of(row).name,
            member=members.name(row),
            offset=int(members.offsets[row]),
        )


def _read_labels(members: ScannedMembers, found: Ints, numbers: Bools) -> Ints:
    """[n] the labels in the members `found`: most are numbers that the scan has read already."""
    labels = np.where(numbers[found], _short_numbers(members, found), np.int64(-1))
    unread = np.flatnonzero(labels < 0)
    for item, (row, content) in zip(
        unread.tolist(), _contents(members, found[unread]), strict=True
    ):
        try:
            if len(content) < members.sizes[row]:
                raise ValueError(f"it has {members.sizes[row]} bytes")
            labels[item] = label_of(content, _extension(members.name(row)))
        except ValueError as error:
            raise CorruptError(
                f"it holds no label: {error}",
                archive=members.archive_of(row).name,
                member=members.name(row),
                offset=int(members.offsets[row]),
            ) from None
    return labels


def _contents(members: ScannedMembers, rows: Ints) -> Iterator[tuple[int, bytes]]:
    """(row, content) of the members `rows`, which rise; of a large one only its beginning."""
    opened, source = -1, None
    for row in rows.tolist():
        if source is None or members.archive[row] != opened:
            opened = int(members.archive[row])
            source = members.archives[opened].opened()
        size = min(int(members.sizes[row]), MOST_COMPANION_BYTES)
        try:
            content = source.read(int(members.offsets[row]), size)
        except FastinetError as error:
            raise error.in_member(members.name(row)) from None
        yield row, content


def _short_numbers(members: ScannedMembers, rows: Ints) -> Ints:
    """[n] the decimal numbers that these members are, as far as their heads tell; or -1."""
    heads, sizes = members.heads[rows], members.sizes[rows].astype(np.int64)
    places = np.arange(heads.shape[1])
    inside = places < sizes[:, None]
    digits = inside & (heads >= ord("0")) & (heads <= ord("9"))
    length = digits.cumprod(axis=1).sum(axis=1)
    space = np.isin(heads, np.frombuffer(b" \t\r\n", np.uint8))
    rest_is_space = (space | ~inside | (places < length[:, None])).all(axis=1)
    value: Ints = np.zeros(len(rows), np.int64)
    for place in places.tolist():
        value = np.where(place < length, value * 10 + heads[:, place] - ord("0"), value)
    plain = (sizes <= heads.shape[1]) & (length > 0) & rest_is_space & (value < MOST_CLASSES)
    return np.where(plain, value, -1)


# ------------------------------------------------------------------------------------- listing


def _listing(
    members: ScannedMembers, samples: _Samples, labels: Ints, *, chosen: bool = False
) -> Listing:
    """The listing of the samples' images; labels that the user has chosen are not questioned."""
    items = samples.items
    classes, contradiction = _classes(labels, members.names.take(items))
    second, alone = samples.idle()
    specials = sum(archive.members.special_entries for archive in members.archives)
    notes = (
        _note(members, second, "images passed over, for their samples have one before them"),
        _note(members, alone, "members skipped that belong to no image"),
        f"{specials} entries skipped that are links, devices or vendor records" if specials else "",
        "" if chosen else contradiction,
    )
    return members.listing(
        items,
        family=FAMILY,
        labels=labels,
        splits=(Split(_split(members), classes),),
        skipped=len(second) + len(alone) + specials,
        notes=tuple(filter(None, notes)),
    )


def _note(members: ScannedMembers, rows: Ints, what: str) -> str:
    if not len(rows):
        return ""
    shown = [members.name(row) for row in rows[:3].tolist()]
    return f"{len(rows)} {what}: {', '.join(shown)}{', ...' if len(rows) > 3 else ''}"


def _split(members: ScannedMembers) -> str:
    words = {
        tuple(
            dict.fromkeys(
                _SPLITS[word]
                for word in re.findall(r"[a-z]+", archive.name.lower())
                if word in _SPLITS
            )
        )
        for archive in members.archives
    }
    (common,) = words if len(words) == 1 else ((),)
    return common[0] if len(common) == 1 else "train"


def _classes(labels: Ints, names: Names) -> tuple[tuple[str, ...], str]:
    """The classes of these labels of images with these names, and what the user should hear."""
    known = imagenet1k_wnids()
    wnids = _wnids_in(names)
    told = (wnids >= 0) & (labels >= 0)
    if labels.max() < 0:  # as of other archives without labels
        return known, ""
    numbered = tuple(map(str, range(int(labels.max()) + 1)))
    if not told.any():
        return numbered, ""
    numbers = np.array([wnid_number(wnid) for wnid in known])
    beyond = labels >= len(known)
    wrong = np.flatnonzero(told & (beyond | (numbers[np.where(beyond, 0, labels)] != wnids)))
    if not len(wrong) and not beyond.any():
        return known, ""
    if not len(wrong):
        return numbered, ""
    return numbered, (
        f"the classes have numbers and no names, for {len(wrong)} labels are other ones than"
        f" ImageNet-1K gives the wnids in the images' names: {names[int(wrong[0])]} has"
        f" {labels[wrong[0]]}"
    )


def _wnids_in(names: Names) -> Ints:
    """[n] number of the wnid that a name tells, itself or as a validation image's; -1: none."""
    wnids = names.folder_wnids()
    for told in (names.stem_wnids(), names.base_wnids()):
        wnids = np.where(wnids >= 0, wnids, told)
    numbers = validation_numbers(names)
    published = (wnids < 0) & (numbers >= 1) & (numbers <= VALIDATION_IMAGES)
    known = np.array([wnid_number(wnid) for wnid in imagenet1k_wnids()])
    wnids[published] = known[validation_labels()[numbers[published] - 1]]
    return wnids

"""WebDataset shards: members of one archive that share a name, up to its first dot, are one sample.

===========================  =======================================================================
``000017.jpg``               the image: the first member of the sample whose extension is jpg, jpeg
                             or png; where there is none, the first that is an image otherwise
``000017.cls``               its label, as a decimal number
``000017.json``              or an object with the label under "label" or "cls"
===========================  =======================================================================

:mod:`fastinet.datasets.samples` says in full which members are one sample. A sample ends with its
archive, so that two shards may use one name.

Second images are passed over, those of the same name too, and a note counts them. webdataset itself
(``group_by_keys``) stops at a member whose name its sample has already, or leaves it out where it
is told to go on.

An archive is of this family when a sample in it has an image and a ``.cls``, or when the first
``.json`` of an image has a label: others say other things. From then on an image without a label is
an error, for to leave it out would shorten the epoch. Images without any label, and any other ones,
open with a :data:`~fastinet.datasets.companions.LabelFunction`. It gets the members of up to 64 KiB
by their extensions in small letters; of two with the same extension the first counts. Class folders
stay what they are: there it is asked for every image.

Labels are taken as they are. The *classes* are told by the wnids and validation numbers in the
images' names, or by what their ``.json`` calls a wnid (:func:`companions.wnid_in`): those of the
one published list that agrees with all labels, such as ImageNet-1K's or 21K-P's; else those that
are told, if each wnid has one label and each label one wnid, and "0", "1", and so on for the labels
between them, as for all where none is told or they contradict each other.

The *splits* are told as those of other archives, by folders and by the archives' names:
train-0000.tar beside imagenet1k-validation-00.tar (:mod:`fastinet.datasets.shard_splits`). All have
one table of classes, for labels are what they are. Items come split by split, in the order of the
archives.

A folder that shards were extracted to is one archive. Its index holds as long as its ``.cls`` and
``.json`` have the sizes and times that they had (:meth:`FolderArchive.identify`).
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fastinet.base.checks import whole_number
from fastinet.datasets.companion_columns import CompanionColumns
from fastinet.datasets.companions import (
    MOST_CLASSES,
    MOST_COMPANION_BYTES,
    LabelFunction,
    asked_label,
    has_label,
    label_of,
    wnid_in,
)
from fastinet.datasets.key_labels import wnids_told
from fastinet.datasets.listing import Split
from fastinet.datasets.samples import IsLabel, Samples, extension_of
from fastinet.datasets.scanned import ScannedMembers, wnid_number
from fastinet.datasets.shard_classes import classes_of_labels
from fastinet.datasets.shard_splits import shard_splits, splits_without_function
from fastinet.errors import CorruptError, FastinetError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastinet._native._engine import Source
    from fastinet.datasets.listing import Listing
    from fastinet.datasets.names import Bools, Ints
    from fastinet.datasets.shard_splits import ShardSplits

__all__ = ["FAMILY", "label_by_function", "recognise"]

FAMILY = "webdataset"


def recognise(members: ScannedMembers) -> Listing | None:
    """The listing of the shards, or None when no sample in them has an image and a label.

    Raises:
        CorruptError: an image without a label, or a label that is none; it names the member.
        UnsupportedError: an image that has a label by two readings of its name; splits that are not
            plain.
    """
    may_be_labels = members.names.ends_with(".cls") | members.names.ends_with(".json")
    if not may_be_labels.any():
        return None
    samples = Samples.of(members, _label_test(members))
    found, numbers = _label_files(members, samples)
    if not _speak_of_labels(members, found, numbers):
        return None
    _check_labelled(members, samples.items[found < 0])
    samples, splits = _in_split_order(samples, shard_splits(members, samples.items))
    found, numbers = _label_files(members, samples)
    return _listing(members, samples, splits, _read_labels(members, found, numbers))


def label_by_function(members: ScannedMembers, function: LabelFunction) -> Listing | None:
    """The listing of all images in the archives with the labels that a function gives them.

    Returns:
        None when there is no image.

    Raises:
        ValueError: the function gave something that is no label; what it raises comes through.
        UnsupportedError: it is not plain which archive is of which split.
    """
    is_label = _label_test(members)
    samples = Samples.of(members, is_label, either=True).by_function(members, is_label)
    if not len(samples.items):
        return None
    labelled = _speak_of_labels(members, *_label_files(members, samples))
    splits = splits_without_function(members, samples.items, labelled=labelled)
    samples, splits = _in_split_order(samples, splits)
    owners, rows = samples.all_companions(members.sizes <= MOST_COMPANION_BYTES)
    unread = zip(owners.tolist(), _contents(members, rows), strict=True)
    owner, found = next(unread, (-1, None))
    labels = np.zeros(len(samples.items), np.int64)
    for item, row in enumerate(samples.items.tolist()):
        companions: dict[str, bytes] = {}
        while found is not None and owner == item:
            beside = found[0]
            extension = extension_of(members.name(beside), parted=bool(samples.parted[beside]))
            companions.setdefault(extension, found[1])
            owner, found = next(unread, (-1, None))
        key = members.name(row)
        archive = members.archive_of(row).name
        label = asked_label(function, key, companions, archive)
        what = f"archive '{archive}': the label of '{key}'"
        labels[item] = whole_number(what, label, -1, MOST_CLASSES - 1)
    return _listing(members, samples, splits, labels, chosen=True)


# -------------------------------------------------------------------------------------- labels


def _label_test(members: ScannedMembers) -> IsLabel:
    """Tells of a ``.cls`` or ``.json`` whether a label is in it."""

    @functools.lru_cache(maxsize=1)  # they are asked for archive by archive
    def opened(number: int) -> Source:
        return members.archives[number].opened()

    def is_label(row: int) -> bool:
        if extension_of(members.name(row), parted=True) == "cls":
            return True
        if members.sizes[row] > MOST_COMPANION_BYTES:
            return False
        try:
            source = opened(int(members.archive[row]))
            content = source.read(int(members.offsets[row]), int(members.sizes[row]))
        except FastinetError as error:
            raise error.in_member(members.name(row)) from None
        return has_label(content)

    return is_label


def _label_files(members: ScannedMembers, samples: Samples) -> tuple[Ints, Bools]:
    """[n] the member beside each item that may have its label, or -1; [N] which are ``.cls``."""
    numbers = samples.have_extension(members.names, "cls")
    found = samples.companions(numbers)
    objects = samples.companions(samples.have_extension(members.names, "json"))
    return np.where(found >= 0, found, objects), numbers


def _speak_of_labels(members: ScannedMembers, found: Ints, numbers: Bools) -> bool:
    """Whether the companions that were found for the images are labels."""
    rows = found[found >= 0]
    if not len(rows):
        return False
    if numbers[rows].any():
        return True
    return _label_test(members)(int(rows[0]))


def _check_labelled(members: ScannedMembers, bare: Ints) -> None:
    """Raises CorruptError if there is a member in `bare`: images without a label."""
    if len(bare):
        row = int(bare[0])
        raise CorruptError(
            f"{len(bare)} images have no label, no .cls or .json in their archives with their names"
            " up to the first dot, nor each up to its last dot; this is the first. Give labels= a"
            " function of key and companions",
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
            labels[item] = label_of(content, extension_of(members.name(row), parted=True))
        except ValueError as error:
            raise CorruptError(
                f"it holds no label: {error}; labels= takes a function of key and companions that"
                " gives one",
                archive=members.archive_of(row).name,
                member=members.name(row),
                offset=int(members.offsets[row]),
            ) from None
    return labels


def _contents(members: ScannedMembers, rows: Ints) -> Iterator[tuple[int, bytes]]:
    """(row, content) of the members `rows`, in that order; of a large one only its beginning."""
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
    columns = np.arange(heads.shape[1])
    inside = columns < sizes[:, None]
    digits = inside & (heads >= ord("0")) & (heads <= ord("9"))
    length = digits.cumprod(axis=1).sum(axis=1)
    space = np.isin(heads, np.frombuffer(b" \t\r\n", np.uint8))
    rest_is_space = (space | ~inside | (columns < length[:, None])).all(axis=1)
    value: Ints = np.zeros(len(rows), np.int64)
    for column in columns.tolist():
        value = np.where(column < length, value * 10 + heads[:, column] - ord("0"), value)
    plain = (sizes <= heads.shape[1]) & (length > 0) & rest_is_space & (value < MOST_CLASSES)
    return np.where(plain, value, -1)


# ------------------------------------------------------------------------------------- listing


def _in_split_order(samples: Samples, splits: ShardSplits) -> tuple[Samples, ShardSplits]:
    """The items sorted by split, and else in their order."""
    order = np.argsort(splits.of_rows, kind="stable")
    in_order = splits._replace(of_rows=splits.of_rows[order])
    return replace(samples, items=samples.items[order]), in_order


def _listing(
    members: ScannedMembers,
    samples: Samples,
    splits: ShardSplits,
    labels: Ints,
    *,
    chosen: bool = False,
) -> Listing:
    """The listing of the samples' images; labels that the user has chosen are not questioned."""
    items = samples.items
    told = _told_by_names(members, samples)
    if not chosen:
        told = _told_by_objects(members, samples, told)
    classes, contradiction = classes_of_labels(
        labels, told, members.names.take(items), chosen=chosen
    )
    second, alone = samples.idle()
    unread = members.unread_images()[alone] if len(alone) else np.zeros(0, np.bool_)
    parted = items[samples.parted[items]]
    notes = (
        _note(members, second, "images passed over, for another one is the item of their samples"),
        _note(
            members,
            alone[unread],
            "images passed over that are neither JPEG nor PNG: convert them, Pillow reads most",
        ),
        _note(members, alone[~unread], "members skipped that belong to no image"),
        _note(
            members,
            parted,
            "images have names with several dots, and go with the files that have their names up to"
            " the last one",
        ),
        "" if chosen else contradiction,
    )
    listing = members.listing(
        items,
        family=FAMILY,
        labels=labels,
        splits=tuple(Split(name, classes) for name in splits.names),
        item_split=splits.of_rows.astype(np.int8) if len(splits.names) > 1 else None,
        skipped=len(second) + len(alone),
        notes=tuple(filter(None, notes)),
    )
    return replace(listing, companions=_companions(members, samples))


def _companions(members: ScannedMembers, samples: Samples) -> CompanionColumns | None:
    """All files of the samples but their items."""
    owners, rows = samples.all_companions(np.ones(len(members), np.bool_))
    names = members.names.take(rows)
    shared = [
        len(stem) if parted else len(key)
        for key, stem, parted in zip(
            names.sample_keys(), names.stems(), samples.parted[rows].tolist(), strict=True
        )
    ]
    places = members.offsets[rows], members.sizes[rows], members.archive[rows]
    return CompanionColumns.of(owners.tolist(), places, names.whole(), shared)


def _note(members: ScannedMembers, rows: Ints, what: str) -> str:
    if not len(rows):
        return ""
    shown = [members.name(row) for row in rows[:3].tolist()]
    return f"{len(rows)} {what}: {', '.join(shown)}{', ...' if len(rows) > 3 else ''}"


def _told_by_names(members: ScannedMembers, samples: Samples) -> Ints:
    """[n] number of the wnid that the name of each item tells; -1: it tells none."""
    return wnids_told(members.names.take(samples.items))


def _told_by_objects(members: ScannedMembers, samples: Samples, told: Ints) -> Ints:
    """[n] the same, and for items whose names tell none, what their ``.json`` says.

    As with labels, the first one shows whether they do.
    """
    found = samples.companions(samples.have_extension(members.names, "json"))
    items = np.flatnonzero((told < 0) & (found >= 0))
    told = told.copy()
    for item, (row, content) in zip(items.tolist(), _contents(members, found[items]), strict=True):
        if members.sizes[row] <= MOST_COMPANION_BYTES:
            told[item] = wnid_number(wnid_in(content))
        if item == items[0] and told[item] < 0:
            break
    return told

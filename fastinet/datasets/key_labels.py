"""The label rule: what the key of an image alone tells of its class.

These questions have the answer, and are asked in this order (a wnid is "n" and eight digits):

=========================  =========================================================================
``Names.folder_wnids``     Which is the innermost folder that is a wnid? ``train/n01440764/x.JPEG``
``numbered_folder_wnids``  Which label is the folder called by? ImageNet-V2's are: ``v2/7/3.jpeg``
``Names.stem_wnids``       Which wnid does the name end with? Hugging Face's flat archives have it:
                           ``ILSVRC2012_val_00000001_n01751748.JPEG``
``published_wnids``        Which class is published for the number of this validation image?
                           ``ILSVRC2012_val_00000001.JPEG``
``Names.base_wnids``       Which wnid does the name begin with? ``n01440764_10026.JPEG``
=========================  =========================================================================

The folder goes first because it may differ from the name (``n06470073/n00141669_6790``).

Whole archives ask for all keys at once (:func:`wnids_told`), streams for the keys of a batch that
has arrived (:class:`KeyLabels`). They differ in this: a whole archive knows its family, and folders
with numbers tell labels in an archive that is ImageNet-V2 as a whole
(:mod:`fastinet.datasets.imagenet_v2`), and in no other one. A stream does not know what will come;
it takes such a folder for what it looks like, and refuses when another kind of label follows.

A stream cannot tell a label from a wnid before it knows all classes, for labels number those that
the archive has. It needs to be given them. Published labels and ImageNet-V2's numbers are labels
among the 1000 of ImageNet-1K, or the classes that are given. One that is given ObjectNet's classes
takes the labels of its folders.
"""

from __future__ import annotations

import functools
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastinet._native import _paths
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.companions import label_of, may_have_label
from fastinet.datasets.names import Names
from fastinet.datasets.objectnet_classes import objectnet_classes
from fastinet.datasets.path_splits import ALL, VALIDATION_PREFIX, image_numbers
from fastinet.datasets.published import lists_with_class
from fastinet.datasets.scanned import wnid_number, wnid_text
from fastinet.datasets.validation import VALIDATION_IMAGES, validation_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fastinet.datasets.names import Ints

__all__ = [
    "KeyLabels",
    "contradictions_note",
    "imagenet1k_wnid_numbers",
    "label_of_numbered_folder",
    "published_wnids",
    "told_by_keys",
    "validation_numbers",
    "wnids_told",
]

_TRAIN = "train"

_NUMBERED_FOLDER = re.compile(r"(?:.*/)?(0|[1-9][0-9]{0,2})/(?:[0-9]{1,2}|[0-9a-f]{40})\.jpeg")


# ------------------------------------------------------------------------------------ the questions


@functools.cache
def imagenet1k_wnid_numbers() -> Ints:
    """int64 [1000], read-only: the numbers of ImageNet-1K's wnids, by label."""
    numbers = np.array([wnid_number(wnid) for wnid in imagenet1k_wnids()], np.int64)
    numbers.flags.writeable = False
    return numbers


def validation_numbers(keys: Names) -> Ints:
    """[N] the i of each ILSVRC2012_val_{i:08d}, from 1 on; -1: another name."""
    return keys.numbers_after(VALIDATION_PREFIX)


def published_wnids(keys: Names) -> Ints:
    """[N] number of the wnid that is published for a validation image; -1: none is."""
    labels = _published_labels(validation_numbers(keys))
    return np.where(labels >= 0, imagenet1k_wnid_numbers()[labels], np.int64(-1))


def _published_labels(numbers: Ints) -> Ints:
    """[N] label of validation image i of each of these; -1: there is no such image."""
    labels = np.full(len(numbers), -1, np.int64)
    known = (numbers >= 1) & (numbers <= VALIDATION_IMAGES)
    if known.any():  # else the list need not be read
        labels[known] = validation_labels()[numbers[known] - 1]
    return labels


def label_of_numbered_folder(key: str) -> int:
    """The label, 0 to 999, that the folder of one of ImageNet-V2's images is called by; -1: none.

    Its images are called by one or two digits, or by a SHA-1.
    """
    found = _NUMBERED_FOLDER.fullmatch(key)
    return int(found.group(1)) if found else -1


def numbered_folder_wnids(keys: Names) -> Ints:
    """[N] number of the wnid that has the label which the folder is called by; -1: none."""
    labels = np.full(len(keys), -1, np.int64)
    for row in np.flatnonzero(keys.lie_in_folders()).tolist():
        labels[row] = label_of_numbered_folder(keys[row])
    return np.where(labels >= 0, imagenet1k_wnid_numbers()[labels], np.int64(-1))


# ----------------------------------------------------------------------------------------- the rule

_IN_ARCHIVES = (Names.folder_wnids, Names.stem_wnids, published_wnids, Names.base_wnids)
_WNIDS_BEFORE_NUMBERS = (Names.folder_wnids, Names.stem_wnids)


def wnids_told(keys: Names, questions: Sequence[Callable[[Names], Ints]] = _IN_ARCHIVES) -> Ints:
    """[N] number of the wnid that is the class of each key; -1: nothing in it tells one.

    Each of `questions` is asked for the keys that those before it have left open; as a rule they
    are those for an archive that is no ImageNet-V2.
    """
    wnids = np.full(len(keys), -1, np.int64)
    rows, open_keys = np.arange(len(keys)), keys
    for ask in questions:
        found = ask(open_keys)
        wnids[rows] = found
        is_open = found < 0
        if not is_open.any():
            break
        rows, open_keys = rows[is_open], open_keys.take(np.flatnonzero(is_open))
    return wnids


class _Told(NamedTuple):
    """What a key tells."""

    kind: str
    """What of it does: one of `_KINDS`; "": nothing."""
    wnid: int
    """Number of the wnid; -1: a test image's class is not known."""


_SHOWN = 3  # of many images
_KEY, _PUBLISHED, _FOLDER, _TEST = _KINDS = ("wnid", "published", "numbered folder", "test")


class KeyLabels:
    """The labels that the items of a stream have by their keys and companions.

    A ``.cls`` or ``.json`` companion goes before the key, as :func:`open_stream` says. Labels by
    companions and by keys in one stream are two numberings, and an error, as they are in an
    archive; so are labels by ImageNet-V2's numbers and by other keys.
    """

    def __init__(self, classes: Sequence[str] | None, split: str = "") -> None:
        """Labels number `classes`, wnids as a rule; None: they are not known.

        What the stream is asked for is its `split`; "": nothing.
        """
        known = imagenet1k_wnids() if classes is None else classes
        self._labels = {wnid_number(wnid): label for label, wnid in enumerate(known)}
        self._labels.pop(-1, None)  # classes that are no wnids are in no key
        label_of = {name: label for label, name in enumerate(known)}
        self._objectnet = {
            each.folder: label_of[each.title]
            for each in objectnet_classes()
            if each.title in label_of
        }
        self._classes = len(known)
        self._are_known = classes is not None
        self._split = split
        self._first: tuple[str, str] | None = None  # what the first label was told by; its key
        self._contradictions = 0
        self._contradicting: list[str] = []  # the first few of them

    def __call__(self, items: Sequence[tuple[str, Mapping[str, bytes]]]) -> Iterator[int]:
        """The labels of items, (key, companions) each, in their order; -1: a test image.

        The iterator raises ValueError at the first item that has no label, and says what to do.
        """
        extensions = [_label_extension(files) for _, files in items]
        bare = [key for (key, _), extension in zip(items, extensions, strict=True) if not extension]
        told = told_by_keys(bare)
        for (key, files), extension in zip(items, extensions, strict=True):
            if extension:
                self._check_one_numbering("companion", key)
                yield label_of(files[extension], extension)
                continue
            found = next(told)
            by_objectnet = self._objectnet.get(PurePosixPath(key).parent.name, -1)
            if not found.kind and by_objectnet >= 0:
                self._check_one_numbering("key", key)
                yield by_objectnet
                continue
            if not found.kind:
                raise ValueError(_why_not_told(key, self._split))
            self._check_one_numbering("folder" if found.kind == _FOLDER else "key", key)
            if found.kind == _KEY and VALIDATION_PREFIX in key:
                self._compare_with_published(key, found.wnid)
            yield -1 if found.wnid < 0 else self._of_class(found)

    def _compare_with_published(self, key: str, wnid: int) -> None:
        published = int(published_wnids(Names.of([key]))[0])
        if published not in (-1, wnid):
            self._contradictions += 1
            if len(self._contradicting) < _SHOWN:
                self._contradicting.append(f"{key} is {wnid_text(published)}")

    def take_contradictions(self) -> str:
        """What to say of validation images so far that are in another class; "": nothing, or told.

        It is told once.
        """
        count, self._contradictions = self._contradictions, 0
        return contradictions_note(count, self._contradicting) if count else ""

    def _check_one_numbering(self, told_by: str, key: str) -> None:
        """Raises ValueError if the first label was told by something else."""
        if self._first is None:
            self._first = told_by, key
        if self._first[0] != told_by:
            by = {
                "companion": "a .cls or .json beside it",
                "folder": "the number that its folder is called by",
                "key": "its name or folder",
            }
            raise ValueError(
                f"its label is told by {by[told_by]}, and that of '{self._first[1]}' by"
                f" {by[self._first[0]]}: these may be two numberings. Stream the two kinds apart,"
                " or give labels= a function of key and companions"
            )

    def _of_class(self, told: _Told) -> int:
        """The label of the class that a key tells."""
        if not self._are_known and told.kind == _KEY:
            raise ValueError(_why_classes(told.wnid))
        label = self._labels.get(told.wnid)
        if label is not None:
            return label
        wnid = wnid_text(told.wnid)
        lists = [f'"{name}"' for name in lists_with_class(wnid)]
        advice = f"give classes={' or '.join(lists)}, or" if lists else "give classes="
        raise ValueError(
            f"class {wnid} is none of the {self._classes:,} that the stream is said to have;"
            f" {advice} all wnids in label order"
        )


def contradictions_note(count: int, shown: Sequence[str]) -> str:
    """What to say of `count` validation images, of which the first few are `shown`."""
    named = ", ".join([*shown[:_SHOWN], *(["..."] if count > _SHOWN else [])])
    return (
        f"{count} validation images have another class in their folders or names than the"
        f" published labels give them, and go by the former: {named}"
    )


def told_by_keys(keys: Sequence[str]) -> Iterator[_Told]:
    """What each key tells in a stream."""
    names = Names.of(keys)
    wnids = wnids_told(names, _WNIDS_BEFORE_NUMBERS)
    kinds = np.where(wnids >= 0, _KINDS.index(_KEY), -1)
    rows = np.flatnonzero(wnids < 0)
    if len(rows):
        others = names.take(rows)
        numbered = image_numbers(others)[0]
        base = others.base_wnids()
        # What goes before comes last.
        for found, kind in (
            (np.where(base >= 0, base, -1), _KEY),
            (np.where(numbered == 1, -1, -2), _TEST),
            (np.where(numbered == 0, published_wnids(others), -1), _PUBLISHED),
            (numbered_folder_wnids(others), _FOLDER),
        ):
            told = found >= 0 if kind != _TEST else found == -1
            wnids[rows[told]] = found[told]
            kinds[rows[told]] = _KINDS.index(kind)
    for wnid, kind in zip(wnids.tolist(), kinds.tolist(), strict=True):
        yield _Told(_KINDS[kind] if kind >= 0 else "", wnid)


def _why_classes(number: int) -> str:
    """Why a stream needs to be told its classes."""
    wnid = wnid_text(number)
    lists = [f'classes="{name}"' for name in lists_with_class(wnid)]
    named = f"{' or '.join(lists)} numbers it as fastinet.open does for an archive that has all of"
    return (
        f"it is of class {wnid}, and labels number the classes that an archive has, which a stream"
        f" cannot know before it ends: {named + ' these; ' if lists else ''}for an archive of other"
        " classes give classes= its wnids in label order, or the `classes` of a dataset"
    )


def _label_extension(files: Mapping[str, bytes]) -> str:
    """Which companion has the label: "cls", or a "json" that does not speak of other things; ""."""
    if "cls" in files:
        return "cls"
    return "json" if "json" in files and may_have_label(files["json"]) else ""


def _why_not_told(key: str, asked: str) -> str:
    """What to say of an item whose key tells no label, of a stream that was asked for a split."""
    base = key.rpartition("/")[2]
    number = base.removeprefix(VALIDATION_PREFIX)[:8]
    if base.startswith(VALIDATION_PREFIX) and len(number) == 8 and number.isdecimal():
        return f"there is no validation image {number}"
    if "\\" in key:
        return (
            "its name has backslashes, as some programs on Windows write them, where folders have"
            " slashes, so that nothing tells its label; give labels=, or pack it anew from what"
            " `tar --transform='s,\\\\,/,g' -xf TAR` extracts"
        )
    folder = PurePosixPath(key).parent.name
    if any(folder == each.folder for each in objectnet_classes()):
        return (
            f"its folder '{folder}' is one of ObjectNet's, whose labels classes=\"objectnet\""
            " numbers; for others, labels= takes a function of the key"
        )
    split = _paths.tell_of_folder(key.rpartition("/")[0]).split
    others = asked in ("", ALL) and split not in ("", _TRAIN)
    if others:
        where = f", and it is of the split '{split}', as its folder says"
        advice = f'split="{_TRAIN}" takes the training images alone; else give labels='
    else:
        where, advice = "", "give labels=, or split= if it is of one that is not wanted"
    return (
        f"neither its name nor a companion has a label{where}; {advice}; or if its .cls or .json"
        " comes elsewhere in the stream, pack them side by side:"
        " `tar --sort=name -cf TAR -C FOLDER .`"
    )

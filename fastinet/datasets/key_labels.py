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
has arrived (:class:`KeyLabels`). They differ on purpose in this:

- A whole archive knows its family. Folders with numbers tell labels in an archive that is
  ImageNet-V2 as a whole (:mod:`fastinet.datasets.imagenet_v2`), and in no other one. A stream does
  not know what will come, and takes each such folder for what it looks like.
- A stream does not look at the end of the name.
- A stream takes any eight digits for the number of a validation image; in a whole archive a dot, an
  underscore or nothing comes after them.
- In a stream the published labels are those of ImageNet-1K, whatever ``classes`` it was given.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Final

import numpy as np

from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.companions import label_of, may_have_label
from fastinet.datasets.names import Names
from fastinet.datasets.path_splits import TEST_PREFIX, VALIDATION_PREFIX
from fastinet.datasets.published import lists_with_class
from fastinet.datasets.scanned import wnid_number, wnid_text
from fastinet.datasets.validation import VALIDATION_IMAGES, validation_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fastinet.datasets.names import Ints

__all__ = [
    "KeyLabels",
    "imagenet1k_wnid_numbers",
    "label_of_numbered_folder",
    "published_wnids",
    "validation_numbers",
    "wnids_told",
]

_NUMBERED_FOLDER = re.compile(r"(?:.*/)?(0|[1-9][0-9]{0,2})/(?:[0-9]{1,2}|[0-9a-f]{40})\.jpeg")

# Stands for a stream's label where the key tells none: -1 is a label, that of test images.
_NOT_TOLD: Final = -2


# ------------------------------------------------------------------------------------ the questions


@functools.cache
def imagenet1k_wnid_numbers() -> Ints:
    """int64 [1000], read-only: the numbers of ImageNet-1K's wnids, by label."""
    numbers = np.array([wnid_number(wnid) for wnid in imagenet1k_wnids()], np.int64)
    numbers.flags.writeable = False
    return numbers


def validation_numbers(keys: Names, *, closed: bool = True) -> Ints:
    """[N] the i of each ILSVRC2012_val_{i:08d}, from 1 on; -1: another name.

    `closed` is that of :meth:`Names.numbers_after`.
    """
    return keys.numbers_after(VALIDATION_PREFIX, closed=closed)


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
_FOLDERS_IN_STREAMS = (Names.folder_wnids, numbered_folder_wnids)


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


class KeyLabels:
    """The labels that the items of a stream have by their keys and companions.

    A ``.cls`` or ``.json`` companion goes before the key, as :func:`open_stream` says.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        """Labels number `classes`, wnids as a rule."""
        self._labels = {wnid_number(wnid): label for label, wnid in enumerate(classes)}
        self._labels.pop(-1, None)  # classes that are no wnids are in no key
        self._classes = len(classes)

    def __call__(self, items: Sequence[tuple[str, Mapping[str, bytes]]]) -> Iterator[int]:
        """The labels of items, (key, companions) each, in their order; -1: a test image.

        The iterator raises ValueError at the first item that has no label, and says what to do.
        """
        extensions = [_label_extension(files) for _, files in items]
        bare = [key for (key, _), extension in zip(items, extensions, strict=True) if not extension]
        told = self._told(bare)
        for (key, files), extension in zip(items, extensions, strict=True):
            if extension:
                yield label_of(files[extension], extension)
                continue
            wnid, label = next(told)
            if wnid >= 0:
                label = self._of_class(wnid)
            elif label == _NOT_TOLD:
                raise ValueError(_why_not_told(key))
            yield label

    def _told(self, keys: Sequence[str]) -> Iterator[tuple[int, int]]:
        """For each key the number of its wnid; where that is -1, its label, or `_NOT_TOLD`."""
        if not keys:
            return iter(())
        names = Names.of(keys)
        wnids = wnids_told(names, _FOLDERS_IN_STREAMS)
        labels = np.full(len(keys), _NOT_TOLD, np.int64)
        rows = np.flatnonzero(wnids < 0)
        if len(rows):
            others = names.take(rows)
            published = _published_labels(validation_numbers(others, closed=False))
            labels[rows] = np.where(published >= 0, published, np.int64(_NOT_TOLD))
            labels[rows[others.base_begins_with(TEST_PREFIX)]] = -1
            wnids[rows] = others.base_wnids()
        return zip(wnids.tolist(), labels.tolist(), strict=True)

    def _of_class(self, number: int) -> int:
        """The label of the class whose wnid has this number."""
        label = self._labels.get(number)
        if label is not None:
            return label
        wnid = wnid_text(number)
        lists = [f'"{name}"' for name in lists_with_class(wnid)]
        advice = f"give classes={' or '.join(lists)}, or" if lists else "give classes="
        raise ValueError(
            f"class {wnid} is none of the {self._classes:,} that the stream is said to have;"
            f" {advice} all wnids in label order"
        )


def _label_extension(files: Mapping[str, bytes]) -> str:
    """Which companion has the label: "cls", or a "json" that does not speak of other things; ""."""
    if "cls" in files:
        return "cls"
    return "json" if "json" in files and may_have_label(files["json"]) else ""


def _why_not_told(key: str) -> str:
    """What to say of an item of a stream whose key tells no label."""
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
    return (
        "neither its name nor a companion has a label; give labels=; or if its .cls or .json comes"
        " elsewhere in the stream, pack them side by side: `tar --sort=name -cf TAR -C FOLDER .`"
    )

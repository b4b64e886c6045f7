"""The sample rule: which members of an archive belong together, and which of them are items.

Members of one archive that have the same name up to the first dot behind the last slash are one
*sample* (webdataset, "The WebDataset Format"), so ``d/7.jpg``, ``d/7.cls`` and ``d/7.seg.png`` are,
wherever in the archive each lies. All behind that dot is the *extension*.

A sample is *parted* where names have more dots and only this reading makes sense of them: members
are then one sample up to their last dot, ``img0.v2`` in ``img0.v2.jpg`` and ``img0.v2.cls``, and
the extension is what follows it. That is so for a sample in which every image has

- a label of that name, while no label has the shorter one (``img0.cls``); or
- another file of that name, while no file but images has the shorter one.

Where an image has a label by either reading, nothing decides between them: that is an error,
unless a label function does.

Of a sample with labels one image is the item: the one whose extension, as the sample has them, is
jpg, else jpeg, else png, in letters of either case; else one whose last part of it is (``v2.jpg``),
in this order; else any. Of several the first by the bytes of their names. So it does not depend on
the order of the members, which is another one in a folder. Where the labels come
from a function, that is so

- in a sample with a label in it, a ``.cls`` or a ``.json`` that speaks of one;
- outside of class folders (which wnids name) in a sample with any other file, or in which one image
  is called ``x.jpg`` and no other one ``x.png`` or by a number, ``x.1.jpg``: 7.jpg and 7.seg.png.

All other images are items each, as in class folders without shards.

Leftovers of other programs (``._7.jpg``) are in no sample: :mod:`fastinet.datasets.entries`.

The engine groups the members of a stream in C++ (``item_stream.h`` in csrc/), and a test compares
the two. A stream cannot go back, so that it differs in this:

- Members of a sample must follow one another; that others come later is an error.
- Of a sample of 16 images and more the items are released before all has come; what would then
  make other items of them is an error.
- In a stream without a label function each sample decides for itself: where a label is in it, one
  image is the item, else every image is. A whole archive is of shards or it is not.
- A file is an image by its extension or its first bytes by either road, but a gzip file that is
  called as ImageNet's images are (``n01678043_6448``) is one in a whole archive only.
- A stream counts files beside an image that are larger than companions may be as passed over.
- A stream knows upper and lower case of ASCII letters alone.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastinet.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fastinet.datasets.names import Bools, Ints, Names
    from fastinet.datasets.scanned import ScannedMembers

__all__ = ["IsLabel", "SampleFile", "Samples", "ends_at_last_dot", "extension_of"]

_IMAGE_EXTENSIONS = ("jpg", "jpeg", "png")
_LABEL_EXTENSIONS = ("cls", "json")

IsLabel = Callable[[int], bool]
"""Whether member `row`, a ``.cls`` or ``.json``, has a label in it."""


def extension_of(name: str, *, parted: bool = False) -> str:
    """What stands behind the first dot of the name's last part, in small letters: "seg.png".

    Behind its last dot where the sample is `parted`.
    """
    base = name.rpartition("/")[2]
    extension = base.rpartition(".")[2] if parted else base.partition(".")[2]
    return extension.lower()


class SampleFile(NamedTuple):
    """What the sample rule asks of a member."""

    row: int
    stem: bytes
    """The name up to its last dot."""
    is_dotted: bool
    """Whether its base has a dot before that one."""
    is_image: bool
    is_label: bool


@dataclass(frozen=True)
class Samples:
    """Members grouped to samples, and which of them are items."""

    of_members: Ints
    """[N] number of the sample that each member belongs to; -1: to none."""
    images: Bools
    """[N] which members are images."""
    items: Ints
    """[n] the members that are the items, rising."""
    parted: Bools
    """[N] which members are of samples that their last dots part."""

    @classmethod
    def of(cls, members: ScannedMembers, is_label: IsLabel, *, either: bool = False) -> Samples:
        """The samples of all members, each with an image as its one item.

        With `either` samples that can be read in two ways are read by the first dot.

        Raises:
            UnsupportedError: a sample can be read in two ways.
        """
        names, images = members.names, members.images()
        of_members = _by_first_dot(members)
        parted: Bools = np.zeros(len(members), np.bool_)
        dotted = names.have_several_dots()
        next_number = int(of_members.max(initial=-1)) + 1
        groups = list(_to_look_at(names, of_members, images, dotted))
        # All at once, for what is taken out of names is measured anew each time.
        looked_at = np.concatenate(groups) if groups else np.zeros(0, np.int64)
        all_stems = names.take(looked_at).stems()
        for rows in groups:
            stems = list(itertools.islice(all_stems, len(rows)))
            files = [
                SampleFile(
                    row,
                    stem,
                    bool(dotted[row]),
                    bool(images[row]),
                    not images[row] and _may_be_label(members.name(row)) and is_label(row),
                )
                for row, stem in zip(rows.tolist(), stems, strict=True)
            ]
            part = ends_at_last_dot(files)
            if part is None and not either:
                raise _readable_both_ways(members, files)
            if part:
                numbers = {stem: next_number + i for i, stem in enumerate(dict.fromkeys(stems))}
                of_members[rows] = [numbers[stem] for stem in stems]
                parted[rows] = True
                next_number += len(numbers)
        samples = cls(of_members, images, np.zeros(0, np.int64), parted)
        return replace(samples, items=samples._one_image_each(members))

    def _one_image_each(self, members: ScannedMembers) -> Ints:
        """[n] of each sample the image that comes first by its name, wherever in it each lies."""
        ranks = np.full(len(members), 2 * len(_IMAGE_EXTENSIONS), np.int64)
        for rank, extension in enumerate(_IMAGE_EXTENSIONS):
            ranks[members.names.ends_with(f".{extension}")] = len(_IMAGE_EXTENSIONS) + rank
            ranks[self.have_extension(members.names, extension)] = rank
        rows = np.flatnonzero(self.images & (self.of_members >= 0))
        rows = rows[np.lexsort((rows, ranks[rows], self.of_members[rows]))]
        firsts = np.unique(self.of_members[rows], return_index=True)[1]
        items = rows[firsts]
        # Names are compared where more than one image of a sample has its first rank.
        seconds = np.minimum(firsts + 1, len(rows) - 1)
        alike = (self.of_members[rows[seconds]] == self.of_members[items]) & (
            ranks[rows[seconds]] == ranks[items]
        )
        for number in np.flatnonzero(alike & (seconds > firsts)).tolist():
            of_sample = rows[firsts[number] :][: _run(self.of_members[rows], int(firsts[number]))]
            of_rank = of_sample[ranks[of_sample] == ranks[items[number]]].tolist()
            items[number] = min(of_rank, key=lambda row: (_octets(members.name(row)), row))
        return np.sort(items)

    def by_function(self, members: ScannedMembers, is_label: IsLabel) -> Samples:
        """The same samples with the items that they have where a function gives the labels."""
        of_images = self.of_members[self.images & (self.of_members >= 0)]
        samples, counts = np.unique(of_images, return_counts=True)
        several = samples[counts > 1]
        if not len(several):
            return self
        wnids = members.names.folder_wnids()
        chosen = np.zeros(len(members), np.bool_)
        chosen[self.items] = True
        for rows in _groups(self.of_members, several):
            images = rows[self.images[rows]]
            extensions = [
                extension_of(members.name(row), parted=bool(self.parted[row]))
                for row in images.tolist()
            ]
            others = rows[~self.images[rows]]
            has_label = any(
                self._extension(members, row) in _LABEL_EXTENSIONS and is_label(row)
                for row in others.tolist()
            )
            if has_label or (
                wnids[images[0]] < 0 and (len(others) or _are_of_one_picture(extensions))
            ):
                continue
            chosen[images] = True
        return replace(self, items=np.flatnonzero(chosen))

    def _extension(self, members: ScannedMembers, row: int) -> str:
        return extension_of(members.name(row), parted=bool(self.parted[row]))

    def have_extension(self, names: Names, extension: str) -> Bools:
        """[N] which members have this extension, as their samples have them."""
        last = self.parted & names.ends_with(f".{extension}")
        return np.asarray(np.where(self.parted, last, names.have_extension(extension)))

    def companions(self, of_kind: Bools) -> Ints:
        """[n] the first member of that kind in each item's sample; -1: there is none."""
        rows = np.flatnonzero(of_kind & (self.of_members >= 0))
        there, first = np.unique(self.of_members[rows], return_index=True)
        if not len(there):
            return np.full(len(self.items), -1, np.int64)
        wanted = self.of_members[self.items]
        near = np.minimum(np.searchsorted(there, wanted), len(there) - 1)
        return np.where(there[near] == wanted, rows[first[near]], -1)

    def all_companions(self, of_kind: Bools) -> tuple[Ints, Ints]:
        """All members of that kind that share a sample with an item, but the items themselves.

        The item that each belongs to, 0 to n - 1, rising, and its row among the members, rising for
        each item. Where several images of a sample are items, each has them.
        """
        of_kind = of_kind & (self.of_members >= 0)
        of_kind[self.items] = False
        rows = np.flatnonzero(of_kind)
        rows = rows[np.argsort(self.of_members[rows], kind="stable")]
        there, wanted = self.of_members[rows], self.of_members[self.items]
        first = np.searchsorted(there, wanted)
        counts = np.searchsorted(there, wanted, side="right") - first
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        owners = np.repeat(np.arange(len(self.items)), counts)
        return owners, rows[np.repeat(first, counts) + within]

    def idle(self) -> tuple[Ints, Ints]:
        """The members that are of no use: second images, and those of samples without an image."""
        second = self.images & (self.of_members >= 0)
        second[self.items] = False
        alone = ~np.isin(self.of_members, self.of_members[self.items])
        return np.flatnonzero(second), np.flatnonzero(alone)


def _run(numbers: Ints, first: int) -> int:
    """How many in a row are the same from `first` on, in numbers that rise."""
    return int(np.searchsorted(numbers, numbers[first], side="right")) - first


def _octets(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def ends_at_last_dot(sample: Sequence[SampleFile]) -> bool | None:
    """Whether the members of a sample by the first dot are parted; None: nothing decides it."""
    images = [file for file in sample if file.is_image]
    others = [file for file in sample if not file.is_image]
    labels = [file for file in others if file.is_label]
    beside = {file.stem for file in others if file.is_dotted}
    labels_beside = {file.stem for file in labels if file.is_dotted}
    if not all(file.is_dotted for file in labels):
        either = any(file.is_dotted and file.stem in labels_beside for file in images)
        return None if either else False
    if not images or not all(file.is_dotted for file in images):
        return False
    return all(file.stem in labels_beside for file in images) or (
        all(file.stem in beside for file in images) and all(file.is_dotted for file in others)
    )


def _by_first_dot(members: ScannedMembers) -> Ints:
    """[N] a number for each sample, in the order in which they begin."""
    names = members.names
    begins = ~names.go_on_a_sample()
    begins[1:] |= np.diff(members.archive) != 0
    runs = np.cumsum(begins) - 1
    # Most samples are one run: only the keys of runs are compared, those of one archive at a time.
    heads = np.flatnonzero(begins)
    numbers = np.empty(len(heads), np.int64)
    known: dict[bytes, int] = {}
    archive, count = -1, 0
    for run, (key, of_archive) in enumerate(
        zip(names.take(heads).sample_keys(), members.archive[heads].tolist(), strict=True)
    ):
        if of_archive != archive:
            archive = of_archive
            known.clear()
        number = known.setdefault(key, count)
        count += number == count
        numbers[run] = number
    return np.asarray(numbers[runs])


def _to_look_at(names: Names, of_members: Ints, images: Bools, dotted: Bools) -> Iterator[Ints]:
    """The rows of each sample that has an image and another file of one name with several dots."""
    dotted = dotted & (of_members >= 0)
    pictures, others = np.flatnonzero(dotted & images), np.flatnonzero(dotted & ~images)
    if not len(pictures) or not len(others):
        return
    stems = set(names.take(pictures).stems())
    beside = [
        row
        for row, stem in zip(others.tolist(), names.take(others).stems(), strict=True)
        if stem in stems
    ]
    yield from _groups(of_members, np.unique(of_members[beside]))


def _groups(of_members: Ints, samples: Ints) -> Iterator[Ints]:
    """The rows, rising, of each of these samples, which rise."""
    if not len(samples):
        return
    rows = np.flatnonzero(np.isin(of_members, samples))
    rows = rows[np.argsort(of_members[rows], kind="stable")]
    yield from np.split(rows, np.searchsorted(of_members[rows], samples[1:]))


def _may_be_label(name: str) -> bool:
    return extension_of(name, parted=True) in _LABEL_EXTENSIONS


def _are_of_one_picture(extensions: Sequence[str]) -> bool:
    """Whether images of one sample with these extensions are one picture and what belongs to it."""
    named = sum(extension in _IMAGE_EXTENSIONS for extension in extensions)
    return named == 1 and not any(re.match(r"[0-9]+\.[^.]*$", each) for each in extensions)


def _readable_both_ways(members: ScannedMembers, files: Sequence[SampleFile]) -> UnsupportedError:
    short = next(file.row for file in files if file.is_label and not file.is_dotted)
    own = {file.stem: file.row for file in reversed(files) if file.is_label and file.is_dotted}
    image = next(file for file in files if file.is_image and file.is_dotted and file.stem in own)
    return UnsupportedError(
        "it has a label by either reading of its name: up to the first dot, as WebDataset has it,"
        f" that of '{members.name(short)}', for one image of all with that name; up to the last"
        f" dot that of '{members.name(own[image.stem])}'. Take one of them away, or give labels= a"
        " function of the key, which decides for the first dot",
        archive=members.archive_of(image.row).name,
        member=members.name(image.row),
        offset=int(members.offsets[image.row]),
    )

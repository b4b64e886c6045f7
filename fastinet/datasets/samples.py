"""The sample rule: which members of WebDataset shards belong together, and which one is the item.

Members that follow one another in one archive and have the same name up to the first dot behind the
last slash are one *sample* (webdataset, "The WebDataset Format"), so ``d/7.jpg``, ``d/7.cls`` and
``d/7.seg.png`` are. Of a sample with images one is the item: the first whose extension, which is
all behind that dot, is jpg, jpeg or png in letters of either case, or without such a one the first.
Leftovers of other programs (``._7.jpg``) are in no sample: :mod:`fastinet.datasets.entries`.

The engine groups the members of a stream in C++ (``item_stream.h`` in csrc/), and a test compares
the two. A whole archive is grouped here, once it is known to be of shards, and every sample gives
one item; it differs from a stream, which must decide while it arrives:

- In a stream without a label function each sample decides for itself: where a ``.cls`` or ``.json``
  is in it, one image is the item, else every image is. A whole archive is of shards or it is not.
- In a stream a sample of 16 images and more whose label has not come by then gives an item for each
  image, and a label behind them is an error.
- A file is an image by its extension or its first bytes by either road, but a gzip file that is
  called as ImageNet's images are (``n01678043_6448``) is one in a whole archive only.
- A stream counts files beside an image that are larger than companions may be as passed over.
- A stream knows upper and lower case of ASCII letters alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fastinet.datasets.names import Bools, Ints
    from fastinet.datasets.scanned import ScannedMembers

__all__ = ["Samples", "extension_of"]

_IMAGE_EXTENSIONS = ("jpg", "jpeg", "png")


def extension_of(name: str) -> str:
    """What stands behind the first dot of the name's last part, in small letters: "seg.png"."""
    return name.rpartition("/")[2].partition(".")[2].lower()


@dataclass(frozen=True)
class Samples:
    """Members grouped to samples; of n of them one is an image."""

    of_members: Ints
    """[N] number of the sample that each member belongs to, rising; -1: to none."""
    images: Bools
    """[N] which members are images."""
    items: Ints
    """[n] the members that are the items, rising."""

    @classmethod
    def of(cls, members: ScannedMembers) -> Samples:
        """The samples of all members."""
        begins = ~members.names.go_on_a_sample()
        begins[1:] |= np.diff(members.archive) != 0
        of_members = np.cumsum(begins) - 1
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
        """All members of that kind that share a sample with an item, but the items themselves.

        The item that each belongs to, 0 to n - 1, and its row among the members; both rise.
        """
        of_kind = of_kind & (self.of_members >= 0)
        of_kind[self.items] = False
        rows = np.flatnonzero(of_kind)
        wanted, there = self.of_members[rows], self.of_members[self.items]
        owners = np.minimum(np.searchsorted(there, wanted), len(self.items) - 1)
        owned = there[owners] == wanted
        return owners[owned], rows[owned]

    def idle(self) -> tuple[Ints, Ints]:
        """The members that are of no use: second images, and those of samples without an image."""
        second = self.images.copy()
        second[self.items] = False
        alone = ~np.isin(self.of_members, self.of_members[self.items])
        return np.flatnonzero(second), np.flatnonzero(alone)

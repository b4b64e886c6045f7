"""What a scan found, and the questions that families ask of it, answered for all names at once.

A train archive has 1.28 million members, so names stay bytes in one array and are never made into
strings here.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastinet._scan import Members

__all__ = ["ScannedArchive", "ScannedMembers", "wnid_number", "wnid_text"]

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Octets = NDArray[np.uint8]

_SLASH = ord("/")
_LOWER = np.array([ord(chr(code).lower()) if code < 128 else code for code in range(256)], np.uint8)
_WNID_LENGTH = 9  # "n" and eight digits

# ImageNet's own extension is .JPEG; n02105855_2933.JPEG is a PNG, and 26 members of ImageNet-21K
# are gzip-wrapped JPEGs that only their names show to be images.
_IMAGE_EXTENSIONS = (".jpeg", ".jpg", ".png")
_IMAGE_MAGICS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_GZIP_MAGIC = b"\x1f\x8b"

# Beside each file, macOS tars put an AppleDouble file "._" + name with what its file system knows.
_APPLE_PREFIX = "._"
_APPLE_MAGIC = b"\x00\x05\x16\x07"


@dataclass(frozen=True)
class ScannedArchive:
    """One archive and its members."""

    name: str
    """File name without folder."""
    members: Members


class ScannedMembers:
    """The members of several archives as one list, N of them, in archive order."""

    def __init__(self, archives: Sequence[ScannedArchive]) -> None:
        scans = [archive.members for archive in archives]
        counts = [len(scan.offsets) for scan in scans]
        self.archive = np.repeat(np.arange(len(scans), dtype=np.int32), counts)
        self.offsets = np.concatenate([scan.offsets for scan in scans])
        self.sizes = np.concatenate([scan.sizes for scan in scans])
        self._heads = np.concatenate([scan.heads for scan in scans])
        self._names = np.concatenate([scan.names for scan in scans])
        base = np.cumsum([0, *(len(scan.names) for scan in scans[:-1])])
        self._ends = np.concatenate(
            [
                scan.name_ends.astype(np.int64) + start
                for scan, start in zip(scans, base, strict=True)
            ]
        )
        self._starts = np.concatenate([np.zeros(1, np.int64), self._ends[:-1]])

    def __len__(self) -> int:
        return len(self.offsets)

    def name(self, row: int) -> str:
        """Name of member ``row``."""
        return _text(self._names[self._starts[row] : self._ends[row]])

    def keys_of(self, chosen: Bools) -> tuple[NDArray[np.uint64], Octets]:
        """Names of the chosen members: [n + 1] where each begins, and ends, in bytes; the bytes."""
        lengths = self._ends - self._starts
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths[chosen])])
        names = self._names if chosen.all() else self._names[np.repeat(chosen, lengths)]
        return offsets.astype(np.uint64), names

    def images(self) -> Bools:
        """[N] which members are images, by extension or by content.

        A damaged or empty file that is called an image counts: it must fail when it is decoded,
        under its own name, rather than be missing.
        """
        images: Bools = np.zeros(len(self), np.bool_)
        for extension in _IMAGE_EXTENSIONS:
            images |= self._ends_with(extension)
        for magic in _IMAGE_MAGICS:
            images |= self._content_begins_with(magic)
        # Of gzip-wrapped content only the name tells what it is: n01678043_6448, say, as images of
        # ImageNet are called; not n01678043.tar.gz.
        images |= self._content_begins_with(_GZIP_MAGIC) & self._called_as_images_are()
        return images & ~(
            self._base_begins_with(_APPLE_PREFIX) & self._content_begins_with(_APPLE_MAGIC)
        )

    def base_wnids(self) -> Ints:
        """[N] number of the wnid that the name without its folders begins with; -1: none."""
        return self._wnids_at(self._base, self._ends)

    def folder_wnids(self) -> Ints:
        """[N] number of the wnid that is the name of the innermost such folder; -1: none."""
        wnids = np.full(len(self), -1, np.int64)
        rows = np.flatnonzero(self._base > self._starts)
        ends = self._base[rows] - 1  # of a folder's name, at its slash
        while len(rows):
            starts = self._after_slash(ends, self._starts[rows])
            found = np.where(ends - starts == _WNID_LENGTH, self._wnids_at(starts, ends), -1)
            wnids[rows] = found
            further = (found < 0) & (starts > self._starts[rows])
            rows, ends = rows[further], starts[further] - 1
        return wnids

    def in_folder(self, name: str) -> Bools:
        """[N] whether one of the folders that the member lies in is called so."""
        text = name.encode("utf-8")
        ends = self._slashes[self._slashes >= len(text)]
        for i, letter in enumerate(reversed(text), start=1):
            ends = ends[self._names[ends - i] == letter]
        starts = ends - len(text)
        rows = np.searchsorted(self._ends, ends, side="right")
        begins = self._starts[rows]
        whole = (starts == begins) | ((starts > begins) & (self._byte(starts - 1) == _SLASH))
        found = np.zeros(len(self), np.bool_)
        found[rows[whole]] = True
        return found

    def _ends_with(self, suffix: str) -> Bools:
        """[N] whether the name ends so, in any case of letters."""
        found: Bools = self._ends - self._starts >= len(suffix)
        for i, letter in enumerate(reversed(suffix.encode("ascii")), start=1):
            found &= _LOWER[self._byte(self._ends - i)] == letter
        return found

    def _called_as_images_are(self) -> Bools:
        """[N] whether the name without its folders begins with a wnid and an underscore."""
        underscores = self._byte(self._base + _WNID_LENGTH) == ord("_")
        return np.asarray(underscores & (self.base_wnids() >= 0))

    def _base_begins_with(self, prefix: str) -> Bools:
        """[N] whether the name without its folders begins so."""
        found: Bools = self._ends - self._base >= len(prefix)
        for i, letter in enumerate(prefix.encode("ascii")):
            found &= self._byte(self._base + i) == letter
        return found

    def _content_begins_with(self, magic: bytes) -> Bools:
        """[N] whether the content begins so."""
        wanted = np.frombuffer(magic, np.uint8)
        return np.asarray((self._heads[:, : len(wanted)] == wanted).all(axis=1))

    @functools.cached_property
    def _base(self) -> Ints:
        """[N] where the name without its folders begins."""
        return self._after_slash(self._ends, self._starts)

    @functools.cached_property
    def _slashes(self) -> Ints:
        return np.flatnonzero(self._names == _SLASH)

    def _after_slash(self, ends: Ints, starts: Ints) -> Ints:
        """Behind the last slash before each of ``ends``, or at ``starts`` where there is none."""
        if not len(self._slashes):
            return starts
        before = np.searchsorted(self._slashes, ends) - 1
        return np.where(before >= 0, np.maximum(self._slashes[before] + 1, starts), starts)

    def _wnids_at(self, starts: Ints, ends: Ints) -> Ints:
        """Numbers of the wnids that the texts ``starts`` to ``ends`` begin with; -1: none."""
        valid = (ends - starts >= _WNID_LENGTH) & (self._byte(starts) == ord("n"))
        number: Ints = np.zeros(len(starts), np.int64)
        for i in range(1, _WNID_LENGTH):
            digit = self._byte(starts + i).astype(np.int64) - ord("0")
            valid &= (digit >= 0) & (digit <= 9)
            number = number * 10 + digit
        return np.where(valid, number, -1)

    def _byte(self, positions: Ints) -> Octets:
        """The bytes of ``names`` there; anything for positions outside."""
        if not len(self._names):
            return np.zeros(len(positions), np.uint8)
        return self._names[np.clip(positions, 0, len(self._names) - 1)]


def wnid_number(name: str) -> int:
    """The number in a wnid, -1 when ``name`` is none: 1440764 for "n01440764"."""
    digits = name[1:]
    is_wnid = len(name) == _WNID_LENGTH and name[0] == "n" and digits.isascii() and digits.isdigit()
    return int(digits) if is_wnid else -1


def wnid_text(number: int) -> str:
    """The wnid of a number: "n01440764" for 1440764."""
    return f"n{number:08d}"


def _text(name: Octets) -> str:
    return name.tobytes().decode("utf-8", "surrogateescape")

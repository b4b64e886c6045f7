"""What a scan found, and what families ask of it, answered for all members at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fastinet._native._paths import known_split
from fastinet.datasets.entries import PassedOver, counted_entries
from fastinet.datasets.listing import Listing, Others
from fastinet.datasets.names import WNID_LENGTH, Bools, Ints, Names, Octets
from fastinet.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastinet._native._engine import Source
    from fastinet._native._scan import Members
    from fastinet.datasets.listing import Split

__all__ = [
    "IMAGE_EXTENSIONS",
    "Bools",
    "ScannedArchive",
    "ScannedMembers",
    "names_around",
    "wnid_number",
    "wnid_text",
]

# ImageNet's own extension is .JPEG; n02105855_2933.JPEG is a PNG, and 26 members of ImageNet-21K
# are gzip-wrapped JPEGs that only their names show to be images.
IMAGE_EXTENSIONS = (".jpeg", ".jpg", ".png")

# Of formats that are not read; what has JPEG's or PNG's first bytes is, under any name.
_UNREAD_EXTENSIONS = (
    ".gif", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".j2k", ".jxl",
    ".jfif", ".jpe", ".ppm", ".pgm", ".dng",
)  # fmt: skip
_UNREAD_MAGICS = (b"GIF8", b"II*\0", b"MM\0*", b"\0\0\0\x0cjP  ", b"\0\0\0\x0cJXL ")
"""Of the images that are read."""
_IMAGE_MAGICS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_GZIP_MAGIC = b"\x1f\x8b"

_TAR_SUFFIX = re.compile(r"\.(?:tar|tgz|tar\.gz)$", re.IGNORECASE)
# "-0007", "-00007-of-00032", and with the hash behind that the "datasets" of Hugging Face write.
_SHARD_NUMBER = re.compile(r"([-_.]?)[0-9]+(?:[-_]of[-_][0-9]+(?:-[0-9a-f]{8,})?)?$")
_WORD = re.compile(r"[^-_. ]+")


@dataclass(frozen=True)
class ScannedArchive:
    """One archive and its members."""

    name: str
    """File name without folder."""
    members: Members
    open: Callable[[], Source] | None = None
    """Opens it, to read what its members hold; None where only their names are asked
    for."""

    def opened(self) -> Source:
        """The archive, opened."""
        if self.open is None:
            raise InternalError(
                "its members were to be asked for their names only", archive=self.name
            )
        return self.open()


class ScannedMembers:
    """The members of several archives that count, as one list, N of them, in archive order.

    :mod:`fastinet.datasets.entries` has the rules by which entries count.

    Attributes:
        archives: the archives, with all that was found in them.
        entries: for each archive, which of its entries count.
        archive: int32 [N], index of the archive that a member lies in.
        offsets, sizes: uint64 [N], where its content is in the archive [bytes].
        heads: uint8 [N, 8], the first bytes of the content, zeros behind a shorter one.
        names: their names.
        around: of each archive the name that counts as a folder around its members; "": none does.
    """

    def __init__(self, archives: Sequence[ScannedArchive], opened: str = "") -> None:
        """The members of `archives`; for `opened` see :func:`names_around`."""
        self.archives = tuple(archives)
        self.entries = tuple(counted_entries(archive.members) for archive in archives)
        self.around = names_around(opened, [archive.name for archive in archives])
        scans = [entries.members for entries in self.entries]
        counts = [len(scan.offsets) for scan in scans]
        self.archive = np.repeat(np.arange(len(scans), dtype=np.int32), counts)
        self.offsets = np.concatenate([scan.offsets for scan in scans])
        self.sizes = np.concatenate([scan.sizes for scan in scans])
        self.heads = np.concatenate([scan.heads for scan in scans])
        text = np.concatenate([scan.names for scan in scans])
        base = np.cumsum([0, *(len(scan.names) for scan in scans[:-1])])
        ends = np.concatenate(
            [
                scan.name_ends.astype(np.int64) + start
                for scan, start in zip(scans, base, strict=True)
            ]
        )
        self.names = Names(text, np.concatenate([np.zeros(1, np.int64), ends])[:-1], ends)

    def __len__(self) -> int:
        return len(self.offsets)

    def name(self, row: int) -> str:
        """Name of member ``row``."""
        return self.names[row]

    def archive_of(self, row: int) -> ScannedArchive:
        """The archive that member ``row`` lies in."""
        return self.archives[int(self.archive[row])]

    def packed_names(self) -> tuple[NDArray[np.uint64], Octets]:
        """All names one after another: [N + 1] where each begins, and ends; the bytes."""
        return self.names.packed(np.arange(len(self)))

    def listing(
        self,
        rows: Ints,
        *,
        family: str,
        labels: NDArray[np.int64],
        splits: tuple[Split, ...],
        item_split: NDArray[np.int8] | None = None,
        skipped: int = 0,
        notes: tuple[str, ...] = (),
        others: Others | None = None,
    ) -> Listing:
        """The listing whose items are the members ``rows``, in this order, with these labels."""
        key_offsets, key_bytes = self.names.packed(rows)
        return Listing(
            family=family,
            offsets=self.offsets[rows],
            sizes=self.sizes[rows],
            labels=labels,
            key_offsets=key_offsets,
            key_text=key_bytes,
            item_archive=self.archive[rows] if len(self.archives) > 1 else None,
            splits=splits,
            item_split=item_split,
            skipped=skipped,
            notes=notes,
            others=others,
        )

    def folder_wnids(self) -> Ints:
        """[N] number of the wnid that is the name of the innermost such folder; -1: none."""
        return self.names.folder_wnids()

    def in_folder(self, name: str) -> Bools:
        """[N] whether one of the folders that the member lies in is called so."""
        return self.names.innermost_folder_of([name]) >= 0

    def passed_over(self) -> tuple[int, list[str]]:
        """How many entries of the archives do not count, and a sentence for each reason."""
        by_reason: dict[str, PassedOver] = {}
        for entries in self.entries:
            for passed in entries.passed:
                before = by_reason.get(passed.what, PassedOver(0, [], passed.what))
                by_reason[passed.what] = before.joined(passed)
        found = list(by_reason.values())
        return sum(each.number for each in found), [each.sentence() for each in found]

    def outside_notes(self) -> list[str]:
        """A sentence on links that lead out of a folder and are followed, where there are any."""
        return [note for entries in self.entries for note in entries.outside]

    def note_of(self, others: Others) -> list[str]:
        """A sentence on these members, if there are any."""
        names = [self.names[row] for row in others.rows[:3].tolist()]
        note = PassedOver(len(others.rows), names, others.what).sentence()
        return [note] if len(others.rows) else []

    def images(self) -> Bools:
        """[N] which members are images, by extension or by content.

        A damaged or empty file that is called an image counts: it must fail when it is decoded,
        under its own name, rather than be missing.
        """
        images = self.look_like(IMAGE_EXTENSIONS, _IMAGE_MAGICS)
        # Of gzip-wrapped content only the name tells what it is: n01678043_6448, say, as images of
        # ImageNet are called; not n01678043.tar.gz.
        wrapped = np.flatnonzero(self._content_begins_with(_GZIP_MAGIC) & ~images)
        images[wrapped] = self.names.take(wrapped).called_as_images_are()
        return images

    def unread_images(self) -> Bools:
        """[N] which members look like images of formats that are not read, by name or content."""
        return self.look_like(_UNREAD_EXTENSIONS, _UNREAD_MAGICS) & ~self.images()

    def look_like(self, extensions: Sequence[str], magics: Sequence[bytes]) -> Bools:
        """[N] which members' names end so, or which content begins so.

        Args:
            extensions: in small letters; names may have them in any.
            magics: of up to 8 bytes.
        """
        found: Bools = np.zeros(len(self), np.bool_)
        for extension in extensions:
            found |= self.names.ends_with(extension)
        for magic in magics:
            found |= self._content_begins_with(magic)
        return found

    def _content_begins_with(self, magic: bytes) -> Bools:
        """[N] whether the content begins so."""
        wanted = np.frombuffer(magic, np.uint8)
        return np.asarray((self.heads[:, : len(wanted)] == wanted).all(axis=1))


def names_around(opened: str, archives: Sequence[str]) -> tuple[str, ...]:
    """Of each archive the name that counts as a folder around its members; "": none does.

    Args:
        opened: what the path of all of them is called; "" where there are several paths.
        archives: their file names. Of several the numbers of shards do not count, nor words that
            all of them begin or end with where the others are names of splits:
            in1k-train-256-0000.tar, in1k-val-256-0000.tar. Of one, its number does not count where
            it is called as a split but for that.
    """
    if len(archives) == 1 or all(wnid_number(name.removesuffix(".tar")) >= 0 for name in archives):
        name = _without_suffix(opened or archives[0])
        number = _SHARD_NUMBER.search(name)
        if number is not None and number[1] and known_split(name[: number.start()]):
            name = name[: number.start()]
        return (name,) * len(archives)
    names = [_SHARD_NUMBER.sub("", _without_suffix(name)) for name in archives]
    if any(map(known_split, names)):
        return tuple(names)
    different = [*dict.fromkeys(names)]
    apart = dict(zip(different, _without_common_words(different), strict=True))
    return tuple(apart[name] if known_split(apart[name]) else name for name in names)


def _without_common_words(names: Sequence[str]) -> list[str]:
    """The names without the words that all begin or end with; a word of each is left."""
    words = [_WORD.findall(name) for name in names]
    for place, kept in ((0, slice(1, None)), (-1, slice(None, -1))):
        while all(len(each) > 1 for each in words) and len({each[place] for each in words}) == 1:
            words = [each[kept] for each in words]
    return ["_".join(each) for each in words]


def _without_suffix(name: str) -> str:
    """The name of an archive without what says that it is one; "" of a class tar."""
    bare = _TAR_SUFFIX.sub("", name)
    return "" if wnid_number(bare) >= 0 else bare


def wnid_number(name: str) -> int:
    """The number in a wnid, -1 when ``name`` is none: 1440764 for "n01440764"."""
    digits = name[1:]
    is_wnid = len(name) == WNID_LENGTH and name[0] == "n" and digits.isascii() and digits.isdigit()
    return int(digits) if is_wnid else -1


def wnid_text(number: int) -> str:
    """The wnid of a number: "n01440764" for 1440764."""
    return f"n{number:08d}"

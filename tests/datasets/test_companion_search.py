"""Companions in archives that are no shards: what goes with which image, and what is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastinet.archives.file_archive import FileArchive
from fastinet.datasets.companion_search import with_companions
from fastinet.datasets.listing import Listing, Split
from fastinet.datasets.scanned import ScannedArchive, ScannedMembers
from fastinet.testing.archives import tar

if TYPE_CHECKING:
    from pathlib import Path

JPEG = b"\xff\xd8\xff"


def found(folder: Path, *archives: dict[str, bytes]) -> tuple[Listing, Listing]:
    """A listing of the images in these archives, and the same with their companions."""
    scanned = []
    for number, members in enumerate(archives):
        path = folder / f"{number}.tar"
        path.write_bytes(tar(members))
        scanned.append(ScannedArchive(path.name, FileArchive(path).scan()))
    members = ScannedMembers(scanned)
    rows = np.flatnonzero(members.images())
    keys = [members.name(row).encode() for row in rows.tolist()]
    listing = Listing(
        family="train",
        offsets=members.offsets[rows],
        sizes=members.sizes[rows],
        labels=np.zeros(len(rows), np.int64),
        key_offsets=np.cumsum([0, *map(len, keys)], dtype=np.uint64),
        key_text=np.frombuffer(b"".join(keys), np.uint8),
        item_archive=members.archive[rows].astype(np.int32) if len(archives) > 1 else None,
        splits=(Split("train", ("n01440764",)),),
    )
    return listing, with_companions(listing, members)


def sizes_of(listing: Listing) -> list[int]:
    assert listing.companions is not None
    return sorted(listing.companions.sizes.tolist())


def test_nothing_but_images_has_none(tmp_path: Path) -> None:
    listing, same = found(tmp_path, {"a.jpg": JPEG, "b.jpg": JPEG})
    assert same is listing


def test_files_of_an_images_name_go_with_it(tmp_path: Path) -> None:
    listing, more = found(tmp_path, {"a.jpg": JPEG, "a.txt": b"1", "c.txt": b"22", "b.jpg": JPEG})
    assert sizes_of(more) == [1], "that of c belongs to nobody"
    assert more.labels is listing.labels


def test_images_of_one_name_share_them(tmp_path: Path) -> None:
    _, more = found(tmp_path, {"a.jpg": JPEG, "a.png": JPEG, "a.txt": b"1"})
    assert sizes_of(more) == [1, 1]


def test_another_folder_or_archive_is_another_name(tmp_path: Path) -> None:
    _, more = found(
        tmp_path,
        {"x/a.jpg": JPEG, "y/a.txt": b"1", "x/a.txt": b"22"},
        {"x/b.jpg": JPEG, "x/a.txt": b"333"},
    )
    assert sizes_of(more) == [2]

"""Archives for the benchmarks: photographs, and layouts of ImageNet's size without its bytes."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastinet.datasets.listing import Listing, Split
from fastinet.items.index import save_listing
from fastinet.sidecars.identity import identify_file
from fastinet.sidecars.places import Sidecars
from fastinet.testing.train_archive import cached_train_archive

if TYPE_CHECKING:
    from collections.abc import Sequence

TRAIN_ITEMS = 1_281_167
TRAIN_BYTES = 147_897_477_120
_BLOCK = 512  # bytes
_MEAN_BYTES = 109_576  # of an image


def photographs() -> Path:
    """FASTINET_SAMPLE where it is set, else the demo's archive of synthetic photographs."""
    sample = os.environ.get("FASTINET_SAMPLE")
    return Path(sample) if sample else cached_train_archive()


def sparse_train_tar(path: Path, items: int = 20_000, classes: int = 20) -> Path:
    """A tar of class tars with true headers, and holes where the images' bytes would be."""
    inner_items = items // classes
    member_bytes = _BLOCK + -(-_MEAN_BYTES // _BLOCK) * _BLOCK
    class_bytes = inner_items * member_bytes + 2 * _BLOCK
    with path.open("wb") as file:
        for number in range(classes):
            wnid = f"n{10_000_000 + number:08d}"
            start = file.tell()
            file.write(_header(f"{wnid}.tar", class_bytes))
            for item in range(inner_items):
                file.seek(start + _BLOCK + item * member_bytes)
                file.write(_header(f"{wnid}_{item}.JPEG", _MEAN_BYTES) + b"\xff\xd8\xff\xe0")
            file.seek(start + _BLOCK + class_bytes)
        file.write(bytes(2 * _BLOCK))
    return path


def indexed_train_archive(folder: Path, images: Sequence[bytes] = ()) -> Path:
    """An archive of the official one's size, and an index with its 1,281,167 items.

    The items are `images` over and over, which lie at the archive's start; the rest is a hole.
    """
    path = folder / "ILSVRC2012_img_train.tar"
    with path.open("wb") as file:
        for image in images:
            file.write(image)
        file.truncate(TRAIN_BYTES)
    items = np.arange(TRAIN_ITEMS)
    offsets = items * (TRAIN_BYTES // TRAIN_ITEMS)
    sizes = np.full(TRAIN_ITEMS, _MEAN_BYTES)
    if images:
        lengths = np.array([len(image) for image in images])
        sizes = np.resize(lengths, TRAIN_ITEMS)
        offsets = np.resize(np.cumsum(lengths) - lengths, TRAIN_ITEMS)
    wnids = tuple(f"n{10_000_000 + number:08d}" for number in range(1000))
    labels = items * len(wnids) // TRAIN_ITEMS
    names = [f"{wnids[label]}/{wnids[label]}_{item}.JPEG" for item, label in enumerate(labels)]
    listing = Listing(
        family="train",
        offsets=offsets.astype(np.uint64),
        sizes=sizes.astype(np.uint64),
        labels=labels.astype(np.int64),
        key_offsets=np.cumsum(np.array([0, *map(len, names)], np.uint64)),
        key_text=np.frombuffer("".join(names).encode(), np.uint8),
        item_archive=None,
        splits=(Split("train", wnids),),
    )
    save_listing(Sidecars(path).places()[0], [identify_file(path)], listing)
    return path


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)

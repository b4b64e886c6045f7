"""A train archive of three members that only begin as images do, and the items that it has."""

from __future__ import annotations

from pathlib import Path

from fastinet.items.dataset import Dataset

JPEG = b"\xff\xd8\xff\xe0"
# Not in the order of the wnids, as archives need not be.
TRAIN = {
    "n01443537": {"n01443537_2.JPEG": JPEG + b"c"},
    "n01440764": {"n01440764_36.JPEG": JPEG + b"a", "n01440764_18.JPEG": JPEG + b"bb"},
}
ITEMS = [
    ("n01443537/n01443537_2.JPEG", 1, JPEG + b"c"),
    ("n01440764/n01440764_36.JPEG", 0, JPEG + b"a"),
    ("n01440764/n01440764_18.JPEG", 0, JPEG + b"bb"),
]


def write(path: Path, archive: bytes) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(archive)
    return path


def items_of(dataset: Dataset) -> list[tuple[str, int, bytes]]:
    return [(dataset.keys[i], int(dataset.labels[i]), dataset.read(i)) for i in range(len(dataset))]

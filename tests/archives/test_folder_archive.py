"""The folder that an archive was extracted to: its files are the items, and nothing else is."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from support.small_train import ITEMS, JPEG, TRAIN, items_of, write

from fastinet.errors import FastinetWarning, MissingError, ReadError
from fastinet.items.opening import open as open_archive
from fastinet.testing.archives import extract


def extracted(folder: Path) -> Path:
    """The folder that TRAIN is extracted to."""
    members = {f"{wnid}/{name}": TRAIN[wnid][name] for wnid in TRAIN for name in TRAIN[wnid]}
    return extract(members, folder)


def test_an_extracted_archive(tmp_path: Path) -> None:
    root = extracted(tmp_path / "train")
    write(root / "README", b"what this is")
    write(root / "n01440764" / "._n01440764_36.JPEG", b"\x00\x05\x16\x07")
    with pytest.warns(FastinetWarning, match="1 members skipped as no images.*README"):
        dataset = open_archive(root)
    assert items_of(dataset) == sorted(ITEMS)
    assert dataset.split == "train"
    with pytest.warns(FastinetWarning, match="README"):
        again = open_archive(root)  # by its index
    assert items_of(again) == sorted(ITEMS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train", "train.fastinet"]
    part = open_archive(root / "n01440764")
    assert items_of(part) == [(key, label, data) for key, label, data in sorted(ITEMS) if not label]
    assert items_of(dataset.select([2, 0])) == [max(ITEMS), min(ITEMS)]


def test_an_extracted_archive_that_changes(tmp_path: Path) -> None:
    root = extracted(tmp_path / "train")
    dataset = open_archive(root)
    path = root / "n01440764" / "n01440764_36.JPEG"
    row = list(dataset.keys).index("n01440764/n01440764_36.JPEG")
    path.write_bytes(JPEG + b"longer than it was")
    with pytest.raises(ReadError, match="has 22 bytes, and had 5") as caught:
        dataset.read(row)
    assert (caught.value.archive, caught.value.offset) == (str(root), 0)
    path.unlink()
    with pytest.raises(MissingError, match="n01440764_36"):
        dataset.read(row)
    with pytest.warns(FastinetWarning, match="stale"):
        assert len(open_archive(root)) == 2
    (root / "n01443537" / "n01443537_1.JPEG").symlink_to(tmp_path / "elsewhere.JPEG")
    (root / "n01443537" / "n01443537_3.JPEG").symlink_to(root / "n01443537" / "n01443537_2.JPEG")
    (root / "n02085620").symlink_to(root, target_is_directory=True)
    with pytest.warns(FastinetWarning, match="1 entries skipped"):
        assert len(open_archive(root, index=False)) == 3


def test_what_fastinet_keeps_in_a_tree_is_no_part_of_it(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for split in ("train", "val"):
        write(write(tree / split / "n01440764" / "n01440764_1.JPEG", JPEG).parent / "a.jpg", JPEG)
    open_archive(tree / "val")
    for suffix in ("boxes", "seek", "label_maps", "val.duplicates", "verify.walk"):
        write(tree / f"train.fastinet.{suffix}", b"")
    assert (tree / "val.fastinet").exists()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_archive(tree, split="val").skipped == 0

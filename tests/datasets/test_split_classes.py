"""The class tables of splits: which share one, what is in them, and which notes are told."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pytest

import fastinet
from fastinet.errors import CorruptError, FastinetWarning
from fastinet.testing.archives import entry, tar

if TYPE_CHECKING:
    from pathlib import Path

JPEG = b"\xff\xd8\xff"
FIRST, SECOND, THIRD = "n01440764", "n01443537", "n01484850"


def opened(path: Path, names: list[str], split: str | None = None) -> fastinet.Dataset:
    path.write_bytes(tar(dict.fromkeys(names, JPEG)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FastinetWarning)
        return fastinet.open(path, split=split, index=False)


def image(split: str, wnid: str, number: int = 1) -> str:
    return f"{split}/{wnid}/{wnid}_{number}.JPEG"


@pytest.mark.parametrize("split", ["train", "val"])
def test_splits_that_are_used_together_have_one_table(tmp_path: Path, split: str) -> None:
    names = [
        image("train", FIRST),
        image("train", THIRD),
        image("val", SECOND),
        image("val", THIRD),
    ]
    dataset = opened(tmp_path / "a.tar", names, split)
    assert list(dataset.wnids) == [FIRST, SECOND, THIRD]
    assert dataset.labels.tolist() == ([0, 2] if split == "train" else [1, 2])


def test_a_class_without_images_keeps_its_label(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    folder = entry(f"train/{SECOND}/", type=b"5")
    path.write_bytes(
        folder + tar(dict.fromkeys([image("train", FIRST), image("train", THIRD)], JPEG))
    )
    with pytest.warns(FastinetWarning, match=f"1 classes have no images: {SECOND}"):
        dataset = fastinet.open(path, index=False)
    assert list(dataset.wnids) == [FIRST, SECOND, THIRD]
    assert dataset.labels.tolist() == [0, 2]


def test_a_class_that_one_split_lacks_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    names = [image("train", FIRST), image("train", SECOND), image("val", FIRST)]
    path.write_bytes(tar(dict.fromkeys(names, JPEG)))
    with pytest.warns(FastinetWarning, match=f"no images in split 'val', and .*: {SECOND}"):
        fastinet.open(path, split="val", index=False)


def test_two_images_of_one_number_are_refused(tmp_path: Path) -> None:
    names = [f"val/{wnid}/ILSVRC2012_val_00000007.JPEG" for wnid in (FIRST, SECOND)]
    with pytest.raises(CorruptError, match="1 images have the number of another one"):
        opened(tmp_path / "a.tar", names)

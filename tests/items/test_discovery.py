"""What lies at a path: a class tar, a folder of class tars, and other files beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.small_train import ITEMS, JPEG, TRAIN, items_of, write

from fastinet.errors import FastinetWarning, UnsupportedError
from fastinet.items.opening import open as open_archive
from fastinet.testing.archives import tar


def test_a_folder_of_class_tars(tmp_path: Path) -> None:
    for wnid, members in TRAIN.items():
        write(tmp_path / "train" / f"{wnid}.tar", tar(members))
    dataset = open_archive(tmp_path / "train")
    assert sorted(items_of(dataset)) == sorted(ITEMS)
    assert [each.archive.name for each in dataset.columns.archives] == [
        "n01440764.tar",
        "n01443537.tar",
    ]
    assert dataset.columns.item_archive is not None
    assert dataset.columns.item_archive.dtype == np.int32
    assert dataset.columns.item_archive.tolist() == [0, 0, 1]
    again = open_archive(tmp_path / "train")
    assert items_of(again) == items_of(dataset)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train", "train.fastinet"]


def test_a_class_tar_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "n01440764.tar", tar(TRAIN["n01440764"]))
    assert items_of(open_archive(path)) == [(key, 0, data) for key, _, data in ITEMS[1:]]


def test_other_files_in_a_folder_are_said(tmp_path: Path) -> None:
    write(tmp_path / "train" / "n01440764.tar", tar(TRAIN["n01440764"]))
    write(tmp_path / "train" / "n01443537.tar.gz", b"")
    with pytest.warns(FastinetWarning, match=r"1 files passed over.*n01443537\.tar\.gz"):
        assert len(open_archive(tmp_path / "train")) == 2


@pytest.mark.parametrize(
    "others",
    [
        {"n01443537/1.JPEG": JPEG},
        {"train/n01443537/1.JPEG": JPEG, "a/readme.png": JPEG},
        {"n01443537_1.JPEG": JPEG},
        {"a/ILSVRC2012_val_00000001.JPEG": JPEG},
        {"a/1.jpg": JPEG, "a/1.cls": b"3"},
        {"train/n01443537.tar": tar(TRAIN["n01443537"])},
    ],
)
def test_more_images_beside_class_tars_are_refused(
    tmp_path: Path, others: dict[str, bytes]
) -> None:
    """As where somebody stopped extracting them: a tar of the folder has both."""
    write(tmp_path / "n01440764.tar", tar(TRAIN["n01440764"]))
    for name, content in others.items():
        write(tmp_path / name, content)
    with pytest.raises(UnsupportedError, match=r"1 more .* `tar -xf n01440764\.tar -C") as caught:
        open_archive(tmp_path, index=False)
    assert caught.value.member == next(iter(others))


def test_images_that_nothing_tells_the_class_of_are_passed_over_beside_class_tars(
    tmp_path: Path,
) -> None:
    write(tmp_path / "n01440764.tar", tar(TRAIN["n01440764"]))
    write(tmp_path / "docs/logo.png", JPEG)
    with pytest.warns(FastinetWarning, match=r"1 files passed over.*docs/"):
        assert len(open_archive(tmp_path, index=False)) == 2


def test_leftovers_beside_class_tars_are_said(tmp_path: Path) -> None:
    for name in ("n01440764.tar", ".n01443537.tar.AbC123"):
        write(tmp_path / "train" / name, tar(TRAIN["n01440764"]))
    (tmp_path / "train" / "@eaDir").mkdir()
    with pytest.warns(FastinetWarning, match=r"2 files and folders passed over .*@eaDir/"):
        assert len(open_archive(tmp_path / "train")) == 2

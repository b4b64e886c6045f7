"""What is said of a split that is opened by itself, beside one with more classes."""

from __future__ import annotations

import gzip
import re
import warnings
from pathlib import Path

import pytest
from support.named_files import JPEG, labels, opened, write_folder, write_tar, written

import fastinet
from fastinet.errors import FastinetWarning
from fastinet.testing.archives import tar, train_tar
from fastinet.testing.gzips import bgzip

A, B, C = "n01440764", "n01443537", "n01484850"


def test_a_split_by_itself_beside_one_with_more_classes(tmp_path: Path) -> None:
    names = [f"train/{A}/1.jpg", f"train/{B}/1.jpg", f"val/{B}/2.jpg", f"val_canny/{C}/"]
    root = write_folder(tmp_path / "root", names)
    val, notes = opened(root / "val")
    assert labels(val) == {f"{B}/2.jpg": 0}
    (note,) = notes
    assert f"'train' beside it has 1 classes that it does not have: {A}" in note
    assert f"fastinet.open('{root}', split='val')" in note
    assert labels(opened(root, "val")[0]) == {f"val/{B}/2.jpg": 1}
    assert opened(root / "train")[1] == []


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize(
    "names", [("train", "val"), ("ILSVRC2012_img_train", "ILSVRC2012_img_val")]
)
def test_a_tar_of_a_split_beside_one_with_more_classes(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    train = write_tar(tmp_path / f"{names[0]}.tar", [f"{A}/1.jpg", f"{B}/1.jpg"])
    val = write_tar(tmp_path / f"{names[1]}.tar", [f"{B}/2.jpg"])
    write_tar(tmp_path / "other_train.tar", [f"{C}/1.jpg"])
    first = f"'{train.name}' beside it has 1 classes that it does not have among its first 200"
    with pytest.warns(FastinetWarning, match=first):
        fastinet.open(val)
    fastinet.open(train)
    fastinet.open(tmp_path / "other_train.tar")
    expected = f"'{train.name}' beside it has 1 classes that it does not have: {A}; labels number"
    with pytest.warns(FastinetWarning) as caught:
        assert fastinet.open(val).labels.tolist() == [0]
    (warning,) = caught
    assert expected in str(warning.message)
    assert f"fastinet.open(['{train}', '{val}'], split='val')" in str(warning.message)
    together, notes = opened([train, val], "val")
    assert (together.labels.tolist(), len(notes)) == ([1], 1)
    assert opened(val)[1] == []  # index=False looks at none
    write_tar(train, [f"{B}/{number}.jpg" for number in range(9)])  # there is no good index
    fastinet.open(val)


@pytest.mark.parametrize("form", ["folder", "tar"])
def test_what_the_split_that_is_opened_lacks(form: str, tmp_path: Path) -> None:
    """Each split lacks a class; nothing is said of the others, nor of all together."""
    names = [f"train/{A}/1.jpg", f"train/{B}/1.jpg", f"val/{B}/2.jpg", f"val/{C}/2.jpg"]
    names.append("test/ILSVRC2012_test_00000001.JPEG")
    path = written(form, tmp_path, names)

    def lacking(split: str | None) -> list[str]:
        return [note for note in opened(path, split)[1] if "have no images in split" in note]

    for split in (None, "train"):
        (note,) = lacking(split)
        assert (
            f"1 classes have no images in split 'train', and have some in another one: {C}" in note
        )
    (note,) = lacking("val")
    assert f"1 classes have no images in split 'val', and have some in another one: {A}" in note
    assert lacking("test") == lacking("all") == []


def test_a_split_with_a_table_of_its_own_lacks_nothing(tmp_path: Path) -> None:
    """A copy with a class that the splits do not have."""
    names = [f"train/{A}/1.jpg", f"train_canny/{A}/1.jpg", f"train_canny/{C}/1.jpg"]
    path = write_folder(tmp_path / "data", names)
    for split in ("train", "train_canny"):
        dataset, notes = opened(path, split)
        assert len(dataset.classes) == (1 if split == "train" else 2)
        assert not [note for note in notes if "have no images" in note]


def test_an_index_says_it_again(tmp_path: Path) -> None:
    names = [f"train/{A}/1.jpg", f"train/{B}/1.jpg", f"val/{B}/2.jpg"]
    path = write_tar(tmp_path / "data.tar", names)
    for _ in range(2):
        with pytest.warns(FastinetWarning, match=f"in split 'val', .* another one: {A};"):
            fastinet.open(path, split="val", index=str(tmp_path / "index"))


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize(
    ("train", "said"),
    [
        (train_tar({wnid: {f"{wnid}_1.JPEG": JPEG} for wnid in (A, B, C)}), f"2 .*: {A}, {C};"),
        (tar({f"data/train/{wnid}/1.jpg": JPEG for wnid in (A, B)}), f"1 .*: {A};"),
        (tar({f"{wnid}_1_{wnid}.JPEG": JPEG for wnid in (A, B)}), f"1 .*: {A};"),
        (tar({**{f"{B}/{i}.jpg": JPEG for i in range(200)}, f"{A}/1.jpg": JPEG}), ""),
        (tar({f"{A}_1.jpg": JPEG, f"{A}_1.cls": b"0"}), ""),  # labels are numbers of their own
        (b"no tar" * 200, ""),
        (b"", ""),
    ],
)
@pytest.mark.parametrize("packed", ["tar", "gzip", "bgzip"])
def test_the_first_members_of_a_tar_that_was_never_opened(
    tmp_path: Path, train: bytes, said: str, packed: str
) -> None:
    val = write_tar(tmp_path / "val.tar", [f"{B}/2.jpg"])
    pack = {"tar": bytes, "gzip": gzip.compress, "bgzip": bgzip}[packed]
    (tmp_path / "train.tar").write_bytes(pack(train))
    assert opened(val)[1] == [], "with index=False nothing is looked at"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FastinetWarning)
        fastinet.open(val)
    notes = [str(each.message) for each in caught]
    assert len(notes) == bool(said)
    pattern = f"'train.tar' beside it has {said} labels number the 1"
    assert all(re.search(pattern, note) for note in notes)


@pytest.mark.usefixtures("own_cache")
def test_of_a_gzipped_tar_the_beginning_is_inflated(tmp_path: Path) -> None:
    """Its first megabytes, and no more: a terabyte may lie behind; damage is not spoken of."""
    val = write_tar(tmp_path / "val.tar.gz", [f"{B}/2.jpg"])
    first = tar({f"{A}/1.jpg": bytes(8 << 20), f"{C}/1.jpg": JPEG})
    for data in (gzip.compress(first), gzip.compress(first)[:5000], gzip.compress(first) + b"?"):
        (tmp_path / "train.tar.gz").write_bytes(data)
        with pytest.warns(FastinetWarning, match=f"has 1 classes .* in 8 MiB: {A}; labels"):
            fastinet.open(val)

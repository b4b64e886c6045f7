"""The class tables of splits: empty classes, splits of their own, parts of several archives."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest
from support.named_files import JPEG, labels, opened, wnids, write_folder, write_tar, written

import fastinet
from fastinet.errors import FastinetWarning
from fastinet.testing.archives import END, entry, tar

A, B, C, D = "n01440764", "n01443537", "n01484850", "n01491361"


FORMS = pytest.mark.parametrize("form", ["folder", "tar"])


@FORMS
def test_an_empty_class_folder_keeps_its_place(form: str, tmp_path: Path) -> None:
    names = [f"{A}/1.jpg", f"{B}/", f"{C}/1.jpg"]
    dataset, notes = opened(written(form, tmp_path, names))
    assert labels(dataset) == {f"{A}/1.jpg": 0, f"{C}/1.jpg": 2}
    assert wnids(dataset) == [A, B, C]
    assert any(f"1 classes have no images: {B}" in note for note in notes)


@FORMS
@pytest.mark.parametrize("left", ["images/", "readme.txt", ".1.jpg.Ab12Cd", "1.jpg~", "old/1.webp"])
def test_a_class_folder_without_an_entry_of_its_own(form: str, left: str, tmp_path: Path) -> None:
    """Whatever lies in it: the tar has no entry for the folder, and extracting it makes one."""
    names = [f"{A}/1.jpg", f"{B}/{left}", f"{C}/1.jpg", f".trash/{D}/1.jpg"]
    path = written(form, tmp_path, [names[0], *names[2:]])
    if form == "folder":
        (path / B / left).parent.mkdir(parents=True)
        (path / B / left).mkdir() if left.endswith("/") else (path / B / left).write_bytes(b"-")
    else:
        added = (
            entry(names[1], type=tarfile.DIRTYPE) if left.endswith("/") else entry(names[1], b"-")
        )
        path.write_bytes(path.read_bytes()[: -len(END)] + added + END)
    dataset, notes = opened(path)
    assert labels(dataset) == {f"{A}/1.jpg": 0, f"{C}/1.jpg": 2}
    assert wnids(dataset) == [A, B, C]
    assert any(f"1 classes have no images: {B}" in note for note in notes)


def test_an_empty_class_tar_keeps_its_place(tmp_path: Path) -> None:
    path = tmp_path / "train.tar"
    path.write_bytes(
        tar({f"{A}.tar": tar({"1.jpg": JPEG}), f"{B}.tar": END, f"{C}.tar": tar({"1.jpg": JPEG})})
    )
    dataset, notes = opened(path)
    assert labels(dataset) == {f"{A}/1.jpg": 0, f"{C}/1.jpg": 2}
    assert any(f"1 classes have no images: {B}" in note for note in notes)


@FORMS
def test_an_empty_folder_of_one_split_counts_for_all(form: str, tmp_path: Path) -> None:
    names = [f"train/{A}/1.jpg", f"train/{B}/", f"train/{C}/1.jpg", f"val/{C}/2.jpg", f"val/{B}/"]
    path = written(form, tmp_path, names)
    val, notes = opened(path, "val")
    assert labels(val) == {f"val/{C}/2.jpg": 2}
    text = " ".join(notes)
    assert f"1 classes have no images: {B}" in text
    assert f"1 classes have no images in split 'val', and have some in another one: {A}" in text


@FORMS
def test_folders_that_are_no_classes(form: str, tmp_path: Path) -> None:
    """Wnids that group others, and those of annotations."""
    names = [f"{D}/{A}/1.jpg", f"{D}/{B}/", f"Annotations/train/{C}/"]
    dataset, notes = opened(written(form, tmp_path, names))
    assert wnids(dataset) == [A, B]
    assert any(f"1 classes have no images: {B}" in note for note in notes)


@FORMS
def test_copies_are_splits_by_their_own_names(form: str, tmp_path: Path) -> None:
    names = [
        f"{folder}/{wnid}/1.jpg"
        for folder in ("train", "val", "val_canny", "train_backup")
        for wnid in (A, B)
    ]
    names += [f"train_canny/{D}/1.jpg", f"{A}/1.jpg"]
    path = written(form, tmp_path, names)
    train, notes = opened(path)
    assert train.splits == ("train", "val", ".", "train_backup", "train_canny", "val_canny")
    assert labels(train) == {f"train/{A}/1.jpg": 0, f"train/{B}/1.jpg": 1}
    assert any("the others: val, ., train_backup, train_canny, val_canny" in note for note in notes)
    canny, _ = opened(path, "val_canny")
    assert labels(canny) == {f"val_canny/{A}/1.jpg": 0, f"val_canny/{B}/1.jpg": 1}
    # With a class that the others do not have, it has a table of its own.
    of_its_own, _ = opened(path, "train_canny")
    assert (labels(of_its_own), wnids(of_its_own)) == ({f"train_canny/{D}/1.jpg": 0}, [D])
    assert labels(opened(path, ".")[0]) == {f"{A}/1.jpg": 0}
    everything, _ = opened(path, "all")
    assert wnids(everything) == [A, B, D]
    assert labels(everything) == {name: [A, B, D].index(name.split("/")[-2]) for name in names}
    assert everything.split == "all"


@FORMS
def test_a_copy_of_numbered_images_has_their_order(form: str, tmp_path: Path) -> None:
    names = [
        f"{folder}/ILSVRC2012_val_{number:08d}.JPEG"
        for folder in ("val", "val_canny")
        for number in (3, 1, 2)
    ]
    path = written(form, tmp_path, names)
    val, canny = (opened(path, split)[0] for split in ("val", "val_canny"))
    assert canny.labels.tolist() == val.labels.tolist()
    assert list(canny.keys) == [key.replace("val/", "val_canny/") for key in val.keys]
    with pytest.raises(ValueError, match="several splits, val, val_canny, and none"):
        opened(path)


@FORMS
def test_images_that_were_dealt_anew(form: str, tmp_path: Path) -> None:
    """As in Imagenette 2, whose train folder has images of both."""
    number = "ILSVRC2012_val_00000293.JPEG"
    names = [f"i/train/{A}/{number}", f"i/train/{A}/{A}_1.JPEG", f"i/val/{A}/{A}_2.JPEG"]
    path = written(form, tmp_path, names)
    train, notes = opened(path, "train")
    assert sorted(train.keys) == sorted(names[:2])
    assert any("1 images in 'train' are called as" in note for note in notes)
    assert opened(path, "val")[0].keys[0] == names[2]
    # By itself, too, for the opened folder is one around its files.
    alone = written(form, tmp_path, [name[8:] for name in names[:2]], "train")
    assert opened(alone)[0].splits == ("train",)
    assert len(opened(alone)[0]) == 2


@FORMS
@pytest.mark.parametrize(
    ("name", "split"),
    [("val", "val"), ("Validation", "val"), ("imagenet_val", "val"), ("val_canny", "train"),
     ("holdout", "holdout"), ("imagenet", "train")],
)  # fmt: skip
def test_what_is_opened_counts_as_a_folder(
    form: str, name: str, split: str, tmp_path: Path
) -> None:
    path = written(form, tmp_path, [f"{A}/1.jpg"], name)
    assert opened(path)[0].split == split
    with path.open("rb") if form == "tar" else io.BytesIO(tar({f"{A}/1.jpg": JPEG})) as file:
        stream = fastinet.open_stream(file, split=split if form == "tar" else None)
        assert [item.key for item in stream.items()] == [f"{A}/1.jpg"]


def test_several_archives_that_are_called_as_splits(tmp_path: Path) -> None:
    names = ("train-000", "train-001", "val-000", "val_canny")
    paths = [write_tar(tmp_path / f"{name}.tar", [f"{A}/{name}.jpg"]) for name in names]
    train, _ = opened(paths)
    assert train.splits == ("train", "val", "val_canny")
    assert list(train.keys) == [f"{A}/train-000.jpg", f"{A}/train-001.jpg"]
    parts, _ = opened(
        [write_tar(tmp_path / f"part-{number}.tar", [f"{A}/{number}.jpg"]) for number in range(2)]
    )
    assert (parts.splits, len(parts)) == (("train",), 2)


@pytest.mark.parametrize("top", ["", "./", "data/", "more/data/"])
@pytest.mark.parametrize("beside", ["train", "val", "val_canny"])
def test_a_folder_around_all_is_in_no_name(top: str, beside: str, tmp_path: Path) -> None:
    """As of `tar cf data.tar data`, of a folder with loose class folders beside a split's."""
    names = [f"{A}/1.jpg", f"{beside}/{A}/2.jpg", f"train_old/{A}/3.jpg"]
    forms = [
        write_folder(tmp_path / "data", names),
        write_tar(tmp_path / "data.tar", [f"{top}{name}" for name in names]),
    ]
    said = []
    for path in forms:
        with pytest.raises(ValueError, match="has no split") as caught:
            opened(path, "none")
        said.append(str(caught.value).replace(str(path), "PATH"))
        dataset, _ = opened(path, ".")
        assert [key.removeprefix(top.removeprefix("./")) for key in dataset.keys] == names[:1]
    assert said[0] == said[1]
    if top == "data/":
        assert list(opened(forms[1], "data/")[0].keys) == [f"data/{A}/1.jpg"]


@FORMS
def test_two_datasets_side_by_side(form: str, tmp_path: Path) -> None:
    """Which have a class in common: neither is a part of the other."""
    names = [f"woof/train/{A}/1.jpg", f"nette/train/{A}/2.jpg", f"nette/val/{A}/3.jpg"]
    path = written(form, tmp_path, names)
    with pytest.raises(ValueError, match="several splits, nette/train, woof/train, val, and none"):
        opened(path)
    assert list(opened(path, "woof/train")[0].keys) == [names[0]]
    with pytest.raises(ValueError, match="'train' may mean: nette/train, woof/train"):
        opened(path, "train")


@FORMS
def test_more_splits_than_an_index_has(form: str, tmp_path: Path) -> None:
    names = [f"copy{number}/{A}/1.jpg" for number in range(128)]
    with pytest.raises(fastinet.errors.UnsupportedError, match="its folders are 128 splits"):
        opened(written(form, tmp_path, names))


LEFT = [
    f"__MACOSX/train/{C}/", f".ipynb_checkpoints/{C}/", f"@eaDir/{C}/", f"train/@eaDir/{C}/",
    f"train/.hidden/{C}/", f"$RECYCLE.BIN/{C}/", f"lost+found/{C}/1.jpg", f"__MACOSX/{C}.tar",
]  # fmt: skip


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize("form", ["folder", "tar", "tar.gz"])
def test_class_folders_of_other_programs_are_no_classes(
    form: str, left: str, tmp_path: Path
) -> None:
    names = [f"train/{A}/1.jpg", f"train/{D}/1.jpg", f"val/{D}/2.jpg", f"val/{A}/2.jpg"]
    path = written(form.removesuffix(".gz"), tmp_path, [*names, left])
    if form == "tar.gz":
        data = path.read_bytes()
        path = tmp_path / "data.tar.gz"
        path.write_bytes(gzip.compress(data))
    for split in ("train", "val"):
        dataset, notes = opened(path, split)
        assert [info.wnid for info in dataset.classes] == [A, D]
        assert not [note for note in notes if "no images" in note]
        assert any("left by other programs" in note for note in notes)
    if form != "folder":
        stream = fastinet.open_stream(path, split="train", classes=[A, D])
        items = [(item.key, stream.label(item.key, {})) for item in stream.items()]
        assert items == [(names[0], 0), (names[1], 1)]


@FORMS
def test_why_there_is_no_such_split(form: str, tmp_path: Path) -> None:
    """As in Tiny-ImageNet, where the file is missing that tells the classes."""
    path = written(form, tmp_path, [f"train/{A}/images/{A}_0.jpg", "val/images/val_0.jpg"])
    with (
        pytest.warns(FastinetWarning, match="images without a wnid .*: val/images/val_0.jpg"),
        pytest.raises(ValueError, match="has no split 'val'; it has train"),
    ):
        fastinet.open(path, split="val", index=False)

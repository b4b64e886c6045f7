"""The check of the members: classes, counts and numbers, and other files."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

import numpy as np
import pytest
from support.verified import Classes, kinds, published_train

import fastinet
from fastinet.datasets.published import PublishedArchive, PublishedSplit
from fastinet.testing.archives import END, entry, tar, train_tar
from fastinet.testing.devkit import write_devkit
from fastinet.testing.ilsvrc import miniature_challenge, write_archive
from fastinet.testing.small import small_jpeg
from fastinet.testing.whole_archives import imagenet_v2_members

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.mark.parametrize("top", ["", "ILSVRC/Data/CLS-LOC/"])
def test_splits_in_one_archive_are_compared_each(
    tmp_path: Path, classes: Classes, top: str
) -> None:
    image = small_jpeg(np.random.default_rng(1))
    content = {
        f"{top}train/{wnid}/{name}": data
        for wnid, images in classes.items()
        for name, data in images.items()
    }
    content |= {f"{top}val/ILSVRC2012_val_{n:08d}.JPEG": image for n in (1, 2, 3)}
    content |= {f"{top}test/ILSVRC2012_test_{n:08d}.JPEG": image for n in (1, 2, 4)}
    split_of = {"train": PublishedSplit("train", 9, 3, (2, 4))}
    split_of |= {name: PublishedSplit(name, 3) for name in ("val", "test")}
    published = [
        PublishedArchive(f"ILSVRC2012_img_{name}.tar", name, "", splits=(split,))
        for name, split in split_of.items()
    ]
    path = tmp_path / "kaggle.tar.gz"
    path.write_bytes(gzip.compress(tar(content)))
    report = fastinet.verify(path, published=published)
    assert report.family == "ilsvrc"
    assert kinds(report) == ["missing members", "unexpected members"]
    assert "numbers 3" in report.errors[0].message
    assert report.images == 15


def test_missing_and_unexpected_classes_are_named(tmp_path: Path, classes: Classes) -> None:
    content = train_tar(classes)
    split = PublishedSplit("train", 9, 1000, (2, 4), "imagenet-1k")
    published = published_train(content, splits=(split,), bytes=None, md5=None, class_tars=None)
    classes["n99999999"] = {"n99999999_1.JPEG": small_jpeg(np.random.default_rng(4))}
    del classes["n01443537"]
    path = tmp_path / "train.tar"
    path.write_bytes(train_tar(classes))
    report = fastinet.verify(path, published=published, expect="train.tar")
    (missing,) = (f for f in report.errors if f.kind == "missing class")
    assert missing.message.startswith("998 classes are missing from split 'train': n01443537, ")
    assert "--expect none" in missing.advice
    assert len(missing.detail.split(", ")) == 998
    assert [f.member for f in report.errors if f.kind == "unexpected class"] == ["n99999999"]


def test_a_devkit_tells_how_many_images_each_class_has(tmp_path: Path, classes: Classes) -> None:
    content = train_tar(classes)
    path = tmp_path / "train.tar"
    path.write_bytes(content)
    kit = write_devkit(tmp_path / "kit.tar.gz", [0, 1, 2])  # 1,300 of each class
    report = fastinet.verify(path, published=published_train(content), devkit=kit)
    assert kinds(report) == ["images per class"] * 3
    assert "has 4 of 1,300 images: 1,296 missing" in report.errors[0].message


def test_other_files_are_warned_of(tmp_path: Path, classes: Classes) -> None:
    classes["n01440764"]["readme.txt"] = b"hello"
    path = tmp_path / "train.tar"
    path.write_bytes(train_tar(classes))
    report = fastinet.verify(path, published=[])
    assert report.ok
    assert kinds(report, "warning") == ["unexpected members"]
    assert "n01440764/readme.txt" in report.findings[0].message
    assert "nothing published" in report.sentence


def test_what_belongs_to_the_packaging_is_no_surprise(tmp_path: Path) -> None:
    members = {**miniature_challenge().cls_loc(), "ILSVRC/Data/CLS-LOC/notes.txt": b""}
    report = fastinet.verify(write_archive(tmp_path / "kaggle.tar", members))
    (warning,) = (finding for finding in report.findings if finding.severity == "warning")
    assert warning.message == "1 files are none of it: ILSVRC/Data/CLS-LOC/notes.txt"


def test_a_split_that_is_missing_is_named(tmp_path: Path) -> None:
    image = small_jpeg(np.random.default_rng(5))
    path = tmp_path / "renamed.tar"
    path.write_bytes(entry("ILSVRC2012_val_00000001.JPEG", image) + END)
    splits = (PublishedSplit("val", 1), PublishedSplit("test", 3), PublishedSplit("train"))
    report = fastinet.verify(path, published=[PublishedArchive("a.tar", "val", "", splits=splits)])
    assert [finding.message for finding in report.errors] == ["split 'test' is missing"]


def test_missing_classes_that_are_called_by_number(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "v2.tar", imagenet_v2_members("numbers", labels=(0, 3, 1)))
    splits = (PublishedSplit("val", classes=5),)
    published = [PublishedArchive("v2.tar", "imagenet_v2", "", splits=splits)]
    report = fastinet.verify(path, published=published)
    assert kinds(report) == ["missing class"]
    assert report.errors[0].message == "2 classes are missing from split 'val': 2, 4"
    assert report.errors[0].detail == "2, 4"


def unread(report: fastinet.Report) -> list[str]:
    return [each.message for each in report.errors if each.kind == "unread images"]


@pytest.mark.parametrize("name", ["n01440764_9.webp", "n01440764_9.GIF", "n01440764_9", "a.heic"])
def test_images_of_other_formats_are_errors(tmp_path: Path, name: str) -> None:
    image = small_jpeg(np.random.default_rng(1))
    members = {"n01440764_1.JPEG": image, "notes.txt": b"words", name: b"GIF89a and so on"}
    path = tmp_path / "train.tar"
    path.write_bytes(tar({"n01440764.tar": tar(members)}))
    report = fastinet.verify(path, published=[])
    assert not report.ok
    assert unread(report) == [
        f"1 members look like images and are neither JPEG nor PNG: n01440764/{name}"
    ]
    members[name] = image  # by its content it is read, whatever it is called
    path.write_bytes(tar({"n01440764.tar": tar(members)}))
    assert unread(fastinet.verify(path, published=[])) == []


def test_links_are_looked_at_and_what_they_miss_is_an_error(tmp_path: Path) -> None:
    image = small_jpeg(np.random.default_rng(1))
    sound = entry("n01440764/n01440764_1.JPEG", image) + entry(
        "n01440764/n01440764_2.JPEG", type=tarfile.LNKTYPE, linkname="n01440764/n01440764_1.JPEG"
    )
    path = tmp_path / "train.tar"
    path.write_bytes(sound + END)
    report = fastinet.verify(path, published=[])
    assert (report.ok, report.images, unread(report)) == (True, 2, [])
    lost = entry("n01440764/n01440764_3.JPEG", type=tarfile.SYMTYPE, linkname="/data/3.JPEG")
    lost += entry("latest", type=tarfile.SYMTYPE, linkname="../v2")
    path.write_bytes(sound + lost + END)
    report = fastinet.verify(path, published=[])
    assert unread(report) == [
        "1 links are called images and lead to nothing in the archive: n01440764/n01440764_3.JPEG"
    ]
    notes = [each.message for each in report.findings if each.kind == "passed over"]
    assert notes[0].startswith("2 symbolic links skipped that lead to nothing in the archive: n014")
    (advice,) = [each.advice for each in report.findings if each.kind == "unread images"]
    assert "tar --dereference" in advice
    folder = tmp_path / "train" / "n01440764"
    folder.mkdir(parents=True)
    (folder / "n01440764_1.JPEG").write_bytes(image)
    (folder / "n01440764_3.JPEG").symlink_to("gone.JPEG")
    (advice,) = [
        each.advice
        for each in fastinet.verify(folder.parent, published=[]).findings
        if each.kind == "unread images"
    ]
    assert "bring back what they lead to" in advice


def test_leftovers_are_noted_and_no_error(tmp_path: Path) -> None:
    image = small_jpeg(np.random.default_rng(1))
    names = ["n01440764_1.JPEG", ".n01440764_2.JPEG.AbC123", "@eaDir/n01440764_1.JPEG"]
    path = tmp_path / "n01440764.tar"
    path.write_bytes(tar(dict.fromkeys(names, image)))
    report = fastinet.verify(path, published=[])
    assert (report.ok, report.images, report.members) == (True, 1, 3)
    (note,) = [each.message for each in report.findings if each.kind == "passed over"]
    assert note.startswith("2 files and folders passed over that are hidden or left")


def test_files_beside_the_images_do_not_hide_what_it_is(tmp_path: Path) -> None:
    stem = "n01440764/n01440764_"
    image = small_jpeg(np.random.default_rng(1))
    members = {f"{stem}{number}.JPEG": image for number in range(4)}
    words = {f"{stem}{number}.{kind}": b"{}" for number in range(4) for kind in ("txt", "json")}
    path = tmp_path / "captions.tar"
    path.write_bytes(tar({**members, **words}))
    report = fastinet.verify(path, published=[])
    assert (report.ok, report.family, report.images) == (True, "train", 4)


@pytest.mark.parametrize("form", ["tar", "folder"])
def test_images_whose_class_nothing_tells_are_an_error(tmp_path: Path, form: str) -> None:
    """As Tiny-ImageNet's of val/ without the file that tells them: nobody would read them."""
    image = small_jpeg(np.random.default_rng(1))
    members = {
        "t/train/n01440764/images/n01440764_0.JPEG": image,
        "t/train/n01440764/images/n01440764_0.txt": b"a companion",
        "t/val/images/val_0.JPEG": image,
        "t/val/images/val_1.JPEG": image,
    }
    path = write_archive(tmp_path / "t", members, form=form)
    (message,) = unread(fastinet.verify(path, published=[]))
    assert message.startswith("2 images are passed over by fastinet.open, which finds no class")
    assert message.endswith(": t/val/images/val_0.JPEG, t/val/images/val_1.JPEG")
    for name in ("t/val/images/val_0.JPEG", "t/val/images/val_1.JPEG"):
        members.pop(name)
    path = write_archive(tmp_path / "sound", members, form=form)
    assert fastinet.verify(path, published=[]).ok


def test_second_images_of_samples_are_read_with_the_first(tmp_path: Path) -> None:
    image = small_jpeg(np.random.default_rng(1))
    path = tmp_path / "train-0.tar"
    path.write_bytes(tar({"0.jpg": image, "0.seg.png": image, "0.cls": b"7"}))
    assert unread(fastinet.verify(path, published=[])) == []

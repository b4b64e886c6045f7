"""Which published archive something is a copy of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.verified import Classes, kinds, some_classes, states

import fastinet
from fastinet.datasets.published import PublishedArchive, PublishedSplit
from fastinet.testing.archives import tar, train_tar
from fastinet.testing.ilsvrc import write_archive
from fastinet.testing.robustness import imagenet_c_members
from fastinet.testing.small import small_jpeg

pytestmark = pytest.mark.usefixtures("own_cache")


def test_another_archive_under_the_name_is_a_wrong_file(tmp_path: Path, classes: Classes) -> None:
    path = tmp_path / "ILSVRC2012_img_val.tar"
    path.write_bytes(train_tar(classes))
    report = fastinet.verify(path)
    assert kinds(report)[0] == "wrong file"
    assert "ILSVRC2012_img_val.tar" in report.errors[0].message
    assert "'train'" in report.errors[0].message


def corruptions(name: str, *names: str) -> PublishedArchive:
    """One of ImageNet-C's tars, as if it had two severities of four images."""
    splits = tuple(PublishedSplit(f"{each}/{s}", 4, 1000, (1, 1)) for each in names for s in (1, 2))
    return PublishedArchive(name, "imagenet_c", "", splits=splits, is_called_by_a_word=True)


TABLE = [corruptions("noise.tar", "shot_noise"), corruptions("blur.tar", "zoom_blur", "fog")]


def whole(*names: str, severities: tuple[int, ...] = (1, 2)) -> dict[str, bytes]:
    """Miniatures have four classes, and the published 1000 are not asked for here."""
    return imagenet_c_members(names, severities)


def errors_of(path: Path) -> tuple[str | None, list[str]]:
    """The archive that it is taken for, and what is wrong but for the classes that it lacks."""
    report = fastinet.verify(path, published=TABLE)
    found = [each.message for each in report.errors if "has 4 classes" not in each.message]
    return report.archive, found


@pytest.mark.parametrize("form", ["tar", "tar.gz", "folder"])
def test_a_tar_of_imagenet_c_is_told_by_its_corruptions(tmp_path: Path, form: str) -> None:
    path = write_archive(tmp_path / "renamed", whole("zoom_blur", "fog"), form=form)
    assert errors_of(path) == ("blur.tar", [])
    path = write_archive(tmp_path / "other", whole("shot_noise"), form=form)
    assert errors_of(path) == ("noise.tar", [])


def test_what_a_tar_of_imagenet_c_lacks(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "blur.tar", whole("zoom_blur"))
    assert errors_of(path) == ("blur.tar", ["split 'fog/1' is missing", "split 'fog/2' is missing"])
    members = whole("zoom_blur", "fog")
    del members[next(iter(members))]
    archive, errors = errors_of(write_archive(tmp_path / "renamed.tar", members))
    assert archive == "blur.tar"
    assert [message for message in errors if "published are 4" in message]


def test_what_several_tars_of_imagenet_c_were_extracted_to(tmp_path: Path) -> None:
    members = whole("zoom_blur", "fog", "shot_noise")
    path = write_archive(tmp_path / "imagenet-c", members, form="folder")
    assert errors_of(path) == (None, [])
    del members[next(iter(members))]
    path = write_archive(tmp_path / "less", members, form="folder")
    archive, errors = errors_of(path)
    assert archive is None
    assert [
        message for message in errors if "'zoom_blur/1' has 3 images, published are 4" in message
    ]


def test_a_word_for_a_name_says_nothing_of_another_family(tmp_path: Path, classes: Classes) -> None:
    path = tmp_path / "noise.tar"
    path.write_bytes(train_tar(classes))
    report = fastinet.verify(path, published=TABLE)
    assert report.ok, report.errors
    assert (report.family, report.archive) == ("train", None)


IMAGE = small_jpeg(np.random.default_rng(3))
TREE = {
    f"{w}/{name}": data for w, images in some_classes().items() for name, data in images.items()
}
SHARD = {
    f"{i:04d}.{kind}": data for i in range(6) for kind, data in (("jpg", IMAGE), ("cls", b"%d" % i))
}

# What open reads, though nothing of the kind is published: members, family, images and classes.
UNPUBLISHED = {
    "shard": (SHARD, "webdataset", 6, 6),
    "unsorted shard": (dict(reversed(SHARD.items())), "webdataset", 6, 6),
    "captions": (
        TREE
        | {key.replace(".JPEG", ".txt"): b"a photo" for key in TREE}
        | {key.replace(".JPEG", ".json"): b'{"caption": "a fish"}' for key in TREE},
        "train",
        9,
        3,
    ),
    "extensions": ({f"{key[:-5]}.jfif": data for key, data in TREE.items()}, "train", 9, 3),
    "no extensions": ({key[:-5]: data for key, data in TREE.items()}, "train", 9, 3),
}


@pytest.mark.parametrize("form", ["tar", "tar.gz", "folder"])
@pytest.mark.filterwarnings("ignore:.*members")
@pytest.mark.parametrize("name", list(UNPUBLISHED))
def test_what_open_reads_is_not_wrong(tmp_path: Path, name: str, form: str) -> None:
    members, family, images, classes = UNPUBLISHED[name]
    path = write_archive(tmp_path / "own", members, form=form)
    report = fastinet.verify(path, decode=True)
    assert report.ok, report.errors
    assert (report.family, report.images, report.classes) == (family, images, classes)
    assert fastinet.open(path).family == family
    assert kinds(report, "note") == ["not compared"]
    assert kinds(report, "warning") == []
    assert states(report)["images"] == "passed"
    assert "nothing published" in report.sentence
    alone = fastinet.verify(path, published=[], again=True)
    (note,) = (finding for finding in alone.findings if finding.kind == "not compared")
    assert note.message.startswith("no published archive is known for it")


def test_what_open_reads_is_checked_all_the_same(tmp_path: Path) -> None:
    members = {**SHARD, "0003.jpg": b"no image"}
    path = write_archive(tmp_path / "own.tar", members)
    report = fastinet.verify(path)
    assert [(each.kind, each.member) for each in report.errors] == [
        ("unreadable image", "0003.jpg")
    ]
    path.write_bytes(tar(SHARD)[:-3000])
    assert "truncated" in kinds(fastinet.verify(path))


# What open refuses: members, a word of the cause, and the member that it names.
REFUSED = {
    "no number": (TREE | {"n01440764/n01440764_1.json": b'{"label": "fish"}'}, "no label"),
    "numbered folders": ({f"train/{c}/{i}.jpg": IMAGE for c in range(3) for i in range(2)}, "wnid"),
    "named folders": ({f"{c}/{i}.jpg": IMAGE for c in ("cat", "dog") for i in range(2)}, "labels="),
    "no images": ({"a.txt": b"hello"}, "no image"),
    "nothing": ({}, "no image"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_open_refuses_is_wrong(tmp_path: Path, name: str) -> None:
    members, cause = REFUSED[name]
    path = write_archive(tmp_path / "own.tar", members)
    with pytest.raises(fastinet.errors.FastinetError, match=cause) as refused:
        fastinet.open(path, index=False)
    (error,) = fastinet.verify(path).errors
    assert f"fastinet.open: {refused.value.cause}" in error.message.replace(" refuses it", "")
    assert (error.member, error.offset) == (refused.value.member, refused.value.offset)


def test_what_is_published_without_images_is_not_asked_of_open(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "boxes.tar", {"n01440764/n01440764_1.xml": b"<annotation/>"})
    report = fastinet.verify(path, published=[])
    assert report.family == "boxes"
    assert kinds(report) == []

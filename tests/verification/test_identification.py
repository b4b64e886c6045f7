"""Which published archive something is a copy of."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.verified import Classes, kinds

import fastinet
from fastinet.datasets.published import PublishedArchive, PublishedSplit
from fastinet.testing.archives import train_tar
from fastinet.testing.ilsvrc import write_archive
from fastinet.testing.robustness import imagenet_c_members

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

"""The steps of a verification: which are taken of what kind of file, and in which order."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest
from support.verified import Classes, kinds, states

import fastinet
from fastinet.testing.archives import extract, train_tar

if TYPE_CHECKING:
    from pathlib import Path

    from fastinet.datasets.published import PublishedArchive

pytestmark = pytest.mark.usefixtures("own_cache")


def test_a_tar_goes_through_all_steps_in_order(
    train: tuple[Path, list[PublishedArchive]],
) -> None:
    path, published = train
    report = fastinet.verify(path, published=published)
    assert list(states(report)) == ["archive", "headers", "size", "members", "MD5", "images"]
    assert set(states(report).values()) == {"passed"}
    assert report.members == report.images == 9
    assert report.checks[1].detail == "9 members, all well"


def test_a_folder_has_files_and_no_headers(
    tmp_path: Path, classes: Classes, train: tuple[Path, list[PublishedArchive]]
) -> None:
    members = {f"{wnid}/{name}": data for wnid in classes for name, data in classes[wnid].items()}
    folder = extract(members, tmp_path / "extracted")
    report = fastinet.verify(folder, published=train[1])
    assert "headers" not in states(report)
    (files,) = (check for check in report.checks if check.name == "files")
    assert (files.state, files.detail) == ("passed", "9 files; a folder has no headers")


def test_what_is_no_archive_is_looked_at_no_further(tmp_path: Path) -> None:
    path = tmp_path / "train.tar"
    path.write_bytes(b"<!DOCTYPE html><html><body>Not found</body></html>")
    report = fastinet.verify(path)
    assert states(report) == {"archive": "failed"}
    assert kinds(report) == ["wrong file"]


def test_a_zip_is_looked_at_as_a_whole(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "boxes.zip", "w") as file:
        file.writestr("a.xml", "<annotation/>")
    report = fastinet.verify(tmp_path / "boxes.zip")
    assert states(report) == {"archive": "failed"}
    assert report.errors[0].message == "this is a zip, none that is published"


@pytest.mark.parametrize("name", ["train.tar.part", "train.tar.crdownload"])
def test_an_unfinished_download_is_told_and_looked_at(
    tmp_path: Path, classes: Classes, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(train_tar(classes))
    report = fastinet.verify(path, published=[])
    assert "unfinished download" in kinds(report)
    assert states(report)["headers"] == "passed"
    assert report.images == 9


def test_a_cut_is_counted_among_wrong_headers(
    train: tuple[Path, list[PublishedArchive]],
) -> None:
    path, published = train
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    report = fastinet.verify(path, published=published)
    assert states(report)["headers"] == "failed"
    assert states(report)["size"] == "failed"
    assert report.checks[1].detail.endswith("members, 1 wrong")
    assert kinds(report).count("truncated") == 1
    assert "size" not in kinds(report), "the cut says it"
    assert "members" in states(report)

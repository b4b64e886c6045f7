"""What is verified: one file, with its size, or several archives; a class by itself, or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fastinet.archives.file_archive import FileArchive
from fastinet.archives.folder_archive import FolderArchive
from fastinet.verification.report import Check
from fastinet.verification.subject import Options, Subject

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = Options((), None, {}, decode=False, digest=True, threads=1, progress=None)


def file_at(path: Path, content: bytes = b"12345") -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def test_one_file_has_a_size(tmp_path: Path) -> None:
    path = file_at(tmp_path / "train.tar")
    subject = Subject(path, [FileArchive(path)], OPTIONS)
    assert (subject.is_file, subject.file_bytes) == (True, 5)
    file_at(path, b"more of it")
    assert subject.file_bytes == 5, "as it was when the verification began"


def test_folders_have_none(tmp_path: Path) -> None:
    folder = tmp_path / "train"
    file_at(folder / "n01440764.tar")
    one = Subject(folder, [FileArchive(folder / "n01440764.tar")], OPTIONS)
    tree = Subject(folder, [FolderArchive(folder)], OPTIONS)
    for subject in (one, tree):
        assert (subject.is_file, subject.file_bytes) == (False, 0)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("n01440764.tar", True),
        ("n01440764.tar.gz", True),
        ("n01440764", True),
        ("train.tar", False),
        ("n0144076.tar", False),
    ],
)
def test_a_class_by_itself(tmp_path: Path, name: str, is_one: bool) -> None:
    path = file_at(tmp_path / name)
    assert Subject(path, [FileArchive(path)], OPTIONS).is_one_class is is_one
    assert not Subject(path, [FileArchive(path)] * 2, OPTIONS).is_one_class


def test_the_report_has_what_the_steps_found(tmp_path: Path) -> None:
    path = file_at(tmp_path / "train.tar")
    subject = Subject(path, [FileArchive(path)], OPTIONS)
    subject.add_check("size", "passed", "5 bytes")
    subject.findings.note("odd image", "a note")
    subject.findings.error("size", "an error")
    report = subject.finished_report()
    assert report.path == str(path)
    assert report.checks == [Check("size", "passed", "5 bytes")]
    assert [(each.message, each.archive) for each in report.findings] == [
        ("an error", str(path)),
        ("a note", str(path)),
    ]

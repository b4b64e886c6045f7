"""The size beside the published one: what passes, what fails, and when it says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fastinet.archives.file_archive import FileArchive
from fastinet.archives.folder_archive import FolderArchive
from fastinet.datasets.published import PublishedArchive
from fastinet.verification.size_check import check_size
from fastinet.verification.subject import Options, Subject

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = Options((), None, {}, decode=False, digest=True, threads=1, progress=None)


def checked(path: Path, size: int | None, **changes: Any) -> Subject:
    archive = FolderArchive(path) if path.is_dir() else FileArchive(path)
    subject = Subject(path, [archive], OPTIONS)
    one_source = changes.pop("one_source", False)
    subject.published = PublishedArchive(
        "train.tar", "train", "a miniature", bytes=size, one_source=one_source
    )
    for name, value in changes.items():
        setattr(subject, name, value)
    check_size(subject)
    return subject


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of 1000 bytes."""
    path = tmp_path / "train.tar"
    path.write_bytes(bytes(1000))
    return path


def outcome(subject: Subject) -> tuple[str, list[tuple[str, int | None]]]:
    (check,) = subject.report.checks
    assert check.name == "size"
    return check.state, [(each.kind, each.offset) for each in subject.findings.found]


@pytest.mark.parametrize(
    ("published", "state", "found"),
    [
        (1000, "passed", []),
        (999, "failed", [("trailing bytes", 999)]),
        (1001, "failed", [("size", None)]),
        (None, "skipped", []),
    ],
)
def test_a_byte_decides(
    path: Path, published: int | None, state: str, found: list[tuple[str, int | None]]
) -> None:
    assert outcome(checked(path, published)) == (state, found)


def test_messages_count_the_bytes(path: Path) -> None:
    longer = checked(path, 900)
    assert longer.report.checks[0].detail == "1,000 bytes, published are 900"
    assert longer.findings.found[0].message == "100 bytes more than the 900 published"
    shorter = checked(path, 2_000_000)
    assert "it has 1,000 bytes" in shorter.findings.found[0].message
    assert "2,000,000 are published" in shorter.findings.found[0].message


def test_a_cut_was_told_already(path: Path) -> None:
    assert outcome(checked(path, 1001, is_truncated=True)) == ("failed", [])
    assert outcome(checked(path, 999, is_truncated=True))[1] == [("trailing bytes", 999)]


def test_one_source_proves_nothing_wrong(path: Path) -> None:
    assert outcome(checked(path, 999, one_source=True)) == ("skipped", [])
    assert outcome(checked(path, 1000, one_source=True)) == ("passed", [])


def test_what_has_no_published_size(path: Path, tmp_path: Path) -> None:
    assert outcome(checked(path, 999, published=None)) == ("skipped", [])
    assert outcome(checked(tmp_path, 999)) == ("skipped", [])
    one_class = tmp_path / "n01440764.tar"
    one_class.write_bytes(bytes(10))
    assert outcome(checked(one_class, 999)) == ("skipped", [])
    details = {
        subject.report.checks[0].detail
        for subject in (checked(path, 9, published=None), checked(tmp_path, 9), checked(path, None))
    }
    assert all(details)

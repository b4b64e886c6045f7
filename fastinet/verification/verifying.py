"""One verification: its steps, in their order.

======================  ============================================================================
step                    module
======================  ============================================================================
kind of file            :mod:`~fastinet.verification.recognition`: the first bytes
headers                 :mod:`~fastinet.verification.headers`: every header, and where it is cut
which archive           :mod:`~fastinet.verification.identification`: the names of the members, and
                        whether :func:`fastinet.open` reads it
size                    :mod:`~fastinet.verification.size_check`
members                 :mod:`~fastinet.verification.member_check`: classes, numbers, counts
content                 :mod:`~fastinet.verification.content_check`: digest and images
======================  ============================================================================

A ZIP or JSON file has no members to look at and goes through
:mod:`~fastinet.verification.plain_file` instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastinet import datasets
from fastinet.archives.containers import inner_tars
from fastinet.archives.folder_archive import FolderArchive
from fastinet.datasets.inner_tars import note_of_tars
from fastinet.datasets.scanned import ScannedMembers
from fastinet.errors import FastinetError
from fastinet.items.scanning import as_scanned
from fastinet.verification.content_check import check_content, images_to_check
from fastinet.verification.headers import Headers
from fastinet.verification.identification import identify_by_content
from fastinet.verification.member_check import check_members
from fastinet.verification.plain_file import check_plain_file
from fastinet.verification.recognition import Wrong, file_kind, is_unfinished
from fastinet.verification.size_check import check_size

if TYPE_CHECKING:
    from fastinet.datasets.scanned import ScannedArchive
    from fastinet.verification.journal import Journal
    from fastinet.verification.report import Report, State
    from fastinet.verification.subject import Subject

__all__ = ["run_verification"]


def run_verification(subject: Subject, journal: Journal) -> Report:
    """Takes all steps, on from where the journal says.

    Raises:
        ReadError: something cannot be read.
    """
    kind = file_kind(subject.path) if subject.is_file else ""
    if subject.is_file and is_unfinished(subject.path.name):
        subject.findings.error(
            "unfinished download",
            "it is named as downloads are until they are complete",
            advice="Let the download end.",
        )
    if isinstance(kind, Wrong):
        subject.findings.error("wrong file", kind.message, advice=kind.advice)
        subject.add_check("archive", "failed", kind.message)
    elif kind in ("zip", "json"):
        check_plain_file(subject, kind, journal)
    else:
        _check_archives(subject, journal)
    return subject.finished_report()


def _check_archives(subject: Subject, journal: Journal) -> None:
    """The steps for tars, gzipped tars and folders."""
    headers = _walk_headers(subject, journal)
    scans = headers.members
    members = ScannedMembers(
        _counted(
            subject,
            [
                as_scanned(archive, scan)
                for archive, scan in zip(subject.archives, scans, strict=True)
            ],
        )
    )
    images = members.images()
    identify_by_content(subject, members, images, is_sound=headers.are_sound)
    expected = subject.published.bytes if subject.published is not None else None
    for cut in headers.cuts:
        cut.add_to(subject.findings, expected if subject.is_file else None)
    check_size(subject)
    check_members(subject, members, images, sum(len(inner_tars(scan)) for scan in scans))
    looked_at = images_to_check(subject, members, images, headers)
    check_content(subject, looked_at, headers.gzip_md5, journal)


def _counted(subject: Subject, archives: list[ScannedArchive]) -> list[ScannedArchive]:
    """The archives without the inner tars that :func:`fastinet.open` does not look into."""
    try:
        divided = datasets.without_tars_beside_images(archives)
    except FastinetError:  # fastinet.open says it
        divided = None
    if divided is None:
        return archives
    subject.findings.error(
        "unread images",
        f"{note_of_tars(divided.tars)}; images in them are not read",
        member=divided.tars[0],
        advice="Extract the tars and verify each by itself, and pack the others without them.",
    )
    return divided.archives


def _walk_headers(subject: Subject, journal: Journal) -> Headers:
    headers = Headers(subject.archives, subject.findings, journal, subject.options.progress)
    members = sum(len(scan.offsets) for scan in headers.members)
    wrong = len(headers.cuts) + subject.findings.count("damaged header")
    if isinstance(subject.archives[0], FolderArchive):
        subject.add_check("files", "passed", f"{members:,} files; a folder has no headers")
    else:
        state: State = "failed" if wrong else "passed"
        detail = f"{wrong:,} wrong" if wrong else "all well"
        subject.add_check("headers", state, f"{members:,} members, {detail}")
    subject.report.members = members
    subject.is_truncated = bool(headers.cuts)
    return headers

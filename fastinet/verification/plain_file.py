"""The verification of a file without members that are images: a ZIP, or JSON."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

from fastinet.verification.content_check import check_content
from fastinet.verification.content_pass import Images
from fastinet.verification.identification import published_by_name
from fastinet.verification.size_check import check_size

if TYPE_CHECKING:
    from fastinet.verification.journal import Journal
    from fastinet.verification.subject import Subject

__all__ = ["check_plain_file"]


def check_plain_file(subject: Subject, kind: str, journal: Journal) -> None:
    """Compares the file as a whole with the published one of its name, and checks its format.

    Args:
        subject: takes what is found.
        kind: "zip" or "json".
        journal: keeps how far the digest is.

    Raises:
        ReadError: the file cannot be read.
    """
    published = published_by_name(subject)
    if published is None or published.name.endswith((".tar", ".gz", ".tgz")):
        subject.findings.error(
            "wrong file",
            f"this is {'a zip' if kind == 'zip' else 'JSON text'}"
            + (f", not {published.name}" if published else ", none that is published"),
            advice="Compare the address that it came from.",
        )
        subject.add_check("archive", "failed", kind)
        return
    subject.published = published
    subject.report.archive, subject.report.title = published.name, published.title
    subject.report.family = published.family
    subject.add_check("archive", "passed", f"{published.name}: {published.title}")
    check_size(subject)
    try:
        if kind == "zip":
            _check_zip(subject)
        else:
            json.loads(subject.path.read_bytes())
    except (ValueError, zipfile.BadZipFile) as error:
        subject.findings.error(
            "truncated", f"truncated or damaged: {error}", advice="Download it again."
        )
    check_content(subject, Images.none(), "", journal)


def _check_zip(subject: Subject) -> None:
    with zipfile.ZipFile(subject.path) as archive:
        subject.report.members = len(archive.namelist())
        damaged = archive.testzip()
    if damaged is not None:
        subject.findings.error("damaged member", "its checksum is wrong", member=damaged)

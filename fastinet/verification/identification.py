"""The step that tells which published archive something is a copy of, by its name and content."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastinet.datasets import imagenet_c
from fastinet.datasets.published import published_candidates
from fastinet.errors import (
    CorruptError,
    MissingError,
    OutOfMemoryError,
    TooLargeError,
    UnsupportedError,
)
from fastinet.items.scanning import recognised
from fastinet.verification.likeness import how_alike, note_a_part
from fastinet.verification.recognition import (
    WITHOUT_IMAGES,
    choose_published,
    family_of,
    is_later_devkit,
    parts_of,
)
from fastinet.verification.report import Check

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastinet.datasets.published import PublishedArchive
    from fastinet.datasets.scanned import ScannedMembers
    from fastinet.errors import FastinetError
    from fastinet.verification.report import State
    from fastinet.verification.subject import Subject

__all__ = ["identify_by_content", "published_by_name"]

# Families that are published in several tars each, and compared split by split.
_IN_SEVERAL_TARS = ("ilsvrc", imagenet_c.FAMILY)


def published_by_name(subject: Subject) -> PublishedArchive | None:
    """The published archive that the file's name or size shows; None: neither does.

    Where the user named one (`expect`), that one.
    """
    table, expect = subject.options.table, subject.options.expect
    if expect == "none":
        return None
    if expect is not None:
        return next((archive for archive in table if archive.name == expect), None)
    size = subject.file_bytes if subject.is_file else None
    found = published_candidates(subject.path.name, size, None, table)
    sound = [archive for archive in found if not archive.one_source or archive.bytes == size]
    return sound[0] if sound else None


def identify_by_content(
    subject: Subject, members: ScannedMembers, images: NDArray[np.bool_], *, is_sound: bool
) -> None:
    """Sets the subject's published archive and the report's family, and reports both.

    Args:
        subject: takes what is found.
        members: of all its archives, N of them.
        images: [N] which members are images.
        is_sound: no header is damaged and nothing is cut, so that :func:`fastinet.open` can be
            asked whether it reads it.
    """
    family = family_of(members, images)
    refusal = _ask_open(subject, members) if is_sound and family not in WITHOUT_IMAGES else None
    if family is None and subject.listing is not None:
        family = subject.listing.family
    subject.report.family = family
    published = published_by_name(subject)
    if family is None:
        _explain_no_family(subject, len(members), published, refusal)
    elif published is not None and published.family != family:
        subject.findings.error(
            "wrong file",
            f"it is taken for {published.name}, but its content is that of family '{family}'",
            advice="It was renamed, or another file was downloaded: compare the addresses.",
        )
        published = None
    if published is None and family is not None and subject.options.expect is None:
        published = _published_by_content(subject, family, members, images)
    if family is not None and refusal is not None:
        subject.findings.error(
            "not opened",
            f"it is refused by fastinet.open: {refusal.cause}",
            member=refusal.member,
            offset=refusal.offset,
        )
    subject.published = published
    _report_archive(subject, family)


def _ask_open(subject: Subject, members: ScannedMembers) -> FastinetError | None:
    """Sets the subject's listing; where :func:`fastinet.open` refuses it, gives the refusal."""
    try:
        subject.listing = recognised(subject.path, members.archives)
    except OutOfMemoryError:
        raise  # it is no refusal of the archive
    except (CorruptError, MissingError, TooLargeError, UnsupportedError) as error:
        return error
    return None


def _explain_no_family(
    subject: Subject,
    members: int,
    by_name: PublishedArchive | None,
    refusal: FastinetError | None,
) -> None:
    """Adds the error that no member is named as in ImageNet.

    There is no such error where damage has lost all members: that damage was reported, and the
    family is then taken from the file's name.
    """
    was_lost = subject.is_truncated or subject.findings.count("damaged header")
    if not members and was_lost:
        subject.report.family = by_name.family if by_name is not None else None
        return
    expected = f", as {by_name.name} does" if by_name else ""
    named = f"nothing in it is named as in the ImageNet archives{expected}"
    if refusal is None:
        message = named if members else "there is nothing in it"
    else:
        message = f"{named}; fastinet.open refuses it: {refusal.cause}"
    subject.findings.error(
        "wrong file",
        message,
        member=None if refusal is None else refusal.member,
        offset=None if refusal is None else refusal.offset,
        advice="See what it is: fastinet info, tar -tf.",
    )


def _report_archive(subject: Subject, family: str | None) -> None:
    """Puts the first check of the report: which archive it is."""
    state: State = "failed" if subject.findings.count("wrong file") else "passed"
    name = f"family '{family}'"
    if subject.published is not None:
        subject.report.archive = subject.published.name
        subject.report.title = subject.published.title
        name = f"{subject.published.name}: {subject.published.title}"
        if subject.is_one_class:
            name = f"a class of {name}"
    elif family is None and state == "passed":  # nothing of it could be read
        state, name = "skipped", "not recognised"
    subject.report.checks.insert(0, Check("archive", state, name))


def _published_by_content(
    subject: Subject, family: str, members: ScannedMembers, images: NDArray[np.bool_]
) -> PublishedArchive | None:
    """The published archive of this family whose classes and names fit best.

    None where no archive fits, and where the copy has less than half of what is published: then it
    is another archive of the same layout, and a note says that nothing was compared.
    """
    if family == "devkit" and is_later_devkit(members):
        return None
    candidates = published_candidates(subject.path.name, None, family, subject.options.table)
    parts = parts_of(family, members, images)
    wnids = {
        part.class_name(number)
        for part in parts
        if part.classes is not None and part.are_wnids
        for number in np.unique(part.classes).tolist()
    }
    splits = {part.split for part in parts}
    candidates = tuple(each for each in candidates if _may_be(each, subject.path.name, splits))
    first = members.name(0)
    found = choose_published(candidates, subject.path.name, first, sorted(wnids))
    if found is None and family not in _IN_SEVERAL_TARS:
        subject.findings.note(
            "not compared",
            f"no published archive is known for it: it opens as family '{family}', and only what"
            " holds for every archive was looked at",
        )
    if found is None or not found.splits or subject.is_one_class or subject.is_truncated:
        return found
    like = how_alike(family, parts, found.splits)
    if like is None or like.is_a_copy:
        return found
    note_a_part(
        subject.findings, found.name, like, f"To compare it all the same: --expect {found.name}"
    )
    return None


def _may_be(archive: PublishedArchive, name: str, splits: set[str]) -> bool:
    """Whether what is called so, and has these splits, may be a copy of the archive.

    A name that is a word says it only of what has no other splits; without it the splits must be
    the same: the five tars of ImageNet-C have the same images otherwise.
    """
    if not archive.is_called_by_a_word:
        return True
    published = {split.name for split in archive.splits}
    return splits == published or (name == archive.name and splits <= published)

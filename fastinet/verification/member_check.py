"""The step that compares the members with what is published: splits, classes, counts."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinet._native import _scan
from fastinet.base.paths import is_folder
from fastinet.datasets import ilsvrc, imagenet_c
from fastinet.datasets.names import Names
from fastinet.datasets.scanned import IMAGE_EXTENSIONS
from fastinet.verification.contents import Shortfalls, check_duplicates, check_part, some
from fastinet.verification.devkits import check_devkit_files
from fastinet.verification.known import INVALID
from fastinet.verification.likeness import how_alike, note_a_part
from fastinet.verification.recognition import parts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastinet.datasets.published import PublishedArchive, PublishedSplit
    from fastinet.datasets.scanned import ScannedMembers
    from fastinet.verification.recognition import Part
    from fastinet.verification.subject import Subject

__all__ = ["check_members"]


def check_members(
    subject: Subject, members: ScannedMembers, images: NDArray[np.bool_], class_tars: int
) -> None:
    """Compares the members with what is published, and counts images and classes.

    Args:
        subject: takes what is wrong, and the counts.
        members: of all its archives, N of them.
        images: [N] which members are images.
        class_tars: inner tars in all its archives.
    """
    findings, report = subject.findings, subject.report
    before = len(findings.found)
    parts = parts_of(report.family, members, images)
    published = subject.published
    splits = _published_splits(subject, parts)
    shortfalls = Shortfalls()
    for part in parts:
        check_part(
            findings,
            shortfalls,
            part,
            members,
            splits.get(part.split),
            subject.options.train_images,
            whole=not subject.is_one_class,
        )
    shortfalls.add_to(findings, subject.options.train_images)
    for split in splits.values() if published is not None else ():
        if split.images and not any(part.split == split.name for part in parts):
            findings.error("count", f"split '{split.name}' is missing")
    check_duplicates(findings, members)
    _check_unread_images(subject, members, images)
    _check_images_without_class(subject, members, images)
    _note_passed_over(subject, members)
    if report.family == "devkit":
        check_devkit_files(findings, subject.path, published)
    _warn_of_other_files(subject, members, parts)
    if published is not None:
        _check_totals(subject, published, report.members, class_tars)
    report.images = int(np.count_nonzero(images))
    report.classes = len({c for part in parts for c in _class_names(part)})
    if not parts and subject.listing is not None:
        labels = subject.listing.labels
        report.classes = len(np.unique(labels[labels >= 0]))
    wrong = sum(finding.severity == "error" for finding in findings.found[before:])
    detail = f"{wrong:,} wrong" if wrong else "complete" if published else "counted"
    subject.add_check("members", "failed" if wrong else "passed", f"{_counts(subject)}: {detail}")


def _published_splits(subject: Subject, parts: Sequence[Part]) -> dict[str, PublishedSplit]:
    """What is published of each split.

    What several tars were extracted to has the splits of all: of ILSVRC2012, or of ImageNet-C. As
    of one tar's, a note says so where it has less than half of them and is not compared.
    """
    if subject.published is not None:
        return {split.name: split for split in subject.published.splits}
    if subject.options.expect == "none":
        return {}
    tars = [
        archive
        for archive in subject.options.table
        if (subject.report.family == "ilsvrc" and archive.name.startswith("ILSVRC2012_img_"))
        or subject.report.family == archive.family == imagenet_c.FAMILY
    ]
    splits = {split.name: split for archive in tars for split in archive.splits}
    like = how_alike(subject.report.family, parts, list(splits.values()))
    if like is None or like.is_a_copy or subject.is_truncated:
        return splits
    layout = (
        "the tars of ILSVRC2012" if subject.report.family == "ilsvrc" else "the tars of ImageNet-C"
    )
    note_a_part(
        subject.findings,
        f"what {layout} are extracted to",
        like,
        "To compare it all the same, verify what each tar was extracted to by itself, with --expect"
        f" and the tar's name: {', '.join(archive.name for archive in tars)}",
    )
    return {}


def _check_totals(
    subject: Subject, published: PublishedArchive, files: int, class_tars: int
) -> None:
    if published.members not in (None, files):
        subject.findings.error(
            "count", f"it has {files:,} files, published are {published.members:,}"
        )
    whole_file = subject.is_file and not subject.is_one_class
    if whole_file and published.class_tars not in (None, class_tars):
        subject.findings.error(
            "count", f"it has {class_tars:,} class tars, published are {published.class_tars:,}"
        )


def _warn_of_other_files(subject: Subject, members: ScannedMembers, parts: Sequence[Part]) -> None:
    """Warns of the members of an image archive that are no image of a split, nor beside one."""
    if not parts:
        return
    others = np.ones(len(members), np.bool_)
    for part in parts:
        others[part.rows] = False
    if subject.report.family == "ilsvrc":
        others &= ~ilsvrc.are_annotations(members.names)
    rows = np.flatnonzero(others).tolist()
    rows = _without_companions(subject, members, rows)
    if subject.published is None:
        rows = _without_items(subject, members, rows)
    if rows:
        names = some(members.name(row) for row in rows[:4])
        subject.findings.warn("unexpected members", f"{len(rows):,} files are none of it: {names}")


def _without_items(subject: Subject, members: ScannedMembers, rows: list[int]) -> list[int]:
    """Those of these members that are no items."""
    listing = subject.listing
    if listing is None or not rows:
        return rows
    items = zip(
        (itertools.repeat(0) if listing.item_archive is None else listing.item_archive.tolist()),
        listing.offsets.tolist(),
        strict=False,
    )
    places = set(items)
    columns = (members.archive[rows].tolist(), members.offsets[rows].tolist())
    return [row for row, *place in zip(rows, *columns, strict=True) if tuple(place) not in places]


def _without_companions(subject: Subject, members: ScannedMembers, rows: list[int]) -> list[int]:
    """Those of these members that are no companions of items."""
    found = subject.listing.companions if subject.listing is not None else None
    if found is None:
        return rows
    places = set(
        zip(found.archives.tolist(), found.offsets.tolist(), found.sizes.tolist(), strict=True)
    )
    columns = (members.archive[rows], members.offsets[rows], members.sizes[rows])
    at = zip(*(column.tolist() for column in columns), strict=True)
    return [row for row, place in zip(rows, at, strict=True) if place not in places]


def _check_images_without_class(
    subject: Subject, members: ScannedMembers, images: NDArray[np.bool_]
) -> None:
    """Reports images that :func:`fastinet.open` passes over, since nothing tells their class.

    What is published is compared as such, with what is no image in it.
    """
    listing = subject.listing
    if listing is None or subject.published is not None:
        return
    if np.count_nonzero(images) == len(listing.offsets):
        return
    offsets, names = members.packed_names()
    keys = _scan.name_hashes(listing.key_bytes, listing.key_offsets[1:])
    others = images & ~np.isin(_scan.name_hashes(names, offsets[1:]), keys)
    rows = _without_companions(subject, members, np.flatnonzero(others).tolist())
    called = [members.name(row) for row in rows]
    called = [name for name in called if name.rpartition("/")[2].partition(".")[0] not in INVALID]
    if called:
        subject.findings.error(
            "unread images",
            f"{len(called):,} images are passed over by fastinet.open, which finds no class for"
            f" them: {some(called[:4])}",
            member=called[0],
            advice="Put them into folders of their classes, or open the archive with labels=.",
        )


def _check_unread_images(
    subject: Subject, members: ScannedMembers, images: NDArray[np.bool_]
) -> None:
    """Reports what looks like an image, by its name or its first bytes, and is not read as one."""
    unread = members.unread_images() & ~images
    rows = np.flatnonzero(unread).tolist()
    if rows:
        subject.findings.error(
            "unread images",
            f"{len(rows):,} members look like images and are neither JPEG nor PNG:"
            f" {some(members.name(row) for row in rows[:4])}",
            member=members.name(rows[0]),
            advice="Convert them to JPEG or PNG; fastinet passes them over.",
        )
    lost = [name for entries in members.entries for name in entries.lost]
    named = Names.of(lost)
    called_images = [named.ends_with(extension) for extension in IMAGE_EXTENSIONS]
    rows = np.flatnonzero(np.logical_or.reduce(called_images)).tolist()
    if rows:
        subject.findings.error(
            "unread images",
            f"{len(rows):,} links are called images and lead to nothing in the archive:"
            f" {some(lost[row] for row in rows[:4])}",
            member=lost[rows[0]],
            advice="Pack the images in place of the links: tar --dereference."
            if not is_folder(subject.path)
            else "Make them lead to what is there, or bring back what they lead to.",
        )


def _note_passed_over(subject: Subject, members: ScannedMembers) -> None:
    for sentence in members.passed_over()[1]:
        subject.findings.note("passed over", sentence)
    for sentence in members.outside_notes():
        subject.findings.note("links to outside", sentence)


def _counts(subject: Subject) -> str:
    report = subject.report
    if report.images == 0:
        return f"{report.members:,} files"
    classes = f" in {report.classes:,} classes" if report.classes else ""
    return f"{report.images:,} images{classes}"


def _class_names(part: Part) -> set[Any]:
    if part.classes is None:
        return set()
    return {(part.are_wnids, number) for number in np.unique(part.classes).tolist()}

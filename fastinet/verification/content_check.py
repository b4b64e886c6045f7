"""The step that reads the content: it compares the digest of the file and looks at every image.

How the bytes are read stands in :mod:`fastinet.verification.content_pass`; this module says what to
read, and reports what the pass has found.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

import numpy as np

from fastinet.datasets.listing import Split
from fastinet.verification import known
from fastinet.verification.content_pass import ContentPass, Images, PassState
from fastinet.verification.contents import some
from fastinet.verification.digests import FileDigest, published_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastinet.datasets.scanned import ScannedMembers
    from fastinet.verification.headers import Headers
    from fastinet.verification.journal import Journal
    from fastinet.verification.subject import Subject

__all__ = ["check_content", "images_to_check"]

_PNG_MAGIC = np.frombuffer(b"\x89PNG", np.uint8)


def images_to_check(
    subject: Subject, members: ScannedMembers, images: NDArray[np.bool_], headers: Headers
) -> Images:
    """The images that the pass looks at, with their archives opened.

    None of them where the archive is a damaged gzip file, whose members cannot be read.
    """
    if not headers.readable:
        return Images.none()
    # Links share the bytes of other members, which are looked at once.
    rows = np.flatnonzero(images)
    _, first = np.unique(
        np.stack([members.archive[rows].astype(np.uint64), members.offsets[rows]]),
        axis=1,
        return_index=True,
    )
    rows = rows[np.sort(first)]
    listing = members.listing(
        np.arange(len(members)),
        family="",
        labels=np.full(len(members), -1, np.int64),
        splits=(Split("", ()),),
    )
    return Images(
        sources=[
            archive.open(functools.partial(listing.files, number))
            for number, archive in enumerate(subject.archives)
        ],
        archive=members.archive[rows],
        offsets=members.offsets[rows],
        sizes=members.sizes[rows],
        heads=members.heads[rows],
        key=lambda image: members.name(int(rows[image])),
    )


def check_content(subject: Subject, images: Images, gzip_md5: str, journal: Journal) -> None:
    """Reads the content once, on from where the journal says, and reports digest and images.

    Args:
        subject: takes what is found.
        images: that are looked at.
        gzip_md5: MD5 of the file, where the walk over a gzip file has computed it already; else "".
        journal: keeps how far the pass is.

    Raises:
        ReadError: the file cannot be read.
    """
    options = subject.options
    state = journal.load("state", PassState) or PassState()
    wanted = _digest_to_compare(subject)
    digest = None
    if wanted is not None and wanted[0] == "MD5" and gzip_md5:
        _compare_digest(subject, gzip_md5, *wanted)
    elif wanted is not None:
        digest = FileDigest(subject.path, wanted[0], state.digest, state.position)
    content = ContentPass(
        images,
        digest,
        subject.file_bytes,
        decode=options.decode,
        threads=options.threads,
        state=state,
    )
    stage = "decoding" if options.decode else "content"
    progress = None if options.progress is None else functools.partial(options.progress, stage)
    content.run(progress, lambda state: journal.save("state", dataclasses.asdict(state)))
    _note_pngs(subject, images)
    if digest is not None and wanted is not None:
        _compare_digest(subject, digest.hexdigest(), *wanted)
    _report_images(subject, content.state, len(images))


def _digest_to_compare(subject: Subject) -> tuple[str, str] | None:
    """(algorithm, digest) as published; None where none is compared, and a check then says why."""
    published = subject.published
    wanted = published_digest(published) if published is not None else None
    reason = ""
    if not subject.is_file:
        reason = "a folder has none"
    elif wanted is None or subject.is_one_class:
        reason = "none is published"
    elif not subject.options.digest:
        reason = "not wanted"
    elif subject.is_truncated or subject.findings.count("size", "trailing bytes"):
        reason = "not computed, since the size is wrong"
    if not reason:
        return wanted
    subject.add_check("digest", "skipped", reason)
    return None


def _compare_digest(subject: Subject, found: str, algorithm: str, expected: str) -> None:
    if found == expected:
        subject.add_check(algorithm, "passed", f"{found}, as published")
        return
    subject.add_check(algorithm, "failed", f"{found}, published is {expected}")
    alone = subject.findings.count("damaged header") == 0
    name = subject.published.name if subject.published is not None else "the archive"
    subject.findings.error(
        "digest",
        f"its {algorithm} is {found}, that of {name} is {expected}",
        advice="Some byte is wrong where nothing else shows it, or it was packed anew: "
        "--decode shows whether an image is damaged."
        if alone and not subject.options.decode
        else "",
    )


def _report_images(subject: Subject, state: PassState, count: int) -> None:
    """Adds what the pass found in `count` images to the report."""
    found = state.findings
    subject.findings.found += found
    if count == 0:
        subject.add_check("images", "skipped", _why_no_images(subject))
        return
    wrong = sum(finding.severity == "error" for finding in found)
    depth = "decoded in full" if subject.options.decode else "headers read"
    detail = f"{wrong:,} of them damaged" if wrong else "all well"
    subject.add_check("images", "failed" if wrong else "passed", f"{count:,} {depth}, {detail}")
    _note_odd(subject, "JPEGs are CMYK", state.four_components, known.CMYK)
    _note_odd(subject, "images are wrapped in gzip", state.wrapped, known.GZIP_WRAPPED)


def _why_no_images(subject: Subject) -> str:
    if subject.report.images:
        return "not looked at: a gzip file must be whole for that"
    return "there are none"


def _note_pngs(subject: Subject, images: Images) -> None:
    """Notes the PNG images whose names say JPEG."""
    rows = np.flatnonzero((images.heads[:, : len(_PNG_MAGIC)] == _PNG_MAGIC).all(axis=1))
    keys = [images.key(row) for row in rows.tolist()]
    named_jpeg = [key for key in keys if not key.lower().endswith(".png")]
    _note_odd(subject, "PNG images are named as JPEGs", named_jpeg, known.PNG)


def _note_odd(subject: Subject, what: str, keys: Sequence[str], expected: frozenset[str]) -> None:
    """Notes images that are odd in the published archive too, and others like them."""
    if not keys:
        return
    others = [key for key in keys if _stem(key) not in expected]
    how = "all of them known" if not others else f"not known before: {some(others)}"
    subject.findings.note("odd image", f"{len(keys):,} {what}, {how}")


def _stem(key: str) -> str:
    return key.rpartition("/")[2].partition(".")[0]

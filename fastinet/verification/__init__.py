"""Whether an archive is what it should be: complete, undamaged, and the one that was published."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastinet.archives.folder_archive import FolderArchive
from fastinet.archives.tar_notes import EndMarker, is_marker_required
from fastinet.base.checks import whole_number
from fastinet.base.cpus import available_cpus
from fastinet.base.limits import Limits, current_limits
from fastinet.base.paths import exists, is_folder
from fastinet.base.progress_bar import drawn_stages
from fastinet.datasets.devkit import read_devkit
from fastinet.datasets.published import PUBLISHED
from fastinet.datasets.scanned import IMAGE_EXTENSIONS, wnid_number
from fastinet.errors import UnsupportedError, printable
from fastinet.items.discovery import archives_at, keep_sidecars, with_end_marker
from fastinet.sidecars.identity import content_hash, identify_file
from fastinet.sidecars.places import Sidecars, given_index
from fastinet.verification.journal import Journal
from fastinet.verification.report import Check, Finding, Report
from fastinet.verification.subject import Options, Subject
from fastinet.verification.verifying import run_verification

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from fastinet.datasets.published import PublishedArchive

__all__ = ["Check", "Finding", "Report", "verify"]


def verify(
    path: str | os.PathLike[str],
    *,
    decode: bool = False,
    digest: bool = True,
    devkit: str | os.PathLike[str] | None = None,
    expect: str | None = None,
    published: Sequence[PublishedArchive] = PUBLISHED,
    again: bool = False,
    index: bool | str | os.PathLike[str] = True,
    end_marker: EndMarker = "required",
    threads: int | None = None,
    progress: Callable[[str, int, int], None] | bool | None = None,
) -> Report:
    """Compares an archive, a folder of class tars or an extracted tree with what is published.

    Looks at its size, every header in it, the number of images in each class, the header of each
    image, and the digest of the whole. What is wrong is reported, not raised.

    How far it has come is kept beside the archive (``<path>.fastinet.verify``) or in the user's
    cache folder: interrupted, it goes on from there and has lost seconds of work. SHA-256 alone,
    which is compared where no MD5 is published, begins anew. What was found by a run that came to
    its end is remembered as long as the archive does not change.

    Args:
        path: the archive or folder.
        decode: decode every image in full, in place of reading its header.
        digest: compare the digest of the whole file, which reads all of it.
        devkit: development kit that tells how many images each training class has; without one the
            published range is compared.
        expect: name of the published archive to compare with; "none" compares with none; None
            takes the one that content, size and name show it to be.
        published: the archives to compare with.
        again: forget what earlier runs found.
        index: where that is kept, and the seek index of a gzip file; as for :func:`fastinet.open`:
            a path is what that function calls the index, and the journal is ``<index>.verify``.
        end_marker: "optional" counts a tar without its end-of-archive marker as whole, with a
            warning among the findings; as for :func:`fastinet.open`.
        threads: for images; None takes one for each CPU that affinity and control groups allow.
        progress: called with (stage, done, in all): "headers" and "content" or "decoding" in bytes,
            "files" of a folder in files. It may raise to stop. True draws bars, in a terminal or in
            a notebook's cell.

    Raises:
        MissingError: there is nothing at `path`, or nothing in the folder.
        ReadError: it cannot be read.
        ValueError: `expect` is not published.
        TooLargeError: it has more entries than `fastinet.limits` allows. An image that has more
            pixels or scans is a warning among the findings.
        FastinetError: the devkit is damaged; see :func:`fastinet.datasets.devkit.read_devkit`.
    """
    absolute = Path(path).absolute()
    names = list(dict.fromkeys(archive.name for archive in published))
    if expect not in (None, "none", *names):
        raise ValueError(f"expect must be 'none' or one of {', '.join(names)}; it is {expect!r}")
    if threads is not None:
        threads = whole_number("threads", threads, 1, 4096)
    kit = None if devkit is None else Path(devkit).absolute()
    keeping = given_index(index)
    archives = with_end_marker(
        keep_sidecars(archives_at(absolute)[0], keeping), required=is_marker_required(end_marker)
    )
    _refuse_folder_of_archives(absolute)
    options = {
        "decode": decode,
        "digest": digest,
        "devkit": None if kit is None else _identity_of(kit),
        "expect": expect,
        **({} if end_marker == "required" else {"end_marker": end_marker}),
        **_other_limits(),
        "published": "all" if published is PUBLISHED else _fingerprint(published),
    }
    identities = [archive.identify() for archive in archives]
    stamps = [archive.stamp() for archive in archives]
    sidecars = Sidecars(absolute, keeping, content_hash(identities))
    journal = Journal(sidecars, identities, stamps, options)
    if not again and (report := journal.load("report", Report)) is not None:
        report.remembered = True
        return report
    subject = Subject(
        absolute,
        archives,
        Options(
            table=published,
            expect=expect,
            train_images={} if kit is None else _train_images_of(kit),
            decode=decode,
            digest=digest,
            threads=available_cpus() if threads is None else threads,
            progress=drawn_stages(progress, printable(absolute.name)),
        ),
    )
    if again:
        journal.forget()
    report = run_verification(subject, journal)
    if [archive.identify() for archive in archives] != identities or stamps != [
        archive.stamp() for archive in archives
    ]:
        message = "it was changed while it was verified, so what was found counts for nothing"
        advice = "Let the download or the copy end, then verify again."
        changed = Finding(
            "error", "changed", message, str(absolute), None, None, advice, transient=True
        )
        report.findings.insert(0, changed)
    if any(finding.transient for finding in report.findings):
        journal.forget()
        return report
    journal.save("report", report.to_dict())
    journal.forget_walk()
    return report


def _fingerprint(published: Sequence[PublishedArchive]) -> str:
    return hashlib.sha256(repr(tuple(published)).encode()).hexdigest()


def _identity_of(devkit: Path) -> Any:
    """What binds a report to the devkit that it compares with."""
    if is_folder(devkit) or not exists(devkit):
        return str(devkit)
    return list(identify_file(devkit).exact_fields().values())


def _train_images_of(devkit: Path) -> dict[str, int]:
    """Training images by wnid, as the devkit at this path says; errors as `read_devkit`'s."""
    synsets = read_devkit(devkit).synsets
    return {synset.wnid: synset.train_images for synset in synsets if synset.train_images}


def _has_images(path: Path) -> bool:
    return any(name.lower().endswith(IMAGE_EXTENSIONS) for name in FolderArchive(path).file_names())


def _other_limits() -> dict[str, int]:
    """The limits of images that hold here, where they are not those that hold by themselves."""
    limits, usual = current_limits(), Limits()
    names = ("pixels", "scans")
    return {
        name: getattr(limits, name)
        for name in names
        if getattr(limits, name) != getattr(usual, name)
    }


def _refuse_folder_of_archives(path: Path) -> None:
    """An extracted tree has images in it; a folder of downloads is several archives."""
    entries = sorted(path.iterdir()) if is_folder(path) else []
    tars = [entry.name for entry in entries if entry.suffix == ".tgz" or ".tar" in entry.suffixes]
    names = [name for name in tars if wnid_number(name.partition(".")[0]) < 0]
    if names and len(names) == len(tars) and not _has_images(path):
        shown = ", ".join(name for name in names[:5] if ".fastinet" not in name)
        raise UnsupportedError(
            f"a folder with archives in it: verify each by its own path: {shown}",
            archive=str(path),
        )

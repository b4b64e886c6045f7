"""One verification: the steps, and what each adds to the report."""

from __future__ import annotations

import dataclasses
import functools
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinet._native import _scan
from fastinet.archives.folder_archive import FolderArchive
from fastinet.base.cpus import available_cpus
from fastinet.datasets import ilsvrc
from fastinet.datasets.devkit import read_devkit
from fastinet.datasets.listing import Split
from fastinet.datasets.published import (
    PUBLISHED,
    PublishedArchive,
    PublishedSplit,
    published_candidates,
)
from fastinet.datasets.scanned import ScannedArchive, ScannedMembers, wnid_number
from fastinet.verification import known
from fastinet.verification.content_pass import ContentPass, Images, PassState
from fastinet.verification.contents import check_duplicates, check_part, some
from fastinet.verification.devkits import check_devkit_files
from fastinet.verification.digests import FileDigest, published_digest
from fastinet.verification.findings import Findings
from fastinet.verification.headers import Headers
from fastinet.verification.recognition import (
    Wrong,
    choose_published,
    family_of,
    file_kind,
    is_later_devkit,
    is_unfinished,
    parts_of,
)
from fastinet.verification.report import Check, Finding, Report, State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from fastinet.archives.archive import Archive
    from fastinet.verification.journal import Journal
    from fastinet.verification.recognition import Part

__all__ = ["Verification"]

_PNG_MAGIC = np.frombuffer(b"\x89PNG", np.uint8)

# A copy that has less than this share of the classes or images is taken for something else.
_LIKE_SHARE = 0.5


class Verification:
    """The verification of what lies at one path."""

    def __init__(
        self,
        path: Path,
        archives: Sequence[Archive],
        *,
        table: Sequence[PublishedArchive] = PUBLISHED,
        expect: str | None = None,
        train_images: Mapping[str, int] | None = None,
        decode: bool = False,
        digest: bool = True,
        threads: int | None = None,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> None:
        """See :func:`fastinet.verify`; `archives` are the files or the folder at `path`."""
        self._path = path
        self._archives = archives
        self._table = table
        self._expect = expect
        self._train_images = train_images or {}
        self._decode = decode
        self._want_digest = digest
        self._threads = available_cpus() if threads is None else threads
        self._progress = progress
        self._findings = Findings(str(path))
        self._report = Report(str(path))
        self._published: PublishedArchive | None = None
        self._is_file = len(archives) == 1 and archives[0].path == path and path.is_file()
        self._file_bytes = path.stat().st_size if self._is_file else 0
        self._truncated = False

    def run(self, journal: Journal) -> Report:
        """Takes all steps, on from where the journal says.

        Raises:
            ReadError: something cannot be read.
        """
        kind = file_kind(self._path) if self._is_file else ""
        if self._is_file and is_unfinished(self._path.name):
            self._findings.error(
                "unfinished download",
                "it is named as downloads are until they are complete",
                advice="Let the download end.",
            )
        if isinstance(kind, Wrong):
            self._findings.error("wrong file", kind.message, advice=kind.advice)
            self._check("archive", "failed", kind.message)
            return self._finished()
        if kind in ("zip", "json"):
            return self._run_plain_file(kind, journal)
        headers = self._walk_headers(journal)
        scans = headers.members
        members = ScannedMembers(
            [ScannedArchive(a.name, scan) for a, scan in zip(self._archives, scans, strict=True)]
        )
        images = members.images()
        self._recognise(members, images)
        expected = self._published.bytes if self._published is not None else None
        for cut in headers.cuts:
            cut.add_to(self._findings, expected if self._is_file else None)
        self._check_size()
        self._check_members(members, images, scans)
        looked_at = self._images(members, images, headers)
        self._pass_over_content(looked_at, headers.gzip_md5, journal)
        return self._finished()

    # ------------------------------------------------------------------------------- headers

    def _walk_headers(self, journal: Journal) -> Headers:
        headers = Headers(self._archives, self._findings, journal, self._progress)
        members = sum(len(scan.offsets) for scan in headers.members)
        wrong = len(headers.cuts) + self._findings.count("damaged header")
        if isinstance(self._archives[0], FolderArchive):
            self._check("files", "passed", f"{members:,} files; a folder has no headers")
        else:
            state: State = "failed" if wrong else "passed"
            detail = f"{wrong:,} wrong" if wrong else "all well"
            self._check("headers", state, f"{members:,} members, {detail}")
        self._report.members = members
        self._truncated = bool(headers.cuts)
        return headers

    # ------------------------------------------------------------------------- what it should be

    def _published_by_name(self) -> PublishedArchive | None:
        """The published archive that the file's name or size shows; None: neither does."""
        if self._expect == "none":
            return None
        if self._expect is not None:
            return next((a for a in self._table if a.name == self._expect), None)
        size = self._file_bytes if self._is_file else None
        found = published_candidates(self._path.name, size, None, self._table)
        sound = [a for a in found if not a.one_source or a.bytes == size]
        return sound[0] if sound else None

    def _recognise(self, members: ScannedMembers, images: NDArray[np.bool_]) -> None:
        """Which published archive it is a copy of, by its content."""
        family = family_of(members)
        self._report.family = family
        published = self._published_by_name()
        if family is None:
            self._explain_no_family(len(members), published)
        elif published is not None and published.family != family:
            self._findings.error(
                "wrong file",
                f"it is taken for {published.name}, but its content is that of family '{family}'",
                advice="It was renamed, or another file was downloaded: compare the addresses.",
            )
            published = None
        if published is None and family is not None and self._expect is None:
            published = self._published_by_content(family, members, images)
        self._published = published
        self._report_archive(family)

    def _explain_no_family(self, members: int, by_name: PublishedArchive | None) -> None:
        """Nothing of it, or none of its members, is known: that is an error, unless it was lost."""
        lost = self._truncated or self._findings.count("damaged header")
        if not members and lost:
            self._report.family = by_name.family if by_name is not None else None
            return
        expected = f", as {by_name.name} does" if by_name else ""
        self._findings.error(
            "wrong file",
            f"nothing in it is named as in the ImageNet archives{expected}"
            if members
            else "there is nothing in it",
            advice="See what it is: fastinet info, tar -tf.",
        )

    def _report_archive(self, family: str | None) -> None:
        """The first check of the report: which archive it is."""
        state: State = "failed" if self._findings.count("wrong file") else "passed"
        name = f"family '{family}'"
        if self._published is not None:
            self._report.archive = self._published.name
            self._report.title = self._published.title
            name = f"{self._published.name}: {self._published.title}"
            if self._is_one_class:
                name = f"a class of {name}"
        elif family is None and state == "passed":  # nothing of it could be read
            state, name = "skipped", "not recognised"
        self._report.checks.insert(0, Check("archive", state, name))

    def _published_by_content(
        self, family: str, members: ScannedMembers, images: NDArray[np.bool_]
    ) -> PublishedArchive | None:
        if family == "devkit" and is_later_devkit(members):
            return None
        candidates = published_candidates(self._path.name, None, family, self._table)
        parts = parts_of(family, members, images)
        wnids = {
            part.class_name(number)
            for part in parts
            if part.classes is not None and part.are_wnids
            for number in np.unique(part.classes).tolist()
        }
        first = members.name(0)
        found = choose_published(candidates, self._path.name, first, sorted(wnids))
        if found is None or not found.splits or self._is_one_class or self._truncated:
            return found
        split = found.splits[0]
        present, expected = sum(len(part.rows) for part in parts), split.images
        if family == "train" and split.classes:
            present, expected = len(wnids), split.classes
        if expected is None or present >= _LIKE_SHARE * expected:
            return found
        what = "classes" if family == "train" else "images"
        self._findings.note(
            "not compared",
            f"it is laid out like {found.name}, but has {present:,} of {expected:,} {what}, so it "
            "is taken for another archive",
            advice=f"To compare it all the same: --expect {found.name}",
        )
        return None

    @property
    def _is_one_class(self) -> bool:
        """Whether a class by itself was asked for: its tar or its folder."""
        return len(self._archives) == 1 and wnid_number(self._path.name.partition(".")[0]) >= 0

    def _check_size(self) -> None:
        published = self._published
        if not self._is_file or published is None or published.bytes is None or self._is_one_class:
            self._check("size", "skipped", self._why_no_size())
            return
        size, expected = self._file_bytes, published.bytes
        if published.one_source and size != expected:
            self._check("size", "skipped", f"{size:,} bytes; the published size is not certain")
            return
        if size == expected:
            self._check("size", "passed", f"{size:,} bytes, as published")
            return
        self._check("size", "failed", f"{size:,} bytes, published are {expected:,}")
        if size > expected:
            self._findings.error(
                "trailing bytes",
                f"{size - expected:,} bytes more than the {expected:,} published",
                offset=expected,
                advice="Two downloads in one file, or a tar that was packed anew.",
            )
        elif self._truncated:
            return  # told already
        else:
            self._findings.error(
                "size",
                f"it has {size:,} bytes and ends as a tar does; {expected:,} are published",
                advice="It was packed anew, or it is another release.",
            )

    def _why_no_size(self) -> str:
        if not self._is_file:
            return "a folder has none to compare with"
        text = f"{self._file_bytes:,} bytes"
        return f"{text}; none is published" if self._published else text

    # ------------------------------------------------------------------------------ contents

    def _check_members(
        self,
        members: ScannedMembers,
        images: NDArray[np.bool_],
        scans: Sequence[_scan.Members],
    ) -> None:
        findings, report = self._findings, self._report
        before = len(findings.found)
        parts = parts_of(report.family, members, images)
        published = self._published
        splits = self._published_splits()
        for part in parts:
            check_part(
                findings,
                part,
                members,
                splits.get(part.split),
                self._train_images,
                whole=not self._is_one_class,
            )
        for split in splits.values() if published is not None else ():
            if split.images and not any(part.split == split.name for part in parts):
                findings.error("count", f"split '{split.name}' is missing")
        check_duplicates(findings, members)
        if report.family == "devkit":
            check_devkit_files(findings, self._path, published)
        self._count_other_files(members, parts)
        if published is not None:
            self._check_totals(
                published, len(members), sum(len(scan.container_names) for scan in scans)
            )
        report.images = int(np.count_nonzero(images))
        report.classes = len({c for part in parts for c in _class_names(part)})
        wrong = sum(finding.severity == "error" for finding in findings.found[before:])
        detail = f"{wrong:,} wrong" if wrong else "complete" if published else "counted"
        self._check("members", "failed" if wrong else "passed", f"{self._counts()}: {detail}")

    def _check_totals(self, published: PublishedArchive, files: int, class_tars: int) -> None:
        if published.members not in (None, files):
            self._findings.error(
                "count", f"it has {files:,} files, published are {published.members:,}"
            )
        whole_file = self._is_file and not self._is_one_class
        if whole_file and published.class_tars not in (None, class_tars):
            self._findings.error(
                "count", f"it has {class_tars:,} class tars, published are {published.class_tars:,}"
            )

    def _published_splits(self) -> dict[str, PublishedSplit]:
        """What is published of each split; a folder of several has those of ILSVRC2012's tars."""
        if self._published is not None:
            return {split.name: split for split in self._published.splits}
        if self._report.family != "ilsvrc" or self._expect == "none":
            return {}
        tars = [archive for archive in self._table if archive.name.startswith("ILSVRC2012_img_")]
        return {split.name: split for archive in tars for split in archive.splits}

    def _counts(self) -> str:
        report = self._report
        if report.images == 0:
            return f"{report.members:,} files"
        classes = f" in {report.classes:,} classes" if report.classes else ""
        return f"{report.images:,} images{classes}"

    def _count_other_files(self, members: ScannedMembers, parts: Sequence[Part]) -> None:
        """Of archives of images: what is no image of a split."""
        if not parts:
            return
        others = np.ones(len(members), np.bool_)
        for part in parts:
            others[part.rows] = False
        if self._report.family == "ilsvrc":
            others &= ~ilsvrc.are_annotations(members.names)
        rows = np.flatnonzero(others).tolist()
        if rows:
            names = some(members.name(row) for row in rows[:4])
            findings = self._findings
            findings.warn("unexpected members", f"{len(rows):,} files are none of it: {names}")

    # ------------------------------------------------------------------------------- content

    def _images(
        self, members: ScannedMembers, images: NDArray[np.bool_], headers: Headers
    ) -> Images:
        """The images for the pass, and the archives opened for it."""
        if not headers.readable:
            return Images.none()
        rows = np.flatnonzero(images)
        listing = members.listing(
            np.arange(len(members)),
            family="",
            labels=np.full(len(members), -1, np.int64),
            splits=(Split("", ()),),
        )
        return Images(
            sources=[
                archive.open(functools.partial(listing.files, number))
                for number, archive in enumerate(self._archives)
            ],
            archive=members.archive[rows],
            offsets=members.offsets[rows],
            sizes=members.sizes[rows],
            heads=np.concatenate([scan.heads for scan in headers.members])[rows],
            key=lambda image: members.name(int(rows[image])),
        )

    def _pass_over_content(self, images: Images, gzip_md5: str, journal: Journal) -> None:
        """Digest and images, side by side."""
        begun = journal.load("state")
        state = PassState() if begun is None else PassState(**begun)
        wanted = self._digest_to_compare()
        digest = None
        if wanted is not None and wanted[0] == "MD5" and gzip_md5:
            self._compare_digest(gzip_md5, *wanted)
        elif wanted is not None:
            digest = FileDigest(self._path, wanted[0], state.digest, state.position)
        content = ContentPass(
            images,
            digest,
            self._file_bytes,
            decode=self._decode,
            threads=self._threads,
            state=state,
        )
        stage = "decoding" if self._decode else "content"
        report = functools.partial(self._progress, stage) if self._progress is not None else None
        content.run(report, lambda state: journal.save("state", dataclasses.asdict(state)))
        self._note_pngs(images)
        if digest is not None and wanted is not None:
            self._compare_digest(digest.hexdigest(), *wanted)
        self._add_images(content.state, len(images))

    def _digest_to_compare(self) -> tuple[str, str] | None:
        """(algorithm, digest), or None where there is nothing to compare; the reason is told."""
        published = self._published
        wanted = published_digest(published) if published is not None else None
        reason = ""
        if not self._is_file:
            reason = "a folder has none"
        elif wanted is None or self._is_one_class:
            reason = "none is published"
        elif not self._want_digest:
            reason = "not wanted"
        elif self._truncated or self._findings.count("size", "trailing bytes"):
            reason = "not computed, since the size is wrong"
        if not reason:
            return wanted
        self._check("digest", "skipped", reason)
        return None

    def _compare_digest(self, found: str, algorithm: str, expected: str) -> None:
        if found == expected:
            self._check(algorithm, "passed", f"{found}, as published")
            return
        self._check(algorithm, "failed", f"{found}, published is {expected}")
        alone = self._findings.count("damaged header") == 0
        name = self._published.name if self._published is not None else "the archive"
        self._findings.error(
            "digest",
            f"its {algorithm} is {found}, that of {name} is {expected}",
            advice="Some byte is wrong where nothing else shows it, or it was packed anew: "
            "--decode shows whether an image is damaged."
            if alone and not self._decode
            else "",
        )

    def _add_images(self, state: PassState, count: int) -> None:
        found = [Finding(**finding) for finding in state.findings]
        self._findings.found += found
        if count == 0:
            self._check("images", "skipped", self._why_no_images())
            return
        wrong = sum(finding.severity == "error" for finding in found)
        depth = "decoded in full" if self._decode else "headers read"
        detail = f"{wrong:,} of them damaged" if wrong else "all well"
        self._check("images", "failed" if wrong else "passed", f"{count:,} {depth}, {detail}")
        self._note_odd("JPEGs are CMYK", state.four_components, known.CMYK)
        self._note_odd("images are wrapped in gzip", state.wrapped, known.GZIP_WRAPPED)

    def _note_pngs(self, images: Images) -> None:
        rows = np.flatnonzero((images.heads[:, : len(_PNG_MAGIC)] == _PNG_MAGIC).all(axis=1))
        keys = [images.key(row) for row in rows.tolist()]
        named_jpeg = [key for key in keys if not key.lower().endswith(".png")]
        self._note_odd("PNG images are named as JPEGs", named_jpeg, known.PNG)

    def _why_no_images(self) -> str:
        if self._report.images:
            return "not looked at: a gzip file must be whole for that"
        return "there are none"

    def _note_odd(self, what: str, keys: Sequence[str], expected: frozenset[str]) -> None:
        """Notes images that are odd in the published archive too, and others like them."""
        if not keys:
            return
        others = [key for key in keys if _stem(key) not in expected]
        how = "all of them known" if not others else f"not known before: {some(others)}"
        self._findings.note("odd image", f"{len(keys):,} {what}, {how}")

    # ------------------------------------------------------------------ files without members

    def _run_plain_file(self, kind: str, journal: Journal) -> Report:
        """A file that is compared as a whole: a zip, or JSON."""
        self._published = self._published_by_name()
        published = self._published
        if published is None or published.name.endswith((".tar", ".gz", ".tgz")):
            self._findings.error(
                "wrong file",
                f"this is {'a zip' if kind == 'zip' else 'JSON text'}"
                + (f", not {published.name}" if published else ", none that is published"),
                advice="Compare the address that it came from.",
            )
            self._published = None
            self._check("archive", "failed", kind)
            return self._finished()
        self._report.archive, self._report.title = published.name, published.title
        self._report.family = published.family
        self._check("archive", "passed", f"{published.name}: {published.title}")
        self._check_size()
        try:
            if kind == "zip":
                self._check_zip()
            else:
                json.loads(self._path.read_bytes())
        except (ValueError, zipfile.BadZipFile) as error:
            self._findings.error(
                "truncated", f"truncated or damaged: {error}", advice="Download it again."
            )
        self._pass_over_content(Images.none(), "", journal)
        return self._finished()

    def _check_zip(self) -> None:
        with zipfile.ZipFile(self._path) as archive:
            self._report.members = len(archive.namelist())
            damaged = archive.testzip()
        if damaged is not None:
            self._findings.error("damaged member", "its checksum is wrong", member=damaged)

    # ---------------------------------------------------------------------------------- report

    def _check(self, name: str, state: State, detail: str) -> None:
        self._report.checks.append(Check(name, state, detail))

    def _finished(self) -> Report:
        self._report.findings = self._findings.sorted()
        return self._report


def train_images_of(devkit: Path) -> dict[str, int]:
    """Training images by wnid, as the devkit at this path says.

    Raises:
        MissingError, CorruptError, UnsupportedError: see :func:`read_devkit`.
    """
    synsets = read_devkit(devkit).synsets
    return {synset.wnid: synset.train_images for synset in synsets if synset.train_images}


def _stem(key: str) -> str:
    return key.rpartition("/")[2].partition(".")[0]


def _class_names(part: Part) -> set[Any]:
    if part.classes is None:
        return set()
    return {(part.are_wnids, number) for number in np.unique(part.classes).tolist()}

"""What a verification is about: the path, the options, and what the steps have found so far.

A verification is a row of steps (:mod:`fastinet.verification.verifying`). Each step is a function
in a module of its own. It takes the :class:`Subject`, reads from it what the steps before have
found, and adds a check, findings and numbers to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastinet.base.paths import file_bytes, is_file
from fastinet.datasets.scanned import wnid_number
from fastinet.verification.findings import Findings
from fastinet.verification.report import Check, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from fastinet.archives.archive import Archive
    from fastinet.datasets.listing import Listing
    from fastinet.datasets.published import PublishedArchive
    from fastinet.verification.report import State

__all__ = ["Options", "Subject"]


@dataclass(frozen=True)
class Options:
    """How to verify: the arguments of :func:`fastinet.verify`, checked."""

    table: Sequence[PublishedArchive]
    """The published archives to compare with: the argument `published`."""
    expect: str | None
    """Name of the one to compare with; "none": with none; None: the one that it shows to be."""
    train_images: Mapping[str, int]
    """Training images by wnid, as a development kit says; empty without one."""
    decode: bool
    digest: bool
    threads: int
    progress: Callable[[str, int, int], object] | None


@dataclass
class Subject:
    """What lies at one path, and what is known of it so far."""

    path: Path
    archives: Sequence[Archive]
    """The files, or the folder, at `path`."""
    options: Options
    is_file: bool = field(init=False)
    """Whether it is one file, which has a size and a digest; a folder has neither."""
    file_bytes: int = field(init=False)
    """Size of the file when the verification began; of a folder 0."""
    findings: Findings = field(init=False)
    """Everything that is wrong or odd, as the steps find it."""
    report: Report = field(init=False)
    published: PublishedArchive | None = None
    """The archive that it should be equal to; None: not known yet, or there is none."""
    listing: Listing | None = None
    """What :func:`fastinet.open` lists of it; None: it refuses it, or was not asked."""
    is_truncated: bool = False
    """Whether an archive ends too early, which the walk over the headers finds."""

    def __post_init__(self) -> None:
        alone = len(self.archives) == 1 and self.archives[0].path == self.path
        self.is_file = alone and is_file(self.path)
        self.file_bytes = file_bytes(self.path) if self.is_file else 0
        self.findings = Findings(str(self.path))
        self.report = Report(str(self.path))

    @property
    def is_one_class(self) -> bool:
        """Whether a class by itself is verified: its tar or its folder."""
        return len(self.archives) == 1 and wnid_number(self.path.name.partition(".")[0]) >= 0

    def add_check(self, name: str, state: State, detail: str) -> None:
        """Adds a line to the report's summary."""
        self.report.checks.append(Check(name, state, detail))

    def finished_report(self) -> Report:
        """The report with all findings, errors first."""
        self.report.findings = self.findings.sorted()
        return self.report

"""What a verification found, for people and for scripts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from fastinet.errors import printable
from fastinet.sidecars.schema import Count

__all__ = ["Check", "Finding", "Report"]

Severity = Literal["error", "warning", "note"]
"""An error: the archive is not what it should be. A warning: it may be so on purpose. A note: known
to be so in the published archives, or what was not looked at."""

State = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Finding:
    """One thing that was found, and where."""

    severity: Severity
    kind: str
    """What it is, from a fixed list that a script may compare with: "truncated", "wrong file",
    "unfinished download", "trailing bytes", "size", "damaged header", "digest", "missing class",
    "unexpected class", "images per class", "count", "missing members", "duplicate members",
    "unexpected members", "damaged member", "damaged image", "unreadable image", "devkit",
    "odd image", "passed over", "links to outside", "not compared", "not opened", "changed"."""
    message: str
    """A sentence."""
    archive: str
    """Path of the archive."""
    member: str | None = None
    """Name of the member, as its key, or of the inner tar."""
    offset: Count | None = None
    """Byte in the archive."""
    advice: str = ""
    """What to do about it; a sentence, or ""."""
    detail: str = ""
    """What is too long for a sentence: all numbers of the missing images, "2-3, 5-8, 11"."""
    transient: bool = False
    """Another try may find otherwise: a disk failed. Such a report is not remembered."""

    @property
    def place(self) -> str:
        """Where in the archive: member (its key) and byte offset, "n01440764/a.JPEG, byte 1,024".

        What the message says already is left out, so it is "" where the message names both, or
        where the finding is about the whole archive.
        """
        member = [] if self.member is None else [printable(self.member)]
        offset = [] if self.offset is None else [f"byte {self.offset:,}"]
        return ", ".join(words for words in member + offset if words not in self.message)


@dataclass(frozen=True)
class Check:
    """One line of the summary: what was compared, and how it came out."""

    name: str
    """"archive", "size", "headers", "members", the digest's name, or "images"."""
    state: State
    detail: str


@dataclass
class Report:
    """What :func:`fastinet.verify` found.

    Attributes:
        path: what was verified.
        archive: name of the published archive that it was compared with; None: with none.
        title: what that is, in a few words.
        family: what its content shows it to be; None: nothing of the ImageNet family.
        members: files in it that are whole.
        images: how many of them are images.
        classes: how many classes these have; 0 where the archive does not tell.
        checks: what was compared, in the order of the work.
        findings: everything that was found, errors first.
        remembered: an earlier run found it, and the archive has not changed since.
    """

    path: str
    archive: str | None = None
    title: str = ""
    family: str | None = None
    members: Count = 0
    images: Count = 0
    classes: Count = 0
    checks: list[Check] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    remembered: bool = False

    @property
    def errors(self) -> list[Finding]:
        """What is wrong."""
        return [finding for finding in self.findings if finding.severity == "error"]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.errors

    @property
    def sentence(self) -> str:
        """The result in one plain sentence."""
        if self.errors:
            return self._what_is_wrong()
        states = {check.name: check.state for check in self.checks}
        compared = [name for name in ("MD5", "SHA-256") if states.get(name) == "passed"]
        if self.archive is None:
            return "Nothing wrong was found, but there is nothing published to compare it with."
        if compared:
            return f"All is well: it is {self.archive} as published, byte for byte."
        return f"All that was looked at is as in {self.archive}; no digest was compared."

    def _what_is_wrong(self) -> str:
        first = self.errors[0]
        place = f" ({first.place})" if first.place else ""
        others = len(self.errors) - 1
        more = f" {others:,} more {'thing is' if others == 1 else 'things are'} wrong."
        message = first.message[0].upper() + first.message[1:]
        return f"{message}{place}.{more if others else ''}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON; :meth:`from_dict` takes it back."""
        summary = {"ok": self.ok, "sentence": self.sentence}
        return {**summary, **asdict(self)}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Report:
        """The report that :meth:`to_dict` gave."""
        kept = {name: value for name, value in fields.items() if name not in ("ok", "sentence")}
        kept["checks"] = [Check(**check) for check in kept["checks"]]
        kept["findings"] = [Finding(**finding) for finding in kept["findings"]]
        return cls(**kept)

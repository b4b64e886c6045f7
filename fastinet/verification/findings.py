"""Collects findings while a verification goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastinet.errors import printable
from fastinet.verification.report import Finding

if TYPE_CHECKING:
    from fastinet.verification.report import Severity

__all__ = ["Findings"]

_ORDER = {"error": 0, "warning": 1, "note": 2}


class Findings:
    """What was found in one archive, or folder of archives."""

    def __init__(self, archive: str) -> None:
        self.archive = archive
        self.found: list[Finding] = []

    def error(
        self,
        kind: str,
        message: str,
        *,
        archive: str | None = None,
        member: str | None = None,
        offset: int | None = None,
        advice: str = "",
        detail: str = "",
    ) -> None:
        """Adds what is wrong."""
        self._add("error", kind, message, archive, member, offset, advice, detail)

    def warn(
        self,
        kind: str,
        message: str,
        *,
        archive: str | None = None,
        member: str | None = None,
        offset: int | None = None,
        advice: str = "",
    ) -> None:
        """Adds what may be wrong, or so on purpose."""
        self._add("warning", kind, message, archive, member, offset, advice)

    def note(self, kind: str, message: str, *, member: str | None = None, advice: str = "") -> None:
        """Adds what a sound archive has too, or what was not looked at."""
        self._add("note", kind, message, None, member, None, advice)

    def count(self, *kinds: str) -> int:
        """How many errors of these kinds there are."""
        return sum(f.severity == "error" and f.kind in kinds for f in self.found)

    def sorted(self) -> list[Finding]:
        """Errors first, and otherwise as they were found."""
        return sorted(self.found, key=lambda finding: _ORDER[finding.severity])

    def _add(
        self,
        severity: Severity,
        kind: str,
        message: str,
        archive: str | None,
        member: str | None,
        offset: int | None,
        advice: str,
        detail: str = "",
    ) -> None:
        archive, message = archive or self.archive, printable(message)
        self.found.append(Finding(severity, kind, message, archive, member, offset, advice, detail))

"""Findings are collected as they come, and told by how bad they are."""

from __future__ import annotations

from fastinet.verification.findings import Findings
from fastinet.verification.report import Finding


def test_what_is_added_is_what_was_said() -> None:
    findings = Findings("a.tar")
    findings.error(
        "digest", "wrong", archive="b.tar", member="m", offset=7, advice="Do.", detail="1-3"
    )
    findings.warn("changed", "may be", member="n", offset=0, advice="Look.")
    findings.note("odd image", "as in every copy", member="o", advice="Nothing.")
    assert findings.found == [
        Finding("error", "digest", "wrong", "b.tar", "m", 7, "Do.", "1-3"),
        Finding("warning", "changed", "may be", "a.tar", "n", 0, "Look."),
        Finding("note", "odd image", "as in every copy", "a.tar", "o", None, "Nothing."),
    ]


def test_errors_first_and_otherwise_in_order() -> None:
    findings = Findings("a.tar")
    for number, add in enumerate(
        [findings.note, findings.warn, findings.error, findings.note, findings.error, findings.warn]
    ):
        add("size", f"{number}")
    assert [finding.message for finding in findings.sorted()] == ["2", "4", "1", "5", "0", "3"]
    assert [finding.message for finding in findings.found] == ["0", "1", "2", "3", "4", "5"]


def test_errors_of_some_kinds_are_counted() -> None:
    findings = Findings("a.tar")
    findings.error("size", "")
    findings.error("digest", "")
    findings.error("digest", "")
    findings.warn("digest", "no error")
    assert findings.count("digest") == 2
    assert findings.count("digest", "size") == 3
    assert findings.count() == findings.count("truncated") == 0

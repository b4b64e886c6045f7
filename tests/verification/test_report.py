"""Reports: the one sentence that they come to, where a finding is, and their way through JSON."""

from __future__ import annotations

import json

import pytest

from fastinet.verification.report import Check, Finding, Report


def finding(severity: str = "error", message: str = "it ends early", **changes: object) -> Finding:
    return Finding(severity, "truncated", message, "a.tar", **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("member", "offset", "message", "place"),
    [
        ("n01440764/a.JPEG", 1024, "it is damaged", "n01440764/a.JPEG, byte 1,024"),
        ("n01440764/a.JPEG", None, "it is damaged", "n01440764/a.JPEG"),
        (None, 0, "it is damaged", "byte 0"),
        (None, None, "it is damaged", ""),
        ("a.JPEG", 1024, "a.JPEG is damaged", "byte 1,024"),
        ("a.JPEG", 1024, "a.JPEG ends at byte 1,024", ""),
    ],
)
def test_a_place_is_what_the_message_does_not_say(
    member: str | None, offset: int | None, message: str, place: str
) -> None:
    assert finding(message=message, member=member, offset=offset).place == place


def test_errors_alone_decide() -> None:
    report = Report("a.tar", findings=[finding("warning"), finding("note")])
    assert report.ok
    assert report.errors == []
    report.findings.append(finding())
    assert not report.ok
    assert report.errors == [finding()]


@pytest.mark.parametrize(
    ("archive", "checks", "sentence"),
    [
        (None, [], "Nothing wrong was found, but there is nothing published to compare it with."),
        ("t.tar", [("MD5", "passed")], "All is well: it is t.tar as published, byte for byte."),
        ("t.tar", [("SHA-256", "passed")], "All is well: it is t.tar as published, byte for byte."),
        ("t.tar", [("MD5", "skipped")], "All that was looked at is as in t.tar; no digest was"),
        ("t.tar", [("size", "passed")], "All that was looked at is as in t.tar; no digest was"),
    ],
)
def test_the_sentence_of_a_sound_archive(
    archive: str | None, checks: list[tuple[str, str]], sentence: str
) -> None:
    made = [Check(name, state, "") for name, state in checks]  # type: ignore[arg-type]
    assert Report("p", archive, checks=made).sentence.startswith(sentence)


@pytest.mark.parametrize(
    ("errors", "more"),
    [(1, ""), (2, " 1 more thing is wrong."), (1235, " 1,234 more things are wrong.")],
)
def test_the_sentence_of_another_is_its_first_error(errors: int, more: str) -> None:
    first = finding(message="the archive ends early", offset=2048)
    report = Report("p", "t.tar", findings=[finding("note"), *[first] * errors])
    assert report.sentence == f"The archive ends early (byte 2,048).{more}"


def test_a_report_goes_through_json() -> None:
    report = Report(
        "p",
        "t.tar",
        "a title",
        "ilsvrc",
        members=3,
        images=2,
        classes=1,
        checks=[Check("size", "failed", "too small")],
        findings=[finding(member="m", offset=7, advice="Do.", detail="1-2")],
        remembered=True,
    )
    fields = json.loads(json.dumps(report.to_dict()))
    assert (fields["ok"], fields["sentence"]) == (False, report.sentence)
    assert fields["findings"][0]["offset"] == 7
    assert Report.from_dict(fields) == report

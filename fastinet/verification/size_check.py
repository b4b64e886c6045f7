"""The step that compares a file's size with the published one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastinet.verification.subject import Subject

__all__ = ["check_size"]


def check_size(subject: Subject) -> None:
    """Compares the size; the check is skipped for folders and where no size is published."""
    published = subject.published
    if not subject.is_file or published is None or published.bytes is None or subject.is_one_class:
        subject.add_check("size", "skipped", _why_no_size(subject))
        return
    size, expected = subject.file_bytes, published.bytes
    if published.one_source and size != expected:
        subject.add_check("size", "skipped", f"{size:,} bytes; the published size is not certain")
        return
    if size == expected:
        subject.add_check("size", "passed", f"{size:,} bytes, as published")
        return
    subject.add_check("size", "failed", f"{size:,} bytes, published are {expected:,}")
    if size > expected:
        subject.findings.error(
            "trailing bytes",
            f"{size - expected:,} bytes more than the {expected:,} published",
            offset=expected,
            advice="Two downloads in one file, or a tar that was packed anew.",
        )
    elif subject.is_truncated:
        return  # the walk over the headers has said so already
    else:
        subject.findings.error(
            "size",
            f"it has {size:,} bytes and ends as a tar does; {expected:,} are published",
            advice="It was packed anew, or it is another release.",
        )


def _why_no_size(subject: Subject) -> str:
    if not subject.is_file:
        return "a folder has none to compare with"
    text = f"{subject.file_bytes:,} bytes"
    return f"{text}; none is published" if subject.published else text

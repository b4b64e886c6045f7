"""A miniature train archive, what is published of it, and what a report says; for test_verify*."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np

from fastinet.datasets.published import PublishedArchive, PublishedSplit
from fastinet.testing.small import small_jpeg
from fastinet.verification import Report

COUNTS = {"n01440764": 4, "n01443537": 2, "n02123045": 3}
Classes = dict[str, dict[str, bytes]]


class Interrupted(Exception):  # noqa: N818  # as Ctrl-C is
    """Stops a verification from its progress report."""


def some_classes() -> Classes:
    """Small photographs by file name, by wnid."""
    rng = np.random.default_rng(0)
    return {
        wnid: {f"{wnid}_{7 * number + 1}.JPEG": small_jpeg(rng) for number in range(count)}
        for wnid, count in COUNTS.items()
    }


def published_train(content: bytes, **changes: object) -> list[PublishedArchive]:
    """What a publisher of `content`, made of `some_classes()`, would state."""
    archive = PublishedArchive(
        "train.tar",
        "train",
        "a miniature",
        bytes=len(content),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        class_tars=len(COUNTS),
        splits=(PublishedSplit("train", sum(COUNTS.values()), len(COUNTS), (2, 4)),),
    )
    return [dataclasses.replace(archive, **changes)]


def kinds(report: Report, severity: str = "error") -> list[str]:
    return [finding.kind for finding in report.findings if finding.severity == severity]


def states(report: Report) -> dict[str, str]:
    return {check.name: check.state for check in report.checks}

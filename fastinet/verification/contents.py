"""Compares what is in an archive with what is published: classes, numbers, counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from fastinet.datasets.published import PublishedSplit
    from fastinet.datasets.scanned import ScannedMembers
    from fastinet.verification.findings import Findings
    from fastinet.verification.recognition import Part

__all__ = ["Shortfalls", "check_duplicates", "check_part", "range_text", "some"]

_INCOMPLETE = (
    "Continue the download, or extract the archive again; where it is meant to be a part:"
    " --expect none."
)
_NAMED_EACH = 3  # splits, or classes, that lack images; of more a summary is made


@dataclass
class Shortfalls:
    """What the splits lack of what is published, or have beyond it: told in few findings."""

    classes: dict[str, list[str]] = field(default_factory=dict)
    """The classes that each split lacks."""
    counts: dict[str, list[Shortfall]] = field(default_factory=lambda: {"class": [], "split": []})
    """Which classes, and which splits, have other numbers of images."""

    def add_to(self, findings: Findings, train_images: Mapping[str, int]) -> None:
        """Adds the findings.

        Args:
            findings: takes them.
            train_images: training images by wnid, as a devkit says.
        """
        splits_without: dict[tuple[str, ...], list[str]] = {}
        for split, names in self.classes.items():
            splits_without.setdefault(tuple(names), []).append(f"'{split}'")
        for missing, splits in splits_without.items():
            where = f"split {splits[0]}" if len(splits) == 1 else f"{len(splits):,} splits"
            among = f" ({some(splits)})" if len(splits) > 1 else ""
            alone = missing[0] if len(missing) == 1 else None
            count = None if alone is None else train_images.get(alone)
            images = "" if count is None else f", {count:,} images"
            findings.error(
                "missing class",
                f"class {alone} is missing from {where}{among}{images}"
                if alone is not None
                else f"{len(missing):,} classes are missing from {where}{among}: {some(missing)}",
                member=alone,
                advice=_INCOMPLETE,
                detail="" if alone is not None else ", ".join(missing),
            )
        for what, kind in (("class", "images per class"), ("split", "count")):
            _add_counts(findings, what, kind, self.counts[what])


class Shortfall(NamedTuple):
    """A class, or a split, that has another number of images than is published."""

    name: str
    found: int
    published: str
    """How many are."""
    message: str
    """A sentence that says so."""
    is_less: bool


def _add_counts(findings: Findings, what: str, kind: str, counts: Sequence[Shortfall]) -> None:
    """Adds a finding for each of a few, or one for all of many."""
    advice = _INCOMPLETE if any(each.is_less for each in counts) else ""
    if len(counts) > _NAMED_EACH:
        each = [f"{each.name} has {each.found:,} of {each.published}" for each in counts]
        many = "classes" if what == "class" else "splits"
        findings.error(
            kind,
            f"{len(counts):,} {many} have other numbers of images than published: {some(each)}",
            advice=advice,
            detail=", ".join(each),
        )
        return
    for shortfall in counts:
        findings.error(
            kind,
            shortfall.message,
            member=shortfall.name if what == "class" else None,
            advice=_INCOMPLETE if shortfall.is_less else "",
        )


def check_part(
    findings: Findings,
    shortfalls: Shortfalls,
    part: Part,
    members: ScannedMembers,
    published: PublishedSplit | None,
    train_images: Mapping[str, int],
    *,
    whole: bool,
) -> None:
    """Compares a split's images with what is published of it.

    Args:
        findings: takes what is wrong.
        shortfalls: takes what it lacks in classes and in numbers of images.
        part: the images.
        members: of all archives.
        published: None: nothing is.
        train_images: training images by wnid, as a devkit says.
        whole: the archive should have every class; a class tar by itself has one.
    """
    if part.numbers is not None:
        count = published.images if published is not None else None
        _check_numbers(findings, part, part.numbers, count, members)
    if part.classes is not None:
        per_class = train_images if part.split == "train" else {}
        _check_classes(findings, shortfalls, part, part.classes, published, per_class, whole=whole)
    if published is not None and published.images is not None and whole:
        found = len(part.rows)
        if found != published.images:
            shortfalls.counts["split"].append(
                Shortfall(
                    f"'{part.split}'",
                    found,
                    f"{published.images:,}",
                    f"split '{part.split}' has {found:,} images, published are"
                    f" {published.images:,}",
                    found < published.images,
                )
            )


def _check_numbers(
    findings: Findings,
    part: Part,
    numbers: NDArray[np.int64],
    count: int | None,
    members: ScannedMembers,
) -> None:
    """The numbers in the names must be 1 to `count`, each once; None: it is not known how many."""
    distinct, first, times = np.unique(numbers, return_index=True, return_counts=True)
    last = count or int(distinct.max(initial=0))
    missing = np.setdiff1d(np.arange(1, last + 1), distinct)
    if count is not None and len(missing):
        findings.error(
            "missing members",
            f"{len(missing):,} images are missing: numbers {range_text(missing.tolist())}",
            advice=_INCOMPLETE,
            detail=", ".join(f"{a}-{b}" if a < b else f"{a}" for a, b in _runs(missing.tolist())),
        )
    for row, number, occurrences in zip(
        part.rows[first], distinct.tolist(), times.tolist(), strict=True
    ):
        if occurrences > 1:
            findings.error(
                "duplicate members",
                f"number {number} is there {occurrences} times",
                member=members.name(int(row)),
            )
        if not 1 <= number <= last:
            findings.error(
                "unexpected members",
                f"number {number} is not among 1 to {last:,}",
                member=members.name(int(row)),
            )


def _check_classes(
    findings: Findings,
    shortfalls: Shortfalls,
    part: Part,
    classes: NDArray[np.int64],
    published: PublishedSplit | None,
    train_images: Mapping[str, int],
    *,
    whole: bool,
) -> None:
    """Compares which classes there are, and how many images each has."""
    numbers, counts = np.unique(classes, return_counts=True)
    found = {
        part.class_name(number): count
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True)
    }
    expected = _expected_classes(part, published) if published is not None else None
    if expected is not None:
        _check_which_classes(findings, shortfalls, part.split, found, expected, whole=whole)
    elif whole and published is not None and published.classes not in (None, len(found)):
        findings.error(
            "missing class",
            f"split '{part.split}' has {len(found):,} classes, published are {published.classes:,}",
            advice=_INCOMPLETE,
        )
    bounds = published.images_per_class if published is not None else None
    known = None if expected is None else set(expected)
    for name, count in found.items():
        if known is None or name in known:
            _check_images_per_class(shortfalls, name, count, train_images.get(name), bounds)


def _expected_classes(part: Part, published: PublishedSplit) -> Sequence[str] | None:
    if part.are_wnids:
        return published.wnids
    return [str(number) for number in range(published.classes or 0)] or None


def _check_which_classes(
    findings: Findings,
    shortfalls: Shortfalls,
    split: str,
    found: Mapping[str, int],
    expected: Sequence[str],
    *,
    whole: bool,
) -> None:
    if whole and (missing := [name for name in expected if name not in found]):
        shortfalls.classes[split] = missing
    known = set(expected)
    for name, count in found.items():
        if name not in known:
            findings.error(
                "unexpected class",
                f"{count:,} images of class {name}, which split '{split}' does not have",
                member=name,
            )


def _check_images_per_class(
    shortfalls: Shortfalls,
    name: str,
    count: int,
    exact: int | None,
    bounds: tuple[int, int] | None,
) -> None:
    if exact is not None:
        if count != exact:
            wrong = f"{exact - count:,} missing" if count < exact else f"{count - exact:,} too many"
            message = f"class {name} has {count:,} of {exact:,} images: {wrong}"
            shortfalls.counts["class"].append(
                Shortfall(name, count, f"{exact:,}", message, count < exact)
            )
        return
    if bounds is not None and not bounds[0] <= count <= bounds[1]:
        published = (
            f"{bounds[0]:,}" if bounds[0] == bounds[1] else f"{bounds[0]:,} to {bounds[1]:,}"
        )
        message = f"class {name} has {count:,} images; published classes have {published}"
        shortfalls.counts["class"].append(
            Shortfall(name, count, published, message, count < bounds[0])
        )


def check_duplicates(findings: Findings, members: ScannedMembers) -> None:
    """Reports names that several members have: whoever extracts the archive keeps the last."""
    for archive, entries in zip(members.archives, members.entries, strict=True):
        for double in entries.doubles:
            findings.error(
                "duplicate members",
                f"a second member of this name, at byte {double.replaced_at:,}",
                archive=archive.name,
                member=double.name,
                offset=double.offset,
            )


def some(names: Iterable[str]) -> str:
    """The first few names."""
    listed = list(names)
    return ", ".join([*listed[:3], *(["..."] if len(listed) > 3 else [])])


def range_text(numbers: Sequence[int]) -> str:
    """Rising numbers as people write them: "3, 7 to 12, 40 and others"."""
    runs = _runs(numbers)
    texts = [f"{first}" if first == last else f"{first} to {last}" for first, last in runs[:5]]
    return ", ".join(texts) + (" and others" if len(runs) > 5 else "")


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """(first, last) of the runs of neighbours among rising numbers."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs

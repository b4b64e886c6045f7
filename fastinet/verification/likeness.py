"""Whether something is a copy of what is published, or a small part of it, or another archive.

One rule for all families. Where its name or size, or the user, says which archive it should be, it
is compared with that, and all that it lacks is an error. Otherwise its content says so, and it must
have half of what is published in one of its splits: less is taken for another archive or a part
that somebody chose, and a note tells how much there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastinet.datasets.published import PublishedSplit
    from fastinet.verification.findings import Findings
    from fastinet.verification.recognition import Part

__all__ = ["Likeness", "how_alike", "note_a_part"]

_LIKE_SHARE = 0.5

# Of their training images classes count: somebody who chose a part chose classes, and a class that
# lacks images is a download that failed.
_BY_CLASSES = ("train", "ilsvrc")


class Likeness(NamedTuple):
    """How much of a split there is."""

    split: str
    present: int
    published: int
    what: str
    """"images", or "classes"."""

    @property
    def is_a_copy(self) -> bool:
        """Whether it is so much that the rest is missing by mistake."""
        return self.present >= _LIKE_SHARE * self.published


def how_alike(
    family: str | None, parts: Sequence[Part], splits: Sequence[PublishedSplit]
) -> Likeness | None:
    """How much there is of the split that the most is there of.

    None where it is not published how much any of these splits has.

    Args:
        family: of what is verified.
        parts: its splits.
        splits: what is published.
    """
    by_name = {part.split: part for part in parts}
    found = []
    for split in splits:
        part = by_name.get(split.name)
        if family in _BY_CLASSES and split.name == "train" and split.classes:
            classes = None if part is None else part.classes
            present = 0 if classes is None else len(np.unique(classes))
            found.append(Likeness(split.name, present, split.classes, "classes"))
        elif split.images:
            present = 0 if part is None else len(part.rows)
            found.append(Likeness(split.name, present, split.images, "images"))
    return max(found, key=lambda each: each.present / each.published, default=None)


def note_a_part(findings: Findings, published: str, like: Likeness, advice: str) -> None:
    """Notes that something is not compared with what is `published`, which it is laid out like."""
    findings.note(
        "not compared",
        f"it is laid out like {published}, but has {like.present:,} of {like.published:,}"
        f" {like.what} of split '{like.split}'; {like.published - like.present:,} are not there, so"
        " it is taken for a part of that, or for another archive",
        advice=advice,
    )

"""What is odd about a tar that is read nevertheless: said in sentences, or refused.

The core notes it while it walks (``TarNoteKind`` in ``csrc/tar/scan.h``). All of it can lose no
member, but for a tar that ends without its end-of-archive marker: one that was cut between two
members looks the same. So that needs ``end_marker="optional"`` wherever an archive is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from fastinet._native import _scan
from fastinet.errors import CorruptError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fastinet._native._scan import Note

__all__ = [
    "ALLOW",
    "WITHOUT_MARKER",
    "EndMarker",
    "check_end_markers",
    "is_marker_required",
    "note_sentences",
    "sentence",
    "unmarked",
]

EndMarker = Literal["required", "optional"]
"""Whether a tar without its end-of-archive marker is an error."""

ALLOW: Final = (
    'end_marker="optional" (--end-marker optional) reads a tar that was written without its'
    " marker, or with a half of one"
)
"""What to do about a tar without its marker that is known to be whole."""

# As csrc/tar/scan_end.cc says it.
WITHOUT_MARKER: Final = "truncated: the tar ends without its end-of-archive marker"
_REFUSED = {
    _scan.NO_MARKER: WITHOUT_MARKER,
    _scan.LONE_ZEROS: "a single block of zeros where the end-of-archive marker has two",
}
_SAID = {
    _scan.CUT_MARKER: "ends within the two blocks of zeros that mark its end; all members before"
    " are there",
    _scan.NO_MARKER: "ends without its end-of-archive marker, and counts as whole all the same"
    ' (end_marker="optional")',
    _scan.LONE_ZEROS: "has one block of zeros for its end-of-archive marker and something else"
    ' behind it, which is not read (end_marker="optional")',
    _scan.STALE_PADDING: "has old headers in the fill behind its end, as Ant's tars do; they are"
    " of members before, and are passed over",
}


def is_marker_required(end_marker: str) -> bool:
    """What `end_marker` says; ValueError where it is neither of :data:`EndMarker`'s words."""
    if end_marker not in ("required", "optional"):
        raise ValueError(f"end_marker must be 'required' or 'optional', not {end_marker!r}")
    return end_marker == "required"


def unmarked(notes: Iterable[Note]) -> list[Note]:
    """Those that only ``end_marker="optional"`` allows."""
    return [note for note in notes if note.kind in _REFUSED]


def check_end_markers(notes: Iterable[Note], archive: str) -> None:
    """Raises the CorruptError of a scan for the first note that ``"required"`` refuses.

    What was scanned with ``"optional"``, and kept, is refused thus where the marker is required.
    """
    for note in unmarked(notes):
        raise CorruptError(
            _REFUSED[note.kind], archive=archive, member=note.name or None, offset=note.offset
        )


def note_sentences(notes: Sequence[Note]) -> list[str]:
    """A sentence for each kind of what was noted in one archive."""
    by_kind: dict[str, list[Note]] = {}
    for note in notes:
        by_kind.setdefault(note.kind, []).append(note)
    return [sentence(len(found), found[0]) for found in by_kind.values()]


def sentence(count: int, first: Note) -> str:
    """What to say of `count` notes of one kind, the first of which is given."""
    if first.kind == _scan.UNKNOWN_TYPE:
        return (
            f"{count} entries are of types that no tar program knows, and are read as files, as"
            f" POSIX has it: the first is '{first.name}', byte {first.offset:,}"
        )
    said = _SAID[first.kind]
    where = f"byte {first.offset:,}"
    if not first.name and count == 1:
        return f"the tar {said} ({where})"
    inner = f"'{first.name}'" if first.name else "the archive itself"
    if count == 1:
        return f"the tar {inner} in it {said} ({where})"
    return f"{count} tars each {said}: the first is {inner}, {where}"

"""What is odd about tars: noted, said and refused, from the bytes of a tar to the sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastinet
from fastinet._native import _scan
from fastinet._native._scan import Note
from fastinet.archives.file_archive import FileArchive
from fastinet.archives.tar_notes import (
    ALLOW,
    WITHOUT_MARKER,
    check_end_markers,
    is_marker_required,
    note_sentences,
    sentence,
    unmarked,
)
from fastinet.errors import CorruptError
from fastinet.testing.archives import END, entry

if TYPE_CHECKING:
    from pathlib import Path

REFUSED = {_scan.NO_MARKER, _scan.LONE_ZEROS}
NOTES = st.lists(
    st.builds(
        Note,
        st.sampled_from(_scan.NOTE_KINDS),
        st.sampled_from(["", "inner.tar", "a/b.tar"]),
        st.integers(0, 2**40),
    ),
    max_size=12,
)
FILE = entry("n01440764_1.JPEG", b"content")
ZEROS = bytes(512)


def test_words_for_the_marker() -> None:
    assert is_marker_required("required")
    assert not is_marker_required("optional")
    for word in ("", "Required", "none", "required "):
        with pytest.raises(ValueError, match="'required' or 'optional'"):
            is_marker_required(word)


@given(NOTES)
def test_what_only_optional_allows(notes: list[Note]) -> None:
    expected = [note for note in notes if note.kind in REFUSED]
    assert unmarked(iter(notes)) == expected
    if not expected:
        check_end_markers(notes, "an.tar")
        return
    with pytest.raises(CorruptError) as refused:
        check_end_markers(notes, "an.tar")
    first, error = expected[0], refused.value
    assert (error.archive, error.member, error.offset) == (
        "an.tar",
        first.name or None,
        first.offset,
    )
    assert (error.cause == WITHOUT_MARKER) == (first.kind == _scan.NO_MARKER)


@given(NOTES)
def test_a_sentence_for_each_kind(notes: list[Note]) -> None:
    """Each tells how many there are, where the first is, and is told from those of other kinds."""
    said = note_sentences(notes)
    kinds = list(dict.fromkeys(note.kind for note in notes))
    assert len(set(said)) == len(said) == len(kinds)
    for text, kind in zip(said, kinds, strict=True):
        found = [note for note in notes if note.kind == kind]
        assert text == sentence(len(found), found[0])
        assert f"byte {found[0].offset:,}" in text
        assert found[0].name in text
        assert ('end_marker="optional"' in text) == (kind in REFUSED)
        if len(found) > 1:
            assert text.startswith(f"{len(found)} ")


def test_no_kind_is_forgotten() -> None:
    for kind in _scan.NOTE_KINDS:
        for count in (1, 2):
            for name in ("", "inner.tar"):
                assert len(sentence(count, Note(kind, name, 512))) > 40


@pytest.mark.parametrize(
    ("end", "kind", "offset"),
    [
        (END[:512] + bytes(200), _scan.CUT_MARKER, len(FILE) + 712),
        (b"", _scan.NO_MARKER, len(FILE)),
        (ZEROS + b"x" * 512, _scan.LONE_ZEROS, len(FILE) + 512),
        (END, None, 0),
    ],
)
def test_tars_that_end_oddly(tmp_path: Path, end: bytes, kind: str | None, offset: int) -> None:
    """Scanned with "optional", a tar has the note for which a scan with "required" refuses it."""
    path = tmp_path / "odd.tar"
    path.write_bytes(FILE + end)
    with_notes = FileArchive(path, end_marker_required=False).scan()
    assert [(note.kind, note.name) for note in with_notes.notes] == ([(kind, "")] if kind else [])
    if kind is not None:
        assert with_notes.notes[0].offset == offset
    if kind not in REFUSED:
        FileArchive(path).scan()
        check_end_markers(with_notes.notes, str(path))
        return
    with pytest.raises(CorruptError) as by_scan:
        FileArchive(path).scan()
    with pytest.raises(CorruptError) as by_notes:
        check_end_markers(with_notes.notes, str(path))
    assert by_scan.value.cause.startswith(by_notes.value.cause)  # and says what to do
    for name in ("archive", "member", "offset"):
        assert getattr(by_notes.value, name) == getattr(by_scan.value, name)


def test_the_advice_names_an_argument_that_there_is(tmp_path: Path) -> None:
    path = tmp_path / "train.tar"
    path.write_bytes(FILE)
    with pytest.raises(CorruptError) as refused:
        fastinet.open(path)
    assert ALLOW in str(refused.value)
    with pytest.warns(fastinet.errors.FastinetWarning, match="without its end-of-archive marker"):
        fastinet.open(path, end_marker="optional")

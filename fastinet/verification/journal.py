"""How far a verification has come, and what it found: ``<archive>.fastinet.verify``.

JSON beside the archive, in the user's cache folder, or where ``index=`` says. It is replaced as a
whole, so that it is the old one or the new one whatever happens, and two processes that verify one
archive do no harm to each other: the one that saves last wins. A journal counts for the bytes that
it was made of and for the same options. One of other bytes or options is replaced in silence; one
that is damaged is replaced, too, and a :class:`~fastinet.errors.FastinetWarning` says so. So is one
that another user could have written, who could say in it that a damaged archive is sound.

While a verification goes on, what the walk over the headers found lies beside it
(``<archive>.fastinet.verify.walk``, a NumPy archive), since that walk is a seek for each member.
"""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import numpy as np

from fastinet._native import _scan
from fastinet.base.warning import warn
from fastinet.errors import FastinetError, from_status
from fastinet.sidecars.identity import fastinet_version
from fastinet.sidecars.opening import check_own, open_to_read
from fastinet.sidecars.places import shown_failures
from fastinet.sidecars.replacing import replace_file
from fastinet.sidecars.schema import (
    Count,
    Hexadecimal,
    Range,
    UnusableSidecarError,
    checked,
    checked_json,
    parsed_object,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fastinet.sidecars.identity import Identity
    from fastinet.sidecars.places import Sidecars

__all__ = ["SUFFIX", "Journal", "Walk"]

Part = TypeVar("Part")

Walk = tuple[_scan.Members, list[FastinetError]]
"""The whole members of an archive, and what is wrong with its headers."""

SUFFIX = ".verify"
WALK_SUFFIX = ".walk"
FORMAT_VERSION = 1


class Journal:
    """The journal of one archive or folder, under given options."""

    def __init__(
        self, sidecars: Sidecars, identities: Sequence[Identity], options: dict[str, Any]
    ) -> None:
        """The journal of archives.

        It is of these very files. A copy of them is verified anew: it may have failed.
        """
        self._places = sidecars.places(SUFFIX)
        self._advice = sidecars.advice()
        self._head: dict[str, Any] = {
            "format": FORMAT_VERSION,
            "fastinet": fastinet_version(),
            "archives": [identity.exact_fields() for identity in identities],
            "options": options,
        }
        self._damaged: set[Path] = set()
        self._complained = False

    def load(self, part: str, kind: type[Part]) -> Part | None:
        """What was saved last, if it is that part: "state" or "report". Else None.

        Args:
            part: its name.
            kind: the dataclass that it was made of.
        """
        for place in self._places:
            with contextlib.suppress(OSError):
                try:
                    with open_to_read(place) as file:
                        check_own(file)
                        content = parsed_object(file.readall() or b"")
                    if part in content and self._is_mine(content):
                        return checked(kind, content[part])
                except UnusableSidecarError as error:
                    self._warn_of_damage(place, error)
        return None

    def _warn_of_damage(self, place: Path, what: object) -> None:
        """Says so once, however often the file is looked at."""
        if place not in self._damaged:
            self._damaged.add(place)
            warn(f"the journal of the verification '{place}' {what}; that work is done anew")

    def _is_mine(self, content: dict[str, Any]) -> bool:
        """Whether a journal was made of these bytes, for these options, by this version."""
        return all(content.get(name) == value for name, value in self._head.items())

    def save(self, part: str, content: dict[str, Any]) -> None:
        """Puts this in place of what was saved; warns once where neither place takes it."""
        self._put(json.dumps({**self._head, part: content}).encode("ascii"), "")

    def load_walk(self) -> tuple[list[Walk], str] | None:
        """What :meth:`save_walk` kept; None where nothing was."""
        for place in map(_walk_beside, self._places):
            with contextlib.suppress(OSError):
                try:
                    found = self._walks_at(place)
                except (EOFError, ValueError, KeyError, zipfile.BadZipFile):
                    self._warn_of_damage(place, "is damaged: it is cut, or no NumPy archive")
                except UnusableSidecarError as error:
                    self._warn_of_damage(place, error)
                else:
                    if found is not None:
                        return found
        return None

    def _walks_at(self, place: Path) -> tuple[list[Walk], str] | None:
        """The walks that the file holds; None where it is of other bytes or another format."""
        with contextlib.ExitStack() as opened:
            file = opened.enter_context(open_to_read(place))
            check_own(file)
            columns = np.load(opened.enter_context(io.BufferedReader(file)), allow_pickle=False)
            if not isinstance(columns, np.lib.npyio.NpzFile):
                raise UnusableSidecarError("is damaged: it is no NumPy archive")
            opened.enter_context(columns)
            text = columns["head"].tobytes()
            content = parsed_object(text)
            if any(content.get(name) != self._head[name] for name in ("archives", "format")):
                return None
            head = checked_json(_WalkHead, text)
            walks = [_walk_of(columns, i, texts) for i, texts in enumerate(head.walks)]
            return walks, head.state

    def save_walk(self, walks: Sequence[Walk], state: str = "") -> None:
        """Keeps what the walk over the headers of each archive found.

        Args:
            walks: for each archive; the last one may not be at its end.
            state: what a survey of the last one goes on from, in hexadecimal; "": it is at its end.
        """
        texts = [
            {
                "container_names": members.container_names,
                "special_entries": int(members.special_entries),
                "passed": members.passed,
                "notes": members.notes,
                "errors": [_error_fields(error) for error in errors],
            }
            for members, errors in walks
        ]
        head = json.dumps({**self._head, "walks": texts, "state": state}).encode("ascii")
        columns = {"head": np.frombuffer(head, np.uint8)}
        for number, (members, _) in enumerate(walks):
            for name in _COLUMNS:
                columns[f"{number}.{name}"] = getattr(members, name)
        content = io.BytesIO()
        np.savez(content, **columns)  # type: ignore[arg-type]
        self._put(content.getbuffer(), WALK_SUFFIX)

    def forget(self) -> None:
        """Removes all that was kept."""
        self.forget_walk()
        for place in self._places:
            with contextlib.suppress(OSError):
                place.unlink()

    def forget_walk(self) -> None:
        """Removes what :meth:`save_walk` kept."""
        for place in self._places:
            with contextlib.suppress(OSError):
                _walk_beside(place).unlink()

    def _put(self, content: bytes | memoryview, suffix: str) -> None:
        failures: list[tuple[Path, OSError]] = []
        for place in self._places:
            try:
                replace_file(
                    place.with_name(place.name + suffix), [content], writable_by_owner_alone=True
                )
            except OSError as error:
                failures.append((place, error))
            else:
                return
        if failures and not self._complained:
            self._complained = True
            warn(
                "the progress of the verification cannot be kept, so an interruption loses it "
                f"({shown_failures(failures)}); {self._advice}"
            )


# The columns of _scan.Members.
_COLUMNS = ("offsets", "sizes", "containers", "heads", "names", "name_ends")


@dataclass(frozen=True)
class _WalkTexts:
    """What is kept of the walk over one archive, beside the columns of its members."""

    container_names: list[str]
    special_entries: Count
    errors: list[tuple[str, str, str, str, Annotated[int, Range(-1, 2**63 - 1)]]]
    """As :func:`fastinet.errors.from_status` takes them."""
    passed: list[tuple[str, str, str, Count]] | None = None
    """As :class:`_scan.Passed`; journals of earlier versions have none."""
    notes: list[tuple[str, str, Count]] = field(default_factory=list)
    """As :class:`_scan.Note`, likewise."""


@dataclass(frozen=True)
class _WalkHead:
    """The JSON in the file of the walks."""

    walks: list[_WalkTexts]
    state: Hexadecimal


def _walk_beside(place: Path) -> Path:
    return place.with_name(place.name + WALK_SUFFIX)


def _walk_of(columns: Any, number: int, texts: _WalkTexts) -> Walk:
    members = _scan.Members(
        **{name: columns[f"{number}.{name}"] for name in _COLUMNS},
        container_names=texts.container_names,
        special_entries=texts.special_entries,
        passed=None if texts.passed is None else [_scan.Passed(*each) for each in texts.passed],
        notes=[_scan.Note(*note) for note in texts.notes],
    )
    errors = [from_status(*fields) for fields in texts.errors]
    return members, [error for error in errors if isinstance(error, FastinetError)]


def _error_fields(error: FastinetError) -> tuple[str, str, str, str, int]:
    """What :func:`fastinet.errors.from_status` makes the error of again."""
    codes = {"UnsupportedError": "unsupported", "TooLargeError": "too large"}
    code = codes.get(type(error).__name__, "corrupt")
    offset = -1 if error.offset is None else error.offset
    return code, error.cause, error.archive or "", error.member or "", offset

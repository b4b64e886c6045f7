"""How far a verification has come, and what it found: ``<archive>.fastinet.verify``.

JSON beside the archive, or in the user's cache folder. It is replaced as a whole, so that it is the
old one or the new one whatever happens, and two processes that verify one archive do each other no
harm: the later one to save wins. It counts for the bytes that it was made of and for the same
options; anything else in its place is ignored and replaced.
"""

from __future__ import annotations

import json
import os
import secrets
import warnings
from typing import TYPE_CHECKING, Any

from fastinet import catalog
from fastinet.errors import FastinetWarning

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fastinet.sources import Identity

__all__ = ["SUFFIX", "Journal"]

SUFFIX = ".verify"
FORMAT_VERSION = 1


class Journal:
    """The journal of one archive or folder, under given options."""

    def __init__(self, path: Path, identities: Sequence[Identity], options: dict[str, Any]) -> None:
        """The journal of what lies at `path`."""
        places = catalog.places(path)
        self._places = [place.with_name(place.name + SUFFIX) for place in places]
        self._head = {
            "format": FORMAT_VERSION,
            "fastinet": catalog.fastinet_version(),
            "archives": [identity._asdict() for identity in identities],
            "options": options,
        }
        self._complained = False

    def load(self, part: str) -> dict[str, Any] | None:
        """What was saved last, if it is that part: "state" or "report". Else None."""
        for place in self._places:
            try:
                content = json.loads(place.read_bytes())
            except (OSError, ValueError):
                continue
            head_fits = isinstance(content, dict) and all(
                content.get(name) == value for name, value in self._head.items()
            )
            if head_fits and isinstance(content.get(part), dict):
                found: dict[str, Any] = content[part]
                return found
        return None

    def save(self, part: str, content: dict[str, Any]) -> None:
        """Puts this in place of what was saved; warns once where neither place takes it."""
        text = json.dumps({**self._head, part: content}).encode("ascii")
        failures = []
        for place in self._places:
            try:
                _replace(place, text)
            except OSError as error:
                failures.append(f"'{place}': {error.strerror}")
            else:
                return
        if not self._complained:
            self._complained = True
            warnings.warn(
                "the progress of the verification cannot be kept, so an interruption loses it "
                f"({'; '.join(failures)})",
                FastinetWarning,
                stacklevel=5,
            )


def _replace(place: Path, text: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(f"{place.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(place)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

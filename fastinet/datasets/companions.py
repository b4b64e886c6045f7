"""Companions: small files beside an image that have its name, and the labels in some of them.

WebDataset has them: ``000017.cls`` or ``000017.json`` beside ``000017.jpg`` holds its label, and a
label function of the user's gets all of them.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastinet.errors import printable

__all__ = [
    "MOST_CLASSES",
    "MOST_COMPANION_BYTES",
    "LabelFunction",
    "asked_label",
    "by_extension",
    "check_label_function",
    "has_label",
    "label_of",
    "may_have_label",
    "wnid_in",
]

LabelFunction = Callable[[str, Mapping[str, bytes]], int]
"""From an item's key and its companions, content by extension ("cls", "json", "seg.png"), to its
label; -1 is none."""

MOST_COMPANION_BYTES = 1 << 16
"""Larger files are no companions, for what says something of an image is small. The engine has the
same bound for streams: kMaxCompanionBytes in
csrc/stream/sample.h."""

MOST_CLASSES = 1 << 20
"""Some fifty times ImageNet-22K's: class tables are made up to the highest label."""

_LABEL_KEYS = ("label", "cls")

# Names under which shards of ImageNet have the wnid, the plainest first.
_WNID_KEYS = (
    "wnid", "synset", "synset_id", "wordnet_id", "class_id", "class", "class_name", "category",
    "label", "cls", "label_name", "folder",
)  # fmt: skip


def check_label_function(function: object) -> None:
    """Refuses a function that cannot be called as a `LabelFunction` is.

    Raises:
        TypeError: it does not take two arguments; the message says how it is called.
    """
    if not callable(function):
        return
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of some that are written in C nothing is known
        return
    try:
        signature.bind("", {})
    except TypeError as error:
        raise TypeError(
            f"the function given as labels= is called with two arguments, labels(key, companions):"
            " the item's key, and a dict of what lies beside it by extension; this one is"
            f" {getattr(function, '__name__', repr(function))}{signature}: {error}"
        ) from None


def asked_label(
    function: LabelFunction, key: str, companions: Mapping[str, bytes], archive: str
) -> Any:
    """What the user's function gives for an item, unchecked.

    What it raises comes out as it is, with a note (PEP 678) that names the archive, the item and
    its companions. Python 3.10 knows no notes: there it is the cause of a ValueError that says so.

    Raises:
        RuntimeError: it raised StopIteration, which would end the loop over a stream in silence.
    """
    try:
        return function(key, companions)
    except Exception as error:
        among = ", ".join(companions) or "none"
        text = printable(
            f"raised by the function given as labels=, for archive '{archive}', member '{key}'"
            f" (its companions: {among})"
        )
        if isinstance(error, StopIteration):
            raise RuntimeError(f"{error!r} was {text}") from error  # noqa: TRY004  # as PEP 479
        if sys.version_info < (3, 11):
            raise ValueError(f"{error!r} was {text}") from error
        error.add_note(text)
        raise


def label_of(content: bytes, extension: str) -> int:
    """The label in the content of a ``.cls`` or ``.json`` member.

    A ``.cls`` member is a decimal number. A ``.json`` member is an object that has the number under
    "label" or "cls".

    Raises:
        ValueError: there is no label; the message says what there is in its place, and what to do.
    """
    try:
        return _number_in(content, extension)
    except ValueError as error:
        raise ValueError(
            f"{error}; labels= takes a function of key and companions, for labels of other forms"
        ) from None


def _number_in(content: bytes, extension: str) -> int:
    """The label; ValueError says what there is in its place."""
    if extension == "json":
        value = _label_in(_object(content))
    else:
        text = content.strip()
        if not re.fullmatch(rb"[0-9]{1,18}", text):
            raise ValueError(f"a decimal number expected, got {text[:40]!r}")
        value = int(text)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MOST_CLASSES:
        raise ValueError(f"a label is a whole number from 0 to {MOST_CLASSES - 1}, not {value!r}")
    return value


def by_extension(files: Sequence[tuple[str, bytes | None]]) -> dict[str, bytes]:
    """The contents of an item's files by extension; of two with the same one, the first.

    Files without content, which are too large for companions, are left out.
    """
    found: dict[str, bytes] = {}
    for extension, content in files:
        if content is not None:
            found.setdefault(extension, content)
    return found


def has_label(content: bytes) -> bool:
    """Whether the content of a ``.json`` member says something of a label, right or wrong."""
    try:
        fields = _object(content)
    except ValueError:
        return False
    return any(key in fields for key in _LABEL_KEYS)


def wnid_in(content: bytes) -> str:
    """The wnid that a ``.json`` member gives for its image's class, "n01440764"; "": none."""
    try:
        fields = _object(content)
    except ValueError:
        return ""
    named = {name.lower(): value for name, value in fields.items()}
    values = [named[key] for key in _WNID_KEYS if isinstance(named.get(key), str)]
    return next((value for value in values if re.fullmatch("n[0-9]{8}", value)), "")


def may_have_label(content: bytes) -> bool:
    """Whether a ``.json`` member is to be asked for a label: it speaks of one, or is damaged."""
    try:
        fields = _object(content)
    except ValueError:
        return True
    return any(key in fields for key in _LABEL_KEYS)


def _object(content: bytes) -> dict[str, Any]:
    """The object that a ``.json`` member is. Raises ValueError where it is none."""
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}") from None
    if not isinstance(fields, dict):
        raise ValueError(f"an object expected, got {str(fields)[:40]!r}")  # noqa: TRY004
    return fields


def _label_in(fields: dict[str, Any]) -> Any:
    """The number among the values that may be the label, else the first of them."""
    values = [fields[key] for key in _LABEL_KEYS if key in fields]
    if not values:
        raise ValueError(f"the object has no {' and no '.join(map(repr, _LABEL_KEYS))}")
    return next((value for value in values if isinstance(value, int)), values[0])

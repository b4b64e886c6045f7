"""Which classes `fastinet.Dataset.select_classes` takes, and the labels that they get."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastinet.datasets.scanned import wnid_number
from fastinet.errors import CorruptError, MissingError
from fastinet.formats.number_lines import text_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["ClassSelection", "class_selection", "wnids_of_list"]

_BETWEEN_WORDS = re.compile(r"[\s,]+")


class ClassSelection(NamedTuple):
    """A choice of classes out of K."""

    wnids: tuple[str, ...]
    """The chosen classes, sorted, as the new labels number them."""
    new_label: NDArray[np.int64]
    """[K] the new label of each class; -1: not chosen."""

    def relabel(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """The new label for each of `labels`, an array of old ones of any shape.

        It is -1 where the old label is -1 (no label), or of a class that is not chosen.
        """
        return np.append(self.new_label, -1)[labels]  # index -1 is the one behind the last class


def wnids_of_list(path: str | os.PathLike[str]) -> list[str]:
    """The wnids of a file, as the lists of ImageNet-100 have them.

    Of a text these are the words that its lines begin with. What comes after white space or a
    comma, a name as a rule, does not count unless the line has wnids alone, nor do empty lines and
    such that begin with ``#``. Of JSON they are the members of a list or the keys of a mapping,
    whose values are names as a rule.

    Raises:
        TypeError: `path` is a wnid.
        MissingError: no such file.
        CorruptError: it is no text, or broken JSON.
    """
    if isinstance(path, str) and wnid_number(path) >= 0:
        raise TypeError(f"wnids are several texts, not one: {path!r}")
    try:
        data = Path(path).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingError(f"no such list of wnids: '{path}'") from error
    lines = text_rows(data, Path(path).name)
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"[", b"{")):
        return _wnids_of_json(data, Path(path).name)
    return [wnid for line in lines if line and line[0] != "#" for wnid in _wnids_of_line(line)]


def _wnids_of_line(line: str) -> list[str]:
    words = [word for word in _BETWEEN_WORDS.split(line) if word]
    return words if all(wnid_number(word) >= 0 for word in words) else words[:1]


def _wnids_of_json(data: bytes, name: str) -> list[str]:
    try:
        return list(json.loads(data.decode("utf-8-sig")))
    except ValueError as error:
        raise CorruptError(f"'{name}' begins as JSON and is none: {error}") from None


def class_selection(known: Sequence[str], wnids: Iterable[str]) -> ClassSelection:
    """The choice of `wnids` out of the classes `known`.

    Raises:
        TypeError: one text instead of several.
        ValueError: `wnids` is empty, or one of them is no wnid, nor the name of a class among
            `known`, or stands there twice; the message names it.
    """
    if isinstance(wnids, str):
        raise TypeError(f"wnids are several texts, not one: {wnids!r}")
    wanted = list(wnids)
    names = {name for name in known if not name.isdecimal()}  # as ObjectNet's "Alarm clock"
    for wnid in wanted:
        if not isinstance(wnid, str) or (wnid_number(wnid) < 0 and wnid not in names):
            raise ValueError(f"{wnid!r} is no wnid: n and eight digits")
    chosen = sorted(set(wanted))
    if not chosen:
        raise ValueError("a choice of classes needs at least one wnid")
    if len(chosen) < len(wanted):
        twice = next(wnid for wnid in wanted if wanted.count(wnid) > 1)
        raise ValueError(f"{twice} stands twice in the choice of classes")
    label_of = {wnid: label for label, wnid in enumerate(chosen)}
    new_label = np.array([label_of.get(wnid, -1) for wnid in known], np.int64)
    return ClassSelection(tuple(chosen), new_label)

"""Which items a list of names means: file names, keys, paths, or the lines of a published list.

Subsets of ImageNet are published as lists of names, in as many forms as there are packagings:

=====================================  =============================================================
``n02109961_36.JPEG``                  SimCLR's 1percent.txt and 10percent.txt
``n01440764/n01440764_10026.JPEG``     keys of the train archive
``train/n01440764/n01440764_18.JPEG``  paths, relative or absolute, of an extracted tree
``n01440764/n01440764_10026 1``        the challenge's ImageSets/CLS-LOC/train_cls.txt
=====================================  =============================================================

So a name means an item when the path of one ends with that of the other, folder by folder. Names
that mean none so are compared once more, the extensions of images left out, and the class that
Hugging Face's names end in.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastinet.datasets.names import WNID_LENGTH, Names
from fastinet.datasets.scanned import wnid_number
from fastinet.errors import MissingError, printable
from fastinet.formats.number_lines import text_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from fastinet.datasets.keys import Keys

__all__ = ["are_names", "rows_of_list", "rows_of_names"]

_EXTENSION = re.compile(r"\.(?:jpe?g|png|gif|bmp|webp|tiff?)$", re.IGNORECASE)
_FIRST_WORD = re.compile(r"[\s,]")
_TAIL = 1 + WNID_LENGTH  # of Hugging Face's names: an underscore and the class
_KEYS_AT_ONCE = 1 << 16  # whose file names are compared in one go: some 30 MB


def are_names(rows: Any) -> bool:
    """Whether `rows` are names, and no numbers."""
    kind = rows.dtype.kind if isinstance(rows, np.ndarray) else "O"
    if kind != "O":
        return kind in "US"
    return (
        isinstance(rows, Collection)
        and not isinstance(rows, bytes)
        and isinstance(next(iter(rows), None), str | bytes)
    )


def rows_of_list(keys: Keys, path: str | os.PathLike[str], where: str) -> NDArray[np.int64]:
    """The item, 0 to N - 1, that each of the n lines of a text file means: int64 [n].

    A line is a name, or begins with one: what comes after white space or a comma, a label as a
    rule, counts only where the whole line is the name of an item. Empty lines, and such that begin
    with ``#``, are passed over. A line with several items' file names is refused: it would give
    the first alone.

    Raises:
        MissingError: no such file.
        CorruptError: it is no text.
        ValueError: as :func:`rows_of_names`.
    """
    try:
        data = Path(path).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingError(
            f"no such list of names: '{path}'; a name by itself is given as ['{path}']"
        ) from error
    lines = [line for line in text_rows(data, Path(path).name) if line and line[0] != "#"]
    found = _found(keys, lines)
    words = {i: _FIRST_WORD.split(lines[i], maxsplit=1)[0] for i in found.unknown()}
    shorter = {i: word for i, word in words.items() if word != lines[i]}
    if shorter:
        again = _found(keys, [*shorter.values()])
        numbers = [*shorter]
        found.rows[numbers] = again.rows
        found.several.update({numbers[i]: items for i, items in again.several.items()})
        _refuse_lists_in_lines(keys, {i: lines[i] for i in shorter}, found, Path(path).name)
        for i, word in shorter.items():
            lines[i] = word
    return _checked(found, lines, where)


def _refuse_lists_in_lines(keys: Keys, lines: dict[int, str], found: _Found, name: str) -> None:
    """ValueError if what comes behind the name in a line is the name of another item."""
    others = [
        (i, word)
        for i, line in lines.items()
        for word in _FIRST_WORD.split(line)[1:]
        if _EXTENSION.search(word)
    ]
    rows = _found(keys, [word for _, word in others]).rows
    for (i, word), row in zip(others, rows.tolist(), strict=True):
        if row not in (-1, found.rows[i]):
            raise ValueError(
                printable(
                    f"'{name}' has the names of several items in one line, '{word}' is the second"
                    " of one: write each on a line of its own"
                )
            )


def rows_of_names(keys: Keys, names: Iterable[str | bytes], where: str) -> NDArray[np.int64]:
    """The item, 0 to N - 1, that each of n names means: int64 [n].

    Args:
        keys: of the items, N.
        names: in the order that the rows are to have; one that comes twice gives its item twice.
        where: what the items are of, for messages.

    Raises:
        TypeError: something is no text.
        ValueError: names that no item has, or that several have; it names the first few.
    """
    texts = [_text(name) for name in names]
    return _checked(_found(keys, texts), texts, where)


class _Found(NamedTuple):
    """What n names mean."""

    rows: NDArray[np.int64]
    """[n] the item; -1: none, or several."""
    several: dict[int, list[str]]
    """The keys of all that a name may mean, for the names that may mean several."""

    def unknown(self) -> list[int]:
        """Which names mean no item."""
        return [i for i in np.flatnonzero(self.rows < 0).tolist() if i not in self.several]


def _found(keys: Keys, texts: Sequence[str]) -> _Found:
    """What each name means."""
    wanted = [_cleaned(text) for text in texts]
    candidates = _items_called(keys, {_base(name) for name in wanted})
    found = _Found(np.full(len(wanted), -1, np.int64), {})
    for i, name in enumerate(wanted):
        found.rows[i], several = _chosen(candidates.get(_base(name), []), name)
        if several:
            found.several[i] = several
    unknown = found.unknown()
    if unknown:
        candidates = _items_like(keys, {_base(_bare(wanted[i])) for i in unknown})
        for i in unknown:
            name = _bare(wanted[i])
            found.rows[i], several = _chosen(candidates.get(_base(name), []), name)
            if several:
                found.several[i] = several
    return found


def _checked(found: _Found, texts: Sequence[str], where: str) -> NDArray[np.int64]:
    """The rows; ValueError if a name has none."""
    if found.several:
        ambiguous = {texts[i]: keys for i, keys in found.several.items()}
        raise ValueError(printable(_why_ambiguous(ambiguous, len(texts), where)))
    strangers = [texts[i] for i in found.unknown()]
    if strangers:
        raise ValueError(printable(_why_unknown(strangers, len(texts), where)))
    return found.rows


def _text(name: object) -> str:
    if isinstance(name, bytes):
        return name.decode("utf-8", "surrogateescape")
    if not isinstance(name, str):
        raise TypeError(f"names of items must be texts, not {name!r}")
    return name


def _cleaned(name: str) -> str:
    """The path without what stands for no folder: "./a//b" is "a/b"."""
    parts = name.strip().split("/")
    return "/".join(part for part in parts if part not in ("", "."))


def _items_called(keys: Keys, bases: set[str]) -> dict[str, list[tuple[int, str]]]:
    """Number and key of the items whose file names are among `bases`, by file name."""
    found = defaultdict(list)
    wanted = np.sort(np.array([_encoded(base) for base in bases] or [b""]))
    for first, called in _file_names(keys):
        places = np.minimum(np.searchsorted(wanted, called), len(wanted) - 1)
        for row in (first + np.flatnonzero(wanted[places] == called)).tolist():
            key = keys[row]
            found[_base(key)].append((row, key))
    return found


def _items_like(keys: Keys, bases: set[str]) -> dict[str, list[tuple[int, str]]]:
    """Number and bare key of the items whose file names, made bare, are among `bases`, by these."""
    found = defaultdict(list)
    wanted = {_encoded(base) for base in bases}
    for first, called in _file_names(keys):
        for row, base in enumerate(called.tolist(), start=first):
            stem = base.rpartition(b".")[0]
            # Most are none; making them bare would take many times as long.
            if not wanted.isdisjoint((base, stem, base[:-_TAIL], stem[:-_TAIL])):
                bare = _bare(keys[row])
                if _base(bare) in bases:
                    found[_base(bare)].append((row, bare))
    return found


def _file_names(keys: Keys) -> Iterator[tuple[int, NDArray[np.bytes_]]]:
    """The file names of all items, some at a time: the first one's number, and they."""
    text, starts, ends = keys.columns()
    names = Names(text, starts.astype(np.int64), ends.astype(np.int64))
    for first in range(0, len(keys), _KEYS_AT_ONCE):
        rows = np.arange(first, min(first + _KEYS_AT_ONCE, len(keys)))
        yield first, names.take(rows).bases()


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _chosen(found: Sequence[tuple[int, str]], name: str) -> tuple[int, list[str]]:
    """The item of `found`, all of them called so, that a name means; -1: none, or these several."""
    exact = [row for row, key in found if key == name]
    if len(exact) == 1:
        return exact[0], []
    fitting = [(row, key) for row, key in found if _ends_with(key, name) or _ends_with(name, key)]
    if len(fitting) == 1:
        return fitting[0][0], []
    return -1, [key for _, key in fitting]


def _ends_with(path: str, end: str) -> bool:
    return path == end or path.endswith("/" + end)


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _bare(path: str) -> str:
    """The path without an image's extension, and without the class that Hugging Face's end in."""
    path = _EXTENSION.sub("", path)
    before, _, last = path.rpartition("_")
    return before if "_" in _base(before) and wnid_number(last) >= 0 else path


def _some(names: Sequence[str]) -> str:
    return ", ".join([*(f"'{name}'" for name in names[:3]), *(["..."] if len(names) > 3 else [])])


def _why_unknown(names: Sequence[str], total: int, where: str) -> str:
    advice = ""
    if all(len(name) == WNID_LENGTH and wnid_number(name) >= 0 for name in names):
        advice = "; they are classes, which select_classes takes"
    elif all("\\" in name and "/" not in name for name in names):
        advice = "; archives have / between folders, where these names have \\"
    return f"{len(names)} of the {total} names are of no item of '{where}': {_some(names)}{advice}"


def _why_ambiguous(several: dict[str, list[str]], total: int, where: str) -> str:
    name, keys = next(iter(several.items()))
    return (
        f"{len(several)} of the {total} names are of several items of '{where}':"
        f" {_some([*several])}; '{name}' may be {_some(keys)}: give more of the path"
    )

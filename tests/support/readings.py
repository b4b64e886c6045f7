"""What fastinet makes of an archive, for comparison: items, labels and classes, or a refusal."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastinet
from fastinet.errors import FastinetError, FastinetWarning

# Arguments, functions, commands; and which splits there are.
_ADVICE = re.compile(
    r"\b[a-z_]+=|\bfastinet\.\w+|`[a-z]+ |\bopen (?:it|one of)\b|has no split '.*'; it has "
    r"|may mean: "
)


@dataclass(frozen=True)
class Part:
    """What is in a split."""

    items: tuple[tuple[str, bytes, int], ...]
    """(key, content, label) of each, in order."""
    classes: tuple[str, ...]
    """The class table; of a stream that which it was told."""

    def sorted(self) -> tuple[tuple[str, bytes, int], ...]:
        """The items in no order of their own."""
        return tuple(sorted(self.items))


@dataclass(frozen=True)
class Refusal:
    """An error in place of items."""

    message: str

    @property
    def says_what_to_do(self) -> bool:
        """Whether it names an argument, a function or a command."""
        return _ADVICE.search(self.message) is not None


@dataclass(frozen=True)
class Reading:
    """What was made of an archive that was opened."""

    parts: dict[str | None, Part | Refusal]
    """By what was given as ``split=``."""
    default: str | None
    """The split that comes without ``split=``; None: that is refused."""
    notes: tuple[str, ...]
    """All warnings, each once."""
    default_notes: tuple[str, ...]
    """Those without ``split=``."""


def attempt(make: Callable[[], Part], notes: set[str]) -> Part | Refusal:
    """What `make` gives, or how it refuses; warnings go into `notes`."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result: Part | Refusal = make()
        except (FastinetError, ValueError) as error:
            result = Refusal(str(error))
    for warning in caught:
        assert issubclass(warning.category, FastinetWarning), warning.message
        notes.add(str(warning.message))
    return result


def part_of(dataset: fastinet.Dataset) -> Part:
    """Everything that is in the dataset."""
    contents = [dataset.read(item) for item in range(len(dataset))]
    items = zip(list(dataset.keys), contents, dataset.labels.tolist(), strict=True)
    return Part(tuple(items), tuple(dataset.wnids))


def read_opened(
    path: Path | list[Path],
    other_splits: set[str] = frozenset(),
    *,
    default_alone: bool = False,
    **options: Any,
) -> Reading:
    """Opens what is at the path, without ``split=`` and with each split that it has.

    Args:
        path: of a folder or an archive; several of one dataset.
        other_splits: are asked for where it is not known which it has.
        default_alone: it is opened without ``split=`` alone.
        options: of `fastinet.open`.
    """
    notes: set[str] = set()
    found: list[fastinet.Dataset] = []

    def opened(split: str | None) -> Part:
        dataset = fastinet.open(path, split=split, index=False, **options)
        found.append(dataset)
        return part_of(dataset)

    parts: dict[str | None, Part | Refusal] = {None: attempt(lambda: opened(None), notes)}
    default = found[0].split if found else None
    of_default = set(notes)
    wanted = sorted(found[0].splits if found else other_splits)
    for split in () if default_alone else wanted:
        same = found and len(found[0].splits) == 1 and split == default
        parts[split] = parts[None] if same else attempt(lambda: opened(split), notes)  # noqa: B023
    all_notes, default_notes = (
        tuple(sorted({note.replace(str(path), "PATH") for note in some}))
        for some in (notes, of_default)
    )
    return Reading(parts, default, all_notes, default_notes)


def read_streamed(source: Any, notes: set[str], **options: Any) -> Part | Refusal:
    """Takes an archive as it arrives.

    Args:
        source: as of `fastinet.open_stream`; bytes arrive by a file object.
        notes: gets the warnings.
        options: of `fastinet.open_stream`.
    """

    def streamed() -> Part:
        file = io.BytesIO(source) if isinstance(source, bytes) else source
        stream = fastinet.open_stream(file, **options)
        arrived = list(stream.items())
        labels = stream.labels_of([(item.key, item.companions) for item in arrived])
        items = zip(arrived, labels, strict=True)
        classes = tuple(info.wnid for info in stream.classes)
        return Part(tuple((item.key, item.data, label) for item, label in items), classes)

    return attempt(streamed, notes)

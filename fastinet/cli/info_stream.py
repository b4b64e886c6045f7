"""fastinet info of an archive that comes through a pipe: what one pass over it shows."""

from __future__ import annotations

import collections
import contextlib
import random
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinet.cli.headers import HeaderTally, header_facts, print_mix
from fastinet.cli.opening import classes_if_any
from fastinet.cli.output import print_facts, print_json, print_table, progress_bar, size_text
from fastinet.datasets.classes import class_table
from fastinet.datasets.names import Names
from fastinet.datasets.shard_splits import splits_of_keys

if TYPE_CHECKING:
    from fastinet import Stream

_FIRST_KEYS = 3
_LABELLED_AT_ONCE = 256  # items; together they cost a tenth


class _Survey:
    """One pass over a stream: its items' sizes, classes and first keys, and a sample of headers."""

    def __init__(self, stream: Stream, sample: int) -> None:
        self.sizes: list[int] = []
        self.keys: list[str] = []
        self.classes: collections.Counter[int | str] = collections.Counter()
        self._headers: list[dict[str, str]] = []
        self._sample = sample
        self._drawn = random.Random(0)  # noqa: S311  # which headers to read
        with (
            progress_bar("items", total=None) as progress,
            contextlib.closing(stream.items()) as items,
        ):
            waiting: list[tuple[str, dict[str, bytes]]] = []  # for their labels
            for item in items:
                self.sizes.append(item.size)
                self.keys.append(item.key)
                waiting.append((item.key, item.companions))
                if len(waiting) == _LABELLED_AT_ONCE:
                    self.classes.update(classes_if_any(waiting))
                    waiting.clear()
                self._look_at(item.data)
                progress(len(self.sizes))
            self.classes.update(classes_if_any(waiting))

    def _look_at(self, data: bytes) -> None:
        """Reads an image's header if the draw falls on it (Vitter 1985, algorithm R)."""
        if len(self._headers) < self._sample:
            self._headers.append(header_facts(data))
            return
        drawn = self._drawn.randrange(len(self.sizes))
        if drawn < self._sample:
            self._headers[drawn] = header_facts(data)

    def splits(self) -> dict[str, int]:
        """How many items each split has, as far as keys tell."""
        if not self.keys:
            return {}
        found = splits_of_keys(Names.of(self.keys))
        counts = np.bincount(found.of_rows, minlength=len(found.names)).tolist()
        return dict(zip(found.names, counts, strict=True))

    def mix(self) -> dict[str, Any]:
        """Shares of formats, samplings, qualities and sizes among the images drawn."""
        tally = HeaderTally()
        for facts in self._headers:
            tally.add(facts)
        return tally.mix()


def info_of_stream(
    stream: Stream, sample: int, lang: str, with_classes: bool, as_json: bool
) -> None:
    """Reads `stream` to its end and prints what was in it, with the headers of `sample` images."""
    survey = _Survey(stream, sample)
    rows = _class_rows(stream, survey, lang)
    sizes = np.array(survey.sizes, np.uint64)
    items = [row["items"] for row in rows]
    facts: dict[str, Any] = {
        "archive": stream.name,
        "items": len(sizes),
        "splits": survey.splits(),
        "classes": len(rows),
        "unlabelled": survey.classes[-1],
        "skipped": stream.skipped,
        "first_skipped": list(stream.skipped_names),
        "items_per_class": [min(items), max(items)] if items else [0, 0],
        "bytes": int(sizes.sum()),
        "bytes_per_item": _extremes(sizes) if len(sizes) else {},
        "first_keys": survey.keys[:_FIRST_KEYS],
    }
    if with_classes:
        facts["class_table"] = rows
    if as_json:
        print_json({**facts, "sample": survey.mix()})
        return
    names = ", ".join(stream.skipped_names)
    passed_over = (
        f": {names}" + ", ..." * (stream.skipped > len(stream.skipped_names)) if names else ""
    )
    few, many = facts["items_per_class"]
    without = f"; {facts['unlabelled']:,} without a label" if facts["unlabelled"] else ""
    extremes = [f"{name} {size_text(size)}" for name, size in facts["bytes_per_item"].items()]
    print_facts(
        [
            ("archive", stream.name),
            ("items", f"{len(sizes):,} in {len(rows):,} classes{without}"),
            ("splits", ", ".join(f"{name} {n:,}" for name, n in facts["splits"].items())),
            ("passed over", f"{stream.skipped:,} entries that are no items{passed_over}"),
            ("items per class", f"{few:,} to {many:,}"),
            ("bytes", size_text(facts["bytes"])),
            ("bytes per item", ", ".join(extremes)),
            ("first keys", ", ".join(facts["first_keys"])),
        ]
    )
    print_mix(survey.mix())
    if with_classes:
        cells = [
            (_label_text(row["label"]), row["wnid"], row["name"], f"{row['items']:,}")
            for row in rows
        ]
        print_table("Classes", ["label", "wnid", "name", "items"], cells)


def _extremes(sizes: np.ndarray[Any, np.dtype[np.uint64]]) -> dict[str, float]:
    return {
        "min": int(sizes.min()),
        "median": float(np.median(sizes)),
        "mean": float(sizes.mean()),
        "max": int(sizes.max()),
    }


def _class_rows(stream: Stream, survey: _Survey, lang: str) -> list[dict[str, Any]]:
    """The classes that came, with what is known of them: by label, then by wnid.

    A wnid has no label in a stream, which does not say what other classes it has.
    """
    labels = sorted(each for each in survey.classes if isinstance(each, int) and each >= 0)
    wnids = sorted(each for each in survey.classes if isinstance(each, str))
    known = dict(enumerate(stream.classes))
    by_label = [(label, known.get(label), survey.classes[label]) for label in labels]
    infos = class_table(wnids)
    by_wnid = [(None, info, survey.classes[info.wnid]) for info in infos]
    rows: list[dict[str, Any]] = []
    for label, info, items in (*by_label, *by_wnid):
        wnid = name = ""
        if info is not None:
            wnid = info.wnid
            name = (info.zh if lang == "zh" else "".join(info.names[:1])) or wnid
        rows.append({"label": label, "wnid": wnid, "name": name, "items": items})
    return rows


def _label_text(label: int | None) -> str:
    return "-" if label is None else str(label)

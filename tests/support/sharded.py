"""Shards of given members, and what lies in them by tarfile and plain grouping."""

from __future__ import annotations

import gzip
import itertools
import json
import tarfile
from typing import TYPE_CHECKING

from fastinet.testing.archives import END, entry

if TYPE_CHECKING:
    from pathlib import Path

    import fastinet

JPEG = b"\xff\xd8\xff\xe0"
PNG = b"\x89PNG\r\n\x1a\n"

Member = tuple[str, bytes]


def shard(path: Path, *members: Member, compressed: bool = False) -> Path:
    """A tar of members, whose names may repeat."""
    data = b"".join([entry(name, content) for name, content in members]) + END
    path.write_bytes(gzip.compress(data, mtime=0) if compressed else data)
    return path


def members_of(path: Path) -> list[Member]:
    """The files in a tar; of several of one name the last, where it stands."""
    with tarfile.open(path) as archive:
        found = []
        for info in archive:
            content = archive.extractfile(info)
            if content is not None:
                found.append((info.name, content.read()))
    last = {name: place for place, (name, _) in enumerate(found)}
    return [member for place, member in enumerate(found) if last[member[0]] == place]


def split_name(name: str) -> tuple[str, str]:
    """Sample and extension, as webdataset's own regular expression has them."""
    folder, slash, base = name.rpartition("/")
    key, _, extension = base.partition(".")
    return folder + slash + key, extension.lower()


def is_image(member: Member) -> bool:
    name, content = member
    return name.lower().endswith((".jpg", ".jpeg", ".png")) or content.startswith((JPEG[:3], PNG))


def samples_of(paths: list[Path]) -> list[tuple[Member, list[tuple[str, bytes]]]]:
    """(image, [(extension, content) of the others]) of each sample with an image."""
    samples = []
    for path in paths:
        for _, group in itertools.groupby(members_of(path), lambda m: split_name(m[0])[0]):
            members = list(group)
            images = [m for m in members if is_image(m)]
            named = [m for m in images if split_name(m[0])[1] in ("jpg", "jpeg", "png")]
            for image in (named or images)[:1]:
                place = next(i for i, m in enumerate(members) if m is image)
                others = members[:place] + members[place + 1 :]
                samples.append((image, [(split_name(name)[1], data) for name, data in others]))
    return samples


def labelled(paths: list[Path]) -> list[tuple[str, bytes, int]]:
    """(key, content, label) of every item; KeyError where one has no label."""
    items = []
    for (key, content), others in samples_of(paths):
        companions = dict(reversed(others))
        if "cls" in companions:
            label = int(companions["cls"])
        else:
            label = json.loads(companions["json"])["label"]
        items.append((key, content, label))
    return items


def items_of(dataset: fastinet.Dataset) -> list[tuple[str, bytes, int]]:
    return [
        (dataset.keys[row], dataset.read(row), int(dataset.labels[row]))
        for row in range(len(dataset))
    ]

"""Shards of given members, and what lies in them by tarfile and plain grouping."""

from __future__ import annotations

import gzip
import itertools
import json
import re
import tarfile
from typing import TYPE_CHECKING

from fastinet.datasets.companions import MOST_COMPANION_BYTES
from fastinet.testing.archives import END, entry

if TYPE_CHECKING:
    from collections.abc import Callable
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


def split_last(name: str) -> tuple[str, str]:
    """The same by the last dot."""
    folder, slash, base = name.rpartition("/")
    key, _, extension = base.rpartition(".") if "." in base else (base, "", "")
    return folder + slash + key, extension.lower()


def is_image(member: Member) -> bool:
    name, content = member
    return name.lower().endswith((".jpg", ".jpeg", ".png")) or content.startswith((JPEG[:3], PNG))


def is_label(member: Member) -> bool:
    name, content = member
    extension = split_last(name)[1]
    if extension != "json" or len(content) > MOST_COMPANION_BYTES:
        return extension == "cls"
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(fields, dict) and ("label" in fields or "cls" in fields)


def is_dotted(member: Member) -> bool:
    return split_last(member[0])[0] != split_name(member[0])[0]


def reading_of(sample: list[Member]) -> str:
    """How the members with one name up to the first dot are read: "first", "last" or "either"."""
    images = [member for member in sample if is_image(member)]
    others = [member for member in sample if not is_image(member)]

    def have(members: list[Member]) -> list[bool]:
        """Which images have one of these of their name up to the last dot, with more dots."""
        stems = {split_last(member[0])[0] for member in members if is_dotted(member)}
        return [is_dotted(image) and split_last(image[0])[0] in stems for image in images]

    labels = [member for member in others if is_label(member)]
    if any(not is_dotted(label) for label in labels):
        return "either" if any(have(labels)) else "first"
    if not images:
        return "first"
    if all(have(labels)) or (all(have(others)) and all(map(is_dotted, others))):
        return "last"
    return "first"


def has_one_item(sample: list[Member], extensions: list[str], *, by_function: bool) -> bool:
    pairs = list(zip(sample, extensions, strict=True))
    others = [pair for pair in pairs if not is_image(pair[0])]
    if any(is_label(member) and extension in ("cls", "json") for member, extension in others):
        return True
    images = [pair for pair in pairs if is_image(pair[0])]
    if not by_function or any(
        re.fullmatch("n[0-9]{8}", part) for part in images[0][0][0].split("/")[:-1]
    ):
        return False
    named = sum(extension in ("jpg", "jpeg", "png") for _, extension in images)
    numbered = any(re.fullmatch(r"[0-9]+\.[^.]*", extension) for _, extension in images)
    return bool(others) or (named == 1 and not numbered)


Sample = tuple[Member, list[tuple[str, bytes]]]
"""(image, [(extension, content) of the others]) of an item."""


def rank(name: str, extension: str) -> tuple[int, bytes]:
    """What comes first of the images of one sample is its item."""
    ends = ["jpg", "jpeg", "png"]
    last = name.rpartition(".")[2].lower()
    by_end = 3 + ends.index(last) if last in ends and "." in name else 6
    return ends.index(extension) if extension in ends else by_end, name.encode()


def items_among(members: list[Member], *, shards: bool, by_function: bool = False) -> list[Sample]:
    """The items of one archive. With `shards` each sample with an image has one."""
    groups: dict[str, list[int]] = {}
    for place, (name, _) in enumerate(members):
        groups.setdefault(split_name(name)[0], []).append(place)
    parts: list[tuple[list[int], Callable[[str], tuple[str, str]]]] = []
    for places in groups.values():
        reading = reading_of([members[place] for place in places])
        assert by_function or reading != "either"
        if reading != "last":
            parts.append((places, split_name))
            continue
        stems: dict[str, list[int]] = {}
        for place in places:
            stems.setdefault(split_last(members[place][0])[0], []).append(place)
        parts += [(places, split_last) for places in stems.values()]
    found: list[tuple[int, Sample]] = []
    for places, split in parts:
        images = [place for place in places if is_image(members[place])]
        if not images:
            continue
        extensions = {place: split(members[place][0])[1] for place in places}
        one = has_one_item(
            [members[place] for place in places], list(extensions.values()), by_function=by_function
        )
        best = min(images, key=lambda place: rank(members[place][0], extensions[place]))
        items = [best] if one or (shards and not by_function) else images
        others = [(extensions[place], members[place][1]) for place in places if place not in items]
        found += [(item, (members[item], others)) for item in items]
    return [sample for _, sample in sorted(found, key=lambda pair: pair[0])]


def samples_of(paths: list[Path], *, by_function: bool = False) -> list[Sample]:
    """(image, [(extension, content) of the others]) of each item of shards."""
    return [
        sample
        for path in paths
        for sample in items_among(members_of(path), shards=True, by_function=by_function)
    ]


def is_readable(members: list[Member]) -> bool:
    """Whether no sample has labels by two readings."""
    groups: dict[str, list[Member]] = {}
    for member in members:
        groups.setdefault(split_name(member[0])[0], []).append(member)
    return all(reading_of(sample) != "either" for sample in groups.values())


def is_in_order(members: list[Member]) -> bool:
    """Whether the members of each sample follow one another."""
    runs = [key for key, _ in itertools.groupby(split_name(name)[0] for name, _ in members)]
    return len(runs) == len(set(runs))


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

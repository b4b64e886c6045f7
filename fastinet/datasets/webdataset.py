"""WebDataset shards: members that share a name, up to its first dot, are one sample.

===========================  =======================================================================
``000017.jpg``               the image: the first member of the sample whose extension is jpg, jpeg
                             or png, in any case of letters
``000017.cls``               its label, as a decimal number
``000017.json``              or an object with the label under "label" or "cls"
===========================  =======================================================================

Members of a sample follow one another (webdataset, "The WebDataset Format"). Labels are taken as
they are; the classes are those of ImageNet-1K, with their names, where every label is one of theirs
and every wnid that the images' names begin with agrees; otherwise they are "0", "1", and so on.

An archive is of this family when a sample in it has an image and a ``.cls`` or ``.json``. An
image without either is an error: to leave it out would shorten the epoch.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from fastinet.catalog import Listing, Split
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.scanned import ScannedArchive, ScannedMembers, wnid_number
from fastinet.errors import CorruptError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastinet.datasets.names import Bools, Ints

__all__ = ["FAMILY", "label_of", "recognise"]

FAMILY = "webdataset"

_IMAGE_EXTENSIONS = ("jpg", "jpeg", "png")
_LABEL_KEYS = ("label", "cls")
_MOST_JSON_BYTES = 1 << 20
_HEAD_BYTES = 8  # of each member's content, which the scan has read already


def recognise(archives: Sequence[ScannedArchive]) -> Listing | None:
    """The listing of the shards, or None when no sample in them has an image and a label.

    Raises:
        CorruptError: an image without a label, or a label that is none; it names the member.
    """
    members = ScannedMembers(archives)
    extensions = members.names.extensions()
    images: Bools = np.isin(extensions, np.array(_IMAGE_EXTENSIONS, extensions.dtype))
    numbers, objects = extensions == b"cls", extensions == b"json"
    samples = members.samples()
    if not np.isin(samples[images], samples[numbers | objects]).any():
        return None

    items = np.flatnonzero(images)
    items = items[np.unique(samples[items], return_index=True)[1]]  # the first of each sample
    sources = _sources_of(samples, items, numbers, objects)
    _check_labelled(archives, members, items, sources)
    labels = _read_labels(archives, members, sources)
    key_offsets, key_bytes = members.names.packed(items)
    others = len(members) - len(items) - len(np.unique(sources))
    return Listing(
        family=FAMILY,
        offsets=members.offsets[items],
        sizes=members.sizes[items],
        labels=labels,
        key_offsets=key_offsets,
        key_bytes=key_bytes,
        item_archive=members.archive[items] if len(archives) > 1 else None,
        splits=(Split("train", _classes(labels, members.names.take(items).base_wnids())),),
        skipped=others + sum(archive.members.special_entries for archive in archives),
    )


def label_of(content: bytes, extension: str) -> int:
    """The label in the content of a ``.cls`` or ``.json`` member.

    Raises:
        ValueError: there is none; the message says what there is.
    """
    value: object = content
    if extension == "json":
        try:
            fields = json.loads(content)
        except ValueError as error:
            raise ValueError(f"it is no JSON: {error}") from None
        found = [fields[key] for key in _LABEL_KEYS if isinstance(fields, dict) and key in fields]
        if not found:
            raise ValueError(f"it is no object with {' or '.join(map(repr, _LABEL_KEYS))}")
        value = found[0]
    if isinstance(value, bytes):
        text = value.strip()
        if not text.isdigit() or len(text) > 18:
            raise ValueError(f"a decimal number expected, got {text[:40]!r}")
        return int(text)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError(f"a label is a whole number from 0 on, not {value!r}")
    return value


def _sources_of(samples: Ints, items: Ints, numbers: Bools, objects: Bools) -> Ints:
    """[n] the member that each item's label stands in, a ``.cls`` rather than a ``.json``; or -1."""
    sources = np.full(len(items), -1, np.int64)
    for kind in (objects, numbers):
        rows = np.flatnonzero(kind)
        if len(rows):
            near = np.minimum(np.searchsorted(samples[rows], samples[items]), len(rows) - 1)
            found = samples[rows[near]] == samples[items]
            sources[found] = rows[near[found]]
    return sources


def _check_labelled(
    archives: Sequence[ScannedArchive], members: ScannedMembers, items: Ints, sources: Ints
) -> None:
    bare = np.flatnonzero(sources < 0)
    if len(bare):
        row = int(items[bare[0]])
        raise CorruptError(
            f"{len(bare)} images have no label, no .cls and no .json; this is the first. "
            "Give labels= a function of the key, or repack the shard",
            archive=archives[int(members.archive[row])].name,
            member=members.name(row),
            offset=int(members.offsets[row]),
        )


def _read_labels(
    archives: Sequence[ScannedArchive], members: ScannedMembers, sources: Ints
) -> NDArray[np.int64]:
    """[n] the labels in the members `sources`: most are numbers that the scan has read already."""
    labels = _short_numbers(members, sources)
    for item in np.flatnonzero(labels < 0).tolist():
        row = int(sources[item])
        archive = archives[int(members.archive[row])]
        size, offset = int(members.sizes[row]), int(members.offsets[row])
        name = members.name(row)
        try:
            if size > _MOST_JSON_BYTES:
                raise ValueError(f"it has {size} bytes")
            content = archive.read(offset, size)
            labels[item] = label_of(content, name.rpartition(".")[2].lower())
        except ValueError as error:
            raise CorruptError(
                f"no label: {error}", archive=archive.name, member=name, offset=offset
            ) from None
    return labels


def _short_numbers(members: ScannedMembers, rows: Ints) -> NDArray[np.int64]:
    """[n] the decimal numbers that these members are, as far as their first bytes tell; or -1."""
    heads, sizes = members.heads[rows], members.sizes[rows].astype(np.int64)
    digits = (heads >= ord("0")) & (heads <= ord("9"))
    inside = np.arange(_HEAD_BYTES) < sizes[:, None]
    space = np.isin(heads, np.frombuffer(b" \t\r\n", np.uint8))
    length = np.where(digits & inside, 1, 0).cumprod(axis=1).sum(axis=1)
    after = np.arange(_HEAD_BYTES) >= length[:, None]
    plain = (sizes <= _HEAD_BYTES) & (length > 0) & (space | ~inside | ~after).all(axis=1)
    value = np.zeros(len(rows), np.int64)
    for i in range(_HEAD_BYTES):
        value = np.where(i < length, value * 10 + heads[:, i] - ord("0"), value)
    return np.where(plain, value, -1)


def _classes(labels: NDArray[np.int64], wnids: Ints) -> tuple[str, ...]:
    """The classes of labels whose images' names begin with these wnids, or with none (-1)."""
    known = imagenet1k_wnids()
    numbers = np.array([wnid_number(wnid) for wnid in known])
    if labels.max() < len(known):
        named = wnids >= 0
        if np.array_equal(numbers[labels[named]], wnids[named]):
            return known
    return tuple(map(str, range(int(labels.max()) + 1)))

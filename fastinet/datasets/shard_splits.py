"""The splits of WebDataset shards, and of images whose labels a function gives.

Shards are split by the same rule as other archives (:mod:`fastinet.datasets.path_splits`): by the
folders in their samples' names, by the names of the archives, by the numbers of validation images.
They differ in this, since their labels say nothing of wnids, and their names have many forms:

- Two folders of samples are copies of each other if a class folder, the number of an image, or an
  image that a wnid names is in both; not by labels, for shards are packed in folders of any kind.
- Where no archive is called as a split, all of them are of the one that is a word in each of their
  names: ``imagenet-val-256-0000.tar``.

Images whose labels a function gives have the splits that they would have without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastinet._native._paths import known_split
from fastinet.datasets import objectnet
from fastinet.datasets.imagenet_c import corrupted_images
from fastinet.datasets.key_labels import wnids_told
from fastinet.datasets.path_splits import (
    image_numbers,
    numbers_apart,
    partition,
    splits_spoken_of,
)

if TYPE_CHECKING:
    from fastinet.datasets.names import Ints, Names
    from fastinet.datasets.scanned import ScannedMembers

__all__ = ["ShardSplits", "shard_splits", "splits_of_keys", "splits_without_function"]

_WNIDS = 1 << 40  # what tells images apart is above wnids and the numbers of images


class ShardSplits(NamedTuple):
    """The splits of n images."""

    names: tuple[str, ...]
    of_rows: Ints
    """[n] index into `names`."""


def shard_splits(members: ScannedMembers, rows: Ints) -> ShardSplits:
    """The splits of the images `rows`, n of the members, that have labels in files.

    Raises:
        UnsupportedError: there are too many splits, or it is not plain which archive is of which.
    """
    names = members.names.take(rows)
    return _by_paths(members, rows, _around_shards(members.around), _image_ids(names))


def splits_without_function(members: ScannedMembers, rows: Ints, *, labelled: bool) -> ShardSplits:
    """The splits of the images `rows` that they have where no function gives the labels.

    Args:
        members: of all archives.
        rows: [n]
        labelled: there are labels in files.

    Raises:
        UnsupportedError: as for :func:`shard_splits`.
    """
    if labelled:
        return shard_splits(members, rows)
    names = members.names.take(rows)
    numbered, numbers = image_numbers(names)
    wnids = wnids_told(names)
    if (wnids < 0).all() and (numbers < 0).all():
        if objectnet.recognise(members) is not None:
            return ShardSplits((objectnet.SPLIT,), np.zeros(len(rows), np.int64))
        return shard_splits(members, rows)
    corrupted = corrupted_images(members, rows)
    if corrupted.splits and (corrupted.split >= 0).all():
        return ShardSplits(tuple(corrupted.splits), corrupted.split)
    contents = np.where(numbers >= 0, numbers_apart(numbered, numbers), wnids)
    return _by_paths(members, rows, members.around, contents)


def splits_of_keys(names: Names) -> ShardSplits:
    """The splits that n images of one archive have, as far as their keys alone tell.

    Raises:
        UnsupportedError: there are too many splits.
    """
    found = partition(names, image_numbers(names)[0], _image_ids(names))
    return ShardSplits(tuple(part.name for part in found.parts), found.of_rows)


def _by_paths(
    members: ScannedMembers, rows: Ints, around: tuple[str, ...], contents: Ints
) -> ShardSplits:
    names = members.names.take(rows)
    found = partition(
        names,
        image_numbers(names)[0],
        contents,
        around=around,
        archive=members.archive[rows] if len(members.archives) > 1 else None,
    )
    return ShardSplits(tuple(part.name for part in found.parts), found.of_rows)


def _around_shards(around: tuple[str, ...]) -> tuple[str, ...]:
    """Of each archive the name that counts as a folder around its samples."""
    if any(map(known_split, around)):
        return around
    spoken_of = {frozenset(splits_spoken_of(name)) for name in around}
    splits = spoken_of.pop() if len(spoken_of) == 1 else frozenset()
    return tuple(splits) * len(around) if len(splits) == 1 else around


def _image_ids(names: Names) -> Ints:
    """[n] what two folders of samples have in common only if one may be a copy; -1: nothing."""
    if len(names.folders()[1]) < 2:
        return np.full(len(names), -1, np.int64)
    numbered, numbers = image_numbers(names)
    ids = np.where(numbers >= 0, numbers_apart(numbered, numbers), names.folder_wnids())
    rows = np.flatnonzero((ids < 0) & (names.base_wnids() >= 0))
    known: dict[bytes, int] = {}
    for row, key in zip(rows.tolist(), names.take(rows).sample_keys(), strict=True):
        ids[row] = _WNIDS + known.setdefault(key.rpartition(b"/")[2], len(known))
    return ids

"""The split rule: what the path of an image alone tells of the split that it belongs to.

A file name with a number tells (``ILSVRC2012_val_00000001.JPEG``); failing that, the innermost
folder that is called as a split is. The families of whole archives and streams apply the same rule,
each with the folders that mean a split there:

=====================  =============================================================================
``ILSVRC``             the challenge's images: ``train``, ``val`` and ``test``
``IMAGENET21K_P``      ImageNet-21K-P: ``imagenet21k_train`` and so on; its images have no numbers
``ANY_FAMILY``         streams, which do not know their family before they have passed: all of these
=====================  =============================================================================

A path that tells nothing belongs to "train", or in a whole archive to what the archive as a whole
says: :mod:`fastinet.datasets.ilsvrc` looks at the name of the opened folder, and the shards of
WebDataset are told apart by their archives' names, which are nowhere in a stream.

The engine applies ``ANY_FAMILY`` to the members of a stream in C++ (``split_rule.h`` in csrc/);
:class:`fastinet.items.stream.Stream` hands it the tables below. A test compares the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from fastinet.datasets.names import Ints, Names

__all__ = [
    "ANY_FAMILY",
    "ILSVRC",
    "IMAGENET21K_P",
    "OTHERWISE",
    "PATH_SPLITS",
    "TEST_PREFIX",
    "VALIDATION_PREFIX",
    "SplitRule",
    "image_numbers",
]

PATH_SPLITS: Final = ("train", "val", "test", "small_classes")
"""Every split that a path can tell, in the order in which a whole archive has them."""

OTHERWISE: Final = "train"
"""The split of a path that tells none."""

VALIDATION_PREFIX: Final = "ILSVRC2012_val_"
TEST_PREFIX: Final = "ILSVRC2012_test_"

_PREFIXES = ((VALIDATION_PREFIX, "val"), (TEST_PREFIX, "test"))
_ILSVRC_FOLDERS = (("/train", "train"), ("/val", "val"), ("/test", "test"))
_IMAGENET21K_P_FOLDERS = (
    ("/imagenet21k_train", "train"),
    ("/imagenet21k_val", "val"),
    ("/imagenet21k_small_classes", "small_classes"),
)
# All packings of ImageNet-V2 lie in a folder like imagenetv2-matched-frequency-format-val.
_IMAGENET_V2_FOLDERS = (("-format-val", "val"),)


class SplitRule(NamedTuple):
    """What paths tell of splits."""

    prefixes: tuple[tuple[str, str], ...]
    """(how the name of an image that has a number begins, its split)."""
    folders: tuple[tuple[str, str], ...]
    """(how the path of a folder ends, the split of what is in it); "/val" is a whole name."""

    def of(self, names: Names) -> Ints:
        """[N] index into ``PATH_SPLITS`` of the split that each name tells; -1: it tells none."""
        splits, _ = image_numbers(names, self.prefixes)
        rows = np.flatnonzero(splits < 0)
        folders = names.take(rows).innermost_folder_ending([ending for ending, _ in self.folders])
        # The index -1, of no such folder, takes the last one.
        told = [PATH_SPLITS.index(split) for _, split in self.folders]
        splits[rows] = np.array([*told, -1], np.int64)[folders]
        return splits


def image_numbers(
    names: Names, prefixes: tuple[tuple[str, str], ...] = _PREFIXES
) -> tuple[Ints, Ints]:
    """[N] index into ``PATH_SPLITS`` of images whose names have a number, and [N] the number.

    Both are -1 for names without a number. The i of ILSVRC2012_val_{i:08d} counts from 1.
    """
    splits = np.full(len(names), -1, np.int64)
    numbers = np.full(len(names), -1, np.int64)
    for prefix, split in prefixes:
        found = names.numbers_after(prefix)
        splits[found >= 0] = PATH_SPLITS.index(split)
        numbers = np.maximum(numbers, found)
    return splits, numbers


ILSVRC: Final = SplitRule(_PREFIXES, _ILSVRC_FOLDERS)
IMAGENET21K_P: Final = SplitRule((), _IMAGENET21K_P_FOLDERS)
ANY_FAMILY: Final = SplitRule(
    _PREFIXES, (*_IMAGENET21K_P_FOLDERS, *_ILSVRC_FOLDERS, *_IMAGENET_V2_FOLDERS)
)

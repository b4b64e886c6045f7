"""What a path alone tells of the split: all that is known of a member of a stream.

It agrees with what the families find in whole archives (:mod:`fastinet.datasets.ilsvrc`,
:mod:`~fastinet.datasets.imagenet21k_p`, :mod:`~fastinet.datasets.imagenet_v2`), but for the splits
that WebDataset's shards have by their archives' names: these are nowhere in a stream.
"""

from __future__ import annotations

from typing import Final

from fastinet.datasets import ilsvrc, imagenet21k_p

__all__ = ["FOLDERS", "OTHERWISE", "PATH_SPLITS", "PREFIXES"]

PREFIXES: Final = tuple(
    (prefix, ilsvrc.SPLITS[split]) for split, prefix in ilsvrc.NUMBERED_PREFIXES.items()
)
"""(how a file name with a number begins, split)."""

# All packings of ImageNet-V2 lie in a folder like imagenetv2-matched-frequency-format-val.
FOLDERS: Final = (
    *((f"/{folder}", split) for split, folder in imagenet21k_p.SPLIT_FOLDERS.items()),
    *((f"/{split}", split) for split in ilsvrc.SPLITS),
    ("-format-val", "val"),
)
"""(how a path ends at its innermost telling folder, split)."""

OTHERWISE: Final = "train"
"""The split of a path that tells none."""

PATH_SPLITS: Final = (*ilsvrc.SPLITS, "small_classes")

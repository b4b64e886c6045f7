"""What the path that a training script was given means: an archive, a folder, or a split of one.

Scripts join the name of a split to the path that they were given, ``data/train``, and expect a
folder there. Here the path may be an archive, or a folder that archives lie in.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from fastinet._native._paths import known_split
from fastinet.errors import printable
from fastinet.items.opening import open as open_archive

if TYPE_CHECKING:
    from fastinet.items.dataset import Dataset

__all__ = ["open_root"]

_ENDINGS = (".tar", ".tar.gz", ".tgz")


def open_root(root: str | os.PathLike[str], split: str | None = None) -> Dataset:
    """Opens what a training script calls its data.

    ``root`` may be what `fastinet.open` takes: an archive, or a folder of images. It may also be a
    folder in which one archive is called as the split, ``ILSVRC2012_img_train.tar`` for "train".
    And it may end with a split, as scripts write it, without that there is such a folder:
    ``imagenet.tar/train`` is the split "train" of ``imagenet.tar``.

    Args:
        root: the path.
        split: which part, see `fastinet.open`; None: as the path says.

    Raises:
        MissingError: there is nothing, or no archive in the folder is called as the split.
        ValueError: several archives in the folder are, or a folder and an archive; or path and
            `split` contradict each other.
        Exception: as `fastinet.open` does.
    """
    path = Path(root)
    if not path.exists() and known_split(path.name) and path.parent.exists():
        if split is not None and known_split(split) != known_split(path.name):
            raise ValueError(
                f"'{printable(str(path))}' ends with a split, and split={split!r} is another: "
                "give one of them"
            )
        return open_root(path.parent, path.name if split is None else split)
    if split is None or not path.is_dir():
        return open_archive(path, split=split)
    archives = _called_as(path, split)
    if not archives:
        return open_archive(path, split=split)
    archives += _folders_called_as(path, split)
    if len(archives) > 1:
        shown = ", ".join(printable(archive.name) for archive in archives)
        raise ValueError(
            f"'{printable(str(path))}' has several that are called as the split {split!r}: "
            f"{shown}; give the path of the one that is meant"
        )
    return open_archive(archives[0], split=split)


def _called_as(folder: Path, split: str) -> list[Path]:
    """The archives in a folder whose names, without their endings, are names of a split."""
    wanted = known_split(split)
    found = []
    for path in sorted(folder.iterdir()):
        ending = next((each for each in _ENDINGS if path.name.lower().endswith(each)), "")
        if ending and wanted and known_split(path.name[: -len(ending)]) == wanted:
            found.append(path)
    return found


def _folders_called_as(folder: Path, split: str) -> list[Path]:
    """The folders in a folder whose names are names of a split."""
    wanted = known_split(split)
    return [
        path
        for path in sorted(folder.iterdir())
        if path.is_dir() and known_split(path.name) == wanted
    ]

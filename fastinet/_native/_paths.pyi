"""What paths of members tell of splits and classes: the rules that streams apply in C++."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

class FolderTelling(NamedTuple):
    """What a folder tells that an image lies in."""

    split: str
    """Of the innermost folder that is called as a split; "": there is none."""
    split_folder: str
    """The path down to that folder, without wnids: "imagenet/val"; "": there is none."""
    root: str
    """All of the path, without wnids."""
    wnid: int
    """Number of the innermost folder that is a wnid; -1: there is none."""

def known_split(name: str) -> str:
    """The split that a folder, or an archive, is called as; "": its name is no split's."""

def tell_of_folder(folder: str) -> FolderTelling:
    """What a folder's path tells; "" is no folder."""

def folders_of(
    text: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.int32], list[str]]:
    """The folders that the names ``text[starts[i]:ends[i]]`` lie in.

    Returns:
        [N] index of each name's folder, and the folders, each once.
    """

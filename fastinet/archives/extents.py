"""Whether what a sidecar says of places can be: files and ranges of bytes within an archive.

A sidecar whose checksums are right may say anything. In a file an item must lie before the end; in
a folder its name is the path of a file, and must not lead out of the folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastinet.sidecars.schema import UnusableSidecarError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastinet.archives.files import Files

__all__ = ["MOST_BYTES", "check_extents", "check_files", "check_names"]

MOST_BYTES = 2**63 - 1
"""The largest offset in a file."""

_CHECKED_AT_ONCE = 1 << 14  # rows: so that checking them takes next to no memory


def check_extents(
    offsets: NDArray[np.uint64],
    sizes: NDArray[np.uint64],
    archive: NDArray[np.int32] | None,
    limits: NDArray[np.uint64],
) -> None:
    """Refuses rows that end beyond their archive.

    Args:
        offsets: [n] where each begins [bytes].
        sizes: [n] bytes.
        archive: [n] index of the archive; None: all are in the first.
        limits: bytes of each archive.

    Raises:
        UnusableSidecarError: one ends beyond.
    """
    for first in range(0, len(offsets), _CHECKED_AT_ONCE):
        rows = slice(first, first + _CHECKED_AT_ONCE)
        size = sizes[rows]
        limit = limits[0] if archive is None or len(limits) == 1 else limits[archive[rows]]
        if np.any(size > limit) or np.any(offsets[rows] > limit - size):
            raise UnusableSidecarError("is damaged: an item lies beyond its archive's end")


def check_files(files: Files) -> None:
    """Raises UnusableSidecarError where files of a folder cannot be.

    They overlap, end where no file can, or a name leads out of the folder.
    """
    check_names(files)
    if np.any(files.sizes > MOST_BYTES) or np.any(files.offsets > MOST_BYTES - files.sizes):
        raise UnusableSidecarError("is damaged: a file lies beyond the end of all files")
    rows = np.lexsort((files.sizes, files.offsets))
    if np.any(files.offsets[rows][1:] < (files.offsets + files.sizes)[rows][:-1]):
        raise UnusableSidecarError("is damaged: its files overlap")


def check_names(files: Files) -> None:
    """Raises UnusableSidecarError where a name is that of no file in the folder."""
    text, ends = files.names.tobytes(), files.name_offsets
    if int(ends[0]) != 0 or int(ends[-1]) != len(text) or np.any(ends[1:] < ends[:-1]):
        raise UnusableSidecarError("is damaged: the names of its files overlap")
    starts = ends[:-1]
    if np.any(starts == ends[1:]) or np.any(files.names[starts] == ord("/")) or b"\0" in text:
        raise UnusableSidecarError("is damaged: a key is the name of no file")
    at = text.find(b"..")
    while at >= 0:
        row = int(np.searchsorted(ends, at, side="right")) - 1
        if b".." in text[int(ends[row]) : int(ends[row + 1])].split(b"/"):
            raise UnusableSidecarError("is damaged: a key leads out of the folder")
        at = text.find(b"..", int(ends[row + 1]))

"""One-shot scan of an archive: where each member lies, as arrays."""

import os
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastinet.errors import FastinetError

class Members(NamedTuple):
    """The regular files of an archive as columns, in archive order; N is their number.

    Members of an inner tar are addressed in the outer archive and named as if the inner tar were a
    folder: ``n01440764/n01440764_10026.JPEG``.
    """

    offsets: NDArray[np.uint64]
    """[N] first content byte in the archive."""
    sizes: NDArray[np.uint64]
    """[N] content bytes."""
    containers: NDArray[np.int32]
    """[N] index into ``container_names``; -1 for a member of the archive itself."""
    heads: NDArray[np.uint8]
    """[N, 8] first content bytes, zeros where the member has fewer."""
    names: NDArray[np.uint8]
    """All names, one after another: UTF-8 as a rule, but undecoded."""
    name_ends: NDArray[np.uint64]
    """[N] where each name ends in ``names``."""
    container_names: list[str]
    """Names of the inner tars, as the archive spells them: ``n01440764.tar``."""
    special_entries: int
    """Links, devices and vendor entries that were passed over (directories do not count)."""

def scan(
    path: str | os.PathLike[str],
    folder: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Members:
    """Walks the headers of the tar at ``path``, inner tars included, with the GIL released.

    Args:
        path: the archive.
        folder: put before every name, with a slash; "" puts nothing.
        progress: called now and then with (bytes passed, bytes in all). Ctrl-C stops the scan.

    Raises:
        MissingError, ReadError: the file is not there or cannot be read.
        CorruptError: it is no tar, is truncated, or is damaged; the message says where.
        UnsupportedError: compressed, sparse, multi-volume or nested deeper than two levels.
        TooLargeError: an extended header or a name beyond its limit.
    """

def survey(
    path: str | os.PathLike[str],
    folder: str = "",
    progress: Callable[[int, int], None] | None = None,
    max_errors: int = 1000,
) -> tuple[Members, list[FastinetError]]:
    """Walks the headers as :func:`scan` does, and on behind what is damaged.

    Args:
        path: the archive.
        folder: put before every name, with a slash; "" puts nothing.
        progress: called now and then with (bytes passed, bytes in all). Ctrl-C stops the scan.
        max_errors: after so many errors the walk ends.

    Returns:
        The members that are whole, and what is wrong, in archive order. An inner tar that is cut
        off is listed as far as it goes; an archive that is cut off gives an error at each level.

    Raises:
        MissingError, ReadError: the file is not there or cannot be read.
    """

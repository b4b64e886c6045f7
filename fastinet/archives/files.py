"""Names, offsets and sizes of an archive's files as columns.

A folder is opened with them, so that its files are one source of bytes by offset, as a tar is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Files"]


class Files(NamedTuple):
    """N files that lie end to end in one source, in any order.

    File i is called ``names[name_offsets[i]:name_offsets[i + 1]]``, a path below the archive's, and
    is the ``sizes[i]`` bytes from ``offsets[i]`` on of the source.
    """

    names: NDArray[np.uint8]
    """All names, one after another."""
    name_offsets: NDArray[np.uint64]
    """[N + 1] bytes in ``names``; the first is 0."""
    offsets: NDArray[np.uint64]
    """[N] bytes."""
    sizes: NDArray[np.uint64]
    """[N] bytes."""

"""Opening an archive for a command: with a progress bar while its index is built."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastinet
from fastinet import catalog
from fastinet.cli.output import byte_bar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fastinet import Dataset


def open_archive(path: str) -> Dataset:
    """The dataset at `path`; shows how far the scan is where there is no index yet."""
    with byte_bar("indexing") as progress:
        return fastinet.open(path, progress=progress)


def describe_index(dataset: Dataset) -> dict[str, Any]:
    """Where the index of `dataset` lies and its size [bytes]; None where it could not be kept."""
    for place in catalog.places(Path(dataset.path)):
        if place.exists():
            return {"index": str(place), "index_bytes": place.stat().st_size}
    return {"index": None, "index_bytes": None}


def item_sizes(dataset: Dataset) -> NDArray[np.uint64]:
    """Original bytes of every item, uint64 [N]."""
    return dataset._sizes  # noqa: SLF001 - one package; no user has needed it yet

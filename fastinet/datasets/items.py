"""The interface through which annotations see a dataset, and what stands for no item or label.

Both stand here, and not beside `fastinet.Dataset` in ``items/``, because ``annotations/`` may not
import that package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from fastinet.datasets.classes import ClassInfo
    from fastinet.datasets.keys import Keys

__all__ = ["NO_LABEL", "PADDING_ITEM", "Items"]

PADDING_ITEM: Final = -1
"""Item id of a row that only fills a batch up: kPaddingItem in csrc/engine/plan.h."""

NO_LABEL: Final = -1
"""Label of an item that has none, and of a row that shows no item: kNoLabel there."""


class Items(Protocol):
    """N items with keys, labels and classes; a :class:`fastinet.Dataset` is such.

    Annotations (boxes, label maps) are matched to items. This is all that the matching needs of a
    dataset.
    """

    path: str
    """What was opened, for messages."""
    keys: Keys
    """[N]"""
    labels: NDArray[np.int64]
    """[N] index into ``classes``; -1: none."""

    @property
    def classes(self) -> Sequence[ClassInfo]:
        """In label order."""

    def __len__(self) -> int:
        """N."""

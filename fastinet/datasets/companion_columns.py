"""Where the companions of items lie: columns of a listing, there only where items have some."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["CompanionColumns"]

_BETWEEN = "/"  # which no ending has in it, for it is a part of a file name


@dataclass(frozen=True)
class CompanionColumns:
    """The companions of a listing's items, C of them, those of an item behind one another.

    Companion i is the ``sizes[i]`` bytes from ``offsets[i]`` on of archive ``archives[i]``. It is
    called by the first ``shared[i]`` bytes of the key of item ``items[i]``, and ending number
    ``kinds[i]`` behind them. An item's companions come in the order of the archive. A file may be a
    companion of several items.
    """

    items: NDArray[np.int64]
    """[C] rising."""
    offsets: NDArray[np.uint64]
    """[C] bytes."""
    sizes: NDArray[np.uint64]
    """[C] bytes."""
    archives: NDArray[np.int32]
    """[C] index of the archive."""
    shared: NDArray[np.uint32]
    """[C] bytes."""
    kinds: NDArray[np.int32]
    """[C] index into ``endings``."""
    ending_bytes: NDArray[np.uint8]
    """All endings, ".cls" say, as they are spelled; UTF-8, with a slash between two."""

    @classmethod
    def of(
        cls,
        items: Sequence[int],
        places: tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int32]],
        names: Iterable[bytes],
        shared: Sequence[int],
    ) -> CompanionColumns | None:
        """Companions of `items`, which rise; `places` are offsets, sizes and archives.

        Of each companion `names` has the name, and `shared` how much of it the item's key has, too.
        None where there is none.
        """
        if not len(items):
            return None
        known: dict[bytes, int] = {}
        kinds = [
            known.setdefault(name[cut:], len(known))
            for name, cut in zip(names, shared, strict=True)
        ]
        return cls(
            np.array(items, np.int64),
            *places,
            np.array(shared, np.uint32),
            np.array(kinds, np.int32),
            np.frombuffer(_BETWEEN.encode().join(known), np.uint8),
        )

    @functools.cached_property
    def endings(self) -> tuple[bytes, ...]:
        """What follows the shared part of names, by kind."""
        return tuple(self.ending_bytes.tobytes().split(_BETWEEN.encode()))

    @functools.cached_property
    def extensions(self) -> tuple[str, ...]:
        """The extension, in small letters, by kind."""
        return tuple(
            ending[1:].decode("utf-8", "surrogateescape").lower() for ending in self.endings
        )

    def of_item(self, item: int) -> range:
        """The companions of an item of the listing."""
        first, end = np.searchsorted(self.items, [item, item + 1])
        return range(int(first), int(end))

    def take(self, items: NDArray[np.int64]) -> CompanionColumns:
        """The companions of `items`, in that order, which are then items 0, 1, and so on."""
        first = np.searchsorted(self.items, items)
        counts = np.searchsorted(self.items, items, side="right") - first
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        rows = np.repeat(first, counts) + within
        return replace(
            self,
            items=np.repeat(np.arange(len(items)), counts),
            offsets=self.offsets[rows],
            sizes=self.sizes[rows],
            archives=self.archives[rows],
            shared=self.shared[rows],
            kinds=self.kinds[rows],
        )

    @classmethod
    def joined(cls, parts: Sequence[tuple[CompanionColumns, int, int]]) -> CompanionColumns | None:
        """The companions of several, each with the numbers of its first item and archive."""
        if not parts:
            return None
        columns = [part for part, _, _ in parts]
        before = np.cumsum([0, *(len(part.endings) for part in columns)]).tolist()
        return cls(
            np.concatenate([part.items + item for part, item, _ in parts]),
            np.concatenate([part.offsets for part in columns]),
            np.concatenate([part.sizes for part in columns]),
            np.concatenate([part.archives + archive for part, _, archive in parts], dtype=np.int32),
            np.concatenate([part.shared for part in columns]),
            np.concatenate(
                [part.kinds + kind for part, kind in zip(columns, before, strict=False)],
                dtype=np.int32,
            ),
            np.frombuffer(
                _BETWEEN.encode().join(ending for part in columns for ending in part.endings),
                np.uint8,
            ),
        )

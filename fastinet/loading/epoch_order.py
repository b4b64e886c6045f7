"""Which items an epoch shows on one rank, in which order."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastinet._native import _plan
from fastinet.archives.folder_archive import FolderArchive
from fastinet.datasets.items import PADDING_ITEM
from fastinet.loading.blocks import Blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastinet.items.dataset import Dataset
    from fastinet.loading.ranks import Share

__all__ = ["EpochOrder"]


@dataclass(frozen=True)
class EpochOrder:
    """The order of a dataset's items in the epochs of a loader, as far as they are one rank's.

    Attributes:
        dataset: whose items.
        share: which positions are this rank's.
        repeats: copies of each item.
        shuffle: True, False or "blocked".
        window: with "blocked", bytes among which items are shuffled; else None.
        block: with "blocked", bytes that are read at once; else None.
    """

    dataset: Dataset
    share: Share
    repeats: int
    shuffle: bool | Literal["blocked"]
    window: int | None
    block: int | None

    def items(self, seed: int, epoch: int, start: int) -> NDArray[np.int64]:
        """This rank's item ids, in order, in an epoch that goes on at position `start`.

        The last ones are `PADDING_ITEM` where ``pad_last="mask"`` adds rows.
        """
        share = self.share
        if self.blocks is not None:
            whole = self.blocks.order(seed=seed, epoch=epoch)
            # Of those of padding, `pad_last="wrap"` has the first items once more; for "mask" they
            # are replaced below.
            order = whole[share.positions(start) // self.repeats]
        else:
            order = _plan.epoch_order(
                len(self.dataset),
                seed=seed,
                epoch=epoch,
                shuffle=bool(self.shuffle),
                repeats=self.repeats,
                rank=share.rank,
                world=share.world,
                start=start,
                stop=share.stop(start),
            )
        if share.pad_last == "mask":
            order[len(order) - share.padding(start) :] = PADDING_ITEM
        return order

    def copies(self, start: int) -> NDArray[np.uint16]:
        """Which copy of its item each of `items` shows; empty: all the first."""
        if self.repeats == 1:
            return np.zeros(0, np.uint16)
        return (self.share.positions(start) % self.repeats).astype(np.uint16)

    @functools.cached_property
    def blocks(self) -> Blocks | None:
        """The dataset's blocks; None unless the shuffle is blocked."""
        if self.block is None or self.window is None:
            return None
        columns = self.dataset.columns
        return Blocks.of(
            columns.offsets, columns.item_archive, block=self.block, window=self.window
        )

    def of(self, share: Share) -> EpochOrder:
        """The order of another rank, which has the same blocks."""
        other = dataclasses.replace(self, share=share)
        if "blocks" in self.__dict__:
            other.__dict__["blocks"] = self.blocks
        return other

    def blocks_of(self, order: NDArray[np.int64], start: int) -> NDArray[np.int64]:
        """Which block the engine finds each of `order` in: -1 for none, empty without any."""
        archives = [each.archive for each in self.dataset.columns.archives]
        if self.blocks is None or any(isinstance(each, FolderArchive) for each in archives):
            return np.zeros(0, np.int64)  # a folder's files are read one by one in any case
        blocks = self.blocks.of_items[order]
        # Items that come once more at the end would keep their blocks in memory until then.
        blocks[len(blocks) - self.share.padding(start) :] = -1
        return blocks

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs; it computes the blocks itself."""
        return {name: value for name, value in self.__dict__.items() if name != "blocks"}

"""Batches of the items that a caller names, as a PyTorch sampler does, in no loader's order."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinet._native import _engine
from fastinet.base.checks import checked_epoch
from fastinet.errors import UnsupportedError
from fastinet.loading.batch import Batch

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastinet.loading.loader import Loader

__all__ = ["ChosenItems"]


class ChosenItems:
    """Makes batches of any items at any time, with rows as an epoch of a loader has them.

    `fastinet.torch.ImageDataset` is made of it. Boxes, flips and pixels of (seed, epoch, item) are
    those of the loader; its order and ranks do not matter, and where it stands does not change.

    Args:
        loader: has the dataset, and the options that rows depend on.
    """

    def __init__(self, loader: Loader) -> None:
        self.loader = loader
        self._stats = _engine.Stats()
        # Kept for the next batch, since most batches have the same number of rows.
        self._slots: tuple[int, int, _engine.SlotPool] | None = None  # process, rows, slots

    def take(self, items: ArrayLike, epoch: int = 0) -> Batch:
        """One batch of exactly these items, as an epoch has them.

        Args:
            items: item ids, int [B], B from 1 on; in any order, and as often as wanted.
            epoch: 0 .. 2**32 - 1.

        Raises:
            IndexError: there is no such item.
            TypeError: items that are no whole numbers, such as a mask.
            ValueError: no items, or an epoch that makes no sense.
            FastinetError: as the ``next()`` of a loader's epoch does.
        """
        loader = self.loader
        order = _whole_numbers(items)
        epoch = checked_epoch(epoch)
        if not len(order):
            raise ValueError("a batch has at least one item")
        if order.min() < 0 or order.max() >= len(loader.dataset):
            raise IndexError(f"items must be 0 to {len(loader.dataset) - 1}")
        native = loader._native_epoch(  # noqa: SLF001
            epoch,
            order,
            slots=self._slots_for(os.getpid(), len(order)),
            stats=self._stats,
            batch_size=len(order),
            prefetch=1,
            blocks=np.zeros(0, np.int64),
        )
        try:
            delivered = native.next()
        except UnsupportedError as error:
            raise loader.dataset.columns.explained(error) from None
        finally:
            native.close()
        assert delivered is not None, "an epoch of some items has a batch"  # noqa: S101
        return Batch(*delivered, loader._batch_kind(epoch))  # noqa: SLF001

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs; it has slots of its own."""
        return {**self.__dict__, "_stats": None, "_slots": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _stats=_engine.Stats())

    def _slots_for(self, process: int, rows: int) -> _engine.SlotPool:
        """Memory for batches of `rows` rows, which a forked child does not share."""
        if self._slots is None or self._slots[:2] != (process, rows):
            loader = self.loader
            spec = loader._spec(loader._largest_transform())  # noqa: SLF001
            classes = loader._soft_label_classes  # noqa: SLF001
            self._slots = process, rows, _engine.SlotPool(spec, rows, 1, classes)
        return self._slots[2]


def _whole_numbers(items: ArrayLike) -> NDArray[np.int64]:
    """`items` as int64 [B]; a mask or fractions would name other items than are meant."""
    given = np.asarray(items)
    if given.size and given.dtype.kind not in "iu":
        raise TypeError(f"items must be whole numbers, not {given.dtype}")
    return np.ascontiguousarray(given, np.int64).reshape(-1)

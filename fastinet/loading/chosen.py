"""Batches of the items that a caller names, as a PyTorch sampler does, in no loader's order."""

from __future__ import annotations

import math
import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinet._native import _engine
from fastinet.base.checks import checked_epoch
from fastinet.errors import UnsupportedError
from fastinet.loading.batch import Batch
from fastinet.loading.options import most_copies
from fastinet.loading.result_memory import ResultMemory
from fastinet.loading.then_run import ThenRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import ArrayLike, NDArray

    from fastinet.loading.epoch import LeasedRows, Run
    from fastinet.loading.loader import Loader
    from fastinet.loading.then_run import ThenWork

__all__ = ["ChosenItems", "with_copies"]


class ChosenItems:
    """Makes batches of any items at any time, with rows as an epoch of a loader has them.

    `fastinet.torch.ImageDataset` is made of it. Boxes, flips and pixels of (seed, epoch, item,
    copy) are those of the loader; its order and ranks do not matter, and where it stands does not
    change.

    Args:
        loader: has the dataset, and the options that rows depend on.

    Raises:
        ValueError: each batch of the loader has a size of its own.
    """

    def __init__(self, loader: Loader) -> None:
        if loader._sizes.per_batch:  # noqa: SLF001
            raise ValueError(
                "a SizePerBatch draws sizes by where batches stand in a loader's epoch, and items "
                "that are chosen stand nowhere: take sizes={epoch: size}, or fastinet.Loader"
            )
        self.loader = loader
        self._stats = _engine.Stats()
        # Kept for the next batch, since most batches have the same number of rows.
        self._slots: tuple[int, int, _engine.SlotPool] | None = None  # process, rows, slots

    def take(
        self, items: ArrayLike, epoch: int = 0, copies: ArrayLike = (), *, others: int = 0
    ) -> Batch:
        """One batch of exactly these items, as an epoch has them.

        Args:
            items: item ids, int [B], B from 1 on; in any order, and as often as wanted.
            epoch: 0 .. 2**32 - 1.
            copies: which copy of each, int [B], from 0 on; none given: the first of all. An item
                has up to 65536 views, those of all its copies together.
            others: 0 for what the loader draws, another number for other draws.

        Raises:
            IndexError: there is no such item, or no such copy.
            TypeError: items or copies that are no whole numbers, such as a mask.
            ValueError: no items, other than as many copies, or an epoch that makes no sense.
            FastinetError: as the ``next()`` of a loader's epoch does.
        """
        loader = self.loader
        order, wanted = self.checked(items), _whole_numbers("copies", copies)
        epoch = checked_epoch(epoch)
        if len(wanted) not in (0, len(order)):
            raise ValueError(f"{len(wanted)} copies of {len(order)} items")
        last = most_copies(loader.transform) - 1
        if len(wanted) and (wanted.min() < 0 or wanted.max() > last):
            raise IndexError(f"copies must be 0 to {last}")
        native = loader._native_epoch(  # noqa: SLF001
            epoch,
            order,
            slots=self._slots_for(os.getpid(), len(order)),
            stats=self._stats,
            batch_size=len(order),
            prefetch=1,
            blocks=np.zeros(0, np.int64),
            copies=wanted.astype(np.uint16),
            sizes=np.zeros(0, np.uint8),
            others=others,
        )
        run: Run[LeasedRows] = native
        work = self._then_work(epoch, len(order), others)
        if work is not None and loader._meter.threads > 1 and len(order) > 1:  # noqa: SLF001
            run = ThenRun(native, work, loader._meter, ahead=1)  # noqa: SLF001
            work = None
        try:
            delivered = run.next()
        except UnsupportedError as error:
            raise loader.dataset.columns.explained(error) from None
        finally:
            run.close()
        assert delivered is not None, "an epoch of some items has a batch"  # noqa: S101
        if work is not None:
            delivered = work.done(delivered)
        return Batch(*delivered, loader._batch_kind())  # noqa: SLF001

    def checked(self, items: ArrayLike) -> NDArray[np.int64]:
        """Item ids as `take` wants them, int64 [B]; it says what it raises of them."""
        order = _whole_numbers("items", items)
        if not len(order):
            raise ValueError("a batch has at least one item")
        if order.min() < 0 or order.max() >= len(self.loader.dataset):
            raise IndexError(f"items must be 0 to {len(self.loader.dataset) - 1}")
        return order

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs; it has slots of its own."""
        return {**self.__dict__, "_stats": None, "_slots": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _stats=_engine.Stats())

    def _slots_for(self, process: int, rows: int) -> _engine.SlotPool:
        """Memory for batches of `rows` rows, which a forked child does not share."""
        slots = self._slots  # other threads may put others in its place
        if slots is None or slots[:2] != (process, rows):
            loader = self.loader
            spec = loader._spec(loader._largest_transform())  # noqa: SLF001
            classes = loader._soft_label_classes  # noqa: SLF001
            self._slots = slots = process, rows, _engine.SlotPool(spec, rows, 1, classes)
        return slots[2]

    def _then_work(self, epoch: int, rows: int, others: int) -> ThenWork[LeasedRows] | None:
        """What the loader's `then` does with a batch of `rows` rows; None without one."""
        loader = self.loader
        results = loader._results  # noqa: SLF001
        if results is None:
            return None
        drawn_by = loader._drawn_by(epoch, others)  # noqa: SLF001
        memory = None
        if not results.in_place:
            item_size = results.dtype.itemsize
            shapes = loader._batch_shapes()  # noqa: SLF001
            memory = ResultMemory([rows * math.prod(shape[1:]) * item_size for shape in shapes])
        return loader._then_work(  # noqa: SLF001
            results,
            lambda: drawn_by,
            loader._named,  # noqa: SLF001
            memory,
        )


def with_copies(items: Iterable[int]) -> Iterator[tuple[int, int]]:
    """(item, copy) of each: which copy it is says how often the item has come before."""
    before: Counter[int] = Counter()
    for item in items:
        yield item, before[item]
        before[item] += 1


def _whole_numbers(name: str, numbers: ArrayLike) -> NDArray[np.int64]:
    """`numbers` as int64 [B]; a mask or fractions would name other items than are meant."""
    given = np.asarray(numbers)
    if given.size and given.dtype.kind not in "iu":
        raise TypeError(f"{name} must be whole numbers, not {given.dtype}")
    return np.ascontiguousarray(given, np.int64).reshape(-1)

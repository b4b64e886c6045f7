"""The samplers of a loader: programs written for PyTorch tell these which epoch begins."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from fastinet.datasets.items import PADDING_ITEM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from fastinet.items.dataset import Dataset
    from fastinet.loading.epoch_order import EpochOrder
    from fastinet.loading.position import LoopPosition

__all__ = ["BatchSampler", "Sampler"]


class HasEpochs(Protocol):
    """A loader, or what sends its batches on, for which an epoch can be chosen."""

    def set_epoch(self, epoch: int) -> None:
        """See `fastinet.Loader.set_epoch`."""

    def epoch(self, epoch: int, start_batch: int = 0) -> Iterator[Any]:
        """See `fastinet.Loader.epoch`."""


class Ordered(Protocol):
    """What samplers ask a `fastinet.Loader`."""

    dataset: Dataset
    shuffle: bool | Literal["blocked"]
    position: LoopPosition

    @property
    def order(self) -> EpochOrder:
        """Which items this rank shows in an epoch, in which order."""

    @property
    def seed(self) -> int:
        """See `fastinet.Loader`."""

    @property
    def batch_size(self) -> int:
        """Rows of a batch on this rank."""

    @property
    def drop_last(self) -> bool:
        """Whether the last, incomplete batch is left out."""

    def __len__(self) -> int:
        """Batches of one whole epoch on this rank."""


@dataclass(frozen=True)
class Sampler:
    """The order of a loader's items, as training programs ask for it: ``loader.sampler``.

    It is told which epoch is to begin, and says which items that has on this rank. Looking at them
    begins nothing.

    Attributes:
        loader: whose order it is.
    """

    loader: Ordered
    _owner: HasEpochs

    def set_epoch(self, epoch: int) -> None:
        """Makes the next loop over the loader this epoch; see `fastinet.Loader.set_epoch`."""
        self._owner.set_epoch(epoch)

    @property
    def epoch(self) -> int:
        """The epoch that the next loop is."""
        return self.loader.position.next_start.epoch

    @property
    def data_source(self) -> Dataset:
        """The loader's dataset."""
        return self.loader.dataset

    dataset = data_source

    @property
    def rank(self) -> int:
        """Of this process."""
        return self.loader.order.share.rank

    @property
    def num_replicas(self) -> int:
        """Number of ranks."""
        return self.loader.order.share.world

    @property
    def seed(self) -> int:
        """The loader's."""
        return self.loader.seed

    @property
    def shuffle(self) -> bool:
        """Whether the order is another one in each epoch."""
        return bool(self.loader.shuffle)

    @property
    def drop_last(self) -> bool:
        """Whether items that fill no batch are left out."""
        return self.loader.drop_last

    def __len__(self) -> int:
        """Items of one whole epoch on this rank, those that come again included."""
        share = self.loader.order.share
        return share.rows(0) - (share.padding(0) if share.pad_last == "mask" else 0)

    def __iter__(self) -> Iterator[int]:
        """The items of this rank, in the order of the next loop: without rows that are padding."""
        order = _order_of_next_loop(self.loader)
        return iter(order[order != PADDING_ITEM].tolist())


@dataclass(frozen=True)
class BatchSampler:
    """How a loader's items fall into batches: ``loader.batch_sampler``.

    Attributes:
        sampler: the order of the items.
    """

    sampler: Sampler

    def set_epoch(self, epoch: int) -> None:
        """Makes the next loop over the loader this epoch; see `fastinet.Loader.set_epoch`."""
        self.sampler.set_epoch(epoch)

    @property
    def batch_size(self) -> int:
        """Rows of a batch on this rank."""
        return self.sampler.loader.batch_size

    @property
    def drop_last(self) -> bool:
        """Whether the last, incomplete batch is left out."""
        return self.sampler.drop_last

    def __len__(self) -> int:
        """Batches of one whole epoch on this rank."""
        return len(self.sampler.loader)

    def __iter__(self) -> Iterator[BatchItems]:
        """The items of each batch of the next loop's epoch, from its first batch on.

        Each of them fetches its batch where a ``DataLoader`` asks the dataset for it.
        """
        loader = self.sampler.loader
        epoch = self.sampler.epoch
        order = loader.order.items(loader.seed, epoch, 0)
        fetch = _InOrder(self.sampler._owner, epoch)  # noqa: SLF001 - a pair
        splits = np.split(order, range(self.batch_size, len(order), self.batch_size))
        for number, rows in enumerate(splits):
            if len(rows):
                items = rows[rows != PADDING_ITEM].tolist()
                yield BatchItems(items, functools.partial(fetch, number))


class BatchItems(list[int]):
    """The items of a batch, which can be fetched as the loader makes it.

    So ``DataLoader(loader.dataset, batch_sampler=loader.batch_sampler,
    collate_fn=loader.collate_fn)`` has the loader's batches; and so has what is made of these parts
    by programs that go on in the middle of an epoch, as ``accelerate.skip_first_batches`` does.
    """

    def __init__(self, items: list[int], fetch: Callable[[], Any]) -> None:
        super().__init__(items)
        self.fetch = fetch


class _InOrder:
    """Fetches batches of one epoch by their numbers; those in order come of one loop."""

    def __init__(self, owner: HasEpochs, epoch: int) -> None:
        self._owner = owner
        self._epoch = epoch
        self._batches: Iterator[Any] | None = None
        self._next = 0

    def __call__(self, number: int) -> Any:
        if self._batches is None or number != self._next:
            self._batches = self._owner.epoch(self._epoch, number)
        self._next = number + 1
        return next(self._batches)


def _order_of_next_loop(loader: Ordered) -> NDArray[np.int64]:
    """This rank's item ids in the order of the next loop; `PADDING_ITEM` for padding."""
    return loader.order.items(loader.seed, *loader.position.next_start)

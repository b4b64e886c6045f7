"""What ``torch.utils.data.DataLoader`` and torchdata's ``StatefulDataLoader`` take."""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Protocol

import numpy as np
import torch
from torch.utils import data
from torch.utils.data._utils import collate

import fastinet
from fastinet.base.arguments import explains_unknown
from fastinet.base.checks import checked_epoch
from fastinet.base.warning import warn
from fastinet.loading.chosen import ChosenItems, with_copies
from fastinet.loading.erasure import refuse_unerased
from fastinet.loading.options import draws_nothing, refuse_options
from fastinet.loading.other_names import TOLD_TO_THE_LOADER
from fastinet.loading.own_rank import OwnRank
from fastinet.loading.position import EpochPosition
from fastinet.torch.item_turns import ItemTurns
from fastinet.torch.tensors import checked_names, tensor, tensors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from typing_extensions import Unpack

    from fastinet.items.dataset import Dataset
    from fastinet.loading.options import RowArguments
    from fastinet.loading.state import LoaderState
    from fastinet.pixels.output import DType, Layout
    from fastinet.pixels.view_groups import Transform

__all__ = ["CopySampler", "ImageDataset", "IterableDataset"]


class ImageDataset(data.Dataset[Any]):
    """Map-style: ``images[i]`` is ``(tensor, label)`` of item i, for ``DataLoader`` and samplers.

    With ``soft_labels=...`` it is ``(tensor, label, soft label)``, float32 [C]; with
    ``names=...`` a dict of the first two.

    Boxes, flips and pixels of (seed, epoch, item, copy) are those of `fastinet.Loader`, bit for
    bit, whatever the sampler and the number of workers. It pickles, and works under fork and spawn:
    every process has threads of its own. ``DataLoader`` fetches whole batches through
    ``__getitems__``, in one call of the native engine.

    Copies of an item differ in all that is drawn. ``images[i]`` is its copy 0, and ``images[i, k]``
    its copy k; so a sampler may give pairs (i, k), as `CopySampler` does. Where it gives plain
    numbers, those that come again in the same batch are copies 1, 2, ... of their items.

    Epochs go on by themselves: what an item was fetched for the first time is its epoch 0, then
    comes its epoch 1, and so on, counted for all workers together. So loops over parts of it
    (``Subset``, ``random_split``) and over more than it (``ConcatDataset``) go on, too; each rank
    counts for itself, and draws otherwise than the other ranks. `set_epoch` says which epoch it is
    in place of that: a run that is to go on where it stopped, or to be repeated on other ranks,
    calls it before each epoch.

    What ``DataLoader`` adds (collating into a second copy, sending it between processes) is what
    `fastinet.torch.Loader` does without.

    Args:
        dataset: from `fastinet.open`.
        transform: `fastinet.RandomResizedCrop`, `RandomCrop`, `CenterCrop` or `Resize`.
        seed: 0 .. 2**64 - 1.
        dtype: "uint8", "float16", "bfloat16" or "float32", see `fastinet.Loader`.
        layout: "NCHW" for tensors [3, H, W], "NHWC" for [H, W, 3].
        mean: in units of 0..1, see `fastinet.Loader`; likewise `std`.
        std: see there.
        threads: for each process that fetches. With ``num_workers`` the workers are the
            parallelism; without, give more to fetch whole batches faster.
        names: of images and labels: items are then dicts with these two, as Hugging Face's
            ``Trainer`` wants them with ``("pixel_values", "labels")``.
        options: further arguments of `fastinet.Loader`: exact, views, exif_orientation, ...; but
            not those of order, errors and batches, which are the sampler's and ``DataLoader``'s.

    Raises:
        TypeError, ValueError: as `fastinet.Loader` does.
    """

    def __init__(
        self,
        dataset: Dataset,
        transform: Transform,
        *,
        seed: int = 0,
        dtype: DType | Any = "uint8",
        layout: Layout = "NCHW",
        mean: Any = None,
        std: Any = None,
        threads: int = 1,
        names: tuple[str, str] | None = None,
        **options: Unpack[RowArguments],
    ) -> None:
        refuse_options("ImageDataset", options)
        self.names = checked_names(names, options)
        output: dict[str, Any] = {"dtype": dtype, "layout": layout, "mean": mean, "std": std}
        output.update(rank=0, world=1)  # all items: which of them a rank has, its sampler says
        loader = fastinet.Loader(
            dataset, 1, transform, seed=seed, threads=threads, **output, **options
        )
        refuse_unerased("ImageDataset", loader.transform, loader.output)
        self._items = ChosenItems(loader)
        # In shared memory, so that workers that live for many epochs see it change; -1: each item
        # has its own.
        self._epoch = torch.full((), -1, dtype=torch.int64).share_memory_()
        self._turns = None if draws_nothing(loader.transform) else ItemTurns(len(dataset))
        self._has_sizes = bool(options.get("sizes"))

    @property
    def dataset(self) -> Dataset:
        """What `fastinet.open` gave: keys, labels, classes."""
        return self._items.loader.dataset

    @property
    def epoch(self) -> int | None:
        """The epoch that `set_epoch` has named; None: each item counts its own."""
        epoch = int(self._epoch)
        return None if epoch < 0 else epoch

    def set_epoch(self, epoch: int) -> None:
        """Begins another epoch: other boxes and flips, in running workers too.

        Call it between epochs, as for ``DistributedSampler``. Items no longer count for themselves
        from then on.
        """
        self._epoch.fill_(checked_epoch(epoch))

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int | tuple[int, int]) -> Any:
        """The image and the label of one item, or of one of its copies.

        It fails as the ``next()`` of a loader does.
        """
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int | tuple[int, int]]) -> list[Any]:
        """The same for several items at once: all of them numbers, or all of them pairs."""
        given: NDArray[Any] = np.asarray(indices)  # [B], or of pairs [B, 2]
        if given.ndim == 2 and given.shape[1] == 2:
            items, copies = given.T
            told = [getattr(pair, "epoch", None) for pair in indices]
        else:
            items, told = given, []
            copies = np.array([copy for _, copy in with_copies(given.tolist())], np.int64)
        if self.epoch is not None:
            return self._rows(items, copies, self.epoch)
        if self._turns is None:
            return self._rows(items, copies, 0)
        if told and None not in told:
            return self._rows_of_epochs(items, copies, np.array(told))
        if told:
            if len(told) > 1:  # else somebody looks at one copy
                _warn_of_pairs()
            return self._rows(items, copies, 0)
        if self._has_sizes and self._turns.world > 1:
            raise ValueError(
                f"sizes follow the epochs, which {self._turns.world} ranks cannot count alike: "
                "call set_epoch before each"
            )
        items = self._items.checked(items)
        once, place = np.unique(items, return_inverse=True)
        epochs = self._turns.take(once)[place]
        return self._rows_of_epochs(items, copies, epochs, self._turns.others)

    def _rows_of_epochs(
        self,
        items: NDArray[Any],
        copies: NDArray[Any],
        epochs: NDArray[Any],
        others: int = 0,
    ) -> list[Any]:
        """Rows of items that may be in several epochs; nearly always they are in one."""
        rows: list[Any] = [None] * len(items)
        for epoch in np.unique(epochs).tolist():
            places = np.flatnonzero(epochs == epoch)
            made = self._rows(items[places], copies[places], epoch, others)
            for place, row in zip(places.tolist(), made, strict=True):
                rows[place] = row
        return rows

    def _rows(
        self, items: NDArray[Any], copies: NDArray[Any], epoch: int, others: int = 0
    ) -> list[Any]:
        """Rows of items in an epoch; with `others` other than 0, drawn in another way."""
        batch = self._items.take(items, epoch, copies, others=others)
        images = tensors(next(iter(batch)))
        if isinstance(images, tuple):  # of crops: each item has a tuple of its own
            images = zip(*images, strict=True)
        parts: list[Any] = [images, batch.labels.tolist()]
        if self.names is not None:
            return [dict(zip(self.names, item, strict=True)) for item in zip(*parts, strict=True)]
        if batch.soft_labels is not None:
            parts.append(tensor(batch.soft_labels))
        return list(zip(*parts, strict=True))

    def __repr__(self) -> str:
        transform = self._items.loader.transform
        epoch = "" if self.epoch is None else f", epoch={self.epoch}"
        return f"<ImageDataset of {self.dataset!r}, {transform}{epoch}>"


class _ItemCopy(tuple[int, int]):  # noqa: SLOT001 - which a tuple's kin cannot have
    """A pair (item, copy), which knows of which epoch its sampler has drawn it."""

    epoch: int

    @classmethod
    def of(cls, pair: tuple[int, int], epoch: int) -> _ItemCopy:
        """`pair` in an epoch."""
        made = cls(pair)
        made.epoch = epoch
        return made


@functools.cache
def _warn_of_pairs() -> None:
    """Says, once, that nobody says which epoch it is."""
    warn(
        "a sampler gives pairs (item, copy) and nobody says which epoch it is, so that crops and "
        "flips are those of epoch 0 each time: call set_epoch of the ImageDataset, or let "
        "fastinet.torch.CopySampler make the pairs"
    )


class ItemSampler(Protocol):
    """What `CopySampler` asks of a sampler: the items, and how many they are."""

    def __iter__(self) -> Iterator[int]:
        """The items of an epoch."""

    def __len__(self) -> int:
        """How many items an epoch has, those that come again included."""


class CopySampler(data.Sampler[tuple[int, int]]):
    """Pairs (item, copy) of a sampler's items: those that come again are further copies.

    `ImageDataset` takes them, so that an item that a sampler gives several times in an epoch is
    cropped in another way each time, whichever batches, workers and ranks it comes to. It counts on
    the side of the sampler, since no worker sees what others fetch, and says which epoch it is: the
    one that `set_epoch` has named, or without it the next with each loop::

        repeated = RASampler(images, num_replicas=1, rank=0)  # torchvision's, DeiT's or timm's
        sampler = fastinet.torch.CopySampler(repeated, rank="auto", world="auto")
        batches = DataLoader(images, batch_size=256, sampler=sampler)
        for epoch in range(90):
            sampler.set_epoch(epoch)
            for pixels, labels in batches:
                ...

    Args:
        sampler: gives the items of all ranks together, the same ones in each process. It has a
            length.
        rank: of this process, to which position p of that order belongs if ``p % world == rank``.
            "auto", together with `world`: what `fastinet.distributed.rank_and_world` finds when the
            sampler is used.
        world: number of ranks, or "auto". Ranks have equally many items: fewer than `world` at the
            end are left out.

    Raises:
        ValueError: `rank` and `world` make no sense.
    """

    def __init__(
        self,
        sampler: ItemSampler,
        *,
        rank: int | Literal["auto"] = 0,
        world: int | Literal["auto"] = 1,
    ) -> None:
        self.sampler = sampler
        self._own_rank = OwnRank(rank, world)
        self._epoch: int | None = None  # as set_epoch has named it
        self._loops = itertools.count()

    @property
    def rank(self) -> int:
        """Of this process; "auto" looked up now."""
        return self._own_rank.now()[0]

    @property
    def world(self) -> int:
        """Number of ranks; "auto" looked up now."""
        return self._own_rank.now()[1]

    def __len__(self) -> int:
        return len(self.sampler) // self.world

    def __iter__(self) -> Iterator[tuple[int, int]]:
        epoch = next(self._loops) if self._epoch is None else self._epoch
        pairs = with_copies(map(int, self.sampler))
        for pair in itertools.islice(pairs, self.rank, len(self) * self.world, self.world):
            yield _ItemCopy.of(pair, epoch)

    def set_epoch(self, epoch: int) -> None:
        """Says which epoch the next loops are, to the sampler, too, if that wants to know."""
        self._epoch = checked_epoch(epoch)
        set_epoch = getattr(self.sampler, "set_epoch", None)
        if set_epoch is not None:
            set_epoch(epoch)


class _WholeBatch(tuple[torch.Tensor, torch.Tensor]):
    """``images, labels`` of a batch, told from the samples that `DataLoader` makes batches of."""

    __slots__ = ()


def _refuse_to_stack(batches: Sequence[_WholeBatch], **_: Any) -> NoReturn:
    rows = len(batches[0][1])
    raise ValueError(
        f"each of IterableDataset's samples is a whole batch, here of {rows} rows, and DataLoader "
        f"was to stack {len(batches)} of them: give it batch_size=None, as in "
        "DataLoader(IterableDataset(loader), batch_size=None); the loader has the batch size"
    )


# Where torch looks how samples of a type become a batch.
collate.default_collate_fn_map[_WholeBatch] = _refuse_to_stack


class IterableDataset(data.IterableDataset[tuple[torch.Tensor, torch.Tensor]]):
    """A loader's batches for ``DataLoader(..., batch_size=None)``; it has torchdata's state.

    ``torchdata.stateful_dataloader.StatefulDataLoader(IterableDataset(loader), batch_size=None)``
    saves and resumes it exactly, at any batch. The loader's threads are the workers:
    ``num_workers`` is 0, or 1 for a process of its own. Each loop is the next epoch, with or
    without ``persistent_workers``.

    Args:
        loader: a `fastinet.Loader`; under ``num_workers=1`` one without ``out=``.

    Raises:
        TypeError: another loader. `fastinet.torch.Loader` is looped over as it is; its attribute
            `loader` is a `fastinet.Loader`.
    """

    @explains_unknown("fastinet.torch.IterableDataset", TOLD_TO_THE_LOADER)
    def __init__(self, loader: fastinet.Loader) -> None:
        super().__init__()
        if not isinstance(loader, fastinet.Loader):
            raise TypeError(f"IterableDataset takes a fastinet.Loader, not {loader!r}")
        refuse_unerased("IterableDataset", loader.transform, loader.output)
        self.loader = loader
        # The epoch that a worker process is to begin; -1: as its copy of the loader says. In shared
        # memory, since without persistent_workers each epoch has a new process, whose copy is of
        # the parent's loader, and that never moves on.
        self._next_epoch = torch.full((), -1, dtype=torch.int64).share_memory_()
        self._asked = False  # for an iterator whose epoch begins with its first batch

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """The next epoch, as tensors over the loader's slots. It begins with the first batch."""
        worker = data.get_worker_info()
        if worker is not None and worker.num_workers > 1:
            raise ValueError(
                f"num_workers={worker.num_workers} would give every batch {worker.num_workers} "
                "times: the loader's threads are the workers, take num_workers=0 or 1"
            )
        if self.loader.world > 1 and _is_dealt_out(self):
            raise ValueError(
                f"Accelerate takes the batches of rank 0 and deals them out to all ranks, and the "
                f"loader has only rank {self.loader.rank}'s items of {self.loader.world}: the "
                "others would never come. Loop over the loader itself, which knows its rank and "
                "which accelerator.prepare leaves as it is; or give the loader rank=0 and world=1"
            )
        # Only with the first batch, since StatefulDataLoader asks for iterators that it then drops.
        self._asked = True
        return self._batches()

    def set_epoch(self, epoch: int) -> None:
        """Makes the next loop epoch `epoch`, in running workers too; see `fastinet.Loader`."""
        self.loader.set_epoch(epoch)
        start = self.loader.position.next_start
        # A state that was loaded stands in the middle of this epoch: the loader's copies know it.
        self._next_epoch.fill_(-1 if start.position else start.epoch)

    def state_dict(self) -> LoaderState:
        """See `fastinet.Loader.state_dict`.

        Between ``iter()`` and the first batch, where the epoch is to begin.
        """
        state = self.loader.state_dict()
        if self._asked:
            start = self._next_start()
            state["epoch"], state["position"] = start.epoch, start.position
        return state

    def load_state_dict(self, state: LoaderState) -> None:
        """See `fastinet.Loader.load_state_dict`."""
        self.loader.load_state_dict(state)
        self._next_epoch.fill_(-1)
        self._asked = False

    def _batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        start = self._next_start()
        batches = iter(self.loader) if start.position else self.loader.epoch(start.epoch)
        self._next_epoch.fill_(start.epoch + 1)
        self._asked = False
        for images, labels in batches:
            yield _WholeBatch((tensors(images), tensor(labels)))

    def _next_start(self) -> EpochPosition:
        """Where the next loop begins: after earlier workers' epochs, or where the loader says."""
        next_epoch = -1 if data.get_worker_info() is None else int(self._next_epoch)
        if next_epoch >= 0:
            return EpochPosition(next_epoch)
        return self.loader.position.next_start


def _is_dealt_out(dataset: IterableDataset) -> bool:
    """Whether it is Accelerate's dispatcher that begins a loop over it."""
    accelerate = sys.modules.get("accelerate.state")
    loader: Any = None if accelerate is None else accelerate.GradientState().active_dataloader
    return type(loader).__name__ == "DataLoaderDispatcher" and loader.dataset is dataset

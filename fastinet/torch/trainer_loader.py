"""What training scripts loop over: a loader whose batches are as scripts take them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from torch.utils.data import default_collate

from fastinet.base.arguments import explains_unknown
from fastinet.base.checks import whole_number
from fastinet.loading.loader_names import LoaderNames
from fastinet.loading.other_names import TOLD_TO_THE_LOADER
from fastinet.pixels.view_groups import groups_of, has_views
from fastinet.torch.reseeding import reseed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    import torch

    from fastinet.items.dataset import Dataset
    from fastinet.loading.samplers import BatchSampler, Sampler
    from fastinet.loading.state import LoaderState
    from fastinet.loading.stats import LoaderStats
    from fastinet.torch.image_folder import ImageFolder
    from fastinet.torch.loader import Batch, Loader

__all__ = ["Mixes", "TrainerLoader"]


class Mixes(Protocol):
    """What mixes the images of a batch, as those of `fastinet.mixing` do."""

    def __call__(self, images: Any, labels: Any, *, epoch: int, batch: int) -> tuple[Any, Any]:
        """Mixed images, and float32 targets [B, C]."""


class TrainerLoader(LoaderNames):
    """A `fastinet.torch.Loader` for scripts that were written for ``DataLoader``.

    Batches are plain tuples ``(images, labels)``. Where the transform gives several views, images
    are a list with a tensor [B, 3, H, W] for each view, in order, as ``DataLoader`` collates them.
    Where batches are mixed, labels are targets, float32 [B, C].

    The order is shuffled, dealt out to ranks and begun at the right epoch by the loader itself. A
    script may tell the epoch by ``loader.set_epoch(epoch)``, ``loader.sampler.set_epoch(epoch)`` or
    ``loader.batch_sampler.set_epoch(epoch)``; where it does not, epochs follow one another.

    Args:
        loader: the `fastinet.torch.Loader` behind it.
        mix: what mixes batches, or None.
        unmixed: what makes targets of labels while `mixup_enabled` is False.
        inputs: makes of images, labels and the `fastinet.torch.Batch` what the loop gets, for
            scripts that do not take ``(images, labels)``: ``lambda images, *_: images`` for those
            that want no labels. Images and labels are those that the loop would get without it.
        endless: let a loop go on with the next epoch where one ends, for scripts that count steps
            and not epochs.
        first_batch: batches of all epochs that a run has had already, on this rank: the first loop
            begins with the batch behind them.
        folder: an `ImageFolder`, or what a script derives from it, whose sample i is item i of the
            loader's dataset. Each row goes through its ``__getitem__``, with what the loader made
            in the place of the image, and the loop gets what ``DataLoader`` collates of that: masks
            and numbers, too, that a script's class adds.
        reseed: seed the global generators of Python, NumPy and PyTorch by (seed, epoch, batch)
            before each batch is handed over. What the script draws from them for that batch and in
            its step, as masks, mixing and dropout, is then drawn again when a run goes on, and
            ranks draw otherwise. Without it a loader leaves these generators alone.

    Attributes:
        loader: as it was given; likewise `mix`, `inputs`, `endless`, `folder` and `reseed`.
        mix: see above.
        inputs: see above.
        endless: see above.
        folder: see above.
        reseed: see above.
        mixup_enabled: whether batches are mixed, for scripts that end with unmixed epochs: False
            leaves images as they are, and labels are still targets, float32 [B, C].

    Raises:
        TypeError, ValueError: `first_batch` is no whole number from 0 on; `folder` beside `mix` or
            `inputs`.
    """

    @explains_unknown("fastinet.torch.TrainerLoader", TOLD_TO_THE_LOADER)
    def __init__(
        self,
        loader: Loader,
        mix: Mixes | None = None,
        unmixed: Mixes | None = None,
        *,
        inputs: Callable[[Any, Any, Batch], Any] | None = None,
        endless: bool = False,
        first_batch: int = 0,
        folder: ImageFolder | None = None,
        reseed: bool = False,
    ) -> None:
        if folder is not None and not (mix is None and inputs is None):
            raise ValueError(
                f"rows that go through {folder!r} are neither mixed nor made anything else of: "
                "give folder, or mix and inputs"
            )
        self.loader = loader
        self.folder = folder
        self.reseed = reseed
        self.mix = mix
        self._unmixed = unmixed
        self.inputs = inputs
        self.endless = endless
        self.mixup_enabled = mix is not None
        # Until a loop or a state asks where that is: before, the ranks may not be known.
        self._first_batch = whole_number("first_batch", first_batch, 0, 2**62)

    @property
    def dataset(self) -> Dataset | ImageFolder:
        """The folder that rows go through, or else the loader's dataset; it has a length."""
        return self.loader.dataset if self.folder is None else self.folder

    @property
    def num_batches(self) -> int:
        """Batches of one whole epoch on this rank, as open_clip and WebDataset call it."""
        return len(self)

    @property
    def num_samples(self) -> int:
        """Rows of one whole epoch on all ranks, as open_clip and WebDataset call it."""
        return len(self.sampler) * self.sampler.num_replicas

    @property
    def batch_size(self) -> int:
        """Rows of a batch on this rank."""
        return self.loader.batch_size

    @property
    def sampler(self) -> Sampler:
        """The order, which scripts tell the epoch; see `fastinet.Loader.sampler`."""
        self._go_to_first_batch()
        return self.loader.sampler

    @property
    def batch_sampler(self) -> BatchSampler:
        """How it falls into batches; see `fastinet.Loader.batch_sampler`."""
        self._go_to_first_batch()
        return self.loader.batch_sampler

    def __len__(self) -> int:
        """Batches of one whole epoch on this rank."""
        return len(self.loader)

    def set_epoch(self, epoch: int) -> None:
        """Lets the next loop be this epoch, from its first batch on."""
        self._go_to_first_batch()  # where that is in this epoch, the loop begins there
        self.loader.set_epoch(epoch)

    def __iter__(self) -> Iterator[Any]:
        """The batches of the next epoch, or of the rest of one that a state was taken in.

        Raises:
            ValueError: the loader is endless, and its epochs have no batch.
        """
        self._go_to_first_batch()
        self._check_endless()
        yield from self._epoch()
        while self.endless:
            yield from self._epoch()

    def _epoch(self) -> Iterator[Any]:
        yield from map(self._made_of, self.loader)

    async def __aiter__(self) -> AsyncIterator[Any]:
        """The same for ``async for``, which lets other tasks work while no batch is ready."""
        self._go_to_first_batch()
        self._check_endless()
        while True:
            async for batch in self.loader:
                yield self._made_of(batch)
            if not self.endless:
                return

    def _check_endless(self) -> None:
        if self.endless and not len(self):
            raise ValueError(
                f"an endless loop over no batches: {self.loader!r} has none in an epoch"
            )

    def _made_of(self, batch: Batch) -> Any:
        """What the loop gets for a batch."""
        place: Any = {"epoch": batch.epoch, "batch": batch.place}  # neither is None in a loader
        if self.reseed:
            reseed(self.sampler.seed, **place)
        if self.folder is not None:
            return self._through(self.folder, batch)
        images, labels = self._taken_apart(batch)
        mix = self.mix if self.mixup_enabled else self._unmixed
        if mix is not None:
            images, labels = mix(images, labels, **place)
        return (images, labels) if self.inputs is None else self.inputs(images, labels, batch)

    def _through(self, folder: ImageFolder, batch: Batch) -> Any:
        """The rows of a batch as a folder hands them on, collated."""
        images, _ = self._taken_apart(batch)
        rows = list(zip(*images, strict=True)) if isinstance(images, list) else images
        places = np.flatnonzero(batch.valid).tolist()
        return default_collate(
            [folder.with_image(int(batch.indices[place]), rows[place]) for place in places]
        )

    def state_dict(self) -> LoaderState:
        """Where the loop stands, see `fastinet.Loader.state_dict`; exact after any batch."""
        self._go_to_first_batch()
        return self.loader.state_dict()

    def load_state_dict(self, state: LoaderState) -> None:
        """See `fastinet.Loader.load_state_dict`."""
        self.loader.load_state_dict(state)
        self._first_batch = 0

    def stats(self) -> LoaderStats:
        """See `fastinet.Loader.stats`."""
        return self.loader.stats()

    def __repr__(self) -> str:
        return f"<TrainerLoader of {self.loader!r}>"

    def _go_to_first_batch(self) -> None:
        """Lets the loader stand behind the batches that the run had before."""
        if self._first_batch:
            epoch, batch = divmod(self._first_batch, max(len(self), 1))
            step = self.loader.options.batch_size * self.loader.options.world
            state: LoaderState = {**self.loader.state_dict(), "epoch": epoch}
            self.loader.load_state_dict({**state, "position": batch * step})
            self._first_batch = 0

    def _taken_apart(self, batch: Batch) -> tuple[Any, torch.Tensor]:
        """Images, or a list of views, and labels."""
        transform = self.loader.options.transform
        if not has_views(transform):
            return batch.images, batch.labels
        counts = [group.count for group in groups_of(transform)]
        pairs = zip(batch.crops, counts, strict=True)
        return [crop[:, view] for crop, count in pairs for view in range(count)], batch.labels

"""What a PyTorch program may ask any loader about how it was made."""

from __future__ import annotations

from typing import Any, ClassVar, Final, NoReturn

__all__ = ["LoaderNames"]

_NO_ARRAY: Final = (
    "a loader of fastinet is no array: loop over it; Keras takes "
    "fastinet.keras.feed(fastinet.Loader(...)), as in model.fit(fastinet.keras.feed(loader))"
)


class LoaderNames:
    """Attributes that a ``DataLoader`` has, with the values that hold for a loader of this package.

    Attributes:
        num_workers: 0, since no other process fetches: threads of the core do, see `threads`.
        collate_fn: gives back what it is given: batches are made in one piece.
        pin_memory: False: what the loop gets is ordinary memory, or a device's.
        pin_memory_device: "".
        timeout: 0: a batch is waited for until it is there or has failed.
        worker_init_fn: None.
        multiprocessing_context: None.
        generator: None: all random numbers are functions of the seed, the epoch and the item.
        prefetch_factor: None: `prefetch` counts batches.
        persistent_workers: False.
        in_order: True.
        n_inp: 1: so many parts of a batch are what the model takes, the rest targets; fastai asks.
    """

    num_workers: ClassVar[int] = 0
    pin_memory: ClassVar[bool] = False
    pin_memory_device: ClassVar[str] = ""
    timeout: ClassVar[int] = 0
    worker_init_fn: ClassVar[None] = None
    multiprocessing_context: ClassVar[None] = None
    generator: ClassVar[None] = None
    prefetch_factor: ClassVar[None] = None
    persistent_workers: ClassVar[bool] = False
    in_order: ClassVar[bool] = True
    n_inp: ClassVar[int] = 1

    @staticmethod
    def collate_fn(batch: Any) -> Any:
        """What ``loader.batch_sampler`` has fetched."""
        return batch

    def __getitem__(self, item: Any) -> NoReturn:
        """What ``DataLoader`` asks a dataset for, in whose place a loader was given.

        Raises:
            TypeError: always: batches are made already.
        """
        raise TypeError(
            "a loader of fastinet gives whole batches and has no items: loop over the loader "
            "itself; DataLoader takes a fastinet.torch.ImageDataset(ds, transform), or, with "
            "batch_size=None, a fastinet.torch.IterableDataset(fastinet.Loader(...))"
        )

    __getitems__ = __getitem__

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        """What is called where a loader was taken for an array.

        Raises:
            TypeError: always.
        """
        raise TypeError(_NO_ARRAY)

    @property
    def shape(self) -> Any:
        """What Keras asks for before `__array__`; no loader has one.

        Raises:
            AttributeError: always.
        """
        raise AttributeError(_NO_ARRAY)

"""fastinet for Keras 3. ``import fastinet`` does not import Keras; this module does.

::

    loader = fastinet.Loader(ds, 256, fastinet.RandomResizedCrop(224), shuffle=True)
    data = fastinet.keras.feed(loader)
    model.fit(data, epochs=90, callbacks=[fastinet.keras.EpochCallback(data)])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras.src.trainers.data_adapters import data_adapter_utils
from keras.src.trainers.data_adapters.data_adapter import DataAdapter

from fastinet.base.arguments import explains_unknown
from fastinet.loading.erasure import refuse_unerased
from fastinet.loading.loader import Loader
from fastinet.loading.other_names import TOLD_TO_THE_LOADER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fastinet.loading.batch import Batch

__all__ = ["EpochCallback", "KerasFeed", "feed"]


class KerasFeed(DataAdapter):
    """A loader's epochs as ``fit``, ``evaluate`` and ``predict`` take them. Made by :func:`feed`.

    Attributes:
        loader: the loader behind it.
        epoch: the epoch that comes next. One of which Keras has had all batches is over; one that
            it leaves before, as when it looks at a batch to build the model, comes again.
    """

    def __init__(self, loader: Loader, inputs: Callable[[Batch], Any] | None) -> None:
        if not isinstance(loader, Loader):
            raise TypeError(f"fastinet.keras.feed takes a fastinet.Loader, not {loader!r}")
        refuse_unerased("fastinet.keras.feed", loader.transform, loader.output)
        self.loader = loader
        self.epoch = loader.state_dict()["epoch"]
        self._inputs = _inputs if inputs is None else inputs
        self._signature: Any = None

    def set_epoch(self, epoch: int) -> None:
        """Makes the epoch that Keras begins next this one, see `EpochCallback`."""
        self.epoch = epoch

    @property
    def num_batches(self) -> int:
        """Batches of an epoch."""
        return len(self.loader)

    @property
    def batch_size(self) -> int:
        """Rows of a batch."""
        return self.loader.batch_size

    @property
    def has_partial_batch(self) -> bool:
        """Whether the last batch may be shorter than the others."""
        return self.partial_batch_size != 0

    @property
    def partial_batch_size(self) -> int:
        """Rows of the last batch where it is shorter than the others, else 0."""
        if self.loader.drop_last or self.loader.pad_last is not None:
            return 0
        return len(self.loader.dataset) % self.loader.batch_size

    def get_numpy_iterator(self) -> Any:
        """The batches of the next epoch, from its first one on, as NumPy arrays."""
        return data_adapter_utils.get_numpy_iterator(self._batches())

    def get_jax_iterator(self) -> Any:
        """The same for JAX, which takes NumPy's arrays."""
        return data_adapter_utils.get_jax_iterator(self._batches())

    def get_torch_dataloader(self) -> Any:
        """The same as tensors on the device that Keras uses."""
        return data_adapter_utils.get_torch_dataloader(_Again(self._batches))

    def get_tf_dataset(self) -> Any:
        """The same as a ``tf.data.Dataset``."""
        import tensorflow as tf  # noqa: PLC0415 - only where it is Keras's backend

        if self._signature is None:
            first = next(self._batches())  # left there, so that its epoch comes again
            self._signature = data_adapter_utils.get_tensor_spec([first])
        batches = tf.data.Dataset.from_generator(
            self.get_numpy_iterator, output_signature=self._signature
        )
        return batches.prefetch(1)

    def _batches(self) -> Iterator[Any]:
        """Begins the next epoch with its first batch; Keras makes iterators that it then drops."""
        epoch = self.epoch
        batches = self.loader.epoch(epoch)
        for batch in batches:
            if not len(batches):  # Keras counts, and does not ask for more than there are
                self.epoch = epoch + 1
            if batch.valid.any():
                yield self._inputs(batch)


class _Again:
    """What is begun anew each time that it is looped over."""

    def __init__(self, begin: Callable[[], Iterator[Any]]) -> None:
        self._begin = begin

    def __iter__(self) -> Iterator[Any]:
        return self._begin()


class EpochCallback(keras.callbacks.Callback):
    """Tells a feed which epoch Keras begins, for ``fit(..., callbacks=[...])``.

    A run that is resumed, by ``initial_epoch`` or ``keras.callbacks.BackupAndRestore``, begins in a
    new process, whose feed would begin with epoch 0. With this callback it goes on with the
    batches of the epoch that Keras goes on with.

    Args:
        feed: what ``fit`` is given; or anything else with a ``set_epoch``, such as a
            `fastinet.torch.ImageDataset` in a ``DataLoader``.

    Attributes:
        feed: what was given.
    """

    def __init__(self, feed: Any) -> None:
        super().__init__()
        self.feed = feed

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Keras begins this epoch."""
        del logs
        self.feed.set_epoch(epoch)


@explains_unknown("fastinet.keras.feed", TOLD_TO_THE_LOADER)
def feed(loader: Loader, *, inputs: Callable[[Batch], Any] | None = None) -> KerasFeed:
    """A loader's epochs as Keras takes them: ``model.fit(feed(loader))``.

    Each epoch of Keras is the loader's next one; `EpochCallback` is for runs that are resumed. It
    is for one loop at a time. Rows without an item (``on_error="mask"``, ``pad_last="mask"``) are
    left out, since Keras counts all rows in its metrics: such a batch is shorter.

    Args:
        loader: its `layout` is that of the model: "NHWC" where Keras has ``channels_last``.
        inputs: makes of a `fastinet.Batch` what Keras is to have, ``(inputs, targets)`` or
            ``(inputs, targets, weights)``, and is then asked about all rows, those without an item
            included; None: ``(images, labels)``, uint8 or whatever the loader's dtype is, and
            int64 [B]; under a `MultiCrop`, the images are a tuple.

    Raises:
        TypeError: another loader.
        ValueError: rows of uint8 that would have to be erased.
    """
    return KerasFeed(loader, inputs)


def _inputs(batch: Batch) -> tuple[Any, Any]:
    images, labels = batch
    if batch.valid.all():
        return images, labels
    if isinstance(images, tuple):
        return tuple(crops[batch.valid] for crops in images), labels[batch.valid]
    return images[batch.valid], labels[batch.valid]

"""fastinet for JAX. ``import fastinet`` does not import JAX; this module does.

::

    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data"))
    loader = fastinet.Loader(ds, 256, fastinet.RandomResizedCrop(224), shuffle=True,
                             drop_last=True, rank="auto", world="auto")
    for images, labels in fastinet.jax.feed(loader, sharding):  # global arrays
        ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax

from fastinet.feeding import Feed, SentBatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fastinet.batch import Batch as HostBatch
    from fastinet.loader import Loader

__all__ = ["Batch", "JaxFeed", "feed"]


class Batch(SentBatch):
    """A batch of all processes, as global arrays; unpacks to ``images, labels``.

    What else `fastinet.Batch` knows of this process's rows is here too, as NumPy arrays on the
    host: `indices`, `keys`, `boxes`, `flips`, `image_sizes`, `objects`, `label_sets`, `valid`,
    `errors`.

    Attributes:
        images: [world * B, H, W, 3], as the loader's dtype and layout say.
        labels: [world * B]; int32, or int64 where JAX has 64-bit types enabled.
        soft_labels: float32 [world * B, C], see `fastinet.Batch.soft_labels`; None for a loader
            without.
    """

    def __init__(self, batch: HostBatch, feed: JaxFeed) -> None:
        super().__init__(batch, feed.loader.dataset)
        self.images = feed._global(batch.images)  # noqa: SLF001
        self.labels = feed._global(batch.labels)  # noqa: SLF001
        soft_labels = batch.soft_labels
        self.soft_labels = None if soft_labels is None else feed._global(soft_labels)  # noqa: SLF001

    def __iter__(self) -> Iterator[jax.Array]:
        yield self.images
        yield self.labels


class JaxFeed(Feed[Batch]):
    """A loader's batches as global JAX arrays. Made by :func:`feed`."""

    def __init__(self, loader: Loader, sharding: Any, *, ahead: int) -> None:
        super().__init__(loader, ahead=ahead)
        self.sharding = sharding

    def _send(self, batch: HostBatch) -> Batch:
        return Batch(batch, self)

    def _global(self, rows: NDArray[Any]) -> jax.Array:
        """An array of all processes' rows.

        JAX holds on to the host's array for as long as it reads from it (on the CPU, where it may
        take it as it is, for as long as its own array lives), and that keeps the slot leased.
        """
        if self.sharding is None:
            return jax.device_put(rows)
        return jax.make_array_from_process_local_data(_of_rows(self.sharding, rows.ndim), rows)


def feed(loader: Loader, sharding: Any = None, *, ahead: int = 1) -> JaxFeed:
    """A loader's batches on JAX's devices, sent while the loop works on the batch before.

    It is used as the loader is: each loop is the next epoch, and it has the loader's ``epoch``,
    ``state_dict`` (which counts what the loop has had) and ``stats``.

    Args:
        loader: each process's own; `rank` and `world` are those of its rows in the global batch.
            All processes must have equally many batches of one size: ``drop_last=True``.
        sharding: how the global batch lies on the devices of all processes, a
            ``jax.sharding.Sharding`` over the first axis; None: all of it on JAX's default device,
            for one process.
        ahead: batches that are sent before the loop asks for them, at most.

    Raises:
        ValueError: from the loop, if a batch's rows do not divide among the devices, as those of a
            short last batch may not.
    """
    return JaxFeed(loader, sharding, ahead=ahead)


def _of_rows(sharding: Any, axes: int) -> Any:
    """`sharding` for an array of fewer axes: that of images, for labels."""
    if isinstance(sharding, jax.sharding.NamedSharding) and len(sharding.spec) > axes:
        spec = jax.sharding.PartitionSpec(*sharding.spec[:axes])
        return jax.sharding.NamedSharding(sharding.mesh, spec)
    return sharding

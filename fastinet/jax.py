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

from fastinet.base.arguments import explains_unknown
from fastinet.loading.batch import SentBatch
from fastinet.loading.feeding import Feed
from fastinet.loading.other_names import TOLD_TO_THE_LOADER
from fastinet.pixels.view_groups import erasings_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastinet.loading.batch import Batch as HostBatch
    from fastinet.loading.loader import Loader

__all__ = ["Batch", "JaxFeed", "feed"]


class Batch(SentBatch[jax.Array]):
    """A batch of all processes, as global arrays; unpacks to ``images, labels``.

    It offers all that `fastinet.Batch` does. What goes to devices is of all processes' rows; the
    rest, on the host, of this process's.

    Attributes:
        images: [world * B, H, W, 3], as the loader's dtype and layout say.
        labels: [world * B]; int32, or int64 where JAX has 64-bit types enabled.
        soft_labels: float32 [world * B, C], see `fastinet.Batch.soft_labels`; None for a loader
            without.
        erased: int32 [world * B, boxes, 4], see `fastinet.Batch.erased`; None for a transform
            without. Images of uint8 are not erased: ``fastinet.augment.erase(normalised, erased)``
            is for the step, inside `jax.jit`, too.
    """

    def __init__(self, batch: HostBatch, feed: JaxFeed) -> None:
        of_rows = _of_rows(feed.sharding)
        super().__init__(
            batch,
            lambda images: _global(images, feed.sharding),
            lambda rows: _global(rows, of_rows),
        )

    @property
    def place(self) -> int | None:
        """See `fastinet.Batch.place`: its `number`, since all ranks have this one batch."""
        return self.number

    @staticmethod
    def _join(arrays: tuple[jax.Array, ...]) -> jax.Array:
        return jax.numpy.concatenate(arrays, 1)


class JaxFeed(Feed[Batch]):
    """A loader's batches as global JAX arrays. Made by :func:`feed`."""

    def __init__(self, loader: Loader, sharding: Any, *, ahead: int) -> None:
        super().__init__(loader, ahead=ahead)
        noisy = [each for each in erasings_of(loader.transform) if each.mode != "const"]
        if noisy and loader.output.dtype == "uint8":
            raise ValueError(
                f"{noisy[0]} needs normal numbers for pixels, which a feed does not send: take a "
                'float dtype for the loader ("bfloat16", "float32"), which erases by itself then'
            )
        self.sharding = sharding

    def _send(self, batch: HostBatch) -> Batch:
        sent = Batch(batch, self)
        self._check_rows(len(batch), len(sent._arrays[0]))  # noqa: SLF001
        return sent

    def _check_rows(self, local: int, together: int) -> None:
        """Refuses a sharding over processes that does not lay the ranks' rows side by side.

        JAX does not see it: where processes hold replicas, it takes each one's rows as they are,
        and processes that all say rank 0 have the same rows.
        """
        spans_processes = self.sharding is not None and not self.sharding.is_fully_addressable
        world = self.options.world
        if spans_processes and together != world * local:
            raise ValueError(
                f"{local} rows of each process make {together} rows under {self.sharding}, but the "
                f"loader has world={world}: rank and world must be those of a process's rows in "
                'the global batch, which "auto" finds where each process has rows of its own'
            )


@explains_unknown("fastinet.jax.feed", TOLD_TO_THE_LOADER)
def feed(loader: Loader, sharding: Any = None, *, ahead: int = 1) -> JaxFeed:
    """A loader's batches on JAX's devices, sent while the loop works on the batch before.

    It is used as the loader is: each loop is the next epoch, and it has the loader's ``epoch``,
    ``state_dict`` (which counts what the loop has had) and ``stats``.

    Args:
        loader: each process's own; `rank` and `world` are those of its rows in the global batch.
            All processes must have equally many batches of one size: ``drop_last=True``.
        sharding: how the global batch lies on the devices of all processes, a
            ``jax.sharding.Sharding`` over the first axis, and of images over others, too, if it
            is a ``NamedSharding``; None: all of it on JAX's default device, for one process.
        ahead: batches that are sent before the loop asks for them, at most.

    Raises:
        ValueError: rows of uint8 that are to be erased with noise; or, from the loop, if a batch's
            rows do not divide among the devices, as those of a short last batch may not, or if
            `sharding` spans processes and the loader's `world` is not how many of them have rows of
            their own.
    """
    return JaxFeed(loader, sharding, ahead=ahead)


def _global(rows: NDArray[Any], sharding: Any) -> jax.Array:
    """An array of all processes' rows.

    JAX holds on to the host's array for as long as it reads from it (on the CPU, where it may take
    it as it is, for as long as its own array lives), and that keeps the slot leased.
    """
    if sharding is None:
        return jax.device_put(rows)
    return jax.make_array_from_process_local_data(sharding, rows)


def _of_rows(sharding: Any) -> Any:
    """What `sharding` does to the first axis of images, for arrays whose others are not theirs."""
    if isinstance(sharding, jax.sharding.NamedSharding):
        spec = jax.sharding.PartitionSpec(*sharding.spec[:1])
        return jax.sharding.NamedSharding(sharding.mesh, spec, memory_kind=sharding.memory_kind)
    return sharding

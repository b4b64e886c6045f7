"""What all loaders have in common, wherever their items come from."""

from __future__ import annotations

import functools
import weakref
from typing import TYPE_CHECKING, Any, Literal

from fastinet._native import _engine
from fastinet.base.checks import checked_seed, whole_number
from fastinet.base.cpus import checked_affinity
from fastinet.loading.buffers import Buffers
from fastinet.loading.ranks import checked_rank_and_world
from fastinet.loading.stats import LoaderStats, StatsLog, from_snapshot
from fastinet.loading.workers import checked_prefetch, checked_threads, shared_pool
from fastinet.pixels.item_spec import item_spec
from fastinet.pixels.transforms import height_width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from fastinet.loading.epoch import Batches
    from fastinet.pixels.output import OutputFormat
    from fastinet.pixels.rendering import RenderOptions
    from fastinet.pixels.transforms import Transform

__all__ = ["BaseLoader"]


class BaseLoader:
    """How items become batches: the options that all loaders have, and their statistics.

    The options are documented, one by one, where users give them: at `fastinet.Loader`.
    """

    def __init__(
        self,
        batch_size: int,
        transform: Transform,
        output: OutputFormat,
        options: RenderOptions,
        *,
        seed: int,
        threads: int | None,
        affinity: Iterable[int] | None,
        on_error: Literal["raise", "mask"],
        drop_last: bool,
        rank: int | Literal["auto"],
        world: int | Literal["auto"],
        prefetch: int | None,
        log: Callable[[LoaderStats], object] | None,
        log_every: float,
    ) -> None:
        if on_error not in ("raise", "mask"):
            raise ValueError(f'on_error must be "raise" or "mask", not {on_error!r}')
        self.batch_size = whole_number("batch_size", batch_size, 1, 2**31 - 1)
        self.transform = transform
        self.output = output
        self.options = options
        self.seed = checked_seed(seed)
        self.affinity = checked_affinity(affinity)
        self.threads = checked_threads(threads, self.affinity)
        self.on_error = on_error
        self.drop_last = bool(drop_last)
        self.rank, self.world = checked_rank_and_world(rank, world)
        self.prefetch = checked_prefetch(prefetch, self.threads, self.batch_size)
        self._log = None if log is None else StatsLog(log, log_every)
        self._buffers: Buffers | None = None
        self._stats = _engine.Stats()
        self._slots: _engine.SlotPool | None = None  # of the batches begun last
        self._latest: weakref.ref[Batches[Any]] | None = None

    def stats(self) -> LoaderStats:
        """What has been done so far, over all epochs; ``print(loader.stats())`` is one line."""
        running = self._latest() if self._latest is not None else None
        return from_snapshot(
            self._stats.snapshot(),
            ready=running.ready_batches if running is not None else 0,
            prefetch=self.prefetch,
            threads=self.threads,
            slots=self._slots.allocated if self._slots is not None else 0,
            extra=self._slots.extra if self._slots is not None else 0,
        )

    @property
    def _masks(self) -> bool:
        return self.on_error == "mask"

    @property
    def _views(self) -> int | None:
        """Views of each item; None where arrays have no axis for them."""
        views: int | None = getattr(self.transform, "views", None)
        return views

    def _largest_transform(self) -> Transform:
        """The transform whose rows take the most memory, of those that there will be."""
        return self.transform

    def _batch_shape(self) -> tuple[int, ...]:
        """Shape of a full batch's images, where they are largest."""
        image = self.output.shape(*height_width(self._largest_transform().size))
        return (self.batch_size, *([] if self._views is None else [self._views]), *image)

    def _spec(self, transform: Transform) -> _engine.ItemSpec:
        return item_spec(transform, self.output, self.options)

    def _pool(self) -> _engine.WorkerPool:
        return shared_pool(self.threads, self.affinity)

    def _checked_buffers(self, out: Sequence[NDArray[Any]] | None) -> Buffers | None:
        return None if out is None else Buffers(self.output, self._batch_shape(), out)

    def _make_slots(self, rows: int, soft_label_classes: int = 0) -> _engine.SlotPool:
        """Memory for batches of up to `rows` rows."""
        spec = self._spec(self._largest_transform())
        if self._buffers is not None:
            buffers = self._buffers.of_this_process()
            return _engine.SlotPool.wrap(spec, self.batch_size, buffers, soft_label_classes)
        # The batches ahead, the one that the loop holds, and the one that it still holds while it
        # asks for the next.
        return _engine.SlotPool(spec, rows, self.prefetch + 2, soft_label_classes)

    def _teller(self) -> Callable[..., None] | None:
        """What tells the log, if there is one."""
        return None if self._log is None else functools.partial(self._log.tell, self.stats)

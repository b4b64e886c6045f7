"""What all loaders have in common, wherever their items come from."""

from __future__ import annotations

import dataclasses
import functools
import math
import os
import weakref
from typing import TYPE_CHECKING, Any, TypeVar

from fastinet._native import _engine
from fastinet.base.draws import draws_number
from fastinet.base.limits import current_limits
from fastinet.errors import TooLargeError
from fastinet.loading.buffers import Buffers
from fastinet.loading.erasure import watch_for
from fastinet.loading.failures import Failures
from fastinet.loading.loader_names import LoaderNames
from fastinet.loading.result_memory import ResultMemory
from fastinet.loading.stats import LoaderStats, StatsLog, from_snapshot
from fastinet.loading.then import DECODED, Results
from fastinet.loading.then_meter import ThenMeter
from fastinet.loading.then_run import ThenRun, ThenWork
from fastinet.loading.workers import shared_pool
from fastinet.pixels.item_spec import item_spec
from fastinet.pixels.transform_parts import height_width
from fastinet.pixels.view_groups import MultiCrop, groups_of, has_views

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from fastinet.loading.epoch import Batches, Run
    from fastinet.loading.options import LoaderOptions, OnError
    from fastinet.pixels.output import OutputFormat
    from fastinet.pixels.view_groups import Transform

__all__ = ["BaseLoader"]

Runs = TypeVar("Runs", bound="Run[Any]")


class BaseLoader(LoaderNames):
    """How items become batches: what follows from the options that all loaders share.

    Attributes:
        options: these options, checked, with all that was left open decided. They stay as they are,
            but for the seed, which a loaded state brings along.
    """

    def __init__(self, options: LoaderOptions) -> None:
        self.options = options
        self._log = None if options.log is None else StatsLog(options.log, options.log_every)
        self._most_bytes = current_limits().loader_bytes
        self._erasure = watch_for(options.transform, options.output)
        then = options.then
        self._results = None if then is None else Results(then, options.transform, options.output)
        self._meter = self._make_meter()
        self._result_memories: dict[int, ResultMemory] = {}  # by process
        self._buffers: Buffers | None = None
        self._stats = _engine.Stats()
        self._slots: _engine.SlotPool | None = None  # of the batches begun last
        self._latest: weakref.ref[Batches[Any]] | None = None
        self._failures = Failures({})

    @property
    def failures(self) -> Failures:
        """The items that gave no row in the epoch begun last, masked or replaced, all of them.

        A sequence of what was wrong with each and what was done about it: its `item`, `key`,
        `archive`, `error`, `action`, and `replacement` with `replacement_key`. It has those of the
        batches that were delivered; it grows while the epoch runs, and stays until the next begins.
        """
        return self._failures

    @property
    def batch_size(self) -> int:
        """Rows of a batch on this rank."""
        return self.options.batch_size

    @property
    def transform(self) -> Transform:
        """What is cropped, with the `views` that were given besides."""
        return self.options.transform

    @property
    def output(self) -> OutputFormat:
        """How rows store their pixels: `dtype`, `layout`, `mean` and `std`."""
        return self.options.output

    @property
    def repeats(self) -> int:
        """Copies of each item."""
        return self.options.repeats

    @property
    def seed(self) -> int:
        """0 .. 2**64 - 1; that of a state, once one was loaded."""
        return self.options.seed

    @seed.setter
    def seed(self, seed: int) -> None:
        self.options = dataclasses.replace(self.options, seed=seed)

    @property
    def draws(self) -> str:
        """The name of what is drawn; "" for a loader that was given none."""
        return self.options.draws

    @property
    def threads(self) -> int:
        """Worker threads."""
        return self.options.threads

    @property
    def affinity(self) -> tuple[int, ...]:
        """CPUs that the threads run on, in order; empty: any."""
        return self.options.affinity

    @property
    def on_error(self) -> OnError:
        """What becomes of items that give no row."""
        return self.options.on_error

    @property
    def drop_last(self) -> bool:
        """Whether the last, incomplete batch is left out."""
        return self.options.drop_last

    @property
    def rank(self) -> int:
        """Of this process; "auto" looked up now, and so it is when an epoch begins."""
        return self.options.rank

    @property
    def world(self) -> int:
        """Number of ranks; "auto" looked up now."""
        return self.options.world

    @property
    def prefetch(self) -> int:
        """Batches under way or ready ahead of the loop."""
        return self.options.prefetch

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
            then=None if self._results is None else self._meter,
        )

    def _make_meter(self) -> ThenMeter:
        """Counts what `then` costs in this process."""
        given = None if self._results is None else self._results.then.threads
        return ThenMeter(given or self.threads)

    @property
    def _has_views(self) -> bool:
        """Whether arrays have an axis for views."""
        return has_views(self.transform)

    @property
    def _has_groups(self) -> bool:
        """Whether images come in groups of views, an array for each."""
        return isinstance(self.transform, MultiCrop)

    def _largest_transform(self) -> Transform:
        """The transform whose rows take the most memory, of all epochs' transforms."""
        return self.transform

    def _batch_shapes(self) -> list[tuple[int, ...]]:
        """Shape of a full batch's images, where they are largest, for each group of views."""
        shape = self.output.shape if self._results is None else self._results.shape
        return [
            (
                self.batch_size,
                *([view.count] if self._has_views else []),
                *shape(*height_width(view.transform.size)),
            )
            for view in groups_of(self._largest_transform())
        ]

    @property
    def _batch_dtype(self) -> np.dtype[Any]:
        """Element type of the batches' images."""
        return self.output.numpy_dtype() if self._results is None else self._results.dtype

    @property
    def _engine_output(self) -> OutputFormat:
        """How the engine stores rows: as the loop gets them, or as `then` wants to see them."""
        return self.output if self._results is None else DECODED

    def _buffers_of(self, out: Sequence[Any]) -> Buffers:
        """A caller's buffers for batches, checked; with a MultiCrop each has an array a group."""
        return Buffers(self._batch_dtype, self._batch_shapes(), out, in_groups=self._has_groups)

    def _spec(self, transform: Transform) -> _engine.ItemSpec:
        """How the engine makes rows under `transform`."""
        options = self.options
        return item_spec(transform, self._engine_output, options.render, record=options.record)

    def _pool(self) -> _engine.WorkerPool:
        """The threads that work for this loader, in this process."""
        return shared_pool(self.threads, self.affinity)

    def _make_slots(self, rows: int, soft_label_classes: int = 0) -> _engine.SlotPool:
        """Memory for batches of up to `rows` rows."""
        spec = self._spec(self._largest_transform())
        if self._buffers is not None and self._results is None:
            buffers = self._buffers.of_this_process()
            return _engine.SlotPool.wrap(spec, self.batch_size, buffers, soft_label_classes)
        # The batches ahead, the one that the loop holds, and the one that it still holds while it
        # asks for the next; and those whose rows go through `then`.
        slots = self.prefetch + 2 + (0 if self._results is None else self.prefetch)
        self._check_memory(rows, slots)
        return _engine.SlotPool(spec, rows, slots, soft_label_classes)

    def _check_memory(self, rows: int, slots: int) -> None:
        """Raises TooLargeError if so many batches of so many rows take more than may be taken."""
        transform, output = self._largest_transform(), self._engine_output
        row_bytes = (
            sum(
                view.count * math.prod(height_width(view.transform.size)) * 3
                for view in groups_of(transform)
            )
            * output.numpy_dtype().itemsize
        )
        needed = slots * rows * row_bytes
        if needed > self._most_bytes:
            raise TooLargeError(
                f"{slots} batches of {rows} rows of {row_bytes:,} bytes take {needed:,} bytes, and "
                f"the limit for a loader is {self._most_bytes:,}: take a smaller batch_size or "
                "prefetch, or make the loader `with fastinet.limits(loader_bytes=N):`"
            )

    def _with_then(
        self,
        run: Runs,
        seed_and_epoch: Callable[[], tuple[int, int]],
        named: Callable[[Any, int], tuple[str, str]],
    ) -> Runs | ThenRun[Any]:
        """What `run` delivers in an epoch, taken through the loader's `then` if it has one.

        ``seed_and_epoch()`` are those of what was delivered, ``named(delivered, row)`` the archive
        and the key of a row.
        """
        if self._results is None:
            return run
        memory = self._memory_of_results(self._results)
        work = self._then_work(self._results, seed_and_epoch, named, memory)
        return ThenRun(run, work, self._meter, ahead=self.prefetch)

    def _then_work(
        self,
        results: Results,
        seed_and_epoch: Callable[[], tuple[int, int]],
        named: Callable[[Any, int], tuple[str, str]],
        memory: ResultMemory | None,
    ) -> ThenWork[Any]:
        """What is done with the batches of an epoch so that they become `results`."""
        return ThenWork(
            results,
            self._meter,
            seed_and_epoch=seed_and_epoch,
            has_views=self._has_views,
            named=named,
            memory=memory,
        )

    def _drawn_by(self, epoch: int, others: int = 0) -> tuple[int, int]:
        """What the numbers of an epoch's rows are drawn by: the seed with its name, and the epoch.

        Other draws than the loader's are asked for by a number `others`, other than 0.
        """
        return self.seed ^ draws_number(self.draws) ^ others, epoch

    def _memory_of_results(self, results: Results) -> ResultMemory | None:
        """Memory for them in this process; None: they take the place of their rows."""
        if results.in_place and self._buffers is None:
            return None
        memory = self._result_memories.get(os.getpid())
        if memory is not None:
            return memory
        sizes = [math.prod(shape) * results.dtype.itemsize for shape in self._batch_shapes()]
        out = None if self._buffers is None else self._buffers.of_this_process()
        # Of threads that come here at once one wins, so that `out` is lent by one memory only.
        return self._result_memories.setdefault(os.getpid(), ResultMemory(sizes, out))

    def _log_call(self) -> Callable[..., None] | None:
        """What batches call so that the user's `log` hears of them; None without one."""
        return None if self._log is None else functools.partial(self._log.call_if_due, self.stats)

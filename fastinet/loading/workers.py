"""Worker threads, shared by all loaders of a process that want the same ones."""

from __future__ import annotations

import os
import weakref

from fastinet._native import _engine
from fastinet.base.checks import whole_number
from fastinet.base.cpus import available_cpus, cpus_of_rank

__all__ = ["checked_prefetch", "checked_threads", "shared_pool"]

_MOST_THREADS = 4096
_MOST_PREFETCH = 2**16

# Pools that some loader uses, by process, number of threads and their CPUs.
_pools: weakref.WeakValueDictionary[tuple[int, int, tuple[int, ...]], _engine.WorkerPool] = (
    weakref.WeakValueDictionary()
)


def checked_threads(threads: int | None, cpus: tuple[int, ...]) -> int:
    """What a caller passed as `threads`; None: one for each of `cpus`, or of this rank's CPUs."""
    usable = min(available_cpus(), len(cpus)) if cpus else cpus_of_rank()
    return whole_number("threads", usable if threads is None else threads, 1, _MOST_THREADS)


def checked_prefetch(prefetch: int | None, threads: int, batch_size: int) -> int:
    """What a caller passed as `prefetch`; None: what keeps the threads busy."""
    # Two items a thread do so while a batch changes hands.
    enough = max(2, -(-2 * threads // batch_size) + 1)
    return whole_number("prefetch", enough if prefetch is None else prefetch, 1, _MOST_PREFETCH)


def shared_pool(threads: int, cpus: tuple[int, ...] = ()) -> _engine.WorkerPool:
    """The pool of `threads` threads of this process: threads stay behind in a fork.

    They run on `cpus` only, unless that is empty.
    """
    # No lock, which a fork could leave locked: two threads that come here at once get a pool each.
    key = (os.getpid(), threads, cpus)
    pool = _pools.get(key)
    if pool is None:
        pool = _pools[key] = _engine.WorkerPool(threads, cpus)
    return pool

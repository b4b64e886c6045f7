"""Worker threads, shared by all loaders of a process that want the same ones."""

from __future__ import annotations

import os
import weakref

from fastinet._native import _engine

__all__ = ["shared_pool"]

# Pools that some loader uses, by process, number of threads and their CPUs.
_pools: weakref.WeakValueDictionary[tuple[int, int, tuple[int, ...]], _engine.WorkerPool] = (
    weakref.WeakValueDictionary()
)


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

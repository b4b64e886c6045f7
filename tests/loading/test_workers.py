"""Worker threads: one pool for each number of threads and CPUs, as long as somebody has it."""

from __future__ import annotations

import gc
import os
import weakref

import pytest

from fastinet.loading import workers
from fastinet.loading.workers import shared_pool

THREADS = 7  # no other test has as many


def test_the_same_threads_are_shared_while_somebody_has_them() -> None:
    pool = shared_pool(THREADS)
    assert shared_pool(THREADS) is pool
    assert shared_pool(THREADS, ()) is pool
    assert shared_pool(THREADS + 1) is not pool
    gone = weakref.ref(pool)
    del pool
    gc.collect()
    assert gone() is None, "they end with the last who had them"
    assert not any(key[1] == THREADS for key in workers._pools)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="threads cannot be bound here")
def test_threads_on_other_cpus_are_others() -> None:
    cpu = min(os.sched_getaffinity(0))
    bound = shared_pool(2, (cpu,))
    assert shared_pool(2, (cpu,)) is bound
    assert shared_pool(2) is not bound


def test_a_forked_child_has_threads_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = shared_pool(THREADS)
    monkeypatch.setattr(os, "getpid", lambda: -1)  # as the child sees it
    child = shared_pool(THREADS)
    assert child is not pool
    assert shared_pool(THREADS) is child
    monkeypatch.undo()
    assert shared_pool(THREADS) is pool

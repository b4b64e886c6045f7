"""Memory for the results of `then` is used again when no array over it is left."""

from __future__ import annotations

import numpy as np

from fastinet.loading.result_memory import ResultMemory


def test_memory_is_used_again_when_its_arrays_are_gone() -> None:
    memory = ResultMemory([24, 8])
    taken = memory.take([(2, 3), (2, 1)], np.dtype(np.float32), patience=0)
    assert taken is not None
    first, second = taken
    assert (first.shape, second.shape) == ((2, 3), (2, 1))
    first[:], second[:] = 1, 2
    address, kept = first.ctypes.data, second[1:]
    del taken, first, second
    other = memory.take([(2, 3), (2, 1)], np.dtype(np.float32), patience=0)
    assert other is not None
    assert other[0].ctypes.data != address  # a view of the second array is left
    assert kept.tolist() == [[2]]
    del kept
    again = memory.take([(3,), (1,)], np.dtype(np.int64), patience=0)
    assert again is not None
    assert again[0].ctypes.data == address


def test_lent_memory_runs_out() -> None:
    out = [np.zeros(16, np.uint8) for _ in range(2)]
    memory = ResultMemory([16], [[each] for each in out])
    first = memory.take([(4,)], np.dtype(np.int32), patience=0)
    second = memory.take([(2,)], np.dtype(np.int32), patience=0)
    assert first is not None
    assert second is not None
    assert memory.take([(4,)], np.dtype(np.int32), patience=0.001) is None
    first[0][:] = 0x01010101
    assert out[0].tolist() == [1] * 16
    del first
    assert memory.take([(4,)], np.dtype(np.int32), patience=0) is not None

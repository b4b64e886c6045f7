"""Memory for what a loader's `then` makes of batches: lent, and given back by itself."""

from __future__ import annotations

import math
import queue
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["ResultMemory"]

_Memory: TypeAlias = "list[NDArray[np.uint8]]"
"""Of one batch, for each group of views."""


class ResultMemory:
    """Memory for results, which is used again when no array over it is left.

    Large arrays that are made anew for each batch cost as much as the copy into them, since the
    system has to find and clear their pages.
    """

    def __init__(self, sizes: Sequence[int], out: Sequence[_Memory] | None = None) -> None:
        """Of batches of at most `sizes` bytes, for each group of views; or the caller's `out`."""
        self._sizes = sizes
        self._is_lent = out is not None
        # Finalizers put into it, which may run at any moment of any thread: this queue allows that.
        self._free: queue.SimpleQueue[_Memory] = queue.SimpleQueue()
        for memory in out or ():
            self._free.put(memory)

    def take(
        self, shapes: Sequence[tuple[int, ...]], dtype: np.dtype[Any], *, patience: float
    ) -> tuple[NDArray[Any], ...] | None:
        """Arrays of these shapes, one for each group.

        None: all of `out` is in use, and has been for `patience` seconds.
        """
        try:
            if self._is_lent and patience > 0:
                memory = self._free.get(timeout=patience)
            else:
                memory = self._free.get_nowait()
        except queue.Empty:
            if self._is_lent:
                return None
            memory = [np.empty(size, np.uint8) for size in self._sizes]
        lease = _Lease(memory, self._free)
        arrays = []
        for group, shape in enumerate(shapes):
            lent = np.asarray(_LentBytes(lease, group))
            size = math.prod(shape) * dtype.itemsize
            arrays.append(lent[:size].view(dtype).reshape(shape))
        return tuple(arrays)


class _Lease:
    """The memory of one batch while somebody holds an array over it."""

    def __init__(self, memory: _Memory, free: queue.SimpleQueue[_Memory]) -> None:
        self.memory = memory
        self._free = free

    def __del__(self) -> None:
        self._free.put(self.memory)


class _LentBytes:
    """What NumPy makes an array over, and holds on to as long as there is one."""

    def __init__(self, lease: _Lease, group: int) -> None:
        self._lease = lease
        self.__array_interface__ = lease.memory[group].__array_interface__

"""Memory for batches that callers bring: the `out` of a loader."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from fastinet.errors import CancelledError
from fastinet.pixels.output import checked_buffers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Buffers"]


class Buffers:
    """A caller's memory for batches, and the process that it was given to."""

    def __init__(
        self,
        dtype: np.dtype[Any],
        shapes: Sequence[tuple[int, ...]],
        out: Sequence[Any],
        *,
        in_groups: bool,
    ) -> None:
        """Checks that each of `out` is fit for images of this type and these shapes.

        See `checked_buffers`.
        """
        self.memory = checked_buffers(dtype, shapes, out, in_groups=in_groups)
        self._process = os.getpid()

    def of_this_process(self) -> list[list[NDArray[np.uint8]]]:
        """The bytes of each buffer, for each group of views.

        Raises:
            CancelledError: the process was forked since: where memory is shared, parent and child
                would both write to it.
        """
        if os.getpid() != self._process:
            raise CancelledError(
                "this loader was made with out= before fork(), and its buffers are the parent's; "
                "make a loader in this process, with buffers of its own"
            )
        return self.memory

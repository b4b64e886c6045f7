"""Memory for batches that callers bring: the `out` of a loader."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from fastinet.errors import CancelledError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from fastinet.pixels.output import OutputFormat

__all__ = ["Buffers"]


class Buffers:
    """A caller's memory for batches, and the process that it was given to."""

    def __init__(
        self,
        output: OutputFormat,
        shapes: Sequence[tuple[int, ...]],
        out: Sequence[Any],
        *,
        in_groups: bool,
    ) -> None:
        """Checks that each of `out` is fit for images of this format and these shapes.

        See `OutputFormat.buffers`.
        """
        self.memory = output.buffers(shapes, out, in_groups=in_groups)
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

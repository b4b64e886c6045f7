"""The pass over all items that makes their entropy checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from fastinet._native import _engine
from fastinet.base.checks import whole_number
from fastinet.base.cpus import available_cpus
from fastinet.base.warning import warn
from fastinet.errors import OutOfMemoryError, ReadError, from_status
from fastinet.items.checkpoints import Chunk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fastinet.base.progress import Progress
    from fastinet.items.checkpoints import CheckpointLog

__all__ = ["run_checkpoint_pass"]


class RunInTurn(Protocol):
    """Runs a pass in the one process of many whose turn it is, while the others wait for it.

    :meth:`fastinet.Dataset.build_checkpoints` makes it of
    :func:`fastinet.items.checkpoints.complete_checkpoints`, with the dataset's path and archives
    filled in.
    """

    def __call__(
        self,
        items: int,
        stride: int,
        append_missing: Callable[[CheckpointLog, Progress], None],
        progress: Progress | None,
    ) -> None:
        """Calls `append_missing` with the log; see `complete_checkpoints` for the arguments."""


def run_checkpoint_pass(
    table: _engine.ItemTable,
    keys: Sequence[str],
    run_in_turn: RunInTurn,
    *,
    stride: int,
    threads: int | None,
    chunk_items: int,
    progress: Progress | None,
) -> None:
    """Makes the checkpoints of all items; see :meth:`fastinet.Dataset.build_checkpoints`.

    Args:
        table: the items, N of them.
        keys: of the items, for messages.
        run_in_turn: runs the pass in the one process of many whose turn it is.
        stride: as given by the user; likewise the others.
        threads: None takes one for each CPU.
        chunk_items: items that are kept at once.
        progress: called with (items done, N).
    """
    items = len(keys)
    stride = whole_number("stride", stride, 0, 2**31 - 1)
    chunk_items = whole_number("chunk_items", chunk_items, 1, 2**31 - 1)
    threads = whole_number("threads", available_cpus() if threads is None else threads, 1, 4096)

    def append_missing(log: CheckpointLog, progress: Progress) -> None:
        damaged, first = 0, None
        while log.covered < items:
            progress(log.covered, items)
            count = min(chunk_items, items - log.covered)
            records, sizes, header_bytes, chunk_damaged, chunk_first = _engine.make_checkpoints(
                table, log.covered, count, stride=stride, threads=threads
            )
            if chunk_first is not None:
                item, code, cause, archive, offset = chunk_first
                error = from_status(code, cause, archive, keys[item], offset)
                if isinstance(error, ReadError | OutOfMemoryError):
                    raise error  # it may be there next time
                first = first or error
            log.append(Chunk(records, sizes, header_bytes))
            damaged += chunk_damaged
        if first is not None:
            warn(f"{damaged} items are damaged and have no checkpoints; the first: {first}")

    run_in_turn(items, stride, append_missing, progress)
    if progress is not None:
        progress(items, items)

"""Waiting for the engine inside an event loop: asyncio's, or trio's, and so under anyio.

A batch is taken by the loop's own thread, and only when it is ready: what is awaited is a file
descriptor, and nothing is taken while somebody waits. So a task that is cancelled loses no batch,
and no thread waits in its place.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

__all__ = ["Answering", "answer", "checkpoint"]


class Answering(Protocol):
    """A run of the engine, as far as it can be waited for."""

    def has_answer(self) -> bool:
        """Whether its `next` would return, or raise, at once."""

    def ready_descriptor(self) -> int:
        """What becomes readable when that may be otherwise than it was."""


async def answer(run: Answering) -> None:
    """Returns when the `next` of `run` need not wait; lets other tasks work once in any case.

    Raises:
        asyncio.CancelledError, trio.Cancelled: the task was cancelled; nothing was taken.
        RuntimeError: there is no event loop of a kind that is known.
    """
    let_others_work, readable = _event_loop()
    await let_others_work()
    while not run.has_answer():
        with _duplicate(run.ready_descriptor()) as descriptor:
            # It may have come after the question: then the descriptor is readable already.
            await readable(descriptor)


async def checkpoint() -> None:
    """Lets other tasks work, and this one be cancelled."""
    await _event_loop()[0]()


@contextlib.contextmanager
def _duplicate(descriptor: int) -> Iterator[int]:
    """A descriptor of the caller's own: event loops take each number for one waiting task."""
    own = os.dup(descriptor)
    try:
        yield own
    finally:
        os.close(own)


def _event_loop() -> tuple[Callable[[], Awaitable[Any]], Callable[[int], Awaitable[Any]]]:
    """How the loop that runs this task lets others work, and waits for a descriptor."""
    trio: Any = sys.modules.get("trio")
    if trio is not None:
        with contextlib.suppress(RuntimeError):  # it is not trio's
            trio.lowlevel.current_task()
            return trio.lowlevel.checkpoint, trio.lowlevel.wait_readable
    import asyncio  # noqa: PLC0415 - is loaded where it has a loop, and large

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            "batches are awaited in an event loop of asyncio or trio; `for` needs none"
        ) from None
    return _asyncio_checkpoint, _asyncio_readable


async def _asyncio_checkpoint() -> None:
    import asyncio  # noqa: PLC0415 - see above

    await asyncio.sleep(0)


async def _asyncio_readable(descriptor: int) -> None:
    import asyncio  # noqa: PLC0415 - see above

    loop = asyncio.get_running_loop()
    came = loop.create_future()

    def note() -> None:
        if not came.done():  # or the task was cancelled in the same turn of the loop
            came.set_result(None)

    loop.add_reader(descriptor, note)
    try:
        await came
    finally:
        loop.remove_reader(descriptor)

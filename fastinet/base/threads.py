"""Threads of Python, which the system may refuse: a process may have so many, and no more."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from fastinet.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future

__all__ = ["refused_thread", "start_thread", "submitted"]

Arguments = ParamSpec("Arguments")
Made = TypeVar("Made")


def start_thread(thread: threading.Thread, task: str) -> None:
    """Starts a thread.

    Args:
        thread: to start.
        task: what it is for, for the message: "read the stream".

    Raises:
        ReadError: the system refuses it.
    """
    try:
        thread.start()
    except RuntimeError as error:  # all that Python tells
        raise ReadError(refused_thread(task)) from error


def refused_thread(task: str) -> str:
    """What is to be said where the system refuses a thread for a task."""
    return (
        f"the system refuses a thread to {task}: the limit on processes of this user (ulimit -u) or"
        " of this control group is reached, or there is no memory for one"
    )


def submitted(
    executor: Executor,
    work: Callable[Arguments, Made],
    *args: Arguments.args,
    **kwargs: Arguments.kwargs,
) -> Future[Made]:
    """What `executor` will have of some work; done here and now where it gets no thread for it."""
    from concurrent.futures import Future  # noqa: PLC0415 - who has an executor has loaded it

    future: Future[Made] = Future()
    begun = threading.Lock()

    def do_once() -> None:
        # An executor that got no thread has the work in its queue all the same.
        if not begun.acquire(blocking=False):
            return
        try:
            made = work(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001  # raised where the result is asked for
            future.set_exception(error)
        else:
            future.set_result(made)

    try:
        executor.submit(do_once)
    except RuntimeError:
        do_once()
    return future

"""The threads of `then`: ahead of the loop, in order, ended with the epoch; and their errors."""

from __future__ import annotations

import asyncio
import os
import pickle
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import fastinet
from fastinet import Loader, RandomResizedCrop, Then
from fastinet.errors import CancelledError, ThenError

if TYPE_CHECKING:
    from pathlib import Path

CROP = RandomResizedCrop(8)


def running() -> int:
    return sum(thread.name.startswith("fastinet-then") for thread in threading.enumerate())


def bright(row: Any) -> Any:
    return row | 1


def failing_at(number: int) -> Any:
    """A function that fails at one of the rows, in the order in which it is called."""
    calls = iter(range(10**6))

    def function(row: Any) -> Any:
        if next(calls) == number:
            raise ZeroDivisionError("seven by nothing")
        return row

    return function


@pytest.mark.parametrize("batch", [False, True])
def test_an_error_names_the_row(dataset: fastinet.Dataset, batch: bool) -> None:
    """Whatever `on_error` is; what came before is delivered, and the loader goes on."""
    then = Then(failing_at(1 if batch else 11), threads=1, batch=batch)
    loader = Loader(dataset, 9, CROP, then=then, on_error="mask")
    batches = loader.epoch(3)
    assert next(batches).indices.tolist() == list(range(9))
    with pytest.raises(ThenError, match="ZeroDivisionError: seven by nothing") as caught:
        next(batches)
    error = caught.value
    item = 9 if batch else 11
    assert (error.item, error.epoch, error.member) == (item, 3, dataset.keys[item])
    assert error.archive == dataset.path
    assert f"item {item}{' and 8 more of its batch' if batch else ''} in epoch 3" in str(error)
    assert isinstance(error.__cause__, ZeroDivisionError)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (str(copy), copy.item, copy.epoch) == (str(error), item, 3)
    with pytest.raises(StopIteration):
        next(batches)
    assert not running()
    assert len(list(loader)) == 5


def test_an_error_names_the_row_of_a_stream(archive_path: Path, dataset: fastinet.Dataset) -> None:
    with archive_path.open("rb") as file:
        stream = fastinet.open_stream(file, classes="imagenet1k")
        loader = fastinet.StreamLoader(stream, 9, CROP, then=Then(failing_at(4), threads=1))
        with pytest.raises(ThenError) as caught:
            next(iter(loader))
    assert (caught.value.item, caught.value.member) == (4, dataset.keys[4])


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda _row: None, "returned None"),
        (lambda row: row[:4], r'shape=\(4, 8, 3\), dtype="uint8"'),
        (lambda row: row / 255, r'shape=\(8, 8, 3\), dtype="float64"'),
        (lambda _row: "no pixels", "no array of numbers but <class 'str'>"),
        (iter, "no array of numbers"),
    ],
)
def test_results_that_were_not_promised(
    dataset: fastinet.Dataset, function: Any, message: str
) -> None:
    with pytest.raises(ThenError, match=message):
        next(iter(Loader(dataset, 9, CROP, then=function)))
    with pytest.raises(ThenError, match=r"promised: .* given 9 rows here"):
        next(iter(Loader(dataset, 9, CROP, then=Then(lambda rows: rows[1:], batch=True))))


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
def test_what_ends_a_thread_is_an_error_of_the_loop(
    dataset: fastinet.Dataset, error: BaseException
) -> None:
    """`sys.exit()` in a function, and what else is no Exception: the loop would wait for ever."""

    def function(_row: Any) -> Any:
        raise error

    for threads in (1, 2):
        loader = Loader(dataset, 9, CROP, then=Then(function, threads=threads))
        with pytest.raises(ThenError, match=type(error).__name__) as caught:
            next(iter(loader))
        assert caught.value.__cause__ is error
    assert not running()


def test_it_runs_ahead_of_the_loop_and_no_further(dataset: fastinet.Dataset) -> None:
    """Batches become ready while the loop does something else; `prefetch` of them."""
    seen = threading.Semaphore(0)

    def counted(row: Any) -> Any:
        seen.release()
        return row

    batches = iter(Loader(dataset, 4, CROP, then=counted, prefetch=2))
    next(batches)
    for _ in range(3 * 4):  # of the batch in hand, and of two that nobody has asked for
        assert seen.acquire(timeout=60)
    assert not seen.acquire(timeout=0.2)
    batches.close()


@pytest.mark.parametrize("end", ["close", "drop", "exhaust"])
def test_its_threads_end_with_the_epoch(dataset: fastinet.Dataset, end: str) -> None:
    loader = Loader(dataset, 4, CROP, then=Then(bright, threads=3))
    batches = iter(loader)
    held = next(batches)
    assert running() >= 3
    if end == "close":
        batches.close()
    elif end == "exhaust":
        list(batches)
    del batches
    assert not running()
    assert (held.images & 1).all()


def test_the_row_in_hand_is_finished_and_no_other_is_begun(dataset: fastinet.Dataset) -> None:
    begun, go = threading.Semaphore(0), threading.Event()
    calls = []

    def slow(row: Any) -> Any:
        calls.append(1)
        begun.release()
        go.wait(60)
        return row

    batches = iter(Loader(dataset, 4, CROP, then=Then(slow, threads=1)))
    run: Any = batches._run
    assert not run.has_answer()  # who asks for a batch begins the calls
    assert begun.acquire(timeout=60)
    closing = threading.Thread(target=batches.close)
    closing.start()
    while not run._is_closed:
        time.sleep(0.001)
    go.set()
    closing.join()
    assert len(calls) == 1
    with pytest.raises(StopIteration):
        next(batches)


def test_an_iterator_that_is_never_used_calls_nothing(dataset: fastinet.Dataset) -> None:
    calls = []

    def counted(row: Any) -> Any:
        calls.append(1)
        return row

    loader = Loader(dataset, 4, CROP, then=counted)
    iter(loader).close()
    iter(loader)
    assert not calls
    assert not running()
    assert loader.state_dict()["epoch"] == 0


def test_batches_are_awaited(dataset: fastinet.Dataset) -> None:
    def slowly(row: Any) -> Any:
        time.sleep(0.002)
        return bright(row)

    async def awaited(loader: Loader, most: int) -> list[bytes]:
        rows = []
        async for batch in loader:
            rows.append(batch.images.tobytes())
            if len(rows) == most:
                break
        return rows

    wanted = [batch.images.tobytes() for batch in Loader(dataset, 2, CROP, then=bright)]
    loader = Loader(dataset, 2, CROP, then=Then(slowly, threads=2))
    assert asyncio.run(awaited(loader, 2)) == wanted[:2]
    assert not running()
    again = Loader(dataset, 2, CROP, then=Then(slowly, threads=1))
    assert asyncio.run(awaited(again, 10**6)) == wanted
    assert not running()


def test_states_count_what_the_loop_has_had(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 4, CROP, shuffle=True, then=bright)
    batches = iter(loader)
    next(batches)
    state = loader.state_dict()
    assert state["position"] == 4
    rest = [batch.images.tobytes() for batch in batches]
    other = Loader(dataset, 4, CROP, shuffle=True, then=bright)
    other.load_state_dict(state)
    assert [batch.images.tobytes() for batch in other] == rest


def test_a_forked_child_is_told(dataset: fastinet.Dataset) -> None:
    """Its threads are the parent's; the child's next epoch has its own."""
    loader = Loader(dataset, 9, CROP, then=bright, dtype="float32")
    batches = iter(loader)
    expected = next(batches).images.tobytes()
    child = os.fork()
    if child == 0:
        try:
            try:
                next(batches)
            except CancelledError:
                os._exit(0 if next(loader.epoch(0)).images.tobytes() == expected else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(list(batches)) == 4


def test_what_it_costs_is_counted(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 9, RandomResizedCrop(8, views=2), then=bright)
    assert loader.stats().then_rows == 0
    first = next(iter(loader))
    assert len(first) == 9
    for _ in loader:
        pass
    stats = loader.stats()
    assert stats.batches == 6
    assert 2 * 43 + 18 <= stats.then_rows <= 4 * 43
    assert stats.then_seconds > 0
    waited = stats.startup_seconds + stats.waiting_seconds
    assert 0 <= stats.then_waiting_seconds <= waited
    assert f"a view on {loader.threads} threads" in str(stats)
    assert Loader(dataset, 9, CROP).stats().then_threads == 0


def test_a_slow_function_is_called_the_bottleneck(dataset: fastinet.Dataset) -> None:
    """One thread, which sleeps for longer than any decoder takes for so small an image."""
    nap = threading.Event()

    def slow(row: Any) -> Any:
        nap.wait(0.02)
        return row

    loader = Loader(dataset.select(range(12)), 4, CROP, then=Then(slow, threads=1))
    for _ in loader:
        np.zeros(1)
    assert loader.stats().bottleneck == "then"
    assert str(loader.stats()).startswith("the function then= is the bottleneck")

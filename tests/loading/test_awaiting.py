"""`async for`: the batches of `for`, other tasks at work meanwhile, nothing lost by a cancel."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import fastinet
from fastinet import Loader, RandomResizedCrop
from fastinet.errors import CancelledError, UnsupportedError
from fastinet.loading.awaiting import answer
from fastinet.loading.batch import SentBatch
from fastinet.loading.feeding import Feed, FeedEpoch
from fastinet.testing.archives import train_tar
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SMALL = RandomResizedCrop(8)
HANGS_SECONDS = 120


class HostFeed(Feed["SentBatch[NDArray[Any]]"]):
    """Sends to the host."""

    def _send(self, batch: fastinet.Batch) -> SentBatch[NDArray[Any]]:
        return SentBatch(batch, np.copy, np.copy)


def loader_of(dataset: fastinet.Dataset, **options: Any) -> Loader:
    return Loader(dataset, 5, SMALL, **{"shuffle": True, "seed": 3, "threads": 2, **options})


def feed_of(dataset: fastinet.Dataset, **options: Any) -> HostFeed:
    return HostFeed(loader_of(dataset, **options), ahead=2)


KINDS = pytest.mark.parametrize("kind", [loader_of, feed_of])


def rows(batch: Any) -> tuple[list[int], bytes]:
    return batch.indices.tolist(), np.asarray(batch.images).tobytes()


def run(main: Any) -> Any:
    """`main` in an event loop; what hangs fails."""

    async def limited() -> Any:
        return await asyncio.wait_for(main, HANGS_SECONDS)

    return asyncio.run(limited())


@KINDS
def test_batches_and_states_are_those_of_for(
    dataset: fastinet.Dataset, kind: Callable[..., Any]
) -> None:
    mine, other = kind(dataset), kind(dataset)

    async def main() -> list[Any]:
        seen = []
        for _ in range(2):
            seen += [(rows(batch), mine.state_dict()) async for batch in mine]
            seen.append((None, mine.state_dict()))
        return seen

    expected: list[Any] = []
    for _ in range(2):
        expected += [(rows(batch), other.state_dict()) for batch in other]
        expected.append((None, other.state_dict()))
    assert run(main()) == expected


@KINDS
def test_a_cancelled_task_takes_no_batch(
    dataset: fastinet.Dataset, kind: Callable[..., Any]
) -> None:
    """A task is cancelled after 0, 1, 2, ... turns of the loop, before every batch."""
    loader = kind(dataset)
    expected = [rows(batch) for batch in kind(dataset)]

    async def main() -> list[Any]:
        epoch, seen = aiter(loader), []
        for turns in range(len(loader)):
            task = asyncio.ensure_future(anext(epoch))
            for _ in range(turns % 4):
                await asyncio.sleep(0)
            before = loader.state_dict()
            if task.cancel():
                with contextlib.suppress(asyncio.CancelledError):
                    seen.append(rows(await task))  # it was through already
                if task.cancelled():
                    assert loader.state_dict() == before
            else:
                seen.append(rows(await task))
        return [*seen, *[rows(batch) async for batch in epoch]]

    assert run(main()) == expected


@KINDS
def test_batches_that_are_ready_let_others_work_too(
    dataset: fastinet.Dataset, kind: Callable[..., Any]
) -> None:
    async def main() -> None:
        epoch = aiter(kind(dataset, prefetch=4))
        ready = epoch._batches if isinstance(epoch, FeedEpoch) else epoch
        for _ in range(4):
            while ready.ready_batches < 2:  # noqa: ASYNC110 - the engine has no asyncio.Event
                await asyncio.sleep(0)
            turns: list[int] = []
            asyncio.get_running_loop().call_soon(turns.append, 1)
            await anext(epoch)
            assert turns == [1]

    run(main())


class Delayed:
    """Stands in for the engine: its answer comes when the test says so."""

    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        self.answers = False
        self.asked = 0

    def has_answer(self) -> bool:
        self.asked += 1
        return self.answers

    def ready_descriptor(self) -> int:
        return self.read_end


@pytest.fixture
def delayed() -> Any:
    run = Delayed()
    yield run
    os.close(run.read_end)
    os.close(run.write_end)


def test_nothing_is_asked_again_before_the_descriptor_says_so(delayed: Delayed) -> None:
    async def main() -> None:
        task = asyncio.ensure_future(answer(delayed))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not task.done()
        assert delayed.asked == 1
        delayed.answers = True
        os.write(delayed.write_end, b"x")
        await task
        assert delayed.asked == 2

    run(main())


def test_a_wait_can_be_cancelled_and_leaves_no_descriptor(delayed: Delayed) -> None:
    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(answer(delayed), 0.001)
        task = asyncio.ensure_future(answer(delayed))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        os.write(delayed.write_end, b"x")  # it comes in the turn in which the task is cancelled
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    duplicates = []
    duplicate = os.dup
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "dup", lambda fd: duplicates.append(duplicate(fd)) or duplicates[-1])
        run(main())
    assert len(duplicates) == 2
    for descriptor in set(duplicates):
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


def test_other_tasks_work_and_tasks_may_share_an_epoch(dataset: fastinet.Dataset) -> None:
    """Several epochs at once, each with two tasks that take turns; and one that only counts."""
    loaders = [loader_of(dataset, seed=seed, prefetch=1) for seed in range(3)]
    expected = [sorted(map(rows, loader_of(dataset, seed=seed))) for seed in range(3)]
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def take(epoch: Any, taken: list[Any]) -> None:
        taken += [rows(batch) async for batch in epoch]

    async def main() -> list[Any]:
        counting = asyncio.ensure_future(count())
        taken: list[list[Any]] = [[], [], []]
        epochs = [iter(loader) for loader in loaders]
        pairs = [*zip(epochs, taken, strict=True)] * 2
        await asyncio.gather(*(take(epoch, mine) for epoch, mine in pairs))
        counting.cancel()
        return [sorted(mine) for mine in taken]

    assert run(main()) == expected
    assert turns >= sum(len(loader) for loader in loaders) / 3, "every batch lets others work"


def test_a_loop_that_is_left_leaves_the_loader_as_for_does(dataset: fastinet.Dataset) -> None:
    loader = loader_of(dataset)
    expected = [rows(batch) for batch in loader_of(dataset).epoch(1)]

    async def main() -> list[Any]:
        async with contextlib.aclosing(aiter(loader)) as epoch:
            async for _ in epoch:
                break
        assert loader.state_dict()["position"] == 5
        assert [batch async for batch in epoch] == []
        return [rows(batch) async for batch in loader]

    assert run(main()) == expected


@KINDS
def test_a_task_that_waits_is_told_that_the_epoch_was_closed(
    dataset: fastinet.Dataset, kind: Callable[..., Any]
) -> None:
    """As a thread that waits is: a loop that ended there would look like a whole epoch."""
    go_on = threading.Event()

    def slow(row: Any) -> Any:
        go_on.wait()
        return row

    async def main() -> None:
        epoch = iter(kind(dataset, then=slow))
        waiting = asyncio.ensure_future(epoch.__anext__())
        for _ in range(3):
            await asyncio.sleep(0)
        go_on.set()
        epoch.close()
        with pytest.raises(CancelledError, match="closed"):
            await waiting
        with pytest.raises(StopAsyncIteration):
            await epoch.__anext__()

    run(main())


def test_waiting_needs_an_event_loop(dataset: fastinet.Dataset) -> None:
    waiting = anext(aiter(loader_of(dataset)))
    with pytest.raises(RuntimeError, match="event loop of asyncio or trio"):
        waiting.send(None)


def test_a_bad_item_is_raised_and_the_loader_goes_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = {f"n01440764_{number}.JPEG": small_jpeg(rng) for number in range(6)}
    images["n01440764_3.JPEG"] = b"\xff\xd8 no image"
    archive = tmp_path / "train.tar"
    archive.write_bytes(train_tar({"n01440764": images}))
    loader = Loader(fastinet.open(archive, index=False), 2, SMALL)

    async def main() -> list[Any]:
        seen = []
        for _ in range(2):
            epoch = aiter(loader)
            seen.append((await anext(epoch)).indices.tolist())
            with pytest.raises(UnsupportedError, match="n01440764_3"):
                await anext(epoch)
            assert [batch async for batch in epoch] == []
        return seen

    assert run(main()) == [[0, 1], [0, 1]]


def test_a_stream_is_awaited_while_it_arrives(archive_path: Path) -> None:
    """The loop that waits for the batch sends its bytes itself, so that to block would hang."""
    data = archive_path.read_bytes()

    def loader_from(file: Any) -> fastinet.StreamLoader:
        return fastinet.StreamLoader(fastinet.open_stream(file, classes="imagenet1k"), 5, SMALL)

    expected = [rows(batch) for batch in loader_from(io.BytesIO(data))]
    arriving, sending = os.pipe()
    os.set_blocking(sending, False)

    async def send() -> None:
        left = memoryview(data)
        while left:
            with contextlib.suppress(BlockingIOError):
                left = left[os.write(sending, left[: 1 << 14]) :]
            await asyncio.sleep(0)
        os.close(sending)

    async def main(loader: fastinet.StreamLoader) -> list[Any]:
        passing = aiter(loader)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext(passing), 0.001)
        assert loader.state_dict()["position"] == 0
        threads = threading.active_count()
        task = asyncio.ensure_future(send())
        seen = [rows(batch) async for batch in passing]
        assert threading.active_count() <= threads, "no thread waits in the place of a task"
        await task
        return seen

    with os.fdopen(arriving, "rb") as pipe:
        assert run(main(loader_from(pipe))) == expected


@pytest.mark.parametrize("backend", ["trio", "asyncio"])
def test_trio_and_anyio(dataset: fastinet.Dataset, backend: str) -> None:
    anyio = pytest.importorskip("anyio")
    pytest.importorskip(backend)
    loader = loader_of(dataset, prefetch=1)
    expected = [rows(batch) for batch in loader_of(dataset)]

    async def main() -> list[Any]:
        epoch = aiter(loader)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anext(epoch)
        assert loader.state_dict()["position"] == 0
        return [rows(batch) async for batch in epoch]

    assert anyio.run(main, backend=backend) == expected

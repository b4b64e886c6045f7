"""Threads, signals, forks and exits at once: what is shared stays whole, and all come to an end."""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import pickle
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.streamed import FLAT, ZIPPED, loader_of, same_batches, streamed, written_to_pipe
from test_lifetime import (
    HANGS_SECONDS,
    SMALL,
    needs_fork,
    needs_proc,
    open_files,
    run,
    threads_of_this_process,
)

import fastinet
from fastinet import Loader, Resize
from fastinet.errors import CancelledError, UnsupportedError
from fastinet.loading import alike
from fastinet.loading.chosen import ChosenItems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextlib.contextmanager
def many_switches() -> Iterator[None]:
    """Lets threads take turns as often as Python can: what is no single step is interrupted."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def together(*works: Callable[[], object]) -> list[object]:
    """What each of `works` returns, each in a thread, all begun at once; raises what one raises."""
    start = threading.Barrier(len(works))
    results: list[object] = [None] * len(works)
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            start.wait()
            results[number] = works[number]()
        except BaseException as error:  # noqa: BLE001 - raised where the test is
            errors.append(error)

    threads = [threading.Thread(target=work, args=[number]) for number in range(len(works))]
    with many_switches():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(HANGS_SECONDS)
    assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]
    return results


# ------------------------------------------------------------------------------- shared objects


def test_threads_share_a_dataset_and_all_that_is_made_when_asked_for(
    archive_path: Path, dataset: fastinet.Dataset
) -> None:
    """Each sees what a thread that is alone sees: bytes, classes, checkpoints, pixels, batches."""
    whole = [batch.images.copy() for batch in Loader(dataset, 7, SMALL, shuffle=True, seed=3)]
    encoded = [dataset.read(item) for item in range(5)]
    decoded = [fastinet.decode(data) for data in encoded]
    shared = fastinet.open(archive_path, index=False)
    loader = Loader(shared, 7, SMALL, shuffle=True, seed=3, threads=2)

    def work() -> int:
        assert [shared.read(item) for item in range(5)] == encoded
        assert shared.classes == dataset.classes
        assert shared.checkpoints.covered == 0
        for data, pixels in zip(encoded, decoded, strict=True):
            assert np.array_equal(fastinet.decode(data), pixels)
        for batch, images in zip(loader.epoch(0), whole, strict=True):
            assert np.array_equal(batch.images, images)
        return loader.stats().batches

    counts = together(*[work] * 6)
    assert loader.stats().batches == 6 * len(whole) == max(counts)  # type: ignore[type-var]
    assert loader.stats().items == 6 * len(dataset)


def test_loops_that_begin_at_once_are_compared_one_by_one() -> None:
    """Others come and go while a loop looks for one that draws as it does."""

    class Loop:
        is_over = True

    bits = alike._Bits("no path", 0, 0, "", 0)
    drawing = alike.Drawing(bits, SMALL)

    def begin() -> None:
        kept = [Loop() for _ in range(300)]
        for loop in kept:
            alike.watch(loop, drawing)

    together(*[begin] * 4)


def test_items_chosen_by_threads_come_in_batches_of_their_own_sizes(
    dataset: fastinet.Dataset,
) -> None:
    """One memory for batches is kept between calls, of the size that was asked for last."""
    chosen = ChosenItems(Loader(dataset, 4, Resize(8), threads=1))
    whole = next(iter(Loader(dataset, 43, Resize(8), threads=1))).images

    def take(count: int) -> None:
        for first in range(0, 40 - count, 4):
            items = np.arange(first, first + count)
            images = chosen.take(items, 0).images
            assert np.array_equal(images, whole[first : first + count])

    together(*[lambda count=count: take(count) for count in (1, 2, 3, 5)])  # type: ignore[misc]


def test_failures_of_several_consumers_are_all_there(
    dataset: fastinet.Dataset, tmp_path: Path, archive_path: Path
) -> None:
    content = bytearray(archive_path.read_bytes())
    bad = range(0, 43, 3)
    for item in bad:
        start = int(dataset.columns.offsets[item])
        content[start : start + 8] = bytes(8)
    path = tmp_path / "bad.tar"
    path.write_bytes(content)
    loader = Loader(fastinet.open(path, index=False), 2, SMALL, threads=3, on_error="mask")
    epoch = iter(loader)
    with pytest.warns(fastinet.errors.FastinetWarning, match="gave no row"):
        together(*[lambda: list(epoch)] * 3)
    assert sorted(failure.item for failure in epoch.failures) == list(bad)


def test_consumers_of_a_stream_take_its_state_on_together() -> None:
    loader = loader_of(streamed(FLAT), batch_size=1, threads=2)
    batches = iter(loader)
    together(*[lambda: list(itertools.islice(batches, 2))] * 3)
    state = loader.state_dict()
    assert (state["epoch"], state["position"]) == (0, 6)
    together(*[lambda: list(batches)] * 3)
    state = loader.state_dict()
    assert (state["epoch"], state["position"]) == (1, 0)


def test_of_loops_over_one_stream_one_gets_it() -> None:
    for _ in range(5):
        stream = streamed(FLAT)
        loaders = [loader_of(stream, batch_size=3) for _ in range(3)]
        passes = [iter(loader) for loader in loaders]

        def loop(batches: Any) -> int:
            with contextlib.suppress(UnsupportedError):  # a stream passes once
                return sum(map(len, batches))
            return 0

        got = together(*[lambda each=each: loop(each) for each in passes])  # type: ignore[misc]
        assert sorted(got) == [0, 0, 10]  # type: ignore[type-var]


def test_closing_during_next_whoever_is_in_it(dataset: fastinet.Dataset) -> None:
    """Consumers get whole batches, the end, or are told; and the loader goes on."""
    loader = Loader(dataset, 2, SMALL, shuffle=True, threads=3)
    whole = {batch.indices.tobytes(): batch.images.tobytes() for batch in Loader.epoch(loader, 0)}
    for turn in range(12):
        epoch = loader.epoch(0)

        def consume(epoch: Any = epoch) -> None:
            with contextlib.suppress(CancelledError):
                for batch in epoch:
                    assert whole[batch.indices.tobytes()] == batch.images.tobytes()

        def close(epoch: Any = epoch, turn: int = turn) -> None:
            while epoch._native.delivered < turn:
                pass
            epoch.close()

        together(consume, consume, close)
        assert list(epoch) == []


def test_copies_are_made_while_a_loader_works(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 5, SMALL, shuffle=True, seed=9, threads=2)
    whole = [batch.images.tobytes() for batch in loader.epoch(0)]

    def work() -> None:
        for _ in range(3):
            assert [batch.images.tobytes() for batch in loader.epoch(0)] == whole

    def copy() -> Any:
        return [pickle.loads(pickle.dumps(loader)) for _ in range(8)][-1]  # noqa: S301

    copies = together(work, copy, copy)[1:]
    for copied in copies:
        assert [batch.images.tobytes() for batch in copied.epoch(0)] == whole  # type: ignore[attr-defined]


@needs_proc
def test_hundreds_of_loaders_hold_nothing_when_they_are_gone(dataset: fastinet.Dataset) -> None:
    gc.collect()
    threads, files = threads_of_this_process(), open_files()
    loaders = [
        Loader(dataset, 2, Resize(8), seed=seed, threads=1 + seed % 6) for seed in range(250)
    ]
    epochs = [iter(loader) for loader in loaders]
    assert {len(next(epoch)) for epoch in epochs} == {2}
    # One pool for each number of threads, however many loaders share it.
    assert threads_of_this_process() <= threads + sum(range(1, 7))
    epochs[0].itself = epochs  # type: ignore[attr-defined]  # a cycle that holds them all
    del loaders, epochs
    gc.collect()
    assert (threads_of_this_process(), open_files()) == (threads, files)


@needs_proc
@pytest.mark.parametrize("leave", ["close", "throw", "drop"])
def test_a_generator_of_items_that_is_left_while_its_reader_waits(leave: str) -> None:
    gc.collect()
    threads, files = threads_of_this_process(), open_files()
    outlet, inlet = os.pipe()
    os.write(inlet, FLAT[: FLAT.index(b"n01440764_2.JPEG")])
    items = fastinet.open_stream(outlet, classes="imagenet1k").items()
    assert next(items).key == "n01440764_0.JPEG"
    if leave == "close":
        items.close()
    elif leave == "throw":
        with pytest.raises(KeyError, match="mine"):
            items.throw(KeyError("mine"))
    del items
    gc.collect()
    os.close(outlet)
    os.close(inlet)
    assert (threads_of_this_process(), open_files()) == (threads, files)


# -------------------------------------------------------------------------------------- signals


def test_a_storm_of_signals_changes_nothing(
    archive_path: Path, dataset: fastinet.Dataset, tmp_path: Path
) -> None:
    """Every system call of the main thread's may end with EINTR, and is made again."""
    path = tmp_path / "train.tar"
    path.write_bytes(archive_path.read_bytes())
    zipped = tmp_path / "flat.tar.gz"
    zipped.write_bytes(ZIPPED)
    whole = [batch.images.tobytes() for batch in Loader(dataset, 5, SMALL, shuffle=True)]
    calm = list(loader_of(streamed(FLAT), batch_size=3))
    rung = 0

    def ring(*_: object) -> None:
        nonlocal rung
        rung += 1

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0005)
    try:
        opened = fastinet.open(path)
        opened.build_checkpoints(threads=1)
        loader = Loader(opened, 5, SMALL, shuffle=True, threads=2)
        stormy = [batch.images.tobytes() for batch in loader]
        assert len(fastinet.open(zipped)) == 10
        with written_to_pipe(FLAT, 5000) as outlet:
            stream = fastinet.open_stream(outlet, classes="imagenet1k")
            same_batches(list(loader_of(stream, batch_size=3)), calm)
        file = streamed(FLAT)
        same_batches(list(loader_of(file, batch_size=3)), calm)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert stormy == whole
    assert loader.stats().regions["checkpoints"] > 0
    assert rung > 10


# ----------------------------------------------------------------------------- forks and exits

# What a program may do at its end, with a loader at work. Each runs in a forked child, which ends
# as any interpreter does; `told` is where it says how far it came.
ENDINGS = {
    "os._exit(7)": ("", 7),
    "sys.exit(3)": ("", 3),
    "atexit.register(lambda: tell(sum(map(len, loader)))); sys.exit()": ("43", 0),
    "atexit.register(lambda: tell(len(next(iter(loader))))); keep.append(iter(loader))": ("4", 0),
    "atexit.register(epoch.close)": ("", 0),
    "raise SystemError('mine')": ("", 1),
    "threading.Thread(target=lambda: tell(sum(map(len, epoch)))).start()": ("39", 0),
    "threading.Thread(target=lambda: [sys.exit() for batch in epoch]).start()": ("", 0),
    "threading.Thread(target=lambda: list(map(len, slow())), daemon=True).start()": ("", 0),
    "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5)); later(signal.SIGTERM); next(slow())": (
        "",
        5,
    ),
    "later(signal.SIGTERM); next(slow())": ("", -15),
    "later(signal.SIGINT); next(slow())": ("", -2),  # as Python ends by an uncaught Ctrl-C
}

AT_THE_END = """
import atexit, contextlib, time
keep = []
atexit.register(lambda: tell("first"))  # before all that fastinet registers in the child

def tell(what):
    if what != "first":
        os.write(told[1], str(what).encode())

def later(number):
    def send():
        time.sleep(0.05)
        os.kill(os.getpid(), number)
    threading.Thread(target=send, daemon=True).start()

def slow():
    million = dataset.select(np.zeros(10**6, np.int64))
    return iter(fastinet.Loader(million, 10**6, fastinet.Resize(4), threads=1))

for ending, expected, status in endings:
    told = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # tracebacks are the programs' own
        threading.excepthook = lambda _: None
        epoch = iter(loader)
        batch = next(epoch)
        exec(ending)
        break
    os.close(told[1])
    got = os.read(told[0], 100).decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert got == (expected, status), (ending, got)
else:
    print("all")
"""


@needs_fork
def test_every_end_of_a_program_is_one(archive_path: Path) -> None:
    endings = [(ending, *wanted) for ending, wanted in ENDINGS.items()]
    program = f"endings = {endings!r}\n{AT_THE_END}"
    answer = run(program, archive_path, "-Wignore::DeprecationWarning")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "all\n", "")


@needs_fork
def test_forks_of_any_thread_with_handlers_that_take_locks(archive_path: Path) -> None:
    """As CUDA's and others' do: a lock that a thread holds in next() is waited for at each fork."""
    program = """
import ctypes

step = threading.Lock()  # what a library holds while it works
libc = ctypes.CDLL(None)
Handler = ctypes.CFUNCTYPE(None)
handlers = [Handler(step.acquire), Handler(step.release), Handler(step.release)]
libc.__register_atfork(*handlers, None)
expected = [b.images.copy() for b in loader.epoch(1)]
done = threading.Event()

def consume():
    while not done.is_set():
        for _ in range(9):
            with step:
                next(epochs.setdefault(threading.get_ident(), iter(loader)), None)
        epochs.pop(threading.get_ident()).close()

def fork():
    for _ in range(3):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                again = [b.images for b in loader.epoch(1)]
                code = 0 if all(map(np.array_equal, again, expected)) else 2
            finally:
                os._exit(code)
        statuses.append(os.waitpid(child, 0)[1])

epochs, statuses = {}, []
consumers = [threading.Thread(target=consume) for _ in range(2)]
forkers = [threading.Thread(target=fork) for _ in range(2)]
for thread in consumers + forkers:
    thread.start()
for thread in forkers:
    thread.join()
done.set()
for thread in consumers:
    thread.join()
print(statuses)
"""
    answer = run(program, archive_path, "-Wignore::DeprecationWarning")
    assert (answer.returncode, answer.stdout) == (0, f"{[0] * 6}\n"), answer.stderr

"""Who lives how long: batches, slots, threads, and processes that are interrupted or forked."""

from __future__ import annotations

import ctypes
import gc
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastinet
from fastinet import Loader, RandomResizedCrop, Resize

SMALL = RandomResizedCrop(8)
# Nothing here is about time. Whatever takes this long hangs.
HANGS_SECONDS = 120

needs_proc = pytest.mark.skipif(not Path("/proc/self").exists(), reason="counts in /proc")
# GCC 12's ASan may leave its allocator locked in a child that is forked while a thread allocates,
# and TSan allows no new threads in a child.
needs_fork = pytest.mark.skipif(
    not hasattr(os, "fork") or not {"ASAN_OPTIONS", "TSAN_OPTIONS"}.isdisjoint(os.environ),
    reason="needs fork, and no sanitizer",
)
needs_memory_limit = pytest.mark.skipif(
    not {"ASAN_OPTIONS", "TSAN_OPTIONS"}.isdisjoint(os.environ),
    reason="sanitizers reserve more memory than any limit",
)


def threads_of_this_process() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


# Batches and slots


def test_kept_batches_are_never_overwritten(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 5, SMALL, shuffle=True, threads=3, prefetch=2)
    kept, copies = [], []
    for _ in range(4):
        for batch in loader:
            kept.append(batch.images)
            copies.append(batch.images.copy())
    assert loader.stats().slots == len(kept)  # one for each: nothing blocked, nothing shared
    assert loader.stats().extra_slots == len(kept) - (loader.prefetch + 2)
    for array, copy in zip(kept, copies, strict=True):
        assert np.array_equal(array, copy)
    assert len({array.ctypes.data for array in kept}) == len(kept)
    del kept, array, batch
    gc.collect()
    list(loader)
    assert loader.stats().slots == loader.prefetch + 2  # what was extra went back


def test_views_keep_their_slot(dataset: fastinet.Dataset) -> None:
    """A view of a view of one array is enough, in whatever order the rest dies."""
    loader = Loader(dataset, 5, SMALL, threads=2, prefetch=1)
    view = next(iter(loader)).images[2:4][:, 1:]
    flips = next(iter(loader.epoch(0, start_batch=1))).flips
    before, flips_before = view.copy(), flips.copy()
    for _ in range(20):
        assert len(list(loader)) == 9
    assert np.array_equal(view, before)
    assert np.array_equal(flips, flips_before)
    slots = loader._engine.slots  # type: ignore[union-attr]
    assert slots.leased == 2
    del view
    assert slots.leased == 1
    del flips
    assert slots.leased == 0


def test_labels_keep_no_slot(dataset: fastinet.Dataset) -> None:
    """Loops collect them."""
    loader = Loader(dataset, 5, SMALL, shuffle=True, threads=2)
    kept = [(batch.labels, batch.labels.copy(), batch.indices.copy()) for batch in loader]
    assert loader.stats().extra_slots == 0
    for labels, copy, indices in kept:
        assert np.array_equal(labels, copy)
        assert np.array_equal(labels, dataset.labels[indices])
        assert labels.flags.writeable


def test_slots_are_used_again(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 5, SMALL, threads=2, prefetch=3)
    places = {batch.images.ctypes.data for _ in range(10) for batch in loader}
    assert len(places) <= 5
    assert loader.stats().extra_slots == 0


def test_batches_outlive_everything(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 43, SMALL, threads=2)
    epoch = iter(loader)
    images, labels = next(epoch)
    copy = images.copy()
    dead = [weakref.ref(loader), weakref.ref(epoch)]
    del loader, epoch
    gc.collect()
    assert [ref() for ref in dead] == [None, None]
    other = Loader(dataset, 43, Resize(8), threads=2)
    list(other)
    assert np.array_equal(images, copy)
    images[:] = 7  # and they are the user's to write to
    assert labels.shape == (43,)


def test_a_batch_can_be_handed_on_by_dlpack(dataset: fastinet.Dataset) -> None:
    images = next(iter(Loader(dataset, 5, SMALL, threads=1))).images
    copy = images.copy()
    imported = np.from_dlpack(images)
    del images
    gc.collect()
    assert np.array_equal(imported, copy)


# Leaving early


@needs_proc
def test_leaving_early_a_hundred_times_leaks_nothing(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 16, RandomResizedCrop(160), shuffle=True, threads=3)
    # One leaked slot a turn would be 100 * 16 * 160 * 160 * 3 bytes = 123 MB.
    assert_leaving_early_leaks_nothing(loader)
    assert loader.stats().extra_slots == 0


def assert_leaving_early_leaks_nothing(loader: Loader) -> None:
    """A hundred times: no thread, no file, and far less memory than a slot each time."""

    def leave_early(times: int) -> None:
        for turn in range(times):
            for number, _ in enumerate(loader):
                if number == turn % 3:
                    break

    leave_early(6)
    gc.collect()
    threads, files, resident = threads_of_this_process(), open_files(), resident_bytes()
    leave_early(100)
    gc.collect()
    assert (threads_of_this_process(), open_files()) == (threads, files)
    assert resident_bytes() - resident < 30e6


@needs_proc
@pytest.mark.parametrize("shuffle", [True, "blocked"])
def test_a_hundred_abandoned_epochs_of_every_kind(dataset: fastinet.Dataset, shuffle: Any) -> None:
    """Blocks, colours, views, sizes and a log: what each of them holds goes with the epoch."""
    transform = RandomResizedCrop(
        96, views=2, color_jitter=fastinet.ColorJitter(0.4, 0.4, 0.4, 0.1)
    )
    loader = Loader(
        dataset,
        16,
        transform,
        shuffle=shuffle,
        threads=3,
        sizes={epoch: 64 + 32 * (epoch % 3) for epoch in range(200)},
        pad_last="mask",
        log=lambda _: None,
        log_every=0,
    )
    # One leaked slot a turn would be 100 * 16 * 2 * 128 * 128 * 3 bytes = 157 MB.
    assert_leaving_early_leaks_nothing(loader)
    stats = loader.stats()
    assert (stats.extra_slots, stats.block_bytes) == (0, 0)


@needs_proc
def test_threads_and_files_go_with_the_last_loader(dataset: fastinet.Dataset) -> None:
    gc.collect()
    threads, files = threads_of_this_process(), open_files()
    loaders = [Loader(dataset, 8, SMALL, threads=7) for _ in range(2)]
    epochs = [iter(loader) for loader in loaders]
    next(epochs[0])
    assert threads_of_this_process() == threads + 7
    del loaders, epochs
    gc.collect()
    assert (threads_of_this_process(), open_files()) == (threads, files)


@needs_proc
@needs_proc
def test_programs_inherit_no_descriptor(archive_path: Path) -> None:
    """Whoever starts a program in the middle of an epoch or a stream gives it none of our files."""
    folder = Path("/proc/self/fd")
    before = set(folder.iterdir())
    with archive_path.open("rb") as file:
        loaders = [
            Loader(fastinet.open(archive_path), 5, SMALL, threads=1),
            Loader(fastinet.open(archive_path), 5, SMALL, threads=1, then=lambda row: row),
            fastinet.StreamLoader(fastinet.open_stream(file, classes="imagenet1k"), 5, SMALL),
        ]
        epochs = [iter(loader) for loader in loaders]
        assert all(len(next(epoch)) == 5 for epoch in epochs)
        signals = {epoch._run.ready_descriptor() for epoch in epochs}
        opened = {int(each.name) for each in set(folder.iterdir()) - before if each.exists()}
        assert len(signals) == 3
        assert opened > signals  # what wakes who waits, archives, the stream, and what stops it
        assert {each for each in opened if os.get_inheritable(each)} == set()
        for epoch in epochs:
            epoch.close()


def test_memory_of_the_twentieth_epoch_is_that_of_the_second(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 16, RandomResizedCrop(160), shuffle=True, threads=3)
    resident = []
    for _ in range(20):
        for _ in loader:
            pass
        resident.append(resident_bytes())
    assert resident[19] - resident[1] < 10e6


def test_an_exception_in_the_loop_leaves_the_loader_usable(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 4, SMALL, threads=2)

    class StepError(Exception):
        pass

    def train() -> None:
        for number, _ in enumerate(loader):
            if number == 2:
                raise StepError

    for _ in range(5):
        with pytest.raises(StepError):
            train()
    assert sum(map(len, loader)) == 43


def test_a_closed_epoch_is_over(dataset: fastinet.Dataset) -> None:
    epoch = iter(Loader(dataset, 4, SMALL, threads=2))
    batch = next(epoch)
    copy = batch.images.copy()
    epoch.close()
    epoch.close()
    assert list(epoch) == []
    assert np.array_equal(batch.images, copy)


def test_closing_wakes_whoever_waits(dataset: fastinet.Dataset) -> None:
    epoch = slow_epoch(dataset)
    outcome: list[BaseException | None] = []

    def wait() -> None:
        try:
            next(epoch)
        except BaseException as error:  # noqa: BLE001
            outcome.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    while epoch._run.ready_batches == 0 and not outcome and waiter.is_alive():
        epoch.close()
        waiter.join(0.05)
    waiter.join(HANGS_SECONDS)
    assert not waiter.is_alive()
    # Closed before the waiting began, it is an epoch that is over.
    assert isinstance(outcome[0], fastinet.errors.CancelledError | StopIteration)


def slow_epoch(dataset: fastinet.Dataset) -> Any:
    """One batch of a million rows: nobody will see it finished."""
    million = dataset.select(np.zeros(10**6, np.int64))
    return iter(Loader(million, 10**6, Resize(4), threads=1))


def test_several_consumers_share_one_epoch(dataset: fastinet.Dataset) -> None:
    epoch = iter(Loader(dataset, 2, SMALL, shuffle=True, threads=3))
    seen: list[int] = []
    consumers = [
        threading.Thread(target=lambda: [seen.extend(batch.indices.tolist()) for batch in epoch])
        for _ in range(4)
    ]
    for consumer in consumers:
        consumer.start()
    for consumer in consumers:
        consumer.join(HANGS_SECONDS)
    assert sorted(seen) == list(range(43))


def test_consumers_take_the_state_on_together(dataset: fastinet.Dataset) -> None:
    """However their turns fall: each batch counts once, and so does the end."""
    many = dataset.select(np.arange(860) % 43)
    loader = Loader(many, 1, Resize(4), threads=2, prefetch=64)
    epoch = iter(loader)

    def take(batches: int | None) -> None:
        for _ in itertools.islice(epoch, batches):
            pass

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for batches, place in ((200, (0, 800)), (None, (1, 0))):
            consumers = [threading.Thread(target=take, args=[batches]) for _ in range(4)]
            for consumer in consumers:
                consumer.start()
            for consumer in consumers:
                consumer.join(HANGS_SECONDS)
            state = loader.state_dict()
            assert (state["epoch"], state["position"]) == place
    finally:
        sys.setswitchinterval(interval)


# Other processes

OPEN = """
import os, signal, sys, threading
import numpy as np
import fastinet
dataset = fastinet.open(sys.argv[1], index=False)
loader = fastinet.Loader(dataset, 4, fastinet.RandomResizedCrop(8), shuffle=True, threads=3)
"""


def run(program: str, archive: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *options, "-c", OPEN + program, str(archive)],
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
        env=environment(),
        check=False,
    )


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.mark.parametrize(
    "ending",
    [
        "",
        "sys.exit(0)",
        "del loader",
        "epoch.myself = epoch; del epoch, loader, batch",
        "cycle = [epoch, loader]; cycle.append(cycle); del epoch, loader",
    ],
)
def test_the_interpreter_ends_while_a_loader_runs(archive_path: Path, ending: str) -> None:
    program = f"""
epoch = iter(loader)
batch = next(epoch)
print("running")
{ending}
"""
    answer = run(program, archive_path)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "running\n", "")


@pytest.mark.parametrize(
    "program",
    [
        """
million = dataset.select(np.zeros(10**6, np.int64))
epoch = iter(fastinet.Loader(million, 10**6, fastinet.Resize(4), threads=1))
threading.Thread(target=next, args=[epoch], daemon=True).start()
""",
        """
def forever():
    while True:
        list(loader)
for _ in range(3):
    threading.Thread(target=forever, daemon=True).start()
""",
    ],
    ids=["waiting", "looping"],
)
def test_the_interpreter_ends_under_other_threads(archive_path: Path, program: str) -> None:
    """Daemon threads inside next() are no reason to crash or hang; what they print is theirs."""
    # A thread that dies while it writes a traceback may take the lock of stderr with it, and then
    # CPython itself aborts when it flushes (_enter_buffered_busy): let them write nothing.
    silence = "threading.excepthook = lambda _: None\n"
    # Should it abort all the same, stderr says where every thread was.
    answer = run(silence + program, archive_path, "-Xfaulthandler")
    assert (answer.returncode, answer.stdout) == (0, ""), answer.stderr


def test_an_uncaught_exception_ends_the_program(archive_path: Path) -> None:
    answer = run("for batch in loader: raise SystemError('mine')", archive_path)
    assert answer.returncode == 1
    assert answer.stderr.endswith("SystemError: mine\n")


def test_ctrl_c_interrupts_next(archive_path: Path) -> None:
    program = """
million = dataset.select(np.zeros(10**6, np.int64))
slow = fastinet.Loader(million, 10**6, fastinet.Resize(4), threads=1)
epoch = iter(slow)

def interrupt():
    while slow.stats().startup_seconds < 0.02:  # more than a look: next() is waiting
        pass
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt).start()
try:
    next(epoch)
except KeyboardInterrupt:
    print("interrupted")
print(sum(map(len, loader)))
"""
    answer = run(program, archive_path)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "interrupted\n43\n", "")


def test_a_ctrl_c_beside_a_ready_batch_loses_none(dataset: fastinet.Dataset) -> None:
    """A signal that is pending when the engine is asked, though nothing has to be waited for."""
    loader = Loader(dataset, 5, SMALL, threads=2)
    epoch = iter(loader)
    while not epoch.ready_batches:
        time.sleep(0.001)
    # One C function after the other: Python looks at signals between its own instructions, and
    # after all of its own functions that send one.
    calls = [
        partial(ctypes.CDLL(None)["raise"], int(signal.SIGUSR1)),
        partial(epoch._native.next),
    ]
    before = signal.signal(signal.SIGUSR1, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            list(map(partial.__call__, calls))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert loader.state_dict()["position"] == 0
    assert [batch.indices.tolist() for batch in epoch] == [
        batch.indices.tolist() for batch in loader.epoch(0)
    ]


def test_ctrl_c_loses_no_batch(archive_path: Path) -> None:
    """A batch that becomes ready while a signal is pending comes with the next call."""
    program = """
many = dataset.select(np.arange(600) % len(dataset))
epoch = iter(fastinet.Loader(many, 200, fastinet.Resize(64), threads=1))

def wait():
    return epoch._run.next()

def interrupt(number, frame):
    signal.setitimer(signal.ITIMER_REAL, 0.002)
    if frame.f_code is wait.__code__:
        raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.002)
rows = interruptions = 0
while True:
    try:
        delivered = wait()
    except KeyboardInterrupt:
        interruptions += 1
        continue
    if delivered is None:
        break
    rows += len(delivered[0])
signal.signal(signal.SIGALRM, signal.SIG_IGN)  # a late one would set the timer again
print(rows, interruptions > 0)
"""
    answer = run(program, archive_path)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "600 True\n", "")


@needs_proc
@needs_memory_limit
def test_an_epoch_goes_on_when_memory_comes_back(archive_path: Path) -> None:
    """There is memory for one slot; the epoch uses it again as soon as its batch is dropped."""
    program = """
import resource
few = dataset.select(np.arange(3))
epoch = iter(fastinet.Loader(few, 1, fastinet.Resize(8192), threads=1, prefetch=1))
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + (150 << 20)  # a slot takes 192 MiB
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
rows = 0
for _ in range(3):
    batch = next(epoch)
    rows += len(batch)
    del batch
print(rows)
"""
    answer = run(program, archive_path)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "3\n", "")


@needs_fork
def test_after_a_fork(archive_path: Path) -> None:
    """The child's old epoch says what to do, its loader works, and the parent notices nothing."""
    program = """
epoch = iter(loader)
batch = next(epoch)
whole = [b.images.copy() for b in loader.epoch(7)]
sys.stdout.flush()
child = os.fork()
if child == 0:
    copy = batch.images.copy()
    try:
        next(epoch)
    except fastinet.errors.CancelledError as error:
        assert "fork()" in str(error) and "iter(loader)" in str(error)
    else:
        raise SystemError("no error")
    again = [b.images.copy() for b in loader.epoch(7)]
    assert all(np.array_equal(a, b) for a, b in zip(whole, again, strict=True))
    assert np.array_equal(batch.images, copy)
    del epoch, batch, loader
    print("child")
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
rest = [len(b) for b in epoch]
assert sum(rest) == 39, rest
print("parent")
"""
    answer = run(program, archive_path, "-Wignore::DeprecationWarning")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "child\nparent\n", "")


@needs_fork
def test_a_fork_in_the_thick_of_it(archive_path: Path) -> None:
    """Children that are forked while workers hold locks come to their end all the same."""
    program = """
big = dataset.select(np.arange(4000) % len(dataset))
for batch_size in [1, 7, 64]:
    epoch = iter(fastinet.Loader(big, batch_size, fastinet.Resize(8), threads=4))
    held = []
    for _ in range(20):
        held = held[-2:] + [next(epoch)]
        child = os.fork()
        if child == 0:
            del held, epoch
            os._exit(0 if len(next(iter(loader))) == 4 else 1)
        assert os.waitpid(child, 0)[1] == 0
print("done")
"""
    answer = run(program, archive_path, "-Wignore::DeprecationWarning")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "done\n", "")

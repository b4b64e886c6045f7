"""Calls that look at a million items leave Python's lock to other threads meanwhile.

No time is measured: nobody is made to give the lock up here, so that another thread works only
where a call lets it, and one that does not lets it never.
"""

from __future__ import annotations

import contextlib
import ctypes
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import fastinet
from fastinet._native import _digest, _engine, _paths, _plan
from fastinet.augment import RandomErasing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MANY = 200_000  # of items: what takes a millisecond
TRIES = 200  # on a busy machine the other thread may come too late for some
HANGS_SECONDS = 120


@contextlib.contextmanager
def a_thread_that_counts() -> Iterator[Callable[[], int]]:
    """What tells how often another thread has had the lock, which is taken from nobody."""
    count, is_over = 0, False

    def work() -> None:
        nonlocal count
        while not is_over:
            count += 1
            time.sleep(0)

    interval = sys.getswitchinterval()
    thread = threading.Thread(target=work)
    # Before it starts: a thread that waits already has the interval of then.
    sys.setswitchinterval(1000)
    thread.start()
    try:
        yield lambda: count
    finally:
        sys.setswitchinterval(interval)
        is_over = True
        thread.join()


def lets_others_work(call: Callable[[], object]) -> bool:
    with a_thread_that_counts() as count:
        for _ in range(TRIES):
            before = count()
            call()
            if count() != before:
                return True
    return False


Calls = dict[str, "Callable[[], object]"]


@pytest.fixture(scope="module")
def calls(archive_path: Path) -> Calls:
    """Calls of compiled functions, with arguments of the types that they convert to."""
    dataset = fastinet.open(archive_path)
    source = _engine.Source.file(bytes(archive_path))
    zeros, ones = np.zeros(MANY, np.uint64), np.ones(MANY, np.uint64)
    eights = np.full(MANY, 8, np.uint64)
    table = _engine.ItemTable([source], None, zeros, eights)
    numbers = np.arange(MANY, dtype=np.int64)
    starts = np.linspace(0, MANY, MANY + 1).astype(np.int64)
    boxes = np.tile(np.array([0, 0, 1, 1], np.float32), (MANY, 1))
    text = np.frombuffer(b"a/b" * MANY, np.uint8)
    text_starts, text_ends = 3 * numbers, 3 * numbers + 3
    ends, offsets = text_ends.astype(np.uint64), numbers.astype(np.uint64)
    counts = np.zeros(MANY, np.uint32)
    megabytes = np.zeros(4_000_000, np.uint8)
    labels = np.zeros(MANY, np.int32)

    loader = fastinet.Loader(dataset.select(np.zeros(MANY, np.int64)), MANY, fastinet.Resize(1))
    begun: list[tuple[Any, Any]] = []

    class Epoch:
        """Keeps what an epoch is begun with."""

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            begun.append((args, kwargs))
            return real(*args, **kwargs)

    real = _engine.Epoch
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_engine, "Epoch", Epoch)
        iter(loader).close()
        erase = RandomErasing(1.0, scale=(0.5, 0.6), mode="pixel")
        transform = fastinet.RandomResizedCrop(160, erase=erase)
        iter(fastinet.Loader(dataset, len(dataset), transform)).close()
    (args, kwargs), (erasing, erasing_keywords) = begun
    lease = real(*erasing, **erasing_keywords).next()[0]
    return {
        "an epoch": lambda: real(*args, **kwargs),
        "a table of items": lambda: _engine.ItemTable([source], None, zeros, eights),
        "soft labels": lambda: _engine.SoftLabels(
            table, labels, ranks=1, rows=1, columns=1, classes=9, axes="xy"
        ),
        "boxes of objects": lambda: _engine.ObjectTable(starts, boxes),
        "a folder": lambda: _engine.Source.folder(
            bytes(archive_path.parent), text, ends, offsets, ones
        ),
        "erased pixels": lambda: lease.erased_pixels(0),
        "an order": lambda: _plan.epoch_order(MANY),
        "counts": lambda: _plan.count_up(counts, numbers),
        "folders of names": lambda: _paths.folders_of(text, text_starts, text_ends),
        "a digest": lambda: _digest.Md5().update(megabytes),
    }


@pytest.mark.parametrize(
    "name",
    [
        "an epoch",
        "a table of items",
        "soft labels",
        "boxes of objects",
        "a folder",
        "erased pixels",
        "an order",
        "counts",
        "folders of names",
        "a digest",
    ],
)
def test_other_threads_work_meanwhile(calls: Calls, name: str) -> None:
    assert lets_others_work(calls[name])


def test_a_call_that_keeps_the_lock_is_found() -> None:
    sleep = ctypes.PyDLL(None).usleep  # a millisecond, with the lock in hand
    assert not lets_others_work(lambda: sleep(1000))


# Who lets go of arrays may be a thread of another library, and may come late.
LET_GO = """
import ctypes
import numpy as np
from fastinet._native import _engine

api, libc = ctypes.pythonapi, ctypes.PyDLL(None)  # libc's functions keep the lock in hand, too
api.PyCapsule_GetPointer.restype = ctypes.c_void_p
api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
api.PyCapsule_SetName.argtypes = [ctypes.py_object, ctypes.c_char_p]

def consumed():
    "A tensor that this program has taken over as others do, and its deleter."
    array = np.zeros((3, 4), np.uint16)
    capsule = _engine.export_bfloat16(array)
    tensor = api.PyCapsule_GetPointer(capsule, b"dltensor")
    api.PyCapsule_SetName(capsule, b"used_dltensor")
    # The deleter stands behind seven words: data, device, ndim and dtype, shape, and so on.
    return array, tensor, ctypes.c_void_p.from_address(tensor + 7 * 8).value

def in_a_thread(function, argument):
    "Calls a C function in a thread that Python does not know, and waits with the lock in hand."
    thread = ctypes.c_ulong()
    start = ctypes.c_void_p(function)
    assert libc.pthread_create(ctypes.byref(thread), None, start, ctypes.c_void_p(argument)) == 0
    assert libc.pthread_join(thread, None) == 0
"""


def run(program: str) -> str:
    answer = subprocess.run(
        [sys.executable, "-c", LET_GO + program],
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    return answer.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="calls the C library by its symbols on Linux")
def test_arrays_are_let_go_of_anywhere() -> None:
    """In a thread without the lock while its holder waits for that thread; and when all is over."""
    program = """
import sys
array, tensor, deleter = consumed()
held = sys.getrefcount(array)
in_a_thread(deleter, tensor)  # which hangs where the thread asks for the lock
print(held - sys.getrefcount(array))
other, tensor, deleter = consumed()  # a later call from Python
print(held - sys.getrefcount(array))
ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(deleter)(tensor)  # with the lock in hand: at once
print(held - sys.getrefcount(other))
last, tensor, deleter = consumed()
libc.__cxa_atexit(ctypes.c_void_p(deleter), ctypes.c_void_p(tensor), None)  # after the interpreter
print("over")
"""
    assert run(program).split() == ["0", "1", "1", "over"]

"""Callers' buffers (`out=`) and DLPack: who may write where, and what keeps what alive."""

from __future__ import annotations

import ctypes
import gc
import mmap
import os
import pickle
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import fastinet
from fastinet import Loader, RandomResizedCrop

SMALL = RandomResizedCrop(8)
SHAPE = (5, 8, 8, 3)
# Nothing here is about time. Whatever takes this long hangs.
HANGS_SECONDS = 120


def buffers(count: int, shape: tuple[int, ...] = SHAPE, dtype: Any = np.uint8) -> list[np.ndarray]:
    return [np.zeros(shape, dtype) for _ in range(count)]


def overlapping(memory: np.ndarray) -> list[np.ndarray]:
    """Three buffers, the last of which begins within the second."""
    return [memory[start : start + 960].reshape(SHAPE) for start in (0, 960, 1440)]


def shuffled(dataset: fastinet.Dataset, **options: Any) -> Loader:
    return Loader(dataset, 5, SMALL, shuffle=True, threads=2, **options)


# Loaders


@pytest.mark.parametrize(
    ("dtype", "storage"),
    [
        ("uint8", np.uint8),
        ("float16", np.float16),
        ("bfloat16", ml_dtypes.bfloat16),
        ("bfloat16", np.int16),
        ("float32", np.float32),
    ],
)
@pytest.mark.parametrize("prefetch", [1, 3])
def test_batches_lie_in_the_callers_memory(
    dataset: fastinet.Dataset, dtype: Any, storage: Any, prefetch: int
) -> None:
    out = buffers(prefetch + 2, dtype=storage)
    loader = shuffled(dataset, prefetch=prefetch, out=out, dtype=dtype)
    own = shuffled(dataset, dtype=dtype)
    for _ in range(3):
        count = 0
        for batch, wanted in zip(loader, own, strict=True):
            np.testing.assert_array_equal(batch.images.view(np.uint8), wanted.images.view(np.uint8))
            (place,) = [buffer for buffer in out if np.shares_memory(buffer, batch.images)]
            assert place.ctypes.data == batch.images.ctypes.data
            count += 1
        assert count == 9
    assert loader.stats().extra_slots == 0


def test_buffers_of_any_origin(dataset: fastinet.Dataset) -> None:
    """One big array, shared memory, a bytearray: as long as NumPy sees them."""
    whole = np.zeros((3, *SHAPE), np.uint8)
    size = whole[0].nbytes
    shared = [mmap.mmap(-1, size) for _ in range(3)]
    plain = [bytearray(size) for _ in range(3)]
    wanted = [batch.images.copy() for batch in shuffled(dataset, prefetch=1).epoch(0)]
    for out in (
        whole,
        *([np.frombuffer(b, np.uint8).reshape(SHAPE) for b in m] for m in (shared, plain)),
    ):
        loader = shuffled(dataset, prefetch=1, out=out)
        for batch, images in zip(loader.epoch(0), wanted, strict=True):
            np.testing.assert_array_equal(batch.images, images)
    assert any(plain[0])
    # While a loader holds it, the memory can neither move nor shrink.
    with pytest.raises(BufferError):
        plain[0].append(1)
    del loader, out, batch
    gc.collect()
    for memory in shared:
        memory.close()


def test_views_go_into_buffers_too(dataset: fastinet.Dataset) -> None:
    out = buffers(3, (5, 2, 8, 8, 3))
    loader = Loader(dataset, 5, SMALL, views=2, prefetch=1, out=out)
    batch = next(iter(loader))
    assert batch.images.shape == (5, 2, 8, 8, 3)
    assert any(np.shares_memory(batch.images, buffer) for buffer in out)


def test_nothing_is_written_to_a_batch_in_use(dataset: fastinet.Dataset) -> None:
    out = buffers(4)
    loader = shuffled(dataset, prefetch=2, out=out)
    epoch = iter(loader)
    first = next(epoch)
    view = first.images[1:3, ::2]
    copy = view.copy()
    del first
    for _ in range(6):
        next(epoch)
    np.testing.assert_array_equal(view, copy)


def test_all_buffers_in_use_is_an_error_that_says_so(dataset: fastinet.Dataset) -> None:
    loader = shuffled(dataset, prefetch=1, out=buffers(3))
    epoch = iter(loader)
    kept = [next(epoch).images for _ in range(3)]
    with pytest.raises(fastinet.errors.TooLargeError, match="all 3 buffers of out= are in use"):
        next(epoch)
    assert list(epoch) == []
    del kept
    assert sum(map(len, loader)) == 43  # the loader itself is fine


def test_as_few_buffers_as_may_be(dataset: fastinet.Dataset) -> None:
    loader = shuffled(dataset, prefetch=2, out=buffers(3))
    wanted = shuffled(dataset)
    for batch, other in zip(loader.epoch(1), wanted.epoch(1), strict=True):
        np.testing.assert_array_equal(batch.images, other.images)


def test_buffers_are_lent_once(dataset: fastinet.Dataset) -> None:
    """Even when two threads begin the first epochs at once, and both find no engine."""
    loader = shuffled(dataset, prefetch=1, out=buffers(4))
    first = next(iter(loader))
    copy = first.images.copy()
    loader._engine = None
    for _ in loader:
        pass
    np.testing.assert_array_equal(first.images, copy)


@pytest.mark.parametrize("order", ["loader first", "batch first", "buffers first"])
def test_the_last_of_them_lets_go_of_the_memory(dataset: fastinet.Dataset, order: str) -> None:
    class Memory(np.ndarray):
        """An array that can be watched."""

    out = [np.zeros(SHAPE, np.uint8).view(Memory) for _ in range(3)]
    watched = [weakref.ref(buffer) for buffer in out]
    loader = shuffled(dataset, prefetch=1, out=out)
    epoch = iter(loader)
    batch = next(epoch)
    images, copy = batch.images, batch.images.copy()

    def alive() -> int:
        gc.collect()
        return sum(ref() is not None for ref in watched)

    if order == "buffers first":
        del out
        assert alive() == 3
        del loader, epoch
    elif order == "loader first":
        del loader, epoch
        assert alive() == 3
        del out
    else:
        del batch, images
        copy = None
        del out
        assert alive() == 3
        del loader, epoch
        assert alive() == 0
    if copy is not None:
        assert alive() >= 1
        np.testing.assert_array_equal(images, copy)
        del batch
        assert alive() >= 1
        del images
        assert alive() == 0


@pytest.mark.parametrize(
    ("out", "options", "error", "message"),
    [
        ([np.zeros((5, 8, 9, 3), np.uint8)] * 3, {}, ValueError, r"out\[0\] must be of shape"),
        ([np.zeros((4, 8, 8, 3), np.uint8)] * 3, {}, ValueError, r"\(5, 8, 8, 3\) and dtype uint8"),
        (buffers(3), {"layout": "NCHW"}, ValueError, r"\(5, 3, 8, 8\)"),
        (buffers(3), {"dtype": "float16"}, ValueError, "dtype float16, not .* uint8"),
        (buffers(3, dtype=np.int32), {"dtype": "float32"}, ValueError, "not .* int32"),
        (buffers(3, dtype=">f4"), {"dtype": "float32"}, ValueError, "not .* >f4"),
        (buffers(3, dtype=np.uint16), {"dtype": "float16"}, ValueError, "not .* uint16"),
        (buffers(2), {}, ValueError, "out has 2 buffers; with prefetch=2 .* at least 3"),
        ([], {}, ValueError, "out has 0 buffers"),
        ([np.zeros(SHAPE, np.uint8)] * 3, {}, ValueError, "the same memory twice"),
        (overlapping(np.zeros(2400, np.uint8)), {}, ValueError, "the same memory twice"),
        ([np.zeros((5, 8, 8, 6), np.uint8)[..., ::2]] * 3, {}, ValueError, "contiguous"),
        ([np.frombuffer(bytes(960), np.uint8).reshape(SHAPE)] * 3, {}, ValueError, "writable"),
        (
            [np.zeros(3841, np.uint8)[1:].view(np.float32).reshape(SHAPE)] * 3,
            {"dtype": "float32"},
            ValueError,
            "aligned",
        ),
        ([bytearray(960)] * 3, {}, TypeError, r"out\[0\] must be a NumPy array, not bytearray"),
        (3, {}, TypeError, "out must be NumPy arrays"),
    ],
    ids=range(16),
)
def test_buffers_that_do_not_fit(
    dataset: fastinet.Dataset, out: Any, options: Any, error: Any, message: str
) -> None:
    with pytest.raises(error, match=message):
        Loader(dataset, 5, SMALL, prefetch=2, out=out, **options)


def test_a_loader_with_buffers_is_not_pickled(dataset: fastinet.Dataset) -> None:
    with pytest.raises(TypeError, match="stays in its process"):
        pickle.dumps(shuffled(dataset, prefetch=1, out=buffers(3)))


def run(program: str, archive: Path) -> subprocess.CompletedProcess[str]:
    opening = f"""
import os, sys, threading
import numpy as np
import fastinet
dataset = fastinet.open({str(archive)!r}, index=False)
out = [np.zeros((4, 8, 8, 3), np.uint8) for _ in range(4)]
transform = fastinet.RandomResizedCrop(8)
loader = fastinet.Loader(dataset, 4, transform, shuffle=True, threads=3, prefetch=2, out=out)
"""
    return subprocess.run(
        [sys.executable, "-Wignore::DeprecationWarning", "-c", opening + program],
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )


@pytest.mark.parametrize(
    "ending",
    [
        "",
        "del out",
        "del loader, epoch",
        "sys.exit(0)",
        "cycle = [epoch, loader, out, batch]; cycle.append(cycle); del epoch, loader, out, batch",
        "sys.kept = batch, loader; del batch, loader",
        "import atexit; atexit.register(lambda: next(epoch))",
    ],
)
def test_the_interpreter_ends_with_buffers_lent(archive_path: Path, ending: str) -> None:
    answer = run(
        f"epoch = iter(loader)\nbatch = next(epoch)\nprint('running')\n{ending}", archive_path
    )
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "running\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_buffers_stay_with_the_process_that_lent_them(archive_path: Path) -> None:
    program = """
epoch = iter(loader)
batch = next(epoch)
child = os.fork()
if child == 0:
    copy = batch.images.copy()
    try:
        iter(loader)
    except fastinet.errors.CancelledError as error:
        assert "make a loader in this process" in str(error)
    else:
        raise SystemError("no error")
    del epoch, batch, loader, out
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert sum(map(len, epoch)) == 39
"""
    answer = run(program, archive_path)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_threads_may_let_go_of_batches(archive_path: Path) -> None:
    """The last reference to a slot, a pool and a buffer dies in whichever thread it likes."""
    program = """
import queue
given = queue.Queue(maxsize=1)
def take():
    while (batch := given.get()) is not None:
        assert batch.images.shape[1:] == (8, 8, 3)
        del batch
taker = threading.Thread(target=take)
taker.start()
for _ in range(20):
    for batch in loader:
        given.put(batch)
        del batch  # two wait or are being looked at, while two more are under way
last = next(iter(loader))
del loader, out
given.put(last)
del last
given.put(None)
taker.join()
print("done")
"""
    answer = run(program, archive_path)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "done\n", "")


# DLPack


class DLTensor(ctypes.Structure):
    """dmlc/dlpack, include/dlpack/dlpack.h."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


class DLManagedTensor(ctypes.Structure):
    """A tensor and how to let go of it."""

    _fields_ = (
        ("tensor", DLTensor),
        ("manager_ctx", ctypes.c_void_p),
        ("deleter", ctypes.CFUNCTYPE(None, ctypes.c_void_p)),
    )


def pointer_in(capsule: Any) -> int:
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    pointer = get(capsule, b"dltensor")
    assert pointer is not None
    return int(pointer)


@pytest.mark.parametrize("has_gil", [True, False])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_bfloat16_by_dlpack(dataset: fastinet.Dataset, layout: Any, has_gil: bool) -> None:
    loader = Loader(
        dataset, 5, RandomResizedCrop((6, 7)), dtype="bfloat16", layout=layout, threads=1
    )
    batches = iter(loader)
    batch = next(batches)
    slots = loader._engine.slots  # type: ignore[union-attr]
    images = batch.images.copy()
    capsule = batch.__dlpack__()
    address = pointer_in(capsule)
    managed = DLManagedTensor.from_address(address)
    tensor = managed.tensor
    assert (tensor.device_type, tensor.device_id) == batch.__dlpack_device__() == (1, 0)
    assert (tensor.code, tensor.bits, tensor.lanes) == (4, 16, 1)  # kDLBfloat
    assert tuple(tensor.shape[: tensor.ndim]) == images.shape
    strides = [stride // 2 for stride in images.strides]
    assert tensor.strides[: tensor.ndim] == strides
    assert (tensor.data + tensor.byte_offset) == batch.images.ctypes.data

    # The consumer's part: the capsule is used up, and the tensor lives until it is deleted.
    rename = ctypes.pythonapi.PyCapsule_SetName
    rename.argtypes = (ctypes.py_object, ctypes.c_char_p)
    used = b"used_dltensor"
    rename(capsule, used)
    del capsule, batch
    gc.collect()
    assert slots.leased >= 1
    raw = (ctypes.c_uint16 * images.size).from_address(tensor.data)
    np.testing.assert_array_equal(np.ctypeslib.as_array(raw), images.view(np.uint16).ravel())
    before = slots.leased
    if has_gil:
        ctypes.cast(managed.deleter, ctypes.PYFUNCTYPE(None, ctypes.c_void_p))(address)
    else:  # which the call gives up; what has no lock of Python's is freed by the next batch
        managed.deleter(address)
        assert slots.leased == before
        next(batches)
    assert slots.leased == before - 1


def test_a_capsule_that_nobody_takes(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 43, SMALL, dtype="bfloat16", threads=1)
    batch = next(iter(loader))
    slots = loader._engine.slots  # type: ignore[union-attr]
    capsule = batch.__dlpack__()
    del batch
    assert slots.leased == 1
    del capsule
    assert slots.leased == 0


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32"])
def test_other_types_by_dlpack(dataset: fastinet.Dataset, dtype: Any) -> None:
    batch = next(iter(Loader(dataset, 5, SMALL, dtype=dtype)))
    images, address = batch.images.copy(), batch.images.ctypes.data
    imported = np.from_dlpack(batch)  # type: ignore[arg-type]
    assert imported.ctypes.data == address
    del batch
    gc.collect()
    np.testing.assert_array_equal(imported, images)


@pytest.mark.parametrize("dtype", ["uint8", "bfloat16"])
def test_options_of_dlpack(dataset: fastinet.Dataset, dtype: Any) -> None:
    loader = Loader(dataset, 43, SMALL, dtype=dtype)
    batch = next(iter(loader))
    batch.__dlpack__(stream=None, max_version=None, dl_device=(1, 0), copy=False)
    with pytest.raises(BufferError, match="stream=1"):
        batch.__dlpack__(stream=1)  # type: ignore[arg-type]
    with pytest.raises(BufferError, match=r"dl_device=\(2, 0\)"):
        batch.__dlpack__(dl_device=(2, 0))
    with pytest.raises(TypeError):
        batch.__dlpack__(color="red")  # type: ignore[call-arg]
    copied = batch.__dlpack__(copy=True)
    assert DLManagedTensor.from_address(pointer_in(copied)).tensor.data != batch.images.ctypes.data
    slots = loader._engine.slots  # type: ignore[union-attr]
    del batch
    gc.collect()
    assert slots.leased == 0  # the copy does not hold it

"""Streams that are slow, left early, closed or forked; and the memory of a long one."""

from __future__ import annotations

import gc
import gzip
import io
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.streamed import (
    FLAT,
    ZIPPED,
    Pieces,
    batches_of,
    loader_of,
    same_batches,
    streamed,
    train,
    written_to_pipe,
)
from test_lifetime import (
    needs_fork,
    needs_memory_limit,
    needs_proc,
    open_files,
    resident_bytes,
    threads_of_this_process,
)

import fastinet
from fastinet.errors import CancelledError, CorruptError
from fastinet.testing.archives import END, entry, tar
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    from collections.abc import Iterator

HANGS_SECONDS = 120  # nothing here is about time; whatever takes this long hangs

WHOLE = batches_of(FLAT, batch_size=2)


# ---------------------------------------------------------------------------------------- pipes


def test_a_pipe_that_closes_early() -> None:
    with written_to_pipe(FLAT[:5000]) as outlet, pytest.raises(CorruptError, match="truncated"):
        list(
            loader_of(
                fastinet.open_stream(outlet, classes="imagenet1k", name="the pipe"), batch_size=2
            )
        )


def test_items_come_while_the_rest_is_on_its_way() -> None:
    """A batch is delivered as soon as its items and a byte more are there."""
    outlet, inlet = os.pipe()
    batches = iter(loader_of(fastinet.open_stream(outlet, classes="imagenet1k"), batch_size=2))
    second = FLAT.index(b"n01440764_3.JPEG")
    os.write(inlet, FLAT[:second])
    first = next(batches)
    os.write(inlet, FLAT[second:])
    os.close(inlet)
    same_batches([first, *batches], WHOLE)
    os.close(outlet)


# ------------------------------------------------------------------------------------- lifetimes


def test_left_early() -> None:
    """Whatever the reading thread waits for: bytes, room for a batch, or a file object."""
    outlet, inlet = os.pipe()
    os.write(inlet, FLAT[:1000])  # an idle pipe
    for source in (outlet, io.BytesIO(FLAT * 1), Pieces(iter([FLAT[:20_000]]))):
        loader = loader_of(
            fastinet.open_stream(source, classes="imagenet1k"), batch_size=2, prefetch=1
        )
        batches = iter(loader)
        if source is not outlet:
            next(batches)
        batches.close()  # type: ignore[attr-defined]
        assert list(batches) == []
    os.close(inlet)
    os.close(outlet)


@needs_proc
def test_a_hundred_streams_left_early_leak_nothing(tmp_path: Path) -> None:
    path = tmp_path / "train.tar"
    path.write_bytes(FLAT)

    def leave() -> None:
        for source in (path, io.BytesIO(FLAT), io.BytesIO(ZIPPED)):
            for _ in loader_of(fastinet.open_stream(source, classes="imagenet1k"), batch_size=2):
                break

    leave()
    gc.collect()
    wait_for_pumps()
    files, threads = open_files(), threads_of_this_process()
    for _ in range(33):
        leave()
    gc.collect()
    wait_for_pumps()
    assert (open_files(), threads_of_this_process()) == (files, threads)


def wait_for_pumps() -> None:
    for thread in threading.enumerate():
        if thread.name == "fastinet stream":
            thread.join(HANGS_SECONDS)


def consume(batches: Iterator[fastinet.Batch], told: list[BaseException]) -> None:
    try:
        list(batches)
    except BaseException as error:  # noqa: BLE001
        told.append(error)


def test_closed_by_another_thread() -> None:
    """While next() waits for bytes that do not come, and while workers have items in hand."""
    for head in (0, 1000, 30_000):
        outlet, inlet = os.pipe()
        os.write(inlet, FLAT[:head])
        batches: Any = iter(
            loader_of(fastinet.open_stream(outlet, classes="imagenet1k"), batch_size=5, threads=3)
        )
        told: list[BaseException] = []

        consumer = threading.Thread(target=consume, args=(batches, told))
        consumer.start()
        batches.close()
        consumer.join(HANGS_SECONDS)
        assert not consumer.is_alive()
        assert all(isinstance(error, CancelledError) for error in told)
        os.close(outlet)
        os.close(inlet)


def test_many_consumers() -> None:
    data = tar(train(60))
    batches = iter(loader_of(streamed(data), batch_size=2, threads=3))
    taken: list[int] = []

    def take() -> None:
        for batch in batches:
            taken.extend(batch.indices.tolist())

    consumers = [threading.Thread(target=take) for _ in range(4)]
    for consumer in consumers:
        consumer.start()
    for consumer in consumers:
        consumer.join(HANGS_SECONDS)
    assert sorted(taken) == list(range(60))


INTERRUPTED = """
    import os, signal, sys, threading
    import fastinet

    outlet, inlet = os.pipe()
    data = open(sys.argv[1], "rb").read()
    half = data.index(b"n01440764_5.JPEG")
    os.write(inlet, data[:half])
    loader = fastinet.StreamLoader(
        fastinet.open_stream(outlet, classes="imagenet1k"), 2, fastinet.Resize(8), threads=2
    )
    batches = iter(loader)
    got = [next(batches), next(batches)]
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        next(batches)
    except KeyboardInterrupt:
        print("interrupted")
    threading.Thread(target=lambda: (os.write(inlet, data[half:]), os.close(inlet))).start()
    print(sum(len(batch) for batch in [*got, *batches]))
"""

LEFT_AT_EXIT = """
    import os, sys
    import fastinet

    class Slow:
        def __init__(self):
            self.given = False
        def read(self, size):
            if self.given:
                import time
                time.sleep(1000)
            self.given = True
            return open(sys.argv[1], "rb").read()[:20000]

    outlet, inlet = os.pipe()
    os.write(inlet, open(sys.argv[1], "rb").read()[:20000])
    kept = []
    for source in (outlet, Slow()):
        batches = iter(fastinet.StreamLoader(
            fastinet.open_stream(source, classes="imagenet1k"), 2, fastinet.Resize(8), threads=2
        ))
        kept.append((batches, next(batches)))
    print("leaving")
"""


def run_script(script: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


def test_interrupted_while_it_waits(tmp_path: Path) -> None:
    """Ctrl-C ends the waiting and not the pass."""
    path = tmp_path / "train.tar"
    path.write_bytes(FLAT)
    assert run_script(INTERRUPTED, str(path)).split() == ["interrupted", "10"]


def test_the_interpreter_exits_with_streams_half_read(tmp_path: Path) -> None:
    path = tmp_path / "train.tar"
    path.write_bytes(FLAT)
    assert run_script(LEFT_AT_EXIT, str(path)) == "leaving\n"


@needs_fork
def test_a_fork_half_way() -> None:
    """The child is told; the parent goes on, and a child that lives does not hold up its end."""
    batches = iter(loader_of(streamed(FLAT), batch_size=2))
    first = next(batches)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            next(batches)
        except CancelledError:
            code = 0
        finally:
            batches.close()  # type: ignore[attr-defined]  # what the child's exit would do
            time.sleep(1)
            os._exit(code)
    same_batches([first, *batches], WHOLE)
    assert os.waitpid(child, 0)[1] == 0


# ----------------------------------------------------------------------------------------- memory


def endless(megabytes: int) -> Iterator[bytes]:
    """A tar of that size, made as it is read."""
    rng = np.random.default_rng(0)
    images = [small_jpeg(rng, quality=95) + rng.bytes(100_000) for _ in range(20)]
    written = number = 0
    while written < megabytes * 1_000_000:
        yield entry(f"n01440764_{number}.JPEG", images[number % len(images)])
        written += 100_000
        number += 1
    yield END


@needs_proc
@needs_memory_limit
@pytest.mark.parametrize("zipped", [False, True])
def test_memory_stays_flat(zipped: bool) -> None:
    """An archive of 350 MB through a window of some 6 MB."""
    pieces = endless(350)
    if zipped:
        pieces = (gzip.compress(piece, 0) for piece in pieces)
    loader = loader_of(
        fastinet.open_stream(Pieces(pieces), classes="imagenet1k"),
        shuffle=True,
        window=50,
        threads=2,
        batch_size=10,
    )
    after_warm_up, most, rows = 0, 0, 0
    for batch in loader:
        rows += len(batch)
        if rows >= 500 and not after_warm_up:
            after_warm_up = resident_bytes()
        most = max(most, resident_bytes())
    assert rows == 3500
    assert most - after_warm_up < 20_000_000


def test_killing_the_writer(tmp_path: Path) -> None:
    """A writer that dies in the middle is a stream cut short."""
    path = tmp_path / "train.tar"
    path.write_bytes(FLAT)
    script = (
        "import sys, time; f = open(sys.argv[1], 'rb'); sys.stdout.buffer.write(f.read(20000)); "
        "sys.stdout.flush(); time.sleep(1000)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        batches = iter(
            loader_of(
                fastinet.open_stream(writer.stdout.fileno(), classes="imagenet1k"), batch_size=2
            )
        )
        first = next(batches)
        writer.send_signal(signal.SIGKILL)
        with pytest.raises(CorruptError, match="truncated"):
            list(batches)
        same_batches([first], WHOLE[:1])

"""Question: what does an archive that arrives through a pipe cost, against the same file in order?

Baseline: the plain tar through `Loader`, in archive order. The archive is the photographs of
FASTINET_SAMPLE, or the demo's, repeated to 500 MB; `cat` writes the pipe. Train pipeline, two
threads, page cache warm; medians over rounds that alternate. CPU time is the process's own, all
threads together, and with that of `cat` where it says so.

    FASTINET_SAMPLE=train.tar python benchmarks/stream_rate.py [--megabytes 500] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from archives import photographs
from gzip_access import repeat

import fastinet
from fastinet._native import _engine
from fastinet.base.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ROUNDS = 5
THREADS = 2
BATCH_SIZE = 64


class Cost(NamedTuple):
    """Of one pass [seconds]."""

    wall: float
    cpu: float
    cpu_of_writer: float


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        plain = repeat(photographs(), Path(folder) / "train.tar", options.megabytes * 1_000_000)
        figures = measure(plain)
    for name, value in figures.items():
        print(f"{name:<58}{value:10.3f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def measure(plain: Path) -> dict[str, float]:
    """Rates, and the stream's share of the file's."""
    dataset = fastinet.open(plain, index=False)
    by_file, by_pipe, by_object, drained = alternate(
        lambda: train(fastinet.Loader(dataset, **train_options())),
        lambda: through_cat(plain, lambda file: train_stream(file.fileno())),
        lambda: through_cat(plain, train_stream),
        lambda: through_cat(plain, lambda file: drain(file.fileno())),
    )
    items = len(dataset)
    return {
        "file in order, images/s": items / by_file.wall,
        "pipe, images/s": items / by_pipe.wall,
        "file in order, CPU ms/image": 1e3 * by_file.cpu / items,
        "pipe, CPU ms/image": 1e3 * by_pipe.cpu / items,
        "pipe, share of the file's rate by wall clock": by_file.wall / by_pipe.wall,
        "pipe, share of the file's rate by CPU": by_file.cpu / by_pipe.cpu,
        "the same with the CPU of cat": by_file.cpu / (by_pipe.cpu + by_pipe.cpu_of_writer),
        "file object, share of the file's rate by CPU": by_file.cpu / by_object.cpu,
        "taken apart alone, MB/s by CPU": plain.stat().st_size / drained.cpu / 1e6,
    }


def train_options() -> dict[str, Any]:
    """The train pipeline."""
    return {
        "batch_size": BATCH_SIZE,
        "transform": fastinet.RandomResizedCrop(224),
        "threads": THREADS,
    }


def train(batches: Iterable[fastinet.Batch]) -> None:
    """One pass."""
    for _ in batches:
        pass


def train_stream(source: int | IO[bytes]) -> None:
    """One pass over what arrives."""
    stream = fastinet.open_stream(source, classes="imagenet1k")
    train(fastinet.StreamLoader(stream, **train_options()))


def drain(descriptor: int) -> None:
    """All items, undecoded."""
    rules = fastinet.open_stream(descriptor).rules
    items = _engine.StreamItems(descriptor, b"pipe", rules, max_pixels=Limits().pixels)
    while items.next() is not None:
        pass


def through_cat(path: Path, work: Callable[[IO[bytes]], None]) -> None:
    """Does `work` with the end to read of a pipe."""
    with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        work(writer.stdout)


def alternate(*works: Callable[[], None]) -> list[Cost]:
    """Medians of each, over rounds in which each has its turn, after one that warms up."""
    rounds = [[cost(work) for work in works] for _ in range(ROUNDS + 1)][1:]
    return [
        Cost(*(statistics.median(values) for values in zip(*costs, strict=True)))
        for costs in zip(*rounds, strict=True)
    ]


def cost(work: Callable[[], None]) -> Cost:
    """What `work` takes."""
    start, cpu, writer = time.perf_counter(), time.process_time(), cpu_of_children()
    work()
    return Cost(time.perf_counter() - start, time.process_time() - cpu, cpu_of_children() - writer)


def cpu_of_children() -> float:
    """CPU seconds of processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()

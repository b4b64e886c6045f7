"""Question: what does the loader itself cost the loop that it feeds?

Goals: ``next()`` for a batch that is ready in under 50 microseconds, and the first batch of an
indexed archive in under half a second, batch 256 at 224. No baseline: these are times by the clock,
of this machine, best on one that does nothing else. Between two calls the loop either asks at once,
sleeps (as for a device), or computes over 32 MiB, which drives the loader out of the caches.

    FASTINET_SAMPLE=train.tar python benchmarks/loop_overhead.py [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from archives import TRAIN_ITEMS, indexed_train_archive, photographs

import fastinet

if TYPE_CHECKING:
    from collections.abc import Callable

STEP_SECONDS = 0.005
CALLS = 300
FIRST_BATCHES = 5
MICROSECONDS = 1e6


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--first-batch-of", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.first_batch_of:
        print(json.dumps(first_batch(options.first_batch_of)))
        return
    figures = {**measure_next(photographs()), **measure_first_batch(photographs())}
    for name, value in figures.items():
        print(f"{name:<64}{value:10.3f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def measure_next(archive: Path) -> dict[str, float]:
    """What ``next()`` takes when its batch is ready, in microseconds."""
    memory = np.zeros(4 << 20)

    def compute() -> None:
        end = time.perf_counter() + STEP_SECONDS
        while time.perf_counter() < end:
            np.add(memory, 1, out=memory)

    steps: dict[str, Callable[[], None]] = {
        "asked at once": lambda: None,
        "after 5 ms of sleep": lambda: time.sleep(STEP_SECONDS),
        "after 5 ms of computing": compute,
    }
    figures = {}
    for name, step in steps.items():
        times = sorted(ready_next_seconds(archive, step))
        figures[f"next() {name}, median, us"] = statistics.median(times) * MICROSECONDS
        figures[f"next() {name}, 90th percentile, us"] = times[len(times) * 9 // 10] * MICROSECONDS
    return figures


def ready_next_seconds(archive: Path, step: Callable[[], None]) -> list[float]:
    """Seconds of `CALLS` calls whose batch was ready, each after a `step` of the loop."""
    loader = fastinet.Loader(
        fastinet.open(archive), 8, fastinet.RandomResizedCrop(64), shuffle=True, prefetch=8
    )
    times: list[float] = []
    while len(times) < CALLS:
        epoch = iter(loader)
        for _ in range(len(epoch) - 1):
            while not epoch.ready_batches:
                time.sleep(STEP_SECONDS)
            step()
            start = time.perf_counter()
            next(epoch)
            times.append(time.perf_counter() - start)
    return times[:CALLS]


def measure_first_batch(sample: Path) -> dict[str, float]:
    """From `fastinet.open` to the first batch, in seconds, each time in a new process."""
    dataset = fastinet.open(sample)
    images = [dataset.read(item) for item in range(len(dataset))]
    with tempfile.TemporaryDirectory() as folder:
        archive = indexed_train_archive(Path(folder), images)
        runs = []
        for _ in range(FIRST_BATCHES):
            command = [sys.executable, __file__, "--first-batch-of", str(archive)]
            runs.append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    return {
        f"first batch of {TRAIN_ITEMS:,} items, {name}, s": statistics.median(
            run[name] for run in runs
        )
        for name in runs[0]
    }


def first_batch(archive: Path) -> dict[str, float]:
    """Seconds until the dataset is open, and until the first batch of a shuffled epoch is there."""
    start = time.perf_counter()
    dataset = fastinet.open(archive)
    opened = time.perf_counter()
    loader = fastinet.Loader(dataset, 256, fastinet.RandomResizedCrop(224), shuffle=True)
    next(iter(loader))
    return {"open": opened - start, "open to batch": time.perf_counter() - start}


if __name__ == "__main__":
    main()

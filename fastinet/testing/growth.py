"""Whether a process that works on and on grows: its memory, its threads, its open files.

Samples are taken where the work holds nothing, between two rounds of it, so that they can be
compared with each other. `benchmarks/soak.py` and tests judge by them.
"""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Sample", "grown", "take_sample"]

_MIB = 1 << 20


class Sample(NamedTuple):
    """What a process holds at a moment."""

    seconds: float
    """When it was taken, by a clock that only goes forward."""
    resident_bytes: int
    """Of its memory, what is in RAM."""
    threads: int
    files: int
    """Open descriptors, of whatever kind."""


def take_sample() -> Sample:
    """What this process holds now, as Linux tells it under ``/proc``."""
    resident = int(Path("/proc/self/statm").read_text().split()[1])
    return Sample(
        time.monotonic(),
        resident * os.sysconf("SC_PAGESIZE"),
        len(os.listdir("/proc/self/task")),  # noqa: PTH208 - a Path would be made for each of them
        len(os.listdir("/proc/self/fd")) - 1,  # noqa: PTH208 - without the one that lists them
    )


def grown(samples: Sequence[Sample], *, memory_slack: float = 16 * _MIB) -> list[str]:
    """What has grown while `samples` were taken, a sentence for each; empty: nothing.

    Compared are medians of the second and the last fifth of the samples. The first fifth is the
    time in which caches fill. Threads and files may not be more by even one. Memory may be more
    by `memory_slack` bytes: the heap of a process that does many things breathes.

    Raises:
        ValueError: there are fewer than ten samples, which tell nothing.
    """
    if len(samples) < 10:
        raise ValueError(f"{len(samples)} samples do not tell what grows; it takes 10")
    fifth = len(samples) // 5
    early, late = samples[fifth : 2 * fifth], samples[-fifth:]
    found = []
    for name, slack, unit in (
        ("resident_bytes", memory_slack, _MIB),
        ("threads", 0, 1),
        ("files", 0, 1),
    ):
        first = statistics.median_low(getattr(sample, name) for sample in early)
        last = statistics.median_low(getattr(sample, name) for sample in late)
        if last - first > slack:
            what = {"resident_bytes": "MiB of memory", "threads": "threads", "files": "open files"}
            found.append(f"{first / unit:.0f} {what[name]} have become {last / unit:.0f}")
    return found

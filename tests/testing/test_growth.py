"""What counts as growth of a process, and what does not."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from fastinet.testing.growth import Sample, grown, take_sample

MIB = 1 << 20


def samples(memory=lambda _: 100, threads=lambda _: 3, files=lambda _: 7) -> list[Sample]:
    """Fifty of them, a second apart; memory in MiB."""
    return [
        Sample(float(turn), int(memory(turn) * MIB), int(threads(turn)), int(files(turn)))
        for turn in range(50)
    ]


def test_what_stays_and_what_breathes_has_not_grown() -> None:
    assert grown(samples()) == []
    # Caches that fill at the beginning, and a heap that goes up and down.
    assert grown(samples(memory=lambda turn: min(100, 50 + 10 * turn) + turn % 7)) == []
    assert grown(samples(files=lambda turn: 9 if turn == 44 else 7)) == []
    assert grown(samples(memory=lambda turn: 200 - turn)) == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"memory": lambda turn: 100 + turn}, ["114 MiB of memory have become 144"]),
        ({"threads": lambda turn: 3 + turn // 25}, ["3 threads have become 4"]),
        ({"files": lambda turn: 7 + turn // 10}, ["8 open files have become 11"]),
    ],
)
def test_what_grows_is_said(more, said) -> None:
    found = grown(samples(**more))
    assert found == said


def test_memory_has_slack() -> None:
    creeping = samples(memory=lambda turn: 100 + turn / 5)
    assert grown(creeping) == []
    assert len(grown(creeping, memory_slack=5 * MIB)) == 1


def test_few_samples_tell_nothing() -> None:
    with pytest.raises(ValueError, match="9 samples do not tell"):
        grown(samples()[:9])


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="samples come from /proc")
def test_a_sample_counts_what_there_is() -> None:
    before = take_sample()
    assert before.resident_bytes > 1 << 20
    go = threading.Event()
    waiter = threading.Thread(target=go.wait)
    waiter.start()
    descriptors = os.pipe()
    held = bytearray(b"x") * (64 * MIB)
    during = take_sample()
    for descriptor in descriptors:
        os.close(descriptor)
    go.set()
    waiter.join()
    assert (during.threads, during.files) == (before.threads + 1, before.files + 2)
    assert during.resident_bytes > before.resident_bytes + len(held) // 2

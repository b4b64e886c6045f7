"""Resuming: a state, wherever it was taken, gives the rest of the unbroken run bit for bit."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastinet
from fastinet import Loader, RandomResizedCrop

SMALL = RandomResizedCrop(8)
EPOCHS = 3

# Trains until it is killed: one line a step, with the rows' digests and the state after it.
TRAIN = """
import hashlib, json, sys
import fastinet
archive, options, state = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
loader = fastinet.Loader(
    fastinet.open(archive, index=False), transform=fastinet.RandomResizedCrop(8), **options
)
if state:
    loader.load_state_dict(state)
while loader.state_dict()["epoch"] < 3:
    for images, labels in loader:
        rows = [
            hashlib.sha256(image.tobytes() + label.tobytes()).hexdigest()
            for image, label in zip(images, labels)
        ]
        print(json.dumps([rows, loader.state_dict()]), flush=True)
"""


def train(archive: Path, options: dict[str, Any], state: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", TRAIN, str(archive), json.dumps(options), json.dumps(state)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def rows_of(process: subprocess.Popen[str]) -> list[str]:
    output, _ = process.communicate()
    assert process.returncode == 0
    return [row for line in output.splitlines() for row in json.loads(line)[0]]


def rows_here(dataset: fastinet.Dataset, options: dict[str, Any], state: Any) -> list[str]:
    """What `train` would print, without a process of its own."""
    loader = Loader(dataset, transform=SMALL, **options)
    loader.load_state_dict(state)
    rows = []
    while loader.state_dict()["epoch"] < EPOCHS:
        for images, labels in loader:
            rows += [
                hashlib.sha256(image.tobytes() + label.tobytes()).hexdigest()
                for image, label in zip(images, labels, strict=True)
            ]
    return rows


@pytest.mark.parametrize(("shuffle", "repeats"), [(True, 1), ("blocked", 1), (True, 3)])
@pytest.mark.parametrize("killed_at", [1, 11, 23])
def test_a_killed_run_goes_on(
    archive_path: Path, dataset: fastinet.Dataset, shuffle: Any, repeats: int, killed_at: int
) -> None:
    """On two ranks with other threads and batches, after SIGKILL at some step."""
    options = {"shuffle": shuffle, "repeats": repeats, "seed": 9, "batch_size": 4}
    if shuffle == "blocked":
        options |= {"block": 4096, "window": 16384}
    unbroken = Loader(dataset, transform=SMALL, **options)  # type: ignore[arg-type]
    wanted = [
        hashlib.sha256(image.tobytes() + label.tobytes()).hexdigest()
        for _ in range(EPOCHS)
        for images, labels in unbroken
        for image, label in zip(images, labels, strict=True)
    ]

    with train(archive_path, {**options, "threads": 3}, None) as first:
        assert first.stdout is not None
        before = [json.loads(first.stdout.readline()) for _ in range(killed_at)]
        first.send_signal(signal.SIGKILL)
    stream = [row for rows, _ in before for row in rows]
    state = before[-1][1]

    ranks = [{**options, "batch_size": 3, "rank": rank, "world": 2} for rank in range(2)]
    if killed_at == 23:
        started = [train(archive_path, given, state) for given in ranks]
        halves = [rows_of(rank) for rank in started]
    else:  # a process that has had other epochs goes on likewise, and is here already
        halves = [rows_here(dataset, given, state) for given in ranks]
    # Position p belongs to rank p % 2, epoch by epoch.
    positions = list(range(43)) * EPOCHS
    done = 43 * state["epoch"] + state["position"]
    stream += [halves[position % 2].pop(0) for position in positions[done:]]
    assert stream == wanted
    assert halves == [[], []]


class StatefulLoader:
    """What checkpoints of torchdata's StatefulDataLoader do with an iterable dataset.

    They keep ``dataset.state_dict()``, and give it to ``load_state_dict`` of another one before its
    ``iter()`` (torchdata.stateful_dataloader, single process, batch_size=None).
    """

    def __init__(self, dataset: Any, state: Any = None) -> None:
        self.dataset = dataset
        if state is not None:
            dataset.load_state_dict(state["dataset_state"])

    def __iter__(self) -> Any:
        yield from self.dataset

    def state_dict(self) -> Any:
        return {"dataset_state": self.dataset.state_dict()}


def test_the_protocol_of_stateful_loaders(dataset: fastinet.Dataset) -> None:
    whole = []
    unbroken = Loader(dataset, 8, SMALL, shuffle=True)
    for _ in range(2):
        whole += [batch.images.copy() for batch in unbroken]
    outer = StatefulLoader(Loader(dataset, 8, SMALL, shuffle=True))
    seen = []
    for batch in outer:
        seen.append(batch.images.copy())
        if len(seen) == 4:
            break
    resumed = StatefulLoader(Loader(dataset, 8, SMALL, shuffle=True), outer.state_dict())
    for _ in range(2):
        seen += [batch.images.copy() for batch in resumed]
    assert len(seen) == len(whole)
    assert all(np.array_equal(a, b) for a, b in zip(seen, whole, strict=True))


def test_states_of_version_1_are_read(dataset: fastinet.Dataset) -> None:
    """They were written before there was a blocked shuffle."""
    state: Any = {"version": 1, "seed": 4, "shuffle": True, "items": 43, "epoch": 2, "position": 16}
    loader = Loader(dataset, 8, SMALL, shuffle=True)
    loader.load_state_dict(state)
    rest = [batch.indices.tolist() for batch in loader]
    other = Loader(dataset, 8, SMALL, shuffle=True, seed=4)
    assert rest == [batch.indices.tolist() for batch in other.epoch(2, start_batch=2)]
    assert loader.state_dict()["version"] == 2


def test_a_state_is_plain_json(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 8, SMALL, shuffle="blocked")
    next(iter(loader))
    state = loader.state_dict()
    assert json.loads(json.dumps(state)) == state
    assert state["position"] == 8

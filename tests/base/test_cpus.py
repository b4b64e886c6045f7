"""Threads and CPUs: control groups, affinity, and who shares threads with whom."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import pytest

import fastinet
from fastinet import Loader, RandomResizedCrop
from fastinet.base import cpus

SMALL = RandomResizedCrop(8)

needs_affinity = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or not Path("/proc/self/task").exists(),
    reason="needs Linux",
)


def system(folder: Path, files: dict[str, str]) -> Path:
    """A root folder with these files."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


# Control groups


@pytest.mark.parametrize(
    ("files", "granted"),
    [
        # Version 2, as docker run --cpus=1.5 and Kubernetes write it.
        ({"sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
        ({"sys/fs/cgroup/cpu.max": "max 100000\n"}, math.inf),
        ({"sys/fs/cgroup/a/b/cpu.max": "max 100000\n"}, math.inf),
        # The least of all groups on the way up.
        (
            {
                "sys/fs/cgroup/a/b/cpu.max": "400000 100000\n",
                "sys/fs/cgroup/a/cpu.max": "50000 25000\n",
                "sys/fs/cgroup/cpu.max": "max 100000\n",
            },
            2.0,
        ),
        # Files that are not there, or hold something else, limit nothing.
        ({}, math.inf),
        ({"sys/fs/cgroup/a/b/cpu.max": "some nonsense here\n"}, math.inf),
        ({"sys/fs/cgroup/a/b/cpu.max": ""}, math.inf),
    ],
)
def test_limits_of_version_2(tmp_path: Path, files: dict[str, str], granted: float) -> None:
    root = system(tmp_path, {"proc/self/cgroup": "0::/a/b\n", **files})
    assert cpus._control_group_cpus(root) == granted


@pytest.mark.parametrize(
    ("files", "granted"),
    [
        ({"cpu.cfs_quota_us": "300000\n", "cpu.cfs_period_us": "100000\n"}, 3.0),
        ({"cpu.cfs_quota_us": "-1\n", "cpu.cfs_period_us": "100000\n"}, math.inf),
        (
            {
                "docker/1/cpu.cfs_quota_us": "50000\n",
                "docker/1/cpu.cfs_period_us": "100000\n",
                "cpu.cfs_quota_us": "300000\n",
                "cpu.cfs_period_us": "100000\n",
            },
            0.5,
        ),
        ({"docker/1/cpu.cfs_quota_us": "50000\n"}, math.inf),
        ({}, math.inf),
    ],
)
def test_limits_of_version_1(tmp_path: Path, files: dict[str, str], granted: float) -> None:
    membership = "12:cpuset:/\n4:cpu,cpuacct:/docker/1\n1:name=systemd:/docker/1\n"
    placed = {f"sys/fs/cgroup/cpu/{name}": content for name, content in files.items()}
    root = system(tmp_path, {"proc/self/cgroup": membership, **placed})
    assert cpus._control_group_cpus(root) == granted


def test_a_system_without_control_groups(tmp_path: Path) -> None:
    assert cpus._control_group_cpus(tmp_path) == math.inf


@pytest.mark.parametrize(
    ("granted", "threads"), [(math.inf, 3), (8.0, 3), (2.0, 2), (1.5, 2), (0.1, 1)]
)
def test_threads_by_default(monkeypatch: pytest.MonkeyPatch, granted: float, threads: int) -> None:
    monkeypatch.setattr(cpus, "_control_group_cpus", lambda: granted)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5, 9}, raising=False)
    assert cpus.available_cpus() == threads


def test_a_short_call_asks_the_control_groups_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """What they say later is noticed, and the affinity mask at once."""
    cpus._granted_in.cache_clear()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    found = []
    for seconds, granted, allowed in ((100, 4.0, 8), (109, 2.0, 8), (110, 2.0, 8), (119, 3.0, 1)):
        monkeypatch.setattr(cpus.time, "monotonic", lambda seconds=seconds: float(seconds))
        monkeypatch.setattr(cpus, "_control_group_cpus", lambda granted=granted: granted)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, allowed=allowed: set(range(allowed)))
        found.append(cpus.cpus_for_call())
    cpus._granted_in.cache_clear()
    assert found == [4, 4, 2, 1]


@pytest.mark.parametrize(
    ("variables", "parent", "threads"),
    [
        ({}, range(8), 8),
        ({"LOCAL_WORLD_SIZE": "4"}, range(8), 2),
        ({"OMPI_COMM_WORLD_LOCAL_SIZE": "3"}, range(8), 2),
        ({"MPI_LOCALNRANKS": "16"}, range(8), 1),
        # The more specific launcher counts, and nonsense does not.
        ({"LOCAL_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_SIZE": "8"}, range(8), 4),
        ({"LOCAL_WORLD_SIZE": "0"}, range(8), 8),
        ({"LOCAL_WORLD_SIZE": "many"}, range(8), 8),
        # The launcher had more CPUs and gave this rank some.
        ({"LOCAL_WORLD_SIZE": "4"}, range(32), 8),
    ],
)
def test_ranks_of_one_machine_divide_its_cpus(
    dataset: fastinet.Dataset,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    parent: range,
    threads: int,
) -> None:
    for name in cpus._LOCAL_WORLD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(cpus, "_control_group_cpus", lambda: math.inf)
    masks = {0: set(range(8)), os.getppid(): set(parent)}
    monkeypatch.setattr(os, "sched_getaffinity", masks.__getitem__, raising=False)
    assert Loader(dataset, 8, SMALL).threads == threads
    assert Loader(dataset, 8, SMALL, threads=5).threads == 5
    assert Loader(dataset, 8, SMALL, affinity=[1, 2, 3]).threads == 3
    assert cpus.available_cpus() == 8


def test_a_launcher_that_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def affinity(process: int) -> set[int]:
        if process != 0:
            raise ProcessLookupError(process)
        return {0, 1, 2, 3}

    monkeypatch.setattr(cpus, "_control_group_cpus", lambda: math.inf)
    monkeypatch.setattr(os, "sched_getaffinity", affinity, raising=False)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert cpus.cpus_of_rank() == 2


# Affinity


def cpus_of_threads() -> list[set[int]]:
    """Of the worker threads of this process: those that are named so."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        try:
            if (task / "comm").read_text().strip() == "fastinet":
                found.append(os.sched_getaffinity(int(task.name)))
        except (OSError, ProcessLookupError):  # it has just ended
            continue
    return found


@needs_affinity
def test_threads_run_on_the_cpus_that_were_named(dataset: fastinet.Dataset) -> None:
    cpu = max(os.sched_getaffinity(0))
    before = os.sched_getaffinity(0)
    loader = Loader(dataset, 8, SMALL, threads=11, affinity=[cpu])
    assert sum(map(len, loader)) == 43
    assert sum(each == {cpu} for each in cpus_of_threads()) >= 11
    assert os.sched_getaffinity(0) == before  # the caller's thread is not ours


@needs_affinity
def test_as_many_threads_as_cpus_were_named(dataset: fastinet.Dataset) -> None:
    cpu = min(os.sched_getaffinity(0))
    loader = Loader(dataset, 8, SMALL, affinity={cpu})
    assert (loader.threads, loader.affinity) == (1, (cpu,))
    assert Loader(dataset, 8, SMALL).affinity == ()


@needs_affinity
def test_threads_are_shared_by_number_and_cpus(dataset: fastinet.Dataset) -> None:
    cpu = min(os.sched_getaffinity(0))
    loaders = [Loader(dataset, 8, SMALL, threads=2, affinity=a) for a in (None, [cpu], (cpu, cpu))]
    epochs = [iter(loader) for loader in loaders]
    pools = [loader._engine.pool for loader in loaders]  # type: ignore[union-attr]
    assert pools[1] is pools[2]
    assert pools[0] is not pools[1]
    assert [sum(map(len, epoch)) for epoch in epochs] == [43] * 3


@needs_affinity
@pytest.mark.parametrize("affinity", [[], [100_000], [-1], [0.5], 0])
def test_cpus_that_are_not_there(dataset: fastinet.Dataset, affinity: Any) -> None:
    with pytest.raises(ValueError, match="affinity must"):
        Loader(dataset, 8, SMALL, affinity=affinity)


@needs_affinity
def test_the_engine_refuses_cpus_as_well() -> None:
    for wrong in (-1, 1023, 5000):
        with pytest.raises(ValueError, match=r"no CPU|cannot bind"):
            fastinet._native._engine.WorkerPool(1, [wrong])

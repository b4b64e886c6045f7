"""How many CPUs this process may use."""

from __future__ import annotations

import functools
import math
import os
import time
from collections.abc import Iterable
from pathlib import Path

from fastinet.base.checks import whole_number

__all__ = ["available_cpus", "checked_affinity", "cpus_for_call", "cpus_of_rank"]

# Ranks that a launcher has started on this machine: torchrun and its kin, Open MPI, and MPICH with
# Intel MPI. SLURM, which tells only how many it was asked for, binds ranks to CPUs as a rule.
_LOCAL_WORLD_VARIABLES = ("LOCAL_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS")

_GRANT_SECONDS = 10  # how long `cpus_for_call` believes what the control groups said


def available_cpus() -> int:
    """CPUs that this process may run on, at least 1.

    The least of what the affinity mask allows and what the control groups grant, which is what
    ``docker run --cpus`` and Kubernetes limits set.
    """
    return _at_least_one(_control_group_cpus())


def cpus_for_call() -> int:
    """The same for a call that may take less time than to ask the control groups.

    They are asked every ten seconds, so that a limit that changes is noticed.
    """
    return _at_least_one(_granted_in(int(time.monotonic() // _GRANT_SECONDS)))


def _at_least_one(granted: float) -> int:
    """CPUs of the affinity mask, as far as control groups grant them."""
    allowed = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return max(1, math.ceil(min(allowed, granted)))


@functools.lru_cache(maxsize=1)
def _granted_in(_turn: int) -> float:
    """`_control_group_cpus`, asked once in a turn of `_GRANT_SECONDS`."""
    return _control_group_cpus()


def cpus_of_rank() -> int:
    """This rank's part of the available CPUs, at least 1: threads that ranks should start.

    A launcher that has not bound its ranks to CPUs leaves them all CPUs together, which are then
    divided by the number of ranks on this machine.
    """
    cpus = available_cpus()
    return cpus if _is_bound() else max(1, cpus // _local_world())


def _local_world() -> int:
    """Ranks on this machine, as far as the launcher says."""
    for name in _LOCAL_WORLD_VARIABLES:
        text = os.environ.get(name, "").strip()
        if text.isdecimal() and int(text) > 0:
            return int(text)
    return 1


def _is_bound() -> bool:
    """Whether this process may run on fewer CPUs than the one that started it."""
    try:
        return os.sched_getaffinity(0) < os.sched_getaffinity(os.getppid())
    except (AttributeError, OSError):  # not Linux; or the parent has ended
        return False


def checked_affinity(cpus: Iterable[int] | None) -> tuple[int, ...]:
    """The CPUs that a caller names for threads, in order; empty for None: the process's own.

    Raises:
        ValueError: there are none, or this process may not run on one of them.
    """
    if cpus is None:
        return ()
    if not isinstance(cpus, Iterable):
        raise ValueError(f"affinity must be numbers of CPUs, such as [0, 1], not {cpus!r}")  # noqa: TRY004
    wanted = tuple(sorted({whole_number("affinity", cpu, 0, 2**31 - 1) for cpu in cpus}))
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(wanted)
    if not wanted or not allowed.issuperset(wanted):
        raise ValueError(
            f"affinity must name CPUs that this process may run on, {sorted(allowed)}, not "
            f"{list(wanted)}"
        )
    return wanted


def _control_group_cpus(files: Path = Path("/")) -> float:
    """CPUs that the control groups grant; infinite without a limit. `files` is the root folder."""
    try:
        memberships = (files / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return math.inf
    granted = math.inf
    for membership in memberships:
        _, controllers, group = membership.split(":", 2)
        if controllers == "":  # version 2
            root, read = files / "sys/fs/cgroup", _version_2_cpus
        elif "cpu" in controllers.split(","):
            root, read = files / "sys/fs/cgroup/cpu", _version_1_cpus
        else:
            continue
        inner = root / group.lstrip("/")
        # Every group on the way up limits too. Inside a container the path may be the host's.
        for folder in (inner, *inner.parents):
            if folder.is_relative_to(root):
                granted = min(granted, read(folder))
    return granted


def _version_2_cpus(folder: Path) -> float:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
        return math.inf if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        return math.inf


def _version_1_cpus(folder: Path) -> float:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        period = int((folder / "cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return math.inf
    return quota / period if quota > 0 else math.inf

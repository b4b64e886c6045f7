"""Rank and world of this process, as torch, JAX or the launcher say, so that users need not."""

from __future__ import annotations

import os
import sys
from typing import Final, Literal

from fastinet.base.checks import whole_number
from fastinet.base.warning import warn

__all__ = ["rank_and_world"]

MAX_WORLD: Final = 2**31 - 1

# What `warn_of_launcher` has said in this process: who says how many ranks there are.
_said: set[tuple[str, int]] = set()

# (rank, world) as launchers name them, the more specific first: torchrun and its kin inside a SLURM
# job set theirs for processes of which SLURM knows nothing. SLURM_STEP_NUM_TASKS counts the tasks
# of the running step, SLURM_NTASKS those that the job asked for.
_VARIABLES: Final = (
    ("RANK", "WORLD_SIZE"),  # torchrun, DeepSpeed, Accelerate
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),  # Open MPI's mpirun
    ("PMI_RANK", "PMI_SIZE"),  # MPICH, Intel MPI, and srun --mpi=pmi2
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),  # srun
    ("SLURM_PROCID", "SLURM_NTASKS"),
)

_ALONE: Final = (0, 1, "no launcher: one process is assumed")


class NotYetKnownError(ValueError):
    """There are several ranks, and which one this process is will be known later."""


def rank_and_world(
    rank: int | Literal["auto"] = "auto", world: int | Literal["auto"] = "auto"
) -> tuple[int, int]:
    """This process's rank and the number of ranks.

    What an argument does not say comes from the first of these that knows:

    1. ``torch.distributed``, if its default process group is initialised;
    2. JAX, if ``jax.distributed`` is initialised;
    3. the launcher's environment variables: ``RANK`` and ``WORLD_SIZE`` (torchrun),
       ``OMPI_COMM_WORLD_RANK`` and ``..._SIZE`` (Open MPI), ``PMI_RANK`` and ``PMI_SIZE`` (MPICH,
       Intel MPI), ``SLURM_PROCID`` and ``SLURM_STEP_NUM_TASKS`` or ``SLURM_NTASKS`` (srun);
    4. nothing: one process, (0, 1).

    No framework is imported for it: one that is not loaded has not been initialised either.

    Args:
        rank: 0 .. world - 1, or "auto".
        world: number of ranks, or "auto".

    Raises:
        ValueError: no such numbers, a rank beyond the world, or a launcher's variable without its
            partner; the message says where the number came from.
    """
    if rank == "auto" or world == "auto":
        found_rank, found_world, source = _told() or _ALONE
    else:
        found_rank, found_world, source = 0, 1, ""
    if world == "auto":
        world, world_source = found_world, f" (from {source})"
    else:
        world_source = ""
    if rank == "auto":
        rank, rank_source = found_rank, f" (from {source})"
    else:
        rank_source = ""
    ranks = whole_number(f"world{world_source}", world, 1, MAX_WORLD)
    return whole_number(f"rank{rank_source}", rank, 0, ranks - 1), ranks


def told_rank() -> tuple[int, int, str] | None:
    """Rank and world, checked, and what says so; None where nothing does.

    Raises:
        ValueError: see `rank_and_world`.
    """
    found = _told()
    if found is None:
        return None
    rank, world, source = found
    ranks = whole_number(f"world (from {source})", world, 1, MAX_WORLD)
    return whole_number(f"rank (from {source})", rank, 0, ranks - 1), ranks, source


def warn_of_launcher() -> None:
    """Warns, once for each launcher, of a process that was started as one of several."""
    if (found := _launched()) is None or found in _said:
        return
    _said.add(found)
    source, world = found
    warn(
        f"{source} says {world} ranks, and this loader has rank=0 and world=1, its defaults: each"
        ' rank would have all items. rank="auto" and world="auto" share them out; if all are'
        " meant, as for evaluation by one rank, world=1 given in so many words says so"
    )


def _launched() -> tuple[str, int] | None:
    """Who says that there are several ranks, and how many; None: nobody does.

    SLURM_NTASKS does not count: a batch script that calls no srun has it, too, and runs alone.
    """
    found = _from_torch() or _from_jax()
    if found is not None:
        return (found[2], found[1]) if found[1] > 1 else None
    for _, name in _VARIABLES:
        text = os.environ.get(name, "").strip()
        if text.isdecimal() and name != "SLURM_NTASKS":
            return (name, int(text)) if int(text) > 1 else None
    return None


def _told() -> tuple[int, int, str] | None:
    """Rank, world, and what says so, for messages; None where nothing does."""
    return _from_torch() or _from_jax() or _from_environment()


def _from_torch() -> tuple[int, int, str] | None:
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return None
    return distributed.get_rank(), distributed.get_world_size(), "torch.distributed"


def _from_jax() -> tuple[int, int, str] | None:
    jax = sys.modules.get("jax")
    # Asking for the process index would start JAX's backends, so only if they are to be many.
    initialised = getattr(getattr(jax, "distributed", None), "is_initialized", None)
    if jax is None or initialised is None or not initialised():
        return None
    return jax.process_index(), jax.process_count(), "JAX"


def _from_environment() -> tuple[int, int, str] | None:
    for rank_name, world_name in _VARIABLES:
        rank, world = (os.environ.get(name, "").strip() for name in (rank_name, world_name))
        if rank and world:
            numbers = _number(rank_name, rank), _number(world_name, world)
            if world_name == "SLURM_NTASKS" and numbers[1] > 1:
                _warn_of_batch_script(numbers[1])
            return (*numbers, f"{rank_name} and {world_name}")
        if rank_name == "RANK" and (rank or world):
            if world and (found := _from_lightning(_number(world_name, world))):
                return found
            present, absent = (rank_name, world_name) if rank else (world_name, rank_name)
            raise ValueError(
                f"{present} is set and {absent} is not: set both, as torchrun does, or give both "
                "rank and world"
            )
    return None


def _from_lightning(world: int) -> tuple[int, int, str] | None:
    """What the processes that Lightning starts by itself know, before it makes their group.

    They have no RANK, but a number within their node, and the node's. How many processes the nodes
    before have, they are not told.
    """
    node, local = (os.environ.get(name, "").strip() for name in ("NODE_RANK", "LOCAL_RANK"))
    if not (node.isdecimal() and local.isdecimal()):
        return None
    if int(node) > 0:
        raise NotYetKnownError(
            f"WORLD_SIZE={world} and NODE_RANK={node} are set and RANK is not, as where Lightning "
            "starts the processes: the rank is known once its trainer has begun to fit; ask the "
            "loader for its length or for batches then, or set RANK"
        )
    return int(local), world, "LOCAL_RANK and WORLD_SIZE"


def _number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{name} must be a whole number, not {text!r}") from None


def _warn_of_batch_script(tasks: int) -> None:
    """A batch script that calls no srun has SLURM_PROCID and SLURM_NTASKS, and runs alone."""
    warn(
        f"SLURM_NTASKS says {tasks} ranks, but no srun step shows: if this process runs alone, "
        "give rank=0 and world=1"
    )

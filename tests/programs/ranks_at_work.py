"""What each of several real processes does in tests/frameworks/test_distributed.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

import fastinet
from fastinet import CenterCrop, Loader, RandomResizedCrop
from fastinet.distributed import rank_and_world
from fastinet.metrics import Accumulator


def scores_of(batch: fastinet.Batch, classes: int) -> Any:
    """What a model might say, as a function of each image's pixels."""
    sums = batch.images.reshape(len(batch), -1).sum(1, dtype=np.int64)
    return np.cos(sums[:, None] * np.arange(1, classes + 1) * 1e-3)


def evaluate(dataset: fastinet.Dataset, **options: Any) -> tuple[Accumulator, int]:
    """One rank's share of an evaluation, and how many batches it had."""
    accumulator, batches = Accumulator((1, 3)), 0
    for batch in Loader(dataset, 4, CenterCrop(16, 18), threads=1, **options):
        batches += 1
        scores = scores_of(batch, len(dataset.classes))
        valid = batch.valid
        accumulator.update(scores[valid], batch.labels[valid], batch.indices[valid])
    return accumulator, batches


def train(dataset: fastinet.Dataset, **options: Any) -> list[list[list[int]]]:
    """The items of each batch of two epochs."""
    loader = Loader(
        dataset,
        4,
        RandomResizedCrop(16),
        shuffle=True,
        seed=2,
        threads=1,
        **options,
    )
    return [[batch.indices.tolist() for batch in loader] for _ in range(2)]


def torch_rank(rank: int, world: int, store: str, archive: str, output: str) -> None:
    """Joins a gloo process group, loads its share, and lets rank 0 write what all have seen."""
    from torch import distributed

    distributed.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=world
    )
    dataset = fastinet.open(archive, index=False)
    auto: dict[str, Any] = {"rank": "auto", "world": "auto"}
    accumulator, batches = evaluate(dataset, pad_last="mask", **auto)
    mine = {
        "rank_and_world": rank_and_world(),
        "dropped": train(dataset, drop_last=True, **auto),
        "wrapped": train(dataset, pad_last="wrap", **auto),
        "evaluation": accumulator,
        "evaluated batches": batches,
    }
    gathered: list[Any] = [None] * world
    distributed.all_gather_object(gathered, mine)
    # Every rank can merge; all must come to one result.
    accumulators = [part.pop("evaluation") for part in gathered]
    merged = accumulators[0]
    for other in accumulators[1:]:
        merged.merge(other)
    results: list[Any] = [None] * world
    distributed.all_gather_object(results, merged.result(items=len(dataset)))
    if rank == 0:
        Path(output).write_text(json.dumps({"ranks": gathered, "results": results}))
    distributed.destroy_process_group()


def jax_rank(rank: int, world: int, address: str, archive: str, output: str) -> None:
    """Joins JAX's processes, loads its share, and checks the global arrays that come of it."""
    import jax

    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(address, world, rank)
    dataset = fastinet.open(archive, index=False)
    found = rank_and_world()
    mesh = jax.sharding.Mesh(np.array(jax.devices()), ("data",))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data"))
    everywhere = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
    options: dict[str, Any] = {"shuffle": True, "seed": 2, "threads": 1, "drop_last": True}
    loader = Loader(dataset, 4, RandomResizedCrop(16), rank="auto", world="auto", **options)
    alike = Loader(dataset, 4, RandomResizedCrop(16), **options)
    total = jax.jit(lambda images: images.astype("int32").sum())
    batches = []
    for batch in fastinet.jax.feed(loader, sharding):
        assert batch.images.shape == (4 * world, 16, 16, 3)
        batches.append((batch.indices.tolist(), int(total(batch.images))))
    refusals = []
    for wrong, how in ((alike, sharding), (loader, everywhere)):
        try:
            next(iter(fastinet.jax.feed(wrong, how)))
        except ValueError as error:
            refusals.append(str(error))
    replicated = next(fastinet.jax.feed(alike, everywhere).epoch(0))
    seen = {
        "found": found,
        "batches": batches,
        "refusals": refusals,
        "replicated": [replicated.indices.tolist(), int(total(replicated.images))],
    }
    Path(f"{output}.{rank}").write_text(json.dumps(seen))
    jax.distributed.shutdown()

"""Ranks: how they are found, and what real processes get to see together."""

from __future__ import annotations

import importlib.util
import io
import json
import multiprocessing
import socket
import sys
import types
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from programs import ranks_at_work

import fastinet
from fastinet import Loader, RandomResizedCrop
from fastinet.distributed import rank_and_world
from fastinet.errors import FastinetWarning
from fastinet.testing.archives import tar
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VARIABLES = (
    ("RANK", "WORLD_SIZE"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
    ("SLURM_PROCID", "SLURM_NTASKS"),
)

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch")
needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs jax")


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No launcher, and no framework that this process has loaded for other tests."""
    for name in {name for pair in VARIABLES for name in pair}:
        monkeypatch.delenv(name, raising=False)
    for module in ("torch.distributed", "jax"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    return monkeypatch


# Where the numbers come from


@pytest.mark.usefixtures("alone")
def test_one_process_without_a_launcher() -> None:
    assert rank_and_world() == (0, 1)


def test_arguments_come_first(alone: pytest.MonkeyPatch) -> None:
    alone.setenv("RANK", "nonsense")  # which nobody needs
    alone.setenv("WORLD_SIZE", "4")
    assert rank_and_world(1, 2) == (1, 2)


def test_one_argument_and_the_other_found(alone: pytest.MonkeyPatch) -> None:
    alone.setenv("RANK", "3")
    alone.setenv("WORLD_SIZE", "4")
    assert rank_and_world(rank=1) == (1, 4)
    assert rank_and_world(world=8) == (3, 8)
    with pytest.raises(ValueError, match=r"rank \(from RANK and WORLD_SIZE\) must be 0 to 1"):
        rank_and_world(world=2)


@pytest.mark.parametrize("names", VARIABLES)
def test_launchers(alone: pytest.MonkeyPatch, names: tuple[str, str]) -> None:
    alone.setenv(names[0], "5")
    alone.setenv(names[1], "8")
    if names[1] == "SLURM_NTASKS":
        with pytest.warns(FastinetWarning, match="no srun step"):
            assert rank_and_world() == (5, 8)
    else:
        assert rank_and_world() == (5, 8)


def test_the_more_specific_launcher_wins(alone: pytest.MonkeyPatch) -> None:
    """With torchrun within a SLURM job of one task a node; srun's step within a larger job."""
    for number, (rank_name, world_name) in reversed(list(enumerate(VARIABLES))):
        alone.setenv(rank_name, str(number))
        alone.setenv(world_name, str(number + 10))
        if world_name != "SLURM_NTASKS":
            assert rank_and_world() == (number, number + 10)


@pytest.mark.parametrize(
    ("rank", "world", "message"),
    [
        ("1", "", "RANK is set and WORLD_SIZE is not"),
        ("", "2", "WORLD_SIZE is set and RANK is not"),
        ("one", "2", "RANK must be a whole number, not 'one'"),
        ("0", "2.0", "WORLD_SIZE must be a whole number, not '2.0'"),
        ("2", "2", r"rank \(from RANK and WORLD_SIZE\) must be 0 to 1, not 2"),
        ("-1", "2", r"rank \(from RANK and WORLD_SIZE\) must be 0 to 1, not -1"),
        ("0", "0", r"world \(from RANK and WORLD_SIZE\) must be 1 to"),
    ],
)
def test_numbers_that_make_no_sense(
    alone: pytest.MonkeyPatch, rank: str, world: str, message: str
) -> None:
    alone.setenv("RANK", rank)
    alone.setenv("WORLD_SIZE", world)
    with pytest.raises(ValueError, match=message):
        rank_and_world()


def test_arguments_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="rank must be 0 to 1, not 2"):
        rank_and_world(2, 2)
    with pytest.raises(ValueError, match="rank must be a whole number, not 'main'"):
        rank_and_world("main", 2)  # type: ignore[arg-type]


def frameworks(torch_initialised: bool, jax_initialised: bool) -> dict[str, Any]:
    """Modules that answer as torch.distributed and JAX would."""
    torch = types.SimpleNamespace(
        is_available=lambda: True,
        is_initialized=lambda: torch_initialised,
        get_rank=lambda: 1,
        get_world_size=lambda: 3,
    )
    jax = types.SimpleNamespace(
        distributed=types.SimpleNamespace(is_initialized=lambda: jax_initialised),
        process_index=lambda: 2,
        process_count=lambda: 5,
    )
    return {"torch.distributed": torch, "jax": jax}


@pytest.mark.parametrize(
    ("torch_initialised", "jax_initialised", "expected"),
    [(True, True, (1, 3)), (False, True, (2, 5)), (False, False, (7, 9))],
)
def test_frameworks_come_before_variables(
    alone: pytest.MonkeyPatch, torch_initialised: bool, jax_initialised: bool, expected: Any
) -> None:
    alone.setenv("RANK", "7")
    alone.setenv("WORLD_SIZE", "9")
    for name, module in frameworks(torch_initialised, jax_initialised).items():
        alone.setitem(sys.modules, name, module)
    assert rank_and_world() == expected


# Real processes


def in_processes(work: Callable[..., None], world: int, *arguments: object) -> None:
    """Runs `work(rank, world, *arguments)` in processes of their own, and waits for all."""
    context = multiprocessing.get_context("spawn")
    ranks = [context.Process(target=work, args=(rank, world, *arguments)) for rank in range(world)]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join()
    assert [rank.exitcode for rank in ranks] == [0] * world


def epochs_together(epochs_of_ranks: list[list[list[list[int]]]]) -> list[list[int]]:
    """All ranks' items of each epoch, once it is seen that they have equally many full batches."""
    epochs = []
    for epoch_of_ranks in zip(*epochs_of_ranks, strict=True):
        assert len({len(batches) for batches in epoch_of_ranks}) == 1
        assert all(len(batch) == 4 for batches in epoch_of_ranks for batch in batches)
        epochs.append([item for batches in epoch_of_ranks for batch in batches for item in batch])
    return epochs


@needs_torch
def test_ranks_under_gloo(archive_path: Path, dataset: fastinet.Dataset, tmp_path: Path) -> None:
    world = 3
    output = tmp_path / "seen.json"
    in_processes(
        ranks_at_work.torch_rank, world, str(tmp_path / "store"), str(archive_path), str(output)
    )
    seen = json.loads(output.read_text())
    assert [part["rank_and_world"] for part in seen["ranks"]] == [[r, world] for r in range(world)]
    for items in epochs_together([part["dropped"] for part in seen["ranks"]]):
        assert len(items) == len(set(items)) == 36  # of 43: three steps of three fours
    for items in epochs_together([part["wrapped"] for part in seen["ranks"]]):
        assert set(items) == set(range(43))
        assert len(items) == 48
        assert max(items.count(item) for item in set(items)) == 2
    # Evaluated together or by one process: one result, and nobody had to wait for a rank that was
    # through already.
    assert {part["evaluated batches"] for part in seen["ranks"]} == {4}
    alone, _ = ranks_at_work.evaluate(dataset)
    assert seen["results"] == [alone.result(items=43)] * world


@needs_jax
def test_ranks_under_jax(archive_path: Path, dataset: fastinet.Dataset, tmp_path: Path) -> None:
    """Global arrays hold the rows of all processes: sums over them are those of all rows."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    output = tmp_path / "seen"
    in_processes(ranks_at_work.jax_rank, 2, f"127.0.0.1:{port}", str(archive_path), str(output))
    ranks = [json.loads((tmp_path / f"seen.{rank}").read_text()) for rank in range(2)]
    assert [rank["found"] for rank in ranks] == [[0, 2], [1, 2]]
    batches_of_ranks = [
        list(
            Loader(
                dataset,
                4,
                RandomResizedCrop(16),
                shuffle=True,
                seed=2,
                threads=1,
                rank=rank,
                world=2,
                drop_last=True,
            )
        )
        for rank in range(2)
    ]
    sums = [
        sum(int(batch.images.sum()) for batch in step)
        for step in zip(*batches_of_ranks, strict=True)
    ]
    for rank, batches in zip(ranks, batches_of_ranks, strict=True):
        expected = zip(batches, sums, strict=True)
        assert rank["batches"] == [[batch.indices.tolist(), total] for batch, total in expected]
        world_1, world_2 = rank["refusals"]
        assert world_1.startswith("4 rows of each process make 8 rows under NamedSharding")
        assert "but the loader has world=1" in world_1
        assert world_2.startswith("4 rows of each process make 4 rows")
        assert "but the loader has world=2" in world_2
    alike = next(iter(Loader(dataset, 4, RandomResizedCrop(16), shuffle=True, seed=2, threads=1)))
    for rank in ranks:
        assert rank["replicated"] == [alike.indices.tolist(), int(alike.images.sum())]


# A loader of all items under a launcher


@pytest.fixture
def small(tmp_path: Path) -> fastinet.Dataset:
    path = tmp_path / "train.tar"
    jpeg = small_jpeg(np.random.default_rng(8))
    path.write_bytes(tar({f"n01440764/n01440764_{i}.JPEG": jpeg for i in range(4)}))
    return fastinet.open(path, index=False)


@pytest.fixture
def launched(alone: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A process that has said nothing of its launcher yet."""
    alone.setattr("fastinet.distributed._said", set())
    return alone


@pytest.mark.parametrize(
    "name", ["WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"]
)
def test_a_loader_that_was_not_told_its_world_says_so_once(
    launched: pytest.MonkeyPatch, small: fastinet.Dataset, name: str
) -> None:
    launched.setenv(name, "4")
    with pytest.warns(FastinetWarning, match=f'{name} says 4 ranks.*world="auto".*world=1') as told:
        loader = Loader(small, 2, RandomResizedCrop(8))
    Loader(small, 2, RandomResizedCrop(8))  # filterwarnings makes an error of a second warning
    assert len(told) == 1
    assert told[0].filename == __file__
    assert (loader.rank, loader.world) == (0, 1)


def test_a_stream_loader_says_so_too(launched: pytest.MonkeyPatch) -> None:
    launched.setenv("WORLD_SIZE", "2")
    with pytest.warns(FastinetWarning, match="WORLD_SIZE says 2 ranks"):
        fastinet.StreamLoader(fastinet.open_stream(io.BytesIO()), 2, RandomResizedCrop(8))


@pytest.mark.parametrize(
    ("variables", "options"),
    [
        ({"RANK": "1", "WORLD_SIZE": "4"}, {"world": 1}),
        ({"RANK": "1", "WORLD_SIZE": "4"}, {"rank": 0}),
        ({"RANK": "1", "WORLD_SIZE": "4"}, {"rank": "auto", "world": "auto"}),
        ({"RANK": "0", "WORLD_SIZE": "1"}, {}),
        ({"RANK": "0", "WORLD_SIZE": "1", "SLURM_STEP_NUM_TASKS": "4"}, {}),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}, {}),  # a batch script
        ({"WORLD_SIZE": "many"}, {}),
        ({}, {}),
    ],
)
def test_who_is_told_or_alone_hears_nothing(
    launched: pytest.MonkeyPatch,
    small: fastinet.Dataset,
    variables: dict[str, str],
    options: dict[str, Any],
) -> None:
    for name, value in variables.items():
        launched.setenv(name, value)
    Loader(small, 2, RandomResizedCrop(8), **options)


def test_torch_goes_before_the_launcher(
    launched: pytest.MonkeyPatch, small: fastinet.Dataset
) -> None:
    launched.setenv("WORLD_SIZE", "4")
    module = types.ModuleType("torch.distributed")
    module.__dict__.update(
        is_available=lambda: True,
        is_initialized=lambda: True,
        get_rank=lambda: 0,
        get_world_size=lambda: 3,
    )
    launched.setitem(sys.modules, "torch.distributed", module)
    with pytest.warns(FastinetWarning, match=r"torch\.distributed says 3 ranks"):
        Loader(small, 2, RandomResizedCrop(8))
    module.__dict__["get_world_size"] = lambda: 1
    Loader(small, 2, RandomResizedCrop(8))


@needs_torch
def test_a_sampler_shares_out_what_an_image_dataset_has(
    launched: pytest.MonkeyPatch, small: fastinet.Dataset
) -> None:
    launched.setenv("WORLD_SIZE", "4")
    images = fastinet.torch.ImageDataset(small, fastinet.CenterCrop(8))
    assert len(images) == 4

"""Accelerate: what it does with a loader that is no ``DataLoader``, and with one that holds it.

Read in 1.15 (``accelerator.py``, ``data_loader.py``): ``prepare`` leaves all but a ``DataLoader``
as it is, and ``register_for_checkpointing`` saves what has a ``state_dict``.
``skip_first_batches`` makes a ``DataLoader`` of ``dataset``, ``batch_sampler``, ``collate_fn``,
``num_workers`` and others of a loader's attributes. Of a ``DataLoader`` over an iterable dataset,
rank 0 deals out all batches.
"""

from __future__ import annotations

import importlib.util
import json
import socket
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastinet
from fastinet import Loader

torch = pytest.importorskip("torch")
if importlib.util.find_spec("accelerate") is None:
    pytest.skip("needs accelerate", allow_module_level=True)

import accelerate  # noqa: E402
from support.trained import (  # noqa: E402
    BATCHES,
    CROP,
    EPOCHS,
    KilledError,
    Net,
    digest,
    expected,
    train_loader,
    val_loader,
)
from torch.utils.data import DataLoader  # noqa: E402

from fastinet.torch import IterableDataset  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def accelerator() -> Any:
    return accelerate.Accelerator(cpu=True)


def digests(batches: Any) -> list[str]:
    return [digest(images) for images, _ in batches]


def run(
    dataset: fastinet.Dataset, folder: Path, net: Net, *, save_at: int, resume: bool = False
) -> Net:
    """Trains as Accelerate's examples do, and saves before a batch, counted over all epochs."""
    accelerator = accelerate.Accelerator(cpu=True)
    optimizer = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9)
    model, optimizer, loader = accelerator.prepare(net, optimizer, train_loader(dataset))
    accelerator.register_for_checkpointing(loader)
    if resume:
        accelerator.load_state(folder)
    step = save_at if resume else 0
    for _ in range(loader.state_dict()["epoch"], EPOCHS):
        for images, labels in loader:
            loss = torch.nn.functional.cross_entropy(model(images), labels)
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
            step += 1
            if step == save_at:
                accelerator.save_state(folder)
    return net


@pytest.mark.parametrize("save_at", [BATCHES + 2, 2 * BATCHES])
def test_resumed_run_has_the_same_batches_and_weights(
    dataset: fastinet.Dataset, tmp_path: Path, save_at: int
) -> None:
    whole = run(dataset, tmp_path / "whole", Net(), save_at=save_at)
    assert whole.seen == expected(dataset)
    with pytest.raises(KilledError):
        run(dataset, tmp_path / "killed", Net(save_at + 1), save_at=save_at)
    resumed = run(dataset, tmp_path / "killed", Net(), save_at=save_at, resume=True)
    assert resumed.seen == whole.seen[save_at:]
    assert torch.equal(resumed.weights(), whole.weights())


def test_prepared_loader_is_the_loader(accelerator: Any, dataset: fastinet.Dataset) -> None:
    loader = train_loader(dataset)
    assert accelerator.prepare(loader) is loader
    images, labels = accelerator.gather_for_metrics(tuple(next(iter(loader))))
    assert (len(images), len(labels)) == (8, 8)


def test_skipped_batches_are_not_decoded(accelerator: Any, dataset: fastinet.Dataset) -> None:
    """The rest of an epoch, and then the next one; also where a state says the same."""
    batches = expected(dataset)
    loader = accelerator.prepare(train_loader(dataset))
    loader.set_epoch(1)
    rest = accelerator.skip_first_batches(loader, 4)
    assert digests(rest) == batches[BATCHES + 4 : 2 * BATCHES]
    assert loader.stats().items == 2 * 8 - 5  # the last batch has 3 rows
    assert digests(loader) == batches[2 * BATCHES :]
    at_state = train_loader(dataset)
    at_state.load_state_dict({**at_state.state_dict(), "epoch": 1, "position": 4 * 8})
    assert digests(accelerator.skip_first_batches(at_state, 4)) == batches[BATCHES + 4 :][:2]


def test_parts_make_the_loaders_batches(dataset: fastinet.Dataset) -> None:
    """What `skip_first_batches` relies upon, for all loaders; and what a dataset says alone."""
    loader = Loader(dataset, 8, CROP, shuffle=True, seed=3, pad_last="mask")
    parts = DataLoader(
        loader.dataset, batch_sampler=loader.batch_sampler, collate_fn=loader.collate_fn
    )
    same = Loader(dataset, 8, CROP, shuffle=True, seed=3, pad_last="mask")
    for batch, other in zip(parts, same, strict=True):
        assert isinstance(batch, fastinet.Batch)
        assert np.array_equal(batch.images, other.images)
        assert np.array_equal(batch.valid, other.valid)
    backwards = list(loader.batch_sampler)[::-1]
    (*_, first) = DataLoader(loader.dataset, batch_sampler=backwards, collate_fn=loader.collate_fn)
    assert np.array_equal(first.indices, next(loader.epoch(1)).indices)
    with pytest.raises(TypeError, match=r"DataLoader takes fastinet\.torch\.ImageDataset"):
        next(iter(DataLoader(dataset, batch_size=4)))


def test_iterable_dataset_that_is_prepared(accelerator: Any, dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 8, CROP, shuffle=True, seed=3, layout="NCHW")
    batches = accelerator.prepare(DataLoader(IterableDataset(loader), batch_size=None))
    assert [digests(batches) for _ in range(2)] == [
        expected(dataset)[:BATCHES],
        expected(dataset)[BATCHES : 2 * BATCHES],
    ]


def two_ranks(rank: int, port: int, archive: Path, folder: Path) -> None:
    """What one of two processes sees of a loader that is shared out, and writes down."""
    dataset = fastinet.open(archive, index=False)
    ranks: dict[str, Any] = {"rank": "auto", "world": "auto"}
    early = train_loader(dataset, **ranks)  # before there is a process group
    environment = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_PORT": port}
    environment["MASTER_ADDR"] = "127.0.0.1"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, str(value))
        accelerate.state.AcceleratorState._reset_state(reset_partial_state=True)  # the parent's
        accelerator = accelerate.Accelerator(cpu=True)
        items = [int(item) for batch in accelerator.prepare(early) for item in batch.indices]
        val = accelerator.prepare(val_loader(dataset, pad_last="mask", **ranks))
        labels = [accelerator.gather_for_metrics(batch.labels) for batch in val]
        counted = int((torch.cat(labels) >= 0).sum())
        loader = Loader(dataset, 8, CROP, **ranks)
        dealt = accelerator.prepare(DataLoader(IterableDataset(loader), batch_size=None))
        message = ""
        if rank == 0:  # the other would wait for batches that do not come
            try:
                next(iter(dealt))
            except ValueError as error:
                message = str(error)
        (folder / f"{rank}.json").write_text(json.dumps([items, counted, message]))
        accelerator.wait_for_everyone()


def test_two_ranks(dataset: fastinet.Dataset, tmp_path: Path) -> None:
    """Each item is on one rank; and a loader of one rank is not dealt out to both."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    archive = Path(str(dataset.path))
    torch.multiprocessing.start_processes(
        two_ranks, (port, archive, tmp_path), nprocs=2, start_method="fork"
    )
    ranks = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1)]
    order = [int(item) for batch in train_loader(dataset).epoch(0) for item in batch.indices]
    assert [items for items, *_ in ranks] == [order[0::2], order[1::2]]
    assert [counted for _, counted, _ in ranks] == [len(dataset)] * 2
    assert "has only rank 0's items of 2" in ranks[0][2]


def test_dispatcher_is_known_by_its_dataset(
    dataset: fastinet.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program's dispatcher, or one over another dataset, is none of ours."""
    ours = IterableDataset(Loader(dataset, 8, CROP, rank=0, world=2))
    dispatcher = type("DataLoaderDispatcher", (), {})()
    state = types.SimpleNamespace(active_dataloader=dispatcher)
    monkeypatch.setattr("accelerate.state.GradientState", lambda: state)
    dispatcher.dataset = IterableDataset(Loader(dataset, 8, CROP))
    next(iter(ours))
    next(iter(dispatcher.dataset))
    dispatcher.dataset = ours
    with pytest.raises(ValueError, match=r"rank=0 and world=1"):
        iter(ours)

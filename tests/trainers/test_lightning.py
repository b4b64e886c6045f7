"""Lightning, under both of its names: what its ``Trainer`` calls on a loader.

Read in 2.6 (``fit_loop.py``, ``training_epoch_loop.py``, ``combined_loader.py``): ``iter(loader)``
once to see whether that can be done; ``load_state_dict`` where a run goes on in the middle of an
epoch; ``iter(loader)``; ``loader.sampler.set_epoch``; for later epochs first ``set_epoch`` and then
``iter``; ``len``, ``state_dict``, ``batch_sampler``. Where a run goes on at the end of an epoch, it
loads no state, makes the iterator, and says which epoch it is for only then.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

import fastinet

torch = pytest.importorskip("torch")
if not any(map(importlib.util.find_spec, ("lightning", "pytorch_lightning"))):
    pytest.skip("needs lightning", allow_module_level=True)

from support.trained import (  # noqa: E402
    BATCHES,
    EPOCHS,
    KilledError,
    Net,
    expected,
    train_loader,
    val_loader,
)

PATHS = {"lightning": "lightning.pytorch", "pytorch_lightning": "pytorch_lightning"}
HERE = [path for name, path in PATHS.items() if importlib.util.find_spec(name) is not None]
MID_EPOCH: dict[str, Any] = {"every_n_train_steps": 2}
SAVED: dict[str, tuple[int, dict[str, Any]]] = {
    "last step of an epoch": (2 * BATCHES, {"every_n_train_steps": BATCHES}),
    "end of an epoch": (2 * BATCHES + 1, {"every_n_epochs": 1}),
    "end of an epoch, before validation": (
        2 * BATCHES + 1,
        {"every_n_epochs": 1, "save_on_train_epoch_end": True},
    ),
}
pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's advice about CPUs and workers


def module_of(pl: Any, net: Net, loaders: Any = None) -> Any:
    """A module around a network; with `loaders` it makes them itself, for every epoch."""

    class Module(pl.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def training_step(self, batch: Any, _: int) -> Any:
            images, labels = batch
            loss = torch.nn.functional.cross_entropy(self.net(images), labels)
            self.log("loss", loss)  # asks for the size of the batch
            return loss

        def validation_step(self, batch: Any, _: int) -> None:
            images, _ = batch
            self.log("mean", self.net(images).mean())

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 0.01, momentum=0.9)

        if loaders is not None:

            def train_dataloader(self) -> Any:
                return loaders()

    return Module()


def trainer(pl: Any, folder: Path, *callbacks: Any, **options: Any) -> Any:
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False}
    options = {"max_epochs": EPOCHS, "enable_checkpointing": bool(callbacks), **options}
    return pl.Trainer(
        accelerator="cpu",
        callbacks=list(callbacks),
        default_root_dir=folder,
        **quiet,
        **options,
    )


def fit(pl: Any, dataset: fastinet.Dataset, folder: Path, **options: Any) -> Net:
    net = Net()
    trainer(pl, folder, **options).fit(
        module_of(pl, net), train_loader(dataset), val_loader(dataset)
    )
    return net


@pytest.fixture(scope="module")
def pl() -> Any:
    """Under the newer of its names that is there."""
    return importlib.import_module(HERE[0])


@pytest.fixture(scope="module")
def whole(pl: Any, dataset: fastinet.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Net:
    """A run from its beginning to its end."""
    return fit(pl, dataset, tmp_path_factory.mktemp("whole"))


def test_batches_are_the_loaders(whole: Net, dataset: fastinet.Dataset) -> None:
    """Validation runs before the first epoch, and the loader is looked at."""
    assert whole.seen == expected(dataset)


def check_resumed(
    pl: Any,
    dataset: fastinet.Dataset,
    folder: Path,
    whole: Net,
    killed_at: int,
    saving: dict[str, Any],
) -> None:
    """Kills a run, and goes on from its last checkpoint: the rest of the whole run, to the bit."""
    checkpoint = pl.callbacks.ModelCheckpoint(folder, "{step}", save_top_k=-1, **saving)
    with pytest.raises(KilledError):
        trainer(pl, folder, checkpoint).fit(
            module_of(pl, Net(killed_at)), train_loader(dataset), val_loader(dataset)
        )
    saved = max(folder.glob("*.ckpt"), key=lambda path: int(path.stem.partition("=")[2]))
    resumed = Net()
    trainer(pl, folder).fit(
        module_of(pl, resumed),
        train_loader(dataset),
        val_loader(dataset),
        ckpt_path=str(saved),
        weights_only=False,
    )
    assert 0 < len(resumed.seen) < len(whole.seen)
    assert resumed.seen == whole.seen[-len(resumed.seen) :]
    assert torch.equal(resumed.weights(), whole.weights())


@pytest.mark.parametrize("path", HERE)
def test_resumed_in_the_middle_of_an_epoch(
    path: str, dataset: fastinet.Dataset, tmp_path: Path, whole: Net
) -> None:
    module = importlib.import_module(path)
    check_resumed(module, dataset, tmp_path, whole, BATCHES + 4, MID_EPOCH)


@pytest.mark.parametrize("saved", SAVED)
def test_resumed_at_the_end_of_an_epoch(
    pl: Any, dataset: fastinet.Dataset, tmp_path: Path, whole: Net, saved: str
) -> None:
    check_resumed(pl, dataset, tmp_path, whole, *SAVED[saved])


def test_fewer_batches_than_there_are(pl: Any, dataset: fastinet.Dataset, tmp_path: Path) -> None:
    """An epoch that is left early is over."""
    batches = expected(dataset)
    net = fit(pl, dataset, tmp_path, limit_train_batches=2, limit_val_batches=1)
    starts = range(0, EPOCHS * BATCHES, BATCHES)
    assert net.seen == [batches[start + number] for start in starts for number in (0, 1)]


def test_loaders_that_are_made_for_each_epoch(
    pl: Any, dataset: fastinet.Dataset, tmp_path: Path
) -> None:
    """A new loader begins with epoch 0, unless it is told which one it is for."""
    net = Net()
    module = module_of(pl, net, loaders=lambda: train_loader(dataset))
    trainer(pl, tmp_path, reload_dataloaders_every_n_epochs=1).fit(module)
    assert net.seen == expected(dataset)


def test_several_loaders_at_once(pl: Any, dataset: fastinet.Dataset, tmp_path: Path) -> None:
    """The shorter one goes round; the longer one's epochs are its own."""
    combined = importlib.import_module(f"{pl.__name__}.utilities").CombinedLoader
    net = Net()
    module = module_of(pl, net)
    step = module.training_step
    module.training_step = lambda batch, batch_idx: step(batch["train"], batch_idx)
    loaders = {"train": train_loader(dataset), "other": val_loader(dataset)}
    trainer(pl, tmp_path).fit(module, combined(loaders, "max_size_cycle"))
    assert net.seen == expected(dataset)


def test_overfitting_wants_no_shuffle(pl: Any, dataset: fastinet.Dataset, tmp_path: Path) -> None:
    """The same batches in every epoch are what it is for, and a shuffle has others: it says so."""
    with pytest.raises(ValueError, match=r"needs to subclass"):
        fit(pl, dataset, tmp_path, overfit_batches=2)
    net = Net()
    trainer(pl, tmp_path, overfit_batches=2).fit(
        module_of(pl, net), train_loader(dataset, shuffle=False), val_loader(dataset)
    )
    assert len(net.seen) == 2 * EPOCHS


def test_ranks_of_a_loader_that_was_made_before_them(
    pl: Any, dataset: fastinet.Dataset, tmp_path: Path
) -> None:
    """Under ddp the process group is made by ``fit``, and the loader is there before."""
    ranks: dict[str, Any] = {"rank": "auto", "world": "auto"}
    module = module_of(pl, Net())
    items: list[list[int]] = []
    step = module.training_step

    def keeping(batch: Any, batch_idx: int) -> Any:
        items.append(batch.indices.tolist())
        return step(batch, batch_idx)

    module.training_step = keeping
    module.on_fit_end = lambda: (tmp_path / f"{module.global_rank}.json").write_text(
        json.dumps(items)
    )
    trainer(pl, tmp_path, strategy="ddp_fork", devices=2, max_epochs=2).fit(
        module,
        train_loader(dataset, drop_last=True, **ranks),
        val_loader(dataset, pad_last="mask", **ranks),
    )
    alone = train_loader(dataset)
    for epoch in range(2):
        order = [int(item) for batch in alone.epoch(epoch) for item in batch.indices]
        for rank in (0, 1):
            batches = json.loads((tmp_path / f"{rank}.json").read_text())
            had = [item for batch in batches[2 * epoch : 2 * epoch + 2] for item in batch]
            assert had == order[rank:32:2]

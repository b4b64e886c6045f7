"""Hugging Face's ``Trainer``: what it calls on a loader that it is given, and on a dataset.

Read in 5.24 (``trainer.py``): ``len``, ``set_epoch``, ``batch_sampler.batch_sampler.set_epoch``,
``iter``, ``dataset``; ``model(**batch)``. In the middle of an epoch a run goes on with what
``accelerate.skip_first_batches`` makes. A dataset goes into a ``DataLoader`` of its own, and gives
dicts, of which the collator keeps what ``forward`` has arguments for.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastinet

torch = pytest.importorskip("torch")
if any(importlib.util.find_spec(name) is None for name in ("transformers", "accelerate")):
    pytest.skip("needs transformers and accelerate", allow_module_level=True)

import transformers  # noqa: E402
from support.trained import (  # noqa: E402
    BATCHES,
    CROP,
    EPOCHS,
    KilledError,
    Net,
    expected,
    train_loader,
)

from fastinet.torch import ImageDataset  # noqa: E402

NAMES = ("pixel_values", "labels")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def without_datasets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of tests has the name of a package that transformers looks for."""
    monkeypatch.setattr("transformers.trainer.is_datasets_available", lambda: False)


class Classifier(Net):
    """Takes and gives what the models of Hugging Face do."""

    def forward(  # type: ignore[override]
        self, pixel_values: Any, labels: Any = None
    ) -> dict[str, Any]:
        logits = super().forward(pixel_values)
        return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}


def trainer(dataset: fastinet.Dataset, folder: Path, model: Any) -> Any:
    """A trainer on a dataset, as its users make it."""
    arguments = transformers.TrainingArguments(
        str(folder),
        use_cpu=True,
        num_train_epochs=EPOCHS,
        per_device_train_batch_size=8,
        save_steps=2,
        report_to="none",
        disable_tqdm=True,
        logging_strategy="no",
    )
    items = ImageDataset(dataset, CROP, seed=3, names=NAMES)
    middles = ImageDataset(dataset, fastinet.CenterCrop(16), names=NAMES)
    return transformers.Trainer(model, arguments, train_dataset=items, eval_dataset=middles)


def train_with_loader(
    dataset: fastinet.Dataset, folder: Path, model: Any, resume: str | None = None
) -> Any:
    run = trainer(dataset, folder, model)
    run.get_train_dataloader = lambda: train_loader(dataset, names=NAMES)  # the line of glue
    run.train(resume_from_checkpoint=resume)
    return model


def test_resumed_run_has_the_same_batches_and_weights(
    dataset: fastinet.Dataset, tmp_path: Path
) -> None:
    """In the middle of an epoch, and at its end."""
    whole = train_with_loader(dataset, tmp_path / "whole", Classifier())
    assert whole.seen == expected(dataset)
    with pytest.raises(KilledError):
        train_with_loader(dataset, tmp_path / "killed", Classifier(BATCHES + 3))
    for steps in (BATCHES, BATCHES + 2):
        checkpoint = str(tmp_path / "killed" / f"checkpoint-{steps}")
        resumed = train_with_loader(dataset, tmp_path / "resumed", Classifier(), checkpoint)
        assert resumed.seen == whole.seen[steps:]
        assert torch.equal(resumed.weights(), whole.weights())


def test_dataset_of_dicts(dataset: fastinet.Dataset, tmp_path: Path) -> None:
    """Each epoch has other crops, and evaluation has each item once."""
    model = Classifier()
    run = trainer(dataset, tmp_path, model)
    run.train()
    assert len(model.seen) == len(set(model.seen)) == EPOCHS * BATCHES
    predicted = run.predict(run.eval_dataset)
    assert predicted.predictions.shape == (len(dataset), 5)
    assert np.array_equal(predicted.label_ids, dataset.labels)

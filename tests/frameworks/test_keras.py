"""Keras 3: what `fit`, `evaluate` and `predict` take of a loader, on whichever backend is chosen.

What Keras asks of data (3.15): ``num_batches`` before it begins; then for each epoch
``on_epoch_begin``, an iterator by ``get_torch_dataloader``, ``get_jax_iterator`` or
``get_tf_dataset``, as many batches as it was told, and ``on_epoch_end``. It makes iterators that it
drops again, and looks at a first batch to build a model.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.bad_items import MAX_PIXELS, write_bad_archive

import fastinet
from fastinet import CenterCrop, Loader, MultiCrop, RandomResizedCrop, View
from fastinet.augment import RandomErasing

pytest.importorskip("torch")
if importlib.util.find_spec("keras") is None:
    pytest.skip("needs keras", allow_module_level=True)
os.environ.setdefault("KERAS_BACKEND", "torch")

import keras

import fastinet.keras as fastinet_keras

CROP = RandomResizedCrop(16)
EPOCHS = 3

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Keras's business


class Seen:
    """Keeps the images that Keras is given."""

    def __init__(self) -> None:
        self.batches: list[Any] = []

    def __call__(self, batch: fastinet.Batch) -> tuple[Any, Any]:
        images, labels = batch
        self.batches.append(images.copy())
        return images, labels


def network() -> Any:
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.layers.Rescaling(1 / 255),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(5),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    return model


def train(dataset: fastinet.Dataset) -> Loader:
    return Loader(dataset, 16, CROP, shuffle=True, seed=3, threads=2)


def expected(dataset: fastinet.Dataset, epochs: range) -> list[Any]:
    loader = train(dataset)
    return [batch.images.copy() for epoch in epochs for batch in loader.epoch(epoch)]


def same(left: list[Any], right: list[Any]) -> bool:
    return len(left) == len(right) and all(map(np.array_equal, left, right))


def test_each_epoch_is_the_next_one(dataset: fastinet.Dataset) -> None:
    """The batch that an unbuilt model is built with comes again in its turn."""
    seen, model = Seen(), network()
    data = fastinet_keras.feed(train(dataset), inputs=seen)
    val = fastinet_keras.feed(Loader(dataset, 16, CenterCrop(16)))
    history = model.fit(data, epochs=EPOCHS, verbose=0, validation_data=val)
    assert same(seen.batches[:1], expected(dataset, range(1))[:1])
    assert same(seen.batches[1:], expected(dataset, range(EPOCHS)))
    assert data.epoch == EPOCHS
    assert len(history.history["val_loss"]) == EPOCHS
    predicted = model.predict(val, verbose=0)
    assert predicted.shape == (len(dataset), 5)
    accuracy = (predicted.argmax(1) == dataset.labels).mean()
    assert model.evaluate(val, verbose=0)[1] == pytest.approx(accuracy)


def test_resumed_run_has_the_same_batches_and_weights(
    dataset: fastinet.Dataset, tmp_path: Path
) -> None:
    """Keras goes on at the beginning of the epoch in which the run ended."""

    class KilledError(Exception):
        pass

    class Kill(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            del logs
            if batch == 1 and data.epoch == 2:
                raise KilledError

    def fit(data: Any, *more: Any, backup: str) -> Any:
        model = network()
        model.build((None, 16, 16, 3))
        callbacks = [fastinet_keras.EpochCallback(data), *more]
        callbacks.append(keras.callbacks.BackupAndRestore(str(tmp_path / backup)))
        model.fit(data, epochs=EPOCHS, verbose=0, callbacks=callbacks)
        return model.get_weights()

    whole = fit(fastinet_keras.feed(train(dataset)), backup="whole")
    data = fastinet_keras.feed(train(dataset))
    with pytest.raises(KilledError):
        fit(data, Kill(), backup="killed")
    seen = Seen()
    resumed = fit(fastinet_keras.feed(train(dataset), inputs=seen), backup="killed")
    assert same(seen.batches[1:], expected(dataset, range(2, EPOCHS)))  # after that look
    assert all(map(np.array_equal, whole, resumed))


def test_iterators_of_all_backends(dataset: fastinet.Dataset) -> None:
    """NumPy's and JAX's are those of NumPy arrays; torch's is of tensors."""
    data = fastinet_keras.feed(train(dataset))
    first = expected(dataset, range(2))
    assert same([images for images, _ in data.get_numpy_iterator()], first[:3])
    assert same([np.asarray(images) for images, _ in data.get_jax_iterator()], first[3:])
    data.set_epoch(1)
    batches = list(data.get_torch_dataloader())
    assert same([keras.ops.convert_to_numpy(images) for images, _ in batches], first[3:])
    assert (data.num_batches, data.batch_size, data.partial_batch_size) == (3, 16, 11)
    even = fastinet_keras.feed(Loader(dataset, 16, CROP, drop_last=True))
    assert (even.num_batches, even.has_partial_batch) == (2, False)


def test_iterator_that_is_dropped_takes_no_epoch(dataset: fastinet.Dataset) -> None:
    data = fastinet_keras.feed(train(dataset))
    data.get_numpy_iterator()
    next(data.get_numpy_iterator())
    assert same([images for images, _ in data.get_numpy_iterator()], expected(dataset, range(1)))
    loader = train(dataset)
    loader.load_state_dict({**loader.state_dict(), "epoch": 2})
    assert fastinet_keras.feed(loader).epoch == 2


def test_rows_without_an_item_are_left_out(tmp_path: Path) -> None:
    """They would count as wrong in every metric."""
    dataset = write_bad_archive(tmp_path / "train.tar")
    options: dict[str, Any] = {"on_error": "mask", "max_pixels": MAX_PIXELS}
    crops = MultiCrop(View(CROP, count=2), View(RandomResizedCrop(9)))
    with pytest.warns(fastinet.errors.FastinetWarning, match="gave no row"):
        rows = [batch.valid.sum() for batch in Loader(dataset, 4, CROP, **options)]
    with pytest.warns(fastinet.errors.FastinetWarning, match="gave no row"):
        batches = list(fastinet_keras.feed(Loader(dataset, 4, CROP, **options))._batches())
    assert [len(labels) for _, labels in batches] == [count for count in rows if count]
    assert sum(rows) < len(dataset)
    assert all((labels >= 0).all() and len(images) == len(labels) for images, labels in batches)
    with pytest.warns(fastinet.errors.FastinetWarning, match="gave no row"):
        (wide, local), labels = next(
            fastinet_keras.feed(Loader(dataset, len(dataset), crops, **options))._batches()
        )
    assert len(wide) == len(local) == len(labels) == sum(rows)


def test_a_loader_that_is_not_fed_says_what_to_write(dataset: fastinet.Dataset) -> None:
    model = network()
    said = r"model\.fit\(fastinet\.keras\.feed\(loader\)\)"
    loader = Loader(dataset, 8, CROP)
    for bare in (loader, fastinet.torch.Loader(dataset, 8, CROP, channels_last=True)):
        for use in (model.fit, model.evaluate, model.predict):
            with pytest.raises(AttributeError, match=said):
                use(bare, verbose=0)
        with pytest.raises(AttributeError, match=said):
            model.fit(fastinet_keras.feed(loader), validation_data=bare, verbose=0)


def test_what_is_refused(dataset: fastinet.Dataset) -> None:
    with pytest.raises(TypeError, match=r"takes a fastinet\.Loader"):
        fastinet_keras.feed(dataset)
    crop = RandomResizedCrop(16, erase=RandomErasing(1))
    with pytest.raises(ValueError, match=r"fastinet\.keras\.feed cannot erase rows of uint8"):
        fastinet_keras.feed(Loader(dataset, 4, crop))

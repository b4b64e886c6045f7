"""What batches offer: the same, wherever their images are."""

from __future__ import annotations

import importlib
import io
import json
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import fastinet
from fastinet import Batch, ItemBoxes, Loader, RandomResizedCrop, Resize
from fastinet.augment import GaussianBlur, Lighting, Rotate
from fastinet.errors import UnsupportedError
from fastinet.loading.batch import BaseBatch, SentBatch
from fastinet.metrics.labels import label_sets
from fastinet.testing.archives import train_tar
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    from pathlib import Path

# For what they mean see the properties of BaseBatch. Users' programs have these names.
OFFERED = {
    "as_dict",
    "boxes",
    "companions",
    "copies",
    "crops",
    "epoch",
    "erased",
    "errors",
    "flips",
    "image_sizes",
    "images",
    "indices",
    "interpolations",
    "keys",
    "label_sets",
    "labels",
    "lighting",
    "number",
    "objects",
    "place",
    "replaced",
    "soft_labels",
    "steps",
    "valid",
    "vflips",
    "windows",
}


def offered(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


@pytest.mark.parametrize("framework", [None, "torch", "jax"])
def test_every_kind_of_batch_offers_the_same(framework: str | None) -> None:
    kinds: list[Any] = [BaseBatch, Batch, SentBatch]
    if framework is not None:
        pytest.importorskip(framework)
        kinds = [importlib.import_module(f"fastinet.{framework}").Batch]
    for kind in kinds:
        # A tensor may have to be waited for: PyTorch has an event for that. Numbers for pixels that
        # are still to be erased are in a slot, which is no longer there when a batch was sent.
        assert offered(kind) - {"arrived", "erased_pixels"} == OFFERED
        assert hasattr(kind, "erased_pixels") == (kind is Batch)
        assert issubclass(kind, BaseBatch)


def test_a_sent_batch_has_all_that_the_batch_had(
    tmp_path: Path, label_maps: fastinet.LabelMaps
) -> None:
    rng = np.random.default_rng(0)
    files = {f"n01440764_{number}.JPEG": small_jpeg(rng) for number in range(5)}
    files["n01440764_1.JPEG"] = b"\xff\xd8 no more"
    (tmp_path / "train.tar").write_bytes(train_tar({"n01440764": files}))
    dataset = fastinet.open(tmp_path / "train.tar", index=False)
    boxes = ItemBoxes(
        np.arange(6), np.tile(np.array([[0.2, 0.1, 0.7, 1.0]], np.float32), (5, 1)), dataset.labels
    )
    loader = Loader(
        dataset,
        3,
        RandomResizedCrop(8, views=2, augment=(GaussianBlur(p=0.5), Rotate()), lighting=Lighting()),
        dtype="float32",
        boxes=boxes,
        record=True,
        soft_labels=label_maps.of(dataset),
        on_error="mask",
        pad_last="mask",
    )
    with pytest.warns(fastinet.errors.FastinetWarning, match="masked"):
        batches = list(loader)
    for batch in batches:
        sent = SentBatch(batch, np.copy, np.copy)
        assert len(sent) == len(batch) == 3
        images, labels = sent
        assert images is sent.images
        assert labels is sent.labels
        for name in (
            *("images", "labels", "soft_labels", "indices", "copies"),
            *("boxes", "flips", "image_sizes", "lighting"),
        ):
            ours, theirs = getattr(sent, name), getattr(batch, name)
            assert ours.dtype == theirs.dtype
            assert np.array_equal(ours, theirs)
            assert not np.shares_memory(ours, theirs)
            assert ours.flags.c_contiguous
        assert np.array_equal(sent.valid, batch.valid)
        assert sent.keys == batch.keys
        assert sent.steps == batch.steps
        assert any(view for row in sent.steps or () for view in row)
        assert sent.label_sets is batch.label_sets is None
        assert sent.objects is not None
        assert sent.objects is sent.objects
        assert batch.objects is not None
        assert np.array_equal(sent.objects.boxes, batch.objects.boxes)
        assert list(map(str, sent.errors.values())) == list(map(str, batch.errors.values()))
    assert isinstance(SentBatch(batches[0], np.copy, np.copy).errors[1], UnsupportedError)
    assert batches[1].keys[2] == ""


def test_rows_that_pad_a_batch_have_no_labels(dataset: fastinet.Dataset) -> None:
    """Not the labels of the last item, which index -1 would mean."""
    several = dataset.select(range(len(dataset)))
    several.label_sets = label_sets([[label, 990] for label in dataset.labels.tolist()])
    *_, last = Loader(several, 10, Resize(8), pad_last="mask")
    assert last.indices.tolist() == [40, 41, 42, *[-1] * 7]
    assert last.copies.tolist() == [0, 0, 0, *[-1] * 7]
    for batch in (last, SentBatch(last, np.copy, np.copy)):
        assert batch.label_sets is not None
        assert [list(labels) for labels in batch.label_sets] == [[4, 990]] * 3 + [[]] * 7
        assert batch.keys[3:] == [""] * 7
    sizes = [Image.open(io.BytesIO(dataset.read(item))).size for item in (40, 41, 42)]
    assert last.image_sizes.tolist() == [[high, wide] for wide, high in sizes] + [[0, 0]] * 7


def test_a_batch_becomes_a_dict(dataset: fastinet.Dataset, label_maps: fastinet.LabelMaps) -> None:
    """Of what a training step computes with; under a model's names, if it has others."""
    crop = RandomResizedCrop(8)
    batch = next(iter(Loader(dataset, 5, crop)))

    def model(images: Any, labels: Any) -> Any:
        return images, labels

    for one in (batch, SentBatch(batch, np.copy, np.copy)):
        assert list(dict(one)) == ["images", "labels"]
        assert model(**one)[0] is one.images
        assert dict(one)["labels"] is one.labels
        assert one[0] is one["images"] is one.images
        assert one[1] is one["labels"]
        named = one.as_dict(pixel_values="images", labels="labels", which="indices")
        assert list(named) == ["pixel_values", "labels", "which"]
        assert named["which"] is one.indices or np.array_equal(named["which"], one.indices)
        assert one.as_dict().keys() == {"images", "labels"}
        assert "labels" in one
        assert "images" in one
        assert "pixel_values" not in one
        assert "indices" not in one, "dict(batch) has none"
        assert one.labels in one
        assert one.labels.copy() not in one
        for name in ("pixel_values", "_kind", "as_dict", "companions", ""):
            with pytest.raises(KeyError, match=r"has no .* dict\(batch\) has images, labels"):
                one[name]
        with pytest.raises(IndexError):
            one[2]
    soft = next(iter(Loader(dataset, 5, crop, soft_labels=label_maps)))
    assert list(dict(soft)) == ["images", "labels", "soft_labels"]
    groups = next(iter(Loader(dataset, 5, fastinet.MultiCrop(fastinet.View(crop)))))
    assert list(dict(groups)) == ["crops", "labels"]


def test_keys_stay_a_list(dataset: fastinet.Dataset) -> None:
    batch = next(iter(Loader(dataset, 3, Resize(8))))
    assert isinstance(batch.keys, list)
    assert batch.keys == list(dataset.keys[:3])
    assert json.loads(json.dumps(batch.keys)) == batch.keys
    copy = pickle.loads(pickle.dumps(batch.keys))  # noqa: S301  # its own
    assert type(copy) is list
    assert copy == batch.keys

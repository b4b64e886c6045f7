"""Are the steps that a batch tells those that made its rows, whoever makes them?"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import fastinet
from fastinet import MultiCrop, RandomResizedCrop, View
from fastinet.augment import AugMix, ColorJitter, GaussianBlur, RandAugment, Step, draw_steps

if TYPE_CHECKING:
    from pathlib import Path

AUGMENT = (ColorJitter(0.4, p=0.8), RandAugment(2, 15), GaussianBlur(p=0.3))
CROP = RandomResizedCrop((20, 28), augment=AUGMENT)
MULTI = MultiCrop(
    View(CROP, count=2),
    View(RandomResizedCrop(16, interpolation="bicubic", augment=AugMix()), count=3),
)


def compare(batch: Any, dataset: fastinet.Dataset, transform: Any, seed: int, epoch: int) -> int:
    """Each view of a batch against its crop and steps; how many steps there were."""
    if isinstance(transform, MultiCrop):
        transforms = [view.transform for view in transform.groups for _ in range(view.count)]
    else:
        transforms = [transform] * (transform.views or 1)
    count = 0
    views = len(transforms)
    boxes = batch.boxes.reshape(len(batch), views, 4)
    flips = batch.flips.reshape(len(batch), views)
    for row, item in enumerate(batch.indices.tolist()):
        images = [image for crops in batch.crops for image in np.asarray(crops[row])]
        told = batch.steps[row]
        steps_of_views = told if batch.boxes.ndim == 3 else [told]
        assert len(steps_of_views) == len(images) == views
        if not batch.valid[row]:
            assert steps_of_views == [[]] * views
            continue
        for view, steps in enumerate(steps_of_views):
            rule = transforms[view]
            expected = draw_steps(
                rule.augment, rule.size, seed=seed, epoch=epoch, item=item, view=view,
                interpolation=rule.interpolation,
            )  # fmt: skip
            assert steps == expected
            assert all(isinstance(step, Step) for step in steps)
            crop = fastinet.decode(
                dataset.read(item),
                tuple(boxes[row, view].tolist()),
                rule.size,
                bool(flips[row, view]),
                interpolation=rule.interpolation,
            )
            assert np.array_equal(images[view], fastinet.apply_steps(crop, steps))
            count += len(steps)
    return count


@pytest.mark.parametrize(
    "transform", [CROP, RandomResizedCrop(16, views=3, augment=AUGMENT), MULTI]
)
def test_steps_are_those_of_the_rows(archive_path: Path, transform: Any) -> None:
    dataset = fastinet.open(archive_path)
    loader = fastinet.Loader(
        dataset, 4, transform, shuffle=True, seed=7, threads=2, record=True, pad_last="mask"
    )
    counts = [
        sum(compare(batch, dataset, transform, 7, epoch) for batch in loader) for epoch in range(2)
    ]
    assert min(counts) > 10
    assert counts[0] != counts[1]


def test_steps_fit_the_size_of_their_epoch(archive_path: Path) -> None:
    """A translation is a share of the row's side."""
    dataset = fastinet.open(archive_path)
    transform = RandomResizedCrop(16, augment=RandAugment(3, 30))
    loader = fastinet.Loader(dataset, 4, transform, seed=7, threads=1, record=True, sizes={1: 48})
    for epoch in range(2):
        rule = loader.transform_at(epoch)
        assert rule.size == (16, 48)[epoch]
        assert sum(compare(batch, dataset, rule, 7, epoch) for batch in loader) > 10


def test_a_slot_forgets_the_steps_before(archive_path: Path) -> None:
    dataset = fastinet.open(archive_path)
    rare = RandomResizedCrop(16, augment=GaussianBlur(p=0.3))
    loader = fastinet.Loader(dataset, 2, rare, seed=7, threads=1, record=True, prefetch=1)
    lengths = []
    for epoch in range(4):
        for batch in loader:
            compare(batch, dataset, rare, 7, epoch)
            lengths += [len(steps) for steps in batch.steps or ()]
    assert set(lengths) == {0, 1}


def test_without_record_there_are_none(archive_path: Path) -> None:
    for batch in fastinet.Loader(fastinet.open(archive_path), 4, CROP):
        assert batch.steps is None


def with_a_bad_item(archive_path: Path, tmp_path: Path) -> fastinet.Dataset:
    """A copy of the archive with one image that is none."""
    data = bytearray(archive_path.read_bytes())
    at = data.find(b"\xff\xd8\xff", len(data) // 2)
    data[at : at + 400] = bytes(400)
    path = tmp_path / "bad.tar"
    path.write_bytes(bytes(data))
    return fastinet.open(path)


@pytest.mark.parametrize("on_error", ["mask", "replace"])
@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
def test_masked_rows_have_no_steps_and_replaced_ones_the_others(
    archive_path: Path, tmp_path: Path, on_error: Any
) -> None:
    dataset = with_a_bad_item(archive_path, tmp_path)
    loader = fastinet.Loader(
        dataset, 4, CROP, shuffle=True, seed=1, threads=2, record=True, on_error=on_error
    )
    for epoch in range(3):
        for batch in loader:
            compare(batch, dataset, CROP, 1, epoch)
        assert len(loader.failures) == 1


def test_steps_of_a_stream(archive_path: Path) -> None:
    dataset = fastinet.open(archive_path)
    stream = fastinet.open_stream(
        io.BytesIO(archive_path.read_bytes()), classes=dataset.classes, name=archive_path.name
    )
    loader = fastinet.StreamLoader(stream, 4, CROP, seed=7, epoch=2, shuffle=True, record=True)
    assert sum(compare(batch, dataset, CROP, 7, 2) for batch in loader) > 10


def test_steps_of_buffers_and_of_a_resumed_epoch(archive_path: Path) -> None:
    dataset = fastinet.open(archive_path)
    out = [np.empty((4, 20, 28, 3), np.uint8) for _ in range(4)]
    loader = fastinet.Loader(dataset, 4, CROP, seed=7, prefetch=2, record=True, out=out)
    batches = iter(loader.epoch(3, start_batch=1))
    assert compare(next(batches), dataset, CROP, 7, 3) > 0


def test_a_batch_on_a_device_has_them_too(archive_path: Path) -> None:
    pytest.importorskip("torch")
    import fastinet.torch

    dataset = fastinet.open(archive_path)
    whole = {"seed": 7, "record": True, "dtype": "uint8"}
    here = fastinet.Loader(dataset, 4, CROP, **whole)  # type: ignore[arg-type]
    sent = fastinet.torch.Loader(dataset, 4, CROP, device="cpu", seed=7, record=True)
    for batch, expected in zip(sent, here, strict=True):
        assert batch.steps == expected.steps

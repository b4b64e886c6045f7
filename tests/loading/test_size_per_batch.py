"""A size for each batch: a function of where it stands, the same for all ranks and threads."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.bad_items import MAX_PIXELS, write_bad_archive

import fastinet
from fastinet import CenterCrop, Loader, MultiCrop, RandomResizedCrop, SizePerBatch, View
from fastinet.annotations.item_boxes import ItemBoxes
from fastinet.augment import GaussianBlur, Lighting, RandAugment, RandomErasing
from fastinet.pixels.transform_parts import height_width

if TYPE_CHECKING:
    from pathlib import Path

SIZES = (8, (12, 20), 16)
CROP = RandomResizedCrop(32, augment=RandAugment(interpolation="bilinear"))
PER_BATCH = SizePerBatch(SIZES, rows=8)


def rows_by_position(batches: Any, world: int = 1, rank: int = 0, first: int = 0) -> dict[int, Any]:
    """What each position of an epoch's order has: its item, and the bytes and shape of its row."""
    positions = range(first + rank, 10**9, world)
    rows = (
        (int(item), image.shape, image.tobytes())
        for batch in batches
        for item, image in zip(batch.indices, batch.images, strict=True)
    )
    return dict(zip(positions, rows, strict=False))


def test_each_batch_is_that_of_a_loader_of_its_size(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 8, CROP, shuffle=True, seed=6, sizes=PER_BATCH, record=True, threads=2)
    numbers = PER_BATCH.draw(6, 2, 6)
    assert len(set(numbers.tolist())) == 3, "a size that does not come shows nothing"
    for place, (batch, number) in enumerate(zip(list(loader.epoch(2)), numbers, strict=True)):
        height, width = height_width(SIZES[number])
        assert batch.images.shape[1:] == (height, width, 3)
        alone = Loader(
            dataset,
            8,
            RandomResizedCrop((height, width), augment=CROP.augment),
            shuffle=True,
            seed=6,
            record=True,
        )
        expected = next(alone.epoch(2, place))
        np.testing.assert_array_equal(batch.images, expected.images)
        np.testing.assert_array_equal(batch.boxes, expected.boxes)
        assert batch.steps == expected.steps


@pytest.mark.parametrize("repeats", [1, 3])
def test_positions_have_their_size_on_any_ranks_and_after_a_resume(
    dataset: fastinet.Dataset, repeats: int
) -> None:
    options: dict[str, Any] = {
        "shuffle": True,
        "seed": 6,
        "repeats": repeats,
        "sizes": SizePerBatch(SIZES, rows=16),
    }
    whole = rows_by_position(Loader(dataset, 16, CROP, **options).epoch(1))
    assert len(whole) == 43
    assert len({shape for _, shape, _ in whole.values()}) > 1
    small = rows_by_position(Loader(dataset, 4, CROP, threads=3, prefetch=5, **options).epoch(1))
    assert small == whole
    begun = Loader(dataset, 4, CROP, threads=2, **options)
    epoch = begun.epoch(1)
    got = rows_by_position([next(epoch) for _ in range(2)])
    for rank in range(2):
        rest = Loader(dataset, 2, CROP, threads=1, rank=rank, world=2, **options)
        rest.load_state_dict(begun.state_dict())
        got |= rows_by_position(iter(rest), world=2, rank=rank, first=8)
    assert got == whole


def test_a_batch_of_two_sizes_is_refused(dataset: fastinet.Dataset) -> None:
    for batch_size, world in ((3, 1), (16, 1), (4, 4)):
        with pytest.raises(ValueError, match=rf"rows=8 is no multiple of the {batch_size * world}"):
            Loader(dataset, batch_size, CROP, sizes=PER_BATCH, rank=0, world=world)
    begun = Loader(dataset, 2, CROP, shuffle=True, sizes=PER_BATCH, seed=4)
    next(iter(begun))
    larger = Loader(dataset, 4, CROP, shuffle=True, sizes=PER_BATCH, seed=5)
    before = larger.state_dict()
    with pytest.raises(ValueError, match=r"goes on at its row 2, and batches of 4 rows .* divides"):
        larger.load_state_dict(begun.state_dict())
    assert larger.state_dict() == before
    assert larger.seed == 5


def test_draws_depend_on_seed_epoch_and_number_alone() -> None:
    numbers = PER_BATCH.draw(3, 5, 100)
    assert numbers.dtype == np.uint8
    np.testing.assert_array_equal(PER_BATCH.draw(3, 5, 7), numbers[:7])
    # Written down once, so that a run can go on under any version.
    assert numbers[:12].tolist() == [0, 2, 0, 1, 0, 2, 0, 0, 2, 1, 2, 0]
    for other in (PER_BATCH.draw(4, 5, 100), PER_BATCH.draw(3, 6, 100)):
        assert 20 < (other == numbers).sum() < 50


@pytest.mark.parametrize("weights", [None, (1, 2, 5), (0, 3, 0)])
def test_sizes_come_as_often_as_their_weights_say(weights: Any) -> None:
    drawn = SizePerBatch(SIZES, 8, weights).draw(0, 0, 20_000)
    counts = np.bincount(drawn, minlength=3)
    expected = np.array(weights or (1, 1, 1)) / sum(weights or (1, 1, 1)) * 20_000
    assert not counts[expected == 0].any()
    some = expected > 0
    chi_squared = ((counts[some] - expected[some]) ** 2 / expected[some]).sum()
    assert chi_squared < 18.4  # one in 10,000 of so few degrees of freedom lies beyond


def test_memory_is_that_of_the_largest(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 8, CROP, sizes=PER_BATCH, prefetch=2)
    kept = [(batch.images, batch.images.copy()) for batch in loader]
    list(loader)
    for images, copy in kept:
        np.testing.assert_array_equal(images, copy)
    out = [np.zeros((8, 16, 16, 3), np.uint8) for _ in range(4)]
    lent = Loader(dataset, 8, CROP, sizes=PER_BATCH, prefetch=2, out=out)
    for batch, expected in zip(lent, Loader(dataset, 8, CROP, sizes=PER_BATCH), strict=True):
        np.testing.assert_array_equal(batch.images, expected.images)
        assert any(np.shares_memory(batch.images, buffer) for buffer in out)


def test_what_batches_say_is_of_their_size(dataset: fastinet.Dataset) -> None:
    """Objects, erased boxes and lighting, in rows of a float dtype and of uint8."""
    boxes = ItemBoxes(
        np.arange(len(dataset) + 1),
        np.tile(np.array([[0.1, 0.2, 0.9, 0.8]], np.float32), (len(dataset), 1)),
        dataset.labels,
    )
    crop = RandomResizedCrop(32, erase=RandomErasing(1.0), lighting=Lighting())
    loader = Loader(dataset, 8, crop, sizes=PER_BATCH, boxes=boxes, dtype="float32", seed=6)
    for place, batch in enumerate(list(loader.epoch(2))):
        objects, erased = batch.objects, batch.erased
        assert objects is not None
        assert erased is not None
        assert batch.lighting is not None
        size = batch.images.shape[1:3]
        alone = RandomResizedCrop(size, erase=crop.erase, lighting=crop.lighting)
        wanted = Loader(dataset, 8, alone, boxes=boxes, dtype="float32", seed=6)
        first = next(wanted.epoch(2, place))
        np.testing.assert_array_equal(batch.images, first.images)
        np.testing.assert_array_equal(erased, first.erased)
        np.testing.assert_array_equal(batch.lighting, first.lighting)
        assert first.objects is not None
        np.testing.assert_array_equal(objects.boxes, first.objects.boxes)
        assert len(objects)


@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
@pytest.mark.parametrize("on_error", ["mask", "replace"])
def test_bad_images(tmp_path: Path, on_error: Any) -> None:
    """What comes in a bad item's place has the size of the batch."""
    bad = write_bad_archive(tmp_path / "bad.tar")
    options: dict[str, Any] = {"on_error": on_error, "max_pixels": MAX_PIXELS, "shuffle": True}
    sizes = SizePerBatch(SIZES, rows=4)
    odd = 0
    for number, batch in enumerate(list(Loader(bad, 4, CROP, sizes=sizes, **options))):
        alone = RandomResizedCrop(batch.images.shape[1:3], augment=CROP.augment)
        expected = next(Loader(bad, 4, alone, **options).epoch(0, number))
        np.testing.assert_array_equal(batch.images, expected.images)
        np.testing.assert_array_equal(batch.valid, expected.valid)
        odd += int((~batch.valid).sum() + batch.replaced.sum())
    assert odd > 3


def test_descriptions_are_values(dataset: fastinet.Dataset) -> None:
    assert SizePerBatch([8, [12, 20], 16], np.int64(8)) == PER_BATCH  # type: ignore[arg-type]
    assert hash(SizePerBatch(SIZES, 8)) == hash(PER_BATCH)
    assert eval(repr(PER_BATCH)) == PER_BATCH  # noqa: S307
    assert pickle.loads(pickle.dumps(PER_BATCH)) == PER_BATCH  # noqa: S301
    loader = Loader(dataset, 8, CenterCrop(30, 40), sizes=PER_BATCH)
    again = pickle.loads(pickle.dumps(loader))  # noqa: S301
    for batch, other in zip(loader, again, strict=True):
        np.testing.assert_array_equal(batch.images, other.images)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SizePerBatch((8,), 8), "2 to 256 sizes can be drawn among, not 1"),
        (lambda: SizePerBatch(range(1, 300), 8), "not 299"),  # type: ignore[arg-type]
        (lambda: SizePerBatch((8, 0), 8), "size must be"),
        (lambda: SizePerBatch(SIZES, 0), "rows must be"),
        (lambda: SizePerBatch(SIZES, 8, (1, 2)), "weights must be 3 numbers"),
        (lambda: SizePerBatch(SIZES, 8, (0, 0, 0)), "weights must be 3 numbers"),
        (lambda: PER_BATCH.draw(-1, 0, 1), "seed must be"),
        (lambda: PER_BATCH.draw(0, 2**32, 1), "epoch must be"),
    ],
)
def test_what_makes_no_sense(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_what_has_no_size_per_batch(dataset: fastinet.Dataset) -> None:
    for sizes in (8, "88", None, {8: 1, 16: 2}, {8, 16}):
        with pytest.raises(TypeError, match="sizes must be several sizes"):
            SizePerBatch(sizes, 8)  # type: ignore[arg-type]
    loader = Loader(dataset, 8, CROP, sizes=PER_BATCH)
    with pytest.raises(ValueError, match="a size of its own, which the shape of its images is"):
        loader.transform_at(0)
    with pytest.raises(ValueError, match="sizes= gives all rows one size"):
        Loader(dataset, 8, MultiCrop(View(CROP)), sizes=PER_BATCH)
    blurred = RandomResizedCrop(64, augment=GaussianBlur(kernel=23))
    with pytest.raises(ValueError, match=r"sizes: 8: a blur with a kernel of 23 taps"):
        Loader(dataset, 8, blurred, sizes=PER_BATCH)
    torch = pytest.importorskip("fastinet.torch")
    with pytest.raises(ValueError, match="items that are chosen stand nowhere"):
        torch.ImageDataset(dataset, CROP, sizes=PER_BATCH)

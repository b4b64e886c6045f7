"""Progressive resizing: another size in another epoch, without another loader."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastinet
from fastinet import CenterCrop, Loader, RandomResizedCrop
from fastinet.augment import GaussianBlur

SIZES = {2: 24, 3: (16, 32)}


def test_rows_have_the_size_of_their_epoch(dataset: fastinet.Dataset) -> None:
    """And they are what a loader of that size alone gives, bit for bit."""
    loader = Loader(dataset, 16, RandomResizedCrop(8), shuffle=True, seed=1, sizes=SIZES)
    for epoch, size in enumerate([8, 8, 24, (16, 32), (16, 32)]):
        alone = Loader(dataset, 16, RandomResizedCrop(size), shuffle=True, seed=1)
        for batch, wanted in zip(loader, list(alone.epoch(epoch)), strict=True):
            assert batch.images.shape[1:3] == fastinet.pixels.transforms.height_width(size)
            assert np.array_equal(batch.images, wanted.images)
        assert loader.transform_at(epoch).size == size


def test_boxes_do_not_depend_on_the_size(dataset: fastinet.Dataset) -> None:
    def boxes(**options: Any) -> list[tuple[bytes, bytes]]:
        loader = Loader(dataset, 43, RandomResizedCrop(8), shuffle=True, **options)
        return [(b.boxes.tobytes(), b.flips.tobytes()) for e in range(3) for b in loader.epoch(e)]

    assert boxes() == boxes(sizes={0: 64, 1: 5, 2: (3, 90)})


def test_a_resumed_loader_has_the_size_too(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 16, RandomResizedCrop(8), shuffle=True, sizes=SIZES)
    epoch = loader.epoch(2)
    next(epoch)
    resumed = Loader(dataset, 16, RandomResizedCrop(8), shuffle=True, sizes=SIZES)
    resumed.load_state_dict(loader.state_dict())
    for batch, wanted in zip(resumed, epoch, strict=True):
        assert np.array_equal(batch.images, wanted.images)


def test_slots_serve_all_sizes(dataset: fastinet.Dataset) -> None:
    """Batches that are kept across a change of size are not written to."""
    loader = Loader(dataset, 8, RandomResizedCrop(8), threads=2, sizes={1: 64, 2: 32}, prefetch=2)
    kept, copies = [], []
    for _ in range(3):
        for number, batch in enumerate(loader):
            if number == 2:
                kept.append(batch.images)
                copies.append(batch.images.copy())
        del batch
    assert loader.stats().slots <= 4 + len(kept)
    list(loader.epoch(1))
    for images, copy in zip(kept, copies, strict=True):
        assert np.array_equal(images, copy)


def test_callers_buffers_serve_all_sizes(dataset: fastinet.Dataset) -> None:
    shape = (10, 64, 64, 3)
    buffers = [np.zeros(shape, np.uint8) for _ in range(4)]
    places = [buffer.ctypes.data for buffer in buffers]
    loader = Loader(
        dataset, 10, RandomResizedCrop(8), sizes={1: 64, 2: 32}, prefetch=2, out=buffers
    )
    for size in (8, 64, 32):
        for batch in loader:
            assert batch.images.shape[1:3] == (size, size)
            assert batch.images.ctypes.data in places
    with pytest.raises(ValueError, match=r"must be of shape \(10, 64, 64, 3\)"):
        Loader(
            dataset,
            10,
            RandomResizedCrop(8),
            sizes={1: 64},
            out=[np.zeros((10, 8, 8, 3), "u1")] * 4,
        )


def test_any_transform_may_grow(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 43, CenterCrop(8, resize=10), sizes={1: 12})
    assert [batch.images.shape[1] for _ in range(2) for batch in loader] == [8, 12]
    views = Loader(dataset, 43, RandomResizedCrop(8, views=2), sizes={1: 12}, layout="NCHW")
    assert [b.images.shape for _ in range(2) for b in views] == [
        (43, 2, 3, 8, 8),
        (43, 2, 3, 12, 12),
    ]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [({0: 0}, "size must be 1 to"), ({-1: 8}, "epoch must be"), ({0.5: 8}, "epoch must be")],
)
def test_schedules_that_make_no_sense(
    dataset: fastinet.Dataset, sizes: dict[Any, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Loader(dataset, 8, RandomResizedCrop(8), sizes=sizes)


def test_sizes_that_an_operation_cannot_have_are_refused_at_once(dataset: fastinet.Dataset) -> None:
    blurred = RandomResizedCrop(64, augment=GaussianBlur(kernel=23))
    Loader(dataset, 8, blurred, sizes={0: 12, 5: 32})
    with pytest.raises(ValueError, match=r"sizes \{5: 8\}: a blur with a kernel of 23 taps"):
        Loader(dataset, 8, blurred, sizes={0: 64, 5: 8})


def test_a_list_is_no_schedule(dataset: fastinet.Dataset) -> None:
    with pytest.raises(TypeError, match=r"{first epoch: size, ...} or a SizePerBatch, not \[8"):
        Loader(dataset, 8, RandomResizedCrop(8), sizes=[8, 12])  # type: ignore[arg-type]

"""Groups of views of one item: each view is what its transform gives alone, in arrays by group."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bad_items import MAX_PIXELS, write_bad_archive
from support.checkpointed import kinds_of_image, without_checkpoints, write_archive
from support.epoch_rows import each_row
from support.streamed import streamed

import fastinet
from fastinet import CenterCrop, ColorJitter, Loader, MultiCrop, RandomResizedCrop, Resize, View
from fastinet.augment import GaussianBlur, Grayscale, Solarize, draw_steps
from fastinet.testing import reference

LOCAL = RandomResizedCrop(12, scale=(0.05, 0.4), interpolation="bicubic")
WIDE = RandomResizedCrop((20, 28), scale=(0.4, 1.0), color_jitter=ColorJitter(0.4, 0.4, 0.2, 0.1))
VAL = CenterCrop((8, 9), resize=10)
VIEWS = MultiCrop(View(WIDE), View(LOCAL, count=3), View(VAL))
COUNT = 5


def expected_view(data: bytes, transform: Any, key: tuple[int, int, int], view: int) -> np.ndarray:
    """By Pillow: the crop that a transform draws as this view of (seed, epoch, item)."""
    if isinstance(transform, CenterCrop):
        return fastinet.decode(data, transform=transform)  # which tests/pixels compare with Pillow
    if isinstance(transform, Resize):
        return reference.decode(data, None, transform.size, interpolation=transform.interpolation)
    box, flip = reference.random_resized_crop(
        reference.open_image(data).size, *key, scale=transform.scale, view=view
    )
    pixels = reference.decode(
        data, box, transform.size, flip=flip, interpolation=transform.interpolation
    )
    if transform.color_jitter is None:
        return pixels
    steps = reference.color_steps(transform.color_jitter.bounds(), *key, view)
    return reference.apply_steps(pixels, steps)


def test_each_view_is_the_references(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 7, VIEWS, seed=11, shuffle=True, threads=2)
    for batch, row, item in each_row(loader.epoch(3), 43):
        data, view = dataset.read(item), 0
        for group, crops in zip(VIEWS.groups, batch.crops, strict=True):
            for own in crops[row]:
                expected = expected_view(data, group.transform, (11, 3, item), view)
                np.testing.assert_array_equal(own, expected)
                view += 1
        assert view == COUNT


def test_operations_are_of_their_group(dataset: fastinet.Dataset) -> None:
    """Each view has the operations of its own group, drawn under its own number; copies too."""
    first = RandomResizedCrop(14, augment=(GaussianBlur(), Solarize(128, p=0.5)))
    second = RandomResizedCrop(10, augment=Grayscale(p=0.5))
    views = MultiCrop(View(first), View(second, count=2))
    loader = Loader(dataset, 7, views, seed=5, shuffle=True, repeats=2, threads=2)
    for batch, row, item in each_row(loader.epoch(1), 43):
        view = 3 * int(batch.copies[row])
        for group, crops in zip(views.groups, batch.crops, strict=True):
            for own in crops[row]:
                size = group.transform.size
                plain = replace(group.transform, augment=())
                pixels = expected_view(dataset.read(item), plain, (5, 1, item), view)
                steps = draw_steps(
                    group.transform.augment, size, seed=5, epoch=1, item=item, view=view
                )
                np.testing.assert_array_equal(own, reference.apply_steps(pixels, steps))
                view += 1


def test_shapes_and_types(dataset: fastinet.Dataset) -> None:
    for layout, dtype in (("NHWC", "uint8"), ("NCHW", "float32"), ("NCHW", "bfloat16")):
        loader = Loader(dataset, 6, VIEWS, layout=layout, dtype=dtype, threads=2)  # type: ignore[arg-type]
        batch = next(iter(loader))
        sizes = [(1, 20, 28), (3, 12, 12), (1, 8, 9)]
        wanted = [(6, n, h, w, 3) if layout == "NHWC" else (6, n, 3, h, w) for n, h, w in sizes]
        assert [crops.shape for crops in batch.crops] == wanted == loader._batch_shapes()
        for crops in batch.crops:
            assert crops.dtype == (ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
            assert crops.flags.c_contiguous
            assert crops.flags.writeable
        assert batch.boxes.shape == (6, COUNT, 4)
        assert batch.flips.shape == (6, COUNT)
        assert batch.labels.shape == (6,)
        first, labels = batch
        assert first is batch.crops
        assert labels is batch.labels
        assert (
            repr(batch)
            == f"<Batch crops {dtype} {', '.join('x'.join(map(str, s)) for s in wanted)}>"
        )


def test_one_group_is_a_crop_with_views(dataset: fastinet.Dataset) -> None:
    """However views are put into groups, they are the views of one RandomResizedCrop."""
    several = Loader(dataset, 6, RandomResizedCrop(9, views=4), seed=2, shuffle=True)
    for views in (
        MultiCrop(View(RandomResizedCrop(9), count=4)),
        MultiCrop(View(RandomResizedCrop(9)), View(RandomResizedCrop(9), count=3)),
        MultiCrop(*[View(RandomResizedCrop(9))] * 4),
    ):
        loader = Loader(dataset, 6, views, seed=2, shuffle=True)
        for batch, expected in zip(loader.epoch(1), list(several.epoch(1)), strict=True):
            assert len(batch.crops) == len(views.groups)
            np.testing.assert_array_equal(batch.images, expected.images)
            np.testing.assert_array_equal(np.concatenate(batch.crops, axis=1), expected.images)
            np.testing.assert_array_equal(batch.boxes, expected.boxes)
            np.testing.assert_array_equal(batch.flips, expected.flips)


def test_crops_without_groups(dataset: fastinet.Dataset) -> None:
    plain = next(iter(Loader(dataset, 6, RandomResizedCrop(9))))
    (crops,) = plain.crops
    assert crops.shape == (6, 1, 9, 9, 3)
    assert np.shares_memory(crops, plain.images)
    with_views = next(iter(Loader(dataset, 6, RandomResizedCrop(9, views=2))))
    assert with_views.crops[0] is with_views.images


def test_images_are_one_array_if_sizes_allow(dataset: fastinet.Dataset) -> None:
    alike = MultiCrop(View(RandomResizedCrop(9)), View(Resize(9)))
    batch = next(iter(Loader(dataset, 6, alike)))
    assert batch.images is batch.images
    np.testing.assert_array_equal(batch.images[:, 1:], batch.crops[1])
    batch = next(iter(Loader(dataset, 6, VIEWS)))
    with pytest.raises(ValueError, match=r"views of several sizes, .* take batch.crops"):
        _ = batch.images
    with pytest.raises(ValueError, match=r"batch\.crops"):
        batch.__dlpack__()


random_views = st.lists(
    st.builds(
        lambda size, low, count, interpolation: View(
            RandomResizedCrop(size, scale=(low, 1.0), interpolation=interpolation), count=count
        ),
        size=st.one_of(st.integers(1, 40), st.tuples(st.integers(1, 40), st.integers(1, 40))),
        low=st.floats(0.01, 1),
        count=st.integers(1, 4),
        interpolation=st.sampled_from(["bilinear", "bicubic"]),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=25)
@given(
    groups=random_views,
    seed=st.integers(0, 2**64 - 1),
    threads=st.integers(1, 3),
    batch_size=st.integers(1, 50),
    dtype=st.sampled_from(["uint8", "float16"]),
    layout=st.sampled_from(["NHWC", "NCHW"]),
)
def test_no_view_depends_on_the_others(
    dataset: fastinet.Dataset,
    groups: list[View],
    seed: int,
    threads: int,
    batch_size: int,
    dtype: Any,
    layout: Any,
) -> None:
    """View i is what its transform alone gives as view i of a RandomResizedCrop(views=i + 1)."""
    options: dict[str, Any] = {"seed": seed, "shuffle": True, "dtype": dtype, "layout": layout}
    loader = Loader(dataset, batch_size, MultiCrop(*groups), threads=threads, **options)
    first = next(iter(loader))
    view = 0
    for group, crops in zip(groups, first.crops, strict=True):
        last = view + group.count
        alone = Loader(dataset, batch_size, group.transform, views=last, **options)
        expected = next(iter(alone))
        np.testing.assert_array_equal(crops, expected.images[:, view:])
        np.testing.assert_array_equal(first.boxes[:, view:last], expected.boxes[:, view:])
        np.testing.assert_array_equal(first.flips[:, view:last], expected.flips[:, view:])
        view = last


@pytest.mark.parametrize("exif_orientation", [False, True])
@pytest.mark.parametrize("with_checkpoints", [False, True])
def test_kinds_of_image(tmp_path: Path, exif_orientation: bool, with_checkpoints: bool) -> None:
    """Views by every road, turned and not, are the one-shot function's."""
    images = kinds_of_image()
    dataset = fastinet.open(write_archive(tmp_path / "train.tar", images))
    if with_checkpoints:
        dataset.build_checkpoints()
    else:
        dataset = without_checkpoints(dataset)
    views = MultiCrop(View(LOCAL, count=5), View(RandomResizedCrop(30, scale=(0.4, 1)), count=2))
    loader = Loader(dataset, 4, views, exif_orientation=exif_orientation, seed=5)
    for batch, row, item in each_row(loader, len(images)):
        view = 0
        for group, crops in zip(views.groups, batch.crops, strict=True):
            for own in crops[row]:
                alone = fastinet.decode(
                    dataset.read(item),
                    batch.boxes[row, view].tolist(),
                    group.transform.size,
                    bool(batch.flips[row, view]),
                    interpolation=group.transform.interpolation,
                    exif_orientation=exif_orientation,
                )
                np.testing.assert_array_equal(own, alone, list(images)[item])
                view += 1


def crops_by_item(batches: Any) -> dict[int, list[bytes]]:
    return {
        item: [crops[row].tobytes() for crops in batch.crops]
        for batch in batches
        for row, item in enumerate(batch.indices.tolist())
    }


def test_resumed_at_other_threads_and_ranks(dataset: fastinet.Dataset) -> None:
    whole = crops_by_item(Loader(dataset, 43, VIEWS, seed=4, shuffle=True).epoch(1))
    first = Loader(dataset, 5, VIEWS, seed=4, shuffle=True, threads=3)
    for _ in first.epoch(0):
        pass
    epoch = iter(first)
    begun = [next(epoch) for _ in range(3)]
    got = crops_by_item(begun)
    for rank in range(2):
        rest = Loader(dataset, 4, VIEWS, shuffle=True, threads=1, rank=rank, world=2)
        rest.load_state_dict(first.state_dict())
        got |= crops_by_item(iter(rest))
    assert got == whole


def test_a_stream_has_the_same_views(archive_path: Path, dataset: fastinet.Dataset) -> None:
    options: dict[str, Any] = {"seed": 3, "threads": 2}
    stream = streamed(archive_path.read_bytes())
    arrived = fastinet.StreamLoader(stream, 6, VIEWS, epoch=2, **options)
    for batch, expected in zip(arrived, Loader(dataset, 6, VIEWS, **options).epoch(2), strict=True):
        assert len(batch.crops) == len(expected.crops) == 3
        for own, other in zip(batch.crops, expected.crops, strict=True):
            np.testing.assert_array_equal(own, other)
        np.testing.assert_array_equal(batch.boxes, expected.boxes)


@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
def test_a_masked_row_masks_all_groups(tmp_path: Path) -> None:
    bad = write_bad_archive(tmp_path / "bad.tar")
    options: dict[str, Any] = {"on_error": "mask", "max_pixels": MAX_PIXELS, "threads": 2}
    out = [[np.full(s, 9, np.uint8) for s in [(30, 2, 9, 9, 3), (30, 1, 5, 5, 3)]] for _ in "123"]
    views = MultiCrop(View(RandomResizedCrop(9), count=2), View(Resize(5)))
    (batch,) = Loader(bad, 30, views, prefetch=1, out=out, **options)
    assert 0 < batch.valid.sum() < 30
    for values in (*batch.crops, batch.boxes, batch.flips):
        assert not values[~batch.valid].any()
    assert all(crops[batch.valid].any(axis=(1, 2, 3, 4)).all() for crops in batch.crops)


def test_buffers_of_a_caller(dataset: fastinet.Dataset) -> None:
    def buffers(count: int = 4) -> list[Any]:
        loader = Loader(dataset, 5, VIEWS)
        return [tuple(np.zeros(s, np.uint8) for s in loader._batch_shapes()) for _ in range(count)]

    out = buffers()
    loader = Loader(dataset, 5, VIEWS, out=out, prefetch=2, shuffle=True)
    own = Loader(dataset, 5, VIEWS, shuffle=True)
    for batch, expected in zip(loader, own, strict=True):
        for group, crops in enumerate(batch.crops):
            np.testing.assert_array_equal(crops, expected.crops[group])
            assert sum(np.shares_memory(crops, buffer[group]) for buffer in out) == 1
    assert loader.stats().extra_slots == 0
    for wrong, message in (
        ([buffer[0] for buffer in buffers()], r"out\[0\] must be a sequence .* not ndarray"),
        ([buffer[:2] for buffer in buffers()], r"out\[0\] must have 3 arrays, not 2"),
        ([buffer[::-1] for buffer in buffers()], r"out\[0\]\[0\] must be of shape \(5, 1, 20, 28"),
        ([buffers()[0]] * 4, "the same memory twice"),
        (buffers(2), "at least 3"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            Loader(dataset, 5, VIEWS, out=wrong, prefetch=2)


def test_slots_live_as_long_as_any_group(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 5, VIEWS, prefetch=1)
    epoch = iter(loader)
    crops = next(epoch).crops[1]
    copy = crops.copy()
    list(epoch)
    list(loader)
    np.testing.assert_array_equal(crops, copy)


def test_soft_labels_are_of_all_views(
    dataset: fastinet.Dataset, label_maps: fastinet.LabelMaps
) -> None:
    options: dict[str, Any] = {"soft_labels": label_maps, "seed": 8}
    batch = next(iter(Loader(dataset, 9, MultiCrop(View(LOCAL, 2), View(LOCAL)), **options)))
    alone = next(iter(Loader(dataset, 9, LOCAL, views=3, **options)))
    assert batch.soft_labels is not None
    np.testing.assert_array_equal(batch.soft_labels, alone.soft_labels)


def test_a_crop_that_must_cover_an_object_needs_boxes(dataset: fastinet.Dataset) -> None:
    views = MultiCrop(View(LOCAL), View(RandomResizedCrop(8, min_object_covered=0.1)))
    with pytest.raises(ValueError, match="min_object_covered, so the loader needs boxes="):
        Loader(dataset, 4, views)


def test_what_makes_no_sense(dataset: fastinet.Dataset) -> None:
    crop: Any
    for crop in (Resize(8), VAL):
        with pytest.raises(ValueError, match=r"count=2 of .* would all be the same"):
            View(crop, count=2)
    with pytest.raises(ValueError, match=r"View\(count=\), not RandomResizedCrop"):
        View(RandomResizedCrop(8, views=2))
    for count in (0, 1025, 1.5):
        with pytest.raises(ValueError, match=f"count must be .* not {count}"):
            View(LOCAL, count=count)  # type: ignore[arg-type]
    for crop in (VIEWS, None, 224):
        with pytest.raises(TypeError, match="the transform of a View must be a RandomResizedCrop"):
            View(crop)
    for groups in ((LOCAL,), ([View(LOCAL)],), (View(LOCAL), None)):
        with pytest.raises(TypeError, match="a MultiCrop consists of View"):
            MultiCrop(*groups)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"a MultiCrop needs a View\(transform, count\) at least"):
        MultiCrop()
    with pytest.raises(ValueError, match="not 1025"):
        MultiCrop(View(LOCAL, 1000), View(LOCAL, 25))
    with pytest.raises(ValueError, match="views=2, but a MultiCrop says itself"):
        Loader(dataset, 4, VIEWS, views=2)
    with pytest.raises(ValueError, match="sizes= gives all rows one size"):
        Loader(dataset, 4, VIEWS, sizes={1: 8})


def test_descriptions_are_values() -> None:
    again = MultiCrop(View(WIDE), View(LOCAL, count=3), View(VAL))
    assert again == VIEWS
    assert hash(again) == hash(VIEWS)
    assert MultiCrop(View(WIDE)) != VIEWS
    assert pickle.loads(pickle.dumps(VIEWS)) == VIEWS  # noqa: S301
    assert eval(repr(VIEWS)) == VIEWS  # noqa: S307
    with pytest.raises(AttributeError):
        VIEWS.groups = ()  # type: ignore[misc]

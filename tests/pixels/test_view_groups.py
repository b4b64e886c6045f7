"""Views that show one crop: box and flips of another view, pixels by operations of their own."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.bad_items import MAX_PIXELS, write_bad_archive
from support.epoch_rows import each_row
from support.streamed import streamed

import fastinet
from fastinet import (
    CenterCrop,
    ColorJitter,
    Loader,
    MultiCrop,
    RandomCrop,
    RandomResizedCrop,
    SameCrop,
    View,
)
from fastinet.augment import AugMix, GaussianBlur, Lighting, RandomErasing, Solarize, draw_steps
from fastinet.pixels.view_groups import groups_of
from fastinet.testing import reference

JITTER = ColorJitter(0.4, 0.4, 0.2, 0.1)
CROP = RandomResizedCrop(18, interpolation="random", vflip=0.3, color_jitter=JITTER)
OTHER = RandomResizedCrop((14, 22), scale=(0.1, 0.6))
MIXED = (Solarize(128, p=0.5), AugMix())
VIEWS = MultiCrop(
    View(CROP),
    View(OTHER, count=2),
    View(SameCrop(0, augment=MIXED), count=2),
    View(SameCrop(2, size=(30, 11), interpolation="lanczos", augment=GaussianBlur())),
)
SHOWN = [0, 1, 2, 0, 0, 2]  # whose crop each view is
SIZES = [(18, 18), (14, 22), (14, 22), (18, 18), (18, 18), (30, 11)]
AUGMENT: list[Any] = [JITTER, (), (), MIXED, MIXED, GaussianBlur()]


def test_views_show_one_crop_with_steps_of_their_own(dataset: fastinet.Dataset) -> None:
    loader = Loader(
        dataset, 7, VIEWS, seed=11, shuffle=True, threads=2, record=True, repeats=2, dtype="float32"
    )
    plain = Loader(
        dataset, 7, MultiCrop(View(CROP), View(OTHER, 2)), seed=11, shuffle=True, repeats=2
    )
    copies_differ = False
    for (batch, row, item), (alone, _, _) in zip(
        each_row(loader.epoch(3), 43), list(each_row(plain.epoch(3), 43)), strict=True
    ):
        copy = int(batch.copies[row])
        views = [view for crops in batch.crops for view in crops[row]]
        assert batch.steps is not None
        for view, (shown, size, augment) in enumerate(zip(SHOWN, SIZES, AUGMENT, strict=True)):
            for column in ("boxes", "flips", "vflips"):
                own, others = getattr(batch, column)[row, view], getattr(batch, column)[row, shown]
                np.testing.assert_array_equal(own, others)
                if copy == 0:  # views of the others are numbered on from as many as there are
                    np.testing.assert_array_equal(own, getattr(alone, column)[row, shown])
            # Each is drawn under its own number, so that two views of one crop differ.
            number = copy * len(SHOWN) + view
            kind = batch.interpolations[row, view]
            assert kind == ("lanczos" if view == 5 else batch.interpolations[row, shown])
            steps = draw_steps(augment, size, seed=11, epoch=3, item=item, view=number)
            assert steps == batch.steps[row][view]
            expected = fastinet.decode(
                dataset.read(item),
                batch.boxes[row, view],
                size,
                batch.flips[row, view],
                vflip=batch.vflips[row, view],
                interpolation=str(kind),
                steps=steps,
                dtype="float32",
            )
            np.testing.assert_array_equal(views[view], expected)
        copies_differ |= not np.array_equal(views[3], views[4])
    assert copies_differ


def test_the_crop_is_that_of_the_reference(dataset: fastinet.Dataset) -> None:
    """By Pillow, from the box that the rule of the other view draws under its number."""
    views = MultiCrop(View(OTHER, count=2), View(SameCrop(1, size=9)))
    for batch, row, item in each_row(Loader(dataset, 43, views, seed=2).epoch(1), 43):
        data = dataset.read(item)
        size = reference.open_image(data).size
        box, flip = reference.random_resized_crop(size, 2, 1, item, scale=OTHER.scale, view=1)
        expected = reference.decode(data, box, 9, flip=flip)
        np.testing.assert_array_equal(batch.crops[1][row, 0], expected)


def test_windows_are_shown_once_more(dataset: fastinet.Dataset) -> None:
    crop = RandomCrop(20, resize=24, padding=3, padding_mode="reflect")
    views = MultiCrop(View(crop), View(SameCrop()), View(SameCrop(augment=Solarize(0))))
    batch = next(iter(Loader(dataset, 9, views, seed=1)))
    first, again, solarized = batch.crops
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(255 - first, solarized)
    for column in (batch.windows, batch.boxes, batch.flips):
        np.testing.assert_array_equal(column[:, :1].repeat(2, 1), column[:, 1:])
    assert len({*map(tuple, batch.windows[:, 0].tolist())}) > 3


@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
@pytest.mark.parametrize("dtype", ["uint8", "float16"])
def test_one_crop_of_bad_images_and_of_all_kinds(tmp_path: Path, dtype: Any) -> None:
    """Views share the resized pixels; where data are damaged each has what it has alone."""
    bad = write_bad_archive(tmp_path / "bad.tar")
    views = MultiCrop(View(OTHER), View(SameCrop()), View(SameCrop(augment=Solarize(0))))
    options: dict[str, Any] = {"on_error": "mask", "max_pixels": MAX_PIXELS, "dtype": dtype}
    (batch,) = Loader(bad, 30, views, **options)
    (alone,) = Loader(bad, 30, OTHER, **options)
    first, again, solarized = (crops[batch.valid, 0] for crops in batch.crops)
    assert 5 < batch.valid.sum() < 30
    np.testing.assert_array_equal(batch.valid, alone.valid)
    np.testing.assert_array_equal(first, alone.images[alone.valid])
    np.testing.assert_array_equal(again, first)
    if dtype == "uint8":
        np.testing.assert_array_equal(solarized, 255 - first)


def test_erasing_and_lighting_are_drawn_for_each_view(dataset: fastinet.Dataset) -> None:
    same = SameCrop(erase=RandomErasing(1.0), lighting=Lighting(0.5))
    views = MultiCrop(View(OTHER), View(same, count=2))
    batch = next(iter(Loader(dataset, 9, views, dtype="float32", seed=1)))
    assert batch.erased is not None
    assert batch.lighting is not None
    assert not batch.erased[:, 0].any()
    assert not batch.lighting[:, 0].any()
    for values in (batch.erased[..., 0, :], batch.lighting):
        assert (values[:, 1] != values[:, 2]).any(axis=1).mean() > 0.8
        assert values[:, 1:].any(axis=(1, 2)).all()


def test_resumed_at_other_threads_and_ranks(dataset: fastinet.Dataset) -> None:
    def rows(batches: Any) -> dict[tuple[int, int], list[bytes]]:
        return {
            (item, copy): [crops[row].tobytes() for crops in batch.crops]
            for batch in batches
            for row, (item, copy) in enumerate(
                zip(batch.indices.tolist(), batch.copies.tolist(), strict=True)
            )
        }

    options: dict[str, Any] = {"shuffle": True, "repeats": 2}
    whole = rows(Loader(dataset, 43, VIEWS, seed=4, **options).epoch(1))
    first = Loader(dataset, 5, VIEWS, seed=4, threads=3, **options)
    epoch = first.epoch(1)
    got = rows([next(epoch) for _ in range(3)])
    assert len(got) == 15
    for rank in range(2):
        rest = Loader(dataset, 4, VIEWS, threads=1, rank=rank, world=2, **options)
        rest.load_state_dict(first.state_dict())
        got |= rows(iter(rest))
    assert got == whole


def test_a_stream_has_the_same_views_of_one_crop(
    archive_path: Any, dataset: fastinet.Dataset
) -> None:
    loader = Loader(dataset, 43, VIEWS, seed=3)
    (expected,) = loader.epoch(2)
    arrived = fastinet.StreamLoader(streamed(archive_path.read_bytes()), 43, VIEWS, epoch=2, seed=3)
    (batch,) = arrived
    for own, other in zip(batch.crops, expected.crops, strict=True):
        np.testing.assert_array_equal(own, other)


def test_groups_have_all_of_the_other_view() -> None:
    """What asks for a group's transform need not know of views that show another's crop."""
    first, second, mixed, larger = groups_of(VIEWS)
    assert (first.transform, second.transform) == (CROP, OTHER)
    assert [group.crop_of for group in (first, second, mixed, larger)] == [None, None, 0, 2]
    assert [group.count for group in (first, second, mixed, larger)] == [1, 2, 2, 1]
    assert mixed.transform == replace(CROP, color_jitter=None, augment=MIXED)
    assert larger.transform == replace(
        OTHER, size=(30, 11), interpolation="lanczos", augment=GaussianBlur()
    )
    covered = replace(OTHER, min_object_covered=0.3)
    assert groups_of(MultiCrop(View(covered), View(SameCrop())))[1].transform == covered


def test_descriptions_are_values() -> None:
    again = MultiCrop(*VIEWS.groups)
    assert again == VIEWS
    assert hash(again) == hash(VIEWS)
    assert pickle.loads(pickle.dumps(VIEWS)) == VIEWS  # noqa: S301
    assert eval(repr(VIEWS)) == VIEWS  # noqa: S307
    assert SameCrop(augment=[Solarize(3)]) == SameCrop(0, augment=Solarize(3))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MultiCrop(View(SameCrop(0))), "crop of view 0, and it is the first one"),
        (
            lambda: MultiCrop(View(OTHER, 2), View(SameCrop(2))),
            "crop of view 2, and the views before it are 0 to 1",
        ),
        (
            lambda: MultiCrop(View(OTHER), View(SameCrop(0)), View(SameCrop(1))),
            "crop of view 1, which shows that of view 0: name that",
        ),
        (
            lambda: MultiCrop(View(CenterCrop(8)), View(SameCrop(0))),
            r"view 0, CenterCrop\(.*\), which draws nothing: take that transform itself",
        ),
        (
            lambda: MultiCrop(View(RandomCrop(8)), View(SameCrop(0, size=9))),
            r"size=9 is not that of view 0, RandomCrop\(.* leave it out",
        ),
        (lambda: View(SameCrop(0, size=9), count=2), "would all be the same"),
        (lambda: SameCrop(-1), "view must be"),
        (lambda: SameCrop(1024), "view must be"),
        (lambda: SameCrop(0, size=0), "size must be"),
        (lambda: SameCrop(0, interpolation="random"), "interpolation must be"),  # type: ignore[arg-type]
        (
            lambda: MultiCrop(
                View(OTHER), View(SameCrop(0, size=3, augment=GaussianBlur(kernel=23)))
            ),
            "23",
        ),
    ],
)
def test_what_makes_no_sense(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_what_is_of_another_type(dataset: fastinet.Dataset) -> None:
    with pytest.raises(TypeError, match="it belongs into a View of a MultiCrop, behind that view"):
        Loader(dataset, 4, SameCrop(0))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="augment must be an operation"):
        SameCrop(0, augment="3a")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="erase must be a RandomErasing"):
        SameCrop(0, erase=0.25)  # type: ignore[arg-type]

"""Random erasing: what describes it, the boxes that are drawn, and rows of every format."""

from __future__ import annotations

import importlib
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.comparing import rng_of
from support.epoch_rows import each_row

import fastinet
from fastinet import Loader, MultiCrop, RandomResizedCrop, View
from fastinet.augment import Lighting, RandomErasing, erase
from fastinet.testing import erased_rows

IMAGENET: dict[str, Any] = {"mean": "imagenet", "std": "imagenet"}
RULES = {
    "torchvision": RandomErasing(0.7),
    "channels": RandomErasing(1, value=(1, -2, 0.3)),
    "rand": RandomErasing(1, mode="rand", count=3),
    "pixel": RandomErasing.timm(0.8, "pixel", count=2),
}


# What it is


def test_names_of_torchvision() -> None:
    assert RandomErasing(value="random") == RandomErasing(mode="pixel")
    assert RandomErasing(0.1, (0.02, 0.3), [0.3, 3], (0, 1, 2)) == RandomErasing(  # type: ignore[arg-type]
        p=0.1, scale=(0.02, 0.3), ratio=(0.3, 3.0), value=(0.0, 1.0, 2.0)
    )
    assert repr(RandomErasing(0.25)) == (
        "RandomErasing(p=0.25, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0.0, mode='const', "
        "count=1)"
    )


@pytest.mark.parametrize("aspects", [{"min_aspect": 0}, {"max_aspect": 0.0}])
def test_aspects_of_timm_are_checked(aspects: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"min_aspect must be|ratio must satisfy"):
        RandomErasing.timm(**aspects)  # type: ignore[arg-type]


def test_names_of_timm() -> None:
    assert RandomErasing.timm(0.25, mode="pixel", count=2) == RandomErasing(
        0.25, (0.02, 1 / 3), (0.3, 1 / 0.3), mode="pixel", count=2
    )
    assert RandomErasing.timm(
        min_area=0.1, max_area=0.2, min_aspect=0.5, max_aspect=4
    ) == RandomErasing(0.5, (0.1, 0.2), (0.5, 4))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"p": 1.1}, "p must be a probability, 0 to 1, not 1.1"),
        ({"p": float("nan")}, "p must be a probability, 0 to 1, not nan"),
        ({"scale": (0, 0.5)}, "scale must satisfy 0 < low <= high <= 1, not (0, 0.5)"),
        ({"scale": 0.3}, "scale must be (low, high), not 0.3"),
        ({"ratio": (3, 0.3)}, "ratio must satisfy 1e-06 <= low <= high <= 1e+06, not (3, 0.3)"),
        ({"value": (1, 2)}, "value must be one number, or three for the channels, not (1, 2)"),
        ({"value": 70000}, "value must be a number, -65504 to 65504, not 70000"),
        ({"value": "mean"}, "value must be numbers or \"random\", not 'mean'"),
        ({"value": "random", "mode": "rand"}, 'value="random" is mode="pixel", not mode="rand"'),
        ({"value": 1, "mode": "pixel"}, "value=1.0 is for mode=\"const\", not for 'pixel'"),
        ({"mode": "noise"}, "mode must be one of ('const', 'rand', 'pixel'), not 'noise'"),
        ({"count": 0}, "count must be 1 to 25, not 0"),
        ({"count": 1.5}, "count must be a whole number, not 1.5"),
    ],
)
def test_what_makes_no_sense(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        RandomErasing(**arguments)


def test_no_rule() -> None:
    with pytest.raises(TypeError, match=r"erase must be a RandomErasing, not 0\.25"):
        RandomResizedCrop(8, erase=0.25)  # type: ignore[arg-type]


# Rows


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_rows_are_the_references(
    dataset: fastinet.Dataset, rule: RandomErasing, dtype: Any, layout: Any
) -> None:
    """They are the rows without erasing, with the pixels of the boxes replaced."""
    options: dict[str, Any] = {
        "seed": 5,
        "layout": layout,
        "dtype": dtype,
        "threads": 2,
        **IMAGENET,
    }
    plain = Loader(dataset, 43, RandomResizedCrop((20, 23)), **options)
    loader = Loader(dataset, 43, RandomResizedCrop((20, 23), erase=rule), **options)
    for batch, unerased in zip(loader.epoch(2), list(plain.epoch(2)), strict=True):
        assert unerased.erased is None
        assert batch.erased.shape == (43, rule.count, 4)
        assert batch.erased.dtype == np.int32
        assert batch.erased_pixels() is None  # all is done
        for row, item in enumerate(batch.indices.tolist()):
            boxes = erased_rows.erased_boxes(rule, (20, 23), 5, 2, item)
            assert batch.erased[row].tolist() == [list(box) for box in boxes]
            image, before = batch.images[row], unerased.images[row]
            if layout == "NCHW":
                image, before = np.moveaxis(image, 0, -1), np.moveaxis(before, 0, -1)
            expected = erased_rows.erased_row(before.astype(np.float32), rule, boxes, 5, 2, item)
            assert np.array_equal(image, expected.astype(image.dtype))


def test_views_are_erased_one_by_one(dataset: fastinet.Dataset) -> None:
    """View 0 is the row without views."""
    crop = RandomResizedCrop(20, erase=RULES["rand"], lighting=Lighting(1))
    options: dict[str, Any] = {"seed": 1, "dtype": "float32"}
    single = Loader(dataset, 5, crop, **options)
    several = Loader(dataset, 5, crop, views=3, **options)
    for batch, first in zip(several, single, strict=True):
        assert batch.erased.shape == (len(batch), 3, 3, 4)
        assert np.array_equal(batch.images[:, 0], first.images)
        assert np.array_equal(batch.erased[:, 0], first.erased)
        for row, item in enumerate(batch.indices.tolist()):
            for view in range(3):
                boxes = erased_rows.erased_boxes(RULES["rand"], (20, 20), 1, 0, item, view)
                assert batch.erased[row, view].tolist() == [list(box) for box in boxes]


def test_groups_of_views_have_rules_of_their_own(dataset: fastinet.Dataset) -> None:
    """Boxes are those of all views, in order; a view with fewer has none behind."""
    pixel, rand, lit = RULES["pixel"], RULES["rand"], Lighting(1)
    crops = MultiCrop(
        View(RandomResizedCrop(20, erase=pixel), count=2),
        View(RandomResizedCrop(9, lighting=lit)),
        View(RandomResizedCrop((11, 12), erase=rand, lighting=lit)),
    )
    (batch,) = Loader(dataset, 43, crops, seed=4, dtype="float32")
    assert batch.erased.shape == (43, 4, 3, 4)
    sizes = [(20, 20), (20, 20), (9, 9), (11, 12)]
    for view, (rule, size) in enumerate(zip([pixel, pixel, None, rand], sizes, strict=True)):
        for row, item in enumerate(batch.indices.tolist()):
            boxes: Any = [] if rule is None else [
                list(box) for box in erased_rows.erased_boxes(rule, size, 4, 0, item, view)
            ]  # fmt: skip
            assert batch.erased[row, view].tolist() == boxes + [[0] * 4] * (3 - len(boxes))
    # Each is what it is without the others.
    alone = RandomResizedCrop((11, 12), erase=rand, lighting=lit, views=4)
    (expected,) = Loader(dataset, 43, alone, seed=4, dtype="float32")
    assert np.array_equal(batch.crops[2][:, 0], expected.images[:, 3])


def test_groups_of_uint8_list_their_pixels(dataset: fastinet.Dataset) -> None:
    crops = MultiCrop(
        View(RandomResizedCrop(9)),
        View(RandomResizedCrop(20, erase=RULES["pixel"]), count=2),
        View(RandomResizedCrop(12, erase=RULES["channels"])),
    )
    (batch,) = Loader(dataset, 43, crops, seed=4)
    (expected,) = Loader(dataset, 43, crops, seed=4, dtype="float32")
    assert batch.erased_pixels(0) is None
    for group in (1, 2):
        images = batch.crops[group] * np.float32(1 / 255) + np.float32(0)
        pixels, values = batch.erased_pixels(group)
        images.reshape(-1, 3)[pixels] = values
        assert np.array_equal(images, expected.crops[group])
    with pytest.raises(IndexError, match="no such group"):
        batch.erased_pixels(3)


def test_copies_are_erased_differently(dataset: fastinet.Dataset) -> None:
    """Copy c of an item has the numbers of its views, which are counted over all copies."""
    rule = RULES["pixel"]
    crop = RandomResizedCrop(20, erase=rule, lighting=Lighting(), views=2)
    repeated = Loader(dataset, 43, crop, seed=6, repeats=3, dtype="float32", shuffle=True)
    for batch in repeated:
        for row, (item, copy) in enumerate(zip(batch.indices, batch.copies, strict=True)):
            for view in range(2):
                number = 2 * int(copy) + view
                boxes = erased_rows.erased_boxes(rule, (20, 20), 6, 0, int(item), number)
                assert batch.erased[row, view].tolist() == [list(box) for box in boxes]
    many = RandomResizedCrop(20, erase=rule, lighting=Lighting(), views=6)
    (expected,) = Loader(dataset, 43, many, seed=6, dtype="float32")
    for row, (item, copy) in enumerate(zip(batch.indices, batch.copies, strict=True)):
        own = slice(2 * int(copy), 2 * int(copy) + 2)
        assert np.array_equal(batch.images[row], expected.images[item, own])


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_rows_depend_on_seed_epoch_and_item_alone(
    dataset: fastinet.Dataset, rule: RandomErasing
) -> None:
    """Not on threads, batches, ranks, or where a run goes on."""
    crop = RandomResizedCrop(16, erase=rule, lighting=Lighting())
    options: dict[str, Any] = {"seed": 8, "shuffle": True, "dtype": "float32"}
    whole = Loader(dataset, 43, crop, threads=1, **options)
    (batch,) = whole.epoch(1)
    expected = {
        item: (batch.images[row].copy(), batch.erased[row].copy())
        for row, item in enumerate(batch.indices.tolist())
    }
    for rank in range(2):
        ranked = Loader(dataset, 6, crop, threads=3, rank=rank, world=2, **options)
        begun = ranked.epoch(1)
        next(begun)
        resumed = Loader(dataset, 4, crop, threads=2, rank=rank, world=2, **options)
        resumed.load_state_dict(ranked.state_dict())
        rows = len(range(rank, 43, 2)) - 6
        for one, row, item in each_row(resumed, rows):
            assert np.array_equal(one.images[row], expected[item][0])
            assert np.array_equal(one.erased[row], expected[item][1])
    with_other_seed = Loader(dataset, 43, crop, **{**options, "seed": 9})
    (other,) = with_other_seed.epoch(1)
    assert not np.array_equal(other.erased, batch.erased)


def test_a_masked_row_has_no_boxes(dataset: fastinet.Dataset) -> None:
    crop = RandomResizedCrop(8, erase=RULES["pixel"], views=2)
    with pytest.warns(fastinet.errors.FastinetWarning, match="gave no row"):
        (batch,) = Loader(dataset, 43, crop, on_error="mask", max_pixels=5000)
    masked = ~batch.valid
    assert 0 < masked.sum() < 43
    assert not batch.erased[masked].any()
    assert batch.erased[batch.valid].any()
    pixels, _ = batch.erased_pixels()
    assert not np.isin(pixels // (2 * 8 * 8), np.flatnonzero(masked)).any()


def test_a_replaced_row_is_erased_as_the_other_items(dataset: fastinet.Dataset) -> None:
    crop = RandomResizedCrop(12, erase=RULES["rand"])
    options: dict[str, Any] = {"dtype": "float32", "seed": 2}
    with pytest.warns(fastinet.errors.FastinetWarning, match="gave no row"):
        (batch,) = Loader(dataset, 43, crop, on_error="replace", max_pixels=5000, **options)
    assert batch.replaced.any()
    for row, item in enumerate(batch.indices.tolist()):
        boxes = erased_rows.erased_boxes(RULES["rand"], (12, 12), 2, 0, item)
        assert batch.erased[row].tolist() == [list(box) for box in boxes]


def test_a_stream_erases_as_an_archive(dataset: fastinet.Dataset, archive_path: Any) -> None:
    crop = RandomResizedCrop(12, erase=RULES["pixel"], lighting=Lighting())
    options: dict[str, Any] = {"dtype": "float16", "seed": 2}
    with archive_path.open("rb") as file:
        stream = fastinet.open_stream(file, classes="imagenet1k")
        streamed = list(fastinet.StreamLoader(stream, 10, crop, **options))
    loaded = list(Loader(dataset, 10, crop, **options))
    assert len(streamed) == len(loaded) == 5
    for first, second in zip(streamed, loaded, strict=True):
        assert np.array_equal(first.images, second.images)
        assert np.array_equal(first.erased, second.erased)


# Rows of uint8


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("views", [None, 2])
def test_what_is_left_to_others(
    dataset: fastinet.Dataset, rule: RandomErasing, views: int | None
) -> None:
    """Rows of uint8 are not erased; normalised and erased, they are the rows of float32."""
    crop = RandomResizedCrop((20, 23), erase=rule, views=views)
    plain = Loader(dataset, 20, RandomResizedCrop((20, 23), views=views), seed=5)
    loader = Loader(dataset, 20, crop, seed=5)
    floats = Loader(dataset, 20, crop, seed=5, dtype="float32", **IMAGENET)
    native = floats.output.native()
    scale, bias = (np.asarray(native[name], np.float32) for name in ("pixel_scale", "pixel_bias"))
    for batch, unerased, expected in zip(list(loader), list(plain), floats, strict=True):
        assert np.array_equal(batch.images, unerased.images)
        assert np.array_equal(batch.erased, expected.erased)
        images = batch.images * scale + bias
        if rule.mode == "const":
            erased = erase(images, batch.erased, rule.value, layout="NHWC")
            assert np.array_equal(erased, expected.images)
        pixels, values = batch.erased_pixels()
        assert pixels.dtype == np.int64
        assert values.dtype == np.float32
        assert len(np.unique(pixels)) == len(pixels)
        images.reshape(-1, 3)[pixels] = values
        assert np.array_equal(images, expected.images)


LIBRARIES = {"numpy": np.asarray, "torch": "from_numpy", "jax.numpy": "asarray"}


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_erasing_arrays_of_any_library(library: str, layout: Any) -> None:
    module = pytest.importorskip(library.partition(".")[0]) and importlib.import_module(library)
    array = getattr(module, "from_numpy" if library == "torch" else "asarray")
    rng = rng_of("erase", layout)
    images = rng.normal(size=(3, 2, 9, 11, 3)).astype(np.float32)
    boxes = rng.integers(0, 5, (3, 2, 2, 4)).astype(np.int32)
    expected = images.copy()
    for row, view, number in np.ndindex(3, 2, 2):
        x, y, width, height = boxes[row, view, number]
        expected[row, view, y : y + height, x : x + width] = (1, 2, 3)
    if layout == "NCHW":
        images, expected = np.moveaxis(images, -1, -3), np.moveaxis(expected, -1, -3)
    before = images.copy()
    for erased in (array(boxes), boxes):
        result = erase(array(images), erased, (1, 2, 3), layout=layout)
        assert type(result) is type(array(images))
        assert np.array_equal(np.asarray(result), expected)
    assert np.array_equal(images, before)


@given(
    box=st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 7), st.integers(0, 7)),
    dtype=st.sampled_from(["float16", "float32", "float64"]),
)
def test_erasing_any_box(box: tuple[int, int, int, int], dtype: str) -> None:
    images = np.ones((1, 3, 7, 8), dtype)
    erased = erase(images, np.array([[box]], np.int32))
    assert erased.dtype == images.dtype
    x, y, width, height = box
    assert (erased == 0).sum() == 3 * min(width, 8 - x) * min(height, 7 - y)


def test_arrays_that_cannot_be_erased() -> None:
    boxes = np.zeros((2, 1, 4), np.int32)
    with pytest.raises(TypeError, match="after they were normalised, and these are uint8"):
        erase(np.zeros((2, 3, 5, 5), np.uint8), boxes)
    with pytest.raises(ValueError, match="under layout='NCHW': say layout='NHWC'"):
        erase(np.zeros((2, 5, 5, 3)), boxes)
    with pytest.raises(ValueError, match="say layout='NCHW'"):
        erase(np.zeros((2, 3, 5, 5)), boxes, layout="NHWC")
    with pytest.raises(TypeError, match="the transform of these images has no erase="):
        erase(np.zeros((2, 3, 5, 5)), None)
    for images in (np.zeros((2, 5, 5, 4)), np.zeros((3, 3, 5, 5)), np.zeros((3, 5, 5))):
        with pytest.raises(ValueError, match="do not fit images"):
            erase(images, boxes)
    with pytest.raises(ValueError, match='layout must be "NCHW" or "NHWC"'):
        erase(np.zeros((2, 3, 5, 5)), boxes, layout="CHWN")  # type: ignore[arg-type]

"""RandomCrop, random interpolation and vertical flips: whole rows, and what is drawn for them."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.bounds import chi_squared_bound

import fastinet
from fastinet import Loader, MultiCrop, RandomCrop, RandomResizedCrop, View
from fastinet._native import _plan
from fastinet.pixels.transform_parts import INTERPOLATIONS
from fastinet.testing import reference, reference_crops

DRAWS = 20_000
SRC = RandomCrop(32, 32, 4, "reflect", interpolation="bicubic", vflip=0.25)
CROPS = {
    "src": SRC,
    "padded": RandomCrop((20, 30), padding=(9, 40), padding_mode="symmetric", vflip=0.5),
    "larger than the images": RandomCrop((400, 90), fill=(9, 80, 7)),
    "one side padded": RandomCrop(24, 25, (0, 70, 3, 0), "edge", hflip=0.1),
}


def rest_of(transform: Any, size: tuple[int, int], draws: int = DRAWS, seed: int = 1) -> Any:
    """Windows, vertical flips and interpolations that the core draws for an image."""
    sizes = np.tile(np.array(size, np.int32), (draws, 1))
    return _plan.draw_windows(transform.native(), sizes, np.arange(draws), seed=seed, epoch=3)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", CROPS)
def test_rows_are_the_references(dataset: fastinet.Dataset, name: str, threads: int) -> None:
    """And the one-shot function's, from what the batch says."""
    crop = CROPS[name]
    loader = Loader(dataset, 7, crop, shuffle=True, seed=2**60, threads=threads)
    parts = crop.native()
    for batch in loader.epoch(4):
        for row, item in enumerate(batch.indices.tolist()):
            data = dataset.read(item)
            wanted = reference_crops.random_crop(
                data,
                parts["size"],
                2**60,
                4,
                item,
                resize=crop.resize,
                padding=parts["padding"],
                padding_mode=crop.padding_mode,
                fill=crop.fill,
                hflip=crop.hflip,
                vflip=crop.vflip,
                interpolation=crop.interpolation,
            )
            np.testing.assert_array_equal(batch.images[row], wanted)
            again = fastinet.decode(
                data,
                flip=batch.flips[row],
                vflip=batch.vflips[row],
                transform=crop,
                window=batch.windows[row],
            )
            np.testing.assert_array_equal(batch.images[row], again)
            height, width = batch.image_sizes[row].tolist()
            assert batch.boxes[row].tolist() == [0, 0, width, height]


def test_the_law_holds(dataset: fastinet.Dataset) -> None:
    """Threads, batch size, ranks and a resume change nothing; views are draws of their own."""
    options: dict[str, Any] = {"shuffle": True, "seed": 5}
    (whole,) = Loader(dataset, len(dataset), SRC, **options).epoch(1)
    rows = {int(item): row for row, item in enumerate(whole.indices)}
    seen = 0
    for rank in range(2):
        loader = Loader(dataset, 4, SRC, rank=rank, world=2, threads=2, **options)
        epoch = iter(loader.epoch(1))
        state: Any = None
        for number, batch in enumerate(epoch):
            if number == 2:
                break
            seen += _equal_rows(batch, whole, rows)
            state = loader.state_dict()
        resumed = Loader(dataset, 3, SRC, rank=rank, world=2, threads=1, **options)
        resumed.load_state_dict(state)
        for batch in resumed:
            seen += _equal_rows(batch, whole, rows)
    assert seen == len(dataset)
    (views,) = Loader(dataset, len(dataset), SRC, views=3, **options).epoch(1)
    np.testing.assert_array_equal(views.images[:, 0], whole.images)
    np.testing.assert_array_equal(views.windows[:, 0], whole.windows)
    np.testing.assert_array_equal(views.vflips[:, 0], whole.vflips)
    assert (views.windows[:, 1] != views.windows[:, 2]).any()
    assert views.vflips.shape == (len(dataset), 3)
    assert views.interpolations.shape == (len(dataset), 3)


def _equal_rows(batch: fastinet.Batch, whole: fastinet.Batch, rows: dict[int, int]) -> int:
    for row, item in enumerate(batch.indices.tolist()):
        np.testing.assert_array_equal(batch.images[row], whole.images[rows[item]])
        np.testing.assert_array_equal(batch.windows[row], whole.windows[rows[item]])
        assert batch.vflips[row] == whole.vflips[rows[item]]
    return len(batch)


def test_only_what_a_row_shows_is_decoded(dataset: fastinet.Dataset) -> None:
    small = Loader(dataset, 43, RandomCrop(8), seed=1)
    whole = Loader(dataset, 43, fastinet.Resize(8), seed=1)
    for loader in (small, whole):
        list(loader.epoch(0))
    assert small.stats().mcus_decoded < whole.stats().mcus_decoded / 2


@pytest.mark.parametrize(
    ("size", "image", "padding"),
    [
        ((10, 12), (20, 15), 0),
        ((10, 12), (20, 15), 4),
        ((10, 12), (12, 10), 0),
        ((10, 12), (7, 15), (1, 0, 2, 0)),
        ((40, 40), (11, 5), 0),
    ],
)
def test_any_place_is_as_likely(
    size: tuple[int, int], image: tuple[int, int], padding: Any
) -> None:
    """By the chi-squared test, over the places that torchvision's v2.RandomCrop has."""
    crop = RandomCrop(size, padding=padding)
    windows, _, _ = rest_of(crop, image)
    before_and_behind = np.array(crop.native()["padding"]).reshape(2, 2)
    for axis in (0, 1):
        wanted, padded = size[1 - axis], image[axis] + before_and_behind[:, axis].sum()
        lacking = max(0, wanted - padded)
        first = -before_and_behind[0, axis] - lacking
        places = padded + 2 * lacking - wanted + 1
        counts = np.bincount(windows[:, axis] - first, minlength=places)
        assert len(counts) == places
        expected = DRAWS / places
        assert ((counts - expected) ** 2 / expected).sum() <= chi_squared_bound(places - 1)
    if (windows.max(axis=0) > windows.min(axis=0))[:2].all():
        assert abs(np.corrcoef(windows[:, 0], windows[:, 1])[0, 1]) < 5 / math.sqrt(DRAWS)


@given(
    image=st.tuples(st.integers(1, 131_071), st.integers(1, 131_071)),
    size=st.tuples(st.integers(1, 16_384), st.integers(1, 16_384)),
    padding=st.tuples(*[st.integers(0, 4096)] * 4),
    resize=st.none() | st.integers(1, 16_384),
    seed=st.integers(0, 2**64 - 1),
)
def test_any_window_is_the_references(
    image: tuple[int, int],
    size: tuple[int, int],
    padding: tuple[int, int, int, int],
    resize: int | None,
    seed: int,
) -> None:
    """Also where sides come near 2**31."""
    (window,), _, _ = rest_of(RandomCrop(size, resize, padding), image, 1, seed)
    resized = image
    if resize is not None:
        resized = tuple(resize * side // min(image) for side in image)  # type: ignore[assignment]
    assert tuple(window) == reference_crops.random_window(resized, size, padding, seed, 3, 0)


def test_flips_and_interpolations_are_independent() -> None:
    """Of one another and of the box; each as often as it should be, within five deviations."""
    crop = RandomResizedCrop(8, interpolation="random", vflip=0.3)
    sizes = np.tile(np.array([50, 40], np.int32), (DRAWS, 1))
    items = np.arange(DRAWS)
    boxes, flips = _plan.draw_crops(crop.native(), sizes, items, seed=8)
    _, vflips, numbers = _plan.draw_windows(crop.native(), sizes, items, seed=8)
    plain = _plan.draw_crops(RandomResizedCrop(8).native(), sizes, items, seed=8)
    np.testing.assert_array_equal(boxes, plain[0])
    np.testing.assert_array_equal(flips, plain[1])
    bicubic = numbers == INTERPOLATIONS.index("bicubic")
    assert set(np.unique(numbers)) == {0, 1}
    wide = boxes[:, 2] >= np.median(boxes[:, 2])
    drawn = {"flip": (flips, 0.5), "vflip": (vflips, 0.3), "bicubic": (bicubic, 0.5)}
    for what, (truths, share) in drawn.items():
        others = [other for name, (other, _) in drawn.items() if name != what]
        for chosen in (np.ones(DRAWS, bool), wide, *others):
            count = chosen.sum()
            deviation = math.sqrt(count * share * (1 - share))
            assert abs(truths[chosen].sum() - count * share) < 5 * deviation, what


def test_views_of_a_multi_crop_are_those_of_their_transforms(dataset: fastinet.Dataset) -> None:
    """Of views that are decoded together, with borders and without."""
    wide = RandomResizedCrop(20, (0.3, 1), interpolation="random", vflip=0.5)
    edge = RandomCrop((18, 25), 30, 9, "edge", vflip=0.5)
    views = MultiCrop(View(wide, count=2), View(edge, count=2), View(CROPS["padded"]))
    options: dict[str, Any] = {"shuffle": True, "seed": 11}
    (batch,) = Loader(dataset, len(dataset), views, **options).epoch(1)
    first = 0
    for group, crops in zip(views.groups, batch.crops, strict=True):
        end = first + group.count
        alone = replace(group.transform, views=end)
        (whole,) = Loader(dataset, len(dataset), alone, **options).epoch(1)
        np.testing.assert_array_equal(crops, whole.images[:, first:end])
        for name in ("boxes", "windows", "flips", "vflips", "interpolations"):
            mine, theirs = (getattr(each, name)[:, first:end] for each in (batch, whole))
            np.testing.assert_array_equal(mine, theirs)
        first = end


def test_random_interpolation_is_in_the_rows(dataset: fastinet.Dataset) -> None:
    crop = RandomResizedCrop((11, 18), interpolation="random", vflip=0.5, views=2)
    (batch,) = Loader(dataset, len(dataset), crop, seed=3).epoch(2)
    for row, item in enumerate(batch.indices.tolist()):
        data = dataset.read(item)
        for view in range(2):
            drawn = reference_crops.drawn_interpolation(3, 2, item, view)
            assert batch.interpolations[row, view] == drawn
            flips = reference_crops.drawn_flips(3, 2, item, 0.5, 0.5, view)
            assert (batch.flips[row, view], batch.vflips[row, view]) == flips
            again = fastinet.decode(
                data,
                batch.boxes[row, view],
                (11, 18),
                batch.flips[row, view],
                vflip=batch.vflips[row, view],
                interpolation=drawn,
            )
            np.testing.assert_array_equal(batch.images[row, view], again)
    assert set(batch.interpolations.ravel()) == {"bilinear", "bicubic"}
    assert 0 < batch.vflips.sum() < batch.vflips.size


def test_one_interpolation_is_said_too(dataset: fastinet.Dataset) -> None:
    for interpolation in INTERPOLATIONS:
        crop = RandomResizedCrop(8, interpolation=interpolation)
        batch = next(iter(Loader(dataset, 3, crop)))
        assert batch.interpolations.tolist() == [interpolation] * 3
        assert not batch.vflips.any()
        assert batch.windows.tolist() == [[0, 0, 8, 8]] * 3


@pytest.mark.parametrize("vflip", [0.0, 1.0])
def test_a_vertical_flip_is_the_rows_upside_down(dataset: fastinet.Dataset, vflip: float) -> None:
    options: dict[str, Any] = {"shuffle": True, "seed": 9, "dtype": "float32", "layout": "NCHW"}
    (plain,) = Loader(dataset, len(dataset), RandomResizedCrop(17), **options)
    (turned,) = Loader(dataset, len(dataset), RandomResizedCrop(17, vflip=vflip), **options)
    wanted = plain.images[:, :, ::-1] if vflip else plain.images
    np.testing.assert_array_equal(turned.images, wanted)
    assert (turned.vflips == bool(vflip)).all()


def test_decode_batch_turns_images_upside_down() -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (30, 20, 3), np.uint8)
    data = _png(pixels)
    rows = fastinet.decode_batch([data] * 4, size=(9, 7), flips=[0, 1, 0, 1], vflips=[0, 0, 1, 1])
    for row, flip, vflip in zip(rows, (0, 1, 0, 1), (0, 0, 1, 1), strict=True):
        wanted = reference.decode(data, None, (9, 7), flip=bool(flip), vflip=bool(vflip))
        np.testing.assert_array_equal(row, wanted)
    with pytest.raises(ValueError, match="vflips must be one an image: 2, not 1"):
        fastinet.decode_batch([data] * 2, size=8, vflips=[True])


def _png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_rows_without_an_item_have_no_window(dataset: fastinet.Dataset) -> None:
    *_, last = Loader(dataset, len(dataset) + 2, SRC, pad_last="mask")
    assert last.windows[-2:].tolist() == [[0, 0, 0, 0]] * 2
    assert not last.vflips[-2:].any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"padding": -1}, "padding must be a number, .* 0 to 4096, not -1"),
        ({"padding": (1, 2, 3)}, r"not \(1, 2, 3\)"),
        ({"padding": 4097}, "0 to 4096, not 4097"),
        ({"padding": 0.5}, "not 0.5"),
        (
            {"padding_mode": "mirror"},
            '"constant", "edge", "reflect" or "symmetric", not \'mirror\'',
        ),
        ({"fill": 256}, r"fill must be a number or \(red, green, blue\), 0 to 255, not 256"),
        ({"fill": (1, 2)}, r"not \(1, 2\)"),
        ({"fill": 3, "padding_mode": "edge"}, 'fill=3 is for padding_mode="constant"'),
        ({"interpolation": "random"}, "not 'random'"),
        ({"resize": 0}, "resize must be 1 to 16384"),
        ({"vflip": 2}, "vflip must be a probability"),
        ({"views": 0}, "views must be"),
    ],
)
def test_nonsense_is_refused_by_name(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RandomCrop(8, **arguments)


def test_descriptions_are_values() -> None:
    crop = RandomCrop(8, padding=[1, 2], fill=np.array([1, 2, 3]))  # type: ignore[arg-type]
    assert crop == RandomCrop(8, padding=(1, 2), fill=(1, 2, 3))
    assert eval(repr(crop)) == crop  # noqa: S307
    assert crop.native()["padding"] == (1, 2, 1, 2)
    with pytest.raises(TypeError, match="color_jitter must be a ColorJitter"):
        RandomCrop(8, color_jitter=1)  # type: ignore[arg-type]


def test_colours_of_a_random_crop_are_jittered(dataset: fastinet.Dataset) -> None:
    jitter = fastinet.ColorJitter(0.4, 0.3, 0.2, 0.1)
    crop = RandomCrop(16, 20, 2, "reflect", color_jitter=jitter)
    (plain,) = Loader(dataset, len(dataset), RandomCrop(16, 20, 2, "reflect"), seed=6).epoch(1)
    (coloured,) = Loader(dataset, len(dataset), crop, seed=6).epoch(1)
    for row, item in enumerate(plain.indices.tolist()):
        steps = reference.color_steps(jitter.bounds(), 6, 1, item)
        wanted = reference.apply_steps(plain.images[row], steps)
        np.testing.assert_array_equal(coloured.images[row], wanted)

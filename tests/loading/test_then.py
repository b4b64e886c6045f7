"""`then`: the user's own function of rows, wherever batches come from; and what refuses it."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import fastinet
from fastinet import Loader, MultiCrop, RandomResizedCrop, Then, View
from fastinet.augment import Lighting, RandomErasing
from fastinet.loading.chosen import ChosenItems
from fastinet.loading.then import generator
from fastinet.pixels.output import OutputFormat

if TYPE_CHECKING:
    from pathlib import Path

CROP = RandomResizedCrop(16)
GROUPS = MultiCrop(
    View(RandomResizedCrop(16, erase=RandomErasing(0.9, mode="pixel")), 2),
    View(RandomResizedCrop(8), 3),
)
NORMALISED: dict[str, Any] = {"mean": "imagenet", "std": "imagenet"}
OUTPUTS: list[dict[str, Any]] = [
    {},
    {"layout": "NCHW"},
    {"dtype": "float32", **NORMALISED},
    {"dtype": "float32", "layout": "NCHW", **NORMALISED},
    {"dtype": "float16"},
    {"dtype": "bfloat16", "layout": "NCHW", **NORMALISED},
]


def same(pixels: Any) -> Any:
    return pixels


def negative(pixels: Any) -> Any:
    return 255 - pixels


def noisy(row: Any, rng: np.random.Generator) -> Any:
    return rng.integers(0, 256, row.shape, np.uint8)


def noisy_rows(rows: Any, rngs: list[np.random.Generator]) -> Any:
    return np.stack([noisy(row, rng) for row, rng in zip(rows, rngs, strict=True)])


def bits(batches: Any) -> list[bytes]:
    return [crops.tobytes() for batch in batches for crops in batch.crops]


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("then", [same, Then(same, batch=True)])
@pytest.mark.filterwarnings("ignore:rows of uint8 are not erased")
def test_a_function_that_does_nothing_changes_no_bit(
    dataset: fastinet.Dataset, then: Any, output: dict[str, Any]
) -> None:
    """Normalised, erased and laid out after it, as the engine does it by itself."""
    with_, without = (
        Loader(dataset, 9, GROUPS, shuffle=True, then=each, threads=2, **output)
        for each in (then, None)
    )
    assert bits(with_) == bits(without)
    (batch,) = (next(iter(with_)),)
    left_to_erase = batch.erased_pixels()
    assert (left_to_erase is None) == (output.get("dtype", "uint8") != "uint8")


@pytest.mark.parametrize("then", [negative, Then(negative, batch=True)])
def test_it_sees_the_row_of_uint8_before_the_normalisation(
    dataset: fastinet.Dataset, then: Any
) -> None:
    plain = list(Loader(dataset, 9, CROP))
    for batch, before in zip(Loader(dataset, 9, CROP, then=then), plain, strict=True):
        np.testing.assert_array_equal(batch.images, 255 - before.images)
        assert batch.keys == before.keys
    negatives = Loader(dataset, 9, CROP, then=then, dtype="float32", **NORMALISED)
    native = fastinet.pixels.output.OutputFormat("float32", **NORMALISED).native()
    scale, bias = (np.array(native[name], np.float32) for name in ("pixel_scale", "pixel_bias"))
    for batch, before in zip(negatives, plain, strict=True):
        expected = (255 - before.images).astype(np.float32) * scale + bias
        np.testing.assert_array_equal(batch.images, expected)


def test_random_numbers_are_of_seed_epoch_item_copy_and_view(dataset: fastinet.Dataset) -> None:
    views = RandomResizedCrop(8, views=2)

    def rows(batches: Any) -> dict[tuple[int, int], bytes]:
        return {
            (item, copy): image.tobytes()
            for batch in batches
            for item, copy, image in zip(
                batch.indices.tolist(), batch.copies.tolist(), batch.images, strict=True
            )
        }

    options: dict[str, Any] = {"shuffle": True, "repeats": 2, "seed": 2**64 - 1}
    loader = Loader(dataset, 7, views, then=Then(noisy, random=True), threads=3, **options)
    whole = rows(loader)
    for rank in range(2):
        then = Then(noisy_rows, random=True, batch=True, threads=1)
        part = rows(Loader(dataset, 4, views, then=then, rank=rank, world=2, **options))
        assert part.items() <= whole.items()
    resumed = rows(loader.epoch(0, 2))
    assert resumed.items() < whole.items()
    drawn = set(whole.values())
    assert len(drawn) == len(whole)  # copies differ
    for (item, copy), image in whole.items():
        expected = [
            noisy(np.zeros((8, 8, 3)), generator(2**64 - 1, 0, item, copy * 2 + view))
            for view in range(2)
        ]
        assert image == np.stack(expected).tobytes()
    assert not drawn & set(rows(loader).values())  # of the next epoch


def test_results_of_other_shapes_and_types(dataset: fastinet.Dataset) -> None:
    plain = list(Loader(dataset, 9, CROP))

    def grey(row: Any) -> Any:
        return row.mean(-1, dtype=np.float32)

    final = Then(grey, shape=(16, 16), dtype=np.float32)
    for batch, before in zip(Loader(dataset, 9, CROP, then=final), plain, strict=True):
        assert batch.images.dtype == np.float32
        np.testing.assert_array_equal(batch.images, before.images.mean(-1, dtype=np.float32))

    upper = Then(lambda rows: rows[:, :8], batch=True, shape=(8, 16, 3))
    halves = Loader(dataset, 9, CROP, then=upper, layout="NCHW")
    for batch, before in zip(halves, plain, strict=True):
        np.testing.assert_array_equal(batch.images, before.images[:, :8].transpose(0, 3, 1, 2))

    groups = MultiCrop(View(CROP, 2), View(RandomResizedCrop(8), 3))
    corner = Then(lambda row: row[:2, :2], shape=(2, 2, 3))
    crops = next(iter(Loader(dataset, 5, groups, then=corner))).crops
    uncut = next(iter(Loader(dataset, 5, groups))).crops
    for cut, whole in zip(crops, uncut, strict=True):
        np.testing.assert_array_equal(cut, whole[:, :, :2, :2])


def test_results_may_be_the_rows_in_another_order(dataset: fastinet.Dataset) -> None:
    """Views of what the function was given: its rows are stored where they are read from."""
    plain = list(Loader(dataset, 9, GROUPS))

    def reversed_rows(rows: Any) -> Any:
        return rows[::-1]

    for output in OUTPUTS[:2]:
        then = Then(reversed_rows, batch=True)
        for batch, before in zip(
            Loader(dataset, 9, GROUPS, then=then, **output), plain, strict=True
        ):
            for crops, rows in zip(batch.crops, before.crops, strict=True):
                expected = rows.reshape(-1, *rows.shape[2:])[::-1].reshape(rows.shape)
                given = crops if not output else np.moveaxis(crops, 2, -1)
                np.testing.assert_array_equal(given, expected)


def test_a_result_may_be_one_number(dataset: fastinet.Dataset) -> None:
    plain = next(iter(Loader(dataset, 9, CROP))).images
    for then in (
        Then(lambda row: row.max(), shape=()),
        Then(lambda rows: rows.max((1, 2, 3)), batch=True, shape=()),
    ):
        brightest = next(iter(Loader(dataset, 9, CROP, then=then))).images
        np.testing.assert_array_equal(brightest, plain.max((1, 2, 3)))


def test_batches_lie_in_the_buffers_that_were_given(dataset: fastinet.Dataset) -> None:
    plain = list(Loader(dataset, 9, CROP, dtype="float32", layout="NCHW", sizes={0: 8, 1: 16}))
    out = [np.zeros((9, 3, 16, 16), np.float32) for _ in range(3)]
    loader = Loader(
        dataset, 9, CROP, dtype="float32", layout="NCHW", sizes={0: 8, 1: 16}, then=same, out=out
    )
    assert bits(loader) == bits(plain)
    batches = iter(loader)
    held = [next(batches) for _ in out]
    for batch in held:
        assert any(np.shares_memory(batch.images, each) for each in out)
    with pytest.raises(fastinet.errors.TooLargeError, match="all buffers of out= are in use"):
        next(batches)


def test_rows_that_hold_no_item_are_left_out(dataset: fastinet.Dataset) -> None:
    seen: list[int] = []

    def counted(rows: Any) -> Any:
        seen.append(len(rows))
        return 255 - rows

    options: dict[str, Any] = {"pad_last": "mask", "rank": 1, "world": 2}
    for dtype in ("uint8", "float32"):
        seen.clear()
        then = Then(counted, batch=True, threads=1)
        batches = list(Loader(dataset, 9, CROP, dtype=dtype, then=then, **options))
        assert seen == [9, 9, 3]
        assert not batches[-1].images[3:].any()
        assert batches[-1].images[:3].any()


def test_streams_and_chosen_items_go_through_it(
    archive_path: Path, dataset: fastinet.Dataset
) -> None:
    then = Then(noisy, random=True)
    expected = np.concatenate([b.images for b in Loader(dataset, 9, CROP, then=then)])
    with archive_path.open("rb") as file:
        stream = fastinet.open_stream(file, classes="imagenet1k")
        batches = list(fastinet.StreamLoader(stream, 9, CROP, then=then))
    np.testing.assert_array_equal(np.concatenate([b.images for b in batches]), expected)
    for threads in (1, 2):
        chosen = ChosenItems(Loader(dataset, 1, CROP, then=then, threads=threads))
        np.testing.assert_array_equal(chosen.take([30, 7]).images, expected[[30, 7]])
        floats = ChosenItems(Loader(dataset, 1, CROP, then=then, threads=threads, dtype="float32"))
        np.testing.assert_array_equal(
            floats.take([30, 7]).images, expected[[30, 7]].astype(np.float32) * np.float32(1 / 255)
        )


def test_a_loader_with_it_pickles(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 9, CROP, then=Then(negative), dtype="float16")
    assert bits(pickle.loads(pickle.dumps(loader))) == bits(loader)  # noqa: S301


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({"then": 7}, TypeError, "then must be a function of a row, not 7"),
        (
            {"then": Then(same, dtype="float32"), "dtype": "float32"},
            ValueError,
            "no images of uint8",
        ),
        ({"then": Then(same, shape=(16, 16)), "layout": "NCHW"}, ValueError, "come as they are"),
        (
            {"transform": RandomResizedCrop(8, lighting=Lighting()), "dtype": "float32"},
            ValueError,
            "leave lighting= or then= out, or let",
        ),
        (
            {
                "transform": RandomResizedCrop(8, erase=RandomErasing(1)),
                "then": Then(same, shape=(4, 4, 3)),
            },
            ValueError,
            "erase in the function",
        ),
    ],
)
def test_what_does_not_go_together(
    dataset: fastinet.Dataset, given: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        Loader(dataset, 9, **{"transform": CROP, "then": same, **given})


def test_functions_of_nonsense() -> None:
    for dtype in (object, None, "no type", "U3", np.dtype((np.uint8, 3)), [("red", "u1")]):
        with pytest.raises(TypeError, match="type of numbers"):
            Then(same, dtype=dtype)
    assert Then(same, dtype="bfloat16").numpy_dtype() == OutputFormat("bfloat16").numpy_dtype()
    shape: Any = 3
    with pytest.raises(TypeError, match="tuple of lengths"):
        Then(same, shape=shape)

    async def awaited(row: Any) -> Any:
        return row

    def yielding(row: Any) -> Any:
        yield row

    for later in (awaited, yielding):
        with pytest.raises(TypeError, match="awaited or looped over"):
            Then(later)
    with pytest.raises(ValueError, match="shape"):
        Then(same, shape=(0, 3))
    with pytest.raises(ValueError, match="threads of Then"):
        Then(same, threads=0)
    assert repr(Then(same)) == "<Then same of a row>"


def test_functions_of_another_number_of_arguments_are_refused(dataset: fastinet.Dataset) -> None:
    with pytest.raises(TypeError, match=r"noisy\(row, rng\) takes two .*random=True"):
        Loader(dataset, 9, CROP, then=noisy)
    with pytest.raises(TypeError, match=r"same\(pixels\) takes one .*leave random=True out"):
        Then(same, random=True)
    for function in (lambda row, rng=None: (row, rng), lambda *rows: rows):
        Then(function)
        Then(function, random=True)
    Then(lambda: None)  # which fails for each row, as its author will see
    Then(np.random.default_rng(0).permuted)  # a function in C

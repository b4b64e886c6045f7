"""Random operations: what loaders do with them, how they are drawn, and what is refused."""

from __future__ import annotations

import pickle
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import fastinet
from fastinet import augment
from fastinet.augment import (
    AutoContrast,
    ColorJitter,
    Equalize,
    GaussianBlur,
    Grayscale,
    Invert,
    OneOf,
    Operation,
    Posterize,
    Rotate,
    Sharpness,
    ShearX,
    ShearY,
    Solarize,
    SolarizeAdd,
    TranslateX,
    TranslateY,
    VerticalFlip,
    draw_steps,
)
from fastinet.testing import reference

if TYPE_CHECKING:
    from pathlib import Path

EVERY: tuple[Operation, ...] = (
    ColorJitter(0.4, 0.4, 0.4, 0.1, p=0.8),
    Grayscale(0.2),
    Invert(0.3),
    AutoContrast(0.3),
    Equalize(0.3),
    VerticalFlip(),
    Solarize((64, 192), 0.4),
    SolarizeAdd(60, p=0.4),
    Posterize((2, 6), 0.4),
    Sharpness((0, 3), 0.4),
    GaussianBlur(p=0.5),
    GaussianBlur(p=0.5, kernel=9),
    Rotate(fill=(1, 2, 3), p=0.3),
    ShearX(interpolation="nearest", p=0.3),
    ShearY(interpolation="bicubic", p=0.3),
    TranslateX(interpolation="random", p=0.3),
    TranslateY(p=0.3),
    OneOf([Grayscale(), (Solarize(), Invert()), GaussianBlur()], weights=(1, 2, 1), p=0.5),
)


def test_every_operation_is_listed_here() -> None:
    public = [getattr(augment, name) for name in augment.__all__]
    kinds = {kind for kind in public if isinstance(kind, type) and issubclass(kind, Operation)}
    single = {kind for kind in kinds if kind.__module__.endswith(".operations")} - {Operation}
    assert {type(operation) for operation in EVERY} == single


@pytest.mark.parametrize("operation", EVERY, ids=lambda operation: type(operation).__name__)
def test_rows_are_what_their_steps_make_of_the_crop(
    archive_path: Path, operation: Operation
) -> None:
    compare_with_steps(archive_path, fastinet.RandomResizedCrop(33, augment=operation))


@pytest.mark.parametrize("views", [None, 3])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_rows_of_many_operations(archive_path: Path, views: int | None, interpolation: Any) -> None:
    transform = fastinet.RandomResizedCrop(
        (40, 28), augment=EVERY, views=views, interpolation=interpolation
    )
    compare_with_steps(archive_path, transform)


def compare_with_steps(archive_path: Path, transform: fastinet.RandomResizedCrop) -> None:
    dataset = fastinet.open(archive_path)
    loader = fastinet.Loader(dataset, 4, transform, shuffle=True, seed=3, threads=2)
    views = transform.views or 1
    for epoch in range(2):
        for batch in loader:
            boxes = batch.boxes.reshape(len(batch), views, 4)
            flips = batch.flips.reshape(len(batch), views)
            images = batch.images.reshape(len(batch), views, *batch.images.shape[-3:])
            for row, item in enumerate(batch.indices.tolist()):
                for view in range(views):
                    steps = draw_steps(
                        transform.augment,
                        transform.size,
                        seed=3,
                        epoch=epoch,
                        item=item,
                        view=view,
                        interpolation=transform.interpolation,
                    )
                    crop = fastinet.decode(
                        dataset.read(item),
                        box=tuple(boxes[row, view].tolist()),
                        flip=bool(flips[row, view]),
                        size=transform.size,
                        interpolation=transform.interpolation,
                    )
                    assert np.array_equal(images[row, view], fastinet.apply_steps(crop, steps))
                    if not any(step.op == "kernel_blur" for step in steps):
                        expected = reference.apply_steps(crop, steps)
                        assert np.array_equal(images[row, view], expected)


def test_threads_and_batches_do_not_matter(archive_path: Path) -> None:
    transform = fastinet.RandomResizedCrop(24, augment=EVERY)
    rows = []
    for threads, batch_size in ((1, 15), (3, 4)):
        loader = fastinet.Loader(
            fastinet.open(archive_path),
            batch_size,
            transform,
            shuffle=True,
            seed=1,
            threads=threads,
        )
        rows.append(np.concatenate([batch.images.copy() for batch in loader]))
    assert np.array_equal(*rows)


def test_color_jitter_is_the_first_operation(archive_path: Path) -> None:
    jitter = ColorJitter(0.4, 0.4, 0.4, 0.1)
    rows = []
    for transform in (
        fastinet.RandomResizedCrop(24, color_jitter=jitter, augment=Grayscale(0.5)),
        fastinet.RandomResizedCrop(24, augment=(jitter, Grayscale(0.5))),
    ):
        loader = fastinet.Loader(fastinet.open(archive_path), 15, transform, seed=1, threads=1)
        rows.append(next(iter(loader)).images.copy())
    assert np.array_equal(*rows)


def test_one_of_draws_by_weight() -> None:
    items = 3000
    one = OneOf([Invert(), (Grayscale(), Equalize())], weights=[1, 3], p=0.5)
    kinds = Counter(
        tuple(step.op for step in draw_steps(one, 8, seed=0, epoch=0, item=item))
        for item in range(items)
    )
    assert set(kinds) == {(), ("invert",), ("grayscale", "equalize")}
    assert abs(kinds[()] / items - 0.5) < 0.05
    assert abs(kinds["grayscale", "equalize"] / (items - kinds[()]) - 0.75) < 0.06


def test_operations_can_be_printed_compared_and_pickled() -> None:
    for operation in EVERY:
        again = pickle.loads(pickle.dumps(operation))  # noqa: S301 - made here
        assert again == operation
        assert hash(again) == hash(operation)
        assert repr(operation).startswith(type(operation).__name__)


@pytest.mark.parametrize(
    ("make", "bounds"),
    [
        (Solarize, (0, 128)),
        (Sharpness, (0.5, 2)),
        (GaussianBlur, (0.1, 2.0)),
        (Posterize, (2, 4)),
        (Rotate, (-3, 3.5)),
        (ColorJitter, (0.6, 1.4)),
    ],
)
def test_bounds_of_any_kind_are_a_tuple(make: Any, bounds: tuple[float, float]) -> None:
    """Configurations have lists, and NumPy has arrays: the description is the same."""
    expected = make(bounds)
    array = np.array(bounds, np.int64 if make is Posterize else np.float64)
    for given in (list(bounds), array, iter(bounds)):
        operation = make(given)
        assert operation == expected
        assert hash(operation) == hash(expected)
        assert pickle.loads(pickle.dumps(operation)) == expected  # noqa: S301 - made here
        drawn, again = (
            draw_steps(each, 8, seed=0, epoch=0, item=1) for each in (operation, make(bounds))
        )
        assert drawn == again
    assert repr(make(list(bounds))) == repr(expected)


@pytest.mark.parametrize("given", [Invert(), 3, {Invert(), Grayscale()}, "ab"])
def test_what_one_of_cannot_choose_from_is_refused(given: Any) -> None:
    with pytest.raises(TypeError, match="OneOf takes a list of operations"):
        OneOf(given)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GaussianBlur("12"), "sigma must be a number"),  # type: ignore[arg-type]
        (lambda: ColorJitter("12"), "brightness must be a number"),  # type: ignore[arg-type]
        (lambda: Solarize((1, 2, 3)), "threshold must be a number"),  # type: ignore[arg-type]
        (lambda: Sharpness(10**400), "factor must be a number"),
        (lambda: ColorJitter(10**400), "brightness must be a number"),
        (lambda: Grayscale(1.5), "p must be a probability"),
        (lambda: Grayscale(float("nan")), "p must be a probability"),
        (lambda: Solarize(300), "threshold must be a number"),
        (lambda: Solarize((200, 100)), "threshold must be a number"),
        (lambda: Posterize(9), "bits must be"),
        (lambda: Posterize((5, 4)), "bits must be"),
        (lambda: SolarizeAdd(256), "addition must be"),
        (lambda: Sharpness(-1), "factor must be a number"),
        (lambda: GaussianBlur((2, 1)), "sigma must be a number"),
        (lambda: GaussianBlur(kernel=4), "odd number of taps"),
        (lambda: GaussianBlur((0, 1), kernel=3), "sigma must be a number"),
        (lambda: Rotate(interpolation="lanczos"), "interpolation must be one of"),  # type: ignore[arg-type]
        (lambda: Rotate(fill=256), "fill must be"),
        (lambda: Rotate(fill=(1, 2)), "fill must be"),  # type: ignore[arg-type]
        (lambda: OneOf([]), "1 to 256 to choose from"),
        (lambda: OneOf([Invert()], weights=[0]), "not all of them 0"),
        (lambda: OneOf([Invert(), Grayscale()], weights=[1e308, 1e308]), "weights must be 2"),
        (lambda: OneOf([Invert()], weights=[float("nan")]), "weights must be 1"),
        (lambda: OneOf([Invert()], weights=[1, 2]), "weights must be 1 numbers"),
        (lambda: ColorJitter(0.4, p=2), "p must be a probability"),
    ],
)
def test_senseless_operations_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("operations", [Invert(), "invert", 3])
def test_what_is_no_list_to_choose_from_is_refused(operations: Any) -> None:
    with pytest.raises(TypeError, match="OneOf takes a list of operations"):
        OneOf(operations)


def test_rows_of_one_pixel() -> None:
    for operation in EVERY:
        if getattr(operation, "kernel", None):
            continue
        steps = draw_steps(operation, 1, seed=0, epoch=0, item=0)
        pixel = np.array([[[10, 200, 30]]], np.uint8)
        assert fastinet.apply_steps(pixel, steps).shape == (1, 1, 3)

"""The law: a row that the engine makes equals the one-shot call's, bit for bit; and that call."""

from __future__ import annotations

import array
import mmap
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.epoch_rows import each_row

import fastinet
from fastinet._native import _engine
from fastinet.augment import RandomErasing
from fastinet.errors import CorruptError, MissingError, TooLargeError, UnsupportedError
from fastinet.testing import reference
from fastinet.testing.small import small_jpeg

JPEG = small_jpeg(np.random.default_rng(7))
HEADER = fastinet.read_header(JPEG)
WIDTH, HEIGHT = HEADER.width, HEADER.height


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("batch_size", [1, 8, 64])
def test_rows_equal_decode(dataset: fastinet.Dataset, threads: int, batch_size: int) -> None:
    transform = fastinet.RandomResizedCrop(33)
    loader = fastinet.Loader(dataset, batch_size, transform, shuffle=True, seed=5, threads=threads)
    seen = 0
    for batch in loader:
        for row, item in enumerate(batch.indices.tolist()):
            alone = fastinet.decode(
                dataset.read(item), batch.boxes[row], 33, flip=bool(batch.flips[row])
            )
            assert np.array_equal(alone, batch.images[row])
            seen += 1
    assert seen == len(dataset)


FORMATS: list[dict[str, Any]] = [
    {},
    {"layout": "NCHW"},
    {"dtype": "float32"},
    {"dtype": "float16", "layout": "NCHW", "mean": "imagenet", "std": "imagenet"},
    {"dtype": "bfloat16", "mean": (0.5, 0.25, 0), "std": (0.5, 2, 1)},
]


@pytest.mark.parametrize("output", FORMATS)
@pytest.mark.parametrize(
    "transform", [fastinet.CenterCrop(24, resize=30), fastinet.Resize((17, 29), "bicubic")]
)
def test_rows_equal_decode_under_deterministic_transforms(
    dataset: fastinet.Dataset, output: dict[str, Any], transform: Any
) -> None:
    loader = fastinet.Loader(dataset, 10, transform, threads=2, **output)
    for batch, row, item in each_row(loader, len(dataset)):
        alone = fastinet.decode(dataset.read(item), transform=transform, **output)
        assert alone.dtype == batch.images.dtype
        assert np.array_equal(alone.view(np.uint8), batch.images[row].view(np.uint8))


def test_rows_equal_the_reference(dataset: fastinet.Dataset) -> None:
    """The slow road draws the same boxes and flips, and gives the same pixels."""
    loader = fastinet.Loader(dataset, 8, fastinet.RandomResizedCrop(40), shuffle=True, seed=2)
    for batch, row, item in each_row(loader.epoch(3), len(dataset)):
        wanted = reference.train_row(dataset.read(item), 40, seed=2, epoch=3, item=item)
        assert np.array_equal(batch.images[row], wanted)


def test_formats_hold_the_same_pixels(dataset: fastinet.Dataset) -> None:
    transform = fastinet.Resize(16)

    def images(**output: Any) -> Any:
        return next(iter(fastinet.Loader(dataset, 8, transform, threads=1, **output))).images

    pixels = images()
    assert np.array_equal(images(layout="NCHW"), pixels.transpose(0, 3, 1, 2))
    scaled = images(dtype="float32")
    np.testing.assert_allclose(scaled, pixels / 255, rtol=0, atol=1e-7)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    normalised = images(dtype="float32", mean="imagenet", std="imagenet")
    np.testing.assert_allclose(normalised, (pixels / 255 - mean) / std, rtol=0, atol=1e-6)
    half = images(dtype="float16", mean="imagenet", std="imagenet")
    assert np.array_equal(half, normalised.astype(np.float16))
    brain = images(dtype="bfloat16", mean="imagenet", std="imagenet")
    assert brain.dtype.name == "bfloat16"
    assert np.array_equal(brain.view(np.uint16), normalised.astype(brain.dtype).view(np.uint16))


@given(data=st.data())
def test_decode_equals_the_reference(data: st.DataObject) -> None:
    x = data.draw(st.integers(0, WIDTH - 1))
    y = data.draw(st.integers(0, HEIGHT - 1))
    box = (x, y, data.draw(st.integers(1, WIDTH - x)), data.draw(st.integers(1, HEIGHT - y)))
    size = data.draw(st.none() | st.integers(1, 70) | st.tuples(*[st.integers(1, 70)] * 2))
    flip = data.draw(st.booleans())
    interpolation = data.draw(st.sampled_from(["bilinear", "bicubic"]))
    got = fastinet.decode(JPEG, box, size, flip, interpolation=interpolation)
    wanted = reference.decode(JPEG, box, size, flip=flip, interpolation=interpolation)
    assert np.array_equal(got, wanted)


def test_decode_without_arguments_is_a_plain_decode() -> None:
    got = fastinet.decode(JPEG)
    assert got.shape == (HEIGHT, WIDTH, 3)
    assert got.flags.owndata
    assert got.flags.writeable
    assert np.array_equal(got, reference.decode(JPEG))


@pytest.mark.parametrize("resize", [None, 20, 31])
def test_decode_has_the_validation_transform(resize: int | None) -> None:
    got = fastinet.decode(JPEG, transform=fastinet.CenterCrop(25, resize))
    assert np.array_equal(got, reference.center_crop(JPEG, 25, resize))
    mirrored = fastinet.decode(JPEG, flip=True, transform=fastinet.CenterCrop(25, resize))
    assert np.array_equal(mirrored, got[:, ::-1])


def test_decode_takes_any_buffer(tmp_path: Path) -> None:
    wanted = fastinet.decode(JPEG)
    (tmp_path / "photo").write_bytes(JPEG)
    with (tmp_path / "photo").open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    read_only = np.frombuffer(JPEG, np.uint8)
    signed = array.array("b", JPEG)
    for data in (
        bytearray(JPEG),
        memoryview(JPEG),
        read_only,
        read_only.view("S1"),
        signed,
        mapped,
    ):
        assert np.array_equal(fastinet.decode(data), wanted)
    mapped.close()


def test_decode_refuses_what_is_no_contiguous_buffer() -> None:
    with pytest.raises(TypeError):
        fastinet.decode(7)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        fastinet.decode(np.frombuffer(JPEG, np.uint8)[::2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"box": (0, 0, WIDTH + 1, 1)}, "does not lie inside the image"),
        ({"box": (-1, 0, 1, 1)}, "does not lie inside the image"),
        ({"box": (0, 0, 0, 1)}, r"whole pixels, not \(0, 0, 0, 1\)"),
        ({"box": (0, 0, 1)}, r"box must be \(x, y, width, height\)"),
        ({"box": (0, 0, 1, 1.5)}, "whole pixels"),
        ({"box": (0, 0, 1, 2**40)}, "whole pixels"),
        ({"size": 0}, "size must be 1 to"),
        ({"interpolation": "hamming"}, "not 'hamming'"),
        ({"transform": fastinet.Resize(8), "size": 8}, "not both"),
        ({"dtype": "int8"}, "not 'int8'"),
    ],
)
def test_decode_refuses_nonsense(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fastinet.decode(JPEG, **arguments)


def test_decode_draws_nothing_at_random() -> None:
    with pytest.raises(TypeError, match="CenterCrop or a Resize"):
        fastinet.decode(JPEG, transform=fastinet.RandomResizedCrop(8))  # type: ignore[arg-type]


def test_decode_tells_what_is_wrong_with_the_bytes() -> None:
    with pytest.raises(CorruptError, match="empty"):
        fastinet.decode(b"")
    with pytest.raises(UnsupportedError):
        fastinet.decode(b"plain text, and quite a lot of it")
    with pytest.raises(CorruptError):
        fastinet.decode(JPEG[: len(JPEG) // 2])
    with pytest.raises(TooLargeError, match=f"{WIDTH} x {HEIGHT} pixels, .* max_pixels = 100"):
        fastinet.decode(JPEG, max_pixels=100)
    assert np.array_equal(fastinet.decode(JPEG), reference.decode(JPEG))  # nothing is left over


def test_decode_in_many_threads() -> None:
    jpegs = [small_jpeg(np.random.default_rng(i)) for i in range(20)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(fastinet.decode, jpegs * 10))
    for jpeg, got in zip(jpegs * 10, results, strict=True):
        assert np.array_equal(got, reference.decode(jpeg))


# The binding's own checks: whatever Python hands over, the engine does not crash on it.


def spec(**changes: Any) -> _engine.ItemSpec:
    view = {
        **fastinet.Resize(4).native(),
        "operations": [],
        "erase": None,
        "lighting": None,
        "crop_of": None,
        "count": 1,
    }
    parts = fastinet.pixels.output.OutputFormat().native()
    parts |= fastinet.pixels.rendering.RenderOptions(max_pixels=100).native()
    view.update({name: changes.pop(name) for name in view if name in changes})
    return _engine.ItemSpec([_engine.ViewSpec(**view)], **{**parts, **changes})


def test_engine_refuses_views_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="1 to 1024 views, not 0"):
        spec(count=0)
    output = fastinet.pixels.output.OutputFormat().native()
    render = fastinet.pixels.rendering.RenderOptions().native()
    with pytest.raises(ValueError, match="an item must have 1 to 1024 views, not 0"):
        _engine.ItemSpec([], **output, **render)


def erasing(**changes: Any) -> _engine.ErasingRule:
    return _engine.ErasingRule(**{**RandomErasing().native(), **changes})


def test_engine_refuses_erasing_and_lighting_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="unknown name 'noise'"):
        erasing(mode="noise")
    with pytest.raises(ValueError, match="count of erasing must be 1 to 25, got 26"):
        spec(erase=erasing(count=26))
    with pytest.raises(ValueError, match="rows must be floats"):
        spec(lighting=0.1)
    with pytest.raises(ValueError, match="standard deviation of lighting"):
        spec(lighting=-1, dtype="float32")


@pytest.mark.parametrize(
    "part", ["kind", "dtype", "layout", "interpolation", "box_rule", "padding_mode"]
)
def test_engine_refuses_unknown_names(part: str) -> None:
    with pytest.raises(ValueError, match="unknown name 'something'"):
        spec(**{part: "something"})


def test_engine_refuses_columns_that_disagree(archive_path: Path) -> None:
    sources = [_engine.Source.file(str(archive_path).encode())]
    two, three = np.zeros(2, np.uint64), np.zeros(3, np.uint64)
    with pytest.raises(ValueError, match="differ in length"):
        _engine.ItemTable(sources, None, two, three)
    for wrong in (-1, 1):
        with pytest.raises(ValueError, match=f"item in archive {wrong} of 1"):
            _engine.ItemTable(sources, np.full(2, wrong, np.int32), two, two)
    with pytest.raises(MissingError):
        _engine.Source.file(b"no such archive")
    with pytest.raises(ValueError, match="without an archive"):
        _engine.ItemTable([], None, two, two)
    small, none = np.zeros(2, np.uint32), np.zeros(0, np.uint8)
    for records in ([], [none, none]):
        with pytest.raises(ValueError, match=f"checkpoints of {len(records)} archives, of 1"):
            _engine.ItemTable(sources, None, two, two, two, small, small, records)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"order": np.array([0, 43])}, "the plan names item 43 of 43"),
        ({"order": np.array([-2])}, "the plan names item -2 of 43"),
        ({"labels": np.arange(3)}, "labels of 3 items for 43"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"prefetch": 0}, "prefetch is 0"),
        ({"slots": _engine.SlotPool(spec(), 2, 3)}, "shape does not fit"),
        ({"slots": _engine.SlotPool(spec(size=(4, 3)), 4, 3)}, "shape does not fit"),
        ({"slots": _engine.SlotPool(spec(erase=erasing()), 4, 3)}, "shape does not fit"),
    ],
)
def test_engine_refuses_plans_that_do_not_fit(
    dataset: fastinet.Dataset, changes: dict[str, Any], message: str
) -> None:
    table = _engine.ItemTable(
        dataset.columns.sources(), None, dataset.columns.offsets, dataset.sizes
    )
    arguments: dict[str, Any] = {
        "slots": _engine.SlotPool(spec(), 4, 3),
        "specs": [spec()],
        "order": np.arange(3),
        "labels": dataset.labels,
        "batch_size": 4,
        "prefetch": 2,
        **changes,
    }
    with pytest.raises(ValueError, match=message):
        _engine.Epoch(
            _engine.WorkerPool(1),
            table,
            arguments["specs"],
            arguments["slots"],
            _engine.Stats(),
            arguments["order"],
            arguments["labels"],
            dataset.keys,
            dtype=np.dtype(np.uint8),
            with_views=False,
            batch_size=arguments["batch_size"],
            seed=0,
            draws=0,
            epoch=0,
            prefetch=arguments["prefetch"],
            on_error="raise",
        )


def test_a_slot_beyond_memory_is_an_error(dataset: fastinet.Dataset) -> None:
    million = dataset.select(np.zeros(10**6, np.int64))
    loader = fastinet.Loader(million, 10**6, fastinet.Resize(16384), threads=1)  # 805 TB
    with pytest.raises(TooLargeError, match="limit for a loader is 1,099,511,627,776"):
        next(iter(loader))
    with fastinet.limits(loader_bytes=2**62):
        loader = fastinet.Loader(million, 10**6, fastinet.Resize(16384), threads=1)
    with pytest.raises(TooLargeError, match="no memory for a batch of 1000000 rows"):
        next(iter(loader))


def test_import_is_light() -> None:
    code = (
        "import sys, fastinet\n"
        "heavy = {'PIL', 'torch', 'jax', 'click', 'rich', 'ml_dtypes', 'cv2'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"

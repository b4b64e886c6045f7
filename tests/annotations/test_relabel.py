"""ReLabel's label maps, from the archive to the soft labels of a batch."""

from __future__ import annotations

import pickle
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.epoch_rows import each_row

import fastinet
from fastinet import CenterCrop, Loader, RandomResizedCrop, Resize
from fastinet.annotations.relabel import LabelMaps, open_label_maps
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.errors import (
    CorruptError,
    FastinetWarning,
    MissingError,
    ReadError,
    UnsupportedError,
)
from fastinet.formats.torch_files import parse_torch_file
from fastinet.testing.archives import tar, train_tar
from fastinet.testing.label_maps import label_map_files, write_label_maps
from fastinet.testing.reference import soft_label
from fastinet.testing.small import small_jpeg
from fastinet.testing.torch_files import legacy_torch_file, zip_torch_file

WNIDS = imagenet1k_wnids()[::333]  # four of them
NAMES = {wnid: [f"{wnid}_{number}" for number in (7, 10026, 9, 123)] for wnid in WNIDS}
CROP = RandomResizedCrop(8)


@pytest.fixture(scope="module")
def images() -> dict[str, dict[str, bytes]]:
    rng = np.random.default_rng(0)
    return {
        wnid: {f"{name}.JPEG": small_jpeg(rng) for name in names} for wnid, names in NAMES.items()
    }


@pytest.fixture(scope="module")
def dataset(images: Mapping[str, Any], tmp_path_factory: Any) -> fastinet.Dataset:
    path = tmp_path_factory.mktemp("train") / "train.tar"
    path.write_bytes(train_tar(images))
    return fastinet.open(path)


@pytest.fixture(scope="module")
def files(dataset: fastinet.Dataset) -> dict[str, bytes]:
    return label_map_files(dataset.keys)


@pytest.fixture(scope="module")
def maps(files: Mapping[str, bytes], tmp_path_factory: Any) -> LabelMaps:
    return open_label_maps(write_label_maps(tmp_path_factory.mktemp("maps") / "r.tar", files))


def map_of(files: Mapping[str, bytes], key: str) -> Any:
    return parse_torch_file(files[key.replace(".JPEG", ".pt")])


def size_of(dataset: fastinet.Dataset, item: int) -> tuple[int, int]:
    header = fastinet.read_header(dataset.read(item))
    return header.width, header.height


def part_of(box: Any, size: tuple[int, int]) -> tuple[float, ...]:
    """The box in units of the image's sides, rounded as the reference does it."""
    x, y, width, height = (int(number) for number in box)
    x0, y0 = x / size[0], y / size[1]
    return x0, y0, x0 + width / size[0], y0 + height / size[1]


def expected_label(
    dataset: fastinet.Dataset, files: Mapping[str, bytes], item: int, box: Any, axis: Any = "xy"
) -> Any:
    part = part_of(box, size_of(dataset, item))
    return soft_label(map_of(files, dataset.keys[item]), part, axis)


# ----------------------------------------------------------------------- from archive to batches


@pytest.mark.parametrize("form", ["tar", "folder"])
@pytest.mark.parametrize("container", ["legacy", "zip"])
@pytest.mark.parametrize("root", ["imagenet_efficientnet_l2_sz475_top5", ""])
def test_every_form_gives_the_soft_labels_of_its_crops(
    dataset: fastinet.Dataset, tmp_path: Path, form: Any, container: Any, root: str
) -> None:
    files = label_map_files(dataset.keys, seed=3, container=container)
    path = write_label_maps(tmp_path / "maps", files, form=form, root=root)
    for maps in (open_label_maps(path), open_label_maps(path)):  # built, then from the index
        assert len(maps) == 16
        assert maps.shape == (5, 15, 15)
        seen = 0
        for batch in Loader(dataset, 5, CROP, shuffle=True, soft_labels=maps.of(dataset)):
            assert batch.soft_labels is not None
            assert (batch.soft_labels.shape, batch.soft_labels.dtype) == (
                (len(batch), 1000),
                np.float32,
            )
            for item, box, label in zip(
                batch.indices.tolist(), batch.boxes, batch.soft_labels, strict=True
            ):
                expected = expected_label(dataset, files, item, box)
                assert np.abs(label - expected).max() < 1e-6
                seen += 1
        assert seen == 16


def test_the_index_serves_until_the_archive_changes(
    files: Mapping[str, bytes], tmp_path: Path
) -> None:
    path = write_label_maps(tmp_path / "r.tar", files)
    first = open_label_maps(path)
    index = tmp_path / "r.tar.fastinet.label_maps"
    assert index.exists()
    calls: list[tuple[int, int]] = []
    again = open_label_maps(path, progress=lambda *call: calls.append(call))
    assert calls == []
    assert again.offsets.tolist() == first.offsets.tolist()
    assert again.keys.tolist() == first.keys.tolist()
    write_label_maps(path, label_map_files([f"{key}x.JPEG" for key in "abc"]))
    with pytest.warns(FastinetWarning, match="stale"):
        assert len(open_label_maps(path, progress=lambda *call: calls.append(call))) == 3
    assert calls == [(0, 3), (3, 3)]
    index.unlink()
    open_label_maps(path, index=False)
    assert not index.exists()
    open_label_maps(path, index=tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere").exists()


def test_another_index_is_not_taken_for_it(files: Mapping[str, bytes], tmp_path: Path) -> None:
    path = write_label_maps(tmp_path / "r.tar", files)
    open_label_maps(path).keys.tolist()
    damaged = tmp_path / "r.tar.fastinet.label_maps"
    damaged.write_bytes(damaged.read_bytes()[:-64])
    with pytest.warns(FastinetWarning, match=f"the label map index '{damaged}' is damaged"):
        assert len(open_label_maps(path)) == 16


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(
    threads=st.integers(1, 4),
    batch_size=st.integers(1, 20),
    seed=st.integers(0, 99),
    axis=st.sampled_from(["xy", "reference"]),
    views=st.sampled_from([None, 1, 3]),
)
def test_soft_labels_are_those_of_the_crops(
    dataset: fastinet.Dataset, files, maps: LabelMaps, threads, batch_size, seed, axis, views
) -> None:
    loader = Loader(
        dataset,
        batch_size,
        RandomResizedCrop(8, views=views),
        shuffle=True,
        seed=seed,
        threads=threads,
        soft_labels=maps.of(dataset, axis=axis),
    )
    for batch, row, item in each_row(loader, len(dataset)):
        assert batch.soft_labels is not None
        wanted = (len(batch), 1000) if views is None else (len(batch), views, 1000)
        assert batch.soft_labels.shape == wanted
        labels = batch.soft_labels[row].reshape(-1, 1000)
        for label, box in zip(labels, batch.boxes[row].reshape(-1, 4), strict=True):
            expected = expected_label(dataset, files, item, box, axis)
            assert np.abs(label - expected).max() < 1e-6
            assert abs(label.sum() - 1) < 1e-5


def test_the_axes_differ_by_a_transposition(
    dataset: fastinet.Dataset, maps: LabelMaps, files: Mapping[str, bytes]
) -> None:
    by_axis = [
        next(iter(Loader(dataset, 16, CROP, soft_labels=maps.of(dataset, axis=axis))))
        for axis in ("xy", "reference")
    ]
    straight, reference = (batch.soft_labels for batch in by_axis)
    assert straight is not None
    assert reference is not None
    assert np.abs(straight - reference).max() > 1e-5
    for row, (item, box) in enumerate(zip(by_axis[0].indices, by_axis[0].boxes, strict=True)):
        turned = map_of(files, dataset.keys[item]).transpose(0, 1, 3, 2)
        part = part_of(box, size_of(dataset, item))
        assert np.abs(reference[row] - soft_label(turned, part)).max() < 1e-6


def test_maps_of_items_are_equal_to_themselves_alone(
    dataset: fastinet.Dataset, maps: LabelMaps
) -> None:
    one, other = maps.of(dataset), maps.of(dataset)
    assert one == one  # noqa: PLR0124  # arrays are not compared
    assert one != other
    assert len({one, other}) == 2


def test_flips_change_nothing(dataset: fastinet.Dataset, maps: LabelMaps) -> None:
    batches = [
        next(
            iter(
                Loader(
                    dataset,
                    16,
                    RandomResizedCrop(8, hflip=probability),
                    soft_labels=maps.of(dataset),
                )
            )
        )
        for probability in (0.0, 1.0)
    ]
    assert np.array_equal(batches[0].boxes, batches[1].boxes)
    assert batches[0].soft_labels is not None
    assert np.array_equal(batches[0].soft_labels, batches[1].soft_labels)


def test_resize_takes_the_whole_image(
    dataset: fastinet.Dataset, maps: LabelMaps, files: Mapping[str, bytes]
) -> None:
    batch = next(iter(Loader(dataset, 16, Resize(8), soft_labels=maps.of(dataset))))
    assert batch.soft_labels is not None
    for row, item in enumerate(batch.indices.tolist()):
        expected = soft_label(map_of(files, dataset.keys[item]), (0, 0, 1, 1))
        assert np.abs(batch.soft_labels[row] - expected).max() < 1e-6


@pytest.mark.parametrize(("side", "resize"), [(16, 24), (16, None), (150, None), (16, 16)])
def test_centre_crop_takes_what_it_keeps(
    dataset: fastinet.Dataset,
    maps: LabelMaps,
    files: Mapping[str, bytes],
    side: int,
    resize: int | None,
) -> None:
    """As much of the window as lies in the image, for windows may be larger than it."""
    loader = Loader(dataset, 16, CenterCrop(side, resize=resize), soft_labels=maps.of(dataset))
    batch = next(iter(loader))
    assert batch.soft_labels is not None
    for row, item in enumerate(batch.indices.tolist()):
        part = []
        sizes = size_of(dataset, item)
        shorter = min(sizes)
        for length in sizes:
            resized = length if resize is None else resize * length // shorter
            if side > resized:
                part.append((0.0, 1.0))
                continue
            start = round((resized - side) / 2) / resized
            part.append((start, start + side / resized))
        (x0, x1), (y0, y1) = part
        expected = soft_label(map_of(files, dataset.keys[item]), (x0, y0, x1, y1))
        assert np.abs(batch.soft_labels[row] - expected).max() < 1e-6


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None
)
@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 17), st.integers(1, 17)),
    seed=st.integers(0, 99),
    axis=st.sampled_from(["xy", "reference"]),
)
def test_other_grids(dataset: fastinet.Dataset, tmp_path: Path, shape, seed, axis) -> None:
    """Grids that are not square, of other sizes, and fewer classes."""
    files = label_map_files(dataset.keys, seed, shape=shape, classes=10)
    maps = open_label_maps(write_label_maps(tmp_path / "r.tar", files), index=False)
    assert maps.shape == shape
    soft = maps.of(dataset, axis=axis, classes=10)
    batch = next(iter(Loader(dataset, 16, CROP, seed=seed, soft_labels=soft)))
    assert batch.soft_labels is not None
    assert batch.soft_labels.shape == (16, 10)
    for row, (item, box) in enumerate(zip(batch.indices.tolist(), batch.boxes, strict=True)):
        part = part_of(box, size_of(dataset, item))
        expected = soft_label(map_of(files, dataset.keys[item]), part, axis, 10)
        assert np.abs(batch.soft_labels[row] - expected).max() < 1e-6


def test_a_class_that_a_cell_names_twice_counts_once(
    dataset: fastinet.Dataset, tmp_path: Path
) -> None:
    """By its later score, as torch's scatter_ has it."""
    numbers = np.zeros((2, 3, 1, 1), np.float32)
    numbers[0, :, 0, 0] = [3, 2, 1]
    numbers[1, :, 0, 0] = [4, 7, 4]
    files = {key.replace("JPEG", "pt"): legacy_torch_file(numbers) for key in dataset.keys}
    maps = open_label_maps(write_label_maps(tmp_path / "r.tar", files))
    batch = next(iter(Loader(dataset, 16, CROP, soft_labels=maps.of(dataset, classes=1000))))
    shares = np.ones(1000)
    shares[[4, 7]] = np.exp([1, 2])
    assert batch.soft_labels is not None
    assert np.abs(batch.soft_labels - shares / shares.sum()).max() < 1e-7


def test_slots_callers_buffers_and_selections(
    dataset: fastinet.Dataset, maps: LabelMaps, files: Mapping[str, bytes]
) -> None:
    chosen = dataset.select([11, 3, 8])
    out = [np.zeros((2, 8, 8, 3), np.uint8) for _ in range(4)]
    loader = Loader(chosen, 2, CROP, prefetch=2, soft_labels=maps.of(chosen), out=out)
    kept = list(loader)
    del loader
    for batch, row, item in each_row(kept, len(chosen)):
        assert batch.soft_labels is not None
        assert batch.soft_labels.flags.c_contiguous
        expected = expected_label(chosen, files, item, batch.boxes[row])
        assert np.abs(batch.soft_labels[row] - expected).max() < 1e-6


def test_without_label_maps_there_are_no_soft_labels(dataset: fastinet.Dataset) -> None:
    assert next(iter(Loader(dataset, 4, CROP))).soft_labels is None


def test_soft_labels_outlive_batch_and_loader(dataset: fastinet.Dataset, maps: LabelMaps) -> None:
    loader = Loader(dataset, 4, CROP, soft_labels=maps.of(dataset), prefetch=1)
    first = next(iter(loader)).soft_labels
    assert first is not None
    copy = first.copy()
    for _ in range(3):
        for batch in loader:
            assert batch.soft_labels is not None
    del loader, batch
    assert np.array_equal(first, copy)


def test_a_loader_with_label_maps_pickles(dataset: fastinet.Dataset, maps: LabelMaps) -> None:
    loader = Loader(dataset, 16, CROP, soft_labels=maps.of(dataset))
    again = pickle.loads(pickle.dumps(loader))  # noqa: S301  # our own
    expected, got = next(iter(loader)).soft_labels, next(iter(again)).soft_labels
    assert expected is not None
    assert np.array_equal(expected, got)


# --------------------------------------------------------------------------------- items without


def maps_without(path: Path, files: Mapping[str, bytes], *missing: str) -> LabelMaps:
    kept = {name: content for name, content in files.items() if name not in missing}
    assert len(kept) == len(files) - len(missing)
    return open_label_maps(write_label_maps(path, kept))


def test_items_without_a_label_map(
    dataset: fastinet.Dataset, files: Mapping[str, bytes], tmp_path: Path
) -> None:
    key = dataset.keys[6]
    maps = maps_without(tmp_path / "r.tar", files, key.replace("JPEG", "pt"))
    with pytest.raises(MissingError, match=f"1 of 16 items have no label map, the first is {key}"):
        maps.of(dataset)
    with pytest.warns(FastinetWarning, match="1 of 16 items"):
        soft = maps.of(dataset, missing="label")
    assert soft.missing == 1
    batch = next(iter(Loader(dataset, 16, RandomResizedCrop(8, views=2), soft_labels=soft)))
    assert batch.soft_labels is not None
    label = WNIDS.index(key[:9]) * 333  # among all classes of ImageNet-1K, not the dataset's four
    assert batch.soft_labels[6].tolist() == [np.eye(1000)[label].tolist()] * 2
    others = np.delete(batch.soft_labels, 6, axis=0)
    assert np.count_nonzero(others) == others.size


def test_a_label_in_the_datasets_own_classes(dataset: fastinet.Dataset, tmp_path: Path) -> None:
    files = label_map_files(dataset.keys, shape=(2, 3, 3), classes=4)
    maps = maps_without(tmp_path / "r.tar", files, dataset.keys[15].replace("JPEG", "pt"))
    with pytest.warns(FastinetWarning):
        soft = maps.of(dataset, missing="label", classes=4)
    batch = next(iter(Loader(dataset, 16, CROP, soft_labels=soft)))
    assert batch.soft_labels is not None
    assert batch.soft_labels[15].tolist() == [0, 0, 0, 1]
    with pytest.raises(ValueError, match="the dataset has 4 classes, the soft labels 5"):
        maps.of(dataset, missing="label", classes=5)


def test_a_class_beyond_imagenet_1k(images: Any, tmp_path: Path) -> None:
    path = tmp_path / "other.tar"
    path.write_bytes(train_tar({"n99999999": images[WNIDS[0]]}))
    other = fastinet.open(path)
    keys = list(other.keys)
    maps = open_label_maps(write_label_maps(tmp_path / "r.tar", label_map_files(keys[:1])))
    with pytest.raises(ValueError, match="neither a label map nor a label among the 1000"):
        maps.of(other, missing="label")


def test_the_wrong_archive(dataset: fastinet.Dataset, tmp_path: Path) -> None:
    files = label_map_files(["n01440764/n01440764_1.JPEG"])
    maps = open_label_maps(write_label_maps(tmp_path / "r.tar", files))
    for missing in ("error", "label"):
        with pytest.raises(ValueError, match="none of the 16 items"):
            maps.of(dataset, missing=missing)  # type: ignore[arg-type]


def test_the_flat_names_of_the_hugging_face_tars(
    images: Any, maps: LabelMaps, tmp_path: Path
) -> None:
    members = {
        f"{name.removesuffix('.JPEG')}_{wnid}.JPEG": data
        for wnid, named in images.items()
        for name, data in named.items()
    }
    (tmp_path / "flat.tar").write_bytes(tar(members))
    flat = fastinet.open(tmp_path / "flat.tar")
    assert maps.of(flat).missing == 0


def test_arguments(dataset: fastinet.Dataset, maps: LabelMaps) -> None:
    with pytest.raises(ValueError, match="missing must be"):
        maps.of(dataset, missing="zero")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="axis must be"):
        maps.of(dataset, axis="yx")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="soft_labels must come from"):
        Loader(dataset, 4, CROP, soft_labels=np.zeros(16))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="of another dataset"):
        Loader(dataset.select([0, 1]), 4, CROP, soft_labels=maps.of(dataset))
    with pytest.raises(ValueError, match="as they are stored"):
        Loader(dataset, 4, CROP, exif_orientation=True, soft_labels=maps.of(dataset))
    assert len(list(Loader(dataset, 16, CROP, soft_labels=maps))) == 1
    assert repr(maps.of(dataset)) == "<ItemLabelMaps: 16 maps of 16 items>"
    assert repr(maps).endswith("16 maps of 15x15 cells of 5 classes>")


# ------------------------------------------------------------------------------------- bad input


def changed(files: Mapping[str, bytes], name: str, value: int, number: float) -> dict[str, bytes]:
    """One number of one map set to another, in place, container and all."""
    content = files[name]
    array = parse_torch_file(content)
    start = content.index(array.tobytes()) + 4 * value
    return {**files, name: content[:start] + struct.pack("<f", number) + content[start + 4 :]}


@pytest.mark.parametrize(
    ("value", "number", "cause"),
    [
        (0, float("nan"), "not finite"),
        (1124, float("inf"), "not finite"),
        (1125, float("nan"), "names class nan of 1000"),
        (1125, -1.0, "names class -1"),
        (2249, 1000.0, "names class 1000"),
        (2249, 3.5, "names class 3.5"),
        (2249, 3e9, "names class 3000000000"),
    ],
)
@pytest.mark.parametrize("form", ["tar", "folder"])
def test_a_damaged_map_fails_its_row(
    dataset: fastinet.Dataset,
    files: Mapping[str, bytes],
    tmp_path: Path,
    value: int,
    number: float,
    cause: str,
    form: Any,
) -> None:
    key = dataset.keys[5]
    name = key.replace("JPEG", "pt")
    wrong = changed(files, name, value, number)
    path = write_label_maps(tmp_path / "r.tar", wrong, form=form)
    soft = open_label_maps(path).of(dataset)
    with pytest.raises(CorruptError, match=cause) as caught:
        list(Loader(dataset, 4, CROP, soft_labels=soft))
    error = caught.value
    assert (error.archive, error.member) == (str(path), key)
    start = wrong[name].index(struct.pack("<f", number)) if np.isfinite(number) else None
    if form == "folder" and start is not None:
        assert error.offset == start
    if form == "tar" and start is not None:
        assert error.offset == path.read_bytes().index(wrong[name]) + start
    loader = Loader(dataset, 16, CROP, soft_labels=soft, on_error="mask")
    with pytest.warns(FastinetWarning, match="1 item gave no row"):
        (batch,) = loader
    assert batch.valid.tolist() == [row != 5 for row in range(16)]
    assert batch.soft_labels is not None
    assert not batch.soft_labels[5].any()
    assert not batch.images[5].any()
    assert isinstance(batch.errors[5], CorruptError)


def test_an_archive_that_is_cut_later(
    dataset: fastinet.Dataset, files: Mapping[str, bytes], tmp_path: Path
) -> None:
    path = write_label_maps(tmp_path / "r.tar", files)
    soft = open_label_maps(path).of(dataset)
    path.write_bytes(path.read_bytes()[:50_000])
    loader = Loader(dataset, 16, CROP, soft_labels=soft, on_error="mask")
    with pytest.warns(FastinetWarning, match="items gave no row"):
        (batch,) = loader
    assert 0 < batch.valid.sum() < 16
    assert all(isinstance(error, ReadError) for error in batch.errors.values())


def test_files_that_are_no_label_maps(
    dataset: fastinet.Dataset, files: Mapping[str, bytes], tmp_path: Path
) -> None:
    names = list(files)
    odd = {
        names[0]: b"no torch file",
        names[1]: files[names[1]][:-1],
        names[2]: zip_torch_file([np.zeros((2, 5, 15, 15), "f4")]),
        names[3]: zip_torch_file(np.zeros((2, 5, 15, 15), "f8")),
        names[4]: zip_torch_file(np.zeros((3, 5, 15, 15), "f4")),
        names[5]: zip_torch_file(np.zeros((5, 15, 15), "f4")),
        names[6]: zip_torch_file(np.zeros((2, 0, 15, 15), "f4")),
    }
    path = write_label_maps(tmp_path / "r.tar", {**files, **odd, "readme.txt": b"hello"})
    for _ in range(2):  # also from the index
        with pytest.warns(FastinetWarning, match="7 files left out .* no torch file"):
            maps = open_label_maps(path)
    assert len(maps) == 9
    with pytest.raises(MissingError, match="7 of 16"):
        maps.of(dataset)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<!DOCTYPE html><html>" + b"x" * 900, "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:x\nsize 15\n", "LFS pointer"),
    ],
)
def test_what_the_files_are_instead(content: bytes, words: str, tmp_path: Path) -> None:
    path = write_label_maps(tmp_path / "r.tar", {"a/b.pt": content}, root="")
    with pytest.raises(CorruptError, match=f"no torch file: .*{words}") as raised:
        open_label_maps(path)
    assert raised.value.member == "a/b.pt"
    path = write_label_maps(tmp_path / "s.tar", {"a/b.JPEG": content}, root="")
    with pytest.raises(MissingError, match=r"it holds 1 other files, the first 'a/b\.JPEG'"):
        open_label_maps(path)


def test_maps_of_one_image_in_two_folders(files: Mapping[str, bytes], tmp_path: Path) -> None:
    name = next(iter(files))
    path = write_label_maps(tmp_path / "r.tar", {**files, f"again/{name}": files[name]})
    with pytest.warns(FastinetWarning, match="1 label maps left out"):
        assert len(open_label_maps(path)) == 16


def test_archives_of_nothing(files: Mapping[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no such file"):
        open_label_maps(tmp_path / "none.tar")
    path = write_label_maps(tmp_path / "r.tar", {"readme.txt": b"hello"})
    with pytest.raises(MissingError, match=r"no \.pt file"):
        open_label_maps(path)
    name = next(iter(files))
    program = b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R."
    head = b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {}))
    path = write_label_maps(tmp_path / "s.tar", {name: head + program})
    with pytest.raises(UnsupportedError, match=r"posix\.system") as caught:
        open_label_maps(path)
    assert caught.value.archive == str(path)
    assert caught.value.offset == path.read_bytes().index(b"cposix")
    other = label_map_files(["x/n01440764_1.JPEG"], shape=(5, 7, 7))
    path = write_label_maps(tmp_path / "t.tar", {**files, **other})
    with pytest.raises(CorruptError, match="must have one shape"):
        open_label_maps(path)
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(CorruptError, match="truncated"):
        open_label_maps(path)


def test_no_warning_without_a_cause(
    dataset: fastinet.Dataset, files: Mapping[str, bytes], tmp_path: Path
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        maps = open_label_maps(write_label_maps(tmp_path / "r.tar", files))
        loader = Loader(dataset, 5, CROP, soft_labels=maps.of(dataset))
        assert sum(len(batch) for batch in loader) == len(dataset)

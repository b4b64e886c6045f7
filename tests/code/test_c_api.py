"""The functions of C, called as another language calls them: same rows, and errors as values."""

from __future__ import annotations

import ctypes
import json
import os
import re
import subprocess
import sys
from ctypes import POINTER, byref, c_int32, c_int64, c_size_t, c_uint8, c_void_p
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.c_functions import RESULTS, Box, Options
from support.forged import parsed_columns

import fastinet
from fastinet.datasets import RULES_VERSION
from fastinet.errors import FastinetWarning
from fastinet.sidecars.column_file import write_columns
from fastinet.testing.archives import tar, train_tar
from fastinet.testing.gzips import gzip_members
from fastinet.testing.small import small_jpeg

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "build" / "release"

pytestmark = [
    pytest.mark.skipif(
        not (BUILT / "libfastinet.a").exists(), reason="needs the core that `make build` compiles"
    ),
    pytest.mark.skipif(
        not {"ASAN_OPTIONS", "TSAN_OPTIONS"}.isdisjoint(os.environ),
        reason="the library is built without a sanitizer",
    ),
]

OK, CORRUPT, UNSUPPORTED, TOO_LARGE, MISSING, IO, INVALID = range(7)
OUT_OF_MEMORY = 9


@pytest.fixture(scope="module")
def lib() -> Any:
    """The shared library, built by what `make build` has left."""
    cmake = Path(sys.executable).parent / "cmake"
    command = [cmake if cmake.exists() else "cmake", "--build", BUILT, "--target", "fastinet_c"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = [path for path in BUILT.glob("libfastinet_c.*") if path.suffix in {".so", ".dylib"}]
    library = ctypes.CDLL(str(path))
    for name, result in RESULTS.items():
        getattr(library, name).restype = result
    return library


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    counts = {"n01440764": 4, "n01443537": 3}
    classes = {
        wnid: {f"{wnid}_{number}.JPEG": small_jpeg(rng) for number in range(count)}
        for wnid, count in counts.items()
    }
    path = tmp_path_factory.mktemp("c_api") / "train.tar"
    path.write_bytes(train_tar(classes))
    fastinet.open(path)
    return path


class CallError(Exception):
    """A call that has failed: its code, and its error's message and parts."""

    def __init__(self, lib: Any, code: int, error: c_void_p) -> None:
        assert error.value is not None
        self.code = code
        assert lib.fastinet_error_code(error) == code
        self.member = lib.fastinet_error_member(error).decode()
        self.archive = lib.fastinet_error_archive(error).decode()
        self.offset = lib.fastinet_error_offset_bytes(error)
        super().__init__(lib.fastinet_error_message(error).decode())
        lib.fastinet_error_free(error)


def call(lib: Any, name: str, *arguments: Any) -> None:
    error = c_void_p(1)
    code = getattr(lib, name)(*arguments, byref(error))
    if code != OK:
        raise CallError(lib, code, error)
    assert error.value is None


def made(lib: Any, name: str, *arguments: Any) -> c_void_p:
    """The object that a call gives through its last pointer but one."""
    result = c_void_p()
    call(lib, name, *arguments, byref(result))
    return result


def options_of(lib: Any, **values: Any) -> Options:
    options = Options()
    lib.fastinet_loader_options_init(byref(options))
    assert options.struct_bytes == ctypes.sizeof(Options)
    for name, value in {"width": 24, "height": 24, "batch_size": 3, **values}.items():
        setattr(options, name, value)
    return options


def open_(lib: Any, path: Path, index: Path | None = None, split: bytes | None = None) -> c_void_p:
    place = None if index is None else os.fsencode(index)
    return made(lib, "fastinet_dataset_open", os.fsencode(path), place, split)


def rows_of(lib: Any, epoch: c_void_p, bytes_a_row: int = 24 * 24 * 3) -> list[Any]:
    """(images, items, labels, valid, boxes, flips) of each batch; its memory is given back."""
    batches = []
    while (batch := made(lib, "fastinet_epoch_next", epoch)).value is not None:
        rows, size = lib.fastinet_batch_rows(batch), c_size_t()
        images = lib.fastinet_batch_images(batch, byref(size))
        assert size.value == rows * bytes_a_row
        boxes = lib.fastinet_batch_boxes(batch)[:rows]
        batches.append(
            (
                ctypes.string_at(images, size.value),
                lib.fastinet_batch_items(batch)[:rows],
                lib.fastinet_batch_labels(batch)[:rows],
                lib.fastinet_batch_valid(batch)[:rows],
                [[box.x, box.y, box.width, box.height] for box in boxes],
                lib.fastinet_batch_flips(batch)[:rows],
            )
        )
        lib.fastinet_batch_free(batch)
    lib.fastinet_epoch_free(epoch)
    return batches


def rows_in_python(batches: Any) -> list[Any]:
    return [
        (
            batch.images.tobytes(),
            batch.indices.tolist(),
            batch.labels.tolist(),
            batch.valid.tolist(),
            batch.boxes.tolist(),
            batch.flips.tolist(),
        )
        for batch in batches
    ]


CENTRE, WHOLE, FLOAT32, NCHW = 2, 3, 3, 1
IMAGENET = (ctypes.c_double * 3)(0.485, 0.456, 0.406), (ctypes.c_double * 3)(0.229, 0.224, 0.225)
KINDS = [
    ({}, fastinet.RandomResizedCrop(24), {}),
    ({"shuffle": 1, "seed": 5, "repeats": 2}, None, {"shuffle": True, "seed": 5, "repeats": 2}),
    ({"shuffle": 1, "rank": 1, "world": 2}, None, {"shuffle": True, "rank": 1, "world": 2}),
    ({"drop_last": 1}, None, {"drop_last": True}),
    ({"transform": CENTRE, "resize": 30}, fastinet.CenterCrop(24, resize=30), {}),
    (
        {"transform": WHOLE, "dtype": FLOAT32, "layout": NCHW, "mean": IMAGENET[0]}
        | {"std": IMAGENET[1]},
        fastinet.Resize(24),
        {"dtype": "float32", "layout": "NCHW", "mean": "imagenet", "std": "imagenet"},
    ),
]


@pytest.mark.parametrize(("in_c", "transform", "in_python"), KINDS)
def test_rows_and_states_are_those_of_python(
    lib: Any, archive: Path, in_c: dict[str, Any], transform: Any, in_python: dict[str, Any]
) -> None:
    dataset = open_(lib, archive)
    options = options_of(lib, **in_c)
    loader = made(lib, "fastinet_loader_new", dataset, byref(options))
    lib.fastinet_dataset_free(dataset)  # the loader keeps it
    python = fastinet.Loader(
        fastinet.open(archive), 3, transform or fastinet.RandomResizedCrop(24), **in_python
    )
    assert lib.fastinet_loader_batches(loader) == len(python)
    size = 24 * 24 * 3 * python.output.numpy_dtype().itemsize
    for _ in range(2):
        epoch = made(lib, "fastinet_loader_next_epoch", loader)
        assert rows_of(lib, epoch, size) == rows_in_python(python)
        state = made(lib, "fastinet_loader_state", loader)
        assert ctypes.string_at(state.value or 0).decode() == json.dumps(python.state_dict())
        lib.fastinet_text_free(state)
    epoch = c_void_p()
    call(lib, "fastinet_loader_epoch", loader, 1, c_int64(1), byref(epoch))
    assert rows_of(lib, epoch, size) == rows_in_python(python.epoch(1, 1))
    made_state = json.dumps(python.state_dict()).encode()
    call(lib, "fastinet_loader_load_state", loader, made_state)
    epoch = made(lib, "fastinet_loader_next_epoch", loader)
    assert rows_of(lib, epoch, size) == rows_in_python(python)
    lib.fastinet_loader_free(loader)


def test_items_are_those_of_python(lib: Any, archive: Path) -> None:
    dataset, python = open_(lib, archive), fastinet.open(archive)
    count = lib.fastinet_dataset_size(dataset)
    assert lib.fastinet_dataset_labels(dataset)[:count] == python.labels.tolist()
    classes = range(-1, lib.fastinet_dataset_classes(dataset) + 1)
    wnids = [lib.fastinet_dataset_wnid(dataset, c_int64(label)) for label in classes]
    assert wnids == [None, *[wnid.encode() for wnid in python.wnids], None]
    for item in range(count):
        length, size, data = c_size_t(), c_size_t(), POINTER(c_uint8)()
        key = lib.fastinet_dataset_key(dataset, c_int64(item), byref(length))
        assert ctypes.string_at(key, length.value).decode() == python.keys[item]
        call(lib, "fastinet_dataset_read", dataset, c_int64(item), byref(data), byref(size))
        assert ctypes.string_at(data, size.value) == python.read(item)
        lib.fastinet_bytes_free(data)
    assert lib.fastinet_dataset_key(dataset, c_int64(count), byref(length)) is None
    with pytest.raises(CallError, match="no item 7 among 7"):
        call(lib, "fastinet_dataset_read", dataset, c_int64(count), byref(data), byref(size))
    lib.fastinet_dataset_free(dataset)


@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
def test_splits_and_several_archives(lib: Any, tmp_path: Path) -> None:
    """A folder of class tars, and an archive whose splits have classes of their own."""
    rng = np.random.default_rng(1)
    folder = tmp_path / "classes"
    folder.mkdir()
    for wnid in ("n01440764", "n01443537"):
        (folder / f"{wnid}.tar").write_bytes(tar({f"{wnid}_1.JPEG": small_jpeg(rng)}))
    members = {
        f"{split}/{wnid}/{number}.JPEG": small_jpeg(rng)
        for split, wnid in (("val", "n01443537"), ("train", "n01440764"), ("train", "n01443537"))
        for number in range(2)
    }
    both = tmp_path / "both.tar"
    both.write_bytes(tar(members))
    for path, split in (
        (folder, None),
        *((both, split) for split in (None, "train", "val", "all")),
    ):
        python = fastinet.open(path, split=split)
        dataset = open_(lib, path, split=None if split is None else split.encode())
        count = lib.fastinet_dataset_size(dataset)
        assert count == len(python)
        if path == both:
            assert lib.fastinet_dataset_split(dataset) == (split or "train").encode()
            names = [lib.fastinet_dataset_split_name(dataset, c_int64(n)) for n in range(-1, 3)]
            assert sorted(filter(None, names)) == [b"train", b"val"]
            assert names[0] is names[3] is None
        assert lib.fastinet_dataset_labels(dataset)[:count] == python.labels.tolist()
        wnids = [
            lib.fastinet_dataset_wnid(dataset, c_int64(label)).decode()
            for label in range(lib.fastinet_dataset_classes(dataset))
        ]
        assert wnids == list(python.wnids)
        options = options_of(lib)
        loader = made(lib, "fastinet_loader_new", dataset, byref(options))
        epoch = made(lib, "fastinet_loader_next_epoch", loader)
        expected = fastinet.Loader(python, 3, fastinet.RandomResizedCrop(24))
        assert rows_of(lib, epoch) == rows_in_python(expected)
        lib.fastinet_loader_free(loader)
        lib.fastinet_dataset_free(dataset)
    with pytest.raises(CallError, match=r"no split 'test'; the archive has .*train"):
        open_(lib, both, split=b"test")


def test_what_cannot_be_opened_is_said(lib: Any, archive: Path, tmp_path: Path) -> None:
    data, index = archive.read_bytes(), Path(f"{archive}.fastinet").read_bytes()

    def refused(path: Path, code: int, match: str, place: Path | None = None) -> None:
        with pytest.raises(CallError, match=match) as failed:
            open_(lib, path, place)
        assert failed.value.code == code

    with pytest.raises(CallError, match="path of the archive is empty") as failed:
        made(lib, "fastinet_dataset_open", b"", None, None)
    assert failed.value.code == INVALID
    other = tmp_path / "train.tar"
    refused(other, MISSING, f"'{other}': no such file or folder")
    other.write_bytes(data)
    refused(other, MISSING, f"no index '{other}.fastinet': .*fastinet index")
    other.write_bytes(gzip_members(data))
    refused(other, UNSUPPORTED, "gunzip")  # and not: make an index
    other.unlink()
    Path(f"{other}.fastinet").write_bytes(index)
    refused(other, MISSING, "cannot open")
    other.write_bytes(data + bytes(512))
    refused(other, CORRUPT, f"stale: it had {len(data)} bytes")
    other.write_bytes(bytes(len(data)))
    refused(other, CORRUPT, "stale: it has other content")
    other.write_bytes(data)
    lib.fastinet_dataset_free(open_(lib, other))
    renamed = tmp_path / "val.tar"
    renamed.write_bytes(data)
    refused(renamed, CORRUPT, "called 'train.tar'", Path(f"{other}.fastinet"))
    gzip = tmp_path / "train.tar.gz"
    gzip.write_bytes(gzip_members(data))
    fastinet.open(gzip)
    refused(gzip, UNSUPPORTED, "gunzip it")
    folder = tmp_path / "folder" / "n01440764"
    folder.mkdir(parents=True)
    (folder / "a.JPEG").write_bytes(small_jpeg(np.random.default_rng(0)))
    fastinet.open(folder.parent)
    refused(folder.parent, UNSUPPORTED, "extracted folder")


ODD_NUMBERS = (0, 1, -1, 2**31, -(2**31), 2**32, 2**62, 2**63 - 1, -(2**63))


def test_forged_numbers_of_an_index_end_in_errors(lib: Any, archive: Path, tmp_path: Path) -> None:
    """Checksums are right and numbers are not: each call gives a value or an error."""
    index = Path(f"{archive}.fastinet")
    header, columns = parsed_columns(index.read_bytes())
    refused, opened = 0, 0
    for name, column in columns.items():
        for row in (0, len(column) // 2, len(column) - 1):
            for odd in ODD_NUMBERS:
                changed = column.copy()
                changed[row] = np.array(odd).astype(column.dtype)
                forged = tmp_path / "forged"
                write_columns(forged, header, {**columns, name: changed})
                try:
                    dataset = open_(lib, archive, forged)
                except CallError as error:
                    assert error.code == CORRUPT  # noqa: PT017
                    refused += 1
                    continue
                opened += 1
                rows, failed = read_all(lib, dataset)
                assert rows + failed == 7
                lib.fastinet_dataset_free(dataset)
    assert refused > 30
    assert opened > 30


def read_all(lib: Any, dataset: c_void_p) -> tuple[int, int]:
    """How many items can be read, and how many cannot."""
    rows = failed = 0
    for item in range(lib.fastinet_dataset_size(dataset)):
        size, data = c_size_t(), POINTER(c_uint8)()
        try:
            call(lib, "fastinet_dataset_read", dataset, c_int64(item), byref(data), byref(size))
        except CallError as error:
            assert error.code in {CORRUPT, IO}  # noqa: PT017
            failed += 1
        else:
            lib.fastinet_bytes_free(data)
            rows += 1
    return rows, failed


@pytest.mark.skipif(os.geteuid() != 0, reason="takes the super-user, who gives files away")
def test_a_strangers_index_is_not_believed(
    lib: Any, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in Python: labels that are possible and wrong show in nothing but in whose file it is."""
    stranger = 51234
    path, index = tmp_path / archive.name, tmp_path / f"{archive.name}.fastinet"
    for to, given in ((path, archive), (index, Path(f"{archive}.fastinet"))):
        to.write_bytes(given.read_bytes())

    def refused(match: str) -> None:
        with pytest.raises(CallError, match=match) as failed:
            open_(lib, path)
        assert failed.value.code == UNSUPPORTED

    def opens() -> None:
        lib.fastinet_dataset_free(open_(lib, path))

    opens()
    os.chown(index, stranger, -1)
    refused(f"the user {stranger}, who is neither you nor .*FASTINET_TRUSTED_OWNERS={stranger}")
    for value, is_believed in ((f"root, {stranger}", True), ("*", True), (f"{stranger}0", False)):
        monkeypatch.setenv("FASTINET_TRUSTED_OWNERS", value)
        if is_believed:
            opens()
        else:
            refused("is not believed")
    monkeypatch.delenv("FASTINET_TRUSTED_OWNERS")
    os.chown(path, stranger, -1)  # who could change the archive as well
    opens()
    os.chown(path, 0, -1)
    os.chown(index, 0, -1)
    index.chmod(0o666)
    refused("written by everybody")
    path.chmod(0o666)
    opens()


@pytest.mark.skipif(os.geteuid() != 0, reason="takes the super-user, who gives files away")
def test_a_strangers_index_of_a_folder_that_names_his_own_archives(
    lib: Any, tmp_path: Path
) -> None:
    """Which archives there are, the index says: that they are all the stranger's helps him not."""
    folder = tmp_path / "train"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for wnid in ("n01440764", "n01443537"):
        (folder / f"{wnid}.tar").write_bytes(tar({f"{wnid}_1.JPEG": small_jpeg(rng)}))
    fastinet.open(folder)
    for file in (*folder.iterdir(), Path(f"{folder}.fastinet")):
        os.chown(file, 51234, -1)
    with pytest.raises(CallError, match="is not believed"):
        open_(lib, folder)
    os.chown(folder, 51234, -1)
    lib.fastinet_dataset_free(open_(lib, folder))


def test_every_damaged_byte_of_an_index_is_found(lib: Any, archive: Path, tmp_path: Path) -> None:
    index = Path(f"{archive}.fastinet").read_bytes()
    place = tmp_path / "index"
    rng = np.random.default_rng(2)
    for at in [*range(32), *rng.integers(32, len(index), 200).tolist()]:
        damaged = bytearray(index)
        damaged[at] ^= 1 << int(rng.integers(8))
        place.write_bytes(damaged)
        with pytest.raises(CallError, match="index") as failed:
            open_(lib, archive, place)
        assert failed.value.code in {CORRUPT, UNSUPPORTED}, at
        assert failed.value.archive == str(place)
    for size in (0, 8, 63, 64, len(index) - 1):
        place.write_bytes(index[:size])
        with pytest.raises(CallError, match="damaged"):
            open_(lib, archive, place)


def test_rules_for_items_are_of_the_same_version() -> None:
    header = (ROOT / "csrc" / "index" / "archive_index.h").read_text()
    (version,) = re.findall(r"kRulesVersion = (\d+);", header)
    assert int(version) == RULES_VERSION


def test_bad_items_are_errors_or_masked(lib: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    images = {f"n01440764_{number}.JPEG": small_jpeg(rng) for number in range(3)}
    images["n01440764_1.JPEG"] = images["n01440764_1.JPEG"][:100]
    path = tmp_path / "train.tar"
    path.write_bytes(train_tar({"n01440764": images}))
    fastinet.open(path)
    dataset = open_(lib, path)
    for on_error in (0, 1, 2):
        options = options_of(lib, on_error=on_error)
        loader = made(lib, "fastinet_loader_new", dataset, byref(options))
        epoch = made(lib, "fastinet_loader_next_epoch", loader)
        if on_error == 0:
            with pytest.raises(
                CallError, match=r"member 'n01440764/n01440764_1\.JPEG', byte"
            ) as failed:
                made(lib, "fastinet_epoch_next", epoch)
            assert failed.value.code == CORRUPT
            assert failed.value.archive == str(path)
            assert failed.value.member == "n01440764/n01440764_1.JPEG"
            assert failed.value.offset > 0
            assert rows_of(lib, epoch) == []
        elif on_error == 2:
            crop = fastinet.RandomResizedCrop(24)
            replaced = fastinet.Loader(fastinet.open(path), 3, crop, on_error="replace")
            with pytest.warns(FastinetWarning, match="replaced"):
                expected = rows_in_python(replaced)
            assert rows_of(lib, epoch) == expected
        else:
            batch = made(lib, "fastinet_epoch_next", epoch)
            assert lib.fastinet_batch_valid(batch)[:3] == [1, 0, 1]
            assert lib.fastinet_batch_labels(batch)[:3] == [0, -1, 0]
            assert lib.fastinet_batch_failures(batch) == 1
            row, why = c_int64(), c_void_p()
            code = lib.fastinet_batch_failure(batch, c_int64(0), byref(row), byref(why))
            assert code == OK
            assert row.value == 1
            assert b"n01440764_1" in lib.fastinet_error_message(why)
            lib.fastinet_error_free(why)
            code = lib.fastinet_batch_failure(batch, c_int64(1), byref(row), byref(why))
            assert code == INVALID
            lib.fastinet_error_free(why)
            lib.fastinet_epoch_free(epoch)
            lib.fastinet_batch_free(batch)  # after its epoch
        lib.fastinet_loader_free(loader)
    lib.fastinet_dataset_free(dataset)


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"struct_bytes": 8}, "struct_bytes"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"transform": 4}, "transform is none: 4"),
        ({"dtype": -1}, "dtype is none: -1"),
        ({"width": 0}, "width"),
        ({"scale": (ctypes.c_double * 2)(1, 0.5)}, "scale"),
        ({"mean": IMAGENET[0]}, "float dtype"),
        ({"dtype": FLOAT32, "std": (ctypes.c_double * 3)(0, 1, 1)}, "std positive"),
        ({"dtype": 1, "std": (ctypes.c_double * 3)(1, 1e-6, 1)}, "the dtype cannot hold"),
        ({"dtype": FLOAT32, "std": (ctypes.c_double * 3)(1, 1, 1e-320)}, "the dtype cannot hold"),
        ({"dtype": FLOAT32, "mean": (ctypes.c_double * 3)(124, 116, 104)}, "pixels from 0 to 1"),
        ({"batch_size": 2**32, "world": 2**31}, "at most 2"),
        ({"rank": 2, "world": 2}, "rank is 2"),
        ({"repeats": 0}, "repeats is 0"),
        ({"prefetch": 0}, "prefetch is 0"),
        ({"threads": -1}, "threads is -1"),
    ],
)
def test_options_that_make_no_sense_are_named(
    lib: Any, archive: Path, values: dict[str, Any], match: str
) -> None:
    dataset, options = open_(lib, archive), options_of(lib, **values)
    with pytest.raises(CallError, match=match) as failed:
        made(lib, "fastinet_loader_new", dataset, byref(options))
    assert failed.value.code == INVALID
    lib.fastinet_dataset_free(dataset)


def test_images_are_decoded_as_in_python(lib: Any) -> None:
    data = small_jpeg(np.random.default_rng(4))
    width, height = c_int32(), c_int32()
    call(lib, "fastinet_image_size", data, c_size_t(len(data)), byref(width), byref(height))
    header = fastinet.read_header(data)
    assert (width.value, height.value) == (header.width, header.height)

    def decode(box: Box | None, size: tuple[int, int], room: int | None = None) -> bytes:
        count = size[0] * size[1] * 3 if room is None else room
        out = (c_uint8 * count)()
        given = None if box is None else byref(box)
        numbers = (c_int32(size[0]), c_int32(size[1]), 1, 0)
        call(
            lib, "fastinet_decode", data, c_size_t(len(data)), given, *numbers, out, c_size_t(count)
        )
        return bytes(out)

    assert decode(None, (20, 10)) == fastinet.decode(data, None, (10, 20), flip=True).tobytes()
    box = Box(3, 4, 20, 15)
    assert decode(box, (9, 9)) == fastinet.decode(data, (3, 4, 20, 15), 9, flip=True).tobytes()
    for wrong, size, room, match in (
        (Box(0, 0, 10**6, 4), (9, 9), None, "box"),
        (None, (0, 9), 0, "width"),
        (None, (9, 9), 9, "out has 9 bytes, and 243 are needed"),
    ):
        with pytest.raises(CallError, match=match) as failed:
            decode(wrong, size, room)
        assert failed.value.code == INVALID
    with pytest.raises(CallError, match="JPEG") as failed:
        call(lib, "fastinet_image_size", b"no image", c_size_t(8), byref(width), byref(height))
    assert failed.value.code == UNSUPPORTED
    with pytest.raises(CallError, match="NULL"):
        call(lib, "fastinet_image_size", None, c_size_t(8), byref(width), byref(height))


def test_a_caller_may_ask_for_no_error(lib: Any) -> None:
    assert lib.fastinet_dataset_open(b"/nothing", None, None, byref(c_void_p()), None) == MISSING
    lib.fastinet_error_free(None)
    assert lib.fastinet_error_code(None) == OUT_OF_MEMORY, "there was no memory to say more"
    assert lib.fastinet_error_message(None) == b"not enough memory"
    assert lib.fastinet_error_member(None) == b""
    assert lib.fastinet_version().decode() == fastinet.build_info()["version"]

"""Sidecars whose checksums are right and whose content is not.

Whatever a header or a column says: the archive opens with items that lie in it, or there is an
error of fastinet's. Never another exception, a crash, or a byte of another file.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.extracting import extract_all
from support.forged import archives_with_sidecars, parsed_columns

import fastinet
from fastinet.errors import FastinetError, FastinetWarning
from fastinet.sidecars.column_file import write_columns
from fastinet.testing.label_maps import write_label_maps
from fastinet.testing.torch_files import legacy_torch_file

SETTINGS = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

NUMBERS = st.one_of(
    st.integers(-3, 40),
    st.sampled_from([2**31, 2**32 - 1, 2**53, 2**63 - 1, 2**63, 2**64 - 1, 10**30]),
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | NUMBERS
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(["../../x", "/etc/passwd", "\ud800", "n01440764", "\0", "a" * 5000]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "size", "probe", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
) | st.integers(1, 3).map(lambda depth: json.loads("[" * 300 * depth + "]" * 300 * depth))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cache folder, so that a sidecar lies beside its archive or nowhere."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "none")
    (tmp_path / "none").write_bytes(b"")


def places_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where in a JSON value there is something, from the whole to the last leaf."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [path, *(found for key, each in inner for found in places_in(each, (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """`value` with `new` at `path`."""
    if not path:
        return new
    copied = value.copy()
    copied[path[0]] = changed(value[path[0]], path[1:], new)
    return copied


def mutated_json(data: st.DataObject, header: Any) -> Any:
    return changed(header, data.draw(st.sampled_from(places_in(header)[1:])), data.draw(JSON))


def mutate_column_file(data: st.DataObject, path: Path, content: bytes) -> None:
    """Writes a file that differs from `content` in one place, with right checksums."""
    header, columns = parsed_columns(content)
    kind = data.draw(st.sampled_from(["header", "value", "length", "table"]))
    name = data.draw(st.sampled_from(sorted(columns)))
    column = columns[name]
    if kind == "header":
        header = mutated_json(data, header)
    elif kind == "value" and len(column):
        row = data.draw(st.integers(0, len(column) - 1))
        raw = column.view(np.uint8).reshape(len(column), -1)
        width = raw.shape[1]
        number = data.draw(NUMBERS) % 256**width
        raw[row] = np.frombuffer(number.to_bytes(width, "little"), np.uint8)
    elif kind == "length":
        rows = data.draw(st.integers(0, len(column) + 2))
        columns[name] = np.resize(column, rows) if len(column) else np.zeros(rows, column.dtype)
    write_columns(path, header, columns)
    if kind == "table":
        written = path.read_bytes()
        (text_bytes,) = struct.unpack_from("<Q", written, 16)
        whole = json.loads(written[64 : 64 + text_bytes])
        whole["columns"][name] = mutated_json(data, whole["columns"][name])
        text = json.dumps(whole).encode()
        text = text.ljust(-(-len(text) // 64) * 64)
        rest = written[64 + text_bytes :]

        def preamble(crc: int) -> bytes:
            sizes = (len(text), 64 + len(text) + len(rest))
            return struct.pack("<8sIIQQ", b"FASTINET", 2, crc, *sizes).ljust(64, b"\0")

        crc = zlib.crc32(text, zlib.crc32(preamble(0)))
        path.write_bytes(preamble(crc) + text + rest)


def mutate_log(data: st.DataObject, path: Path, content: bytes, crc_from: int) -> None:
    """The same for a log: in the JSON of its header, or in a byte of a chunk's table."""
    (text_bytes,) = struct.unpack_from("<I", content, 16)
    text, rest = content[20 : 20 + text_bytes], bytearray(content[20 + text_bytes :])
    if data.draw(st.booleans()):
        text = json.dumps(mutated_json(data, json.loads(text))).encode()
    else:
        of_checkpoints = crc_from == 8
        fixed, row = (28, 8) if of_checkpoints else (84, 20)
        (count,) = struct.unpack_from("<I", rest, 16 if of_checkpoints else 12)
        table = fixed + row * count
        at = data.draw(st.integers(crc_from, table - 1))
        rest[at] = data.draw(st.integers(0, 255))
        struct.pack_into("<I", rest, 4, zlib.crc32(rest[crc_from:table]))
    head = struct.pack("<8sIII", content[:8], 1, zlib.crc32(text), len(text))
    path.write_bytes(head + text + rest)


def use(archive: Path) -> None:
    """Opens the archive and reads all that there is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FastinetWarning)
        dataset = fastinet.open(archive)
        classes = len(dataset.classes)
        assert all(-1 <= label < classes for label in dataset.labels.tolist())
        secret = archive.with_name("secret").read_bytes()
        for item, key in enumerate(dataset.keys):
            str(key)
            try:
                assert secret not in dataset.read(item)
            except FastinetError:
                continue
        loader = fastinet.Loader(
            dataset, 4, fastinet.RandomResizedCrop(8), threads=1, on_error="mask"
        )
        for batch in loader:
            assert len(batch.images) <= 4


def check(archive: Path) -> None:
    try:
        use(archive)
    except FastinetError as error:
        str(error)


@pytest.fixture
def made(tmp_path: Path) -> dict[str, Path]:
    return archives_with_sidecars(tmp_path)


@SETTINGS
@given(data=st.data())
def test_an_index(made: dict[str, Path], data: st.DataObject) -> None:
    archive = made[data.draw(st.sampled_from(sorted(made)))]
    path = archive.with_name(archive.name + ".fastinet")
    content = path.read_bytes()
    try:
        mutate_column_file(data, path, content)
        check(archive)
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize("size", [2**38, 2**53, 2**62])
def test_a_length_that_no_memory_holds(made: dict[str, Path], size: int) -> None:
    """Of a file in a folder, which only the disk knows: it is asked before memory is taken."""
    path = made["folder"].with_name("extracted.fastinet")
    header, columns = parsed_columns(path.read_bytes())
    columns["sizes"][-1] = size
    write_columns(path, header, columns)
    dataset = fastinet.open(made["folder"])
    with pytest.raises(FastinetError, match=f"and had {size} when the folder was listed"):
        dataset.read(len(dataset) - 1)


@SETTINGS
@given(data=st.data())
def test_a_log(made: dict[str, Path], data: st.DataObject) -> None:
    """Of checkpoints, or of seek points."""
    archive = made[data.draw(st.sampled_from(["plain", "gzipped"]))]
    suffixes = ["checkpoints", "seek"] if archive == made["gzipped"] else ["checkpoints"]
    suffix = data.draw(st.sampled_from(suffixes))
    path = archive.with_name(f"{archive.name}.fastinet.{suffix}")
    content = path.read_bytes()
    try:
        mutate_log(data, path, content, 8 if suffix == "checkpoints" else 12)
        check(archive)
    finally:
        path.write_bytes(content)


@SETTINGS
@given(data=st.data())
def test_an_index_of_duplicates(made: dict[str, Path], data: st.DataObject) -> None:
    archive = made["plain"]
    path = archive.with_name(archive.name + ".fastinet.duplicates")
    content = path.read_bytes()
    try:
        mutate_column_file(data, path, content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FastinetWarning)
            dataset = fastinet.open(archive)
            found = fastinet.find_duplicates(dataset, threads=1)
            assert all(0 <= item < len(dataset) for group in found for item in group.tolist())
            assert len(found.multi_label()) == len(dataset)
    except FastinetError as error:
        str(error)
    finally:
        path.write_bytes(content)


def annotation_files(folder: Path) -> Path:
    for number in range(3):
        box = "<xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>8</ymax>"
        text = (
            "<annotation><size><width>20</width><height>10</height></size><object>"
            f"<name>n01440764</name><bndbox>{box}</bndbox></object></annotation>"
        )
        path = folder / "boxes" / "n01440764" / f"n01440764_{number}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    fastinet.read_boxes(folder / "boxes")
    return folder / "boxes"


@SETTINGS
@given(data=st.data())
def test_boxes(made: dict[str, Path], data: st.DataObject) -> None:
    archive = annotation_files(made["plain"].parent)
    path = archive.with_name("boxes.fastinet.boxes")
    content = path.read_bytes()
    try:
        mutate_column_file(data, path, content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FastinetWarning)
            boxes = fastinet.read_boxes(archive)
            assert ((boxes.boxes >= 0) & (boxes.boxes <= 1)).all()
            repr(boxes)
            assert len(boxes.wnids) == len(boxes.boxes)
            boxes.labels(["n01440764"])
    except FastinetError as error:
        str(error)
    finally:
        path.write_bytes(content)


@SETTINGS
@given(data=st.data())
def test_label_maps(made: dict[str, Path], data: st.DataObject) -> None:
    folder = made["plain"].parent
    names = {f"n01440764/n01440764_{number}.pt": number for number in range(3)}
    maps = np.zeros((2, 5, 3, 3), np.float32)
    archive = write_label_maps(
        folder / "maps.tar", {name: legacy_torch_file(maps) for name in names}
    )
    if data.draw(st.booleans()):
        extract_all(archive, folder / "maps")
        archive = folder / "maps"
    fastinet.open_label_maps(archive)
    path = archive.with_name(archive.name + ".fastinet.label_maps")
    content = path.read_bytes()
    try:
        mutate_column_file(data, path, content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FastinetWarning)
            found = fastinet.open_label_maps(archive)
            repr(found)
            source = found.open()
            secret = (folder / "secret").read_bytes()
            for offset in found.offsets.tolist():
                assert secret not in source.read(offset, found.size_bytes)
    except FastinetError as error:
        str(error)
    finally:
        path.write_bytes(content)


# -------------------------------------------------------------------- files that somebody else cuts

# In a process of its own, which a mapping of a file that is cut would end by a signal.
_USES = """
import glob, os, pickle, sys, warnings
import fastinet
warnings.simplefilter("ignore", fastinet.errors.FastinetWarning)
for path in sys.argv[1:]:
    ds = fastinet.open(path)
    loader = fastinet.Loader(ds, 2, fastinet.RandomResizedCrop(16), threads=1, seed=1)
    before = [batch.images.tobytes() for batch in loader.epoch(0)]
    found = fastinet.find_duplicates(ds, threads=1)
    groups = [group.tolist() for group in found]
    for sidecar in glob.glob(path + ".fastinet*"):
        os.truncate(sidecar, 10)
    assert ds.labels.sum() >= 0
    try:
        assert len(list(ds.keys)) == len(ds)
    except fastinet.errors.ReadError as error:
        assert "written to while it was in use" in str(error), error
    assert groups == [group.tolist() for group in found]
    assert before == [batch.images.tobytes() for batch in loader.epoch(0)]
    for step in (
        lambda: ds.checkpoints.records,
        lambda: pickle.loads(pickle.dumps(ds)).read(0),
        lambda: fastinet.open(path).read(0),
    ):
        try:
            step()
        except fastinet.errors.FastinetError as error:
            print("refused", error)
print("done")
"""


def test_sidecars_that_are_cut_while_they_are_in_use(made: dict[str, Path]) -> None:
    paths = [str(path) for path in made.values()]
    done = subprocess.run(
        [sys.executable, "-c", _USES, *paths],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("done\n")

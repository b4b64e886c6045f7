"""Sidecars that earlier versions wrote are read, and never read as something else.

Their bytes are built here from the format's description, with struct, json and zlib alone, and
their headers are those that version 0.1 wrote, word for word; but indexes say here that they were
made by today's rules for items, labels and splits, for those of 0.1 are built anew. The archives
are noise, so that nothing but the sidecar can have told what is found.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastinet
from fastinet.annotations.bounding_boxes import read_boxes
from fastinet.annotations.relabel import open_label_maps
from fastinet.archives.file_archive import FileArchive
from fastinet.archives.seek_log import obtain_seek_index
from fastinet.datasets import RULES_VERSION
from fastinet.errors import FastinetError, FastinetWarning
from fastinet.items.checkpoints import find_checkpoints
from fastinet.items.duplicates import find_duplicates
from fastinet.items.index import load_listing
from fastinet.sidecars.identity import fastinet_version, identify_file
from fastinet.sidecars.places import Sidecars
from fastinet.sidecars.schema import UnusableSidecarError
from fastinet.testing.archives import tar

NOISE = np.random.default_rng(3).integers(0, 256, 50_000, np.uint8).tobytes()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache folder of the test's own."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "cache")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "x.tar"
    path.write_bytes(NOISE)
    return path


def identity(path: Path) -> dict[str, Any]:
    """As headers hold it: SHA-256 over eight blocks of 4 kB from the start to the end."""
    content = path.read_bytes()
    last = len(content) - 4096
    blocks = b"".join(content[last * i // 7 :][:4096] for i in range(8))
    return {
        "name": path.name,
        "size": len(content),
        "mtime_ns": path.stat().st_mtime_ns,
        "probe": hashlib.sha256(blocks).hexdigest(),
    }


# ------------------------------------------------------------------------------------ column files

Columns = dict[str, tuple[str, int, bytes]]
"""By name: dtype, rows, bytes."""


def padded(data: bytes, filler: bytes = b"\0") -> bytes:
    return data + filler * (-len(data) % 64)


def column_file(header: dict[str, Any], columns: Columns) -> bytes:
    table: dict[str, Any] = {}
    body = b""
    for name, (dtype, rows, data) in columns.items():
        stored = padded(data)
        table[name] = {
            "dtype": dtype,
            "rows": rows,
            "offset": len(body),
            "crc32": zlib.crc32(stored),
        }
        body += stored
    return sealed({**header, "columns": table}, body)


def sealed(header: dict[str, Any], body: bytes) -> bytes:
    """A column file whose header holds what it may: its checksum is right."""
    text = padded(json.dumps(header).encode(), b" ")
    whole = 64 + len(text) + len(body)

    def preamble(crc: int) -> bytes:
        return padded(struct.pack("<8sIIQQ", b"FASTINET", 2, crc, len(text), whole))

    return preamble(zlib.crc32(preamble(0) + text)) + text + body


def numbers(code: str, *values: float) -> tuple[str, int, bytes]:
    dtype = {"Q": "<u8", "q": "<i8", "i": "<i4", "f": "<f4", "B": "|u1", "b": "|i1"}[code]
    return dtype, len(values), struct.pack(f"<{len(values)}{code}", *values)


KEYS = b"n01440764/n01440764_1.JPEGn01443537/n01443537_2.JPEG"


def index_header(path: Path) -> dict[str, Any]:
    return {
        "fastinet": "0.1.0",
        "rules": RULES_VERSION,
        "family": "train",
        "archives": [identity(path)],
        "splits": [["train", ["n01440764", "n01443537"]]],
        "skipped": 1,
        "notes": ["1 member that is no item"],
    }


INDEX_COLUMNS: Columns = {
    "offsets": numbers("Q", 512, 2048),
    "sizes": numbers("Q", 100, 300),
    "labels": numbers("q", 0, 1),
    "key_offsets": numbers("Q", 0, 26, 52),
    "key_bytes": ("|u1", 52, KEYS),
}


def write_index(archive: Path) -> Path:
    path = archive.with_name("x.tar.fastinet")
    path.write_bytes(column_file(index_header(archive), INDEX_COLUMNS))
    return path


def open_noise(archive: Path) -> fastinet.Dataset:
    with pytest.warns(FastinetWarning, match="1 member that is no item$"):
        dataset = fastinet.open(archive)
    assert isinstance(dataset, fastinet.Dataset)
    return dataset


def test_an_index_by_earlier_rules_is_built_anew(tmp_path: Path) -> None:
    archive = tmp_path / "x.tar"
    jpeg = b"\xff\xd8\xff\xe0" + bytes(30_000)
    members = {"train/n01440764/1.JPEG": jpeg, "val_canny/n01440764/1.JPEG": jpeg}
    archive.write_bytes(tar(members))
    header = index_header(archive)
    del header["rules"]
    path = archive.with_name("x.tar.fastinet")
    path.write_bytes(column_file(header, INDEX_COLUMNS))
    with pytest.warns(FastinetWarning) as caught:
        dataset = fastinet.open(archive)
    told = [str(each.message) for each in caught]
    assert any("x.tar.fastinet' was made by other rules" in message for message in told), told
    assert list(dataset.keys) == ["train/n01440764/1.JPEG"]
    with pytest.warns(FastinetWarning, match="its split 'train'"):
        assert list(fastinet.open(archive).keys) == list(dataset.keys)


def test_an_index(archive: Path) -> None:
    path = write_index(archive)
    before = path.read_bytes()
    dataset = open_noise(archive)
    assert list(dataset.keys) == ["n01440764/n01440764_1.JPEG", "n01443537/n01443537_2.JPEG"]
    assert dataset.labels.tolist() == [0, 1]
    assert dataset.read(1) == NOISE[2048:2348]
    assert dataset.index == str(path)
    assert path.read_bytes() == before


def test_an_index_of_two_splits_and_archives(archive: Path) -> None:
    header = index_header(archive)
    header["splits"].append(["val", ["n01443537"]])
    header["notes"] = []
    columns = {
        **INDEX_COLUMNS,
        "labels": numbers("q", 0, 0),
        "item_archive": numbers("i", 0, 0),
        "item_split": numbers("b", 0, 1),
        "of a later version": numbers("f", 1.5),
    }
    archive.with_name("x.tar.fastinet").write_bytes(column_file(header, columns))
    dataset = fastinet.open(archive, split="val")
    assert list(dataset.keys) == ["n01443537/n01443537_2.JPEG"]
    assert dataset.read(0) == NOISE[2048:2348]


def test_boxes(archive: Path) -> None:
    header = {
        "fastinet": "0.1.0",
        "family": "boxes",
        "archives": [identity(archive)],
        "notes": [],
    }
    columns: Columns = {
        "keys": ("|S3", 2, b"a_1b_2"),
        "starts": numbers("q", 0, 1, 1),
        "boxes": numbers("f", 0.25, 0.5, 0.75, 1),
        "pixels": numbers("f", 100, 100, 300, 250),
        "sizes": numbers("i", 200, 400, 10, 20),
        "wnid_numbers": numbers("i", 1440764),
    }
    archive.with_name("x.tar.fastinet.boxes").write_bytes(column_file(header, columns))
    boxes = read_boxes(archive)
    assert boxes.keys.tolist() == [b"a_1", b"b_2"]
    assert boxes.boxes.tolist() == [[0.25, 0.5, 0.75, 1.0]]
    assert boxes.sizes.tolist() == [[200, 400], [10, 20]]
    assert boxes.wnids.tolist() == ["n01440764"]


def test_label_maps(archive: Path) -> None:
    header = {
        "fastinet": "0.1.0",
        "family": "label maps",
        "archives": [identity(archive)],
        "shape": [5, 15, 15],
        "notes": [],
    }
    columns: Columns = {"keys": ("|S3", 2, b"a_1b_2"), "offsets": numbers("Q", 64, 20_000)}
    sidecar = archive.with_name("x.tar.fastinet.label_maps")
    sidecar.write_bytes(column_file(header, columns))
    maps = open_label_maps(archive)
    assert maps.keys.tolist() == [b"a_1", b"b_2"]
    assert maps.offsets.tolist() == [64, 20_000]
    assert maps.shape == (5, 15, 15)
    files = {
        "file_names": ("|u1", 6, b"a.pb.p"),
        "file_name_ends": numbers("Q", 3, 6),
        "file_offsets": numbers("Q", 0, 100),
        "file_sizes": numbers("Q", 100, 200),
    }
    sidecar.write_bytes(column_file(header, {**columns, **files}))
    found = open_label_maps(archive).files
    assert found is not None
    assert [column.tolist() for column in found[1:]] == [[3, 6], [0, 100], [100, 200]]
    del files["file_sizes"]
    sidecar.write_bytes(column_file(header, {**columns, **files}))
    with (
        pytest.warns(FastinetWarning, match="is damaged: it lacks column 'file_sizes'; .* anew"),
        pytest.raises(FastinetError),
    ):
        open_label_maps(archive)


@pytest.mark.parametrize("is_done", [True, False])
def test_duplicates(archive: Path, is_done: bool) -> None:
    write_index(archive)
    header = {
        "fastinet": "0.1.0",
        "archives": [identity(archive)],
        "split": "train",
        "places": zlib.crc32(struct.pack("<2Q", 512, 2048)),
    }
    columns: Columns = dict.fromkeys(("tails", "digests_0", "digests_1"), numbers("Q"))
    if is_done:
        columns |= {"rows": numbers("q", 0, 1), "ends": numbers("q", 2)}
    archive.with_name("x.tar.fastinet.duplicates").write_bytes(column_file(header, columns))
    groups = [group.tolist() for group in find_duplicates(open_noise(archive))]
    assert groups == ([[0, 1]] if is_done else [])


# -------------------------------------------------------------------------------------------- logs


def log(magic: bytes, header: dict[str, Any], *chunks: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<8sIII", magic, 1, zlib.crc32(text), len(text)) + text + b"".join(chunks)


def test_checkpoints(archive: Path) -> None:
    header = {"fastinet": "0.1.0", "archives": [identity(archive)], "items": 3, "stride": 4}
    table = struct.pack("<6I", 5, 0, 2, 623, 0, 700)
    fixed = struct.pack("<QIQ", 0, 3, 7)
    chunk = b"CHNK" + struct.pack("<I", zlib.crc32(fixed + table)) + fixed + table + b"recordS"
    path = archive.with_name("x.tar.fastinet.checkpoints")
    path.write_bytes(log(b"FASTCKPT", header, chunk))
    found = find_checkpoints(Sidecars(archive), [FileArchive(archive)], 3)
    assert (found.path, found.covered, found.stride) == (path, 3, 4)
    assert found.header_bytes.tolist() == [623, 0, 700]
    start, size = int(found.starts[2]), int(found.sizes[2])
    assert found.records[start : start + size].tobytes() == b"dS"


def seek_log(archive: Path) -> bytes:
    header = {"fastinet": "0.1.0", "archive": identity(archive), "folder": "f", "spacing": 1 << 19}
    points = struct.pack("<QQI", 80, 0, 0)
    text = json.dumps({"containers": ["n01440764.tar"], "special_entries": 2}).encode()
    name = b"f/n01440764_1.JPEG"
    rest = struct.pack("<QQi8sQ", 512, 100, 0, b"\xff\xd8\xff\xe0abcd", len(name)) + name + text
    fixed = struct.pack("<7Q16s", 1, 0, 1, len(name), len(text), 0, 10_240, b"MD5 of 16 bytes.")
    checksums = struct.pack("<II", zlib.crc32(fixed + points), zlib.crc32(rest))
    return log(b"FASTSEEK", header, b"CHNK" + checksums + fixed + points + rest)


def test_a_seek_index(archive: Path) -> None:
    archive.with_name("x.tar.fastinet.seek").write_bytes(seek_log(archive))
    found = obtain_seek_index(archive, identify_file(archive), "f")
    assert (found.size_bytes, found.md5) == (10_240, b"MD5 of 16 bytes.".hex())
    assert (found.bit_offsets.tolist(), found.offsets.tolist()) == ([80], [0])
    members = found.members()
    assert (members.offsets.tolist(), members.sizes.tolist()) == ([512], [100])
    assert members.names.tobytes() == b"f/n01440764_1.JPEG"
    assert members.container_names == ["n01440764.tar"]
    assert members.special_entries == 2


# ------------------------------------------------------------------------------- verification's own


def journal_head(archive: Path) -> dict[str, Any]:
    """The journal counts for the version that wrote it, as it did before."""
    return {
        "format": 1,
        "fastinet": fastinet_version(),
        "archives": [identity(archive)],
        "stamps": [FileArchive(archive).stamp()],
        "options": {
            "decode": False,
            "digest": True,
            "devkit": None,
            "expect": None,
            "published": "all",
        },
    }


REPORT = {
    "ok": True,
    "sentence": "All is well.",
    "path": "x.tar",
    "archive": None,
    "title": "",
    "family": "train",
    "members": 2,
    "images": 2,
    "classes": 1,
    "checks": [{"name": "headers", "state": "passed", "detail": "2 members, all well"}],
    "findings": [
        {
            "severity": "note",
            "kind": "odd image",
            "message": "1 JPEGs are CMYK, all of them known",
            "archive": "x.tar",
            "member": None,
            "offset": None,
            "advice": "",
            "detail": "",
        }
    ],
    "remembered": False,
}


def test_a_report_in_a_journal(archive: Path) -> None:
    journal = archive.with_name("x.tar.fastinet.verify")
    journal.write_text(json.dumps({**journal_head(archive), "report": REPORT}))
    report = fastinet.verify(archive)
    assert report.remembered
    # "transient" came later; what was remembered never is.
    findings = [{**REPORT["findings"][0], "transient": False}]  # type: ignore[index]
    fields = {**REPORT, "findings": findings, "remembered": True, "sentence": report.sentence}
    assert report.to_dict() == fields


def test_a_walk_and_a_state_in_a_journal(tmp_path: Path) -> None:
    archive = tmp_path / "x.tar"
    archive.write_bytes(bytes(257) + b"ustar" + bytes(9738))
    head = journal_head(archive)
    finding = {**REPORT["findings"][0], "message": "of an earlier run"}  # type: ignore[index]
    state = {
        "position": 0,
        "images": 1,
        "digest": "",
        "findings": [finding],
        "four_components": [],
        "wrapped": [],
    }
    archive.with_name("x.tar.fastinet.verify").write_text(json.dumps({**head, "state": state}))
    name = b"n01440764/n01440764_1.JPEG"
    error = ["corrupt", "of an earlier walk", str(archive), "n01440764", 512]
    walk = {"container_names": ["n01440764.tar"], "special_entries": 0, "errors": [error]}
    text = json.dumps({**head, "walks": [walk], "state": ""}).encode()
    file = io.BytesIO()
    columns: dict[str, Any] = {
        "head": np.frombuffer(text, np.uint8),
        "0.offsets": np.array([1024], np.uint64),
        "0.sizes": np.array([100], np.uint64),
        "0.containers": np.array([0], np.int32),
        "0.heads": np.frombuffer(b"\xff\xd8\xff\xe0abcd", np.uint8).reshape(1, 8),
        "0.names": np.frombuffer(name, np.uint8),
        "0.name_ends": np.array([len(name)], np.uint64),
    }
    np.savez(file, **columns)
    archive.with_name("x.tar.fastinet.verify.walk").write_bytes(file.getvalue())
    report = fastinet.verify(archive)
    assert report.members == report.images == 1
    messages = [finding.message for finding in report.findings]
    assert {"of an earlier walk", "of an earlier run"} <= set(messages)


# ------------------------------------------------------------------------- headers that do not hold


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in parsed JSON, as keys and numbers."""
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    return [path, *(below for name, part in inner for below in paths_in(part, (*path, name)))]


def changed_at(value: Any, path: Sequence[Any], change: Callable[[Any, Any], None]) -> Any:
    value = copy.deepcopy(value)
    holder = value
    for name in path[:-1]:
        holder = holder[name]
    change(holder, path[-1])
    return value


def put(wrong: Any) -> Callable[[Any, Any], None]:
    def change(holder: Any, name: Any) -> None:
        holder[name] = wrong

    return change


def remove(holder: Any, name: Any) -> None:
    del holder[name]


REFUSALS = ("is damaged: ", "is stale: ", "was made by other rules")
WRONG = (None, True, -(2**64), 2**64, 1.5, "x", [], {}, [[]], {"x": 1})


def test_no_value_in_an_index_ends_in_another_error(archive: Path) -> None:
    """Each value is taken away, and replaced by others; the checksums are right each time."""
    path = write_index(archive)
    identities = [identify_file(archive)]
    data = path.read_bytes()
    columns_at = 64 + int.from_bytes(data[16:24], "little")
    header, body = json.loads(data[64:columns_at]), data[columns_at:]
    refused, read = 0, set()
    for where in paths_in(header)[1:]:
        for change in (remove, *map(put, WRONG)):
            path.write_bytes(sealed(changed_at(header, where, change), body))
            try:
                listing = load_listing(path, identities)
            except UnusableSidecarError as error:
                assert str(error).startswith(REFUSALS)  # noqa: PT017
                refused += 1
            else:
                read.add(where[0])
                assert listing.offsets.tolist() == [512, 2048]
                assert listing.sizes.tolist() == [100, 300]
    # The words alone may be others: of the version, the family, wnids and notes, and no notes.
    assert read == {"fastinet", "family", "splits", "notes"}
    assert refused > 400


@pytest.mark.parametrize("spot", ["archive", "folder", "spacing", ("archive", "size")])
def test_a_seek_index_without_a_field_is_refused(
    archive: Path, spot: str | tuple[str, str]
) -> None:
    path = archive.with_name("x.tar.fastinet.seek")
    data = seek_log(archive)
    length = int.from_bytes(data[16:20], "little")
    header = json.loads(data[20 : 20 + length])
    where = (spot,) if isinstance(spot, str) else spot
    path.write_bytes(log(b"FASTSEEK", changed_at(header, where, remove), data[20 + length :]))
    with (
        pytest.warns(FastinetWarning, match=rf"it lacks '{'.'.join(where)}'; it is built anew"),
        pytest.raises(FastinetError, match="gzip"),
    ):
        obtain_seek_index(archive, identify_file(archive), "f")


def test_checkpoints_without_a_field_are_none(archive: Path) -> None:
    header = {"fastinet": "0.1.0", "archives": [identity(archive)], "items": 3}
    path = archive.with_name("x.tar.fastinet.checkpoints")
    path.write_bytes(log(b"FASTCKPT", header))
    with pytest.warns(FastinetWarning, match="checkpoints' is damaged: it lacks 'stride';"):
        assert find_checkpoints(Sidecars(archive), [FileArchive(archive)], 3).covered == 0

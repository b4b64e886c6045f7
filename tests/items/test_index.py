"""The sidecar index: what it holds, when it is refused, and how it is written."""

from __future__ import annotations

import errno
import json
import mmap
import os
import struct
import subprocess
import sys
import tempfile
import tracemalloc
import zlib
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastinet.datasets.listing import Listing, Split
from fastinet.errors import FastinetWarning, ReadError
from fastinet.items import index
from fastinet.items.dataset import Dataset
from fastinet.items.index import load_listing, save_listing
from fastinet.items.opening import open as open_archive
from fastinet.sidecars import column_file
from fastinet.sidecars.column_file import UnusableIndexError
from fastinet.sidecars.identity import Identity, fastinet_version, identify_file
from fastinet.testing.archives import train_tar

JPEG = b"\xff\xd8\xff\xe0"
TRAIN = {
    "n01440764": {"n01440764_18.JPEG": JPEG + b"a" * 700, "n01440764_36.JPEG": JPEG},
    "n01443537": {"n01443537_2.JPEG": JPEG + b"b" * 508},
}
NOBODY = 65534  # the user of this name on Linux
IDENTITIES = [Identity("x.tar", 1024, 5, "ab")]


def make_listing(items: int, *, several: bool = False) -> Listing:
    rows = np.arange(items)
    return Listing(
        family="train",
        offsets=(rows * 1024).astype(np.uint64),
        sizes=(rows % 1000).astype(np.uint64),
        labels=rows % 3,
        key_offsets=np.arange(items + 1, dtype=np.uint64) * 5,
        key_bytes=np.full(items * 5, ord("k"), np.uint8),
        item_archive=(rows % 2).astype(np.int32) if several else None,
        splits=(
            Split("train", ("n01440764", "n01443537", "n01484850")),
            *([Split("val", ("n01440764",))] if several else []),
        ),
        item_split=(rows % 2).astype(np.int8) if several else None,
        skipped=2,
        notes=("ü: said aloud",),
    )


def same(a: Listing, b: Listing) -> bool:
    def same_field(x: object, y: object) -> bool:
        if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
            return x.dtype == y.dtype and np.array_equal(x, y)
        return x == y

    return all(
        same_field(getattr(a, field.name), getattr(b, field.name)) for field in fields(Listing)
    )


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache folder, for the time of a test."""
    folder = tmp_path / "cache"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: folder)
    return folder


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    path = folder / "train.tar"
    path.write_bytes(train_tar(TRAIN))
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(items=st.integers(1, 300), several=st.booleans())
def test_what_is_saved_is_loaded(tmp_path: Path, items: int, several: bool) -> None:
    path = tmp_path / "x.fastinet"
    listing = make_listing(items, several=several)
    save_listing(path, IDENTITIES, listing)
    assert same(load_listing(path, IDENTITIES), listing)


def test_columns_are_mapped_aligned_and_read_only(tmp_path: Path) -> None:
    path = tmp_path / "x.fastinet"
    save_listing(path, IDENTITIES, make_listing(1000, several=True))
    loaded = load_listing(path, IDENTITIES)
    for field in fields(Listing):
        column = getattr(loaded, field.name)
        if isinstance(column, np.ndarray):
            assert isinstance(column.base, memoryview)
            assert isinstance(column.base.obj, mmap.mmap)
            assert column.ctypes.data % 64 == 0
            assert not column.flags.writeable


def test_loading_takes_no_memory_for_items(tmp_path: Path) -> None:
    path = tmp_path / "x.fastinet"
    save_listing(path, IDENTITIES, make_listing(300_000))
    assert path.stat().st_size > 10_000_000
    tracemalloc.start()
    try:
        loaded = load_listing(path, IDENTITIES)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(loaded.labels) == 300_000
    assert peak < 1_000_000


def test_each_flipped_byte_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.fastinet"
    save_listing(path, IDENTITIES, make_listing(7, several=True))
    sound = path.read_bytes()
    for position in range(len(sound)):
        damaged = bytearray(sound)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(UnusableIndexError, match=r"damaged|format version"):
            load_listing(path, IDENTITIES)


def refused_or_unchanged(path: Path, data: bytes, listing: Listing) -> bool:
    """Whether the index whose bytes are `data` is refused; else it must hold just `listing`."""
    path.write_bytes(data)
    try:
        found = load_listing(path, IDENTITIES)
    except UnusableIndexError as error:
        assert str(error).startswith(("is damaged", "has format version"))  # noqa: PT017
        return True
    assert same(found, listing)
    return False


def header_end(data: bytes) -> int:
    return 64 + int.from_bytes(data[16:24], "little")


def test_no_other_byte_in_preamble_or_header_passes(tmp_path: Path) -> None:
    path = tmp_path / "x.fastinet"
    listing = make_listing(7, several=True)
    save_listing(path, IDENTITIES, listing)
    sound = path.read_bytes()
    assert not refused_or_unchanged(path, sound, listing)
    for position in range(header_end(sound)):
        for other in {0x30, 0xFF} - {sound[position]}:
            data = sound[:position] + bytes([other]) + sound[position + 1 :]
            assert refused_or_unchanged(path, data, listing)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300
)
@given(start=st.integers(0, 2000), noise=st.binary(min_size=1, max_size=3000))
def test_noise_over_preamble_and_header_is_refused(
    tmp_path: Path, start: int, noise: bytes
) -> None:
    path = tmp_path / "x.fastinet"
    listing = make_listing(7, several=True)
    save_listing(path, IDENTITIES, listing)
    sound = path.read_bytes()
    end = header_end(sound)
    start %= end
    noise = noise[: end - start]
    data = sound[:start] + noise + sound[start + len(noise) :]
    assert refused_or_unchanged(path, data, listing) == (data != sound)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(noise=st.binary(max_size=500), with_preamble=st.booleans())
def test_noise_in_place_of_an_index_is_refused(
    tmp_path: Path, noise: bytes, with_preamble: bool
) -> None:
    """Also where the checksum of the noise is right: then its JSON is none, or lacks everything."""
    length = 64 + len(noise)

    def preamble(crc: int) -> bytes:
        return struct.pack("<8sIIQQ", b"FASTINET", 2, crc, len(noise), length).ljust(64, b"\0")

    data = preamble(zlib.crc32(preamble(0) + noise)) + noise if with_preamble else noise
    assert refused_or_unchanged(tmp_path / "x.fastinet", data, make_listing(1))


def test_each_cut_and_each_appendix_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.fastinet"
    save_listing(path, IDENTITIES, make_listing(7))
    sound = path.read_bytes()
    for length in range(len(sound)):
        path.write_bytes(sound[:length])
        with pytest.raises(UnusableIndexError, match="damaged"):
            load_listing(path, IDENTITIES)
    path.write_bytes(sound + b"\0")
    with pytest.raises(UnusableIndexError, match="damaged"):
        load_listing(path, IDENTITIES)


def test_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.fastinet"
    with monkeypatch.context() as patch:
        patch.setattr(column_file, "FORMAT_VERSION", 99)
        save_listing(path, IDENTITIES, make_listing(7))
    with pytest.raises(UnusableIndexError, match="format version 99, and this fastinet reads"):
        load_listing(path, IDENTITIES)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "y.tar"}, "other archives"),
        ({"size": 1025}, "had 1024 bytes when it was made and has 1025 now"),
        ({"mtime_ns": 6}, "was written after"),
        ({"probe": "ac"}, "other content"),
    ],
)
def test_a_stale_index_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "x.fastinet"
    save_listing(path, IDENTITIES, make_listing(7))
    with pytest.raises(UnusableIndexError, match=message):
        load_listing(path, [IDENTITIES[0]._replace(**change)])
    with pytest.raises(UnusableIndexError, match="other archives"):
        load_listing(path, [*IDENTITIES, *IDENTITIES])


def test_the_header_is_for_people_too(tmp_path: Path) -> None:
    path = tmp_path / "x.fastinet"
    save_listing(path, IDENTITIES, make_listing(7))
    data = path.read_bytes()
    start = 64 + int.from_bytes(data[16:24], "little")
    header = json.loads(data[64:start])
    column = header["columns"]["labels"]
    begin = start + column["offset"]
    assert begin % 64 == 0
    assert np.array_equal(
        np.frombuffer(data, column["dtype"], column["rows"], begin), make_listing(7).labels
    )
    assert zlib.crc32(data[begin : begin + 64]) == column["crc32"]


def test_the_probe_sees_the_ends_and_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    content = bytearray(1_000_000)
    path.write_bytes(content)
    before = identify_file(path)
    for position in (0, 999_999, 996_000 * 3 // 7):
        content[position] ^= 1
        path.write_bytes(content)
        os.utime(path, ns=(before.mtime_ns, before.mtime_ns))
        now = identify_file(path)
        assert now.probe != before.probe
        assert now._replace(probe=before.probe) == before
        content[position] ^= 1


def contents(dataset: Dataset) -> list[tuple[str, int, bytes]]:
    return [
        (key, label, dataset.read(i))
        for i, (key, label) in enumerate(zip(dataset.keys, dataset.labels.tolist(), strict=True))
    ]


def test_the_index_is_kept_and_used(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = open_archive(archive)
    assert sorted(path.name for path in archive.parent.iterdir()) == [
        "train.tar",
        "train.tar.fastinet",
    ]
    monkeypatch.setattr("fastinet._native._scan.scan", None)
    assert contents(open_archive(archive)) == contents(first)


def test_changed_archives_are_scanned_again(archive: Path) -> None:
    open_archive(archive)
    archive.write_bytes(train_tar({"n01484850": {"n01484850_1.JPEG": JPEG}}))
    with pytest.warns(FastinetWarning, match=r"train\.tar\.fastinet' is stale.*built anew"):
        assert list(open_archive(archive).keys) == ["n01484850/n01484850_1.JPEG"]
    assert list(open_archive(archive).keys) == ["n01484850/n01484850_1.JPEG"]


def test_damaged_indexes_are_built_anew_and_said(archive: Path) -> None:
    expected = contents(open_archive(archive))
    index = archive.with_name("train.tar.fastinet")
    sound = index.read_bytes()
    for damaged in (b"", b"junk", sound[:-1], sound[:200] + b"!" + sound[201:]):
        index.write_bytes(damaged)
        with pytest.warns(FastinetWarning, match=r"damaged.*built anew") as caught:
            assert contents(open_archive(archive)) == expected
        assert caught[0].filename == __file__
        assert index.read_bytes() == sound


def deny(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    """Makes folders read-only, for the super-user too, who may write anywhere."""
    save = index.save_listing

    def save_or_fail(path: Path, identities: list[Identity], listing: Listing) -> None:
        if any(folder in path.parents for folder in folders):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        save(path, identities, listing)

    monkeypatch.setattr(index, "save_listing", save_or_fail)


def test_a_read_only_folder_has_its_index_in_the_cache(
    archive: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deny(monkeypatch, archive.parent)
    expected = contents(open_archive(archive))
    (index,) = (cache / "indexes").iterdir()
    assert index.name.startswith("train.tar-")
    assert open_archive(archive).index == str(index)
    assert [path.name for path in archive.parent.iterdir()] == ["train.tar"]
    monkeypatch.setattr("fastinet._native._scan.scan", None)
    assert contents(open_archive(archive)) == expected


@pytest.fixture
def nobodys_folder() -> Iterator[Path]:
    """A folder of a user who is not the super-user, who may write anywhere; run as that user.

    Not in pytest's own folders, which nobody else may enter.
    """
    super_user = os.geteuid() == 0
    if super_user:
        # What the standard library imports at its first use may lie where that user cannot read.
        fastinet_version()
    with tempfile.TemporaryDirectory() as name:
        if super_user:
            os.chown(name, NOBODY, -1)
            os.seteuid(NOBODY)
        try:
            yield Path(name)
        finally:
            if super_user:
                os.seteuid(0)


def test_a_truly_read_only_folder(nobodys_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = nobodys_folder / "cache"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: cache)
    data = nobodys_folder / "data"
    data.mkdir()
    archive = data / "train.tar"
    archive.write_bytes(train_tar(TRAIN))
    data.chmod(0o555)
    try:
        dataset = open_archive(archive)
        assert [path.name for path in data.iterdir()] == ["train.tar"]
        assert dataset.index == str(*(cache / "indexes").iterdir())
    finally:
        data.chmod(0o755)


def test_what_may_not_be_read(nobodys_folder: Path) -> None:
    locked = nobodys_folder / "locked"
    locked.mkdir()
    archive = nobodys_folder / "train.tar"
    archive.write_bytes(train_tar(TRAIN))
    archive.chmod(0)
    locked.chmod(0)
    try:
        for path in (archive, locked, locked / "train.tar"):
            with pytest.raises(ReadError, match="Permission denied") as caught:
                open_archive(path, index=path != archive)
            assert caught.value.archive == str(path)
    finally:
        locked.chmod(0o755)


def test_a_stale_index_in_a_read_only_folder_is_said_once(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_archive(archive)
    archive.write_bytes(train_tar(TRAIN) + bytes(512))
    deny(monkeypatch, archive.parent)
    with pytest.warns(FastinetWarning, match="stale"):
        expected = contents(open_archive(archive))
    again = open_archive(archive)
    assert contents(again) == expected  # from the cache, and in silence
    assert again.index is not None
    assert Path(again.index).parent.name == "indexes"


def test_no_place_at_all_is_said(
    archive: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deny(monkeypatch, archive.parent, cache)
    with pytest.warns(FastinetWarning, match="could not be kept.*XDG_CACHE_HOME may name"):
        dataset = open_archive(archive)
    assert len(dataset) == 3
    assert dataset.index is None


def test_an_index_that_cannot_be_read_is_said(archive: Path) -> None:
    archive.with_name("train.tar.fastinet").mkdir()
    with pytest.warns(FastinetWarning, match="cannot be read"):
        assert len(open_archive(archive)) == 3
    assert sorted(path.name for path in archive.parent.iterdir()) == [
        "train.tar",
        "train.tar.fastinet",
    ]


def test_index_argument(archive: Path, tmp_path: Path, cache: Path) -> None:
    assert open_archive(archive, index=False).index is None
    elsewhere = tmp_path / "deep" / "down" / "my.index"
    assert open_archive(archive, index=elsewhere).index == str(elsewhere)
    assert elsewhere.exists()
    assert [path.name for path in archive.parent.iterdir()] == ["train.tar"]
    assert not cache.exists()


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.fastinet"
    listing = make_listing(7)
    save_listing(path, IDENTITIES, listing)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save_listing(path, IDENTITIES, replace(listing, skipped=3))
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.fastinet"]
    assert path.read_bytes() == before


OPEN_MANY_TIMES = """
import pathlib, sys
from fastinet.items.opening import open as open_archive
path = pathlib.Path(sys.argv[1])
for _ in range(40):
    path.with_name(path.name + ".fastinet").unlink(missing_ok=True)
    dataset = open_archive(path)
    assert [len(dataset.read(i)) for i in range(len(dataset))] == [704, 4, 512]
"""


def test_concurrent_builders(archive: Path) -> None:
    """Processes that remove and write the index under each other's feet, warnings being errors."""
    command = [sys.executable, "-W", "error", "-c", OPEN_MANY_TIMES, str(archive)]
    builders = [subprocess.Popen(command) for _ in range(3)]
    assert [builder.wait(timeout=300) for builder in builders] == [0, 0, 0]
    assert len(open_archive(archive)) == 3
    assert sorted(path.name for path in archive.parent.iterdir()) == [
        "train.tar",
        "train.tar.fastinet",
    ]

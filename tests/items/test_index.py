"""The sidecar index: what it holds, when it is refused, and how it is written."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.listings import IDENTITIES, make_listing, same

from fastinet.datasets.listing import Listing
from fastinet.errors import FastinetWarning, ReadError
from fastinet.items import index
from fastinet.items.dataset import Dataset
from fastinet.items.index import load_listing, save_listing
from fastinet.items.opening import open as open_archive
from fastinet.sidecars.column_file import UnusableSidecarError
from fastinet.sidecars.identity import Identity, fastinet_version
from fastinet.testing.archives import train_tar

JPEG = b"\xff\xd8\xff\xe0"
TRAIN = {
    "n01440764": {"n01440764_18.JPEG": JPEG + b"a" * 700, "n01440764_36.JPEG": JPEG},
    "n01443537": {"n01443537_2.JPEG": JPEG + b"b" * 508},
}
NOBODY = 65534  # the user of this name on Linux


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
@given(items=st.integers(1, 300), several=st.booleans(), companions=st.booleans())
def test_what_is_saved_is_loaded(
    tmp_path: Path, items: int, several: bool, companions: bool
) -> None:
    path = tmp_path / "x.fastinet"
    listing = make_listing(items, several=several, companions=companions)
    save_listing(path, IDENTITIES, listing)
    assert same(load_listing(path, IDENTITIES), listing)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "y.tar"}, "'y.tar', whose content is the same, was called 'x.tar'"),
        ({"size": 1025}, "had 1024 bytes when it was made and has 1025 now"),
        ({"names": "ef"}, "has other folders or files"),
        ({"probe": "ac"}, "other content"),
        ({"blocks": "cc"}, "other content"),
    ],
)
def test_a_stale_index_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "x.fastinet"
    made_of = [IDENTITIES[0]._replace(**{"names": "ed"} if "names" in change else {"blocks": "cb"})]
    save_listing(path, made_of, make_listing(7))
    with pytest.raises(UnusableSidecarError, match=message):
        load_listing(path, [made_of[0]._replace(**change)])
    with pytest.raises(UnusableSidecarError, match="it lists 1 archives, and these are 2"):
        load_listing(path, [*made_of, *made_of])
    # The time says nothing, and what an earlier version did not record is not compared.
    assert same(load_listing(path, [made_of[0]._replace(mtime_ns=6)]), make_listing(7))
    assert same(load_listing(path, IDENTITIES), make_listing(7))


@pytest.mark.parametrize(
    ("column", "row", "value", "message"),
    [
        ("labels", 3, 3, "a label is that of no class"),
        ("labels", 3, -2, "a label is that of no class"),
        ("item_split", 2, 2, "'item_split' has one beyond 0 to 2"),
        ("item_split", 2, -1, "'item_split' has one beyond 0 to 2"),
        ("item_archive", 0, 1, "'item_archive' has one beyond 0 to 1"),
        ("key_offsets", 0, 1, "its keys overlap"),
        ("key_offsets", 4, 2**63, "its keys overlap"),
        ("key_offsets", 7, 36, "its keys do not fill"),
    ],
)
def test_columns_that_contradict_each_other(
    tmp_path: Path, column: str, row: int, value: int, message: str
) -> None:
    """Though all checksums hold: anybody who can write beside an archive can make those."""
    path = tmp_path / "x.fastinet"
    listing = make_listing(7, several=True)
    wrong = getattr(listing, column).copy()
    wrong[row] = value
    save_listing(path, IDENTITIES, dataclasses.replace(listing, **{column: wrong}))
    with pytest.raises(UnusableSidecarError, match=message):
        load_listing(path, IDENTITIES)
    if column != "key_offsets":
        short = dataclasses.replace(listing, **{column: wrong[:-1]})
        save_listing(path, IDENTITIES, short)
        with pytest.raises(UnusableSidecarError, match="differ in length"):
            load_listing(path, IDENTITIES)


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


def test_an_index_that_other_rules_made_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Items may have other splits by them."""
    archive = tmp_path / "a.tar"
    archive.write_bytes(train_tar(TRAIN))
    with monkeypatch.context() as patched:
        patched.setattr(index, "RULES_VERSION", 1)
        dataset = open_archive(archive)
    assert dataset.index is not None
    with pytest.warns(FastinetWarning, match=r"other rules for items, labels and splits \(1, "):
        again = open_archive(archive)
    assert list(again.keys) == list(dataset.keys)
    open_archive(archive)  # in silence, for the new one is kept

"""Column files, on the index, which is one: any damage is found, nothing is half written."""

from __future__ import annotations

import concurrent.futures
import contextlib
import errno
import os
import pickle
import struct
import tracemalloc
import zlib
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.listings import IDENTITIES, make_listing, same

from fastinet.datasets.listing import Listing
from fastinet.errors import ReadError
from fastinet.items.index import load_listing, save_listing
from fastinet.sidecars import column_file
from fastinet.sidecars.column_file import LaterColumn, UnusableSidecarError


def test_columns_are_aligned_and_read_only(tmp_path: Path) -> None:
    path = tmp_path / "x.fastinet"
    save_listing(path, IDENTITIES, make_listing(1000, several=True))
    loaded = load_listing(path, IDENTITIES)
    for field in fields(Listing):
        column = getattr(loaded, field.name)
        if isinstance(column, np.ndarray):
            assert column.ctypes.data % column.itemsize == 0
            assert not column.flags.writeable


def descriptors_of(path: Path) -> int:
    """How many of this process's descriptors are of the file at `path`."""
    wanted = path.stat()
    found = 0
    for name in Path("/dev/fd").iterdir():
        with contextlib.suppress(OSError):
            status = os.fstat(int(name.name))
            found += (status.st_dev, status.st_ino) == (wanted.st_dev, wanted.st_ino)
    return found


def test_columns_stay_when_the_file_is_cut(tmp_path: Path) -> None:
    """Where a mapping would end the process. Keys that nobody had asked for are refused."""
    path = tmp_path / "x.fastinet"
    listing = make_listing(10_000)
    for asked in (True, False):
        save_listing(path, IDENTITIES, listing)
        loaded = load_listing(path, IDENTITIES)
        if asked:
            assert same(loaded, listing)
        os.truncate(path, 64)
        if asked:
            assert same(loaded, listing)
            continue
        assert same(replace(loaded, key_text=listing.key_text), listing)
        for _ in range(2):
            with pytest.raises(
                ReadError, match=r"written to while it was in use.*open the archive"
            ):
                loaded.key_bytes.tobytes()


def test_a_later_column_is_read_once_from_the_file_that_was_checked(tmp_path: Path) -> None:
    path = tmp_path / "x.fastinet"
    listing = make_listing(1000)
    save_listing(path, IDENTITIES, listing)
    loaded = load_listing(path, IDENTITIES)
    assert isinstance(loaded.key_text, LaterColumn)
    assert len(loaded.key_text) == len(listing.key_bytes)
    aside = tmp_path / "aside"
    path.rename(aside)
    save_listing(path, IDENTITIES, make_listing(999))
    assert descriptors_of(aside) == 1
    child = os.fork()
    if child == 0:  # which shares the file's position, and changes nothing of it
        os._exit(loaded.key_bytes.tobytes() != listing.key_bytes.tobytes())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    sent = pickle.loads(pickle.dumps(loaded.key_text))  # noqa: S301
    assert np.array_equal(sent, listing.key_bytes)
    assert descriptors_of(aside) == 0, "it has been read"
    assert loaded.key_bytes is loaded.key_bytes
    assert np.array_equal(loaded.key_bytes, listing.key_bytes)
    assert not loaded.key_bytes.flags.writeable
    unread = load_listing(path, IDENTITIES)
    assert descriptors_of(path) == 1
    del unread
    assert descriptors_of(path) == 0


def test_threads_that_ask_for_a_later_column_at_once(tmp_path: Path) -> None:
    path = tmp_path / "x.fastinet"
    listing = make_listing(20_000)
    save_listing(path, IDENTITIES, listing)
    for _ in range(20):
        loaded = load_listing(path, IDENTITIES)

        def ask(listing: Listing = loaded) -> bytes:
            return listing.key_bytes.tobytes()

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            texts = [pool.submit(ask) for _ in range(8)]
        assert {text.result() for text in texts} == {listing.key_bytes.tobytes()}
    assert descriptors_of(path) == 0


def test_loading_takes_memory_once(tmp_path: Path) -> None:
    path = tmp_path / "x.fastinet"
    save_listing(path, IDENTITIES, make_listing(300_000))
    file_bytes = path.stat().st_size
    assert file_bytes > 10_000_000
    tracemalloc.start()
    try:
        loaded = load_listing(path, IDENTITIES)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(loaded.labels) == 300_000
    assert peak < file_bytes + 1_000_000


def test_each_flipped_byte_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.fastinet"
    save_listing(path, IDENTITIES, make_listing(7, several=True))
    sound = path.read_bytes()
    for position in range(len(sound)):
        damaged = bytearray(sound)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(UnusableSidecarError, match=r"damaged|format version"):
            load_listing(path, IDENTITIES)


def refused_or_unchanged(path: Path, data: bytes, listing: Listing) -> bool:
    """Whether the index whose bytes are `data` is refused; else it must hold just `listing`."""
    path.write_bytes(data)
    try:
        found = load_listing(path, IDENTITIES)
    except UnusableSidecarError as error:
        assert str(error).startswith(("is damaged", "has format version"))  # noqa: PT017
        return True
    assert same(found, listing)
    return False


def header_end(data: bytes) -> int:
    return 64 + int.from_bytes(data[16:24], "little")


@pytest.mark.parametrize(
    ("offset", "is_sound"), [(0, True), (64, True), (128, False), (32, False), (65, False)]
)
def test_columns_lie_within_the_file_and_aligned(offset: int, is_sound: bool) -> None:
    """Of 64 bytes in a file of 128; checksums prove nothing of a file that somebody made."""
    table = {"a": column_file._Column("<i8", 8, offset, 0)}
    form = column_file.ColumnFileForm(b"x" * 8, {"a": "<i8"})
    with (
        contextlib.nullcontext() if is_sound else pytest.raises(UnusableSidecarError, match="askew")
    ):
        column_file._check_table(table, form, 128)


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
        with pytest.raises(UnusableSidecarError, match="damaged"):
            load_listing(path, IDENTITIES)
    path.write_bytes(sound + b"\0")
    with pytest.raises(UnusableSidecarError, match="damaged"):
        load_listing(path, IDENTITIES)


def test_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.fastinet"
    with monkeypatch.context() as patch:
        patch.setattr(column_file, "FORMAT_VERSION", 99)
        save_listing(path, IDENTITIES, make_listing(7))
    with pytest.raises(UnusableSidecarError, match="format version 99, and this fastinet reads"):
        load_listing(path, IDENTITIES)


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

"""Gzipped tars: entered anywhere, they give what the plain tar gives; damage is refused."""

from __future__ import annotations

import gzip
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.gzipped import assert_is_plain, log_of, noise, obtain, train_bytes, write

import fastinet
from fastinet.errors import CorruptError
from fastinet.testing.archives import END, entry, tar, train_tar
from fastinet.testing.gzips import bgzip, gzip_members

pytestmark = pytest.mark.usefixtures("own_cache")


# ------------------------------------------------------------------------- what the index gives


@settings(max_examples=30)
@given(
    seed=st.integers(0, 1000),
    sizes=st.lists(st.integers(0, 90_000), min_size=1, max_size=8),
    repeated=st.sampled_from([0.0, 0.05, 0.6]),
    cuts=st.lists(st.integers(0, 400_000), max_size=3),
    levels=st.lists(st.integers(0, 9), min_size=1, max_size=3),
    padding=st.sampled_from([0, 1, 512, 70_000]),
    chunk_bytes=st.integers(1, 200_000),
    format_=st.sampled_from([0, 1, 2]),
)
def test_any_tar_in_any_gzip(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    sizes: list[int],
    repeated: float,
    cuts: list[int],
    levels: list[int],
    padding: int,
    chunk_bytes: int,
    format_: Any,
) -> None:
    folder = tmp_path_factory.mktemp("any")
    members = {
        f"{'long' * (i * 20)}/{i}": noise(size, seed, repeated) for i, size in enumerate(sizes)
    }
    data = tar(members, format=1 if format_ == 0 else format_)
    plain = write(folder / "t.tar", data)
    path = write(folder / "t.tar.gz", gzip_members(data, cuts, levels) + bytes(padding))
    index = obtain(path, chunk_bytes=chunk_bytes)
    assert_is_plain(index, path, plain)
    before = log_of(path).read_bytes()
    again = obtain(path, progress=lambda *_: pytest.fail("built again"))
    np.testing.assert_array_equal(again.offsets, index.offsets)
    assert log_of(path).read_bytes() == before


def test_bgzip(tmp_path: Path) -> None:
    data = train_bytes()
    plain = write(tmp_path / "t.tar", data)
    path = write(tmp_path / "t.tar.gz", bgzip(data))
    index = obtain(path)
    assert_is_plain(index, path, plain)


def test_header_fields(tmp_path: Path) -> None:
    data = train_bytes()
    plain = write(tmp_path / "t.tar", data)
    body = gzip.compress(data, mtime=0)[10:]
    fields = struct.pack("<H", 5) + b"extra" + b"name\0" + b"comment\0"
    head = b"\x1f\x8b\x08\x1e" + bytes(4) + b"\0\x03" + fields
    crc = struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    path = write(tmp_path / "t.tar.gz", head + crc + body)
    assert_is_plain(obtain(path), path, plain)
    log_of(path).unlink()
    write(path, head + bytes([crc[0] ^ 1, crc[1]]) + body)
    with pytest.raises(CorruptError, match="checksum of a gzip header"):
        obtain(path)


def test_stretches(tmp_path: Path) -> None:
    path = write(tmp_path / "t.tar.gz", gzip.compress(train_bytes()))
    index = obtain(path)
    assert len(index.offsets) > 4
    offsets = index.members().offsets
    for offset, stretch in zip(offsets, index.stretches(offsets), strict=True):
        assert index.offsets[stretch] <= offset
        assert stretch == len(index.offsets) - 1 or offset < index.offsets[stretch + 1]


# ------------------------------------------------------------------------------------- bad input


def test_cut_at_every_byte(tmp_path: Path) -> None:
    whole = gzip.compress(train_tar({"n00000001": {"n00000001_1.JPEG": noise(60, 1)}}), mtime=0)
    path = tmp_path / "t.tar.gz"
    for cut in range(len(whole)):
        write(path, whole[:cut])
        with pytest.raises(CorruptError, match=r"truncated|the file is empty") as caught:
            obtain(path)
        assert caught.value.offset == cut
        assert caught.value.archive == str(path)
        assert not log_of(path).exists() or b"CHNK" in log_of(path).read_bytes()
    write(path, whole)
    assert len(obtain(path).members().offsets) == 1


def test_a_tar_that_was_cut_before_it_was_compressed(tmp_path: Path) -> None:
    """The gzip file is sound, so that only the tar in it shows where the data end."""
    whole = train_tar(
        {f"n0000000{name}": {f"n0000000{name}_1.JPEG": noise(60_000, name)} for name in range(4)}
    )
    for cut in [*range(20_000, len(whole) - 1024, 5_120), 100_001]:
        path = write(tmp_path / f"{cut}.tar.gz", gzip.compress(whole[:cut], 1))
        with pytest.raises(CorruptError, match="in the inflated data: truncated") as caught:
            obtain(path)
        assert caught.value.offset == cut
        assert caught.value.archive == str(path)
        assert caught.value.member is None or caught.value.member.startswith("n0000000")


def test_cut_in_a_long_archive(tmp_path: Path) -> None:
    """The chunks that were good stay; they are never taken for the whole."""
    whole = gzip.compress(train_bytes())
    path = write(tmp_path / "t.tar.gz", whole[:-50_000])
    for _ in range(2):
        with pytest.raises(CorruptError, match="truncated: the gzip data end within a member"):
            obtain(path, chunk_bytes=20_000)
        assert log_of(path).exists()


@pytest.mark.parametrize(
    ("place", "message"),
    [(-8, "CRC-32"), (-5, "CRC-32"), (-4, "length that a member states"), (-1, "length that")],
)
def test_wrong_trailers(tmp_path: Path, place: int, message: str) -> None:
    data = bytearray(gzip.compress(train_bytes()))
    data[place] ^= 1
    path = write(tmp_path / "t.tar.gz", bytes(data) + gzip.compress(b""))
    with pytest.raises(CorruptError, match=message) as caught:
        obtain(path)
    assert caught.value.offset is not None
    assert abs(caught.value.offset - len(data)) <= 8


def test_what_follows_the_data(tmp_path: Path) -> None:
    data = train_bytes()
    plain = write(tmp_path / "t.tar", data)
    whole = gzip.compress(data)
    path = write(tmp_path / "t.tar.gz", whole + bytes(100_000))
    assert_is_plain(obtain(path), path, plain)
    for tail in (b"garbage", b"\x1f\x8bgarbage", bytes(70_000) + b"x", b"\x1f", noise(99, 1)):
        write(path, whole + tail)
        log_of(path).unlink(missing_ok=True)
        with pytest.raises((CorruptError, fastinet.errors.UnsupportedError)) as caught:
            obtain(path)
        assert caught.value.offset is not None
        assert caught.value.offset >= len(whole)


def test_damage_in_the_middle(tmp_path: Path) -> None:
    """Flipped bits are found by deflate, by the CRC, or by the tar; never passed over."""
    whole = gzip.compress(train_bytes(), mtime=0)
    path = tmp_path / "t.tar.gz"
    rng = random.Random(5)
    for _ in range(40):
        data = bytearray(whole)
        data[rng.randrange(10, len(data) - 8)] ^= 1 << rng.randrange(8)
        write(path, bytes(data))
        log_of(path).unlink(missing_ok=True)
        with pytest.raises((CorruptError, fastinet.errors.TooLargeError)) as caught:
            obtain(path, chunk_bytes=50_000)
        assert caught.value.offset is not None


def test_a_damaged_tar_header(tmp_path: Path) -> None:
    """Its place is told in the inflated data, and again when the pass goes on."""
    good = [entry(f"n00000001/{i}.JPEG", noise(30_000, i)) for i in range(9)]
    at = sum(len(each) for each in good[:6])
    bad = bytearray(b"".join(good) + END)
    bad[at + 100] ^= 0xFF
    path = write(tmp_path / "t.tar.gz", gzip.compress(bytes(bad)))
    for _ in range(2):
        with pytest.raises(CorruptError, match=r"in the inflated data: .*header") as caught:
            obtain(path, chunk_bytes=20_000)
        assert caught.value.offset == at
        assert log_of(path).exists()


def test_what_is_no_tar(tmp_path: Path) -> None:
    for content, message in ((b"text" * 1000, "not a tar"), (b"", "the file is empty")):
        path = write(tmp_path / "t.tar.gz", gzip.compress(content))
        with pytest.raises(CorruptError, match=message):
            fastinet.open(path)
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["t.tar.gz"]


def test_long_names_and_headers_across_pieces(tmp_path: Path) -> None:
    """Extended headers longer than what the pass inflates at once; two at a time."""
    name = "n00000001/" + "x" * 3000
    comment = {"comment": "y" * 300_000}
    data = b"".join(
        entry(f"{name}{i}", noise(50_000, i), format=2, pax_headers=comment) for i in range(4)
    )
    plain = write(tmp_path / "t.tar", data + END)
    path = write(tmp_path / "t.tar.gz", gzip.compress(data + END))
    assert_is_plain(obtain(path, chunk_bytes=1), path, plain)

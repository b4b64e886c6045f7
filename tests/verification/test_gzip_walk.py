"""The members of a damaged gzip archive are those that lie whole before the damage."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support.small_train import write

from fastinet._native import _scan
from fastinet.errors import CorruptError, MissingError, ReadError
from fastinet.testing.archives import tar
from fastinet.verification import gzip_walk
from fastinet.verification.gzip_walk import join_members, walk_gzip

if TYPE_CHECKING:
    from pathlib import Path

JPEG = b"\xff\xd8\xff"


def members() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    return {
        f"n01440764_{number}.JPEG": b"\xff\xd8\xff" + rng.bytes(100_000) for number in range(60)
    }


def names_of(found: _scan.Members) -> list[str]:
    ends = [0, *found.name_ends.tolist()]
    text = found.names.tobytes().decode()
    return [text[start:end] for start, end in itertools.pairwise(ends)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "n01440764.tar.gz"
    path.write_bytes(gzip.compress(tar(members()), 1, mtime=0))
    return path


def test_a_sound_archive_has_the_members_of_its_tar(path: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain.tar"
    plain.write_bytes(tar(members()))
    found, errors = walk_gzip(path, "n01440764")
    expected = _scan.scan(plain, "n01440764")
    assert errors == []
    for ours, theirs in zip(found, expected, strict=True):
        assert np.array_equal(ours, theirs) if isinstance(ours, np.ndarray) else ours == theirs


@pytest.mark.parametrize("share", [0.2, 0.5, 0.99])
def test_what_lies_before_a_cut(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    found, errors = walk_gzip(path)
    names = names_of(found)
    assert names == list(members())[: len(names)]
    assert len(names) == whole_in(path.read_bytes())
    assert 60 * share - 2 < len(names) <= 60 * share
    (error,) = errors
    assert isinstance(error, CorruptError)
    assert error.archive == str(path)


def test_what_lies_before_damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = b"\xff" * (len(data) - len(data) // 2)
    path.write_bytes(data)
    found, errors = walk_gzip(path)
    assert 28 < len(found.offsets) <= 30
    assert len(errors) == 1


def inflated_of(data: bytes) -> bytes:
    """What comes of the data before they are damaged or end, byte for byte."""
    inflater, found = zlib.decompressobj(wbits=31), bytearray()
    for start in range(0, len(data), 4096):
        piece, before = data[start : start + 4096], inflater.copy()
        try:
            found += inflater.decompress(piece)
        except zlib.error:  # a call that fails gives nothing
            with contextlib.suppress(zlib.error):
                for byte in range(len(piece)):
                    found += before.decompress(piece[byte : byte + 1])
            break
    return bytes(found)


def whole_in(data: bytes) -> int:
    """How many of the members are whole in the gzip data, which may be cut or damaged."""
    count = len(inflated_of(data))
    ends = np.cumsum([512 + 512 * -(-len(content) // 512) for content in members().values()])
    contents = [len(content) for content in members().values()]
    padding = np.array([-length % 512 for length in contents])
    return int(np.count_nonzero(ends - padding <= count))


SMALL = {
    f"n01440764_{number}.JPEG": JPEG + bytes([number]) * (300 * number) for number in range(12)
}


@pytest.mark.parametrize("level", [0, 1, 9])
@pytest.mark.parametrize("nested", [False, True])
def test_nothing_before_the_damage_is_lost(tmp_path: Path, level: int, nested: bool) -> None:
    """Wherever the data end or are wrong: all members are there whose last byte is."""
    plain = tar({"n01440764.tar": tar(SMALL), "n01440764_99.JPEG": JPEG}) if nested else tar(SMALL)
    expected = _scan.scan(write(tmp_path / "plain.tar", plain))
    last_bytes = (expected.offsets + expected.sizes).tolist()
    data = gzip.compress(plain, level, mtime=0)
    path = tmp_path / "n.tar.gz"
    for place in np.random.default_rng(level).integers(20, len(data) - 8, 25).tolist():
        for damaged in (data[:place], data[:place] + b"\xff" * (len(data) - place)):
            found, errors = walk_gzip(write(path, damaged))
            inflated = inflated_of(damaged)
            if plain.startswith(inflated):  # else it says so only later
                whole = [
                    name
                    for name, end in zip(names_of(expected), last_bytes, strict=True)
                    if end <= len(inflated)
                ]
                assert names_of(found) == whole
            assert len(errors) == 1


def test_the_members_behind_the_last_seek_point_have_their_containers(tmp_path: Path) -> None:
    """The pass stops between seek points; what is behind the last one belongs to its tar."""
    inner = {f"n0144076{number}.tar": tar(members()) for number in (4, 5)}
    data = gzip.compress(tar(inner), 1, mtime=0)
    found, _ = walk_gzip(write(tmp_path / "x.tar.gz", data[: 3 * len(data) // 4]))
    assert found.container_names == [*inner]
    assert np.bincount(found.containers).tolist() == [60, len(found.sizes) - 60]
    assert names_of(found)[-1].startswith("n01440765/")


def test_steps_and_collections_do_not_matter(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long archive is walked in parts, which are joined."""
    whole, _ = walk_gzip(path)
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(gzip_walk, "_STEP_BYTES", 500_000)
    monkeypatch.setattr(gzip_walk, "_STEPS_AT_ONCE", 2)
    parts, errors = walk_gzip(path, "", lambda done, total: told.append((done, total)))
    assert errors == []
    for ours, theirs in zip(parts, whole, strict=True):
        assert np.array_equal(ours, theirs) if isinstance(ours, np.ndarray) else ours == theirs
    size = path.stat().st_size
    assert len(told) > 5
    assert told == sorted(told)
    assert told[-1] == (size, size)


def test_joining_adds_up(tmp_path: Path) -> None:
    parts = []
    for number, names in enumerate((["a", "bcd"], [], ["ef"])):
        path = tmp_path / f"{number}.tar"
        path.write_bytes(tar({name: name.encode() for name in names}))
        parts.append(_scan.scan(path)._replace(special_entries=number + 1))
    joined = join_members(parts)
    assert names_of(joined) == ["a", "bcd", "ef"]
    assert joined.sizes.tolist() == [1, 3, 2]
    assert joined.special_entries == 6
    assert joined.name_ends.dtype == np.uint64


def test_a_file_that_cannot_be_read_is_no_damage(tmp_path: Path) -> None:
    with pytest.raises((MissingError, ReadError)):
        walk_gzip(tmp_path / "nowhere.tar.gz")

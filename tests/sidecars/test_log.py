"""Logs by themselves, as a small kind of their own: what is taken up, refused and left alone."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastinet.errors import ReadError
from fastinet.sidecars.identity import fastinet_version
from fastinet.sidecars.log import Log, LogForm
from fastinet.sidecars.schema import Count, UnusableSidecarError


@dataclass(frozen=True)
class ToyHeader:
    """What the JSON of a toy log holds."""

    number: Count


MAGIC, VERSION, MOST = b"TOY LOG\0", 3, 200
FORM = LogForm("toy log", MAGIC, VERSION, MOST, ToyHeader)
FIXED_BYTES = 8 + 3 * 4
ENTRY = struct.Struct("<II")  # length and CRC-32 of what follows


class ToyLog(Log):
    """A log of texts."""

    def __init__(self, *places: Path, number: int = 7) -> None:
        self.number = number
        super().__init__(places, FORM, "train.tar", {"number": number}, "go elsewhere")

    def append(self, text: bytes) -> None:
        self._append(ENTRY.pack(len(text), zlib.crc32(text)) + text)

    def _resume(self) -> None:
        self.taken: list[bytes] = []
        super()._resume()

    def _check_header(self, header: ToyHeader) -> None:
        if header.number != self.number:
            raise UnusableSidecarError("is stale")

    def _take_over(self, start: int) -> int:
        rest = self.path.read_bytes()[start:]
        while len(rest) >= ENTRY.size:
            length, crc = ENTRY.unpack_from(rest)
            text = rest[ENTRY.size : ENTRY.size + length]
            if len(text) < length or zlib.crc32(text) != crc:
                break
            self.taken.append(text)
            start += ENTRY.size + length
            rest = rest[ENTRY.size + length :]
        return start


TEXTS = [b"one", b"", b"three" * 20, b"four"]


def write_log(path: Path, texts: list[bytes] = TEXTS) -> bytes:
    """The bytes of the log of `texts`, which is at `path` afterwards."""
    with contextlib.closing(ToyLog(path)) as log:
        for text in texts:
            log.append(text)
    return path.read_bytes()


def expected_log(texts: list[bytes]) -> bytes:
    """The same bytes, by the words of the format."""
    told = json.dumps({"fastinet": fastinet_version(), "number": 7}).encode()
    log = MAGIC + struct.pack("<III", VERSION, zlib.crc32(told), len(told)) + told
    return log + b"".join(struct.pack("<II", len(t), zlib.crc32(t)) + t for t in texts)


@contextlib.contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file grows beyond `size` bytes meanwhile: writes fail as they do on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# --------------------------------------------------------------------------------------- headers


def read_header(path: Path, data: bytes) -> tuple[ToyHeader, int]:
    path.write_bytes(data)
    with path.open("rb") as file:
        file.seek(5)  # wherever the file is
        return FORM.read_header(file)


@given(st.integers(0, 2**63 - 1))
def test_a_header_comes_back(tmp_path_factory: pytest.TempPathFactory, number: int) -> None:
    data = FORM.header({"number": number})
    path = tmp_path_factory.getbasetemp() / "toy"
    assert read_header(path, data + b"chunks") == (ToyHeader(number), len(data))


def test_every_damaged_byte_of_a_header_is_found(tmp_path: Path) -> None:
    data = FORM.header({"number": 7})
    for position in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[position] ^= 1 << bit
            in_version = 8 <= position < 12
            message = "format version" if in_version else "is damaged"
            with pytest.raises(UnusableSidecarError, match=message):
                read_header(tmp_path / "toy", bytes(damaged) + bytes(300))


def test_a_header_that_was_cut_is_found(tmp_path: Path) -> None:
    data = FORM.header({"number": 7})
    with pytest.raises(FileNotFoundError):  # begun, and never written
        read_header(tmp_path / "toy", b"")
    for cut in range(1, len(data)):
        with pytest.raises(UnusableSidecarError, match="is damaged"):
            read_header(tmp_path / "toy", data[:cut])


def with_json(text: bytes, *, magic: bytes = MAGIC, version: int = VERSION) -> bytes:
    """A header whose checksum is right."""
    return magic + struct.pack("<III", version, zlib.crc32(text), len(text)) + text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"T", "is damaged or no toy log at all"),
        (with_json(b'{"number": 7}', magic=b"TOY LOGS"), "is damaged or no toy log at all"),
        (with_json(b'{"number": 7}' + b" " * MOST), "is damaged or no toy log at all"),
        (with_json(b'{"number": 7}', version=4), "has format version 4, and .* reads 3"),
        (with_json(b'{"number": 7}', version=2), "has format version 2, and .* reads 3"),
        (with_json(b'{"number": -7}'), "'number' is -7"),
        (with_json(b'{"number": "7"}'), "'number' is \"7\""),
        (with_json(b"{}"), "it lacks 'number'"),
        (with_json(b"[7]"), "no JSON object"),
        (with_json(b"{"), "no JSON"),
    ],
)
def test_what_is_no_header_of_this_kind(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(UnusableSidecarError, match=message):
        read_header(tmp_path / "toy", data)


# ------------------------------------------------------------------------------------- appending


def test_the_format(tmp_path: Path) -> None:
    assert write_log(tmp_path / "toy") == expected_log(TEXTS)


def test_a_log_goes_on_where_it_ended(tmp_path: Path) -> None:
    whole = expected_log(TEXTS)
    for split in range(len(TEXTS) + 1):
        path = tmp_path / str(split)
        write_log(path, TEXTS[:split])
        with contextlib.closing(ToyLog(path)) as log:
            assert log.taken == TEXTS[:split]
            for text in TEXTS[split:]:
                log.append(text)
        assert path.read_bytes() == whole


def test_what_was_appended_is_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last thing that happens is that all of it is written through."""
    path = tmp_path / "toy"
    synced: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda _descriptor: synced.append(path.read_bytes()))
    with contextlib.closing(ToyLog(path)) as log:
        assert synced == [expected_log([])]
        for count, text in enumerate(TEXTS, start=1):
            log.append(text)
            assert synced[-1] == path.read_bytes() == expected_log(TEXTS[:count])
            assert len(synced) == 1 + count


# ------------------------------------------------------------------- what does not fit, and tails


def test_a_cut_log_goes_on_behind_its_last_whole_chunk(tmp_path: Path) -> None:
    path = tmp_path / "toy"
    whole = write_log(path)
    ends = [len(expected_log(TEXTS[:count])) for count in range(len(TEXTS) + 1)]
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        kept = max(0, sum(end <= cut for end in ends) - 1)
        with contextlib.closing(ToyLog(path)) as log:
            assert log.taken == TEXTS[:kept]
            assert path.read_bytes() == expected_log(TEXTS[:kept])
            for text in TEXTS[kept:]:
                log.append(text)
        assert path.read_bytes() == whole


@pytest.mark.parametrize("tail", [b"\0", b"garbage" * 30])
def test_a_tail_that_is_no_chunk_is_cut_off(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "toy"
    whole = write_log(path)
    path.write_bytes(whole + tail)
    with contextlib.closing(ToyLog(path)) as log:
        assert log.taken == TEXTS
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "there",
    [
        b"",
        b"something else",
        bytes(1000),
        with_json(b'{"number": 7}', version=2),
        with_json(b'{"number": 8}'),
    ],
)
def test_a_new_file_takes_the_place_of_what_does_not_fit(tmp_path: Path, there: bytes) -> None:
    """Who reads the old one keeps its bytes."""
    path = tmp_path / "toy"
    path.write_bytes(there)
    with path.open("rb") as reader, contextlib.closing(ToyLog(path)) as log:
        assert log.taken == []
        log.append(b"one")
        assert path.read_bytes() == expected_log([b"one"])
        assert reader.read() == there


# -------------------------------------------------------------------------------- other processes


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


def shorten(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


@pytest.mark.parametrize("change", [grow, shorten, replace])
def test_a_log_that_another_process_wrote_to_is_left_alone(tmp_path: Path, change) -> None:
    path = tmp_path / "toy"
    with contextlib.closing(ToyLog(path)) as log:
        log.append(b"one")
        change(path)
        changed = path.read_bytes()
        with pytest.raises(ReadError, match="was changed by another process") as caught:
            log.append(b"two")
    assert str(path) in str(caught.value)
    assert path.read_bytes() == changed


def test_a_log_that_was_removed_does_not_come_back(tmp_path: Path) -> None:
    path = tmp_path / "toy"
    with contextlib.closing(ToyLog(path)) as log:
        path.unlink()
        with pytest.raises(ReadError, match="was changed by another process"):
            log.append(b"one")
    assert not path.exists()


# ------------------------------------------------------------------------- full disks


def test_a_full_disk_keeps_what_was_done(tmp_path: Path) -> None:
    """However much of the chunk had room: none of it stays, and the same log goes on."""
    start, whole = len(expected_log([b"one"])), expected_log([b"one", b"two" * 9])
    for size in range(start, len(whole)):
        path = tmp_path / f"toy{size}"
        with contextlib.closing(ToyLog(path)) as log:
            log.append(b"one")
            with room_for(size), pytest.raises(ReadError, match="holds so far is good") as caught:
                log.append(b"two" * 9)
            assert f"'{path}' cannot be written: " in str(caught.value)
            assert path.read_bytes() == expected_log([b"one"])
            log.append(b"two" * 9)
        assert path.read_bytes() == whole


@pytest.mark.parametrize("size", [0, 10, FIXED_BYTES + 5])
def test_a_header_without_room_leaves_no_file(tmp_path: Path, size: int) -> None:
    path = tmp_path / "toy"
    with room_for(size), pytest.raises(ReadError, match="the toy log cannot be written"):
        ToyLog(path)
    assert not path.exists()


def test_the_first_folder_that_can_be_written_has_the_log(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    bad, good = tmp_path / "file" / "toy", tmp_path / "new" / "folder" / "toy"
    with contextlib.closing(ToyLog(bad, good, tmp_path / "last")) as log:
        assert log.path == good
    assert good.read_bytes() == expected_log([])
    assert not (tmp_path / "last").exists()
    with pytest.raises(ReadError, match="the toy log cannot be written") as caught:
        ToyLog(bad, tmp_path / "file" / "other")
    assert caught.value.archive == "train.tar"
    assert f"('{bad}': File exists); go elsewhere" in str(caught.value)  # a folder once
    with pytest.raises(ReadError, match="not to be kept anywhere, since index= was False"):
        ToyLog()


def test_a_log_that_was_begun_comes_before_a_better_place(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    write_log(second)
    first.write_bytes(b"something else")
    with contextlib.closing(ToyLog(first, second)) as log:
        assert (log.path, log.taken) == (second, TEXTS)
    second.unlink()
    with contextlib.closing(ToyLog(first, second)) as log:
        assert (log.path, log.taken) == (first, [])


class LastingToyLog(ToyLog):
    """One that is of use without a file."""

    may_stay_in_memory = True


def test_a_log_without_a_place_is_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for places in ((), (tmp_path / "file" / "toy",)):
        with contextlib.closing(LastingToyLog(*places)) as log:
            for text in TEXTS:
                log.append(text)
            assert log.path is None
            assert log.content_in_memory() == expected_log(TEXTS)
            assert bool(log.not_kept) == bool(places)


def test_a_full_disk_leaves_the_rest_to_memory(tmp_path: Path) -> None:
    start, whole = len(expected_log([b"one"])), expected_log([b"one", b"two" * 9, b"three"])
    for size in range(start, start + 20):
        path = tmp_path / f"toy{size}"
        with contextlib.closing(LastingToyLog(path)) as log:
            log.append(b"one")
            with room_for(size):
                log.append(b"two" * 9)
            log.append(b"three")
            assert log.path is None
            assert log.content_in_memory() == whole
            assert f"'{path}': File too large" in log.not_kept
        assert path.read_bytes() == expected_log([b"one"])
        with contextlib.closing(LastingToyLog(path)) as log:
            assert log.taken == [b"one"]

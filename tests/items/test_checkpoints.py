"""The checkpoint index on disk: cut, damaged, stale, locked, or without room; never a wrong row."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from support.checkpointed import (
    assert_same_rows,
    rows_of,
    small_images,
    without_checkpoints,
    write_archive,
)

import fastinet
from fastinet.cli import main
from fastinet.errors import FastinetWarning, MissingError, ReadError
from fastinet.items import checkpoints
from fastinet.testing.archives import tar

ITEMS, CHUNK = 23, 5  # four whole chunks and a short one
CHUNK_HEAD = struct.Struct("<4sIQIQ")


pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, int]:
    """The bytes of an archive of `ITEMS` items, and the time that its copies get."""
    path = write_archive(tmp_path_factory.mktemp("log") / "train.tar", small_images(ITEMS))
    return path.read_bytes(), path.stat().st_mtime_ns


@pytest.fixture
def archive(made: tuple[bytes, int], tmp_path: Path) -> Path:
    """A copy, with an index and without checkpoints."""
    data, stamp = made
    path = tmp_path / "archive" / "train.tar"
    path.parent.mkdir()
    path.write_bytes(data)
    os.utime(path, ns=(stamp, stamp))
    fastinet.open(path)
    return path


def log_of(archive: Path) -> Path:
    return archive.with_name(archive.name + ".fastinet.checkpoints")


def build(archive: Path, **options: Any) -> checkpoints.Checkpoints:
    return fastinet.open(archive).build_checkpoints(**{"chunk_items": CHUNK, **options})


def opened(archive: Path) -> fastinet.Dataset:
    """The dataset of an archive whose index is stale, too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FastinetWarning)
        return fastinet.open(archive)


def found(archive: Path) -> checkpoints.Checkpoints:
    """What a dataset that is opened now finds; a warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", FastinetWarning)
        return fastinet.open(archive).checkpoints


def assert_rows_are_right(archive: Path, checkpointed: int) -> None:
    """All rows; `checkpointed` of them by way of checkpoints."""
    dataset = fastinet.open(archive)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FastinetWarning)
        ours = rows_of(dataset)
    assert ours.failures == {}
    assert ours.stats.regions["checkpoints"] == checkpointed
    assert_same_rows(ours, rows_of(without_checkpoints(dataset)))


def chunk_ends(log: bytes) -> list[int]:
    """Where the header ends, and each chunk after it, read by the words of the format."""
    magic, version, crc, length = struct.unpack_from("<8sIII", log)
    assert (magic, version) == (b"FASTCKPT", 1)
    ends = [20 + length]
    assert zlib.crc32(log[20 : ends[0]]) == crc
    while ends[-1] < len(log):
        head = CHUNK_HEAD.unpack_from(log, ends[-1])
        assert head[:1] == (b"CHNK",)
        table_end = ends[-1] + CHUNK_HEAD.size + 8 * head[3]
        assert zlib.crc32(log[ends[-1] + 8 : table_end]) == head[1]
        ends.append(table_end + head[4])
    assert ends[-1] == len(log)
    return ends


# ------------------------------------------------------------------------------------- resuming


def test_the_format(archive: Path) -> None:
    checkpoints = build(archive)
    log = log_of(archive).read_bytes()
    assert len(chunk_ends(log)) == 1 + 5
    header = json.loads(log[20 : chunk_ends(log)[0]])
    assert (header["items"], header["stride"]) == (ITEMS, 0)
    assert [entry["name"] for entry in header["archives"]] == ["train.tar"]
    assert (checkpoints.path, checkpoints.covered, checkpoints.stride) == (
        log_of(archive),
        ITEMS,
        0,
    )
    assert checkpoints.record_bytes < len(log)
    assert_rows_are_right(archive, ITEMS)


@given(rows=st.lists(st.integers(0, ITEMS - 1)), covered=st.integers(0, ITEMS))
def test_a_selection_has_the_checkpoints_of_its_items(rows: list[int], covered: int) -> None:
    of_item = np.arange(ITEMS, dtype=np.uint32)
    whole = checkpoints.Checkpoints(
        None, covered, 4, of_item.astype(np.uint64), of_item + 1, of_item + 2, np.zeros(0, np.uint8)
    )
    part = whole.take(np.array(rows, np.int64))
    assert part.covered == sum(row < covered for row in rows)
    assert part.stride == 4
    assert part.starts.tolist() == rows
    assert part.sizes.tolist() == [row + 1 for row in rows]
    assert part.header_bytes.tolist() == [row + 2 for row in rows]
    assert part.record_bytes == sum(rows) + len(rows)


def test_interrupted_at_every_chunk(archive: Path) -> None:
    build(archive)
    whole = log_of(archive).read_bytes()
    log_of(archive).unlink()

    class Interrupt(Exception):  # noqa: N818  # stands for any
        pass

    for stop in range(0, ITEMS, CHUNK):
        seen = []

        def progress(done: int, total: int, stop: int = stop, seen: list[Any] = seen) -> None:
            seen.append((done, total))
            if done == stop:
                raise Interrupt

        with pytest.raises(Interrupt):
            build(archive, progress=progress)
        assert seen[-1] == (stop, ITEMS)
        assert len(seen) <= 2  # it went on where it had been
        assert found(archive).covered == stop
        assert_rows_are_right(archive, stop)
    build(archive)
    assert log_of(archive).read_bytes() == whole
    seen = []
    stamp = log_of(archive).stat().st_mtime_ns
    build(archive, progress=lambda *report: seen.append(report))
    assert seen == [(ITEMS, ITEMS)]
    assert log_of(archive).stat().st_mtime_ns == stamp


def test_cut_at_every_byte(archive: Path) -> None:
    build(archive)
    whole = log_of(archive).read_bytes()
    ends = chunk_ends(whole)
    near = {end + step for end in ends for step in range(-3, 40)}
    for cut in sorted({*near, *range(0, len(whole), 97)} & set(range(len(whole)))):
        log_of(archive).write_bytes(whole[:cut])
        covered = min(ITEMS, CHUNK * (sum(end <= cut for end in ends) - 1)) if cut >= ends[0] else 0
        dataset = fastinet.open(archive)
        if cut in ends or not cut:
            assert found(archive).covered == covered
        else:
            with pytest.warns(FastinetWarning, match="cut off or damaged|is damaged"):
                assert dataset.checkpoints.covered == covered
        first_report = []
        build(archive, progress=lambda *report: first_report.append(report[0]))  # noqa: B023
        assert first_report[0] == covered
        assert log_of(archive).read_bytes() == whole
    assert_rows_are_right(archive, ITEMS)


def test_another_stride_begins_anew(archive: Path) -> None:
    """Readers of the old file keep it: bytes that they have mapped do not change."""
    build(archive)
    reader = fastinet.open(archive)
    before = reader.checkpoints.records.copy()
    assert build(archive, stride=2).stride == 2
    assert found(archive).record_bytes > reader.checkpoints.record_bytes
    np.testing.assert_array_equal(reader.checkpoints.records, before)
    assert rows_of(reader).stats.regions["checkpoints"] == ITEMS
    assert_rows_are_right(archive, ITEMS)


# -------------------------------------------------------------------------------------- damage


def test_every_damaged_byte(archive: Path) -> None:
    build(archive, chunk_items=12)
    whole = log_of(archive).read_bytes()
    ends = chunk_ends(whole)
    rng = np.random.default_rng(0)
    tables = [range(end, end + CHUNK_HEAD.size + 8 * 12) for end in ends[:-1]]
    for position in [*range(0, ends[0], 7), *tables[0][::3], *tables[1][:40]]:
        damaged = bytearray(whole)
        damaged[position] ^= int(rng.integers(1, 256))
        log_of(archive).write_bytes(damaged)
        covered = 0 if position < tables[1][0] else 12
        with pytest.warns(FastinetWarning, match="damaged|format version|stale"):
            checkpoints = fastinet.open(archive).checkpoints
        assert checkpoints.covered == covered
        build(archive, chunk_items=12)
        assert log_of(archive).read_bytes() == whole


def test_random_damage_of_records(archive: Path) -> None:
    build(archive)
    whole = np.frombuffer(log_of(archive).read_bytes(), np.uint8)
    first = chunk_ends(whole.tobytes())[0]
    rng = np.random.default_rng(0)
    theirs = rows_of(without_checkpoints(fastinet.open(archive)))
    fallbacks = 0
    for _ in range(60):
        damaged = whole.copy()
        for position in rng.integers(first, len(whole), 8):
            damaged[position] ^= 1 << int(rng.integers(8))
        log_of(archive).write_bytes(damaged.tobytes())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FastinetWarning)
            ours = rows_of(fastinet.open(archive))
        assert_same_rows(ours, theirs)
        fallbacks += ours.stats.fallbacks["checkpoints"]
    assert fallbacks > 60


def test_a_stale_index_is_passed_over(archive: Path) -> None:
    build(archive)
    os.utime(archive, ns=(1, 1))  # as a copy's
    assert found(archive).covered == ITEMS
    images = dict(reversed(small_images(ITEMS).items()))
    write_archive(archive, images)
    with pytest.warns(FastinetWarning, match="stale"):
        assert_rows_are_right(archive, 0)
    build(archive)
    assert found(archive).covered == ITEMS
    assert_rows_are_right(archive, ITEMS)


def test_other_content_of_equal_size_and_time(archive: Path) -> None:
    build(archive)
    stamp = archive.stat()
    data = bytearray(archive.read_bytes())
    data[1300] ^= 1  # in the first image
    archive.write_bytes(data)
    os.utime(archive, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    with pytest.warns(FastinetWarning, match=r"checkpoint index .* has other content"):
        assert opened(archive).checkpoints.covered == 0


def test_another_version_is_passed_over(archive: Path) -> None:
    build(archive)
    log = bytearray(log_of(archive).read_bytes())
    log[8] = 99
    log_of(archive).write_bytes(log)
    with pytest.warns(FastinetWarning, match="format version 99, and this fastinet reads 1"):
        assert fastinet.open(archive).checkpoints.covered == 0
    assert build(archive).covered == ITEMS


@pytest.mark.parametrize("content", [b"F", b"FASTCKPT", bytes(100), b"{}" * 500])
def test_no_index_at_all(archive: Path, content: bytes) -> None:
    log_of(archive).write_bytes(content)
    with pytest.warns(FastinetWarning, match="damaged or no checkpoint index at all"):
        assert fastinet.open(archive).checkpoints.covered == 0
    assert build(archive).covered == ITEMS


# ------------------------------------------------------------------------------ where it lies


def refuse_writing(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Makes `folder` refuse new files, for root too, whom permissions do not stop."""
    plain_open, plain_os_open = Path.open, os.open

    def refusing(self: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if self.parent == folder and mode[0] in "awx":
            raise PermissionError(13, "Permission denied", str(self))
        return plain_open(self, mode, *args, **kwargs)

    def os_refusing(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        if Path(path).parent == folder and flags & os.O_CREAT:
            raise PermissionError(13, "Permission denied", str(path))
        return plain_os_open(path, flags, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refusing)
    monkeypatch.setattr(os, "open", os_refusing)


def test_a_folder_that_cannot_be_written(
    archive: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_writing(monkeypatch, archive.parent)
    checkpoints = build(archive)
    assert checkpoints.path is not None
    assert own_cache in checkpoints.path.parents
    assert not log_of(archive).exists()
    assert_rows_are_right(archive, ITEMS)
    own_cache.rename(own_cache.with_name("gone"))
    own_cache.write_text("not a folder")
    with pytest.raises(ReadError, match=r"cannot be written .* denied.*Not a directory.*XDG_CACHE"):
        build(archive)


def test_a_good_index_in_a_folder_that_cannot_be_written(
    archive: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else made it: nothing to do. Where it is incomplete, the whole goes to the cache."""
    build(archive)
    whole = log_of(archive).read_bytes()
    with monkeypatch.context() as patches:
        refuse_writing(patches, archive.parent)
        assert build(archive).path == log_of(archive)
    assert not list(own_cache.glob("indexes/*.checkpoints"))
    log_of(archive).write_bytes(whole[: chunk_ends(whole)[2]])
    assert found(archive).covered == 2 * CHUNK
    refuse_writing(monkeypatch, archive.parent)
    checkpoints = build(archive)
    assert checkpoints.path != log_of(archive)
    assert found(archive).path == checkpoints.path
    assert_rows_are_right(archive, ITEMS)


def test_a_full_disk_keeps_what_was_done(archive: Path) -> None:
    """A limit on file sizes stops the process as a full disk does, in the middle of a chunk."""
    build(archive)
    whole = log_of(archive).read_bytes()
    ends = chunk_ends(whole)
    for limit in (10, ends[0] + 5, ends[2] - 1, ends[3] + 200):
        log_of(archive).unlink()
        script = (
            "import resource, sys, fastinet\n"
            "path, limit, chunk = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])\n"
            "dataset = fastinet.open(path)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))\n"
            "try:\n"
            "    dataset.build_checkpoints(chunk_items=chunk)\n"
            "except fastinet.errors.ReadError as error:\n"
            "    print(error)\n"
        )
        command = [sys.executable, "-c", script, str(archive), str(limit), str(CHUNK)]
        environment = {**os.environ, "XDG_CACHE_HOME": str(archive.parent / "no")}
        (archive.parent / "no").write_bytes(b"")
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        chunks = max(0, sum(end <= limit for end in ends) - 1)
        assert "cannot be written" in done.stdout
        if limit < ends[0]:
            assert not log_of(archive).exists()
            log_of(archive).touch()
        else:
            assert "what it holds so far is good" in done.stdout
            assert log_of(archive).read_bytes() == whole[: ends[chunks]]
            assert found(archive).covered == chunks * CHUNK
        build(archive)
        assert log_of(archive).read_bytes() == whole


def test_an_archive_that_vanishes_stops_the_pass(archive: Path) -> None:
    """Items that cannot be read are not taken for damaged ones; later they get their records."""
    dataset = fastinet.open(archive)
    data = archive.read_bytes()

    def progress(done: int, _: int) -> None:
        if done == CHUNK:
            os.truncate(archive, int(dataset.columns.offsets[CHUNK + 1]))

    with pytest.raises(ReadError, match=r"n01440764_6\.JPEG.*the file ends here"):
        dataset.build_checkpoints(chunk_items=CHUNK, progress=progress)
    stamp = json.loads(log_of(archive).read_bytes()[20:].split(b"CHNK")[0])["archives"][0]
    archive.write_bytes(data)
    os.utime(archive, ns=(stamp["mtime_ns"], stamp["mtime_ns"]))
    assert found(archive).covered == CHUNK
    build(archive)
    assert_rows_are_right(archive, ITEMS)


def test_a_folder_of_class_tars(tmp_path: Path) -> None:
    images = small_images(8)
    folder = tmp_path / "train"
    folder.mkdir()
    for number, wnid in enumerate(["n01440764", "n01443537"]):
        members = {f"{wnid}_{i}.JPEG": images[str(i)] for i in range(4 * number, 4 * number + 4)}
        (folder / f"{wnid}.tar").write_bytes(tar(members))
    checkpoints = build(folder)
    assert checkpoints.path == tmp_path / "train.fastinet.checkpoints"
    assert found(folder).covered == 8
    assert_rows_are_right(folder, 8)
    with (folder / "n01443537.tar").open("ab") as file:
        file.write(bytes(512))
    with pytest.warns(FastinetWarning, match=r"stale: archive 'n01443537\.tar' had"):
        assert opened(folder).checkpoints.covered == 0


def test_nonsense_is_refused(archive: Path) -> None:
    dataset = fastinet.open(archive)
    for arguments in ({"stride": -1}, {"threads": 0}, {"chunk_items": 0}, {"stride": 1.5}):
        with pytest.raises(ValueError, match=f"{next(iter(arguments))} must be"):
            dataset.build_checkpoints(**arguments)  # type: ignore[arg-type]
    assert not log_of(archive).exists()
    archive.unlink()
    with pytest.raises((MissingError, ReadError)):
        dataset.build_checkpoints()


# ----------------------------------------------------------------------------- the command line


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, ["index", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result


def test_the_command(archive: Path) -> None:
    assert "none; `fastinet index --checkpoints` makes them" in run(str(archive)).stdout
    facts = json.loads(run(str(archive), "--json").stdout)
    assert (facts["checkpoints"], facts["checkpointed_items"]) == (None, 0)
    text = run(str(archive), "--checkpoints", "--threads", "2").stdout.replace("\n", "")
    checkpoints = found(archive)
    assert f"{ITEMS} images, {checkpoints.record_bytes / ITEMS:.0f} bytes each" in text
    facts = json.loads(run(str(archive), "--json").stdout)
    assert facts["checkpoints"] == str(log_of(archive))
    assert facts["checkpointed_items"] == ITEMS
    assert facts["checkpoint_bytes"] == checkpoints.record_bytes
    run(str(archive), "--checkpoints", "--stride", "3")
    assert found(archive).stride == 3
    log = log_of(archive).read_bytes()
    log_of(archive).write_bytes(log[: chunk_ends(log)[0]])
    assert f"0 of {ITEMS} items so far" in run(str(archive)).stdout.replace("\n", "")


def test_interrupting_the_command(archive: Path) -> None:
    """Ctrl-C, sent when the second chunk has been written."""
    build(archive)
    whole = log_of(archive).read_bytes()
    log_of(archive).unlink()
    script = (
        "import functools, os, signal, sys\n"
        "from fastinet import Dataset, cli\nfrom fastinet.items import checkpoints\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored\n"
        "append = checkpoints.CheckpointLog.append\n"
        "def interrupted(self, chunk):\n"
        "    append(self, chunk)\n"
        f"    if self.covered == {2 * CHUNK}:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "checkpoints.CheckpointLog.append = interrupted\n"
        "build = Dataset.build_checkpoints\n"
        f"Dataset.build_checkpoints = functools.partialmethod(build, chunk_items={CHUNK})\n"
        "cli.main(sys.argv[1:])\n"
    )
    command = [sys.executable, "-c", script, "index", str(archive), "--checkpoints"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (1, -signal.SIGINT)
    assert "What was made is kept" in done.stderr
    assert "Traceback" not in done.stderr
    assert found(archive).covered == 2 * CHUNK
    build(archive)
    assert log_of(archive).read_bytes() == whole

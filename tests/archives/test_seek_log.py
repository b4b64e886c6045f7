"""The pass that makes a seek index: interrupted, cut or without room, it ends the same."""

from __future__ import annotations

import gzip
import hashlib
import os
import random
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from support.gzipped import SPACING, assert_is_plain, log_of, obtain, train_bytes, write

from fastinet._native import _scan
from fastinet.archives.seek_index import SeekIndex
from fastinet.errors import CorruptError, FastinetWarning, ReadError
from fastinet.testing.gzips import gzip_members

pytestmark = pytest.mark.usefixtures("own_cache")


def test_interrupted_anywhere(tmp_path: Path) -> None:
    """A pass that is stopped after random steps, again and again, ends like the unbroken one."""
    data = train_bytes()
    plain = write(tmp_path / "t.tar", data)
    path = write(tmp_path / "t.tar.gz", gzip_members(data, [100_000], [6]))
    unbroken = obtain(path)
    log_of(path).unlink()
    rng = random.Random(2)
    stops = 0
    while True:
        left = [rng.randint(1, 3)]

        def progress(done: int, total: int, left: list[int] = left) -> None:
            assert 0 <= done <= total == path.stat().st_size
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt

        try:
            index = obtain(path, progress=progress, chunk_bytes=30_000)
            break
        except KeyboardInterrupt:
            stops += 1
            assert stops < 100
    assert stops >= 3
    assert_is_plain(index, path, plain)
    np.testing.assert_array_equal(index.bit_offsets, unbroken.bit_offsets)
    np.testing.assert_array_equal(index.offsets, unbroken.offsets)
    for one, other in zip(windows(index), windows(unbroken), strict=True):
        assert one == other


def windows(index: SeekIndex) -> list[bytes]:
    return [
        zlib.decompress(index.windows[start : start + size]) if size else b""
        for start, size in zip(
            index.window_starts.tolist(), index.window_sizes.tolist(), strict=True
        )
    ]


def test_the_log_cut_anywhere(tmp_path: Path) -> None:
    """What is left of a log is either taken up or begun anew; the index is the same in the end."""
    data = train_bytes(size=9000)
    plain = write(tmp_path / "t.tar", data)
    path = write(tmp_path / "t.tar.gz", gzip.compress(data, mtime=0))
    obtain(path, chunk_bytes=20_000)
    whole = log_of(path).read_bytes()
    for cut in [*range(0, 400, 11), *random.Random(3).sample(range(len(whole)), 30)]:
        log_of(path).unlink()  # the last one may be mapped
        log_of(path).write_bytes(whole[:cut])
        if 0 < cut < 20:
            with pytest.warns(FastinetWarning, match="no seek index"):
                obtain(path, chunk_bytes=20_000)
        elif 20 <= cut < whole.index(b"CHNK"):
            with pytest.warns(FastinetWarning, match="checksum of its header"):
                obtain(path, chunk_bytes=20_000)
        else:
            obtain(path, chunk_bytes=20_000)
        assert_same_content(obtain(path), path, plain)


def assert_same_content(index: SeekIndex, path: Path, plain: Path) -> None:
    assert index.members().names.tobytes() == _scan.scan(plain).names.tobytes()
    assert index.open(path).read(0, index.size_bytes) == plain.read_bytes()


def test_every_damaged_byte_of_the_log(tmp_path: Path) -> None:
    """Never a wrong byte: it is noticed when the index is opened, or when a stretch is read."""
    data = train_bytes(size=9000)
    plain = write(tmp_path / "t.tar", data)
    path = write(tmp_path / "t.tar.gz", gzip.compress(data, mtime=0))
    obtain(path, chunk_bytes=20_000)
    whole = log_of(path).read_bytes()
    rng = random.Random(4)
    for place in [*range(0, 400, 9), *rng.sample(range(len(whole)), 50)]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.randrange(8)
        log_of(path).unlink(missing_ok=True)
        log_of(path).write_bytes(damaged)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FastinetWarning)
                index = obtain(path, chunk_bytes=20_000)
            assert_same_content(index, path, plain)
        except CorruptError as error:
            assert "window" in str(error)  # noqa: PT017
        except ReadError as error:
            assert "damaged: remove it" in str(error)  # noqa: PT017


def test_a_full_disk_keeps_what_was_done(tmp_path: Path) -> None:
    """A limit on file sizes stops writing as a full disk does, in the middle of a chunk.

    The pass goes on in memory, and the next one goes on from what is there.
    """
    data = train_bytes()
    plain = write(tmp_path / "t.tar", data)
    path = write(tmp_path / "t.tar.gz", gzip.compress(data))
    obtain(path, chunk_bytes=30_000)
    size = log_of(path).stat().st_size
    (tmp_path / "no").write_bytes(b"")
    script = (
        "import hashlib, pathlib, pickle, resource, sys\n"
        "from fastinet.archives.seek_log import obtain_seek_index\n"
        "from fastinet.sidecars.identity import identify_file\n"
        "path, limit, spacing = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))\n"
        "index = obtain_seek_index(\n"
        "    path, identify_file(path), spacing=spacing, chunk_bytes=30_000)\n"
        "assert index.path is None\n"
        "for index in (index, pickle.loads(pickle.dumps(index))):\n"
        "    data = index.open(path).read(0, index.size_bytes)\n"
        "    print(hashlib.md5(data).hexdigest(), index.members().names.tobytes())\n"
        "print(index.not_kept)\n"
    )
    for share in (0.0, 0.3, 0.7, 0.99):
        log_of(path).unlink()
        command = [sys.executable, "-c", script, str(path), str(int(size * share)), str(SPACING)]
        environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "no")}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        members = _scan.scan(plain).names.tobytes()
        told = done.stdout.splitlines()
        assert told[:2] == [f"{hashlib.md5(data).hexdigest()} {members!r}"] * 2  # noqa: S324
        assert "seek': File too large" in told[2]
        assert ("the next try goes on from it" in told[2]) == (share > 0)
        assert log_of(path).exists() == (share > 0)
        assert_is_plain(obtain(path, chunk_bytes=30_000), path, plain)


def test_another_archive_of_the_same_name(tmp_path: Path) -> None:
    path = write(tmp_path / "t.tar.gz", gzip.compress(train_bytes()))
    obtain(path)
    data = train_bytes(seed=50)
    plain = write(tmp_path / "t.tar", data)
    write(path, gzip.compress(data))
    with pytest.warns(FastinetWarning, match="is stale"):
        index = obtain(path)
    assert_is_plain(index, path, plain)

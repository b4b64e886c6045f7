"""What lies under a sidecar's name may be a link, a pipe or a folder.

Nothing waits for it, nothing else is written to, and the archive opens all the same.
"""

from __future__ import annotations

import gzip
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.checkpointed import small_images, write_archive
from support.gzipped import write

import fastinet
from fastinet.errors import FastinetWarning
from fastinet.sidecars.opening import check_own, open_to_read, open_to_write
from fastinet.sidecars.schema import UnusableSidecarError

SECRET = b"somebody else's content\n" * 100


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A file that nobody may write to by way of a link."""
    path = tmp_path / "other"
    path.write_bytes(SECRET)
    return path


def _symbolic_link(path: Path, other: Path) -> None:
    path.symlink_to(other)


def _dangling_link(path: Path, other: Path) -> None:
    path.symlink_to(other.with_name("missing"))


def _hard_link(path: Path, other: Path) -> None:
    os.link(other, path)


def _pipe(path: Path, _other: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path, _other: Path) -> None:
    where = Path.cwd()
    os.chdir(path.parent)  # a socket's name is short
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    finally:
        os.chdir(where)


def _folder(path: Path, _other: Path) -> None:
    path.mkdir()


PLANTS = [_symbolic_link, _dangling_link, _hard_link, _pipe, _socket, _folder]
Plant = Callable[[Path, Path], None]


@pytest.mark.parametrize("plant", PLANTS)
def test_nothing_is_written_to(tmp_path: Path, other: Path, plant: Plant) -> None:
    path = tmp_path / "sidecar"
    plant(path, other)
    with pytest.raises(OSError, match=r"symbolic link|hard links|regular file|No such|directory"):
        open_to_write(path)
    assert other.read_bytes() == SECRET
    assert not other.with_name("missing").exists()


@pytest.mark.parametrize("plant", [_pipe, _socket, _folder, _dangling_link])
def test_nothing_is_waited_for(tmp_path: Path, other: Path, plant: Plant) -> None:
    path = tmp_path / "sidecar"
    plant(path, other)
    with pytest.raises(OSError, match=r"regular file|No such"):
        open_to_read(path)


def test_files_are_read_and_written(tmp_path: Path) -> None:
    path = tmp_path / "sidecar"
    with open_to_write(path) as file:
        file.write(b"0123456789")
        assert not os.get_inheritable(file.fileno())
    with open_to_write(path) as file:
        assert file.read(2) == b"01"
        file.write(b"ab")
    with open_to_write(path, append=True) as file:
        file.seek(0)
        file.write(b"!")
    (tmp_path / "link").symlink_to(path)
    for name in ("sidecar", "link"):
        with open_to_read(tmp_path / name) as file:
            assert file.readall() == b"01ab456789!"


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o664, 0o646])
def test_what_others_may_write_is_not_believed(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "sidecar"
    path.write_bytes(b"")
    path.chmod(mode)
    with open_to_read(path) as file:
        if mode & 0o022:
            with pytest.raises(UnusableSidecarError, match="written by others"):
                check_own(file)
        else:
            check_own(file)


@pytest.mark.skipif(os.geteuid() != 0, reason="takes the super-user, who can give a file away")
def test_what_another_user_wrote_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "sidecar"
    path.write_bytes(b"")
    os.chown(path, 51234, -1)
    with (
        open_to_read(path) as file,
        pytest.raises(UnusableSidecarError, match="another user, 51234"),
    ):
        check_own(file)


# In a process of its own, with a bound on its time: what waits for a pipe cannot be ended.
_OPENS = """
import sys, warnings, fastinet
warnings.simplefilter("ignore", fastinet.errors.FastinetWarning)
for path in sys.argv[1:]:
    ds = fastinet.open(path)
    ds.build_checkpoints(threads=1)
    fastinet.open(path)
    fastinet.verify(path)
    loader = fastinet.Loader(ds, 2, fastinet.RandomResizedCrop(16), threads=1)
    print(sum(len(labels) for _, labels in loader))
"""
_SUFFIXES = ["", ".seek", ".checkpoints", ".verify", ".verify.walk"]


@pytest.mark.parametrize("plant", [_symbolic_link, _hard_link, _pipe])
def test_archives_among_them_open(tmp_path: Path, other: Path, plant: Plant) -> None:
    plain = write_archive(tmp_path / "train.tar", small_images(5))
    gzipped = write(tmp_path / "train.tar.gz", gzip.compress(plain.read_bytes()))
    for archive in (plain, gzipped):
        for suffix in _SUFFIXES:
            for lock in ("", ".lock"):
                plant(archive.with_name(f"{archive.name}.fastinet{suffix}{lock}"), other)
    done = subprocess.run(
        [sys.executable, "-c", _OPENS, str(plain), str(gzipped)],
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["5", "5"]
    assert other.read_bytes() == SECRET


def test_the_reason_is_said(tmp_path: Path, other: Path) -> None:
    archive = write_archive(tmp_path / "train.tar", small_images(3))
    beside = archive.with_name("train.tar.fastinet")
    _pipe(beside, other)
    with pytest.warns(FastinetWarning, match="named pipe"):
        fastinet.open(str(archive))

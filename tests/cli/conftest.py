"""What the tests of the commands share: a small archive, and a pipe that one comes through."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fastinet.testing.train_archive import write_train_archive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_train_archive(tmp_path_factory.mktemp("cli") / "train.tar", images=8, classes=3)


@pytest.fixture
def archive(made: Path, tmp_path: Path) -> str:
    """A fresh archive without an index."""
    copy = tmp_path / "train.tar"
    copy.write_bytes(made.read_bytes())
    return str(copy)


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = write_train_archive(tmp_path_factory.mktemp("cli") / "train.tar", images=8, classes=3)
    return path.read_bytes()


@pytest.fixture
def named_pipe(tmp_path: Path) -> Iterator[Callable[[bytes], str]]:
    """Gives the path of a named pipe that some bytes come through."""
    writers = []

    def through(data: bytes) -> str:
        path = tmp_path / f"pipe{len(writers)}"
        os.mkfifo(path)
        writers.append(threading.Thread(target=write, args=(path, data)))
        writers[-1].start()
        return str(path)

    yield through
    for writer in writers:
        writer.join()


def write(path: Path, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):
        path.write_bytes(data)

"""Archives as they may arrive, and what a stream's loader makes of them."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import socket
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

import fastinet
from fastinet.testing.archives import RECORD_BYTES, tar, train_tar
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SMALL = fastinet.RandomResizedCrop(8)


def train(count: int, seed: int = 0) -> dict[str, bytes]:
    rng = np.random.default_rng(seed)
    return {f"n01440764_{number}.JPEG": small_jpeg(rng) for number in range(count)}


MEMBERS = train(10)
FLAT = tar(MEMBERS, record_bytes=RECORD_BYTES)
NESTED = train_tar({"n01440764": MEMBERS}, record_bytes=RECORD_BYTES)
ZIPPED = gzip.compress(FLAT, 1, mtime=0)


@contextlib.contextmanager
def written_to_pipe(data: bytes, piece: int = 1 << 20) -> Iterator[int]:
    """The end to read of a pipe that a thread writes `data` to, `piece` bytes at a time."""
    outlet, inlet = os.pipe()
    writer = threading.Thread(target=_write, args=(inlet, data, piece))
    writer.start()
    try:
        yield outlet
    finally:
        os.close(outlet)
        writer.join()


def _write(inlet: int, data: bytes, piece: int) -> None:
    with contextlib.suppress(BrokenPipeError):
        for start in range(0, len(data), piece):
            rest = memoryview(data)[start : start + piece]
            while rest:
                rest = rest[os.write(inlet, rest) :]
    os.close(inlet)


class Pieces:
    """A file object that has what an iterator yields, and nothing but ``read``."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = piece
        given, self._rest = self._rest[:size], self._rest[size:]
        return given


def _pipe(stack: contextlib.ExitStack, data: bytes, _folder: Path) -> int:
    return stack.enter_context(written_to_pipe(data))


def _dripping_pipe(stack: contextlib.ExitStack, data: bytes, _folder: Path) -> int:
    return stack.enter_context(written_to_pipe(data, 777))


def _gzip_pipe(stack: contextlib.ExitStack, data: bytes, _folder: Path) -> int:
    return stack.enter_context(written_to_pipe(gzip.compress(data, 6)))


def _socket(stack: contextlib.ExitStack, data: bytes, _folder: Path) -> int:
    outlet, inlet = socket.socketpair()
    stack.callback(outlet.close)

    def write() -> None:
        with inlet, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            inlet.sendall(data)

    writer = threading.Thread(target=write)
    writer.start()
    stack.callback(writer.join)
    stack.callback(outlet.shutdown, socket.SHUT_RDWR)
    return outlet.fileno()


def _named_pipe(stack: contextlib.ExitStack, data: bytes, folder: Path) -> Path:
    path = folder / f"fifo-{len(list(folder.iterdir()))}"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: _write(os.open(path, os.O_WRONLY), data, 1 << 20))
    writer.start()
    stack.callback(writer.join)
    return path


def _file(_stack: contextlib.ExitStack, data: bytes, folder: Path) -> Path:
    path = folder / f"file-{len(list(folder.iterdir()))}.tar"
    path.write_bytes(data)
    return path


def _open_file(stack: contextlib.ExitStack, data: bytes, folder: Path) -> Any:
    return stack.enter_context(_file(stack, data, folder).open("rb"))


def _descriptor(stack: contextlib.ExitStack, data: bytes, folder: Path) -> int:
    descriptor = os.open(_file(stack, data, folder), os.O_RDONLY)
    stack.callback(os.close, descriptor)
    return descriptor


def _bytes_io(_stack: contextlib.ExitStack, data: bytes, _folder: Path) -> Any:
    return io.BytesIO(data)


def _gzip_bytes_io(_stack: contextlib.ExitStack, data: bytes, _folder: Path) -> Any:
    return io.BytesIO(gzip.compress(data[:1000]) + gzip.compress(data[1000:]) + bytes(512))


def _pieces(_stack: contextlib.ExitStack, data: bytes, _folder: Path) -> Any:
    return Pieces(data[start : start + 1311] for start in range(0, len(data), 1311))


WAYS = {
    function.__name__[1:]: function
    for function in (
        _pipe,
        _dripping_pipe,
        _gzip_pipe,
        _socket,
        _named_pipe,
        _file,
        _open_file,
        _descriptor,
        _bytes_io,
        _gzip_bytes_io,
        _pieces,
    )
}
"""How an archive of given bytes may arrive: functions of an ExitStack, them and a folder."""


def streamed(data: bytes, **options: Any) -> fastinet.Stream:
    """`data` as the stream of a file object; of ImageNet-1K's classes unless `options` say more."""
    if options.get("labels") is None:
        options.setdefault("classes", "imagenet1k")
    return fastinet.open_stream(io.BytesIO(data), **options)


def loader_of(stream: fastinet.Stream, **options: Any) -> fastinet.StreamLoader:
    """Small crops, eight to a batch unless `options` say otherwise."""
    return fastinet.StreamLoader(
        stream, **{"batch_size": 8, "transform": SMALL, "threads": 2, "seed": 3, **options}
    )


def batches_of(
    data: bytes, *, classes: Any = "imagenet1k", labels: Any = None, **options: Any
) -> Any:
    """All batches of a pass over `data`."""
    classes = None if labels is not None else classes
    return list(loader_of(streamed(data, classes=classes, labels=labels), **options))


def same_batches(one: Iterable[fastinet.Batch], other: Iterable[fastinet.Batch]) -> None:
    """Fails unless they are the same, batch for batch and bit for bit."""
    for left, right in zip(one, other, strict=True):
        np.testing.assert_array_equal(left.indices, right.indices)
        np.testing.assert_array_equal(left.copies, right.copies)
        np.testing.assert_array_equal(left.labels, right.labels)
        np.testing.assert_array_equal(left.images, right.images)
        np.testing.assert_array_equal(left.boxes, right.boxes)
        np.testing.assert_array_equal(left.flips, right.flips)
        np.testing.assert_array_equal(left.image_sizes, right.image_sizes)
        np.testing.assert_array_equal(left.valid, right.valid)
        assert left.keys == right.keys

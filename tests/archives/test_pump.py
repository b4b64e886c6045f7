"""File objects as sources of a stream: what arrives, and what is told when one fails."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from support.streamed import FLAT, Pieces, loader_of

import fastinet
from fastinet.archives.pump import Pump
from fastinet.errors import ReadError


class Failing(Pieces):
    """Has some bytes, and then an error."""

    def __init__(self, data: bytes, error: BaseException) -> None:
        super().__init__([data])
        self._error = error

    def read(self, size: int, /) -> bytes:
        data = super().read(size)
        if not data:
            raise self._error
        return data


@pytest.mark.parametrize(
    "error",
    [OSError("the line is down"), BrokenPipeError(), KeyError("x"), SystemExit(3)],
)
def test_a_reader_that_raises(error: BaseException) -> None:
    for data in (FLAT[: len(FLAT) // 2], FLAT, b""):
        batches = iter(
            loader_of(
                fastinet.open_stream(Failing(data, error), classes="imagenet1k"), batch_size=2
            )
        )
        with pytest.raises(ReadError, match="file object cannot be read") as told:
            list(batches)
        assert told.value.__cause__ is error
        assert list(batches) == []


def test_a_file_object_may_be_text_or_not_ready() -> None:
    for source, cause in ((io.StringIO("text"), "str in place"), (NotReady(), "NoneType in place")):
        with pytest.raises(fastinet.errors.ReadError, match=cause):
            list(loader_of(fastinet.open_stream(source)))  # type: ignore[arg-type]


class NotReady:
    """A raw file that does not block."""

    def read(self, size: int, /) -> None:
        """Nothing, and not the end."""


def received(pump: Pump) -> bytes:
    """All that comes out, until the end; the pump has ended then."""
    data = b""
    while piece := pump.outlet.recv(1 << 16):
        data += piece
    pump.stop()
    pump.join()
    return data


def test_what_a_file_object_gives_arrives() -> None:
    data = np.random.default_rng(0).bytes(3_000_000)  # more than the socket holds
    for sizes in ([3_000_000], [1, 2, 70_000, 500_000] * 6):
        pieces = [data[end - size : end] for size, end in zip(sizes, np.cumsum(sizes), strict=True)]
        pump = Pump(Pieces(pieces))
        assert received(pump) == b"".join(pieces)
        assert pump.failure is None


def test_what_came_before_a_failure_arrives() -> None:
    error = OSError("the line is down")
    pump = Pump(Failing(b"some bytes", error))
    assert received(pump) == b"some bytes"
    assert pump.failure is error


def test_a_pump_ends_when_nothing_more_is_read() -> None:
    pump = Pump(Pieces(itertools.repeat(bytes(1 << 16))))  # never ends, and waits for room
    assert pump.outlet.recv(1)
    pump.stop()
    pump.join(120)
    assert not pump.is_alive()
    assert pump.failure is None

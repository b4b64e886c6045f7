"""A Python file object as a descriptor, which the engine's threads can read."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import Protocol

from fastinet.base.threads import start_thread

__all__ = ["Pump", "Readable"]

_PUMP_BYTES = 1 << 18


class Readable(Protocol):
    """A Python file object, open for reading bytes."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end."""


class Pump(threading.Thread):
    """Reads a file object into a socket, so that the engine's threads need not touch Python.

    A socket and not a pipe, because its ends can be shut down: a pipe's reader would wait for as
    long as a forked child has the other end, too.
    """

    def __init__(self, file: Readable) -> None:
        # A daemon, since nothing can end a read() that waits for data from outside.
        super().__init__(name="fastinet stream", daemon=True)
        self.failure: BaseException | None = None
        self._file = file
        self._process = os.getpid()
        self.outlet, self._inlet = socket.socketpair()
        self._inlet.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _PUMP_BYTES)
        self._begin()

    def _begin(self) -> None:
        try:
            start_thread(self, "read the stream")
        except BaseException:
            self.outlet.close()
            self._inlet.close()
            raise

    def run(self) -> None:
        """Copies until the file ends, or the reader of the socket has gone."""
        try:
            data = self._read()
            while data and self._send(data):
                data = self._read()
        except BaseException as error:  # noqa: BLE001  # told where the stream is read
            self.failure = error
        finally:
            with contextlib.suppress(OSError):
                self._inlet.shutdown(socket.SHUT_RDWR)
            self._inlet.close()

    def _read(self) -> bytes:
        data: object = self._file.read(_PUMP_BYTES)
        if isinstance(data, bytes | bytearray | memoryview):
            return data  # type: ignore[return-value]
        raise TypeError(
            f"read() gave {type(data).__name__} in place of bytes; open the file in binary mode, "
            "and let it block"
        )

    def _send(self, data: bytes) -> bool:
        """Sends `data`; False where the reader of the socket has gone."""
        try:
            self._inlet.sendall(data)
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """Says that nothing more will be read; the thread ends with its next piece."""
        if os.getpid() != self._process:
            return  # the socket is the parent's
        with contextlib.suppress(OSError):  # it is closed, or the other side is
            self.outlet.shutdown(socket.SHUT_RDWR)
        self.outlet.close()

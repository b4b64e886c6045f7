"""A file on a disk or server that fails: a file system of our own, by Linux's FUSE.

The kernel asks a process for the bytes of one file, which it shows in the place of another. So what
comes of a fault is the kernel's: its page cache, its reading ahead, its error numbers. The mount
lies in a namespace of the process that made it, and ends with that.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of linux/fuse.h and sys/mount.h.
_GETATTR, _OPEN, _READ, _STATFS, _RELEASE, _FLUSH, _INIT, _ACCESS = 3, 14, 15, 17, 18, 25, 26, 34
_WITHOUT_ANSWER = (2, 36, 42)  # FORGET, INTERRUPT, BATCH_FORGET
_DIRECT_IO = 1
_CLONE_NEWNS, _MS_REC, _MS_PRIVATE, _MNT_DETACH = 0x20000, 0x4000, 1 << 18, 2
_IN_HEADER = struct.Struct("<IIQQIIII")
_REQUEST_BYTES = 1 << 18


class Serving(NamedTuple):
    """What becomes of reads: of the file's bytes, in requests of the kernel."""

    bad: tuple[int, int] = (0, 0)
    """Reads of bytes from ... up to ... fail."""
    error: int = errno.EIO
    """With this."""
    fails_from: int = 1 << 62
    """So do all from this request on."""
    dies_at: int = 1 << 62
    """The server ends at this one."""
    shrinks_at: int = 1 << 62
    """From this one on the file has half its bytes."""
    at_once: int = 0
    """A read gives so many bytes at most; 0: all that were asked for."""


_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), what)


def enter_namespace() -> bool:
    """Gives this process mounts of its own; False where it may not, or there is no FUSE."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK) or os.geteuid() != 0:
        return False
    if _libc.unshare(_CLONE_NEWNS) != 0:
        return False
    return bool(_libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None) == 0)


@contextlib.contextmanager
def served(path: Path, serving: Serving) -> Iterator[None]:
    """Within this the file at `path` comes from a server; what it was lies below."""
    content, status = path.read_bytes(), path.stat()
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={device},rootmode=100000,user_id=0,group_id=0,allow_other".encode()
    _check(_libc.mount(b"fastinet", os.fsencode(path), b"fuse", 0, options), "mount")
    server = os.fork()
    if server == 0:
        _serve(device, content, status, serving)
    os.close(device)
    try:
        yield
    finally:
        _check(_libc.umount2(os.fsencode(path), _MNT_DETACH), "umount2")
        os.waitpid(server, 0)  # which ends when nobody has the file any more


def _serve(device: int, content: bytes, status: os.stat_result, serving: Serving) -> NoReturn:
    """Answers the kernel until the file system is unmounted, and ends the process."""
    reads = 0
    while True:
        try:
            request = os.read(device, _REQUEST_BYTES)
        except OSError as error:
            if error.errno in (errno.EINTR, errno.ENOENT):
                continue
            os._exit(0)  # ENODEV: unmounted
        _, opcode, unique, *_ = _IN_HEADER.unpack_from(request)
        if opcode in _WITHOUT_ANSWER:
            continue
        if opcode == _READ:
            reads += 1
            if reads > serving.dies_at:
                os._exit(0)
        size = len(content) // (1 if reads < serving.shrinks_at else 2)
        answer = _answer(opcode, request[_IN_HEADER.size :], content[:size], status, serving, reads)
        error_number, data = (-answer, b"") if isinstance(answer, int) else (0, answer)
        header = struct.pack("<IiQ", 16 + len(data), error_number, unique)
        with contextlib.suppress(OSError):  # whoever asked has gone
            os.write(device, header + data)


def _answer(
    opcode: int,
    body: bytes,
    content: bytes,
    status: os.stat_result,
    serving: Serving,
    reads: int,
) -> bytes | int:
    """What the kernel gets, or an errno."""
    if opcode == _INIT:
        return struct.pack("<4I2H2I2H8I", 7, 31, 1 << 17, 0, 16, 12, 1 << 17, 1, 32, *[0] * 9)
    if opcode == _GETATTR:
        return struct.pack("<QII", 0, 0, 0) + _attributes(len(content), status)
    if opcode == _OPEN:
        return struct.pack("<QII", 1, _DIRECT_IO if serving.at_once else 0, 0)
    if opcode == _READ:
        _, offset, size = struct.unpack_from("<QQI", body)
        begin, end = serving.bad
        if reads >= serving.fails_from or (offset < end and offset + size > begin):
            return serving.error
        return content[offset : offset + min(size, serving.at_once or size)]
    if opcode == _STATFS:
        return bytes(80)
    return b"" if opcode in (_RELEASE, _FLUSH, _ACCESS) else errno.ENOSYS


def _attributes(size: int, status: os.stat_result) -> bytes:
    times = [status.st_atime_ns, status.st_mtime_ns, status.st_ctime_ns]
    seconds, rest = [ns // 10**9 for ns in times], [ns % 10**9 for ns in times]
    sizes = [1, size, -(-size // 512)]
    modes = [0o100644, 1, 0, 0, 0, 4096, 0]
    return struct.pack("<6Q10I", *sizes, *seconds, *rest, *modes)

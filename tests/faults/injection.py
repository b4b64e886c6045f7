"""Steers the library of faults (faults.cc): builds it, and says which call is to fail and how.

The library has to be loaded before the others: a program that injects faults is started with
`environment_of` it, and then uses `Injector`.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = [Path(__file__).with_name(name) for name in ("faults.cc", "fault_memory.cc")]
FOREVER = 1 << 40

_OF_PYBIND11 = re.compile(r"pybind11::detail::(register_instance|instance::allocate_layout)")


class Kind(NamedTuple):
    """Calls that fail alike."""

    bit: int
    """In fault_state.h."""
    errors: tuple[int, ...]
    """What they fail with."""
    repeatable: bool = False
    """Whether a call may also fail with EINTR, and whoever made it has to try again."""


KINDS = {
    "memory": Kind(1 << 0, (errno.ENOMEM,)),
    "thread": Kind(1 << 1, (errno.EAGAIN,)),
    "open": Kind(1 << 2, (errno.EMFILE, errno.EIO, errno.EACCES), repeatable=True),
    "stat": Kind(1 << 3, (errno.EIO, errno.EACCES)),
    "read": Kind(1 << 4, (errno.EIO,), repeatable=True),
    "write": Kind(1 << 5, (errno.ENOSPC, errno.EIO), repeatable=True),
    "sync": Kind(1 << 6, (errno.EIO,)),
    "truncate": Kind(1 << 7, (errno.EIO,)),
    "name": Kind(1 << 8, (errno.EACCES, errno.EIO, errno.EROFS)),
    "lock": Kind(1 << 9, (errno.ENOLCK, errno.EIO)),
    "map": Kind(1 << 10, (errno.ENOMEM, errno.ENODEV)),
    "list": Kind(1 << 11, (errno.EIO, errno.EMFILE)),
    "pipe": Kind(1 << 12, (errno.EMFILE,)),
    "close": Kind(1 << 13, (errno.EIO,)),
    "open to write": Kind(1 << 14, (errno.EROFS, errno.ENOSPC)),
}
_OF_NO_DISK = ("memory", "thread", "open to write")
OF_DISKS = sum(kind.bit for name, kind in KINDS.items() if name not in _OF_NO_DISK)
OF_WRITERS = sum(KINDS[name].bit for name in ("open to write", "write", "truncate", "name"))

FAIL, SHORT, ALTERNATE, KILL, CHANGE = range(5)


def build_library(folder: Path) -> Path:
    """Compiles the library into `folder`."""
    library = folder / "faults.so"
    compiler = shlex.split(os.environ.get("CXX", "c++"))
    flags = ["-std=c++20", "-O1", "-g", "-fPIC", "-fvisibility=hidden", "-shared"]
    subprocess.run([*compiler, *flags, "-o", library, *SOURCES, "-ldl"], check=True)
    return library


def environment_of(library: Path, cache: Path) -> dict[str, str]:
    """The environment of a program that injects faults; `cache` is its user's cache folder."""
    preload = " ".join(filter(None, (os.environ.get("LD_PRELOAD"), str(library))))
    sanitizer = os.environ.get("ASAN_OPTIONS", "")
    return {
        **os.environ,
        "LD_PRELOAD": preload,
        "XDG_CACHE_HOME": str(cache),
        # The library's operator new asks malloc for memory.
        "ASAN_OPTIONS": f"{sanitizer}:alloc_dealloc_mismatch=0".lstrip(":"),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }


def _pybind11_code() -> Iterator[tuple[int, int]]:
    """Where pybind11 notes that there is a new Python object for one of C++.

    For that it asks for some 40 bytes, and ends the process where there are none (version 3.1).
    """
    from fastinet._native import _engine

    library = str(_engine.__file__)
    for line in Path("/proc/self/maps").read_text().splitlines():
        if line.endswith(library):
            base = int(line.partition("-")[0], 16)
            break
    listed = subprocess.run(
        ["nm", "--print-size", "--demangle", "--defined-only", library],
        env={name: it for name, it in os.environ.items() if name != "LD_PRELOAD"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = [
        (base + int(words[0], 16), base + int(words[0], 16) + int(words[1], 16))
        for line in listed.splitlines()
        if _OF_PYBIND11.search(line) and len(words := line.split()) > 3
    ]
    assert found, "the names of functions are stripped from the compiled modules"
    yield from found


class Injector:
    """Faults of this process, which was started with the library."""

    def __init__(self, folder: Path) -> None:
        """Faults of files count for those below `folder`."""
        self._library = ctypes.CDLL(None)
        for name in ("faults_end", "faults_room_left", "faults_blocks"):
            getattr(self._library, name).restype = ctypes.c_long
        self._library.faults_folder(os.fsencode(folder))
        self._library.faults_libraries()
        for begin, end in _pybind11_code():
            self._library.faults_exempt(ctypes.c_ulong(begin), ctypes.c_ulong(end))

    def begin(
        self, kinds: int, first: int, end: int = FOREVER, *, way: int = FAIL, error: int = 0
    ) -> None:
        """Calls number `first` up to `end` of these kinds fail, until `end`."""
        arguments = (ctypes.c_uint(kinds), ctypes.c_long(first), ctypes.c_long(end), way, error)
        self._library.faults_begin(*arguments)

    def end(self) -> int:
        """No call fails any more; how many calls of the kinds there were."""
        return int(self._library.faults_end())

    def watch(self, descriptor: int) -> None:
        """Calls about this descriptor count, too."""
        self._library.faults_watch(descriptor)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Calls neither fail nor count: they are those of the test itself."""
        self._library.faults_pause(1)
        try:
            yield
        finally:
            self._library.faults_pause(0)

    @contextlib.contextmanager
    def changing(
        self, first: int, end: int, source: str = "", to: str = "", *, size: int = 0, clock: int = 0
    ) -> Iterator[None]:
        """The world changes before call number `first` about files, and back before number `end`.

        Args:
            first: of the calls within this statement.
            end: likewise.
            source: the file that is renamed to `to`, or cut to `size` bytes where that is "".
            to: see `source`; it is renamed back.
            size: see `source`.
            clock: seconds by which the clock of the day jumps, and back.
        """
        change = (os.fsencode(source), os.fsencode(to), ctypes.c_long(size), ctypes.c_long(clock))
        self._library.faults_change(*change)
        self.begin(OF_DISKS, first, end, way=CHANGE)
        try:
            yield
        finally:
            self.end()
            self._library.faults_change(b"", b"", *[ctypes.c_long(0)] * 2)

    @contextlib.contextmanager
    def full_disk(self, room: int) -> Iterator[None]:
        """The disk takes `room` more bytes."""
        self._library.faults_room(ctypes.c_long(room))
        try:
            yield
        finally:
            self._library.faults_room(ctypes.c_long(-1))

    def room_left(self) -> int:
        """Of a full disk [bytes]."""
        return int(self._library.faults_room_left())

    @contextlib.contextmanager
    def bad_bytes(self, name: str, begin: int, end: int) -> Iterator[None]:
        """Reads of these bytes fail in files whose path ends in `name`."""
        bounds = (ctypes.c_ulong(begin), ctypes.c_ulong(end))
        self._library.faults_bad_bytes(name.encode(), *bounds)
        try:
            yield
        finally:
            self._library.faults_bad_bytes(b"", *[ctypes.c_ulong(0)] * 2)

    def blocks(self) -> int:
        """Blocks of memory that fastinet asked for and has not given back."""
        return int(self._library.faults_blocks())

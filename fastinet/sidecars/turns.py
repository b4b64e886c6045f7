"""Taking turns: of many processes that want a sidecar, one makes it and the others wait.

The ranks of a training run open one archive at the same moment. One of them makes the index, the
others wait, and then all use what was made. :func:`find_or_make_sidecar` arranges that for every
kind of sidecar.

The process that makes a sidecar holds a lock (``flock``) on ``<sidecar>.lock``, and removes that
file when it is done. It writes into the file which process it is and how far it has come, so that
those that wait can tell their users. The kernel takes a lock from a process that has ended, however
it ended, so that no lock is ever stale. When a process is killed, one of those that wait takes the
lock over and goes on where the sidecar ends.

Linux carries flock to the server of an NFS (since 2.6.12), and the server frees the locks of a
machine that has vanished: NFSv4 after its lease, 90 seconds as a rule; NFSv3 when that machine is
up again. Some file systems keep locks to each machine (BeeGFS unless told otherwise, Lustre with
localflock, NFS with local_lock). There one process of each machine makes the sidecar. One that is
replaced as a whole is then made several times; a process that finds the work of another in its log
(``log.py``) stops with an error. Where there are no locks, each makes it for itself.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import threading
import time
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from fastinet.base.warning import warn
from fastinet.errors import ReadError, printable
from fastinet.sidecars.opening import open_to_read, open_to_write
from fastinet.sidecars.places import make_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from io import FileIO
    from pathlib import Path

    from fastinet.base.progress import Progress

__all__ = ["find_or_make_sidecar"]

Made = TypeVar("Made")

SUFFIX = ".lock"

_FIRST_WARNING_SECONDS = 4.0  # of waiting; each next one comes after twice the time
_NOTE_SECONDS = 1.0  # between two notes of how far it is
# Between two looks at the lock: a tenth of what was waited, so that short waits stay short.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0
_MOST = 2**63  # of what is counted in a note
_NOTE_BYTES = 512  # one size for all notes, so that each covers the one before; a name has 255


def find_or_make_sidecar(
    places: Sequence[Path],
    what: str,
    *,
    find_complete: Callable[[], Made | None],
    make_missing: Callable[[Sequence[Path], Progress], Made],
    progress: Progress | None = None,
) -> Made:
    """The content of a sidecar that is there, or that one of the processes which want it makes.

    A process that waits can be interrupted. It calls `progress` with the numbers of the process
    that makes the sidecar, and after some seconds a FastinetWarning says which that is and since
    when.

    Args:
        places: where the sidecar may lie, best place first. The lock is beside the first of them
            that can be locked.
        what: name of its kind, for messages: "seek index".
        find_complete: gives the content of the sidecar where it is complete, else None. Called
            again after a wait.
        make_missing: makes the sidecar, or what is missing of it, and gives its content. It takes
            the places that are left to keep it in, and a function to call with (done, in all) now
            and then.
        progress: called with (done, in all), here or in the process that makes it. It may raise, to
            stop.

    Raises:
        ReadError: this thread is making it already.
        otherwise what `find_complete`, `make_missing` and `progress` raise.
    """
    made = find_complete()
    if made is not None:
        return made
    lockless: _NoLockError | None = None
    for number, place in enumerate(places):
        with contextlib.closing(_Lock(place, what)) as lock:
            waiting = _Waiting(lock, progress)
            try:
                made = _made_meanwhile(lock, find_complete, waiting)
            except _NoLockError as error:
                lockless = error if error.is_for_want_of_locks else lockless
                continue
            if made is not None:
                return made
            return make_missing(places[number:], lock.noting_progress(progress))
    if lockless is not None:
        warn(
            f"{lockless}, so that each of several processes makes the {what} for itself: let one do"
            " it before the others start"
        )
    return make_missing(places, progress or (lambda _done, _total: None))


def _made_meanwhile(
    lock: _Lock, find_complete: Callable[[], Made | None], waiting: _Waiting
) -> Made | None:
    """What another process has made while this one waited; None as soon as `lock` is this one's."""
    while not lock.take():
        waiting.pause()
        # When the lock has gone, all that wait look at once, and need not take turns for that.
        if not os.path.lexists(lock.path) and (made := find_complete()) is not None:
            return made
    return find_complete()


class _NoLockError(Exception):
    """A lock file cannot be made, or its file system has no locks (`is_for_want_of_locks`)."""

    def __init__(self, lock: _Lock, cause: OSError, *, is_for_want_of_locks: bool = False) -> None:
        super().__init__(f"'{lock.path}' cannot be locked ({cause.strerror})")
        self.is_for_want_of_locks = is_for_want_of_locks


class _Note(NamedTuple):
    """What the process that makes a sidecar writes into the lock file, for those that wait."""

    host: str
    pid: int
    since: str
    done: int = 0
    total: int = 0  # 0: it has not said yet

    @classmethod
    def read(cls, path: Path) -> _Note | None:
        """The note at `path`; None where there is none that can be read, or that makes sense.

        Whoever can write to the folder may have written it.
        """
        try:
            with open_to_read(path) as file:
                host, pid, since, done, total = json.loads(file.read(_NOTE_BYTES) or b"")
            note = cls(printable(str(host)), int(pid), printable(str(since)), int(done), int(total))
        except (OSError, ValueError, TypeError, RecursionError, OverflowError):
            return None
        return note if 0 <= note.done < _MOST and 0 <= note.total < _MOST else None

    def write(self, file: FileIO) -> None:
        """Puts it over the one in the lock file, where there is room on the disk.

        By the descriptor that is locked: the file at the path may have become another.
        """
        text = json.dumps(self).encode("ascii").ljust(_NOTE_BYTES)
        with contextlib.suppress(OSError):
            os.pwrite(file.fileno(), text, 0)
            os.fsync(file.fileno())  # on an NFS others then see it

    def __str__(self) -> str:
        """As "process 4711 on node3 (since 2026-01-31 14:05:09, 12% done)"."""
        share = f", {self.done / self.total:.0%} done" if self.total else ""
        return f"process {self.pid} on {self.host} (since {self.since}{share})"


class _Mine(threading.local):
    """The lock files that this thread holds, as (device, inode)."""

    def __init__(self) -> None:
        self.files: set[tuple[int, int]] = set()


_mine = _Mine()


class _Lock:
    """The right to make the sidecar at a place; this process has it from `take` to `close`."""

    def __init__(self, place: Path, what: str) -> None:
        self.path = place.with_name(place.name + SUFFIX)
        self.what = f"{what} '{place}'"
        self._file: FileIO | None = None

    def take(self) -> bool:
        """Whether it is this process's now; it does not wait.

        Raises:
            _NoLockError: the place cannot be written, or takes no locks.
            ReadError: this thread has it.
        """
        while self._file is None:
            try:
                make_folder(self.path.parent)
                file = open_to_write(self.path)
            except OSError as error:
                raise _NoLockError(self, error) from error
            with contextlib.ExitStack() as closing:
                closing.enter_context(file)
                try:
                    self._inode = _inode(file)
                except OSError as error:
                    raise _NoLockError(self, error) from error
                if not self._lock(file):
                    return False
                if self._is_at_path(file):  # else it was removed between the opening and the lock
                    closing.pop_all()
                    self._file = file
        _mine.files.add(self._inode)
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        self._note = _Note(socket.gethostname(), os.getpid(), now)
        self._note.write(self._file)
        return True

    def _lock(self, file: FileIO) -> bool:
        """Whether no other process has `file` locked."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if self._inode in _mine.files:
                raise ReadError(
                    f"this thread is making the {self.what}, and would wait for itself"
                ) from None
            return False
        except OSError as error:
            if error.errno == errno.ESTALE:  # removed on another machine
                return True
            with contextlib.suppress(OSError):
                if not os.fstat(file.fileno()).st_size:  # made by this open(), and empty
                    self.path.unlink()
            raise _NoLockError(self, error, is_for_want_of_locks=True) from error
        return True

    def _is_at_path(self, file: FileIO) -> bool:
        try:
            return os.path.samestat(os.fstat(file.fileno()), self.path.stat())
        except OSError:
            return False

    def close(self) -> None:
        """Gives it back, where it is this process's."""
        if self._file is None:
            return
        with self._file:
            _mine.files.discard(self._inode)
            if self._is_at_path(self._file):
                with contextlib.suppress(OSError):
                    self.path.unlink()
        self._file = None

    def noting_progress(self, progress: Progress | None) -> Progress:
        """A callback that hands its numbers to `progress`, and to those that wait by the note."""
        due = 0.0

        def note_and_pass_on(done: int, total: int) -> None:
            nonlocal due
            now = time.monotonic()
            if now >= due:
                due = now + _NOTE_SECONDS
                if self._file is not None:
                    self._note._replace(done=int(done), total=int(total)).write(self._file)
            if progress is not None:
                progress(done, total)

        return note_and_pass_on


class _Waiting:
    """One wait for another process: how long it has lasted, and when to warn of it next."""

    def __init__(self, lock: _Lock, progress: Progress | None) -> None:
        self._lock = lock
        self._progress = progress
        self._begun = time.monotonic()
        self._next_warning = _FIRST_WARNING_SECONDS

    def pause(self) -> None:
        """Passes the other process's progress on, warns when it is time to, and sleeps a while."""
        note = _Note.read(self._lock.path)
        if self._progress is not None and note is not None and note.total:
            self._progress(note.done, note.total)
        waited = time.monotonic() - self._begun
        if waited >= self._next_warning:
            self._next_warning = 2 * waited
            who = note or "another process"
            warn(
                f"{who} is making the {self._lock.what}; this one waits for it, and takes over if"
                " it ends"
            )
        time.sleep(min(max(waited / 10, _SHORTEST_PAUSE), _LONGEST_PAUSE))


def _inode(file: FileIO) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino

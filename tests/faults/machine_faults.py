"""Faults of disks and machines, each of them everywhere: what tests/faults start.

    python tests/faults/machine_faults.py FOLDER FAULT SCENARIO MOST

FAULT is one of these; where there are more than MOST places for it, only so many are tried.

===================  ===============================================================================
full disk            the disk takes k bytes more, for every k
read-only disk       from the first, second ... call on that would change it, the disk is read-only
bad bytes            reads of each 512 bytes of the archive fail in turn
archive shrinks      the archive is cut to half its size at each call about a file
archive vanishes     it is renamed at each call
archive comes back   the same, and three calls later it has its name again
archive is replaced  another one has its name from that call on
file server          the archive's bytes come from a server that fails: FUSE, see file_server.py
clock                at each call the clock of the day jumps, by 20 years at most, and back
files of the future  all files are of a later time than it is
killed               the process is killed at each call about a file, in the middle of writes
killed shared        the same, while two more processes do the scenario, too
descriptors          the process may open k files, for every k
memory               the address space may grow by k times 64 KiB, for every k
control group        the process's control group may have so much memory (Linux with cgroup v1)
===================  ===============================================================================

The process was started with the library of faults (injection.py), and forks a child for each try.
Afterwards the scenario is done once more without faults, in the folder as it was left; where the
archive was touched, with the archive back in its place. It prints what it counted as JSON.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import gc
import gzip
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faults.file_server import Serving, enter_namespace, served
from faults.injection import FAIL, FOREVER, KILL, OF_DISKS, OF_WRITERS
from faults.machine import SAME, Machine, WrongError, thinned
from faults.scenarios import WINDOW
from support.checkpointed import small_images, write_archive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from faults.scenarios import Result

_MEMORY_STEP_BYTES = 1 << 16
_CONTROL_GROUPS = Path("/sys/fs/cgroup/memory")


def _calls_of(machine: Machine, kinds: int) -> int:
    """How many calls of these kinds the scenario makes."""
    outlet, inlet = os.pipe()

    def count() -> int:
        machine.injector.begin(kinds, FOREVER, way=FAIL)
        machine.run()
        os.write(inlet, str(machine.injector.end()).encode())
        return SAME

    machine.folder.restore()
    os.waitpid(machine.child(count), 0)
    calls = int(os.read(outlet, 100))
    os.close(outlet)
    os.close(inlet)
    return calls


def _archive_of(machine: Machine) -> Path:
    found = [path for path in machine.folder.path.iterdir() if path.suffix in (".tar", ".gz")]
    assert len(found) == 1  # sidecars end otherwise
    return found[0]


def _full_disk(machine: Machine, most: int) -> None:
    outlet, inlet = os.pipe()
    room = 1 << 40

    def measure() -> int:
        with machine.injector.full_disk(room):
            machine.run()
            os.write(inlet, str(room - machine.injector.room_left()).encode())
        return SAME

    machine.folder.restore()
    os.waitpid(machine.child(measure), 0)
    written = int(os.read(outlet, 100))
    for left in thinned(written + 1, most):
        machine.attempt(lambda left=left: machine.injector.full_disk(left))  # type: ignore[misc]


def _read_only(machine: Machine, most: int) -> None:
    for number in thinned(_calls_of(machine, OF_WRITERS), most):

        @contextlib.contextmanager
        def faults(number: int = number) -> Iterator[None]:
            machine.injector.begin(OF_WRITERS, number, FOREVER, error=errno.EROFS)
            yield
            machine.injector.end()

        machine.attempt(faults)


def _bad_bytes(machine: Machine, most: int) -> None:
    archive = _archive_of(machine)
    blocks = archive.stat().st_size // 512 + 1
    for block in thinned(blocks, most):
        bounds = (archive.name, 512 * block, 512 * block + 512)
        machine.attempt(lambda bounds=bounds: machine.injector.bad_bytes(*bounds))  # type: ignore[misc]


def _archive_changes(machine: Machine, most: int, change: str) -> None:
    """`change`: "shrinks", "vanishes", "comes back" or "is replaced"."""
    archive = _archive_of(machine)
    content, status = archive.read_bytes(), archive.stat()
    aside = archive.with_name("aside")
    other = _another_archive(archive)
    others: list[Result] = []  # what is right of what lies there then
    if change == "is replaced":
        archive.write_bytes(other)
        others = [machine.result_of_child()]
    elif change == "shrinks":
        others = _result_of(machine, archive, content[: len(content) // 2])
    for number in thinned(_calls_of(machine, OF_DISKS), most):
        machine.folder.restore()
        end = FOREVER
        source, to, size = str(archive), str(aside), 0
        if change == "shrinks":
            to, size = "", len(content) // 2
        elif change == "comes back":
            end = number + 3
        elif change == "is replaced":
            aside.write_bytes(other)
            source, to = str(aside), str(archive)
        faults = functools.partial(machine.injector.changing, number, end, source, to, size=size)
        machine.note(machine.child(lambda faults=faults: machine.judged(faults, others)))  # type: ignore[misc]
        if change == "is replaced":  # who comes next finds it
            archive.write_bytes(other)
            machine.check_next(others[0])
        # What was kept meanwhile must not be taken for what is known of the archive.
        archive.write_bytes(content)
        os.utime(archive, ns=(status.st_atime_ns, status.st_mtime_ns))
        machine.check_next()


def _result_of(machine: Machine, archive: Path, content: bytes) -> list[Result]:
    """What the scenario gives where the archive has this content; nothing where that is refused."""
    machine.folder.restore()
    archive.write_bytes(content)
    with contextlib.suppress(WrongError):
        return [machine.result_of_child()]
    return []


def _another_archive(archive: Path) -> bytes:
    """The bytes of an archive with other images."""
    images = dict(list(small_images(2 * WINDOW + 1).items())[WINDOW:])
    plain = write_archive(archive.with_name("another"), images)
    content = plain.read_bytes()
    plain.unlink()
    if archive.suffix == ".gz":
        content = gzip.compress(content, 1, mtime=0)
    return content


def _file_server(machine: Machine, most: int) -> None:
    if not enter_namespace():
        raise OSError("this process may mount nothing, or there is no FUSE")
    archive = _archive_of(machine)
    content, status = archive.read_bytes(), archive.stat()
    half = _result_of(machine, archive, content[: len(content) // 2])
    machine.folder.restore()
    os.utime(archive, ns=(status.st_atime_ns, status.st_mtime_ns))
    pages, reads = len(content) // 4096 + 1, 12
    tries = [
        *(Serving(bad=(4096 * page, 4096 * page + 4096)) for page in range(pages)),
        *(Serving(fails_from=number) for number in range(reads)),
        *(Serving(fails_from=number, error=errno.ESTALE) for number in range(reads)),
        *(Serving(dies_at=number) for number in range(reads)),
        *(Serving(shrinks_at=number) for number in range(reads)),
        *(Serving(at_once=count) for count in (100, 511, 513, 4095)),
    ]
    for i in thinned(len(tries), most):
        machine.folder.restore()
        same = machine.outcomes["the same"]
        with served(archive, tries[i]):
            machine.note(machine.child(lambda: machine.judged(contextlib.nullcontext, half)))
        if tries[i].at_once and machine.outcomes["the same"] == same:
            raise WrongError(f"short reads make a difference: {tries[i]}")
        machine.check_next()


def _clock(machine: Machine, most: int) -> None:
    year = 365 * 24 * 3600
    calls = _calls_of(machine, OF_DISKS)
    jumps = (-20 * year, -3600, -1, 1, 3600, 10 * year)
    tries = [
        (jump, number, end)
        for jump in jumps
        for number in range(calls)
        for end in (number + 2, FOREVER)
    ]
    for i in thinned(len(tries), most):
        jump, number, end = tries[i]
        machine.attempt(functools.partial(machine.injector.changing, number, end, clock=jump))


def _future(machine: Machine, most: int) -> None:
    ahead = (10 * 365 * 24 * 3600, 3600, 1)
    for i in thinned(len(ahead), most):
        then = time.time() + ahead[i]
        machine.folder.restore()
        for _turn in range(2):  # before there are sidecars, and after
            for path in machine.folder.path.rglob("*"):
                os.utime(path, (then, then))
            machine.note(machine.child(lambda: machine.judged(contextlib.nullcontext)))
            machine.check_next()


@contextlib.contextmanager
def _limit(kind: int, most: int) -> Iterator[None]:
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


def _descriptors(machine: Machine, most: int) -> None:
    first = 3  # standard input, output, error
    for count in thinned(24, most):
        limit = first + count
        machine.attempt(lambda limit=limit: _limit(resource.RLIMIT_NOFILE, limit))  # type: ignore[misc]


def _warmed(machine: Machine) -> None:
    """Does the scenario once before the one that counts.

    So it is fastinet that meets a limit on memory, and not the interpreter, which may not say what
    it lacks: modules, regular expressions and frames are there.
    """
    machine.run()
    machine.folder.restore()
    gc.collect()


def _memory(machine: Machine, most: int) -> None:
    def do_within(growth: int) -> int:
        _warmed(machine)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        used = pages * resource.getpagesize()
        return machine.judged(lambda: _limit(resource.RLIMIT_AS, used + growth))

    for count in thinned(64, most):
        machine.folder.restore()
        growth = count * _MEMORY_STEP_BYTES
        machine.note(machine.child(lambda growth=growth: do_within(growth)))  # type: ignore[misc]
        machine.check_next()


def missing_rights() -> dict[str, str]:
    """The faults that this process may not make, and why."""
    missing = {}
    if not os.access(_CONTROL_GROUPS / "cgroup.procs", os.W_OK):
        missing["control group"] = "it may make no control groups (cgroup v1)"
    if os.geteuid() != 0 or not os.access("/dev/fuse", os.W_OK):
        missing["file server"] = "it may mount nothing, or there is no FUSE"
    return missing


def _control_group(machine: Machine, most: int) -> None:
    group = _CONTROL_GROUPS / f"fastinet-{os.getpid()}"

    def do_within() -> int:
        _warmed(machine)
        # What it has already does not count, and what it asks for from now on does.
        (group / "cgroup.procs").write_text(str(os.getpid()))
        return machine.judged(contextlib.nullcontext)

    for count in thinned(64, most):
        machine.folder.restore()
        group.mkdir()
        try:
            limit = (1 + count) * _MEMORY_STEP_BYTES
            (group / "memory.limit_in_bytes").write_text(str(limit))
            machine.note(machine.child(do_within))
        finally:
            group.rmdir()
        machine.check_next()


def _killed(machine: Machine, most: int, others: int = 0) -> None:
    def do_alone() -> int:
        return machine.judged(contextlib.nullcontext)

    def die_at(number: int) -> int:
        @contextlib.contextmanager
        def faults() -> Iterator[None]:
            machine.injector.begin(OF_DISKS, number, FOREVER, way=KILL)
            yield
            machine.injector.end()

        return machine.judged(faults)

    for number in thinned(_calls_of(machine, OF_DISKS), most):
        machine.folder.restore()
        victim = machine.child(lambda number=number: die_at(number))  # type: ignore[misc]
        children = [victim, *(machine.child(do_alone) for _ in range(others))]
        for child in children:
            machine.note(child)
        machine.check_next()


FAULTS: dict[str, Callable[[Machine, int], None]] = {
    "full disk": _full_disk,
    "read-only disk": _read_only,
    "bad bytes": _bad_bytes,
    "archive shrinks": functools.partial(_archive_changes, change="shrinks"),
    "archive vanishes": functools.partial(_archive_changes, change="vanishes"),
    "archive comes back": functools.partial(_archive_changes, change="comes back"),
    "archive is replaced": functools.partial(_archive_changes, change="is replaced"),
    "file server": _file_server,
    "clock": _clock,
    "files of the future": _future,
    "killed": _killed,
    "killed shared": lambda machine, most: _killed(machine, most, others=2),
    "descriptors": _descriptors,
    "memory": _memory,
    "control group": _control_group,
}


def main() -> None:
    """Arguments: folder, fault, scenario, how many places at most."""
    folder, fault, scenario, most = sys.argv[1:]
    report: dict[str, Any] = {}
    machine = Machine(Path(folder), scenario)
    try:
        FAULTS[fault](machine, int(most))
    except WrongError as error:
        report["wrong"] = str(error)
    print(json.dumps(report | {"outcomes": dict(machine.outcomes)}))


if __name__ == "__main__":
    main()

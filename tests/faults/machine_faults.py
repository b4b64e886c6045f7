"""Faults of disks and machines, each of them everywhere: what tests/faults start.

    python tests/faults/machine_faults.py FOLDER FAULT SCENARIO MOST

FAULT is one of these; where there are more than MOST places for it, only so many are tried.

=============  =====================================================================================
full disk      the disk takes k bytes more, for every k
bad bytes      reads of each 512 bytes of the archive fail in turn
killed         the process is killed at each call about a file, in the middle of writes
killed shared  the same, while two more processes do the scenario, too
descriptors    the process may open k files, for every k
memory         the address space may grow by k MiB, for every k
=============  =====================================================================================

The process was started with the library of faults (injection.py), and forks a child for each try.
Afterwards the scenario is done once more without faults, in the folder as it was left. It prints
what it counted as JSON.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import resource
import signal
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faults.injection import FAIL, FOREVER, KILL, OF_DISKS, Injector
from faults.scenarios import SCENARIOS, Folder, Result

from fastinet.errors import FastinetError, InternalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PATIENCE_SECONDS = 60
_SAME, _TOLD, _ERROR, _WRONG = range(10, 14)
_OUTCOMES = {_SAME: "the same", _TOLD: "told in the result", _ERROR: "an error"}


class WrongError(Exception):
    """Something came out that must not."""


class Machine:
    """One scenario on a machine that fails."""

    def __init__(self, folder: Path, scenario: str) -> None:
        self.folder = Folder(folder, SCENARIOS[scenario])
        self.injector = Injector(folder)
        self._scenario = SCENARIOS[scenario]
        # In children, so that this process has no threads when it forks.
        self.expected = self._result_of_child()
        self.outcomes: collections.Counter[str] = collections.Counter()

    def run(self) -> Result:
        """The scenario, as it goes."""
        return self._scenario.run(self.folder.path, self.injector)

    def child(self, work: Callable[[], int]) -> int:
        """Starts a process that ends with what `work` gives; its id."""
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            code = _WRONG
            try:
                signal.alarm(_PATIENCE_SECONDS)
                code = work()
            except BaseException as error:  # noqa: BLE001  # it ends here
                os.write(2, f"{type(error).__name__}: {error}\n".encode())
            finally:
                os._exit(code)
        return child

    def attempt(self, faults: Callable[[], contextlib.AbstractContextManager[object]]) -> None:
        """Does the scenario in a child under these faults, and then without."""
        self.folder.restore()
        self.note(self.child(lambda: self.judged(faults)))
        self.check_next()

    def judged(self, faults: Callable[[], contextlib.AbstractContextManager[object]]) -> int:
        """What comes of the scenario under these faults."""
        made: Result | None = None
        failure: BaseException | None = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with faults():
                try:
                    made = self.run()
                except (FastinetError, OSError, MemoryError) as error:
                    failure = error
        if failure is not None:
            if isinstance(failure, InternalError) or not (
                isinstance(failure, MemoryError) or str(failure)
            ):
                raise failure
            return _ERROR
        assert made is not None
        if made == self.expected:
            return _SAME
        missing = self.expected.keys() - made.keys()
        rest = {name: it for name, it in made.items() if name != "failed"}
        is_masked = len(missing) == made.get("failed", 0) - self.expected.get("failed", 0)
        if is_masked and all(self.expected.get(name) == it for name, it in rest.items()):
            return _TOLD
        if self._scenario.is_told(made):
            return _TOLD
        raise WrongError(f"wrong: {made}")

    def note(self, child: int) -> None:
        """Waits for a child, and counts how it ended."""
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGKILL:
            self.outcomes["killed"] += 1
        elif code in _OUTCOMES:
            self.outcomes[_OUTCOMES[code]] += 1
        else:
            raise WrongError(f"the process ended with {code}")

    def check_next(self) -> None:
        """Does the scenario without faults, in the folder as it is."""
        if (made := self._result_of_child()) != self.expected:
            raise WrongError(f"the next call gives something else: {made}")

    def _result_of_child(self) -> Result:
        outlet, inlet = os.pipe()

        def tell() -> int:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                told = json.dumps(self.run(), default=bytes.decode)
            with os.fdopen(inlet, "w") as file:
                file.write(told)
            return _SAME

        child = self.child(tell)
        os.close(inlet)
        with os.fdopen(outlet) as file:
            text = file.read()
        os.waitpid(child, 0)
        if not text:
            raise WrongError("the scenario fails without a fault")
        made: Result = json.loads(text)
        return made


def thinned(count: int, most: int) -> range:
    """Up to `most` of the numbers below `count`, evenly."""
    return range(0, count, max(1, -(-count // most)))


def _full_disk(machine: Machine, most: int) -> None:
    outlet, inlet = os.pipe()
    room = 1 << 40

    def measure() -> int:
        with machine.injector.full_disk(room):
            machine.run()
            os.write(inlet, str(room - machine.injector.room_left()).encode())
        return _SAME

    machine.folder.restore()
    os.waitpid(machine.child(measure), 0)
    written = int(os.read(outlet, 100))
    for left in thinned(written + 1, most):
        machine.attempt(lambda left=left: machine.injector.full_disk(left))  # type: ignore[misc]


def _bad_bytes(machine: Machine, most: int) -> None:
    archive = next(path for path in machine.folder.path.iterdir() if ".tar" in path.suffixes)
    blocks = archive.stat().st_size // 512 + 1
    for block in thinned(blocks, most):
        bounds = (archive.name, 512 * block, 512 * block + 512)
        machine.attempt(lambda bounds=bounds: machine.injector.bad_bytes(*bounds))  # type: ignore[misc]


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


def _memory(machine: Machine, most: int) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    used = pages * resource.getpagesize()
    for count in thinned(64, most):
        limit = used + (count << 20)
        machine.attempt(lambda limit=limit: _limit(resource.RLIMIT_AS, limit))  # type: ignore[misc]


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

    outlet, inlet = os.pipe()

    def count() -> int:
        machine.injector.begin(OF_DISKS, FOREVER, way=FAIL)
        machine.run()
        os.write(inlet, str(machine.injector.end()).encode())
        return _SAME

    machine.folder.restore()
    os.waitpid(machine.child(count), 0)
    for number in thinned(int(os.read(outlet, 100)), most):
        machine.folder.restore()
        victim = machine.child(lambda number=number: die_at(number))  # type: ignore[misc]
        children = [victim, *(machine.child(do_alone) for _ in range(others))]
        for child in children:
            machine.note(child)
        machine.check_next()


FAULTS: dict[str, Callable[[Machine, int], None]] = {
    "full disk": _full_disk,
    "bad bytes": _bad_bytes,
    "killed": _killed,
    "killed shared": lambda machine, most: _killed(machine, most, others=2),
    "descriptors": _descriptors,
    "memory": _memory,
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

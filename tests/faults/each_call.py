"""Makes each call of a kind fail, one after another, in one process: what tests/faults start.

    python tests/faults/each_call.py FOLDER SCENARIO MOST KIND...

The process was started with the library of faults (injection.py). It does the scenario with its
first call of the kind failing, then with the second, and so on; where there are more than MOST,
only with so many of them. Each fails with every errno of the kind, alone and with all that follow.
Then all reads are short, and calls are interrupted. After each it looks at what came out, and does
the scenario once more without a fault. For each kind it prints what it counted as a line of JSON;
what is wrong ends that kind at once. To the descriptor 2 it says before each try what comes, so
that a crash can be laid at its door.
"""

from __future__ import annotations

import collections
import errno
import gc
import itertools
import json
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from pathlib import Path
from typing import Any, NamedTuple

from faults.injection import ALTERNATE, FAIL, FOREVER, KINDS, SHORT, Injector
from faults.scenarios import SCENARIOS, Folder, Result

from fastinet.errors import CorruptError, FastinetError, InternalError

# A try that is longer hangs.
_PATIENCE_SECONDS = 60


class Try(NamedTuple):
    """Which calls fail, and how."""

    first: int
    end: int
    way: int
    error: int

    def __str__(self) -> str:
        which = f"call {self.first}" + ("" if self.end == self.first + 1 else " and all later ones")
        if self.way == SHORT:
            return f"{which} short"
        every = "every second call from " if self.way == ALTERNATE else ""
        return f"{every}{which} with {errno.errorcode.get(self.error, self.error)}"


class WrongError(Exception):
    """Something came out that must not."""


class Harness:
    """One scenario, and the kind of call that fails in it."""

    def __init__(self, folder: Path, scenario: str) -> None:
        self._scenario = SCENARIOS[scenario]
        self._name, self._kind = "", KINDS["memory"]
        self._folder = Folder(folder, self._scenario)
        self._injector = Injector(folder)
        self._ignored: list[str] = []
        self._trace = ""
        self.outcomes: collections.Counter[str] = collections.Counter()
        sys.unraisablehook = lambda event: self._ignored.append(repr(event.exc_value))
        threading.excepthook = lambda event: self._ignored.append(repr(event.exc_value))
        # The first runs fill what is kept for good: modules, tables, the pages of the allocator.
        for _ in range(3):
            self._folder.restore()
            self._expected, self._told = self._quiet_run()
        gc.collect()
        gc.freeze()
        self._descriptors = self._open_descriptors()
        self._threads = _threads()
        self._blocks = self._blocks_after_quiet_run()

    def take(self, kind: str) -> int:
        """From now on these fail. How many of them the scenario makes."""
        self._name, self._kind = kind, KINDS[kind]
        self.outcomes.clear()
        self._folder.restore()
        self._injector.begin(self._kind.bit, FOREVER)
        self._quiet_run()
        return self._injector.end()

    def attempt(self, what: Try) -> bool:
        """Does the scenario with these faults, and again without; False: there was no such call."""
        os.write(2, f"{self._name}: {what}\n".encode())
        signal.alarm(_PATIENCE_SECONDS)
        self._folder.restore()
        made, error, calls = self._run(what)
        met = calls > what.first
        if error is not None:
            self._check_error(error)
            self.outcomes[type(error).__name__] += met
        else:
            failed = self._check_result(made)
            self.outcomes["told in the result" if failed else "the same"] += met
        del made, error
        self._check_resources()
        made, told = self._quiet_run()
        if made != self._expected:
            raise WrongError(f"the next call gives something else: {made}")
        # Of sidecars that are there, which must be whole.
        if complaints := [text for text in told if "damaged" in text and text not in self._told]:
            raise WrongError(f"the next call warns: {complaints}")
        # Where files cannot be removed, or nobody can know whose they are, they stay.
        left = self._folder.left_over()
        if left and self._name not in ("name", "stat"):
            raise WrongError(f"files are left after the next call: {left}")
        self._check_resources()
        self._check_blocks(what)
        signal.alarm(0)
        return met

    def _run(self, what: Try) -> tuple[Result | None, BaseException | None, int]:
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            self._injector.begin(
                self._kind.bit, what.first, what.end, way=what.way, error=what.error
            )
            try:
                return self._scenario.run(self._folder.path, self._injector), None, self._end()
            except Exception as error:  # noqa: BLE001  # it is what is looked at
                calls = self._end()
                self._trace = "".join(traceback.format_exception(error))
                error.__traceback__ = None  # and so what its frames hold
                return None, error, calls

    def _end(self) -> int:
        gc.collect()  # what is closed by its end belongs to the try
        return self._injector.end()

    def _quiet_run(self) -> tuple[Result, list[str]]:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            made = self._scenario.run(self._folder.path, self._injector)
        return made, [str(each.message) for each in told]

    def _check_error(self, error: BaseException) -> None:
        if not isinstance(error, FastinetError | OSError | MemoryError):
            raise WrongError(f"{type(error).__name__}: {error}\n{self._trace}")
        if isinstance(error, InternalError):
            raise WrongError(f"it takes itself for a bug: {error}")
        if self._name == "memory" and isinstance(error, CorruptError):
            raise WrongError(f"it takes a lack of memory for damage: {error}")
        text = str(error)
        if isinstance(error, MemoryError):
            return
        if isinstance(error, FastinetError):
            is_clear = len(error.cause) > 8
        else:
            is_clear = error.filename is not None and bool(error.strerror)
        if not is_clear:
            raise WrongError(f"unclear: {type(error).__name__}: {text!r}\n{self._trace}")

    def _check_result(self, made: Result | None) -> int:
        """Whether it is what comes without faults, but for rows that are told to have failed."""
        assert made is not None
        if made != self._expected and self._scenario.is_told(made):
            return 1
        failed = made.get("failed", 0) - self._expected.get("failed", 0)
        wrong = {name: it for name, it in made.items() if it != self._expected.get(name)}
        wrong.pop("failed", None)
        missing = self._expected.keys() - made.keys()
        if wrong or len(missing) != failed:
            raise WrongError(f"wrong: {wrong}; missing: {sorted(missing)}; failed: {failed}")
        return failed

    def _check_resources(self) -> None:
        gc.collect()
        if self._ignored:
            raise WrongError(f"exceptions that nobody saw: {self._ignored}")
        begun = time.monotonic()
        while _threads() > self._threads:
            if time.monotonic() - begun > 10:
                raise WrongError(f"{_threads() - self._threads} threads are left")
            time.sleep(0.001)
        if (now := self._open_descriptors()) != self._descriptors:
            raise WrongError(f"descriptors are left: {now - self._descriptors}")

    def _blocks_after_quiet_run(self) -> int:
        self._folder.restore()
        self._quiet_run()
        gc.collect()
        return self._injector.blocks()

    def _check_blocks(self, what: Try) -> None:
        """Whether memory is lost: a little may be kept for good once, and not each time."""
        if (first := self._injector.blocks()) <= self._blocks:
            return
        counts = [first]
        for _ in range(3):
            self._folder.restore()
            self._run(what)
            counts.append(self._blocks_after_quiet_run())
        if all(later > earlier for earlier, later in itertools.pairwise(counts)):
            raise WrongError(f"blocks of memory are lost each time: {counts}")
        self._blocks = counts[-1]

    @staticmethod
    def _open_descriptors() -> set[str]:
        descriptors = set()
        for each in Path("/proc/self/fd").iterdir():
            try:
                descriptors.add(f"{each.name}: {each.readlink()}")
            except OSError:  # that of the listing itself
                continue
        return descriptors


def _threads() -> int:
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def tries(kind: str, first: int) -> list[Try]:
    """What is tried with call number `first`."""
    return [
        Try(first, end, FAIL, error) for error in KINDS[kind].errors for end in (first + 1, FOREVER)
    ]


def repeated_tries(kind: str) -> list[Try]:
    """What must come out as if nothing had been: calls that have to be made again or go on."""
    if not KINDS[kind].repeatable:
        return []
    made = [Try(0, FOREVER, ALTERNATE, errno.EINTR)]
    return [*made, Try(0, FOREVER, SHORT, 0)] if kind in ("read", "write") else made


def report_on(harness: Harness, kind: str, most: int) -> dict[str, Any]:
    """What comes of faults of a kind."""
    calls = harness.take(kind)
    step = max(1, -(-calls // most))
    report: dict[str, Any] = {"kind": kind, "calls": calls, "tried": 0}
    what: Try | None = None
    try:
        for what in repeated_tries(kind) if calls else []:
            harness.attempt(what)
            report["tried"] += 1
            if set(harness.outcomes) - {"the same"}:
                raise WrongError(f"it makes a difference: {dict(harness.outcomes)}")
        # The number of calls may differ from run to run, as threads take turns.
        number, met = 0, calls > 0
        while met or number < calls:
            met = False
            for what in tries(kind, number):
                met |= harness.attempt(what)
                report["tried"] += 1
            number += step
    except WrongError as error:
        report["wrong"] = f"{what}: {error}"
    return report | {"outcomes": dict(harness.outcomes)}


def main() -> None:
    """Arguments: folder, scenario, how many calls of a kind at most, kinds."""
    folder, scenario, most, *kinds = sys.argv[1:]
    harness = Harness(Path(folder), scenario)
    for kind in kinds:
        print(json.dumps(report_on(harness, kind, int(most))), flush=True)


if __name__ == "__main__":
    main()

"""A machine that fails: a scenario in forked children, and what comes of each of them."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import signal
import sys
import tempfile
import traceback
import warnings
from typing import TYPE_CHECKING

from faults.injection import Injector
from faults.scenarios import SCENARIOS, Folder, Result

from fastinet.errors import FastinetError, InternalError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_PATIENCE_SECONDS = 60
SAME, _TOLD, _ERROR, _WRONG = range(10, 14)
_OUTCOMES = {SAME: "the same", _TOLD: "told in the result", _ERROR: "an error"}

# Python's own Thread.start() waits for ever where the new thread finds no memory to begin with:
# https://github.com/python/cpython/issues/140746, in all versions.
_HANG_OF_PYTHON = "Exception ignored in thread started by"


class WrongError(Exception):
    """Something came out that must not."""


class Machine:
    """One scenario on a machine that fails."""

    def __init__(self, folder: Path, scenario: str) -> None:
        self.folder = Folder(folder, SCENARIOS[scenario])
        self.injector = Injector(folder)
        self._scenario = SCENARIOS[scenario]
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # as long as this
        # In children, so that this process has no threads when it forks.
        self.expected = self.result_of_child()
        self.outcomes: collections.Counter[str] = collections.Counter()

    def run(self) -> Result:
        """The scenario, as it goes."""
        return self._scenario.run(self.folder.path, self.injector)

    def child(self, work: Callable[[], int]) -> int:
        """Starts a process that ends with what `work` gives; its id.

        What it says on its standard error is in a file for :meth:`note`.
        """
        self._said.seek(0)
        self._said.truncate()
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            code = _WRONG
            try:
                os.dup2(self._said.fileno(), 2)
                signal.alarm(_PATIENCE_SECONDS)
                code = work()
            except BaseException as error:  # noqa: BLE001  # it ends here
                os.write(2, "".join(traceback.format_exception(error)).encode())
            finally:
                os._exit(code)
        return child

    def attempt(self, faults: Callable[[], contextlib.AbstractContextManager[object]]) -> None:
        """Does the scenario in a child under these faults, and then without."""
        self.folder.restore()
        self.note(self.child(lambda: self.judged(faults)))
        self.check_next()

    def judged(
        self,
        faults: Callable[[], contextlib.AbstractContextManager[object]],
        others: Sequence[Result] = (),
    ) -> int:
        """What comes of the scenario under these faults; `others` are right, too."""
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
        made = json.loads(_as_json(made))  # as the expected one came
        if made == self.expected or made in others:
            return SAME
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
            self._said.seek(0)
            said = self._said.read().decode(errors="replace")
            if code != -signal.SIGALRM or _HANG_OF_PYTHON not in said:
                raise WrongError(f"the process ended with {code}: {said}")
            self.outcomes["hung in Python's Thread.start()"] += 1

    def check_next(self, expected: Result | None = None) -> None:
        """Does the scenario without faults, in the folder as it is."""
        made = self.result_of_child()
        if made != (self.expected if expected is None else expected):
            raise WrongError(f"the next call gives something else: {made}")

    def result_of_child(self) -> Result:
        """What the scenario gives without faults, in the folder as it is."""
        outlet, inlet = os.pipe()

        def tell() -> int:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                told = _as_json(self.run())
            with os.fdopen(inlet, "w") as file:
                file.write(told)
            return SAME

        child = self.child(tell)
        os.close(inlet)
        with os.fdopen(outlet) as file:
            text = file.read()
        os.waitpid(child, 0)
        if not text:
            self._said.seek(0)
            said = self._said.read().decode(errors="replace")
            raise WrongError(f"the scenario fails without a fault: {said}")
        made: Result = json.loads(text)
        return made


def _as_json(made: Result | None) -> str:
    assert made is not None
    return json.dumps(made, default=bytes.decode)


def thinned(count: int, most: int) -> range:
    """Up to `most` of the numbers below `count`, evenly."""
    return range(0, count, max(1, -(-count // most)))

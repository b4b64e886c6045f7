"""fastinet is for a process's main interpreter, and says so in any other."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from fastinet.base.interpreters import refuse_subinterpreter

HANGS_SECONDS = 120

PROGRAM = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
if "after" in sys.argv:
    import fastinet
code = '''
import sys
sys.path[:] = %r
try:
    import fastinet
except ImportError as error:
    print(error.name, error, flush=True)
''' % sys.path
for config in sys.argv[2:]:
    arguments = {"isolated": config == "isolated"} if sys.version_info < (3, 13) else {}
    other = interpreters.create(*([config] if not arguments else []), **arguments)
    interpreters.run_string(other, code)
"""


@pytest.mark.parametrize("when", ["first", "after"])
def test_a_subinterpreter_is_told_what_to_do(when: str) -> None:
    """Whichever interpreter imports it first, and whether the other shares the GIL or has none."""
    if not any(importlib.util.find_spec(name) for name in ("_interpreters", "_xxsubinterpreters")):
        pytest.skip("this Python makes no subinterpreters")
    answer = subprocess.run(
        [sys.executable, "-c", PROGRAM, when, "isolated", "legacy"],
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    said = answer.stdout.splitlines()
    assert len(said) == 2
    for line in said:
        assert line.startswith("fastinet fastinet cannot be imported in a subinterpreter")
        assert "ProcessPoolExecutor" in line


def test_the_main_interpreter_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_subinterpreter()
    # Nor is one that cannot be asked; one that says it is another is.
    monkeypatch.setattr("fastinet.base.interpreters.interpreters", None)
    refuse_subinterpreter()
    other = SimpleNamespace(get_current=lambda: (1, 0), get_main=lambda: (0, 0))
    monkeypatch.setattr("fastinet.base.interpreters.interpreters", other)
    with pytest.raises(ImportError, match="main interpreter only"):
        refuse_subinterpreter()

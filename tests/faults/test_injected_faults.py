"""Calls, disks and machines that fail: errors or the right result, and the next call works.

`make faults` tries every call; here are a few of each kind.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from faults.every_fault import OF_MACHINES, fail_calls, fail_machine
from faults.injection import KINDS, build_library
from faults.machine_faults import FAULTS, missing_rights
from faults.scenarios import SCENARIOS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD is Linux's")

MOST = 2


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that makes calls fail."""
    return build_library(tmp_path_factory.mktemp("library"))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_calls_that_fail(scenario: str, library: Path, tmp_path: Path) -> None:
    found = fail_calls(library, tmp_path, scenario, list(KINDS), MOST)
    assert [outcome for outcome in found if outcome.wrong] == []
    assert [outcome.fault for outcome in found] == list(KINDS)
    met = {outcome.fault for outcome in found if outcome.outcomes}
    assert met & {"memory", "thread", "read"}


@pytest.mark.parametrize("fault", FAULTS)
def test_machines_that_fail(fault: str, library: Path, tmp_path: Path) -> None:
    if why := missing_rights().get(fault):
        pytest.skip(f"this process has not the right: {why}")
    for scenario in OF_MACHINES[fault][list(FAULTS).index(fault) % 3 :: 6]:
        found = fail_machine(library, tmp_path, scenario, fault, MOST)
        assert not found.wrong
        assert found.outcomes
        if fault != "control group":  # the kernel may kill, and need not
            assert ("killed" in found.outcomes) == fault.startswith("killed")

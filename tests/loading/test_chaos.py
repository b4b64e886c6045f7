"""A short random program over everything at once; `tests/programs/chaos.py` runs long ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from programs import chaos
from test_lifetime import HANGS_SECONDS, needs_fork, needs_proc

import fastinet


@needs_fork
@needs_proc
def test_a_short_program_comes_out_right() -> None:
    """The same steps each time: what goes wrong here goes wrong again."""
    program = Path(chaos.__file__)
    answer = subprocess.run(
        [sys.executable, "-Wignore", str(program), "--seed", "5", "--steps", "60"],
        capture_output=True,
        text=True,
        timeout=2 * HANGS_SECONDS,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stdout.startswith("1 programs from seed 5 on: 60 steps, ")


def test_the_oracle_sees_what_is_wrong(tmp_path: Path) -> None:
    oracle = chaos.Oracle(tmp_path)
    dataset = fastinet.open(oracle.path, index=False)
    loader = fastinet.Loader(dataset, 5, chaos.CROP, shuffle=True, seed=1, exact=True)
    batch = next(loader.epoch(2))
    items = oracle.order(1, 2, True)[:5]
    oracle.check(batch, items, 1, 2)
    with pytest.raises(AssertionError):
        oracle.check(batch, items[::-1], 1, 2)
    with pytest.raises(AssertionError):
        oracle.check(batch, None, 1, 3)
    batch.images[4, 0, 0, 0] ^= 1
    with pytest.raises(AssertionError):
        oracle.check(batch, None, 1, 2)
    batch.images[4, 0, 0, 0] ^= 1
    batch.labels[0] += np.int64(1)
    with pytest.raises(AssertionError):
        oracle.check(batch, None, 1, 2)


def test_a_step_that_fails_tells_the_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: chaos.Chaos) -> None:
        raise AssertionError("mine")

    monkeypatch.setattr(chaos.Chaos, "step", fail)
    with pytest.raises(AssertionError, match="mine"):
        chaos.run(11, 10.0, 3, tmp_path)
    assert "seed 11, step 0" in capsys.readouterr().out

"""The examples run, end to end, and one that is killed goes on as if it had not been."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
IMAGES = 64  # that the demo trains on
EPOCHS = 2
BATCH = 16
STEPS = EPOCHS * IMAGES // BATCH

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch")
needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs jax")


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One thread for sums, so that networks come out the same in every run; demo data of ours."""
    return {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "PYTHONPATH": str(ROOT),
        "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache")),
        # What XLA has compiled for the first run of the example serves the others.
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path_factory.mktemp("compiled")),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def example(name: str, *arguments: object) -> list[str]:
    return [sys.executable, str(ROOT / "examples" / name), "--demo", *map(str, arguments)]


def resnet50(folder: Path, batch_size: int = BATCH, threads: int = 1) -> list[str]:
    options = ("--epochs", EPOCHS, "--lr", 1, "--mixup", 0.4, "--cutmix", 1, "--progressive")
    return example(
        "train_resnet50_torch.py",
        *options,
        *("--batch-size", batch_size, "--threads", threads, "--save-every", 1),
        *("--output", folder, "--trace", folder / "trace"),
    )


def run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def positions(folder: Path, world: int = 1) -> dict[tuple[int, int], Any]:
    """What came at each position of each epoch: {(epoch, position): (item, image's checksum)}."""
    seen = {}
    for rank in range(world):
        for line in (folder / f"trace.{rank}.jsonl").read_text().splitlines():
            step = json.loads(line)
            for row, content in enumerate(zip(step["indices"], step["images"], strict=True)):
                seen[step["epoch"], step["position"] + rank + world * row] = content
    return seen


def weights(folder: Path) -> Any:
    import torch

    state = torch.load(folder / "last.pt", weights_only=True)["network"]
    return {name: value.numpy().tobytes() for name, value in state.items()}


@pytest.fixture(scope="session")
def unbroken(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Path:
    """The folder of a run that nothing happened to."""
    folder = tmp_path_factory.mktemp("runs") / "unbroken"
    folder.mkdir()
    said = run(resnet50(folder), environment)
    assert said.count("top-1") == EPOCHS
    return folder


def kill_at_step(command: list[str], environment: dict[str, str], trace: Path, steps: int) -> None:
    """Kills a training run, without warning, soon after it has begun that many steps."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    while not trace.exists() or trace.read_text().count("\n") < steps:
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()


@needs_torch
def test_a_killed_run_goes_on(tmp_path: Path, unbroken: Path, environment: dict[str, str]) -> None:
    """Same items, same pixels and, since the mixing is the same too, the same weights to the bit.

    Then once more from where it was killed, as two ranks of half the batch.
    """
    expected = positions(unbroken)
    assert len(expected) == EPOCHS * IMAGES
    for epoch in range(EPOCHS):  # nothing twice, nothing left out
        items = [item for (of, _), (item, _) in expected.items() if of == epoch]
        assert sorted(items) == list(range(IMAGES))
    folder = tmp_path / "killed"
    folder.mkdir()
    steps = random.randint(1, STEPS)
    kill_at_step(resnet50(folder), environment, folder / "trace.0.jsonl", steps)
    before = positions(folder)
    copy = tmp_path / "two_ranks"
    copy.mkdir()
    if (folder / "last.pt").exists():
        (copy / "last.pt").write_bytes((folder / "last.pt").read_bytes())

    said = run(resnet50(folder, threads=2), environment)
    assert ("going on at" in said) == (copy / "last.pt").exists()
    assert positions(folder) == expected, f"killed at step {steps}"
    assert weights(folder) == weights(unbroken)

    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    ranks = resnet50(copy, batch_size=BATCH // 2)
    run([*launcher, "--nproc-per-node", "2", *ranks[1:]], environment)
    assert {**before, **positions(copy, world=2)} == expected, f"killed at step {steps}"


@needs_torch
def test_the_demo_needs_no_other_options(environment: dict[str, str]) -> None:
    said = run(example("train_resnet50_torch.py"), environment)
    assert said.count("step 0: loss") == said.count("top-1") == 5


@needs_jax
def test_jax_example(environment: dict[str, str]) -> None:
    said = run(example("train_jax.py"), environment)  # as its first lines say
    assert said.count("step 0: loss") == said.count("top-1") == 5
    assert "of 16\n" in said  # each of the held-out items, once


@needs_jax
def test_jax_example_goes_on(tmp_path: Path, environment: dict[str, str]) -> None:
    """Killed after a checkpoint, it comes to the same weights."""

    def command(folder: str) -> list[str]:
        options = ("--epochs", 3, "--batch-size", 16, "--save-every", 1, "--lr", 1)
        return example("train_jax.py", *options, "--output", tmp_path / folder)

    run(command("unbroken"), environment)
    last = tmp_path / "killed" / "last.npz"
    process = subprocess.Popen(command("killed"), env=environment, stdout=subprocess.DEVNULL)
    while not last.exists():
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert "going on at" in run(command("killed"), environment)
    ends = [dict(np.load(tmp_path / folder / "last.npz")) for folder in ("unbroken", "killed")]
    assert ends[0].keys() == ends[1].keys()
    for name, value in ends[0].items():
        assert np.array_equal(value, ends[1][name]), name


# Runs a program once for each list of arguments, in one process: PyTorch takes long to import.
SEVERAL = """
import json, runpy, sys
program, *runs = json.loads(sys.argv[1])
for arguments in runs:
    sys.argv = [program, *arguments]
    runpy.run_path(program, run_name="__main__")
"""


@needs_torch
def test_gpu_feed_runs_on_a_cpu(environment: dict[str, str]) -> None:
    program = str(ROOT / "benchmarks" / "gpu_feed.py")
    options = "--device cpu --model tiny --size 32 --batch-size 8 --steps 3 --warm-up 1 --rounds 2"
    always = [*options.split(), "--images", "40"]
    runs = (["--json"], ["--model", "paced", "--pace", "400", "--json"], ["--model", "none"])
    several = json.dumps([program, *([*always, *more] for more in runs)])
    said = run([sys.executable, "-c", SEVERAL, several], environment).splitlines()
    measured, paced = map(json.loads, said[:2])
    rates = measured["images_per_second"]
    low, high = measured["ratio_range"]
    assert 0 < low <= measured["ratio"] <= high
    assert min(rates["fastinet"], rates["synthetic"]) > 0
    assert measured["cpu_share_left"] <= 1
    assert 0 < paced["images_per_second"]["synthetic"] <= 400  # waiting never ends early
    assert any("ratio" in line for line in said[2:])

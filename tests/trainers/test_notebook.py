"""Notebooks, in a kernel of Jupyter: a bar that is drawn, cells that are interrupted and rerun."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

jupyter_client = pytest.importorskip("jupyter_client")
pytest.importorskip("ipykernel")

HANGS_SECONDS = 120
# Of the kernel's client, which asks asyncio and zmq for what newer ones no longer have.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

PREPARE = """
import asyncio, json, threading
import fastinet

def threads():
    import os
    return len(os.listdir("/proc/self/task")) if os.path.exists("/proc/self/task") else 0
"""
LOOP = """
before = threads()
{0} batch in loader:
    seen += 1
    print("seen", flush=True)
    {1}
"""


class Notebook:
    """A kernel and what its cells have put out."""

    def __init__(self, manager: Any, client: Any) -> None:
        self._manager, self._client = manager, client

    def run(self, code: str, *, interrupt_at: str | None = None) -> list[dict[str, Any]]:
        """Runs a cell; its messages. It is interrupted once it has printed `interrupt_at`."""
        cell, outputs = self._client.execute(code), []
        while True:
            message = self._client.get_iopub_msg(timeout=HANGS_SECONDS)
            if message["parent_header"].get("msg_id") != cell:
                continue
            kind, content = message["msg_type"], message["content"]
            outputs.append({"kind": kind, **content})
            if kind == "status" and content["execution_state"] == "idle":
                return outputs
            if interrupt_at is not None and interrupt_at in content.get("text", ""):
                self._manager.interrupt_kernel()
                interrupt_at = None

    def value(self, code: str) -> Any:
        """What an expression is."""
        outputs = self.run(f"print(json.dumps({code}))")
        errors = [output for output in outputs if output["kind"] == "error"]
        assert not errors, errors
        return json.loads("".join(output.get("text", "") for output in outputs))


def error_of(outputs: list[dict[str, Any]]) -> str | None:
    """What kind of error has ended a cell."""
    return next((output["ename"] for output in outputs if output["kind"] == "error"), None)


@pytest.fixture(scope="module")
def notebook(archive_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "train.tar").write_bytes(archive_path.read_bytes())
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
    }
    manager = jupyter_client.KernelManager()
    manager.kernel_spec.argv[0] = sys.executable
    manager.start_kernel(cwd=str(folder), env=environment)
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=HANGS_SECONDS)
        made = Notebook(manager, client)
        assert error_of(made.run(PREPARE)) is None
        yield made
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_the_progress_of_an_index_is_one_output_of_the_cell(notebook: Notebook) -> None:
    outputs = notebook.run("ds = fastinet.open('train.tar', progress=True)")
    assert error_of(outputs) is None
    drawn = [each for each in outputs if each["kind"] in {"display_data", "update_display_data"}]
    assert drawn[0]["kind"] == "display_data"
    assert {each["kind"] for each in drawn[1:]} <= {"update_display_data"}
    assert "index of train.tar " in drawn[-1]["data"]["text/plain"]
    assert "100%" in drawn[-1]["data"]["text/plain"]
    assert not [each for each in outputs if each["kind"] == "stream"]


@pytest.mark.parametrize(
    ("loop", "waits"),
    [("for", "__import__('time').sleep(0.02)"), ("async for", "await asyncio.sleep(0.02)")],
)
def test_a_cell_is_interrupted_and_run_again(notebook: Notebook, loop: str, waits: str) -> None:
    crop = "fastinet.RandomResizedCrop(16)"
    made = f"loader = fastinet.Loader(fastinet.open('train.tar'), 2, {crop}, threads=2); seen = 0"
    assert error_of(notebook.run(made)) is None
    cell = LOOP.format(loop, waits)
    for turn in range(3):
        outputs = notebook.run(cell, interrupt_at="seen")
        # IPython says of a task that it has cancelled what asyncio says.
        assert error_of(outputs) in {"KeyboardInterrupt", "CancelledError"}
        state = notebook.value("loader.state_dict()")
        assert state["epoch"] == turn
        assert 2 <= state["position"] < 43
        deadline = time.monotonic() + HANGS_SECONDS
        while notebook.value("threads() - before") > 2 and time.monotonic() < deadline:
            pass
        assert notebook.value("threads() - before") <= 2, "the loader's own, which later loops use"
    notebook.run("before = threads(); seen = 0")
    assert error_of(notebook.run(cell)) is None
    assert notebook.value("seen") == 22
    assert notebook.value("[loader.state_dict()['epoch'], threads() - before]") == [4, 0]

"""What SECURITY.md promises of the code: importing reaches no network, and no pickle is run."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "fastinet").rglob("*.py"))

# Whatever Python says of sockets by its audit events but making one, which pairs of them need, ends
# the import. Those of frameworks import what is not ours.
IMPORT_ALL = """
import json, pkgutil, sys

def refuse(event, arguments):
    reaches = event.startswith("socket.") and event not in ("socket.__new__", "socket.gethostname")
    if reaches or event.startswith(("urllib.", "http.", "ftplib.", "smtplib.", "webbrowser.")):
        raise SystemExit(f"{event} {arguments} at import")

sys.addaudithook(refuse)
if sys.argv[1:]:
    import socket
    socket.socket().connect(("127.0.0.1", 9))
import fastinet

frameworks = ("fastinet.torch", "fastinet.jax", "fastinet.keras", "fastinet.timm")
imported = []
for module in pkgutil.walk_packages(fastinet.__path__, "fastinet."):
    if module.name.startswith(frameworks) or module.name.endswith("__main__"):
        continue
    __import__(module.name)
    imported.append(module.name)
print(json.dumps(imported))
"""


def imports(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", IMPORT_ALL, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_importing_reaches_no_network() -> None:
    done = imports()
    assert done.returncode == 0, done.stderr
    imported = json.loads(done.stdout)
    assert {"fastinet.items.opening", "fastinet.cli", "fastinet._native._engine"} <= set(imported)


def test_reaching_the_network_would_be_seen() -> None:
    done = imports("connect")
    assert done.returncode == 1
    assert "socket.connect" in done.stderr


# What gives back objects from bytes by running what the bytes say, and what runs text.
RUNNERS = {
    "pickle": {"load", "loads", "Unpickler"},
    "marshal": {"load", "loads"},
    "shelve": {"open"},
    "torch": {"load"},
    "joblib": {"load"},
    "dill": {"load", "loads"},
    "yaml": {"load", "unsafe_load"},
    "pandas": {"read_pickle"},
}
BUILT_IN_RUNNERS = {"eval", "exec"}
CLIENTS = {"urllib.request", "http.client", "requests", "ftplib", "smtplib", "httpx", "aiohttp"}


def runners_in(source: str) -> list[str]:
    """Calls, or mentions, of anything that runs what bytes say; and imports of network clients."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name(id=module), attr=name):
                if name in RUNNERS.get(module, ()):
                    found.append(f"{module}.{name}")
            case ast.ImportFrom(module=str(module), names=names):
                wanted = RUNNERS.get(module, set())
                found += [f"{module}.{name.name}" for name in names if name.name in wanted]
                found += [module] * (module in CLIENTS)
            case ast.Import(names=names):
                found += [name.name for name in names if name.name in CLIENTS]
            case ast.Call(func=ast.Name(id=name)) if name in BUILT_IN_RUNNERS:
                found.append(name)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="np" | "numpy"), attr="load")):
                found += [] if _says_no_pickle(node) else ["np.load without allow_pickle=False"]
    return found


def _says_no_pickle(call: ast.Call) -> bool:
    return any(
        keyword.arg == "allow_pickle"
        and isinstance(keyword.value, ast.Constant)
        and keyword.value.value is False
        for keyword in call.keywords
    )


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\npickle.load(file)",
        "import pickle\nclass Mine(pickle.Unpickler): pass",
        "from pickle import loads",
        "import torch\ntorch.load(path)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "eval(text)",
        "import urllib.request",
        "from http.client import HTTPConnection",
    ],
)
def test_what_runs_bytes_is_found(source: str) -> None:
    assert len(runners_in(source)) == 1


def test_no_module_runs_what_files_say() -> None:
    assert len(MODULES) > 100
    found = {
        path.relative_to(ROOT).as_posix(): runners
        for path in MODULES
        if (runners := runners_in(path.read_text("utf-8")))
    }
    assert found == {}

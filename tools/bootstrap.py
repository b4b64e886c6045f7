"""Prepares a fresh machine: system packages, then .venv with what the build or the tests import.

    python tools/bootstrap.py            what `make demo` needs
    python tools/bootstrap.py dev bench  and these extras of pyproject.toml

Says what it installs before it does. Every failure is one line. Standard library only: it runs
before anything is installed.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

# What each package manager calls it. The libraries' names are in csrc/libraries.cmake.
Packages = dict[str, str]
COMPILER = {"apt": "g++", "dnf": "gcc-c++", "brew": "gcc"}
PYTHON_VENV = {"apt": f"python{PYTHON}-venv", "dnf": f"python{PYTHON}", "brew": f"python@{PYTHON}"}


def fail(message: str) -> NoReturn:
    """Ends the set-up with one line that says what to do."""
    sys.exit(f"set-up failed: {message}")


def install(packages: Packages) -> None:
    """Installs `packages` through apt, dnf or brew, whichever there is."""
    manager = next((each for each in packages if shutil.which(each)), None)
    if manager is None:
        choices = " / ".join(f"{each} install {names}" for each, names in packages.items())
        fail(f"no apt, dnf or brew here; install what they call: {choices}")
    names = packages[manager]
    commands = {
        # A container's package lists are often absent or stale.
        "apt": ["apt-get update -qq", f"apt-get install -y --no-install-recommends {names}"],
        "dnf": [f"dnf install -y {names}"],
        "brew": [f"brew install {names}"],
    }[manager]
    if manager != "brew" and os.geteuid() != 0:
        probe = ["sudo", *([] if sys.stdin.isatty() else ["-n"]), "true"]
        if not shutil.which("sudo") or subprocess.run(probe, check=False).returncode != 0:
            fail(f"not root and no sudo: ask for these packages: {names}")
        commands = [f"sudo {command}" for command in commands]
    shown = " && ".join(commands)
    print(f"fastinet needs system packages: {names}\ninstalling them: {shown}", flush=True)
    for command in commands:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        if subprocess.run(shlex.split(command), env=environment, check=False).returncode != 0:
            fail(f"`{command}` failed; install by hand: {names}")


def make_venv() -> Path:
    """Creates .venv where there is none that works; returns its Python."""
    if not all(map(importlib.util.find_spec, ("ensurepip", "venv"))):
        install(PYTHON_VENV)
    python = VENV / "bin" / "python"
    probe = [str(python), "-c", "import pip"]
    if python.exists() and subprocess.run(probe, capture_output=True, check=False).returncode == 0:
        return python
    shutil.rmtree(VENV, ignore_errors=True)
    print(f"creating .venv with Python {PYTHON} ({sys.executable})", flush=True)
    if subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False).returncode != 0:
        fail(f"{sys.executable} -m venv failed: its message stands above")
    return python


def install_python_packages(python: Path, extras: list[str]) -> None:
    """Brings .venv up to pyproject.toml: to build, to run, and for `extras`."""
    text = (ROOT / "pyproject.toml").read_text()
    requirements: list[str] = []
    for key in ("requires", "dependencies", *extras):
        # Python 3.10 has no TOML reader, but these lists are spelled as Python spells them.
        match = re.search(rf"^{key} = (\[.*?\])$", text, re.MULTILINE | re.DOTALL)
        requirements += ast.literal_eval(match[1]) if match else fail(f"no {key} in pyproject.toml")
    print(f"installing into .venv: {' '.join(requirements)}", flush=True)
    command = [str(python), "-m", "pip", "install", "--quiet", *requirements]
    if subprocess.run(command, check=False).returncode != 0:
        fail("pip could not install these: its message stands above")


def remove_torchvision_of_another_torch(python: Path) -> None:
    """Takes a torchvision away that cannot be imported, and says so.

    One that was built for CUDA fails beside a torch for CPUs, and Lightning, Hugging Face's Trainer
    and timm fail with it. The first two work without any torchvision.
    """
    probe = (
        "import torch\n"
        "try:\n    import torchvision\n"
        "except ModuleNotFoundError:\n    pass\n"
        "except Exception as error:\n    print(type(error).__name__, error, sep=': ')\n"
    )
    answer = subprocess.run([str(python), "-c", probe], capture_output=True, text=True, check=False)
    cause = answer.stdout.strip()
    if not cause:
        return
    print(f"torchvision is of another build of torch, and is removed: {cause}", flush=True)
    print("what needs it, timm's tests among them, is skipped", flush=True)
    command = [str(python), "-m", "pip", "uninstall", "--quiet", "--yes", "torchvision"]
    if subprocess.run(command, check=False).returncode != 0:
        fail("pip could not remove torchvision: its message stands above")


def missing_libraries(python: Path, extras: list[str]) -> Packages | None:
    """What CMake says is missing, by its line of csrc/libraries.cmake."""
    environment = {**os.environ, **({"FASTINET_WERROR": "1"} if "dev" in extras else {})}
    command = [str(python), "setup.py", "--quiet", "configure"]
    answer = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if answer.returncode == 0:
        return None
    line = re.search(r"apt install (.+) / dnf install (.+) / brew install (.+)", answer.stderr)
    if line is None:
        fail(f"CMake cannot prepare the build:\n{answer.stderr}")
    return dict(zip(("apt", "dnf", "brew"), line.groups(), strict=True))


def main() -> None:
    """Runs the steps that are still needed."""
    extras = sys.argv[1:]
    if not os.environ.get("CXX") and not any(map(shutil.which, ("c++", "g++", "clang++"))):
        install(COMPILER)
    python = make_venv()
    install_python_packages(python, extras)
    if "trainers" in extras:
        remove_torchvision_of_another_torch(python)
    if missing := missing_libraries(python, extras):
        install(missing)
        if missing := missing_libraries(python, extras):
            fail(f"installed, but still not found: {' / '.join(missing.values())}")


if __name__ == "__main__":
    main()

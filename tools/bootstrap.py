"""Prepares a fresh machine: system packages, then .venv with what the build or the tests import.

    python tools/bootstrap.py            what `make demo` needs
    python tools/bootstrap.py dev bench  and these extras of pyproject.toml

Says what it installs before it does. Every failure is one line. Standard library only: it runs
before anything is installed.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON_SERIES = f"{sys.version_info.major}.{sys.version_info.minor}"

# What apt, dnf and brew call it. The libraries' names are in csrc/libraries.cmake.
Packages = dict[str, str]
COMPILER = {"apt": "g++", "dnf": "gcc-c++", "brew": "gcc"}
PYTHON_VENV = {
    "apt": f"python{PYTHON_SERIES}-venv",
    "dnf": f"python{PYTHON_SERIES}",
    "brew": f"python@{PYTHON_SERIES}",
}


class SetUpError(Exception):
    """Set-up cannot go on. The message is one line that says what to do."""


def install(packages: Packages) -> None:
    """Installs `packages` through apt, dnf or brew, whichever there is."""
    commands: list[list[str]]
    if shutil.which("apt-get"):
        names = packages["apt"]
        # A container's package lists are often absent or stale.
        commands = [["apt-get", "update", "-qq"]]
        commands += [["apt-get", "install", "-y", "--no-install-recommends", *names.split()]]
    elif shutil.which("dnf"):
        names = packages["dnf"]
        commands = [["dnf", "install", "-y", *names.split()]]
    elif shutil.which("brew"):
        names = packages["brew"]
        commands = [["brew", "install", *names.split()]]
    else:
        choices = " / ".join(f"{tool} install {names}" for tool, names in packages.items())
        raise SetUpError(f"no apt, dnf or brew here; install what they call: {choices}")
    if commands[0][0] != "brew" and os.geteuid() != 0:
        probe = ["sudo", *([] if sys.stdin.isatty() else ["-n"]), "true"]
        if not shutil.which("sudo") or subprocess.run(probe, check=False).returncode != 0:
            raise SetUpError(f"not root and no sudo: ask for these packages: {names}")
        commands = [["sudo", *command] for command in commands]
    shown = " && ".join(map(shlex.join, commands))
    print(f"fastinet needs system packages: {names}\ninstalling them: {shown}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in commands:
        if subprocess.run(command, env=environment, check=False).returncode != 0:
            raise SetUpError(f"`{shlex.join(command)}` failed; install by hand: {names}")


def make_venv() -> Path:
    """Creates .venv where there is none that works; returns its Python."""
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        install(PYTHON_VENV)
    python = VENV / "bin" / "python"
    probe = [str(python), "-c", "import pip"]
    if python.exists() and subprocess.run(probe, capture_output=True, check=False).returncode == 0:
        return python
    shutil.rmtree(VENV, ignore_errors=True)
    print(f"creating .venv with Python {PYTHON_SERIES} ({sys.executable})", flush=True)
    if subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False).returncode != 0:
        raise SetUpError(f"{sys.executable} -m venv failed: its message stands above")
    return python


def python_requirements(extras: Sequence[str]) -> list[str]:
    """What pyproject.toml asks for: to build, to run, and for `extras`."""
    text = (ROOT / "pyproject.toml").read_text()

    def read_list(key: str) -> list[str]:
        # Python 3.10 has no TOML reader, but these lists are spelled as Python spells them.
        match = re.search(rf"^{key} = (\[.*?\])$", text, re.MULTILINE | re.DOTALL)
        if match is None:
            raise SetUpError(f"pyproject.toml has no list {key}")
        return list(ast.literal_eval(match.group(1)))

    return [entry for key in ("requires", "dependencies", *extras) for entry in read_list(key)]


def install_python_packages(python: Path, extras: Sequence[str]) -> None:
    """Brings .venv up to pyproject.toml."""
    requirements = python_requirements(extras)
    print(f"installing into .venv: {' '.join(requirements)}", flush=True)
    command = [str(python), "-m", "pip", "install", "--quiet", *requirements]
    if subprocess.run(command, check=False).returncode != 0:
        raise SetUpError("pip could not install these: its message stands above")


def missing_libraries(python: Path, extras: Sequence[str]) -> Packages | None:
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
        raise SetUpError(f"CMake cannot prepare the build:\n{answer.stderr}")
    return dict(zip(("apt", "dnf", "brew"), line.groups(), strict=True))


def main() -> None:
    """Runs the steps that are still needed."""
    parser = argparse.ArgumentParser(description="Prepares a fresh machine to build fastinet.")
    parser.add_argument("extras", nargs="*", help="extras of pyproject.toml: dev, bench")
    extras = parser.parse_args().extras
    try:
        if not os.environ.get("CXX") and not any(map(shutil.which, ("c++", "g++", "clang++"))):
            install(COMPILER)
        python = make_venv()
        install_python_packages(python, extras)
        if missing := missing_libraries(python, extras):
            install(missing)
            if missing := missing_libraries(python, extras):
                raise SetUpError(f"installed, but still not found: {' / '.join(missing.values())}")
    except SetUpError as error:
        sys.exit(f"set-up failed: {error}")


if __name__ == "__main__":
    main()

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
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from native_build import BuildError, NativeBuild, Variant, find_compiler
from native_libraries import LIBRARIES, Library, LibraryMissingError

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON_SERIES = f"{sys.version_info.major}.{sys.version_info.minor}"


class SetUpError(Exception):
    """Set-up cannot go on. The message is one line that says what to do."""


@dataclass(frozen=True)
class SystemPackage:
    """One thing that the system's package manager provides, by its name there."""

    apt: str
    dnf: str
    brew: str


COMPILER = SystemPackage(apt="g++", dnf="gcc-c++", brew="gcc")
PYTHON_HEADERS = SystemPackage(
    apt=f"python{PYTHON_SERIES}-dev",
    dnf=f"python{PYTHON_SERIES}-devel",
    brew=f"python@{PYTHON_SERIES}",
)
PYTHON_VENV = SystemPackage(
    apt=f"python{PYTHON_SERIES}-venv",
    dnf=f"python{PYTHON_SERIES}",
    brew=f"python@{PYTHON_SERIES}",
)


def missing_packages() -> list[SystemPackage]:
    """What must still be installed before fastinet can be built."""
    missing = []
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        missing.append(PYTHON_VENV)
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        missing.append(PYTHON_HEADERS)
    libraries: Sequence[Library] = []
    try:
        find_compiler()
    except BuildError:
        # Without a compiler nothing can be looked for; asking for a present package costs nothing.
        missing.append(COMPILER)
        libraries = LIBRARIES
    else:
        build = NativeBuild(ROOT, Variant())
        build.check_compiler()
        try:
            _ = build.libraries
        except LibraryMissingError as error:
            libraries = error.libraries
    return missing + [SystemPackage(each.apt, each.dnf, each.brew) for each in libraries]


def install(packages: Sequence[SystemPackage]) -> None:
    """Installs `packages` through apt, dnf or brew, whichever there is."""
    commands, names = _installation(packages)
    shown = " && ".join(shlex.join(command) for command in commands)
    print(
        f"fastinet needs system packages: {' '.join(names)}\ninstalling them: {shown}", flush=True
    )
    for command in commands:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        if subprocess.run(command, env=environment, check=False).returncode != 0:
            raise SetUpError(f"`{shlex.join(command)}` failed; install by hand: {' '.join(names)}")


def _installation(packages: Sequence[SystemPackage]) -> tuple[list[list[str]], list[str]]:
    """The commands that install `packages` here, and the packages' names here."""
    if shutil.which("apt-get"):
        names = [package.apt for package in packages]
        # A container's package lists are often absent or stale.
        update = ["apt-get", "update", "-qq"]
        commands = [update, ["apt-get", "install", "-y", "--no-install-recommends", *names]]
        return [_as_root(command, names) for command in commands], names
    if shutil.which("dnf"):
        names = [package.dnf for package in packages]
        return [_as_root(["dnf", "install", "-y", *names], names)], names
    if shutil.which("brew"):
        names = [package.brew for package in packages]
        return [["brew", "install", *names]], names
    apt, dnf, brew = (
        " ".join(getattr(package, manager) for package in packages)
        for manager in ("apt", "dnf", "brew")
    )
    raise SetUpError(
        f"no apt, dnf or brew here; install what they call: apt install {apt} / "
        f"dnf install {dnf} / brew install {brew}"
    )


def _as_root(command: list[str], names: Sequence[str]) -> list[str]:
    """`command` with sudo before it where that is needed and possible."""
    if os.geteuid() == 0:
        return command
    may_ask = sys.stdin.isatty()
    if shutil.which("sudo"):
        probe = ["sudo", "-n", "true"]
        if may_ask or subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return ["sudo", *command]
    raise SetUpError(f"not root and no sudo: ask for these packages: {' '.join(names)}")


def make_venv() -> Path:
    """Creates .venv where there is none that works; returns its Python."""
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


def main() -> None:
    """Runs the steps that are still needed."""
    parser = argparse.ArgumentParser(description="Prepares a fresh machine to build fastinet.")
    parser.add_argument("extras", nargs="*", help="extras of pyproject.toml: dev, bench")
    extras = parser.parse_args().extras
    try:
        missing = missing_packages()
        if missing:
            install(missing)
        still_missing = missing_packages() if missing else []
        if still_missing:
            names = " ".join(_installation(still_missing)[1])
            raise SetUpError(f"installed, but still not found: {names}")
        install_python_packages(make_venv(), extras)
    except (BuildError, SetUpError) as error:
        sys.exit(f"set-up failed: {error}")


if __name__ == "__main__":
    main()

"""Builds fastinet: CMake compiles csrc/ and the Cython modules, setuptools packs what comes out.

How to compile is in csrc/CMakeLists.txt; everything that is not native code, in pyproject.toml.
The environment chooses: CXX, CPPFLAGS, CFLAGS, CXXFLAGS, LDFLAGS and CMake's own variables, and
  FASTINET_PRESET=debug|asan|tsan|coverage|fuzz   another of csrc/CMakePresets.json than release
  FASTINET_WERROR=1   the developers' build: all warnings, as errors, and the C++ tests
  FASTINET_JOBS=N     compilers at once (default: as many as there are CPUs)
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
PRESET = os.environ.get("FASTINET_PRESET", "release")
FOLDER = ROOT / "build" / PRESET
# CMake hears of these only when it meets an empty folder.
COMPILER = ("CXX", "CPPFLAGS", "CFLAGS", "CXXFLAGS", "LDFLAGS", "ARCHFLAGS", "CMAKE_PREFIX_PATH")


def tool(name: str) -> str:
    """Where `cmake` or `ninja` is: in this Python's environment, or else on PATH."""
    path = shutil.which(name, path=f"{sysconfig.get_path('scripts')}:{os.environ.get('PATH', '')}")
    if path is None:
        raise SystemExit(f"fastinet's build needs {name}: pip install cmake ninja")
    return path


def cmake(*arguments: str, quiet: bool = False, **environment: str) -> None:
    """Runs CMake; ends the build where it fails."""
    command = [tool("cmake"), *arguments]
    output = subprocess.DEVNULL if quiet else None
    environment = {**os.environ, **environment}
    if subprocess.run(command, cwd=ROOT, env=environment, stdout=output, check=False).returncode:
        raise SystemExit(f"`cmake {shlex.join(arguments)}` failed: its message stands above")


class Configure(build_ext):
    """`configure`: brings the build folder to what this Python and the environment ask for."""

    def run(self) -> None:
        """Runs CMake's first step where something changed."""
        import numpy as np
        import pybind11

        for name in ("FASTINET_COVERAGE", "FASTINET_DEBUG", "FASTINET_SANITIZE"):
            if name in os.environ:  # of earlier versions
                raise SystemExit(f"{name} is not known any more: FASTINET_PRESET chooses the build")
        given = {name: os.environ.get(name, "") for name in COMPILER}
        options = {
            "CMAKE_MAKE_PROGRAM": tool("ninja"),
            "FASTINET_PYTHON": "ON",
            "Python_EXECUTABLE": sys.executable,
            "Python_NumPy_INCLUDE_DIR": np.get_include(),
            "pybind11_DIR": pybind11.get_cmake_dir(),
        }
        if os.environ.get("FASTINET_WERROR", "0") not in ("", "0"):
            options |= {"FASTINET_WERROR": "ON", "FASTINET_TESTS": "ON"}
        command = ["-S", "csrc", "--preset", PRESET]
        command += [f"-D{name}={value}" for name, value in options.items()]
        stamp = FOLDER / "configured.json"
        made_by = json.loads(stamp.read_text()) if stamp.exists() else []
        if made_by == [given, command]:
            return
        if made_by and made_by[0] != given:
            shutil.rmtree(FOLDER)
        stamp.unlink(missing_ok=True)
        architecture = given["ARCHFLAGS"] if sys.platform == "darwin" else ""
        flags = " ".join([given["CPPFLAGS"], given["CFLAGS"], given["CXXFLAGS"], architecture])
        cmake(*command, CXXFLAGS=flags, LDFLAGS=f"{given['LDFLAGS']} {architecture}")
        stamp.write_text(json.dumps([given, command]))


class BuildModules(Configure):
    """`build_ext`: the compiled modules and _build.json."""

    def run(self) -> None:
        """Compiles what changed and copies it into the package."""
        super().run()
        jobs = os.environ.get("FASTINET_JOBS", "")
        cmake("--build", str(FOLDER), "--target", "modules", *(["-j", jobs] if jobs else []))
        place = ROOT if self.inplace or self.editable_mode else Path(self.build_lib).resolve()
        install = ["--install", str(FOLDER), "--component", "python", "--prefix", str(place)]
        cmake(*install, quiet=True)


setup(
    ext_modules=[Extension("fastinet._native._engine", [])],  # makes the wheel one of this platform
    cmdclass={"configure": Configure, "build_ext": BuildModules},
)

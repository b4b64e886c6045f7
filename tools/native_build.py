"""Compiles C++: which flags, which compiler, what is out of date. Standard library only.

setuptools compiles one file after another and knows nothing of headers; this compiles in parallel
and again only what changed, headers included. `setup.py` builds the core and the extension modules
with it, `tools/cpp_tests.py` the C++ tests and fuzzers.

The environment chooses: CXX, CPPFLAGS, CFLAGS, CXXFLAGS, LDFLAGS as everywhere, and
  FASTINET_SANITIZE=address|thread|undefined  (several with commas)
  FASTINET_DEBUG=1      no optimisation, debug symbols, assertions
  FASTINET_COVERAGE=1   counters for gcov
  FASTINET_WERROR=1     the developers' build: all warnings, as errors
  FASTINET_JOBS=N       compilers at once (default: one for each usable CPU)
"""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from native_libraries import FoundLibraries, find_libraries

# No -march: SIMD is chosen at run time. No fused a * b + c: every machine gives the same bits.
LANGUAGE_FLAGS = ["-std=c++20", "-fPIC", "-pthread", "-fvisibility=hidden", "-ffp-contract=off"]

STRICT_FLAGS = [
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wshadow",
    "-Wconversion",
    "-Wno-sign-conversion",
    "-Werror",
]

SANITIZERS = ("address", "thread", "undefined")


class BuildError(Exception):
    """The build cannot go on. The message is one line; compilers have printed their own before."""


@dataclass(frozen=True)
class Variant:
    """One way to build: everything that is chosen by FASTINET_... variables."""

    sanitize: tuple[str, ...] = ()
    debug: bool = False
    coverage: bool = False
    strict: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Variant:
        """Reads the variables that the module's docstring lists."""
        names = re.split(r"[,\s]+", environment.get("FASTINET_SANITIZE", "").strip())
        sanitize = tuple(sorted({name for name in names if name}))
        unknown = [name for name in sanitize if name not in SANITIZERS]
        if unknown:
            raise BuildError(f"FASTINET_SANITIZE knows {', '.join(SANITIZERS)}, not {unknown[0]}")
        if {"address", "thread"} <= set(sanitize):
            raise BuildError("FASTINET_SANITIZE: address and thread exclude each other")

        def is_on(name: str) -> bool:
            return environment.get(name, "0") not in ("", "0")

        return cls(
            sanitize=sanitize,
            debug=is_on("FASTINET_DEBUG"),
            coverage=is_on("FASTINET_COVERAGE"),
            strict=is_on("FASTINET_WERROR"),
        )

    @property
    def name(self) -> str:
        """Names the variant's folder. `strict` has no part in it: it changes no object file."""
        parts = [*self.sanitize]
        parts += ["debug"] if self.debug else []
        parts += ["coverage"] if self.coverage else []
        return "-".join(parts) or "release"

    def compile_flags(self) -> list[str]:
        """Flags that shape the object code; warnings are apart."""
        flags = list(LANGUAGE_FLAGS)
        if self.debug:
            flags += ["-O0", "-g"]
        elif self.sanitize or self.coverage:
            flags += ["-O1", "-g"]
        else:
            flags += ["-O3", "-DNDEBUG"]
        if self.sanitize:
            flags += [f"-fsanitize={','.join(self.sanitize)}", "-fno-omit-frame-pointer"]
            flags += ["-fno-sanitize-recover=undefined"] if "undefined" in self.sanitize else []
        if self.debug or self.sanitize:
            flags += ["-D_GLIBCXX_ASSERTIONS"]
        flags += ["--coverage"] if self.coverage else []
        return flags

    def link_flags(self) -> list[str]:
        """What the linker must hear of the above."""
        flags = ["-pthread"]
        flags += [f"-fsanitize={','.join(self.sanitize)}"] if self.sanitize else []
        flags += ["--coverage"] if self.coverage else []
        return flags


@dataclass(frozen=True)
class Unit:
    """One source file to compile."""

    source: Path
    include_flags: tuple[str, ...] = ()
    own_code: bool = True  # generated code is spared the strict warnings


def usable_cpus() -> int:
    """How many compilers to run at once."""
    jobs = os.environ.get("FASTINET_JOBS", "")
    if jobs.isdigit() and int(jobs) > 0:
        return int(jobs)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def find_compiler() -> list[str]:
    """The C++ compiler: CXX, else Python's own, else the usual names."""
    chosen = shlex.split(os.environ.get("CXX", ""))
    if chosen and shutil.which(chosen[0]):
        return chosen
    if chosen:
        raise BuildError(f"CXX names a compiler that is not there: {chosen[0]}")
    pythons = shlex.split(sysconfig.get_config_var("CXX") or "")[:1]
    for name in [*pythons, "c++", "g++", "clang++"]:
        if shutil.which(name):
            return [name]
    raise BuildError(
        "fastinet needs a C++20 compiler: "
        "apt install g++ / dnf install gcc-c++ / xcode-select --install"
    )


def _environment_flags(*names: str) -> list[str]:
    return [flag for name in names for flag in shlex.split(os.environ.get(name, ""))]


def _platform_flags() -> list[str]:
    """On a Mac, one architecture: Python may be universal, Homebrew's libraries are not."""
    if platform.system() != "Darwin":
        return []
    return _environment_flags("ARCHFLAGS") or ["-arch", platform.machine()]


class NativeBuild:
    """Compiles, archives and links under `root`/build/`variant`."""

    def __init__(self, root: Path, variant: Variant) -> None:
        self.root = root
        self.variant = variant
        self.folder = root / "build" / variant.name
        self.compiler = [*find_compiler(), *_platform_flags()]

    @cached_property
    def compile_command(self) -> list[str]:
        """The compiler with all flags but include paths and warnings."""
        flags = _environment_flags("CPPFLAGS", "CFLAGS", "CXXFLAGS")
        return [*self.compiler, *self.variant.compile_flags(), *flags]

    @cached_property
    def libraries(self) -> FoundLibraries:
        """The libraries to link; raises LibraryMissingError."""
        return find_libraries(self.compile_command, _environment_flags("LDFLAGS"))

    @cached_property
    def compiler_version(self) -> str:
        """First line of what the compiler says of itself."""
        answer = subprocess.run(
            [*self.compiler, "--version"], capture_output=True, text=True, check=False
        )
        return (answer.stdout.splitlines() or ["unknown"])[0]

    def check_compiler(self) -> None:
        """Raises BuildError for a compiler that does not know enough C++20."""
        answer = subprocess.run(
            [*self.compile_command, "-fsyntax-only", "-x", "c++", "-"],
            input="#include <bit>\n#include <concepts>\n#include <span>\nstd::span<int> s;\n",
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode != 0:
            reason = (answer.stderr.strip().splitlines() or ["it gave no reason"])[0]
            raise BuildError(
                f"fastinet needs a C++20 compiler (GCC 11, Clang 14 or newer); set CXX. "
                f"{self.compiler[0]} failed: {reason}"
            )

    # The core and what is linked from it.

    def core_sources(self) -> list[Path]:
        """Every source of the core, as paths relative to the root."""
        apart = {self.root / "csrc" / "fuzz", self.root / "csrc" / "bindings"}
        return sorted(
            path.relative_to(self.root)
            for path in (self.root / "csrc").rglob("*.cc")
            if not path.name.endswith("_test.cc") and not apart & set(path.parents)
        )

    def core_library(self) -> Path:
        """Brings the static library up to date and says where it is."""
        self.check_compiler()
        include_flags = ("-Icsrc", *self.libraries.compile_flags)
        objects = self.compile([Unit(path, include_flags) for path in self.core_sources()])
        archive = self.folder / "libfastinet_core.a"
        if not _is_newer(archive, objects) or _members_differ(archive, objects):
            # From nothing: `ar` alone would keep the objects of deleted sources.
            archive.unlink(missing_ok=True)
            self._run([os.environ.get("AR", "ar"), "rcs", str(archive), *map(str, objects)])
            _members_file(archive).write_text("\n".join(map(str, objects)))
        return archive

    def link_module(self, objects: Sequence[Path], core: Path, module: Path) -> None:
        """Links a Python extension module."""
        shape = ["-shared"]
        if platform.system() == "Darwin":
            shape = ["-bundle", "-undefined", "dynamic_lookup"]
        self._link(shape, objects, core, module)

    def link_program(self, objects: Sequence[Path], core: Path, program: Path, *flags: str) -> None:
        """Links an executable."""
        self._link(list(flags), objects, core, program)

    def _link(self, shape: list[str], objects: Sequence[Path], core: Path, output: Path) -> None:
        flags = [*self.variant.link_flags(), *self.libraries.link_flags]
        command = [*self.compiler, *shape, *map(str, objects), str(core)]
        command += [*_environment_flags("LDFLAGS"), *flags, "-o", str(output)]
        stamp = self.folder / "links" / (str(output).replace("/", "_") + ".cmd")
        is_same = stamp.exists() and stamp.read_text() == shlex.join(command)
        if is_same and _is_newer(output, [*objects, core]):
            return
        output.parent.mkdir(parents=True, exist_ok=True)
        # A running Python may have the old module mapped: give it a new file, not new contents.
        output.unlink(missing_ok=True)
        self._run(command)
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(shlex.join(command))

    # Compiling.

    def compile(self, units: Sequence[Unit]) -> list[Path]:
        """Compiles what is out of date, several at once; the objects in the order of `units`."""
        objects = [self._object_path(unit) for unit in units]
        stale = [pair for pair in zip(units, objects, strict=True) if not self._is_current(*pair)]
        # The largest first: what starts last should be short.
        stale.sort(key=lambda pair: -(self.root / pair[0].source).stat().st_size)
        failed = threading.Event()
        done = 0
        lock = threading.Lock()

        def compile_one(pair: tuple[Unit, Path]) -> None:
            nonlocal done
            if failed.is_set():
                return
            unit, output = pair
            message = self._compile_one(unit, output)
            with lock:
                done += 1
                print(f"[{done}/{len(stale)}] {unit.source}", flush=True)
                if message is not None:
                    failed.set()
                    raise BuildError(message)

        with ThreadPoolExecutor(usable_cpus()) as pool:
            for _ in pool.map(compile_one, stale):
                pass
        return objects

    def _object_path(self, unit: Unit) -> Path:
        source = unit.source
        if source.is_absolute():
            source = source.relative_to(self.root)
        # Modules are compiled against one Python; the core against none.
        uses_python = any("python" in flag.lower() for flag in unit.include_flags)
        tag = str(sys.implementation.cache_tag) if uses_python else "core"
        return self.folder / "objects" / tag / source.with_suffix(".o")

    def _command(self, unit: Unit) -> list[str]:
        return [*self.compile_command, *unit.include_flags, "-c", str(unit.source)]

    def _stamp(self, unit: Unit) -> str:
        return f"{self.compiler_version}\n{shlex.join(self._command(unit))}"

    def _is_strict(self, unit: Unit) -> bool:
        return self.variant.strict and unit.own_code

    def _is_current(self, unit: Unit, output: Path) -> bool:
        """Whether `output` was made by this command from files that have not changed since."""
        stamp, dependencies = output.with_suffix(".json"), output.with_suffix(".d")
        if not (output.exists() and stamp.exists() and dependencies.exists()):
            return False
        made_by = json.loads(stamp.read_text())
        if made_by["stamp"] != self._stamp(unit):
            return False
        # The code is the same with and without warnings, but warnings must have been asked for.
        if self._is_strict(unit) and not made_by["strict"]:
            return False
        sources = [self.root / path for path in _read_dependencies(dependencies.read_text())]
        return _is_newer(output, sources)

    def _compile_one(self, unit: Unit, output: Path) -> str | None:
        """Compiles; None, or a line that says what failed."""
        output.parent.mkdir(parents=True, exist_ok=True)
        stamp, dependencies = output.with_suffix(".json"), output.with_suffix(".d")
        stamp.unlink(missing_ok=True)
        strict = self._is_strict(unit)
        command = [*self._command(unit), "-o", str(output), "-MMD", "-MF", str(dependencies)]
        command += STRICT_FLAGS if strict else []
        started = time.time()
        answer = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            print(shlex.join(command), answer.stdout, answer.stderr, sep="\n", file=sys.stderr)
            return f"cannot compile {unit.source}"
        if answer.stderr.strip() and unit.own_code:
            print(answer.stderr, file=sys.stderr)
        # As old as its inputs at the latest: what was edited while the compiler ran is out of date.
        os.utime(output, (started, started))
        stamp.write_text(json.dumps({"stamp": self._stamp(unit), "strict": strict}))
        return None

    def _run(self, command: list[str]) -> None:
        answer = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            print(shlex.join(command), answer.stdout, answer.stderr, sep="\n", file=sys.stderr)
            raise BuildError(f"{command[0]} failed")


def _is_newer(output: Path, inputs: Sequence[Path]) -> bool:
    """Whether `output` exists and none of `inputs` is younger or gone."""
    if not output.exists():
        return False
    time_made = output.stat().st_mtime_ns
    return all(path.exists() and path.stat().st_mtime_ns <= time_made for path in inputs)


def _members_file(archive: Path) -> Path:
    return archive.with_suffix(".members")


def _members_differ(archive: Path, objects: Sequence[Path]) -> bool:
    """Whether `archive` was made of other objects: a source may have been deleted."""
    members = _members_file(archive)
    return not members.exists() or members.read_text() != "\n".join(map(str, objects))


def _read_dependencies(text: str) -> list[str]:
    """The prerequisites in a depfile: a make rule, lines joined by backslashes, spaces escaped."""
    _, _, prerequisites = text.replace("\\\n", " ").partition(": ")
    words = re.findall(r"(?:\\.|[^\s\\])+", prerequisites)
    return [re.sub(r"\\(.)", r"\1", word) for word in words]

"""Builds fastinet: the C++ core once as a static library, then the modules that link it.

Everything that is not native code stands in pyproject.toml. How to compile is in
tools/native_build.py, which also lists the environment variables that choose the build; where the
C libraries are is in tools/native_libraries.py. Nothing is searched, compiled or written before
a build command runs.
"""

from __future__ import annotations

import json
import platform
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_clib import build_clib
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "tools"))

from native_build import BuildError, NativeBuild, Unit, Variant  # noqa: E402
from native_libraries import LibraryMissingError  # noqa: E402

BUILD_FACTS = Path("fastinet") / "_build.json"  # read by fastinet/build_info.py


def relative_paths(pattern: str) -> list[str]:
    """Files of the source tree; setuptools wants them relative to it."""
    return sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern))


def extension_modules() -> list[Extension]:
    """The pybind11 engine, and one Cython module for each fastinet/_native/_*.pyx."""
    modules = [
        Extension(f"fastinet._native.{Path(source).stem}", [source], language="c++")
        for source in relative_paths("fastinet/_native/_*.pyx")
    ]
    bindings = relative_paths("csrc/bindings/*.cc")
    if bindings:
        from pybind11.setup_helpers import Pybind11Extension

        modules.append(Pybind11Extension("fastinet._native._engine", bindings, cxx_std=20))
    return modules


def native_build() -> NativeBuild:
    """The build that the environment asks for."""
    try:
        return NativeBuild(ROOT, Variant.from_environment())
    except BuildError as error:
        raise SystemExit(str(error)) from None


class BuildCore(build_clib):
    """`build_clib`: libfastinet_core.a."""

    def run(self) -> None:
        """Compiles what changed."""
        try:
            native_build().core_library()
        except (BuildError, LibraryMissingError) as error:
            raise SystemExit(str(error)) from None


class BuildModules(build_ext):
    """`build_ext`: the extension modules, and the facts about the build that lie beside them."""

    def build_extensions(self) -> None:
        """Turns .pyx into C++, compiles everything at once, links each module."""
        try:
            self._build_extensions()
        except (BuildError, LibraryMissingError) as error:
            raise SystemExit(str(error)) from None

    def _build_extensions(self) -> None:
        build = native_build()
        if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
            raise BuildError(
                "fastinet needs Python's headers: apt install python3-dev / "
                "dnf install python3-devel / brew install python"
            )
        core = build.core_library()
        modules = [(module, self._units(module, build)) for module in self.extensions]
        objects = iter(build.compile([unit for _, units in modules for unit in units]))
        for module, units in modules:
            path = Path(self.get_ext_fullpath(module.name))
            build.link_module([next(objects) for _ in units], core, path)
        self._write_facts(build, Path(self.build_lib) / BUILD_FACTS)

    def _units(self, module: Extension, build: NativeBuild) -> list[Unit]:
        """What must be compiled for `module`. Other people's headers come as system headers."""
        import numpy as np

        folders = [sysconfig.get_path("include"), sysconfig.get_path("platinclude")]
        folders += [np.get_include(), *module.include_dirs]
        flags = ["-Icsrc", *build.libraries.compile_flags, *module.extra_compile_args]
        flags += [f"-isystem{folder}" for folder in dict.fromkeys(folders)]
        if not module.sources[0].endswith(".pyx"):
            return [Unit(Path(source), tuple(flags)) for source in module.sources]
        flags += ["-DNPY_NO_DEPRECATED_API=NPY_1_7_API_VERSION"]
        generated = self._cythonize(module, build)
        return [Unit(generated, tuple(flags), own_code=False)]

    def _cythonize(self, module: Extension, build: NativeBuild) -> Path:
        """Writes the C++ of a .pyx under build/; only when it or what it cimports changed."""
        from Cython.Build import cythonize
        from Cython.Compiler.Errors import CompileError

        try:
            (result,) = cythonize(
                [Extension(module.name, module.sources, language="c++")],
                build_dir=str(build.folder.relative_to(ROOT) / "cython"),
                compiler_directives={"language_level": "3", "embedsignature": True},
                include_path=["."],
                quiet=True,
                force=self.force,
            )
        except CompileError:  # Cython has printed what and where
            raise BuildError(f"cannot translate {module.sources[0]}") from None
        return Path(result.sources[0])

    def _write_facts(self, build: NativeBuild, path: Path) -> None:
        import Cython
        import pybind11

        facts = {
            "version": self.distribution.get_version(),
            "variant": build.variant.name,
            "compiler": build.compiler_version,
            "flags": " ".join(build.compile_command[len(build.compiler) :]),
            "platform": f"{platform.system()} {platform.machine()}",
            "libraries": {
                **build.libraries.versions,
                "Cython": Cython.__version__,
                "pybind11": pybind11.__version__,
            },
        }
        text = json.dumps(facts, indent=2) + "\n"
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def copy_extensions_to_source(self) -> None:
        """In-place builds: the facts come along."""
        super().copy_extensions_to_source()
        self.copy_file(str(Path(self.build_lib) / BUILD_FACTS), str(ROOT / BUILD_FACTS))

    def get_outputs(self) -> list[str]:
        """The modules and the facts."""
        return [*super().get_outputs(), str(Path(self.build_lib) / BUILD_FACTS)]


setup(
    libraries=[
        ("fastinet_core", {"sources": relative_paths("csrc/**/*.cc")}),
    ],
    ext_modules=extension_modules(),
    cmdclass={"build_clib": BuildCore, "build_ext": BuildModules},
)

"""The C libraries that the core links: what they are called where, and where they are here.

`setup.py` asks `find_libraries` while it builds; `tools/bootstrap.py` asks before that, to install
what is not there. The table below is the one place that names packages. Standard library only.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# Where Homebrew lives: Apple silicon, Intel, Linux. Formulas that it does not link into the prefix
# itself ("keg-only") are under opt/<formula>.
BREW_PREFIXES = ("/opt/homebrew", "/usr/local", "/home/linuxbrew/.linuxbrew")


@dataclass(frozen=True)
class Library:
    """One library that must be present to build."""

    name: str  # as its authors write it
    pkg_config: str
    link_flag: str
    apt: str
    dnf: str
    brew: str
    headers: tuple[str, ...]  # included by the probe, in this order
    version: str  # preprocessor tokens that spell the version after the headers
    requirement: str  # preprocessor condition, true when the version is good enough
    probe: str  # body of a function that links only against the right library

    def includes(self) -> str:
        """The #include lines of a probe."""
        return "".join(f"#include <{header}>\n" for header in self.headers)


LIBRARIES = (
    Library(
        name="libjpeg-turbo",
        pkg_config="libjpeg",
        link_flag="-ljpeg",
        apt="libjpeg-dev",  # a dummy package: libjpeg62-turbo-dev in Debian, -turbo8-dev in Ubuntu
        dnf="libjpeg-turbo-devel",
        brew="jpeg-turbo",
        headers=("cstddef", "cstdio", "jpeglib.h"),  # jpeglib.h itself forgets the first two
        version="LIBJPEG_TURBO_VERSION",
        # jpeg_crop_scanline came with 1.5, and is right for every file since 2.0.
        requirement="LIBJPEG_TURBO_VERSION_NUMBER >= 2000000",
        probe="jpeg_crop_scanline(nullptr, nullptr, nullptr); jpeg_skip_scanlines(nullptr, 0);",
    ),
    Library(
        name="Highway",
        pkg_config="libhwy",
        link_flag="-lhwy",
        apt="libhwy-dev",
        dnf="highway-devel",
        brew="highway",
        headers=("hwy/highway.h",),
        version="HWY_MAJOR.HWY_MINOR.HWY_PATCH",
        requirement="HWY_MAJOR >= 1",
        probe="return static_cast<int>(hwy::SupportedTargets());",
    ),
    Library(
        name="libpng",
        pkg_config="libpng",
        link_flag="-lpng",
        apt="libpng-dev",
        dnf="libpng-devel",
        brew="libpng",
        headers=("png.h",),
        version="PNG_LIBPNG_VER_STRING",
        requirement="PNG_LIBPNG_VER >= 10600",
        probe="return static_cast<int>(png_access_version_number());",
    ),
    Library(
        name="zlib",  # or zlib-ng in its compatible form, which is faster
        pkg_config="zlib",
        link_flag="-lz",
        apt="zlib1g-dev",
        dnf="zlib-devel",  # zlib-ng-compat-devel provides it in newer Fedoras
        brew="zlib",
        headers=("zlib.h",),
        version="ZLIB_VERSION",
        requirement="ZLIB_VERNUM >= 0x1290",  # crc32_z
        probe="return static_cast<int>(crc32_z(0, nullptr, 0));",
    ),
)


class LibraryMissingError(Exception):
    """Libraries are not there, or not the right ones. The message is one line with the remedy."""

    def __init__(self, libraries: Sequence[Library], notes: Sequence[str]) -> None:
        names, apt, dnf, brew = (
            separator.join(getattr(library, field) for library in libraries)
            for separator, field in ((", ", "name"), (" ", "apt"), (" ", "dnf"), (" ", "brew"))
        )
        found = f" (found {', '.join(notes)})" if notes else ""
        super().__init__(
            f"fastinet needs {names}: apt install {apt} / "
            f"dnf install {dnf} / brew install {brew}{found}"
        )
        self.libraries = list(libraries)


@dataclass(frozen=True)
class Place:
    """One place where a library may be, as compiler flags."""

    compile_flags: tuple[str, ...]
    link_flags: tuple[str, ...]


@dataclass
class FoundLibraries:
    """Flags for all libraries together, and the versions that the headers state."""

    compile_flags: list[str] = field(default_factory=list)
    link_flags: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)

    def add(self, library: Library, place: Place, version: str) -> None:
        """Takes `library` as found."""
        self.compile_flags += [f for f in place.compile_flags if f not in self.compile_flags]
        self.link_flags += place.link_flags
        self.versions[library.name] = version


def find_libraries(compiler: Sequence[str], link_flags: Sequence[str] = ()) -> FoundLibraries:
    """Finds every library, or raises LibraryMissingError for those that are missing.

    `compiler` is the C++ compiler with the flags of the build (CPPFLAGS and the like among them),
    `link_flags` what LDFLAGS says. A place counts when a probe compiles and links there.
    """
    found = FoundLibraries()
    missing: list[Library] = []
    notes: list[str] = []
    for library in LIBRARIES:
        unfit: set[str] = set()
        for place in _places(library):
            version = _version(library, [*compiler, *place.compile_flags])
            if version is None:
                continue
            if _links(library, [*compiler, *place.compile_flags], [*link_flags, *place.link_flags]):
                found.add(library, place, version)
                break
            # A plain libjpeg leaves the macro unexpanded: its "version" is then no number.
            unfit.add(version if version[:1].isdigit() else f"another {library.pkg_config}")
        else:
            missing.append(library)
            notes += [f"{each}, which does not serve" for each in sorted(unfit)]
    if missing:
        raise LibraryMissingError(missing, notes)
    return found


def _places(library: Library) -> Iterator[Place]:
    """Where `library` may be: what pkg-config says, the compiler's own paths, Homebrew."""
    pkg_config = os.environ.get("PKG_CONFIG", "pkg-config")
    if shutil.which(pkg_config):
        command = [pkg_config, "--cflags", "--libs", library.pkg_config]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            flags = shlex.split(answer.stdout)
            yield Place(
                tuple(
                    "-isystem" + f[2:] if f.startswith("-I") else f for f in flags if _compiles(f)
                ),
                tuple(f for f in flags if not _compiles(f)),
            )
    yield Place((), (library.link_flag,))
    for prefix in dict.fromkeys((os.environ.get("HOMEBREW_PREFIX", ""), *BREW_PREFIXES)):
        for root in (Path(prefix) / "opt" / library.brew, Path(prefix)):
            if prefix and (root / "include").is_dir():
                yield Place(
                    (f"-isystem{root / 'include'}",), (f"-L{root / 'lib'}", library.link_flag)
                )


def _compiles(flag: str) -> bool:
    """Whether a flag of pkg-config's is for the compiler, not for the linker."""
    return flag.startswith(("-I", "-D", "-isystem"))


def _version(library: Library, compiler: Sequence[str]) -> str | None:
    """What the header says its version is; None when the header is not there."""
    source = f"{library.includes()}fastinet_version {library.version}\n"
    answer = subprocess.run(
        [*compiler, "-E", "-P", "-x", "c++", "-"],
        input=source,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        return None
    _, _, tokens = answer.stdout.rpartition("fastinet_version")
    return "".join(tokens.split()).replace('"', "")


def _links(library: Library, compiler: Sequence[str], link_flags: Sequence[str]) -> bool:
    """Whether a program that needs `library` in the required version compiles and links."""
    source = (
        f"{library.includes()}"
        f"#if !({library.requirement})\n#error too old\n#endif\n"
        f"int Probe() {{ {library.probe} return 0; }}\n"
        "int main(int argc, char**) { return argc > 1 ? Probe() : 0; }\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "probe.cc").write_text(source)
        command = [*compiler, "-O0", "-w", "probe.cc", "-o", "probe", *link_flags]
        answer = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        return answer.returncode == 0

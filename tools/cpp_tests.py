"""Builds and runs the C++ tests (csrc/**/*_test.cc) and the fuzzers (csrc/fuzz/*_fuzzer.cc).

    python tools/cpp_tests.py               builds and runs every test
    python tools/cpp_tests.py tar           ... whose path contains "tar"
    python tools/cpp_tests.py --fuzz 60     runs every fuzzer for 60 seconds (needs clang++)

A test is a plain program that links the core; it fails by a non-zero exit. The variables that
choose the build are those of tools/native_build.py. Standard library only.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from native_build import BuildError, NativeBuild, Unit, Variant
from native_libraries import LibraryMissingError

ROOT = Path(__file__).resolve().parent.parent
TEST_TIMEOUT_SECONDS = 300


def build_programs(build: NativeBuild, sources: list[Path], *flags: str) -> list[Path]:
    """One program for each source, linked to the core; `flags` for both steps."""
    core = build.core_library()
    include_flags = ("-Icsrc", *build.libraries.compile_flags, *flags)
    objects = build.compile([Unit(source, include_flags) for source in sources])
    programs = []
    for source, compiled in zip(sources, objects, strict=True):
        program = build.folder / "programs" / source.with_suffix("")
        build.link_program([compiled], core, program, *flags)
        programs.append(program)
    return programs


def find_sources(pattern: str, part: str) -> list[Path]:
    """Sources below csrc/ whose path contains `part`."""
    paths = (path.relative_to(ROOT) for path in (ROOT / "csrc").glob(pattern))
    return sorted(path for path in paths if part in str(path))


def run_tests(build: NativeBuild, part: str) -> int:
    """Runs the tests; returns how many failed."""
    sources = find_sources("**/*_test.cc", part)
    failures = 0
    for source, program in zip(sources, build_programs(build, sources), strict=True):
        try:
            answer = subprocess.run(
                [str(program)],
                capture_output=True,
                text=True,
                timeout=TEST_TIMEOUT_SECONDS,
                check=False,
            )
            verdict = "ok" if answer.returncode == 0 else f"FAILED (exit {answer.returncode})"
            output = answer.stdout + answer.stderr
        except subprocess.TimeoutExpired:
            verdict, output = f"FAILED (no end in {TEST_TIMEOUT_SECONDS} s)", ""
        print(f"{source}: {verdict}", flush=True)
        if verdict != "ok":
            failures += 1
            print(output, flush=True)
    print(f"C++ tests: {len(sources) - failures} passed, {failures} failed")
    return failures


def run_fuzzers(build: NativeBuild, part: str, seconds: int) -> int:
    """Runs each fuzzer on its corpus under build/; returns how many found something."""
    sources = find_sources("fuzz/*_fuzzer.cc", part)
    failures = 0
    programs = build_programs(build, sources, "-fsanitize=fuzzer")
    for source, program in zip(sources, programs, strict=True):
        corpus = build.folder / "corpus" / source.stem
        corpus.mkdir(parents=True, exist_ok=True)
        print(f"{source}: {seconds} s, corpus {corpus.relative_to(ROOT)}", flush=True)
        command = [str(program), f"-max_total_time={seconds}", "-print_final_stats=1", str(corpus)]
        failures += subprocess.run(command, cwd=corpus.parent, check=False).returncode != 0
    print(f"fuzzers: {len(sources) - failures} clean, {failures} with findings")
    return failures


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(description="Builds and runs the C++ tests and fuzzers.")
    parser.add_argument("part", nargs="?", default="", help="only paths that contain this")
    parser.add_argument("--fuzz", type=int, metavar="SECONDS", help="run the fuzzers instead")
    arguments = parser.parse_args()
    try:
        build = NativeBuild(ROOT, Variant.from_environment())
        if arguments.fuzz is None:
            failures = run_tests(build, arguments.part)
        else:
            failures = run_fuzzers(build, arguments.part, arguments.fuzz)
    except (BuildError, LibraryMissingError) as error:
        sys.exit(str(error))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

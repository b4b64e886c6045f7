"""Runs the C++ and the Python tests under sanitizers: `make asan`, `make tsan`.

    python tools/sanitized_tests.py address,undefined [pytest arguments]

The package goes to build/<variant>/python, beside the ordinary one. Python itself is not
instrumented, so the sanitizer's runtime is loaded before it (LD_PRELOAD: Linux only). Leaks are not
reported, because Python keeps memory until its end on purpose; the lifetime tests look for them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from native_build import BuildError, NativeBuild, Variant

ROOT = Path(__file__).resolve().parent.parent

OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": f"halt_on_error=1:suppressions={ROOT}/tools/thread_sanitizer.supp",
}


def runtime_library(build: NativeBuild) -> str:
    """The library to load before Python, and libstdc++, whose `throw` the runtime wraps."""
    kind = next((name for name in build.variant.sanitize if name != "undefined"), "undefined")
    short = {"address": "asan", "thread": "tsan", "undefined": "ubsan"}[kind]
    machine = os.uname().machine
    names = [f"lib{short}.so", f"libclang_rt.{short}-{machine}.so"]  # GCC's, Clang's
    for name in names:
        path = _file_of_compiler(build, name)
        if path is not None:
            stdlib = _file_of_compiler(build, "libstdc++.so.6")
            return f"{path} {stdlib}" if stdlib else path
    raise BuildError(f"{build.compiler[0]} has none of {', '.join(names)}: install its sanitizers")


def _file_of_compiler(build: NativeBuild, name: str) -> str | None:
    command = [*build.compiler, f"-print-file-name={name}"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return answer if Path(answer).is_absolute() else None


def run(arguments: list[str], environment: dict[str, str]) -> None:
    """Runs one step and ends everything where it fails."""
    print(" ".join(arguments), flush=True)
    code = subprocess.run(arguments, cwd=ROOT, env=environment, check=False).returncode
    if code != 0:
        sys.exit(code)


def main() -> None:
    """Builds and tests the variant that the first argument names."""
    sanitizers, pytest_arguments = sys.argv[1], sys.argv[2:]
    environment = {**os.environ, **OPTIONS, "FASTINET_SANITIZE": sanitizers}
    try:
        build = NativeBuild(ROOT, Variant.from_environment(environment))
        preload = runtime_library(build)
    except BuildError as error:
        sys.exit(str(error))
    package = build.folder / "python"
    python = sys.executable
    run([python, "tools/cpp_tests.py"], environment)
    run([python, "setup.py", "--quiet", "build", "--build-lib", str(package)], environment)
    # The script, not `python -m pytest`: that would put the source tree and its modules first.
    pytest = Path(python).parent / "pytest"
    run(
        [str(pytest), *pytest_arguments],
        {**environment, "PYTHONPATH": str(package), "LD_PRELOAD": preload},
    )


if __name__ == "__main__":
    main()

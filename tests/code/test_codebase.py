"""The code base keeps its rules: versions agree, files introduce themselves, nothing leaks in."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

import fastinet

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 600

SOURCE_SUFFIXES = {".py", ".pyi", ".pyx", ".pxd", ".cc", ".h", ".sh"}
TEXT_SUFFIXES = SOURCE_SUFFIXES | {".md", ".toml", ".yaml", ".yml", ".in", ".tsv", ".txt", ""}

# Written in pieces, so that this file does not contain what it looks for.
FORBIDDEN = {
    "a path of somebody's machine": re.compile(
        r"(?<![\w.}])/(?:home(?!/linuxbrew)|Users|root|work|tmp)" + r"/\w"
    ),
    "a package registry's host": re.compile(
        r"pypi\." + r"org|pythonhosted\." + r"org|anaconda\." + "org"
    ),
    "work left over": re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b"),
    "a merge conflict": re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE),
}


def files_of_the_repository() -> list[Path]:
    """Tracked files, and new ones that git does not ignore; in a source archive, all files."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        folders = ("csrc", "fastinet", "tests", "tools", "benchmarks")
        paths = (path for folder in folders for path in (ROOT / folder).rglob("*.*"))
        return sorted(path for path in paths if path.is_file())
    paths = (ROOT / line for line in answer.stdout.splitlines())
    return sorted(path for path in paths if path.is_file())


FILES = files_of_the_repository()
SOURCES = [path for path in FILES if path.suffix in SOURCE_SUFFIXES]
TEXTS = [path for path in FILES if path.suffix in TEXT_SUFFIXES and path.name != "LICENSE"]


def in_repository(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_there_is_something_to_check() -> None:
    assert len(SOURCES) > 20


def test_one_version() -> None:
    match = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert match is not None
    assert fastinet.__version__ == match.group(1)
    assert fastinet.build_info()["version"] == match.group(1)
    assert f"[{match.group(1)}]" in (ROOT / "CHANGELOG.md").read_text()


def test_build_info_names_every_library() -> None:
    info = fastinet.build_info()
    assert {"libjpeg-turbo", "Highway", "libpng", "zlib", "Cython", "pybind11"} == set(
        info["libraries"]
    )
    assert all(version[0].isdigit() for version in info["libraries"].values())
    assert "-ffp-contract=off" in info["flags"]
    assert "-march" not in info["flags"]


@pytest.mark.parametrize("path", TEXTS, ids=in_repository)
def test_nothing_forbidden(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = [
        (what, match.group()) for what, rule in FORBIDDEN.items() for match in rule.finditer(text)
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "cp x /ho" + "me/ann/x",
        "https://py" + "pi.org/simple",
        "# TO" + "DO: later",
        "<" * 7 + " HEAD",
    ],
)
def test_forbidden_is_found(line: str) -> None:
    assert any(rule.search(line) for rule in FORBIDDEN.values())


@pytest.mark.parametrize("path", SOURCES, ids=in_repository)
def test_file_introduces_itself(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.suffix in {".py", ".pyi"}:
        assert ast.get_docstring(ast.parse(text))
        return
    lines = [line for line in text.splitlines() if line.strip()]
    if path.suffix == ".cc" and path.with_suffix(".h").exists():
        # The header introduces both.
        assert lines[0] == f'#include "{path.with_suffix(".h").relative_to(ROOT / "csrc")}"'
        return
    first = next(line for line in lines if not line.startswith(("#!", "# cython:", "# distutils:")))
    assert first.startswith(("//", "# ", '"""'))


@pytest.mark.parametrize("path", SOURCES, ids=in_repository)
def test_file_is_short_enough_to_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def calls_in(text: str) -> list[tuple[str, set[str]]]:
    """The functions that a module calls, as they are written, and the keywords given to each."""
    return [
        (ast.unparse(node.func), {keyword.arg or "**" for keyword in node.keywords})
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
    ]


def wrong_warnings(text: str) -> list[str]:
    """Calls by which a module warns without `base/warning.py`, or counts frames by hand."""
    return [
        function
        for function, keywords in calls_in(text)
        if "stacklevel" in keywords or re.fullmatch(r"warnings\.warn(_explicit)?", function)
    ] + [
        f"from warnings import {alias.name}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and node.module == "warnings"
        for alias in node.names
        if alias.name.startswith("warn")
    ]


def test_warnings_look_for_the_users_line() -> None:
    """A depth counted by hand names the wrong line as soon as a function moves."""
    found = {
        in_repository(path): wrong
        for path in sorted((ROOT / "fastinet").rglob("*.py"))
        if (wrong := wrong_warnings(path.read_text(encoding="utf-8")))
    }
    assert found == {"fastinet/base/warning.py": ["warnings.warn_explicit"]}


@pytest.mark.parametrize(
    "text",
    [
        "import warnings\nwarnings.warn('x')",
        "from warnings import warn\nwarn('x')",
        "from warnings import warn_explicit as tell",
        "tell('x', stacklevel=3)",
        "def f():\n    logging.warning('x', stacklevel=2)",
    ],
)
def test_a_warning_of_another_kind_is_found(text: str) -> None:
    assert wrong_warnings(text)


def test_compiled_modules_have_stubs() -> None:
    modules = {path.stem for path in (ROOT / "fastinet" / "_native").glob("_*.pyx")} | {"_engine"}
    stubs = {path.stem for path in (ROOT / "fastinet" / "_native").glob("_*.pyi")}
    assert modules == stubs


def test_stubs_name_what_the_modules_have() -> None:
    for stub in sorted((ROOT / "fastinet" / "_native").glob("_*.pyi")):
        module = __import__(f"fastinet._native.{stub.stem}", fromlist=["*"])
        stated = {
            node.name
            for node in ast.parse(stub.read_text()).body
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
        }
        missing = {name for name in stated if not hasattr(module, name)}
        assert missing == set(), stub.name
        unstated = {
            name
            for name, value in vars(module).items()
            if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
        } - stated
        assert unstated == set(), stub.name


def test_every_public_name_is_documented() -> None:
    undocumented = [
        name
        for name in fastinet.__all__
        if callable(getattr(fastinet, name)) and not getattr(fastinet, name).__doc__
    ]
    assert undocumented == []

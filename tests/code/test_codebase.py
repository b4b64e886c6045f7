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
    assert first.startswith(("//", "/*", "# ", '"""'))


@pytest.mark.parametrize("path", SOURCES, ids=in_repository)
def test_file_is_short_enough_to_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


# What makes a descriptor, and what has to stand in the same statement so that no program inherits
# it that another thread starts at that moment. None: it has no such form; another call has to do.
CLOSED_IN_PROGRAMS = {
    r"open(?:at2?|64)?": "O_CLOEXEC",
    r"pipe2|dup3": "O_CLOEXEC",
    r"socket(?:pair)?|accept4": "SOCK_CLOEXEC",
    r"eventfd|epoll_create1|timerfd_create|inotify_init1|memfd_create|mkostemps?": "CLOEXEC",
    r"fopen|freopen|fdopen|popen": '[rwa]b?e"',
    r"pipe|dup2?|accept|creat|epoll_create|inotify_init|mkstemps?|tmpfile": None,
}
# Systems that lack the better call.
WITHOUT_BETTER = {("csrc/io/pipe.cc", "pipe")}


def inherited_descriptors(text: str) -> list[str]:
    """The calls of C++ that make a descriptor which programs inherit."""
    code = re.sub(r"//[^\n]*", "", text)
    found = [match.group() for match in re.finditer(r"\bF_DUPFD\b", code)]
    for calls, needed in CLOSED_IN_PROGRAMS.items():
        for match in re.finditer(rf"(?<![\w.>])(?<!\w::)(?:std::|::)?({calls})\(", code):
            arguments = code[match.end() :].partition(";")[0]
            if needed is None or not re.search(needed, arguments):
                found.append(match.group(1))
    return found


def test_no_program_inherits_a_descriptor() -> None:
    """A flag that is set after the call leaves a gap, in which another thread may fork."""
    found = {
        (in_repository(path), call)
        for path in SOURCES
        if path.suffix in {".cc", ".h", ".pyx"}
        and path.is_relative_to(ROOT / "csrc")
        and not re.search(r"(?:^|_)test(?:_|\.)", path.name)
        for call in inherited_descriptors(path.read_text(encoding="utf-8"))
    }
    assert found == WITHOUT_BETTER


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("const int fd = ::open(path, O_RDONLY | O_NONBLOCK);", "open"),
        ("if (openat(at, name,\n    O_RDONLY) < 0) return;", "openat"),
        ("if (pipe(ends.data()) != 0) return;", "pipe"),
        ("auto fd = ::fcntl(old, F_DUPFD, 0);", "F_DUPFD"),
        ('FILE* file = std::fopen(path, "rb");', "fopen"),
        ("int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);", "socket"),
        ("int fd = memfd_create(name, 0);", "memfd_create"),
    ],
)
def test_an_inherited_descriptor_is_found(text: str, call: str) -> None:
    assert inherited_descriptors(text) == [call]


@pytest.mark.parametrize(
    "text",
    [
        "int fd = ::open(path, O_RDONLY | O_CLOEXEC);",
        'FILE* file = std::fopen(path, "rbe");',
        "return ::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0;",
        "auto fd = ::fcntl(old, F_DUPFD_CLOEXEC, 0);",
        "run_->Open(); File::Open(name); decoder.open(x); reopen(y);",
    ],
)
def test_a_descriptor_of_its_own_is_none(text: str) -> None:
    assert inherited_descriptors(text) == []


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


# Where a package's tests stand in a folder of another name. Compiled modules have no folder: their
# tests stand beside those of the package that uses them, without the underscore.
TEST_FOLDERS = {"torch": "frameworks", "_native": None}

# Tests of several modules at once, and what each of them asks.
OVER_SEVERAL_MODULES = {
    "archives/test_tar_packagings.py": "is a tar the same as a file, gzipped, and as it arrives?",
    "augment/test_pixels_of_steps.py": "do steps give Pillow's pixels, alone and in chains?",
    "cli/test_cli.py": "what do the commands print, write and refuse?",
    "cli/test_cli_splits.py": "what do the commands do with several splits, and without labels?",
    "cli/test_cli_stream.py": "what do the commands do with an archive that arrives?",
    "datasets/test_label_functions.py": "what does an error of a user's label function say?",
    "datasets/test_robustness_sets.py": "do ImageNet-A, -R and -Sketch get labels among the 1000?",
    "datasets/test_whole_archives.py": "is all of ImageNet-21K read, in every packaging?",
    "faults/test_injected_faults.py": "what comes of calls, disks and machines that fail?",
    "formats/test_fuzzed_parsers.py": "do changed files give a value or a refusal?",
    "frameworks/test_examples.py": "do the examples run?",
    "frameworks/test_torchvision.py": "do transforms give what torchvision's give?",
    "items/test_four_packagings.py": "is a tree the same in folder, tar, tar.gz and stream?",
    "items/test_shard_datasets.py": "are shards one dataset, from their names to batches?",
    "items/test_stream_splits.py": "do streams have the splits that opened archives have?",
    "loading/test_chaos.py": "are rows right when everything happens at once?",
    "loading/test_changing_files.py": "what becomes of rows whose files others change meanwhile?",
    "loading/test_concurrency.py": "what do threads, signals, forks and exits do to each other?",
    "loading/test_lifetime.py": "who lives how long: batches, slots, threads, processes?",
    "loading/test_multi_crop.py": "are groups of views each what they would be alone?",
    "loading/test_pythons_lock.py": "do long calls, and late ones, leave Python's lock alone?",
    "loading/test_recorded_steps.py": "are the steps of a batch those that made its rows?",
    "loading/test_repeats.py": "do copies of an item differ, on any ranks, and nothing else?",
    "loading/test_replacing.py": "who comes in a bad item's place, whoever makes the row?",
    "loading/test_resume.py": "does a state give the rest of the unbroken epoch?",
    "loading/test_rows_with_checkpoints.py": "are rows the same with checkpoints as without?",
    "loading/test_stream_damage.py": "what do damaged and cut streams give?",
    "loading/test_stream_lifetime.py": "who lives how long where a stream is read?",
    "loading/test_views.py": "are several crops of an item each what they would be alone?",
    "pixels/test_borders.py": "what do rows show beyond the image?",
    "pixels/test_box_rules.py": "are boxes of the other rules their sources'?",
    "pixels/test_color_jitter.py": "is colour jitter Pillow's?",
    "pixels/test_crop.py": "are crops the reference's?",
    "pixels/test_default_grade.py": "does the default grade keep its published bound?",
    "pixels/test_incomplete_progressive.py": "are files without their last scans Pillow's?",
    "pixels/test_machines.py": "are rows the same bits on every machine?",
    "pixels/test_orientation.py": "are pictures turned as Exif says, when that is asked for?",
    "pixels/test_png.py": "are PNGs decoded as Pillow does?",
    "pixels/test_random_crop.py": "are random crops, flips and interpolations what they should be?",
    "pixels/test_rows.py": "are the pixels of JPEGs Pillow's?",
    "pixels/test_wrapped_images.py": "are images in gzip read as if they were not?",
    "trainers/test_accelerate.py": "what does Accelerate do with a loader, and after a resume?",
    "trainers/test_lightning.py": "what does Lightning do with a loader, and after a resume?",
    "trainers/test_transformers.py": "what does Hugging Face's Trainer do with a loader?",
    "recipes/test_epochs_of_recipes.py": "does every recipe run an epoch, and resume it elsewhere?",
    "recipes/test_upstream.py": "do recipes say what their authors' transforms do?",
    "sidecars/test_forged_sidecars.py": "does anything come of sidecars that somebody has made up?",
    "sidecars/test_earlier_sidecars.py": "are sidecars of earlier versions read?",
    "sidecars/test_staged_archives.py": "do sidecars serve copies of their archive?",
    "sidecars/test_without_a_place.py": "does anything stop where no sidecar can be kept?",
    "trainers/test_asyncio.py": "does the page's program run, to its end and to a time limit?",
    "trainers/test_resumed_pages.py": "do killed runs of Flax and MLX go on to the same losses?",
    "trainers/test_notebook.py": "do cells draw progress, and survive being interrupted?",
    "verification/test_verify.py": "what does a verification say of sound and cut archives?",
    "verification/test_verify_families.py": "is every archive taken for what it is opened as?",
    "verification/test_verify_runs.py": "does an interrupted verification end like another?",
}


def modules_in(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.py") if path.stem != "__init__"}


PACKAGES = {
    path.parent.name: modules_in(path.parent) for path in ROOT.glob("fastinet/*/__init__.py")
}


def names_for_tests(folder: str) -> set[str]:
    """What a test in this folder of tests/ may be called after."""
    compiled = {path.stem[1:] for path in (ROOT / "fastinet" / "_native").glob("_*.pyi")}
    names = set()
    for package, modules in PACKAGES.items():
        if TEST_FOLDERS.get(package, package) == folder:
            # Two tests cannot have one name, but modules of two packages can.
            names |= modules | {f"{package}_{module}" for module in modules} | compiled
    return names | modules_in(ROOT / "fastinet") if folder == "frameworks" else names


def misnamed(tests: list[str]) -> list[str]:
    """Those of the tests, "metrics/test_topk.py", that are called after no module of theirs.

    tests/code is about the code base and the package as a whole, whatever its files are called, and
    tests/trainers about other people's programs.
    """
    found = []
    for test in tests:
        folder, _, name = test.removesuffix(".py").partition("/test_")
        is_named = folder in ("code", "trainers") or name in names_for_tests(folder)
        if not is_named and test not in OVER_SEVERAL_MODULES:
            found.append(test)
    return found


TESTS = [path.relative_to(ROOT / "tests").as_posix() for path in ROOT.glob("tests/*/test_*.py")]


def test_tests_are_called_after_modules() -> None:
    assert len(TESTS) > 100
    assert misnamed(TESTS) == []


def test_questions_over_several_modules_are_those_of_files() -> None:
    assert set(OVER_SEVERAL_MODULES) - set(TESTS) == set()
    for test in OVER_SEVERAL_MODULES:
        folder, _, name = test.removesuffix(".py").partition("/test_")
        assert name not in names_for_tests(folder), "it is named after a module: it needs no entry"


def test_no_two_files_of_tests_have_one_name() -> None:
    """Pytest takes the second for the first: these folders are no packages."""
    names = [path.name for path in sorted((ROOT / "tests").rglob("test_*.py"))]
    assert sorted(names) == sorted(set(names))


def test_every_package_has_a_folder_of_tests() -> None:
    folders = {TEST_FOLDERS.get(package, package) for package in PACKAGES} - {None}
    assert len(folders) > 10
    assert folders - {test.partition("/")[0] for test in TESTS} == set()


# Modules without a test of their name, and why. A package stands for all of its modules.
UNTESTED = {
    "mixing/parts": "what ways to mix are made of: mixing/test_ways.py compares those",
    "loading/batch_kind": "what a batch knows besides its slot: loading/test_batch.py is about it",
    "__main__": "it calls the command line; cli/test_cli.py runs it",
    "build_info": "it hands out what the build wrote; code/test_codebase.py reads it",
    "testing": "it makes what other tests are about; they fail where it makes another thing",
    "archives/containers": "one expression, over what archives/test_scan.py compares with tarfile",
}


def without_test(modules: list[str], tests: list[str]) -> list[str]:
    """Those of the modules, "metrics/topk", after which none of the tests is called."""
    found = []
    for module in modules:
        package, _, name = module.rpartition("/")
        folders = {TEST_FOLDERS.get(package, package)} if package else {"code", "frameworks"}
        names = {name, f"{package}_{name}"}
        wanted = {f"{folder}/test_{name}.py" for folder in folders for name in names}
        if not wanted & set(tests) and module not in UNTESTED and package not in UNTESTED:
            found.append(module)
    return found


MODULES = sorted(
    path.relative_to(ROOT / "fastinet").with_suffix("").as_posix()
    for path in (ROOT / "fastinet").rglob("*.py")
    if path.stem != "__init__"
)


def test_modules_have_tests_of_their_name() -> None:
    assert len(MODULES) > 100
    assert without_test(MODULES, TESTS) == []


def test_modules_without_tests_are_those_of_files() -> None:
    packages = {module.partition("/")[0] for module in MODULES}
    assert set(UNTESTED) - set(MODULES) - packages == set()
    for module in UNTESTED:
        tests = {f"{module.replace('/', '/test_')}.py", f"code/test_{module}.py"}
        assert not tests & set(TESTS), "it has a test: it needs no entry"


@pytest.mark.parametrize(
    ("module", "tests", "is_missing"),
    [
        ("metrics/topk", ["metrics/test_topk.py"], False),
        ("metrics/topk", ["items/test_topk.py", "metrics/test_top.py"], True),
        ("cli/index", ["items/test_index.py"], True),
        ("cli/index", ["cli/test_cli_index.py"], False),
        ("torch/loader", ["frameworks/test_torch_loader.py"], False),
        ("torch/loader", ["loading/test_loader.py"], True),
        ("jax", ["frameworks/test_jax.py"], False),
        ("errors", ["code/test_errors.py"], False),
        ("errors", [], True),
        ("testing/jpegs", [], False),
    ],
)
def test_a_module_without_a_test_is_found(module: str, tests: list[str], is_missing: bool) -> None:
    assert without_test([module], tests) == [module] * is_missing


@pytest.mark.parametrize(
    ("test", "is_wrong"),
    [
        ("metrics/test_topk.py", False),
        ("metrics/test_metrics.py", True),
        ("items/test_topk.py", True),
        ("metrics/test_topk_more.py", True),
        ("verification/test_digest.py", False),  # fastinet/_native/_digest.pyx
        ("cli/test_cli_eval.py", False),
        ("cli/test_items_index.py", True),
        ("frameworks/test_jax.py", False),
        ("frameworks/test_torch_datasets.py", False),
        ("formats/test_jax.py", True),
        ("metric/test_topk.py", True),
        ("code/test_layers.py", False),
    ],
)
def test_a_wrong_name_is_found(test: str, is_wrong: bool) -> None:
    assert misnamed([test]) == [test] * is_wrong

"""The documentation is right in what can be looked up: links, names, options, commands and files.

The checks read the pages; tests/code/test_docs_run.py runs their code. Each check is itself tested
on a planted fault.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from support.markdown_pages import Page, command_lines, programs, read_page

import fastinet
from fastinet.cli import main

ROOT = Path(__file__).resolve().parents[2]
README_LINES, README_COLUMNS = 120, 110

# Where code of the repository lies, and what pages call things.
FOLDERS = ("benchmarks", "csrc", "docs", "docs/trainers", "examples", "fastinet", "tests", "tools")
CALLED: dict[str, type] = {
    "batch": fastinet.Batch,
    "ds": fastinet.Dataset,
    "loader": fastinet.Loader,
    "val": fastinet.Dataset,
    "stream": fastinet.Stream,
}
FRAMEWORKS = {"jax", "keras", "timm", "torch", "torchdata"}


def pages_below(root: Path) -> list[Page]:
    """All pages of a checkout, the changelog's past included."""
    folders = [root, *(root / name for name in FOLDERS)]
    return [read_page(path) for folder in folders for path in sorted(folder.glob("*.md"))]


def at(page: Page, line: int, complaint: str) -> str:
    return f"{page.path.name}:{line}: {complaint}"


# Length and links.


def long_introductions(page: Page) -> Iterator[str]:
    """An introduction that has grown into a manual."""
    if page.path.name == "README.md":
        if len(page.lines) > README_LINES:
            yield at(page, len(page.lines), f"more than {README_LINES} lines")
        for number, line in enumerate(page.lines, 1):
            if len(line) > README_COLUMNS:
                yield at(page, number, f"more than {README_COLUMNS} columns")


def broken_links(page: Page) -> Iterator[str]:
    """Relative links to files or headings that are not there."""
    for link in page.links:
        if re.match(r"[a-z]+:", link.text):
            continue
        target, _, anchor = link.text.partition("#")
        path = page.path if not target else page.path.parent / target
        if not path.exists():
            yield at(page, link.line, f"no file {link.text}")
        elif anchor and anchor not in read_page(path).anchors:
            yield at(page, link.line, f"no heading {link.text}")


def missing_files(page: Page, root: Path) -> Iterator[str]:
    """Paths within the repository, as code in the text, at which there is nothing."""
    for snippet in page.snippets:
        is_path = re.fullmatch(rf"(?:{'|'.join(FOLDERS)})/[\w./*-]*", snippet.text)
        if not is_path:
            continue
        # Of C++, a header and its source may be called by the name that they share.
        patterns = [snippet.text.rstrip("/"), f"{snippet.text.rstrip('/*')}.*"]
        if not any(path for pattern in patterns for path in root.glob(pattern)):
            yield at(page, snippet.line, f"no file {snippet.text}")


# Names in Python.


def find(dotted: str) -> Any:
    """What a name like "fastinet.metrics.evaluate" stands for.

    None stands for something that is there, but only in instances of a class, or in a module that
    cannot be imported without its framework.

    Raises:
        LookupError: there is no such name.
    """
    value: Any = fastinet
    so_far = "fastinet"
    for part in dotted.split(".")[1:]:
        outer, so_far = so_far, f"{so_far}.{part}"
        try:
            if hasattr(value, part):
                value = getattr(value, part)
            elif inspect.isclass(value) and has_attribute(value, part):
                return None
            else:
                value = importlib.import_module(so_far)
        except ModuleNotFoundError as error:
            if error.name not in FRAMEWORKS:
                raise LookupError(so_far) from error
            return _find_in_source(outer if error.name == so_far else so_far, dotted)
    return value


def _find_in_source(module: str, dotted: str) -> None:
    """Looks for a name in the text of a module that cannot be imported here."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise LookupError(module)
    defined = {module.rpartition(".")[2]}
    for node in ast.parse(Path(spec.origin).read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            defined.update(alias.name for alias in node.names)
    name = dotted.removeprefix(module).lstrip(".").partition(".")[0]
    if name and name not in defined:
        raise LookupError(dotted)


def parameters(value: Any) -> set[str] | None:
    """Names of the arguments that may be given to something by keyword; None: who knows."""
    if not callable(value):
        return None
    found = inspect.signature(value).parameters.values()
    is_open = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in found)
    return None if is_open else {each.name for each in found}


def all_parameters() -> set[str]:
    """Names of the arguments of everything that is public and can be called."""
    modules = (
        fastinet,
        fastinet.augment,
        fastinet.metrics,
        fastinet.mixing,
        fastinet.Dataset,
        fastinet.Loader,
    )
    functions = [
        getattr(module, name)
        for module in modules
        for name in (getattr(module, "__all__", None) or vars(module))
        if callable(getattr(module, name)) and not name.startswith("_")
    ]
    named = {name for function in functions for name in parameters(function) or ()}
    return named | parameters_of_frameworks()


def parameters_of_frameworks() -> set[str]:
    """The same of what needs a framework, from its source, since the framework may be missing."""
    package = Path(fastinet.__file__).parent
    sources = [*(package / "torch").glob("*.py"), *(package / f"{n}.py" for n in ("keras", "jax"))]
    functions = [
        node
        for source in sources
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.FunctionDef)
        and (node.name == "__init__" or not node.name.startswith("_"))
    ]
    return {each.arg for node in functions for each in (*node.args.args, *node.args.kwonlyargs)} - {
        "self"
    }


def names_of_imports(tree: ast.AST) -> dict[str, str]:
    """What names in some code stand for, in full: what it imports, and what everybody knows."""
    names = {name: f"fastinet.{name}" for name in fastinet.__all__ if name[0].isupper()}
    names |= {"fastinet": "fastinet", "metrics": "fastinet.metrics"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return {name: full for name, full in names.items() if full.split(".")[0] == "fastinet"}


def wrong_names(code: str) -> Iterator[tuple[int, str]]:
    """Lines and complaints: names that fastinet has not, and arguments that it does not take."""
    tree = ast.parse(code)
    names = names_of_imports(tree)

    def full_name(node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            return names.get(node.id, "")
        if isinstance(node, ast.Attribute) and (outer := full_name(node.value)):
            return f"{outer}.{node.attr}"
        return ""

    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None)
            for alias in node.names:
                name = f"{module}.{alias.name}" if module else alias.name
                if name.split(".")[0] == "fastinet" and not is_there(name):
                    yield node.lineno, f"no name {name}"
        elif isinstance(node, ast.Attribute | ast.Name):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                owner = CALLED.get(node.value.id)
                if owner is not None and not has_attribute(owner, node.attr):
                    yield node.lineno, f"no attribute {node.value.id}.{node.attr}"
            name = full_name(node)
            if name and not is_there(name):
                yield node.lineno, f"no name {name}"
        elif isinstance(node, ast.Call):
            name = full_name(node.func)
            known = parameters(find(name)) if name and is_there(name) else None
            for keyword in node.keywords:
                if keyword.arg and known is not None and keyword.arg not in known:
                    yield node.lineno, f"{name} has no argument {keyword.arg}"


def is_there(name: str) -> bool:
    try:
        find(name)
    except LookupError:
        return False
    return True


def has_attribute(owner: type, name: str) -> bool:
    """Whether instances have it: as the class says, or as its methods set it."""
    return hasattr(owner, name) or f"self.{name}" in inspect.getsource(owner)


def wrong_python(page: Page) -> Iterator[str]:
    """Code that is none, and what `wrong_names` finds."""
    for block in page.python():
        try:
            for line, complaint in wrong_names(block.text):
                yield at(page, block.line + line - 1, complaint)
        except SyntaxError as error:
            yield at(page, block.line + (error.lineno or 1) - 1, f"no Python: {error.msg}")
    arguments = all_parameters()
    for snippet in page.snippets:
        named = re.match(r"([a-z_]+)=", snippet.text)
        if named and named.group(1) not in arguments:
            yield at(page, snippet.line, f"nothing has an argument {named.group(1)}")
        try:
            complaints = list(wrong_names(snippet.text))
        except SyntaxError:  # a path, a command, or part of a line
            dotted = re.findall(r"(?<![\w.])fastinet(?:\.[A-Za-z_]\w*)+", snippet.text)
            complaints = [(0, f"no name {name}") for name in dotted if not is_there(name)]
        for _, complaint in complaints:
            yield at(page, snippet.line, complaint)


# Commands.


def wrong_commands(page: Page, root: Path) -> Iterator[str]:
    """Commands, options, make targets and programs that there are not."""
    targets = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.MULTILINE))
    for line in command_lines(page):
        for program in programs(line.text):
            is_module = Path(program[0]).name == "python" and program[1:3] == ["-m", "fastinet"]
            name, *arguments = program[2:] if is_module else program
            name = Path(name).name
            complaint = None
            if name == "make" and arguments and re.match("[a-z]", arguments[0]):
                target = arguments[0].rstrip(",;")
                complaint = None if target in targets else f"no target {target}"
            elif name == "fastinet" and arguments:
                complaint = wrong_fastinet(arguments)
            elif name in {"python", "torchrun"}:
                complaint = wrong_program(arguments, root)
            if complaint is not None:
                yield at(page, line.line, complaint)


def wrong_fastinet(arguments: list[str]) -> str | None:
    """What is wrong with the arguments of the command line `fastinet`."""
    name, *others = arguments
    if name.isupper() or name.startswith("-"):
        return None
    command = main.commands.get(name)
    if command is None:
        return f"no command fastinet {name}"
    outer = click.Context(main, **main.context_settings)
    context = click.Context(command, outer, **command.context_settings)
    try:
        command.make_parser(context).parse_args(list(others))
    except click.BadOptionUsage:  # an option is named without its value, as text does it
        return None
    except click.UsageError as error:
        return f"fastinet {name}: {error.message}"
    return None


def wrong_program(arguments: list[str], root: Path) -> str | None:
    """What is wrong with a call of a program of the repository: no such file, no such option."""
    for number, word in enumerate(arguments):
        if re.fullmatch(rf"(?:{'|'.join(FOLDERS)})/\S+\.py", word):
            if not (root / word).is_file():
                return f"no program {word}"
            text = (root / word).read_text()
            options = [each.partition("=")[0] for each in arguments[number + 1 :]]
            unknown = [
                each
                for each in options
                # Click has switches as one text: "--recipes/--no-recipes".
                if each[:2] == "--" and not re.search(rf'["/]{each}["/]', text)
            ]
            return f"{word} has no option {unknown[0]}" if unknown else None
    return None


# The tests.

PAGES = pages_below(ROOT)
CHECKS: list[Callable[[Page], Iterator[str]]] = [
    long_introductions,
    broken_links,
    lambda page: missing_files(page, ROOT),
    wrong_python,
    lambda page: wrong_commands(page, ROOT),
]


def is_introduction_or_no_readme(page: Page) -> bool:
    return page.path == ROOT / "README.md" or page.path.name != "README.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path.relative_to(ROOT).as_posix())
def test_page_is_right(page: Page) -> None:
    checks = CHECKS if is_introduction_or_no_readme(page) else CHECKS[1:]
    assert [complaint for check in checks for complaint in check(page)] == []


def test_there_is_something_to_check() -> None:
    assert len(PAGES) > 10
    assert len([block for page in PAGES for block in page.python()]) > 30
    typed = [line.text for page in PAGES for line in command_lines(page)]
    assert len([line for line in typed if line.startswith("fastinet ")]) > 20


def test_every_page_is_in_the_index() -> None:
    index = read_page(ROOT / "docs" / "README.md")
    linked = {link.text for link in index.links}
    assert {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"} <= linked


def test_the_introductions_figures_are_those_of_the_page() -> None:
    """Figures change together, or README says what nobody measured."""
    readme = (ROOT / "README.md").read_text().partition("figures\n")[2].partition("\n## ")[0]
    rows = [line for line in readme.splitlines() if line.startswith("| ")]
    figures = set(re.findall(r"\d[\d.,]*", (ROOT / "docs" / "figures.md").read_text()))
    stated = [number for row in rows for number in re.findall(r"\d[\d.,]*", row)]
    assert len(stated) > 5
    assert [number for number in stated if number not in figures] == []


def test_files_name_pages_that_are_there() -> None:
    """Docstrings and comments that send the reader to the documentation."""
    suffixes = {".py", ".pyi", ".pyx", ".pxd", ".cc", ".h"}
    texts = {
        path: path.read_text(encoding="utf-8")
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in suffixes and path != Path(__file__).resolve()
    }
    named = [
        (path.relative_to(ROOT).as_posix(), name)
        for path, text in texts.items()
        for name in re.findall(r"\b(docs/[\w-]+\.md)", text)
    ]
    assert named
    assert [(path, name) for path, name in named if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("text\n" * 121, "more than 120 lines"),
        ("x" * 111, "more than 110 columns"),
        ("[a](docs/nowhere.md)", "no file docs/nowhere.md"),
        ("![a](docs/nowhere.png)", "no file docs/nowhere.png"),
        ("# Here\n\n[a](#there)", "no heading #there"),
        ("[a](docs/other.md#there)", "no heading docs/other.md#there"),
        ("| a |\n|---|\n| [a\nb](nowhere.md) |\n\n[b\nc](nowhere.md)", "no file nowhere.md"),
        ("see `csrc/base/nothing.h`", "no file csrc/base/nothing.h"),
        ("see `tests/*.txt`", "no file tests/*.txt"),
        ("```python\nfastinet.opened('a')\n```", "no name fastinet.opened"),
        ("```python\nfrom fastinet.mixing import Mixin\n```", "no name fastinet.mixing.Mixin"),
        ("```python\nimport fastinet.tensorflow\n```", "no name fastinet.tensorflow"),
        ("```python\nmetrics.evaluated(a, b)\n```", "no name fastinet.metrics.evaluated"),
        ("```python\nfastinet.torch.Ladder(ds)\n```", "no name fastinet.torch.Ladder"),
        ("```python\nfastinet.jax.food(ds)\n```", "no name fastinet.jax.food"),
        ("```python\nfastinet.open('a', part='val')\n```", "open has no argument part"),
        ("```python\nfor x in :\n```", "no Python: invalid syntax"),
        ("```python\nds.lables\n```", "no attribute ds.lables"),
        ("say `fastinet.opened`", "no name fastinet.opened"),
        ("say `RandomResizedCrop(224, view=2)`", "RandomResizedCrop has no argument view"),
        ("say `pad_end=`", "nothing has an argument pad_end"),
        ("say `batch.valids`", "no attribute batch.valids"),
        ("    fastinet inspect a.tar", "no command fastinet inspect"),
        ("    cat a.tar | fastinet info - --colour", "fastinet info: No such option '--colour'"),
        ("    python -m fastinet show a --sheet", "fastinet show: No such option '--sheet'"),
        ("say `fastinet eval --box a`", "fastinet eval: No such option '--box'"),
        ("    make tea", "no target tea"),
        ("    A=1 python benchmarks/fast.py", "no program benchmarks/fast.py"),
        ("    python benchmarks/a.py --round 5", "benchmarks/a.py has no option --round"),
        ("    python benchmarks/a.py \\\n        --round 5", "a.py has no option --round"),
    ],
)
def test_planted_fault_is_found(tmp_path: Path, text: str, complaint: str) -> None:
    for folder in ("docs", "benchmarks", "csrc/base", "tests"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "docs" / "other.md").write_text("# Here\n")
    (tmp_path / "benchmarks" / "a.py").write_text('add("--rounds")\n')
    (tmp_path / "Makefile").write_text("test: build\n")
    page = tmp_path / "README.md"
    page.write_text(text)
    checks = [
        long_introductions,
        broken_links,
        lambda page: missing_files(page, tmp_path),
        wrong_python,
        lambda page: wrong_commands(page, tmp_path),
    ]
    complaints = [found for check in checks for found in check(read_page(page))]
    assert complaints
    assert all(complaint in found for found in complaints)
    assert all(found.startswith("README.md:") for found in complaints)


@pytest.mark.parametrize(
    "text",
    [
        "# An `a` / b heading\n\n[a](#an-a--b-heading), [b](https://example.org/nowhere.md)",
        "# Twice\n\n# Twice\n\n[a](#twice-1)",
        "```\n[a](nowhere.md)\n```",
        "beside the archive lies `<archive>.fastinet.seek`; write `csrc/<stage>/`",
        "```python\nfrom torch.utils.data import DataLoader\nimport fastinet.torch\n```",
        "```python\nloader = fastinet.torch.Loader(ds, 256)\nds.labels, batch.images\n```",
        "say `fastinet COMMAND --help`, `fastinet info 'a{0..9}.tar'`, `--json`, `make test`",
        "    make test      # and `make` alone\n    A=1 python benchmarks/a.py --rounds 5",
    ],
)
def test_what_is_right_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "a.py").write_text('add("--rounds")\n')
    (tmp_path / "Makefile").write_text("test: build\n")
    (tmp_path / "page.md").write_text(text)
    page = read_page(tmp_path / "page.md")
    checks = (
        broken_links(page),
        missing_files(page, tmp_path),
        wrong_python(page),
        wrong_commands(page, tmp_path),
    )
    assert [complaint for check in checks for complaint in check] == []

"""Layers point one way: no #include, cimport or import goes upward or sideways.

    base <- {tar, gzip, io, rng, jpeg, png, resample, colour, label_map} <- crop <- item <- columns
         <- {passes, stream} <- engine <- {bindings, Cython} <- Python <- {testing, command line}

The checks read the files; nothing is compiled. Each check is itself tested on a planted bad edge.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Lowest first. Folders of one layer are siblings and do not know each other.
CPP_LAYERS = [
    {"base"},
    {"tar", "gzip", "io", "rng", "jpeg", "png", "resample", "colour", "label_map"},
    {"crop"},
    {"item"},
    {"columns"},
    {"passes", "stream"},
    {"engine"},
    {"bindings", "fuzz"},
]

# The folders that may include what is not theirs; everybody else goes through them.
CPP_OWNERS = {
    r"Python\.h|pybind11/.*|numpy/.*": {"bindings"},
    r"jpeglib\.h|jerror\.h|jmorecfg\.h|turbojpeg\.h": {"jpeg"},
    r"png\.h": {"png"},
    r"zlib\.h": {"gzip", "png"},
    r"iostream|ostream|print": set(),  # the core does not print; its tests do
}

# Lowest first. Modules of one layer may use each other; "" is the package itself.
PYTHON_LAYERS = [
    {"checks", "cpus", "distributed", "errors", "mixing", "ranks", "shards", "stats", "build_info"},
    {"appending", "column_file", "output", "texts", "turns"},
    {"rendering", "transforms"},
    {"_scan", "_codec", "_plan", "_engine", "_digest"},
    {"plain_pickle", "torch_files"},
    {"sources", "catalog", "checkpoints", "seek_index", "datasets"},
    {
        "dataset",
        "discovery",
        "given_labels",
        "codec",
        "batch",
        "blocks",
        "metrics",
        "objects",
        "concatenation",
        "duplicates",
        "stream",
    },
    {"base_loader", "buffers", "epoch", "item_spec", "workers"},
    {"loader", "chosen", "contact_sheet", "feeding", "stream_loader", "verification"},
    {""},
    {"testing", "_reference", "jax", "torch"},
    {"cli", "__main__"},
]

# Only these layers may import what training itself does not need.
HEAVY_PACKAGES = {"click", "rich", "PIL", "torch", "jax", "matplotlib", "cv2", "simplejpeg"}
MAY_IMPORT_HEAVY = {"testing", "_reference", "cli", "__main__", "jax", "torch"}


def layer_numbers(layers: list[set[str]]) -> dict[str, int]:
    return {name: number for number, names in enumerate(layers) for name in names}


def cpp_violations(root: Path) -> list[str]:
    """Edges between the folders of csrc/ that go upward or sideways, and foreign headers."""
    layer = layer_numbers(CPP_LAYERS)
    violations = []
    for path in sorted((root / "csrc").rglob("*")):
        if path.suffix not in {".cc", ".h"}:
            continue
        folder = path.relative_to(root / "csrc").parts[0]
        where = path.relative_to(root).as_posix()
        if folder not in layer:
            violations.append(f"{where}: folder {folder} has no layer")
            continue
        is_test = path.stem.endswith("_test") or path.stem.startswith("test")
        includes = r'^\s*#\s*include\s*([<"])([^>"]+)'
        for kind, target in re.findall(includes, path.read_text(), re.MULTILINE):
            if kind == "<":
                for pattern, owners in CPP_OWNERS.items():
                    allowed = folder in owners or (is_test and not owners)
                    if re.fullmatch(pattern, target) and not allowed:
                        violations.append(f"{where}: <{target}> is not for {folder}")
            elif not (root / "csrc" / target).is_file():
                violations.append(f'{where}: "{target}" is not a path below csrc/')
            else:
                other = target.split("/")[0]
                if other != folder and layer.get(other, len(layer)) >= layer[folder]:
                    violations.append(f'{where}: "{target}" is not below {folder}')
    return violations


def cython_violations(root: Path) -> list[str]:
    """Cython sees the core and its own declarations; modules meet only in Python.

    From bindings/ it shares what both roads need (errors, names), never pybind11.
    """
    violations = []
    for path in sorted((root / "fastinet").rglob("*.p[yx][xd]")):
        where = path.relative_to(root).as_posix()
        text = path.read_text()
        for header in re.findall(r'^\s*cdef extern from "([^"]+)"', text, re.MULTILINE):
            included = root / "csrc" / header
            if not included.is_file():
                violations.append(f"{where}: {header} is not a path below csrc/")
            elif "#include <pybind11" in included.read_text():
                violations.append(f"{where}: {header} needs pybind11")
        cimports = re.findall(r"^\s*(?:from\s+(\S+)\s+cimport|cimport\s+(\S+))", text, re.MULTILINE)
        violations += [
            f"{where}: cimports {module}"
            for module in map("".join, cimports)
            if module.startswith((".", "fastinet")) and module != "fastinet._core"
        ]
    return violations


def imports_at_import_time(path: Path, text: str) -> list[str]:
    """Dotted names that importing `path` imports: not those in functions or for type checkers."""
    if path.suffix == ".pyx":
        # No parser at hand for Cython: its top-level imports start in the first column.
        pattern = r"^(?:from\s+([\w.]+)\s+import\s+(\w+)|import\s+([\w.]+))"
        matches = re.findall(pattern, text, re.MULTILINE)
        return [f"{module}.{name}" if module else plain for module, name, plain in matches]
    names: list[str] = []

    def visit(body: list[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, ast.Import):
                names.extend(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                # Relative imports are the linter's business; here all are absolute.
                names.extend(f"{node.module}.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                visit(node.orelse)
            elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for field in ("body", "orelse", "finalbody"):
                    visit(getattr(node, field, []))
                for handler in getattr(node, "handlers", []):
                    visit(handler.body)

    visit(ast.parse(text).body)
    return names


def module_name(relative_path: Path) -> str:
    """Name in PYTHON_LAYERS of a file below fastinet/: datasets/train.py belongs to datasets."""
    first = relative_path.parts[0]
    return "" if first == "__init__.py" else first.partition(".")[0]


def python_violations(root: Path) -> list[str]:
    """Imports inside fastinet/ that go upward, and heavy packages imported too low."""
    layer = layer_numbers(PYTHON_LAYERS)
    violations = []
    package = root / "fastinet"
    for path in sorted([*package.rglob("*.py"), *package.rglob("*.pyx")]):
        name = module_name(path.relative_to(package))
        where = path.relative_to(root).as_posix()
        if name not in layer:
            violations.append(f"{where}: module {name} has no layer")
            continue
        for imported in imports_at_import_time(path, path.read_text()):
            top, *below = imported.split(".")
            if top in HEAVY_PACKAGES and name not in MAY_IMPORT_HEAVY:
                violations.append(f"{where}: imports {top} at import time")
            if top != "fastinet":
                continue
            # `from fastinet import errors` means a module, `from fastinet import Loader` the face.
            other = below[0] if below and below[0] in layer else ""
            if layer[other] > layer[name]:
                violations.append(f"{where}: {imported} is above {name}")
    return violations


def test_cpp_layers() -> None:
    assert cpp_violations(ROOT) == []


def test_cython_layers() -> None:
    assert cython_violations(ROOT) == []


def test_python_layers() -> None:
    assert python_violations(ROOT) == []


def test_importing_fastinet_is_light() -> None:
    code = "import fastinet, sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY_PACKAGES.isdisjoint(run.stdout.split())


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("csrc/tar/a.cc", '#include "item/item.h"\n', '"item/item.h" is not below tar'),
        ("csrc/tar/a.cc", '  #  include "io/file.h"\n', '"io/file.h" is not below tar'),
        ("csrc/tar/a.cc", '#include "header.h"\n', '"header.h" is not a path below csrc/'),
        ("csrc/engine/a.h", "#include <Python.h>\n", "<Python.h> is not for engine"),
        ("csrc/crop/a.h", "#include <iostream>\n", "<iostream> is not for crop"),
        ("csrc/new/a.h", "", "folder new has no layer"),
        ("fastinet/_plan.pyx", "from fastinet._scan cimport x\n", "cimports fastinet._scan"),
        (
            "fastinet/_core.pxd",
            'cdef extern from "bindings/engine.h":\n',
            "bindings/engine.h needs pybind11",
        ),
        ("fastinet/_plan.pyx", "from fastinet.loader import Loader\n", "is above _plan"),
        ("fastinet/errors.py", "from fastinet import loader\n", "fastinet.loader is above errors"),
        ("fastinet/loader.py", "import fastinet\n", "fastinet is above loader"),
        ("fastinet/loader.py", "try:\n    import rich\nexcept E:\n    pass\n", "imports rich"),
        ("fastinet/datasets/train.py", "from fastinet.cli.bench import x\n", "is above datasets"),
        ("fastinet/new.py", "", "module new has no layer"),
    ],
)
def test_planted_edge_is_found(tmp_path: Path, file: str, text: str, complaint: str) -> None:
    headers = {
        "item/item.h": "",
        "io/file.h": "",
        "bindings/engine.h": "#include <pybind11/stl.h>\n",
    }
    for header, contents in headers.items():
        (tmp_path / "csrc" / header).parent.mkdir(parents=True)
        (tmp_path / "csrc" / header).write_text(contents)
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(text)
    violations = [
        *cpp_violations(tmp_path),
        *cython_violations(tmp_path),
        *python_violations(tmp_path),
    ]
    assert len(violations) == 1
    assert violations[0].startswith(file)
    assert complaint in violations[0]


@pytest.mark.parametrize(
    "text",
    [
        "def draw():\n    import PIL\n",
        "if TYPE_CHECKING:\n    from fastinet.cli import main\n",
        "from fastinet import errors\n",
        "from fastinet.errors import FastinetError\n",
    ],
)
def test_allowed_imports_are_allowed(tmp_path: Path, text: str) -> None:
    (tmp_path / "fastinet").mkdir()
    (tmp_path / "fastinet" / "dataset.py").write_text(text)
    assert python_violations(tmp_path) == []

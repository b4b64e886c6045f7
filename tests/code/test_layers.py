"""Layers point one way: no #include, cimport or import goes upward or sideways.

    base <- {tar, gzip, io, rng, jpeg, png, resample, colour, blur, warp, label_map, index}
         <- augment <- {crop, policy} <- item <- columns <- {passes, stream} <- engine
         <- {fastinet, bindings, Cython} <- Python <- {testing, command line}

In Python every import counts, those in functions and for type checkers, too, and no module may
reach itself again through what it imports. The checks read the files; nothing is compiled. Each
check is itself tested on a planted bad edge.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Lowest first. Folders of one layer are siblings and do not know each other.
CPP_LAYERS = [
    {"base"},
    {"tar", "gzip", "io", "rng", "jpeg", "png", "resample", "colour", "blur", "warp", "label_map"}
    | {"index"},
    {"augment"},
    {"crop", "policy"},
    {"item"},
    {"columns"},
    {"passes", "stream"},
    {"engine"},
    {"bindings", "fastinet", "fuzz"},
]

# The folders that may include what is not theirs; everybody else goes through them.
CPP_OWNERS = {
    r"Python\.h|pybind11/.*|numpy/.*": {"bindings"},
    r"jpeglib\.h|jerror\.h|jmorecfg\.h|turbojpeg\.h": {"jpeg"},
    r"png\.h": {"png"},
    r"zlib\.h": {"fuzz", "gzip", "index", "png"},
    r"iostream|ostream|print": set(),  # the core does not print; its tests do
}

# Lowest first; "" is the package's face. Rooms of one layer do not know each other.
PYTHON_LAYERS = [
    {"build_info", "errors"},
    {"base"},
    {"_native"},
    {"augment", "distributed", "formats", "mixing"},
    {"pixels"},
    {"recipes", "sidecars"},
    {"archives"},
    {"datasets"},
    {"annotations"},
    {"metrics"},
    {"items"},
    {"loading"},
    {"verification"},
    {""},
    {"jax", "keras", "torch"},
    {"timm"},
    {"testing"},
    {"cli"},
    {"__main__"},
]

# Only these layers may import what training itself does not need.
HEAVY_PACKAGES = {
    *("click", "rich", "PIL", "torch", "jax", "keras", "timm", "matplotlib", "cv2", "simplejpeg")
}
# It imports what packages state for type checkers, where this test reads it; that both agree is in
# tests/base/test_first_use.py.
MAY_IMPORT_BY_NAME = {"fastinet/base/first_use.py"}
MAY_IMPORT_HEAVY = {"testing", "cli", "__main__", "jax", "keras", "timm", "torch"}


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


def cpp_circles(root: Path) -> list[str]:
    """Headers of csrc/ that include each other, directly or through others."""
    paths = sorted((root / "csrc").rglob("*.h"))
    includes = {
        path.relative_to(root / "csrc").as_posix(): re.findall(
            r'^\s*#\s*include\s*"([^"]+)"', path.read_text(), re.MULTILINE
        )
        for path in paths
    }
    circles: list[str] = []
    finished: set[str] = set()

    def visit(header: str, road: list[str]) -> None:
        if header in road:
            circles.append(" -> ".join([*road[road.index(header) :], header]))
        elif header not in finished:
            for included in includes.get(header, []):
                visit(included, [*road, header])
            finished.add(header)

    for header in includes:
        visit(header, [])
    return circles


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
            if module.startswith((".", "fastinet")) and module != "fastinet._native._core"
        ]
    return violations


def imported_names(path: Path, text: str, *, everywhere: bool) -> list[str]:
    """Dotted names that `path` imports: everywhere in it, or when it is imported itself."""
    if path.suffix == ".pyx":
        # No parser at hand for Cython: its top-level imports start in the first column.
        pattern = r"^(?:from\s+([\w.]+)\s+import\s+(\w+)|import\s+([\w.]+))"
        matches = re.findall(pattern, text, re.MULTILINE)
        return [f"{module}.{name}" if module else plain for module, name, plain in matches]
    names: list[str] = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            names.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # Relative imports are the linter's business; here all are absolute.
            names.extend(f"{node.module}.{alias.name}" for alias in node.names)
        elif everywhere or not is_put_off(node):
            for child in ast.iter_child_nodes(node):
                visit(child)
        elif isinstance(node, ast.If):
            for child in node.orelse:
                visit(child)

    visit(ast.parse(text))
    return names


def is_put_off(node: ast.AST) -> bool:
    """Whether importing the module does not run what is in `node`: a function, TYPE_CHECKING."""
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def room_of(relative_path: Path) -> str:
    """Name in PYTHON_LAYERS of a file below fastinet/: datasets/ilsvrc.py belongs to datasets."""
    first = relative_path.parts[0]
    return "" if first == "__init__.py" else first.partition(".")[0]


def python_sources(root: Path) -> list[Path]:
    """The modules of the package and the stubs of the compiled ones."""
    return sorted(path for suffix in ("py", "pyx", "pyi") for path in root.rglob(f"*.{suffix}"))


def python_violations(root: Path) -> list[str]:
    """Imports inside fastinet/ that go upward or sideways, and heavy packages imported too low."""
    layer = layer_numbers(PYTHON_LAYERS)
    violations = []
    package = root / "fastinet"
    for path in python_sources(package):
        room = room_of(path.relative_to(package))
        where = path.relative_to(root).as_posix()
        if room not in layer:
            violations.append(f"{where}: {room} has no layer")
            continue
        text = path.read_text()
        if re.search(r"import_module\(|__import__\(", text) and where not in MAY_IMPORT_BY_NAME:
            violations.append(f"{where}: imports by name, which hides what it imports")
        for imported in imported_names(path, text, everywhere=False):
            top = imported.split(".")[0]
            if top in HEAVY_PACKAGES and room not in MAY_IMPORT_HEAVY:
                violations.append(f"{where}: imports {top} at import time")
        for imported in imported_names(path, text, everywhere=True):
            top, *below = imported.split(".")
            if top != "fastinet":
                continue
            # `from fastinet import errors` means a module, `from fastinet import Loader` the face.
            other = below[0] if below and below[0] in layer else ""
            if other != room and layer[other] >= layer[room]:
                violations.append(f"{where}: {imported} is not below {room or 'the face'}")
    return violations


def import_circles(root: Path) -> list[list[str]]:
    """Groups of modules each of which reaches the others through its imports."""
    modules = {}
    for path in python_sources(root / "fastinet"):
        dotted = ".".join(path.relative_to(root).with_suffix("").parts)
        modules[dotted.removesuffix(".__init__")] = path
    edges = {
        name: {
            # `from fastinet.items import index` names a module, or something in one.
            imported if imported in modules else imported.rpartition(".")[0]
            for imported in imported_names(path, path.read_text(), everywhere=True)
        }
        & modules.keys() - {name}
        for name, path in modules.items()
    }

    def reached_from(start: str) -> set[str]:
        found: set[str] = set()
        waiting = [start]
        while waiting:
            new = edges[waiting.pop()] - found
            found |= new
            waiting += new
        return found

    reach = {name: reached_from(name) for name in edges}
    circles = {
        tuple(sorted(other for other in reach[name] if name in reach[other])) for name in edges
    }
    return sorted(list(circle) for circle in circles if circle)


def test_cpp_layers() -> None:
    assert cpp_violations(ROOT) == []


def test_cpp_headers_make_no_circle() -> None:
    assert cpp_circles(ROOT) == []


def test_a_planted_circle_is_found(tmp_path: Path) -> None:
    chain = {"tar/a.h": "tar/b.h", "tar/b.h": "tar/c.h", "tar/c.h": "tar/b.h", "tar/d.h": "tar/a.h"}
    (tmp_path / "csrc" / "tar").mkdir(parents=True)
    for header, included in chain.items():
        (tmp_path / "csrc" / header).write_text(f'#include "{included}"\n')
    assert cpp_circles(tmp_path) == ["tar/b.h -> tar/c.h -> tar/b.h"]


def test_cython_layers() -> None:
    assert cython_violations(ROOT) == []


def test_python_layers() -> None:
    assert python_violations(ROOT) == []


def test_no_module_reaches_itself() -> None:
    assert import_circles(ROOT) == []


@pytest.mark.parametrize(
    ("texts", "circle"),
    [
        (
            {"a": "from fastinet.items import b", "b": "from fastinet.items.a import x"},
            ["fastinet.items.a", "fastinet.items.b"],
        ),
        (
            {
                "a": "def f():\n    import fastinet.items.b\n",
                "b": "if TYPE_CHECKING:\n    from fastinet.items.c import X\n",
                "c": "from fastinet.items import a\n",
            },
            ["fastinet.items.a", "fastinet.items.b", "fastinet.items.c"],
        ),
        ({"a": "from fastinet.items import b, c", "b": "from fastinet.items import c"}, None),
    ],
)
def test_planted_circle_is_found(
    tmp_path: Path, texts: dict[str, str], circle: list[str] | None
) -> None:
    folder = tmp_path / "fastinet" / "items"
    folder.mkdir(parents=True)
    for name in "abc":
        (folder / f"{name}.py").write_text(texts.get(name, ""))
    assert import_circles(tmp_path) == ([] if circle is None else [circle])


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
        (
            "fastinet/_native/_plan.pyx",
            "from fastinet._native._scan cimport x\n",
            "cimports fastinet._native._scan",
        ),
        (
            "fastinet/_native/_core.pxd",
            'cdef extern from "bindings/engine.h":\n',
            "bindings/engine.h needs pybind11",
        ),
        (
            "fastinet/_native/_plan.pyx",
            "from fastinet.loading.loader import Loader\n",
            "is not below _native",
        ),
        (
            "fastinet/errors.py",
            "from fastinet import loading\n",
            "fastinet.loading is not below errors",
        ),
        ("fastinet/loading/loader.py", "import fastinet\n", "fastinet is not below loading"),
        (
            "fastinet/loading/loader.py",
            "try:\n    import rich\nexcept E:\n    pass\n",
            "imports rich",
        ),
        (
            "fastinet/datasets/train.py",
            "from fastinet.cli.bench import x\n",
            "is not below datasets",
        ),
        (
            "fastinet/items/a.py",
            "if TYPE_CHECKING:\n    from fastinet.loading.loader import Loader\n",
            "fastinet.loading.loader.Loader is not below items",
        ),
        (
            "fastinet/items/a.py",
            "def f():\n    from fastinet.loading import loader\n",
            "fastinet.loading.loader is not below items",
        ),
        (
            "fastinet/items/a.py",
            'importlib.import_module("fastinet.loading.loader")\n',
            "imports by name",
        ),
        ("fastinet/torch/a.py", "import fastinet.jax\n", "fastinet.jax is not below torch"),
        ("fastinet/new.py", "", "new has no layer"),
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
        "if TYPE_CHECKING:\n    import PIL\n",
        "from fastinet.annotations.relabel import LabelMaps\n",
        "from fastinet import errors\n",
        "from fastinet.errors import FastinetError\n",
    ],
)
def test_allowed_imports_are_allowed(tmp_path: Path, text: str) -> None:
    (tmp_path / "fastinet").mkdir()
    (tmp_path / "fastinet" / "metrics.py").write_text(text)
    assert python_violations(tmp_path) == []

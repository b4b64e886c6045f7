"""Packages whose public names are imported when they are first used look as if all had been."""

from __future__ import annotations

import ast
import importlib
import json
import pickle
import pkgutil
import pydoc
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import fastinet
from fastinet.base.first_use import names_on_first_use

PACKAGES = ("fastinet", "fastinet.augment", "fastinet.metrics")

# What `import fastinet` loads of fastinet: nothing else, and no NumPy.
AT_IMPORT = [
    "fastinet",
    "fastinet.base",
    "fastinet.base.first_use",
    "fastinet.base.interpreters",
    "fastinet.build_info",
]

# What is large, and not needed up to the first batch of an archive that has an index.
NOT_FOR_A_BATCH = {
    *("asyncio", "concurrent.futures", "difflib", "email", "importlib.metadata", "logging"),
    *("pickletools", "secrets", "ssl", "subprocess", "tarfile", "xml.etree", "PIL", "ml_dtypes"),
    *("fastinet.augment.timm_augment", "fastinet.formats.torch_files", "fastinet.items.duplicates"),
    *("fastinet.loading.stream_loader", "fastinet.metrics.topk", "fastinet.mixing"),
    *("fastinet.recipes", "fastinet.testing", "fastinet.verification"),
}

LOADED = """
import sys
before = set(sys.modules)
{}
loaded = sorted(set(sys.modules) - before)
import json
print(json.dumps(loaded))
"""


def loaded_by(program: str, *arguments: object) -> list[str]:
    """The modules that a program loads, in a Python of its own."""
    command = [sys.executable, "-c", LOADED.format(program), *map(str, arguments)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    modules: list[str] = json.loads(answer.stdout)
    return modules


def homes_of(package: str) -> dict[str, str]:
    """Public name -> module, as type checkers read them in a package's file."""
    tree = ast.parse(Path(importlib.import_module(package).__file__ or "").read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    return {
        name.name: statement.module or ""
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for name in statement.names
    }


def test_the_import_loads_no_more_than_is_listed() -> None:
    loaded = loaded_by("import fastinet")
    assert [name for name in loaded if name.startswith("fastinet")] == AT_IMPORT
    assert not {"numpy", "dataclasses", "inspect", "json", "pathlib"} & set(loaded)


def test_a_first_batch_loads_nothing_that_is_for_other_things(archive_path: Path) -> None:
    fastinet.open(archive_path)  # makes the index, for which more is needed
    loaded = loaded_by(
        "import fastinet\n"
        "ds = fastinet.open(sys.argv[1])\n"
        "loader = fastinet.Loader(ds, 4, fastinet.RandomResizedCrop(32), shuffle=True)\n"
        "next(iter(loader))",
        archive_path,
    )
    assert "fastinet.loading.loader" in loaded
    assert sorted(NOT_FOR_A_BATCH & set(loaded)) == []


def test_what_is_not_loaded_can_be() -> None:
    """A module that is listed above and renamed would be missed for ever."""
    for name in NOT_FOR_A_BATCH - {"PIL", "ml_dtypes"}:
        assert importlib.util.find_spec(name) is not None, name


@pytest.mark.parametrize("package", PACKAGES)
def test_type_checkers_and_programs_find_the_same(package: str) -> None:
    module = importlib.import_module(package)
    homes = homes_of(package)
    assert set(homes) <= set(module.__all__)
    for name, home in homes.items():
        found = getattr(importlib.import_module(home), name, None)
        assert getattr(module, name) is (found or importlib.import_module(f"{home}.{name}"))


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_is_seen_before_it_is_used(package: str) -> None:
    program = f"import {package} as p; assert set(p.__all__) <= set(dir(p)), set(p.__all__)"
    assert loaded_by(program)
    assert loaded_by(f"from {package} import *; import {package} as p; [*map(eval, p.__all__)]")


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_hides_a_name(package: str) -> None:
    """The import of a package's module sets the package's attribute of that name."""
    module = importlib.import_module(package)
    modules = {found.name for found in pkgutil.iter_modules(module.__path__)}
    on_first_use = {name for name, home in homes_of(package).items() if home != package}
    assert not modules & on_first_use


def test_help_names_what_was_not_used_yet() -> None:
    text = pydoc.plain(pydoc.render_doc(fastinet))
    assert all(name in text for name in fastinet.__all__)


def test_pickles_find_their_classes_in_a_new_process() -> None:
    pickled = pickle.dumps(fastinet.RandomResizedCrop(32))
    program = "import pickle; assert 'size' in dir(pickle.loads(bytes.fromhex(sys.argv[1])))"
    assert "fastinet.pixels.transforms" in loaded_by(program, pickled.hex())


def test_a_name_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    package = ModuleType("made_up")
    monkeypatch.setitem(sys.modules, "made_up", package)
    first_use, names = names_on_first_use("made_up", {"there": "part"})
    part = ModuleType("made_up.part")
    part.there = object()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "made_up.part", part)
    assert first_use("there") is part.there is vars(package)["there"]
    assert "there" in names()
    with pytest.raises(AttributeError, match=r"module 'made_up' has no attribute 'thre'") as info:
        first_use("thre")
    assert info.value.name == "thre"

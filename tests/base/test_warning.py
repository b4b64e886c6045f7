"""Warnings name the line outside the package from which it was entered."""

from __future__ import annotations

import contextlib
import functools
import linecache
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import fastinet
from fastinet import CenterCrop, Loader
from fastinet.base.warning import warn
from fastinet.errors import FastinetWarning
from fastinet.testing.archives import train_tar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def line_of(caught: pytest.WarningsRecorder) -> str:
    """The source line that the only warning names, which must be in this file."""
    (warning,) = caught
    assert Path(warning.filename) == Path(__file__)
    return linecache.getline(warning.filename, warning.lineno).strip()


def package_function(name: str) -> Callable[..., Any]:
    """A function that counts as one of the package: it calls its argument."""
    variables: dict[str, Any] = {"__name__": name}
    exec("def call(function):\n    return function()\n", variables)  # noqa: S102
    call: Callable[..., Any] = variables["call"]
    return call


@pytest.mark.parametrize("name", ["fastinet", "fastinet.items.dataset", "fastinet.cli"])
def test_frames_of_the_package_are_passed_over(name: str) -> None:
    call = package_function(name)
    with pytest.warns(FastinetWarning, match="told") as caught:
        call(functools.partial(call, functools.partial(warn, "told")))  # this line
    assert line_of(caught).endswith("# this line")


@pytest.mark.parametrize("name", ["fastinet_extras", "__main__", "users.fastinet"])
def test_others_are_not(name: str) -> None:
    with pytest.warns(FastinetWarning) as caught:
        package_function(name)(functools.partial(warn, "told"))
    assert caught[0].filename == "<string>"


def test_what_python_puts_between_is_passed_over() -> None:
    inner = package_function("fastinet.base")

    @contextlib.contextmanager
    def warns_at_its_end() -> Iterator[None]:
        yield
        inner(functools.partial(warn, "told"))

    class Thing:
        cached = functools.cached_property(lambda _: inner(functools.partial(warn, "told")))

    thing = Thing()
    with pytest.warns(FastinetWarning) as caught:
        _ = thing.cached  # the property
    assert "the property" in line_of(caught) or "cached_property" in line_of(caught)
    finalizer = weakref.finalize(thing, inner, functools.partial(warn, "told"))
    with pytest.warns(FastinetWarning) as caught:
        finalizer()  # the finalizer
    assert line_of(caught).endswith("# the finalizer")


def test_a_thread_started_by_python_names_python() -> None:
    """The innermost line outside the package is then the threading module's."""

    def run_thread() -> None:
        thread = threading.Thread(target=functools.partial(warn, "told"))
        thread.start()
        thread.join()

    with pytest.warns(FastinetWarning, match="told") as caught:
        run_thread()
    assert Path(caught[0].filename).name == "threading.py"


def test_each_way_in_names_the_users_line(tmp_path: Path, archive_path: Path) -> None:
    """Whatever depth a warning comes from: opening, views, loading, iterating, finishing."""
    junk = tmp_path / "junk.tar"
    junk.write_bytes(archive_path.read_bytes())
    Path(f"{junk}.fastinet").write_bytes(b"no index")
    with pytest.warns(FastinetWarning, match="built anew") as caught:
        ds = fastinet.open(junk)  # opening with a damaged index
    assert line_of(caught).endswith("# opening with a damaged index")
    with pytest.warns(FastinetWarning, match="have no items") as caught:
        ds.select_classes(["n01440764", "n00000001"])  # selecting
    assert line_of(caught).endswith("# selecting")
    with pytest.warns(FastinetWarning, match="leaves no batch") as caught:
        Loader(ds, 1000, CenterCrop(8), drop_last=True)  # making a loader
    assert line_of(caught).endswith("# making a loader")

    damaged = tmp_path / "damaged.tar"
    damaged.write_bytes(train_tar({"n01440764": {"n01440764_1.JPEG": b"\xff\xd8\xff no image"}}))
    loader = Loader(fastinet.open(damaged), 4, CenterCrop(8), on_error="mask")
    with pytest.warns(FastinetWarning, match="gave no row") as caught:
        list(loader)  # a loop to its end
    assert line_of(caught).endswith("# a loop to its end")
    begun = iter(loader)
    next(begun)
    with pytest.warns(FastinetWarning, match="gave no row") as caught:
        begun.close()  # closing
    assert line_of(caught).endswith("# closing")

"""What a user's label function raises names the item, from an archive as from a stream."""

from __future__ import annotations

import functools
import io
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import fastinet
from fastinet.testing.archives import tar
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

NOTED = sys.version_info >= (3, 11)
JPEG = small_jpeg(np.random.default_rng(5))
SHARD = tar(
    {
        "a/0001.jpg": JPEG,
        "a/0001.txt": b"7",
        "a/0002.jpg": JPEG,
        "a/0002.meta": b"9",
        "a/0003.jpg": JPEG,
    }
)


class OwnError(Exception):
    """Of a user's library: it takes two arguments, so that no other can be made of a message."""

    def __init__(self, code: int, what: str) -> None:
        super().__init__(code, what)


def by_opening(path: Path, function: Any) -> None:
    fastinet.open(path, labels=function, index=False)


def by_a_stream(path: Path, function: Any) -> None:
    stream = fastinet.open_stream(io.BytesIO(path.read_bytes()), labels=function, name=path.name)
    for _ in fastinet.StreamLoader(stream, 2, fastinet.Resize(8)):
        pass


def context_of(error: BaseException) -> str:
    """The message and the notes, as a traceback shows them."""
    return "\n".join([str(error), *getattr(error, "__notes__", [])])


def no_such_file(_key: str, files: Mapping[str, bytes]) -> int:
    return int(files["txt"])


def own_error(key: str, _files: Mapping[str, bytes]) -> int:
    if "0002" in key:
        raise OwnError(3, "no such row")
    return 1


def no_number(key: str, _files: Mapping[str, bytes]) -> int:
    return int("x" if "0002" in key else "4")


@pytest.mark.parametrize("read", [by_opening, by_a_stream])
@pytest.mark.parametrize(
    ("function", "kind", "words"),
    [
        (no_such_file, KeyError, "'txt'"),
        (own_error, OwnError, "no such row"),
        (no_number, ValueError, "invalid literal"),
    ],
)
def test_an_exception_carries_the_member(
    tmp_path: Path,
    read: Callable[[Path, Any], None],
    function: Any,
    kind: type[Exception],
    words: str,
) -> None:
    path = tmp_path / "shard.tar"
    path.write_bytes(SHARD)
    with pytest.raises(kind if NOTED else ValueError) as raised:
        read(path, function)
    context = context_of(raised.value)
    for part in ("labels=", "shard.tar", "'a/0002.jpg'", "meta", words):
        assert part in context
    assert "0001" not in context
    if not NOTED:
        assert type(raised.value.__cause__) is kind


@pytest.mark.parametrize("read", [by_opening, by_a_stream])
def test_a_stop_iteration_does_not_end_the_loop(
    tmp_path: Path, read: Callable[[Path, Any], None]
) -> None:
    path = tmp_path / "shard.tar"
    path.write_bytes(SHARD)
    with pytest.raises(RuntimeError, match=r"StopIteration.*'a/0001\.jpg'"):
        read(path, lambda _key, _files: next(iter(())))


@pytest.mark.parametrize("read", [by_opening, by_a_stream])
@pytest.mark.parametrize("given", [None, 1.5, -2, "7"])
def test_what_is_no_label(tmp_path: Path, read: Callable[[Path, Any], None], given: Any) -> None:
    path = tmp_path / "shard.tar"
    path.write_bytes(SHARD)
    with pytest.raises(ValueError, match=r"label") as raised:
        read(path, lambda key, _files: given if "0002" in key else 1)
    assert "shard.tar" in str(raised.value)
    assert "'a/0002.jpg'" in str(raised.value)
    assert repr(given) in str(raised.value)


class Labels:
    """A callable object."""

    def __call__(self, key: str, companions: Mapping[str, bytes]) -> int:
        return len(key) + len(companions)

    def of_key(self, key: str) -> int:
        return len(key)


@pytest.mark.parametrize(
    "function",
    [
        lambda _key: 0,
        lambda: 0,
        lambda _key, _companions, _more: 0,
        lambda _key, *, companions: len(companions),
        Labels().of_key,
    ],
)
@pytest.mark.parametrize("reading", [by_opening, by_a_stream])
def test_a_function_of_other_arguments_is_told_how_it_is_called(
    tmp_path: Path, reading: Callable[..., None], function: Any
) -> None:
    path = tmp_path / "shard.tar"
    path.write_bytes(SHARD)
    with pytest.raises(TypeError, match=r"called with two arguments, labels\(key, companions\)"):
        reading(path, function)


@pytest.mark.parametrize(
    "function",
    [
        lambda _key, _companions: 0,
        lambda *_arguments: 0,
        lambda _key, _companions=None, _more=0: 0,
        Labels(),
        functools.partial(lambda _one, _key, _companions: 0, 1),
    ],
)
@pytest.mark.parametrize("reading", [by_opening, by_a_stream])
def test_any_function_of_two_arguments_is_taken(
    tmp_path: Path, reading: Callable[..., None], function: Any
) -> None:
    path = tmp_path / "shard.tar"
    path.write_bytes(SHARD)
    reading(path, function)

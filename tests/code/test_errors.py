"""The exception table: every status code has its class, and messages say where."""

from __future__ import annotations

import errno
import pickle
import re
from pathlib import Path

import pytest

from fastinet import errors

STATUS_SOURCE = Path(__file__).parents[2] / "csrc" / "base" / "status.cc"

CASES = [
    ("corrupt", errors.CorruptError, ValueError),
    ("unsupported", errors.UnsupportedError, ValueError),
    ("too large", errors.TooLargeError, ValueError),
    ("missing", errors.MissingError, FileNotFoundError),
    ("io", errors.ReadError, OSError),
    ("cancelled", errors.CancelledError, Exception),
    ("internal", errors.InternalError, Exception),
    ("out of memory", errors.OutOfMemoryError, MemoryError),
]


@pytest.mark.parametrize(("code", "kind", "builtin"), CASES)
def test_each_code_has_its_class(code: str, kind: type, builtin: type) -> None:
    error = errors.from_status(code, "it broke", "x.tar", "n01/a.JPEG", 123)
    assert type(error) is kind
    assert isinstance(error, errors.FastinetError)
    assert isinstance(error, builtin)
    assert str(error) == "archive 'x.tar', member 'n01/a.JPEG', byte 123: it broke"
    assert (error.cause, error.archive, error.member, error.offset) == (
        "it broke",
        "x.tar",
        "n01/a.JPEG",
        123,
    )


def test_the_table_covers_the_core() -> None:
    names = set(re.findall(r'return "([a-z ]+)";', STATUS_SOURCE.read_text(encoding="utf-8")))
    assert names == {case[0] for case in CASES} | {"ok", "invalid argument"}


def test_unknown_places_are_left_out() -> None:
    error = errors.from_status("corrupt", "it broke")
    assert str(error) == "it broke"
    assert (error.archive, error.member, error.offset) == (None, None, None)
    assert str(errors.CorruptError("it broke", offset=0)) == "byte 0: it broke"
    assert str(errors.CorruptError("it broke", member="a")) == "member 'a': it broke"


def test_invalid_arguments_are_plain_value_errors() -> None:
    error = errors.from_status("invalid argument", "size must be positive")
    assert type(error) is ValueError
    assert str(error) == "size must be positive"


def test_an_unknown_code_is_a_bug() -> None:
    error = errors.from_status("new code", "it broke")
    assert type(error) is errors.InternalError
    assert "it broke" in str(error)


@pytest.mark.parametrize("kind", [case[1] for case in CASES])
def test_errors_cross_process_borders(kind: type[errors.FastinetError]) -> None:
    error = kind("it broke", archive="x.tar", member="a", offset=7)
    twin = pickle.loads(pickle.dumps(error))  # noqa: S301  # its own bytes
    assert type(twin) is kind
    assert str(twin) == str(error)
    assert vars(twin) == vars(error)


def test_missing_files_look_missing_to_others() -> None:
    assert errors.MissingError("no such file").errno == errno.ENOENT


def test_names_that_are_no_utf8_can_be_printed() -> None:
    error = errors.CorruptError("it broke", member="a\udcff")
    assert error.member == "a\udcff"
    str(error).encode("utf-8")

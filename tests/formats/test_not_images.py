"""What is said of an item that is no image, and when nothing is added to what the core says."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, NoReturn

import pytest

import fastinet
from fastinet.errors import CorruptError, ReadError, UnsupportedError
from fastinet.formats.not_images import explained_cause, explained_image

if TYPE_CHECKING:
    from collections.abc import Callable

GIF = b"GIF89a" + bytes(20)


def no_read(_: int) -> NoReturn:
    raise AssertionError("nothing is to be read")


def reader_of(content: bytes) -> Callable[[int], bytes]:
    return lambda count: content[:count]


@pytest.fixture(scope="module")
def cause() -> str:
    """What the core says of such bytes; were it worded anew, nothing would be explained."""
    with pytest.raises(UnsupportedError) as caught:
        fastinet.decode(b"\x01\x02\x03\x04")
    found, _, _ = caught.value.cause.partition("; they begin")
    return found


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (GIF, ": they are a GIF image; "),
        (gzip.compress(GIF, mtime=0), ": what they inflate to is a GIF image; "),
        (bytes(range(9)), "; they begin with 00 01 02 03 04 05 06 07"),
        (b"", ": they are empty; "),
        (gzip.compress(bytes(range(1, 10)), mtime=0), "; they begin with 01 02 03 04 05 06 07 08"),
    ],
)
def test_what_the_bytes_are_is_added(cause: str, content: bytes, words: str) -> None:
    found = explained_cause(cause, reader_of(content), len(content))
    assert found.startswith(cause + words)


def test_a_damaged_wrapper_is_left_to_the_core(cause: str) -> None:
    damaged = gzip.compress(GIF)[:10] + b"\xff" * 20
    assert explained_cause(cause, reader_of(damaged)) == cause


@pytest.mark.parametrize("error", [OSError("gone"), ValueError("closed"), ReadError("cut")])
def test_bytes_that_cannot_be_read_again(cause: str, error: Exception) -> None:
    def read(_: int) -> bytes:
        raise error

    assert explained_cause(cause, read) == cause


def test_an_explained_error_keeps_its_place(cause: str) -> None:
    error = UnsupportedError(cause, archive="a.tar", member="n01440764/x.JPEG", offset=512)
    found = explained_image(error, reader_of(GIF), len(GIF))
    assert isinstance(found, UnsupportedError)
    assert (found.archive, found.member, found.offset) == ("a.tar", "n01440764/x.JPEG", 512)
    assert "a GIF image" in found.cause


@pytest.mark.parametrize(
    "error", [UnsupportedError("12 bits a sample"), CorruptError("cut"), ValueError("a label")]
)
def test_other_errors_are_given_back_and_cost_no_read(error: Exception) -> None:
    assert explained_image(error, no_read) is error
    assert explained_cause(str(error), no_read) == str(error)

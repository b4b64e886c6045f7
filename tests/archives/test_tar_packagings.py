"""The law: whatever the bytes, a tar is read alike as a file, as a gzip file and as it arrives.

The same items, or the same refusal in the same words.
"""

from __future__ import annotations

import gzip
import io
import warnings
from pathlib import Path
from typing import NamedTuple

import hypothesis
import pytest
from support.odd_tars import tar_bytes

import fastinet
from fastinet.errors import FastinetError, FastinetWarning


class Outcome(NamedTuple):
    """What one packaging gives: items, or the kind, cause, member and byte of its refusal."""

    keys: tuple[str, ...] = ()
    refusal: tuple[str, str, str | None, int | None] | None = None
    notes: frozenset[str] = frozenset()


def refusal_of(error: FastinetError) -> Outcome:
    # What to do differs, and the offsets of a gzipped tar are said to be in the inflated data.
    cause = error.cause.removeprefix("in the inflated data: ").split("; ")[0]
    if cause.startswith("not a tar"):  # what it is instead is told from what is at hand of it
        cause = "not a tar"
    return Outcome(refusal=(type(error).__name__, cause, error.member, error.offset))


def said(caught: list[warnings.WarningMessage]) -> frozenset[str]:
    """What was said of tars, without the archive's name."""
    texts = [str(each.message).partition("': ")[2] for each in caught]
    return frozenset(text for text in texts if text.startswith(("the tar ", "tars each")))


def opened(path: Path, end_marker: str) -> Outcome:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FastinetWarning)
        try:
            dataset = fastinet.open(
                path, index=False, labels=lambda _key, _files: 0, end_marker=end_marker
            )
        except FastinetError as error:
            return refusal_of(error)
        return Outcome(tuple(dataset.keys), notes=said(caught))


def streamed(data: bytes, end_marker: str) -> Outcome:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FastinetWarning)
        stream = fastinet.open_stream(
            io.BytesIO(data), labels=lambda _key, _files: 0, end_marker=end_marker
        )
        try:
            keys = tuple(item.key for item in stream.items())
        except FastinetError as error:
            return refusal_of(error)
        return Outcome(keys, notes=said(caught))


# A stream takes what has gone by for good, and follows tars one behind the other.
STREAMS_OWN = ("a second member of this name", "a second tar", "a hard link to", "a symbolic link")


def check(tmp_path: Path, data: bytes, end_marker: str) -> list[Outcome]:
    plain, packed = tmp_path / "x.tar", tmp_path / "y.tar.gz"
    plain.write_bytes(data)
    packed.write_bytes(gzip.compress(data, 1, mtime=0))
    file = opened(plain, end_marker)
    inflated = opened(packed, end_marker)
    arrived = streamed(data, end_marker)
    inflating = streamed(packed.read_bytes(), end_marker)
    assert arrived == inflating
    assert inflated == file
    follows = file.refusal is not None and "concatenated" in file.refusal[1]
    own = arrived.refusal is not None and arrived.refusal[1].startswith(STREAMS_OWN)
    if not follows and not own:
        assert arrived == file
    return [file, inflated, arrived]


@pytest.mark.parametrize("end_marker", ["required", "optional"])
@hypothesis.settings(
    max_examples=400, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(data=tar_bytes().filter(len))
def test_any_bytes(tmp_path: Path, data: bytes, end_marker: str) -> None:
    check(tmp_path, data, end_marker)

"""Typed headers of sidecars: what is taken, what is refused, and in which words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastinet.sidecars.schema import (
    Count,
    Hexadecimal,
    Length,
    Positive,
    Range,
    UnusableSidecarError,
    Word32,
    checked,
    checked_json,
)


class Pair(NamedTuple):
    """Numbers, one of them with a default."""

    low: Count
    high: Annotated[int, Range(-5, 5)] = 3


@dataclass(frozen=True)
class Header:
    """One field of every kind."""

    name: str
    kind: Literal["a", "b"]
    pairs: Annotated[tuple[Pair, ...], Length(1, 2)]
    shape: tuple[Count, str]
    by_name: dict[str, Word32]
    digest: Hexadecimal
    state: str | None = None
    done: bool = False


SOUND: dict[str, Any] = {
    "name": "ü",
    "kind": "b",
    "pairs": [{"low": 1, "high": -5, "of a later version": 1}, {"low": 0}],
    "shape": [7, "x"],
    "by_name": {"y": 2**32 - 1},
    "digest": "00ff",
    "of a later version": {},
}


def test_what_fits_is_taken_and_the_rest_passed_over() -> None:
    header = checked(Header, SOUND)
    assert header == Header("ü", "b", (Pair(1, -5), Pair(0)), (7, "x"), {"y": 2**32 - 1}, "00ff")
    assert checked(Header, {**SOUND, "state": "s", "done": True}).state == "s"
    assert checked(Header, {**SOUND, "state": None}).state is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 1}, "is damaged: 'name' is 1, and must be a text"),
        ({"name": None}, "is damaged: 'name' is null, and must be a text"),
        ({"kind": "c"}, "is damaged: 'kind' is \"c\", and must be one of 'a', 'b'"),
        ({"kind": ["a"]}, "is damaged: 'kind' is [\"a\"], and must be one of 'a', 'b'"),
        ({"pairs": []}, "is damaged: 'pairs' has 0 elements"),
        ({"pairs": [{"low": 0}] * 3}, "is damaged: 'pairs' has 3 elements"),
        ({"pairs": {}}, "is damaged: 'pairs' is {}, and must be an array"),
        ({"pairs": [[1, 2]]}, "is damaged: 'pairs[0]' is [1, 2], and must be an object"),
        ({"pairs": [{"high": 1}]}, "is damaged: it lacks 'pairs[0].low'"),
        ({"pairs": [{"low": True}]}, "'pairs[0].low' is true, and must be a whole number"),
        ({"pairs": [{"low": 1.0}]}, "'pairs[0].low' is 1.0, and must be a whole number"),
        ({"pairs": [{"low": -1}]}, "'pairs[0].low' is -1, and must be 0 to 9223372036854775807"),
        ({"pairs": [{"low": 2**63}]}, "must be 0 to 9223372036854775807"),
        ({"pairs": [{"low": 0, "high": 6}]}, "'pairs[0].high' is 6, and must be -5 to 5"),
        ({"shape": [1]}, "'shape' is [1], and must be an array of 2"),
        ({"shape": [1, 2]}, "'shape[1]' is 2, and must be a text"),
        ({"by_name": {"y": 2**32}}, "'by_name.y' is 4294967296, and must be 0 to 4294967295"),
        ({"by_name": []}, "'by_name' is [], and must be an object"),
        ({"digest": "0"}, "'digest' is not written as it should be"),
        ({"digest": "0g"}, "'digest' is not written as it should be"),
        ({"state": 0}, "'state' is 0, and must be a text"),
        ({"done": 0}, "'done' is 0, and must be true or false"),
        ({"name": ["long"] * 100}, "..., and must be a text"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UnusableSidecarError) as caught:
        checked(Header, {**SOUND, **change})
    assert message in str(caught.value)
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize("name", ["name", "kind", "pairs", "shape", "by_name", "digest"])
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(UnusableSidecarError, match=f"^is damaged: it lacks '{name}'$"):
        checked(Header, {key: value for key, value in SOUND.items() if key != name})


@pytest.mark.parametrize(
    "text", [b"", b"{", b"\xff", b"[" * 100_000, b"[1]", b"7", b"1" * 10_000, b'"a"']
)
def test_what_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(UnusableSidecarError, match=r"^is damaged: its header is no JSON"):
        checked_json(Header, text)


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        (Count, 0, 2**63 - 1),
        (Positive, 1, 2**63 - 1),
        (Word32, 0, 2**32 - 1),
        (Annotated[int, Range(-5, 5)], -5, 5),
    ],
)
def test_ranges_have_both_their_ends(kind: Any, low: int, high: int) -> None:
    assert [checked(kind, number) for number in (low, high)] == [low, high]
    for beyond in (low - 1, high + 1):
        with pytest.raises(UnusableSidecarError, match=f"must be {low} to {high}$"):
            checked(kind, beyond)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(name=st.sampled_from([*SOUND, "state", "done"]), value=anything)
def test_any_other_value_is_refused_or_of_the_right_type(name: str, value: Any) -> None:
    try:
        header = checked(Header, {**SOUND, name: value})
    except UnusableSidecarError:
        return
    assert type(header.name) is str
    assert header.kind in ("a", "b")
    assert all(type(low) is int and low >= 0 and -5 <= high <= 5 for low, high in header.pairs)
    assert 0 <= header.shape[0] < 2**63
    assert all(0 <= number < 2**32 for number in header.by_name.values())
    assert bytes.fromhex(header.digest).hex() == header.digest
    assert header.state is None or type(header.state) is str
    assert type(header.done) is bool

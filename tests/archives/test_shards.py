"""The names of shards: what patterns stand for, and what the index of several is called."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastinet.archives.shards import expand_braces, shard_paths, sidecar_base, title

texts = st.text("ab-_./", max_size=4)
lists = st.lists(texts, min_size=2, max_size=4)


@st.composite
def ranges(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Braces of numbers, and the numbers that they stand for."""
    first = draw(st.just(0) | st.integers(0, 1200))
    last = first + draw(st.integers(0, 12))
    width = draw(st.sampled_from([0, 0, 3, 6]))
    ends = str(first).zfill(width), str(last).zfill(width)
    return f"{{{ends[0]}..{ends[1]}}}", [str(n).zfill(width) for n in range(first, last + 1)]


braces = st.one_of(ranges(), lists.map(lambda parts: (f"{{{','.join(parts)}}}", parts)))
pieces = st.lists(st.one_of(braces, texts.map(lambda text: (text, [text]))), max_size=4)


@given(pieces)
def test_any_pattern(parts: list[tuple[str, list[str]]]) -> None:
    pattern = "".join(text for text, _ in parts)
    expected = ["".join(names) for names in itertools.product(*(names for _, names in parts))]
    assert expand_braces(pattern) == expected


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    "pattern",
    [
        "train-{0000..0012}.tar", "{train,val}-{8..11}.tar", "x{1..010}", "x{01..3}", "x{0..0}",
        "{0..10}", "{00..02}{a,b}/{5..6}", "x{9..0010}.tar", "none",
    ],
)  # fmt: skip
def test_as_a_shell_does(pattern: str) -> None:
    run = subprocess.run(
        ["bash", "-c", f"printf '%s\\n' {pattern}"], capture_output=True, text=True, check=True
    )
    assert expand_braces(pattern) == run.stdout.splitlines()


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("a{0..3.tar", "do not match"),
        ("a0..3}.tar", "do not match"),
        ("{a,{b,c}}.tar", "nested"),
        ("a{3..0}.tar", "runs backwards"),
        ("a{}.tar", "neither numbers like {00..31} nor a list"),
        ("a{x}.tar", "neither numbers"),
        ("a{a..f}.tar", "neither numbers"),
        ("a{0..9..3}.tar", "neither numbers"),
        ("a{0..99999999999}.tar", "number of shards"),
        ("a{0..9999}{0..9999}.tar", "number of shards"),
    ],
)
def test_what_is_no_pattern(pattern: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        expand_braces(pattern)


def test_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = Path.cwd()
    assert shard_paths("a.tar") == [here / "a.tar"]
    assert shard_paths(Path("x/{b,a}.tar")) == [here / "x/b.tar", here / "x/a.tar"]
    assert shard_paths(["{1..2}", Path("/z")]) == [here / "1", here / "2", Path("/z")]
    for half in ("{1.tar", "1}.tar"):
        with pytest.raises(ValueError, match="do not match"):
            shard_paths(half)
    with pytest.raises(ValueError, match="empty list"):
        shard_paths([])
    with pytest.raises(ValueError, match=r"a\.tar' stands there twice"):
        shard_paths(["a.tar", "{b,a}.tar"])
    Path("{0..1}.tar").touch()  # a file that is called so is no pattern
    assert shard_paths("{0..1}.tar") == [here / "{0..1}.tar"]


def test_the_name_of_an_index() -> None:
    first = [Path("/data/a.tar"), Path("/data/b.tar"), Path("/data/x/c.tar")]
    place = sidecar_base(first)
    assert place.parent == Path("/data")
    assert place.name.startswith("a.tar+2-")
    moved = [Path("/mnt") / path.relative_to("/data") for path in first]
    assert sidecar_base(moved).name == place.name
    for other in (first[:2], [first[0], first[2], first[1]], [*first, Path("/data/d.tar")]):
        assert sidecar_base(other) != place
    assert title(first, first) == Path("/data/a.tar and 2 more")
    assert title("/data/{a,b}.tar", first[:2]) == Path("/data/{a,b}.tar")

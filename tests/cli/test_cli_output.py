"""How commands print: what comes out as it was put in, where it goes, and how sizes are told."""

from __future__ import annotations

import json

import pytest

from fastinet.cli import output


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 KB"),
        (110_400, "110 KB"),
        (1_000_000, "1.0 MB"),
        (147_897_477_120, "147.9 GB"),
        (1_330_000_000_000, "1.33 TB"),
        (5_000_000_000_000_000, "5000.00 TB"),
        (0.4, "0 bytes"),
    ],
)
def test_sizes_as_people_write_them(size: float, text: str) -> None:
    assert output.size_text(size) == text


@pytest.mark.parametrize("name", ["plain", "[bold]x[/]", "a[0]", "\\[x]", "é", "\udcff.tar"])
def test_names_are_printed_as_they_are(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets are no markup, and bytes that are no UTF-8 are spelled out."""
    expected = name.replace("\udcff", "\\udcff")
    output.say(f"[bold]{output.literal(name)}[/]")
    output.print_facts([("name", name)])
    output.print_table("Names", ["a", "b"], [(name, name)])
    said, fact, *table = capsys.readouterr().out.splitlines()
    assert said == expected
    assert fact.split() == ["name", expected]
    assert table[-1].split() == [expected, expected] or table[-2].split() == [expected, expected]


def test_a_long_path_in_a_file_is_not_folded(capsys: pytest.CaptureFixture[str]) -> None:
    path = "/".join(["folder"] * 60)
    output.print_facts([("index", path)])
    output.say(path)
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == [path, path]


def test_results_and_messages_go_apart(capsys: pytest.CaptureFixture[str]) -> None:
    output._messages.cache_clear()
    output.print_json({"items": 3, "keys": ["a"]})
    output.note("goes on")
    with output.progress_bar("images", total=3) as progress:
        progress(3)
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"items": 3, "keys": ["a"]}
    assert "goes on" in captured.err
    assert "images" in captured.err
    assert "3/3" in captured.err
    output._messages.cache_clear()


@pytest.mark.parametrize("bar", [output.byte_bar, output.file_bar])
def test_a_late_bar_appears_with_the_first_report(
    bar: object, capsys: pytest.CaptureFixture[str]
) -> None:
    output._messages.cache_clear()
    with bar("indexing"):  # type: ignore[operator]
        pass
    assert capsys.readouterr().err == ""
    output._messages.cache_clear()
    with bar("indexing") as progress:  # type: ignore[operator]
        progress(1, 4)
        progress(4, 4)
    told = capsys.readouterr().err
    assert "indexing" in told
    assert ("4/4" in told) is True
    output._messages.cache_clear()


def test_each_stage_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    output._messages.cache_clear()
    with output.staged_bar() as progress:
        progress("headers", 10, 10)
        progress("content", 3, 20)
    told = capsys.readouterr().err
    assert "headers" in told
    assert "content" in told
    assert "10/10" in told
    assert "3/20" in told
    output._messages.cache_clear()

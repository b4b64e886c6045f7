"""`progress=True`: a line that is drawn over in a terminal, an output replaced in a cell."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace
from typing import Any

import pytest

import fastinet
from fastinet.base import progress_bar
from fastinet.base.progress_bar import drawn, drawn_stages


class Terminal(io.StringIO):
    """A terminal; or, as asked, none."""

    tty = True

    def isatty(self) -> bool:
        return self.tty


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    file = Terminal()
    # pytest sets its own sys.stderr between a fixture and its test.
    monkeypatch.setattr(progress_bar, "sys", SimpleNamespace(stderr=file, modules={}))
    return file


def test_a_terminal_has_one_line_that_is_drawn_over(terminal: Terminal) -> None:
    show = drawn(True, "index of a.tar")
    assert show is not None
    for done in range(10_001):
        show(done, 10_000)
    lines = terminal.getvalue()
    assert lines.count("\n") == 1
    assert lines.count("\r") < 100, "some times a second, and not each time"
    assert lines.startswith("\rindex of a.tar ░░░░")
    assert lines.rstrip().rpartition("\r")[2].startswith("index of a.tar " + "█" * 30 + " 100%")


def test_stages_have_a_line_each(terminal: Terminal) -> None:
    show = drawn_stages(True, "a.tar")
    assert show is not None
    for stage in ("headers", "content"):
        show(stage, 1, 2)
        show(stage, 2, 2)
    lines = terminal.getvalue().split("\n")
    assert [line.count("\r") for line in lines] == [2, 2, 0]
    assert "a.tar: headers" in lines[0]
    assert "a.tar: content" in lines[1]


def test_nothing_is_drawn_where_nobody_looks(terminal: Terminal) -> None:
    terminal.tty = False
    show = drawn(True, "index")
    assert show is not None
    show(1, 2)
    show(0, 0)
    assert terminal.getvalue() == ""


def test_empty_passes_are_complete(terminal: Terminal) -> None:
    show = drawn(True, "index")
    assert show is not None
    show(0, 0)
    assert "100%" in terminal.getvalue()


def test_a_cell_has_one_output_that_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs: list[list[str]] = []

    def display(data: dict[str, str], *, raw: bool, display_id: bool) -> Any:
        assert raw
        assert display_id
        outputs.append([data["text/plain"]])
        shown = outputs[-1]

        def update(data: dict[str, str], *, raw: bool) -> None:
            assert raw
            shown.append(data["text/plain"])

        return SimpleNamespace(update=update)

    ipython: Any = SimpleNamespace(
        get_ipython=lambda: SimpleNamespace(kernel=object()),
        display=SimpleNamespace(display=display),
    )
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    show = drawn(True, "index")
    assert show is not None
    show(0, 2)
    show(2, 2)
    assert len(outputs) == 1
    assert [line.split()[2] for line in outputs[0]] == ["0%", "100%"]


def test_callables_and_nothing_stay_what_they_are() -> None:
    own: Any = print
    assert drawn(own, "x") is own
    assert drawn_stages(own, "x") is own
    for nothing in (None, False):
        assert drawn(nothing, "x") is None
        assert drawn_stages(nothing, "x") is None
    with pytest.raises(TypeError, match="or True for a bar, not 'yes'"):
        drawn("yes", "x")  # type: ignore[arg-type]


def test_every_pass_takes_true(terminal: Terminal, archive_path: Any, tmp_path: Any) -> None:
    archive = tmp_path / "train.tar"
    archive.write_bytes(archive_path.read_bytes())
    dataset = fastinet.open(archive, progress=True)
    dataset.build_checkpoints(progress=True)
    fastinet.concatenate([dataset]).build_checkpoints(progress=True)
    fastinet.find_duplicates(dataset, progress=True)
    fastinet.verify(archive, progress=True)
    drawn_lines = terminal.getvalue()
    for what in ("index of train.tar", "checkpoints of train.tar", "duplicates in train.tar"):
        assert what in drawn_lines
    assert "train.tar: headers" in drawn_lines

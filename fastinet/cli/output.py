"""How all commands print: results on stdout, as text or JSON; progress and messages on stderr."""

from __future__ import annotations

import contextlib
import functools
import json
import sys
from typing import TYPE_CHECKING, Any

import click
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from fastinet.errors import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rich.progress import TaskID

    from fastinet.base import progress

_UNFOLDED = 4000  # columns, wider than nearly any path

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
archive_argument = click.argument("archive")


def literal(text: object) -> str:
    """`text` for a line with rich markup, escaped: brackets in a file name must not be markup."""
    return escape(printable(str(text)))


def say(text: str = "") -> None:
    """Prints a line of a result; rich markup allowed."""
    Console(soft_wrap=True, highlight=False).print(text)


def note(text: str) -> None:
    """Prints a line about what goes on, not part of the result."""
    _messages().print(text, soft_wrap=True, highlight=False)


@functools.cache
def _messages() -> Console:
    """Stderr: one console for messages and progress, so that a message goes above a bar."""
    return Console(stderr=True)


def print_json(value: Any) -> None:
    """Prints `value` for a script to read."""
    click.echo(json.dumps(value, indent=2))


def print_table(title: str, headings: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Prints a table under its title: the first column to the left, numbers to the right."""
    table = Table(box=box.SIMPLE_HEAD, header_style="dim", pad_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    say(f"\n[bold]{title}[/]")
    Console(highlight=False).print(table)


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Prints names and values in two columns."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(name, Text("\n".join(map(printable, value.split("\n")))))
    # What goes into a file or a pipe is not folded: who reads it there looks for whole paths.
    width = None if sys.stdout.isatty() else _UNFOLDED
    Console(highlight=False, width=width).print(table)


@contextlib.contextmanager
def progress_bar(what: str, total: float | None) -> Iterator[Callable[[float], None]]:
    """A progress bar on stderr; gives the function that takes how far it is."""
    with _progress(MofNCompleteColumn()) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


def byte_bar(what: str) -> contextlib.AbstractContextManager[progress.Progress]:
    """A progress bar for functions that report (bytes done, bytes in all).

    It appears with the first report: an index that is there already needs no bar.
    """
    return _late_bar(what, DownloadColumn())


def file_bar(what: str) -> contextlib.AbstractContextManager[progress.Progress]:
    """A progress bar, like `byte_bar`, for functions that report (files done, files in all)."""
    return _late_bar(what, MofNCompleteColumn())


@contextlib.contextmanager
def _late_bar(
    what: str, counter: MofNCompleteColumn | DownloadColumn
) -> Iterator[progress.Progress]:
    with contextlib.ExitStack() as shown:
        progress = _progress(counter)
        task = progress.add_task(what, total=None)

        def show(done: int, total: int) -> None:
            if not progress.live.is_started:
                shown.enter_context(progress)
            progress.update(task, completed=done, total=total)

        yield show


@contextlib.contextmanager
def staged_bar() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar for work in stages that reports (stage, bytes or files done, in all).

    Each stage has its own line; none appears before its first report.
    """
    with contextlib.ExitStack() as shown:
        progress = _progress(DownloadColumn())
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int) -> None:
            if not tasks:
                shown.enter_context(progress)
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total)
            progress.update(tasks[stage], completed=done, total=total)

        yield show


def _progress(counter: MofNCompleteColumn | DownloadColumn) -> Progress:
    description = TextColumn("[progress.description]{task.description}")
    columns = (description, BarColumn(), counter, TimeElapsedColumn())
    return Progress(*columns, console=_messages())


def size_text(size: float) -> str:
    """A number of bytes as people write it: 110 KB, 147.9 GB."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit in ("bytes", "KB") else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.2f} TB"

"""fastinet verify: whether an archive is complete, undamaged, and the one that was published."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

import fastinet
from fastinet.cli.opening import end_marker_option, index_option, refuse_streams
from fastinet.cli.output import (
    json_option,
    literal,
    note,
    print_json,
    say,
    staged_bar,
)
from fastinet.errors import FastinetError

if TYPE_CHECKING:
    from fastinet.archives.tar_notes import EndMarker
    from fastinet.verification import Finding, Report

_SHOWN = 5  # findings of one kind; --json has all
_MARKS = {"passed": "[green]ok   [/]", "failed": "[red]wrong[/]", "skipped": "[dim]-    [/]"}
_COLOURS = {"error": "red", "warning": "yellow", "note": "dim"}


@click.command(short_help="Compare PATH with what is published: whole, undamaged, right?")
@click.argument("path")
@click.option("--decode", is_flag=True, help="Decode every image in full, not its header alone.")
@click.option(
    "--digest/--no-digest", default=True, help="Compare MD5 or SHA-256 of the whole.  [default: on]"
)
@click.option("--devkit", help="Development kit that tells how many images each class has.")
@click.option(
    "--expect",
    metavar="NAME",
    help="Compare with this published archive, or 'none'.  [default: what it shows itself to be]",
)
@click.option(
    "--again", is_flag=True, help="Forget what earlier runs found, and how far they came."
)
@index_option
@end_marker_option
@click.option("--threads", type=click.IntRange(1), help="[default: all CPUs]")
@json_option
@click.pass_context
def verify(
    context: click.Context,
    path: str,
    decode: bool,
    digest: bool,
    devkit: str | None,
    expect: str | None,
    again: bool,
    index_path: str | None,
    end_marker: EndMarker,
    threads: int | None,
    as_json: bool,
) -> None:
    """Compare PATH with what is published: size, headers, classes, images, digest.

    PATH is an archive of the ImageNet family as it was downloaded, a folder of class tars, or the
    folder that an archive was extracted to. Interrupt it as you like: the same command goes on
    where it was. The exit code is 0 when all is well, 1 when something is wrong, and 2 when it
    could not be looked at.
    """
    refuse_streams(path)
    try:
        with staged_bar() as progress:
            report = fastinet.verify(
                path,
                decode=decode,
                digest=digest,
                devkit=devkit,
                expect=expect,
                again=again,
                index=True if index_path is None else index_path,
                end_marker=end_marker,
                threads=threads,
                progress=progress,
            )
    except KeyboardInterrupt:
        note("How far it came is kept: the same command goes on from there.")
        raise
    except ValueError as error:
        if isinstance(error, FastinetError):
            raise
        raise click.UsageError(str(error)) from error
    if as_json:
        print_json(report.to_dict())
    else:
        _print(report)
    if not report.ok:
        context.exit(1)


def _print(report: Report) -> None:
    say(f"[bold]{literal(report.path)}[/]")
    width = max((len(check.name) for check in report.checks), default=0)
    for check in report.checks:
        say(f"{check.name:{width}}  {_MARKS[check.state]}  {literal(check.detail)}")
    if report.findings:
        say()
    shown: dict[tuple[str, str], int] = {}
    advised: set[str] = set()  # what was said once need not be said a thousand times
    for finding in report.findings:
        group = (finding.severity, finding.kind)
        shown[group] = shown.get(group, 0) + 1
        if shown[group] <= _SHOWN:
            say(_line(finding))
            if finding.advice and finding.advice not in advised:
                say(f"  [dim]{literal(finding.advice)}[/]")
                advised.add(finding.advice)
    for (severity, kind), count in shown.items():
        if count > _SHOWN:
            say(f"[dim]{count - _SHOWN:,} more {severity}s of kind '{kind}': see --json[/]")
    if report.findings:
        say()
    if report.remembered:
        say("[dim]Found by an earlier run; the archive has not changed. --again looks anew.[/]")
    say(f"[bold]{literal(report.sentence)}[/]")


def _line(finding: Finding) -> str:
    where = f" ({finding.place})" if finding.place else ""
    colour = _COLOURS[finding.severity]
    return f"[{colour}]{finding.severity}:[/] {literal(f'{finding.message}{where}')}"

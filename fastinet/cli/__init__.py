"""The command line: `fastinet`, or `python -m fastinet`."""

from __future__ import annotations

import warnings
from typing import Any, TextIO

import click

from fastinet.cli.bench import bench
from fastinet.cli.demo import demo
from fastinet.cli.eval import eval_command
from fastinet.cli.index import index
from fastinet.cli.info import info
from fastinet.cli.output import literal, note
from fastinet.cli.show import show
from fastinet.cli.verify import verify
from fastinet.errors import FastinetError, FastinetWarning

__all__ = ["main"]


class _Failure(click.ClickException):
    """A failure that the user can do something about: one line, no traceback."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(f"fastinet: {self.message}", file=file, err=True)


class _Commands(click.Group):
    """Turns fastinet's errors and warnings into lines on stderr."""

    def invoke(self, context: click.Context) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("always", FastinetWarning)
            warnings.showwarning = _show_warning
            try:
                return super().invoke(context)
            except BrokenPipeError:  # the reader, `head` perhaps, has seen enough
                raise
            except FastinetError as error:
                raise _Failure(str(error)) from error
            except OSError as error:
                file = "" if error.filename is None else f"'{error.filename}': "
                raise _Failure(f"{file}{error.strerror or error}") from error
            except RuntimeError as error:
                # threading.Condition.wait, where a future is waited for, opens its lock a moment
                # before it is ready to be interrupted. A Ctrl-C then comes out as "cannot release
                # un-acquired lock".
                if isinstance(error.__context__, KeyboardInterrupt):
                    raise click.Abort from error
                raise


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,  # noqa: ARG001 - a line in fastinet's code helps no user
    lineno: int,  # noqa: ARG001
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    text = (
        str(message) if issubclass(category, FastinetWarning) else f"{category.__name__}: {message}"
    )
    note(f"[yellow]note:[/] {literal(text)}")


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fastinet")
def main() -> None:
    """From an official ImageNet archive to training batches, nothing unpacked.

    ARCHIVE is an archive, a folder of archives or an extracted one, or a quoted pattern that stands
    for several: 'train-{0000..0146}.tar'.
    """


for _command in (demo, index, info, bench, show, verify, eval_command):
    main.add_command(_command)

"""Runs commands of the command line that must succeed."""

from __future__ import annotations

import json

from click.testing import CliRunner, Result

from fastinet.cli import main


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result


def run_json(*arguments: str) -> dict:
    return json.loads(run(*arguments, "--json").stdout)

"""fastinet verify at the command line: what is wrong, how it ended, and that progress is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.verified import Classes, published_train, some_classes

import fastinet
from fastinet.cli import main
from fastinet.datasets.published import PublishedArchive
from fastinet.testing.archives import train_tar

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def classes() -> Classes:
    return some_classes()


@pytest.fixture
def train(tmp_path: Path, classes: Classes) -> tuple[Path, list[PublishedArchive]]:
    """A sound archive and what is published of it."""
    content = train_tar(classes, record_bytes=10_240)
    path = tmp_path / "train.tar"
    path.write_bytes(content)
    return path, published_train(content)


def test_the_command_says_what_is_wrong_and_how_it_ended(tmp_path: Path, classes: Classes) -> None:
    content = train_tar(classes)
    path = tmp_path / "train.tar"
    path.write_bytes(content)
    sound = CliRunner().invoke(main, ["verify", str(path)])
    assert sound.exit_code == 0, sound.output
    assert sound.stdout.rstrip().splitlines()[-1].startswith("Nothing wrong was found")
    path.write_bytes(content[:-3000])
    cut = CliRunner().invoke(main, ["verify", str(path)])
    assert cut.exit_code == 1
    assert cut.stdout.rstrip().splitlines()[-1].startswith("Truncated: the file ends at byte")
    again = CliRunner().invoke(main, ["verify", str(path)])
    assert "earlier run" in again.stdout
    facts = CliRunner().invoke(main, ["verify", str(path), "--json", "--decode"])
    assert facts.exit_code == 1
    report = json.loads(facts.stdout)
    assert not report["ok"]
    assert report["findings"][0]["kind"] == "truncated"
    assert report["findings"][0]["offset"] == len(content) - 3000
    missing = CliRunner().invoke(main, ["verify", str(tmp_path / "nowhere")])
    assert missing.exit_code == 2
    assert missing.stderr.startswith("fastinet: ")
    assert CliRunner().invoke(main, ["verify", str(path), "--expect", "x"]).exit_code == 2


def test_the_command_tells_that_progress_is_kept(
    train: tuple[Path, list[PublishedArchive]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fastinet, "verify", interrupted)
    result = CliRunner().invoke(main, ["verify", str(train[0])])
    assert result.exit_code == 1
    assert "goes on from there" in result.stderr

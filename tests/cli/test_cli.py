"""The command line: what it prints, writes and refuses."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from support.commands import run, run_json

import fastinet
from fastinet.cli import main
from fastinet.testing.archives import tar
from fastinet.testing.small import small_jpeg
from fastinet.testing.webdataset import write_shards

pytestmark = pytest.mark.usefixtures("own_cache")


def test_help_fits_a_terminal() -> None:
    listed = run("--help").stdout.partition("Commands:\n")[2].splitlines()
    assert len(listed) == 7
    assert not any(line.endswith("...") or len(line) > 79 for line in listed)


# -------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("command", ["index", "info", "bench", "show"])
def test_a_missing_archive_is_one_line_and_exit_code_2(command: str, tmp_path: Path) -> None:
    path = str(tmp_path / "nowhere.tar")
    result = CliRunner().invoke(main, [command, path])
    assert result.exit_code == 2
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("fastinet: ")
    assert path in lines[0]


def test_a_file_that_is_no_tar_is_named(tmp_path: Path) -> None:
    path = tmp_path / "noise.tar"
    path.write_bytes(np.random.default_rng(0).bytes(4096))
    result = CliRunner().invoke(main, ["info", str(path)])
    assert result.exit_code == 2
    assert str(path) in result.stderr
    assert "Traceback" not in result.stderr


def test_an_output_that_cannot_be_written_is_named(archive: str, tmp_path: Path) -> None:
    output = str(tmp_path / "no such folder" / "sheet.png")
    result = CliRunner().invoke(main, ["show", archive, "-n", "1", "-o", output])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == f"fastinet: '{output}': No such file or directory"


@pytest.mark.parametrize("transform", ["none", "train"])
def test_a_damaged_image_names_archive_and_member(
    archive: str, transform: str, tmp_path: Path
) -> None:
    key = fastinet.open(archive).keys[0].rpartition("/")[2].encode()
    data = bytearray(Path(archive).read_bytes())
    start = data.index(b"\xff\xd8", data.index(key))
    data[start : start + 64] = bytes(64)
    Path(archive).write_bytes(data)
    sheet = str(tmp_path / "sheet.png")
    result = CliRunner().invoke(
        main, ["show", archive, "-n", "8", "-o", sheet, "--transform", transform]
    )
    assert result.exit_code == 0
    assert archive in result.stderr
    assert key.decode() in result.stderr
    assert f"byte {start}: " in result.stderr  # of the archive


@pytest.mark.parametrize("command", ["index", "info", "bench", "show"])
def test_names_are_printed_as_they_are(command: str, tmp_path: Path) -> None:
    """Brackets are not markup, and bytes that are no UTF-8 reach a strict terminal visibly."""
    image = small_jpeg(np.random.default_rng(0))
    members = {
        "[/b]/n01440764/[red]caf\udce9.JPEG": image,
        "[/b]/n01440764/[/x].txt\udcff": b"not an image",
    }
    archive = tmp_path / "[" / "b]train[red].tar"
    archive.parent.mkdir()
    archive.write_bytes(tar(members))
    options = {
        "bench": ["--threads", "1", "--seconds", "0.1"],
        "show": ["-o", str(tmp_path / "[" / "b].png")],
    }
    process = subprocess.run(
        [sys.executable, "-m", "fastinet", command, str(archive), *options.get(command, [])],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict", "COLUMNS": "500"},
    )
    assert process.returncode == 0, process.stderr
    assert "[/b]/n01440764/[/x].txt\\udcff" in process.stderr
    expected = {
        "index": str(archive),
        "info": "[/b]/n01440764/[red]caf\\udce9.JPEG",
        "bench": "images/s",
        "show": str(tmp_path / "[" / "b].png"),
    }
    assert expected[command] in process.stdout


@pytest.mark.parametrize("in_a_lock", [False, True])
def test_ctrl_c_is_one_word(
    archive: str, monkeypatch: pytest.MonkeyPatch, *, in_a_lock: bool
) -> None:
    """Also where threading.Condition.wait has just opened its lock and was not yet to close it."""

    def interrupted(*_: object, **__: object) -> None:
        lock = threading.RLock()
        with lock:
            if in_a_lock:
                lock.release()
            raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["fastinet.cli.bench"], "measure", interrupted)
    result = CliRunner().invoke(main, ["bench", archive])
    assert result.exit_code == 1
    assert result.stderr.endswith("Aborted!\n")
    assert isinstance(result.exception, SystemExit)


def test_the_module_is_the_command(archive: str) -> None:
    for arguments, code in ((["index", archive, "--json"], 0), (["index", "nowhere.tar"], 2)):
        process = subprocess.run(
            [sys.executable, "-m", "fastinet", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.returncode == code, process.stderr
        assert "Traceback" not in process.stderr


# ------------------------------------------------------------------------------------ shards


@pytest.fixture
def shards(tmp_path: Path) -> str:
    return write_shards(tmp_path / "shards", shards=3, images=9, classes=4)


def test_a_pattern_stands_for_an_archive(shards: str, tmp_path: Path) -> None:
    facts = run_json("index", shards, "--checkpoints")
    assert (facts["items"], facts["classes"], facts["checkpointed_items"]) == (9, 4, 9)
    assert Path(facts["index"]).parent == Path(shards).parent
    facts = run_json("info", shards)
    assert (facts["archive"], facts["family"], facts["split"]) == (shards, "webdataset", "train")
    assert facts["first_classes"] == ["0", "1", "2", "3"]
    assert "9 in 4 classes" in run("info", shards).stdout
    sheet = tmp_path / "sheet.png"
    assert "4 images" in run("show", shards, "-n", "4", "-o", str(sheet)).stdout
    with Image.open(sheet) as image:
        assert image.width > 0
    results = run_json("bench", shards, "--threads", "1", "--seconds", "0.1")["results"]
    assert {result["pipeline"] for result in results} == {"read", "decode", "train", "val"}


def test_patterns_that_the_command_line_refuses(shards: str) -> None:
    result = CliRunner().invoke(main, ["info", shards.replace("}", "")])
    assert result.exit_code == 2
    assert "do not match" in result.stderr
    Path(shards.replace("{0000..0002}", "0001")).unlink()
    result = CliRunner().invoke(main, ["info", shards])
    assert result.exit_code == 2
    assert "1 of 3 shards are missing: train-0001.tar" in result.stderr.replace("\n", " ")

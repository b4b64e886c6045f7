"""The command line over archives that arrive: cat train.tar | fastinet info -."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from support.commands import run

from fastinet.cli import main
from fastinet.testing.archives import tar
from fastinet.testing.ilsvrc import miniature_challenge
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_bench(content: bytes, named_pipe: Callable[[bytes], str]) -> None:
    result = run("bench", named_pipe(content), "--threads", "2", "--batch-size", "3", "--json")
    (figures,) = json.loads(result.stdout)["results"]
    assert (figures["pipeline"], figures["threads"], figures["images"]) == ("train", 2, 8)
    assert figures["megabytes_per_second"] > 0
    assert json.loads(result.stdout)["failures"] == []
    text = run("bench", named_pipe(content)).stdout
    assert "Images as they arrive" in text
    assert "gave no row" not in text


def test_bench_tells_of_images_that_give_no_row(
    named_pipe: Callable[[bytes], str], rng: np.random.Generator
) -> None:
    good = small_jpeg(rng)
    data = tar({f"{i:02}.jpg": good[:300] if i in (3, 7) else good for i in range(10)})
    result = run("bench", named_pipe(data), "--threads", "2", "--json")
    facts = json.loads(result.stdout)
    assert [row["key"] for row in facts["failures"]] == ["03.jpg", "07.jpg"]
    assert facts["results"][0]["images"] == 8
    assert "gave no row" not in result.stderr
    assert "Images that gave no row: 2" in run("bench", named_pipe(data)).stdout


@pytest.mark.parametrize(("split", "count"), [("train", 17), ("val", 16), ("test", 0)])
def test_splits(named_pipe: Callable[[bytes], str], split: str, count: int, tmp_path: Path) -> None:
    """All commands that take a stream take a part of it, and say so where there is none."""
    data = tar(miniature_challenge().class_tree())
    commands = (["info", "--json"], ["bench"], ["show", "-o", str(tmp_path / "sheet.png")])
    for command in commands:
        result = CliRunner().invoke(main, [*command, "--split", split, named_pipe(data)])
        if not count:
            assert result.exit_code == 2
            assert "no item of the stream is of split 'test'" in result.stderr
        elif command[0] == "info":
            assert json.loads(result.stdout)["items"] == count
        else:
            assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize("transform", ["none", "train", "val"])
def test_show(
    content: bytes, named_pipe: Callable[[bytes], str], tmp_path: Path, transform: str
) -> None:
    sheet = tmp_path / "sheet.png"
    arguments = ["-n", "5", "-o", str(sheet), "--transform", transform]
    assert "5 images" in run("show", named_pipe(content), *arguments).stdout
    with Image.open(sheet) as image:
        assert image.width > 500


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (["index"], "this needs a file"),
        (["verify"], "this needs a file"),
        (["info", "--devkit", "kit"], "--devkit needs a file"),
        (["show", "--boxes", "boxes"], "--boxes needs a file"),
    ],
)
def test_what_needs_a_file(arguments: list[str], cause: str) -> None:
    result = CliRunner().invoke(main, [*arguments, "-"])
    assert result.exit_code == 2
    assert cause in result.stderr


def test_streams_that_end_too_early(
    content: bytes, named_pipe: Callable[[bytes], str], tmp_path: Path
) -> None:
    sheet = str(tmp_path / "sheet.png")
    for command in (["info"], ["bench"], ["show", "-o", sheet]):
        for data, cause in ((b"", "is empty"), (content[:9000], "truncated")):
            result = CliRunner().invoke(main, [*command, named_pipe(data)])
            assert result.exit_code == 2
            assert cause in result.stderr
            assert len([line for line in result.stderr.splitlines() if "fastinet:" in line]) == 1


def test_show_of_an_item_without_label(
    named_pipe: Callable[[bytes], str], tmp_path: Path, rng: np.random.Generator
) -> None:
    pipe = named_pipe(tar({"a.jpg": small_jpeg(rng)}))
    result = CliRunner().invoke(main, ["show", pipe, "-o", str(tmp_path / "sheet.png")])
    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize("transform", ["none", "val"])
def test_show_names_an_item_that_cannot_be_shown(
    named_pipe: Callable[[bytes], str], tmp_path: Path, rng: np.random.Generator, transform: str
) -> None:
    pipe = named_pipe(tar({"a.jpg": small_jpeg(rng), "b.jpg": b"no image", "c.jpg": b""}))
    sheet = tmp_path / "sheet.png"
    arguments = ["show", pipe, "-o", str(sheet), "--transform", transform]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.stderr
    assert "member 'b.jpg'" in result.stderr
    assert "member 'c.jpg'" in result.stderr
    assert "3 images, 2 of them crossed" in result.stdout
    assert sheet.stat().st_size


def test_standard_input(content: bytes) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fastinet", "info", "-", "--json"],
        input=content,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
    )
    facts = json.loads(done.stdout)
    assert (facts["archive"], facts["items"]) == ("standard input", 8)

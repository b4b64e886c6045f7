"""fastinet info: what it tells of an archive is what lies in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from support.commands import run, run_json

import fastinet
from fastinet.cli import main
from fastinet.testing.train_archive import write_train_archive

pytestmark = pytest.mark.usefixtures("own_cache")


def test_info_counts_what_is_there(archive: str) -> None:
    facts = run_json("info", archive)
    dataset = fastinet.open(archive)
    assert facts["items"] == 8
    assert facts["items_per_class"] == [2, 3]
    assert facts["first_keys"] == list(dataset.keys[:3])
    sizes = [len(dataset.read(item)) for item in range(8)]
    assert facts["bytes"] == sum(sizes)
    assert facts["bytes_per_item"]["max"] == max(sizes)
    mix = facts["sample"]
    assert mix["images"] == 8
    assert mix["format"] == {"JPEG baseline": 1.0}
    assert sum(mix["sampling"].values()) == pytest.approx(1)
    text = run("info", archive).stdout
    assert "8 in 3 classes" in text
    assert "JPEG baseline" in text


def test_info_names_odd_formats(tmp_path: Path) -> None:
    path = write_train_archive(
        tmp_path / "odd.tar", images=4, classes=1, odd=("progressive", "png", "cmyk", "gzip")
    )
    mix = run_json("info", str(path))["sample"]
    assert mix["format"] == {
        "JPEG progressive": 0.25,
        "PNG": 0.25,
        "JPEG baseline": 0.25,
        "unknown": 0.25,
    }
    assert mix["sampling"]["4:4:4 of 4 components"] == 0.25
    assert mix["quality"] == {"88": 0.25, "90": 0.25}


def test_info_reads_no_headers_when_told_so(archive: str) -> None:
    assert run_json("info", archive, "--sample", "0")["sample"] == {"images": 0}
    assert "The headers of" not in run("info", archive, "--sample", "0").stdout
    assert CliRunner().invoke(main, ["info", archive, "--sample", "-1"]).exit_code == 2


def test_classes_are_those_of_the_dataset(archive: str) -> None:
    dataset = fastinet.open(archive)
    rows = run_json("info", archive, "--classes")["class_table"]
    assert [row["wnid"] for row in rows] == [info.wnid for info in dataset.classes]
    assert [row["label"] for row in rows] == [0, 1, 2]
    assert [row["items"] for row in rows] == np.bincount(dataset.labels, minlength=3).tolist()
    assert [row["name"] for row in rows] == [info.names[0] for info in dataset.classes]
    chinese = run_json("info", archive, "--classes", "--lang", "zh")["class_table"]
    assert [row["name"] for row in chinese] == [info.zh for info in dataset.classes]


def test_sizes_are_those_of_the_items(archive: str) -> None:
    facts = run_json("info", archive)
    sizes = sorted(fastinet.open(archive).sizes.tolist())
    assert facts["bytes_per_item"] == {
        "min": sizes[0],
        "median": (sizes[3] + sizes[4]) / 2,
        "mean": pytest.approx(sum(sizes) / 8),
        "max": sizes[-1],
    }
    assert run_json("info", archive, "--sample", "3")["sample"]["images"] == 3

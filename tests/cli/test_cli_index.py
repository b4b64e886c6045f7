"""fastinet index: what is built, told, and said of an index that is there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.commands import run, run_json

import fastinet
from fastinet.testing.archives import tar
from fastinet.testing.small import small_jpeg

pytestmark = pytest.mark.usefixtures("own_cache")


def test_index_builds_and_reports(archive: str) -> None:
    facts = run_json("index", archive)
    assert facts["items"] == 8
    assert facts["classes"] == 3
    assert Path(facts["index"]).stat().st_size == facts["index_bytes"]
    stamp = Path(facts["index"]).stat().st_mtime_ns
    text = run("index", archive).stdout
    assert "8 in 3 classes" in text
    assert Path(facts["index"]).stat().st_mtime_ns == stamp


def test_a_stale_index_is_rebuilt_aloud(archive: str) -> None:
    run("index", archive)
    with Path(archive).open("ab") as file:
        file.write(bytes(10_240))
    result = run("index", archive, "--json")
    assert "stale" in result.stderr
    assert json.loads(result.stdout)["items"] == 8


def test_an_index_that_is_there_needs_no_progress_bar(archive: str) -> None:
    assert "indexing" in run("index", archive).stderr
    assert run("index", archive).stderr == ""


def test_checkpoints_and_duplicates_are_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    jpeg, other = small_jpeg(rng), small_jpeg(rng)
    members = {f"n01440764/n01440764_{number}.JPEG": jpeg for number in range(2)}
    members |= {"n01443537/n01443537_0.JPEG": jpeg, "n01443537/n01443537_1.JPEG": other}
    path = tmp_path / "train.tar"
    path.write_bytes(tar(members))
    before = run_json("index", str(path))
    assert (before["checkpoints"], before["checkpointed_items"], before["duplicates"]) == (
        None,
        0,
        None,
    )
    assert "`fastinet index --checkpoints` makes them" in run("index", str(path)).stdout
    facts = run_json("index", str(path), "--checkpoints", "--duplicates", "--threads", "2")
    made = fastinet.open(path).checkpoints
    assert facts["checkpoints"] == str(made.path)
    assert (facts["checkpointed_items"], facts["checkpoint_bytes"]) == (4, made.record_bytes)
    found = facts["duplicates"]
    assert (found["images"], found["repeated_images"], found["repeated_items"]) == (2, 1, 3)
    assert found["images_of_several_classes"] == 1
    assert Path(found["path"]).exists()
    text = " ".join(run("index", str(path), "--duplicates").stdout.split())
    assert "3 items in 1 groups of equal ones, 1 groups of several classes; 2 different" in text
    assert "4 images, " in text


def test_no_duplicates(archive: str) -> None:
    text = run("index", archive, "--duplicates").stdout
    assert "none among 8 images" in text

"""fastinet info of an archive that arrives: what one pass shows."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from support.commands import run

from fastinet.testing.archives import tar
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize("zipped", [False, True])
def test_info(content: bytes, named_pipe: Callable[[bytes], str], zipped: bool) -> None:
    pipe = named_pipe(gzip.compress(content) if zipped else content)
    facts = json.loads(run("info", pipe, "--json", "--classes").stdout)
    assert (facts["items"], facts["classes"], facts["unlabelled"]) == (8, 3, 0)
    assert facts["items_per_class"] == [2, 3]
    assert sum(row["items"] for row in facts["class_table"]) == 8
    assert facts["class_table"][0]["wnid"] == "n01440764"
    assert facts["sample"]["images"] == 8
    assert sum(facts["sample"]["format"].values()) == pytest.approx(1)


def test_info_of_the_file_tells_the_same(
    content: bytes, named_pipe: Callable[[bytes], str], tmp_path: Path
) -> None:
    path = tmp_path / "train.tar"
    path.write_bytes(content)
    of_file = json.loads(run("info", str(path), "--json").stdout)
    of_stream = json.loads(run("info", named_pipe(content), "--json").stdout)
    for name in ("items", "classes", "items_per_class", "bytes", "bytes_per_item", "sample"):
        assert of_stream[name] == of_file[name], name
    assert of_stream["first_keys"] == of_file["first_keys"]


def test_info_of_items_without_labels(named_pipe: Callable[[bytes], str], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = {"a.jpg": small_jpeg(rng), "b.jpg": small_jpeg(rng), "b.cls": b"5", "c.txt": b"-"}
    text = run("info", named_pipe(tar(pictures)), "--sample", "1", "--classes").stdout
    assert "2 in 1 classes; 1 without a label" in text
    assert "1 entries" in text
    assert "electric ray" in text
    assert "The headers of 1 images" in text
    assert not list(tmp_path.glob("*.fastinet"))


def test_any_item_may_be_in_the_sample(named_pipe: Callable[[bytes], str]) -> None:
    """Of a stream of unknown length each item's header is as likely to be read as another's."""
    rng = np.random.default_rng(0)
    sides = range(10, 40)
    members = {}
    for side in sides:
        file = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).save(file, "JPEG")
        members[f"n01440764/n01440764_{side}.JPEG"] = file.getvalue()
    facts = json.loads(run("info", named_pipe(tar(members)), "--sample", "8", "--json").stdout)
    drawn = [int(size.split()[0]) for size in facts["sample"]["size"]]
    assert facts["sample"]["images"] == len(set(drawn)) == 8
    assert set(drawn) <= set(sides)
    assert max(drawn) > 25, "not the first ones alone"
    assert facts["bytes"] == sum(map(len, members.values()))


def test_info_says_which_splits_came_and_what_was_passed_over(
    named_pipe: Callable[[bytes], str],
) -> None:
    jpeg = small_jpeg(np.random.default_rng(0))
    folders = ("train", "val", "val", "val_canny")
    members = {f"{folder}/n01440764/{i}.JPEG": jpeg for i, folder in enumerate(folders)}
    content = tar(members | {"README.txt": b"-"})
    facts = json.loads(run("info", named_pipe(content), "--json").stdout)
    assert facts["splits"] == {"train": 1, "val": 2, "val_canny": 1}
    assert (facts["skipped"], facts["first_skipped"]) == (1, ["README.txt"])
    text = run("info", named_pipe(content)).stdout
    assert "train 1, val 2, val_canny 1" in text
    assert "1 entries that are no items: README.txt" in text

"""The command line on archives with several splits, without labels, and as labels of `eval`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import fastinet
from fastinet import metrics
from fastinet.cli import main
from fastinet.datasets.validation import validation_labels
from fastinet.testing.archives import train_tar
from fastinet.testing.devkit import write_devkit
from fastinet.testing.ilsvrc import MiniatureChallenge, miniature_challenge, write_archive

JPEG = b"\xff\xd8\xff\xe0"
ITEMS = 16


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def facts_of(*arguments: object) -> dict:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def challenge() -> MiniatureChallenge:
    return miniature_challenge(val=ITEMS)


@pytest.fixture
def kaggle(tmp_path: Path, challenge: MiniatureChallenge) -> Path:
    return write_archive(tmp_path / "kaggle.tar", challenge.cls_loc())


def test_info_shows_the_splits(kaggle: Path) -> None:
    facts = facts_of("info", kaggle, "--split", "test", "--classes")
    assert (facts["split"], facts["items"], facts["unlabelled"]) == ("test", 9, 9)
    assert facts["splits"] == {"train": 17, "val": ITEMS, "test": 9}
    assert facts["items_per_class"] == [0, 0]
    text = run("info", kaggle)
    assert text.exit_code == 0
    assert "train; others: val (16 items), test (9 items)" in text.stdout
    assert "split= takes the others: val, test" in text.stderr
    assert "9 without a label" in run("info", kaggle, "--split", "test").stdout


@pytest.mark.parametrize("command", ["info", "index", "bench", "show"])
def test_a_split_that_there_is_not(kaggle: Path, command: str) -> None:
    result = run(command, kaggle, "--split", "eval")
    assert result.exit_code == 2
    assert "has no split 'eval'; it has train, val, test" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.filterwarnings("ignore:.*classes have no images:fastinet.errors.FastinetWarning")
def test_index_bench_and_show_take_one(kaggle: Path, tmp_path: Path) -> None:
    facts = facts_of("index", kaggle, "--split", "val", "--checkpoints")
    assert (facts["split"], facts["items"]) == ("val", ITEMS)
    assert len(fastinet.open(kaggle, split="train").checkpoints.sizes) == 17
    facts = facts_of("bench", kaggle, "--split", "val", "--seconds", "0.1", "--threads", "1")
    assert facts["split"] == "val"
    sheet = tmp_path / "sheet.png"
    for split in ("val", "test"):  # the test images have no names to be captioned with
        assert run("show", kaggle, "--split", split, "-o", sheet).exit_code == 0
    assert sheet.read_bytes().startswith(b"\x89PNG")


def test_info_counts_classes_that_nobody_knows(tmp_path: Path) -> None:
    path = tmp_path / "t.tar"
    wnids = ("n00001740", "n01440764", "n99999999")
    path.write_bytes(train_tar({wnid: {f"{wnid}_1.JPEG": JPEG} for wnid in wnids}))
    assert facts_of("info", path)["unknown_classes"] == 2
    assert "no name is known of 2 classes" in run("info", path).stdout
    kit = write_devkit(tmp_path / "kit", [1])
    facts = facts_of("info", path, "--devkit", kit, "--classes")
    assert facts["unknown_classes"] == 1
    assert [row["name"] for row in facts["class_table"]] == ["entity", "tench", "n99999999"]
    assert "parents" not in facts["class_table"][0]
    assert facts["class_table"][1]["parents"]
    text = run("info", path, "--devkit", kit, "--classes").stdout
    assert "WordNet parents" in text
    assert facts["class_table"][1]["parents"][0] in text


@pytest.mark.parametrize("form", ["tar", "folder", "kaggle"])
def test_eval_takes_the_labels_of_an_archive(
    tmp_path: Path, challenge: MiniatureChallenge, form: str
) -> None:
    members = challenge.cls_loc() if form == "kaggle" else challenge.official_val()
    kind = "folder" if form == "folder" else "tar"
    archive = write_archive(tmp_path / "images", members, form=kind)  # type: ignore[arg-type]
    labels = validation_labels()[:ITEMS]
    scores = np.random.default_rng(0).random((ITEMS, 1000))
    scores[np.arange(0, ITEMS, 3), labels[::3]] += 1
    np.save(tmp_path / "scores.npy", scores)
    facts = facts_of("eval", tmp_path / "scores.npy", archive)
    expected = metrics.evaluate(scores, labels)
    assert {name: facts[name] for name in expected} == expected


def test_eval_of_other_splits(tmp_path: Path, kaggle: Path, challenge: MiniatureChallenge) -> None:
    np.save(tmp_path / "scores.npy", np.random.default_rng(0).random((17, 1000)))
    facts = facts_of("eval", tmp_path / "scores.npy", kaggle, "--split", "train")
    assert facts["n"] == 17
    result = run("eval", tmp_path / "scores.npy", kaggle, "--split", "test")
    assert result.exit_code == 2
    assert "9 of the 9 images in split 'test' have no label" in result.stderr
    train = write_archive(tmp_path / "train.tar", challenge.official_train())
    np.save(tmp_path / "scores.npy", np.random.default_rng(0).random((17, 5)))
    assert facts_of("eval", tmp_path / "scores.npy", train)["n"] == 17  # its only split

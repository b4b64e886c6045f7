"""`fastinet eval` where predictions and labels number other classes: translated, or refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from fastinet import metrics
from fastinet.cli import main
from fastinet.datasets.classes import ilsvrc2012_id_of_label
from fastinet.datasets.validation import validation_labels
from fastinet.testing.devkit import write_devkit
from fastinet.testing.ilsvrc import miniature_challenge, write_archive
from fastinet.testing.robustness import imagenet_a_members, objectnet_members

ITEMS = 16
LABELS = validation_labels()[:ITEMS]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["eval", *map(str, arguments)])


def scores_of(*arguments: object) -> dict:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def scores() -> np.ndarray:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(ITEMS, 1000)).astype(np.float32)
    scores[np.arange(ITEMS), LABELS] += 3
    return scores


@pytest.fixture
def some_classes(tmp_path: Path) -> Path:
    """Validation images in the folders of their 16 classes, whose labels are 0 to 15."""
    return write_archive(
        tmp_path / "val", miniature_challenge(val=ITEMS).val_in_classes(), form="folder"
    )


def test_an_archive_of_some_classes_meets_predictions_of_all_1000(
    tmp_path: Path, scores: np.ndarray, some_classes: Path
) -> None:
    expected = metrics.evaluate(scores, LABELS)
    assert 0 < expected["top1"] < expected["top5"]
    ranked = np.argsort(-scores, axis=1, kind="stable")[:, :5]
    np.save(tmp_path / "scores.npy", scores)
    np.save(tmp_path / "ranked.npy", ranked)
    ids = ilsvrc2012_id_of_label(ranked)
    (tmp_path / "ids.txt").write_text("".join(" ".join(map(str, row)) + "\n" for row in ids))
    for predictions in (
        ["scores.npy"],
        ["ids.txt"],
        ["ranked.npy", "--prediction-order", "label"],
    ):
        found = scores_of(tmp_path / predictions[0], some_classes, *predictions[1:])
        assert {name: found[name] for name in expected} == expected
    rows = scores_of(tmp_path / "scores.npy", some_classes, "--per-class")["per_class"]
    assert {row["label"] for row in rows} == set(LABELS.tolist())
    result = run(tmp_path / "ranked.npy", some_classes)
    assert result.exit_code == 2
    assert "the predictions rank a label 99" in result.stderr
    assert "are of 16 classes; --prediction-order label" in result.stderr


def test_scores_of_the_archives_own_classes_are_named_by_these(
    tmp_path: Path, scores: np.ndarray, some_classes: Path
) -> None:
    own = np.searchsorted(np.unique(LABELS), LABELS)
    for name, predictions in (
        ("scores.npy", scores[:, np.unique(LABELS)]),
        ("ranked.npy", np.eye(ITEMS)[own].argsort(axis=1)[:, ::-1]),
    ):
        np.save(tmp_path / name, predictions)
        found = scores_of(tmp_path / name, some_classes, "--per-class")
        assert found["top5"] == metrics.evaluate(predictions, own)["top5"]
        names = {row["label"]: row["name"] for row in found["per_class"]}
        assert names[int(own[0])] == "sea snake"  # of ILSVRC2012_val_00000001


def test_other_classes_are_refused(tmp_path: Path, scores: np.ndarray) -> None:
    kit = write_devkit(tmp_path / "kit.tar", LABELS)
    np.save(tmp_path / "labels.npy", LABELS)
    real = tmp_path / "real.json"
    real.write_text(json.dumps([[int(label)] for label in LABELS]))

    def refusal(predictions: np.ndarray, labels: Path, *options: str) -> str:
        np.save(tmp_path / "predictions.npy", predictions)
        result = run(tmp_path / "predictions.npy", labels, *options)
        assert result.exit_code == 2
        assert result.stderr.count("\n") == 1
        return result.stderr

    with_background = np.pad(scores, ((0, 0), (1, 0)), constant_values=-9)
    ranked = np.full((ITEMS, 5), 1000)
    for labels in (kit, real):
        assert "scores of 1,001 classes" in refusal(with_background, labels)
        assert "of 1,000 classes; --prediction-order tf" in refusal(with_background, labels)
        assert "scores of 999 classes, the labels of" in refusal(scores[:, :999], labels)
        assert "rank a label 1000, the labels of" in refusal(ranked, labels)
        assert "rank a label 1000" in refusal(ranked, labels, "--prediction-order", "label")
    labels = tmp_path / "labels.npy"
    assert "--prediction-order tf says" in refusal(with_background, labels)
    found = scores_of(tmp_path / "predictions.npy", labels, "--prediction-order", "tf")
    assert found["top1"] == metrics.evaluate(scores, LABELS)["top1"]


def test_labels_beyond_imagenet1k_are_no_match_for_its_scores(
    tmp_path: Path, scores: np.ndarray
) -> None:
    challenge = miniature_challenge(val=ITEMS)
    members = {f"n00015388/{name}": image for name, image in challenge.official_val().items()}
    archive = write_archive(tmp_path / "val.tar", members)
    np.save(tmp_path / "scores.npy", scores)
    (tmp_path / "ids.txt").write_text("1\n" * ITEMS)
    assert "scores of 1,000 classes" in run(tmp_path / "scores.npy", archive).stderr
    assert "predictions number ImageNet-1K" in run(tmp_path / "ids.txt", archive).stderr


# --------------------------------------------------------------------------- robustness benchmarks


def test_scores_of_the_archives_classes_alone(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "imagenet-a.tar", imagenet_a_members())
    labels, columns = np.repeat([71, 6, 879], 3), [6, 71, 879]
    scores = np.random.default_rng(1).normal(size=(9, 1000)).astype(np.float32)
    np.save(tmp_path / "scores.npy", scores)
    found = scores_of(tmp_path / "scores.npy", path, "--columns", "labels", "--topk", "1,2")
    expected = metrics.evaluate(scores, labels, (1, 2), columns)
    assert {name: found[name] for name in expected} == expected
    assert found["columns"] == 3
    assert found["top1"] > 0  # among three; among 1000 a guess would be wrong
    everything = scores_of(tmp_path / "scores.npy", path)
    assert everything["top1"] == metrics.evaluate(scores, labels)["top1"] < found["top1"]
    assert "columns" not in everything
    shown = run(tmp_path / "scores.npy", path)
    assert "All 1,000 scores count; LABELS have 3 of these classes, and --columns" in shown.stderr
    shown = run(tmp_path / "scores.npy", path, "--columns", "labels", "--topk", "1")
    assert "9 images; scores of 3 classes" in shown.stdout
    np.save(tmp_path / "ranked.npy", np.argsort(-scores)[:, :5])
    order = ("--prediction-order", "label", "--columns", "labels")
    refused = run(tmp_path / "ranked.npy", path, *order)
    assert refused.exit_code == 2
    assert "ranked labels do not tell what comes behind them" in refused.stderr
    # Where the labels do not tell their classes, those that appear are meant.
    np.save(tmp_path / "labels.npy", labels)
    arguments = (tmp_path / "scores.npy", tmp_path / "labels.npy", "--columns", "labels")
    assert scores_of(*arguments, "--topk", "1")["top1"] == found["top1"]
    np.save(tmp_path / "own.npy", scores[:, columns])
    own = scores_of(tmp_path / "own.npy", path, "--columns", "labels", "--topk", "1")
    assert (own["top1"], own["columns"]) == (found["top1"], 3)


def test_objectnet_meets_the_1000(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "objectnet.tar", objectnet_members(per_class=4))
    sets = [[]] * 4 + [[954]] * 4 + [[434]] * 4 + [[423, 559, 765]] * 4 + [[851]] * 4
    scores = np.random.default_rng(2).normal(size=(20, 1000)).astype(np.float32)
    scores[12, 559] = scores[13, 765] = scores[14, 423] = scores[0, 0] = scores[4, 954] = 9
    np.save(tmp_path / "all.npy", scores)
    np.save(tmp_path / "overlapping.npy", scores[4:])
    for name in ("all.npy", "overlapping.npy"):
        found = scores_of(tmp_path / name, path)
        assert (found["n"], found["top1"]) == (16, 4 / 16)
        assert found["top5"] == metrics.evaluate(scores, sets)["top5"]
        found = scores_of(tmp_path / name, path, "--columns", "labels", "--topk", "1")
        # The columns of all 125 classes that ObjectNet has, of which some have no images here.
        assert found["columns"] == 125
        assert found["top1"] >= metrics.evaluate(scores, sets, (1,))["top1"]
    own = np.random.default_rng(3).normal(size=(20, 313))
    np.save(tmp_path / "own.npy", own)
    labels = np.repeat([0, 4, 9, 52, 259], 4)
    found = scores_of(tmp_path / "own.npy", path)
    assert found["top5"] == metrics.evaluate(own, labels)["top5"]

"""fastinet eval: every form of predictions and labels, and what it refuses in one line."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from fastinet import metrics
from fastinet.cli import main
from fastinet.datasets.classes import (
    ilsvrc2012_id_of_label,
    imagenet1k_wnids,
    label_of_ilsvrc2012_id,
)
from fastinet.testing.bounding_boxes import annotation_xml, write_boxes
from fastinet.testing.devkit import write_devkit
from fastinet.testing.train_archive import write_train_archive

ITEMS = 60


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)


def scores_of(*arguments: object) -> dict:
    result = run("eval", *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def refusal_of(*arguments: object) -> str:
    """The one line on stderr."""
    result = run("eval", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("fastinet: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


class Case:
    """The same predictions and labels in every form."""

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        self.folder = folder
        self.labels = rng.integers(0, 1000, ITEMS)
        self.scores = rng.normal(size=(ITEMS, 1000)).astype(np.float32)
        self.scores[np.arange(0, ITEMS, 2), self.labels[::2]] += 3.5
        self.ranked = np.argsort(-self.scores, axis=1, kind="stable")[:, :5]
        self.expected = metrics.evaluate(self.scores, self.labels)
        assert 0 < self.expected["top1"] < self.expected["top5"] < 1

    def array(self, name: str, values: np.ndarray) -> Path:
        np.save(self.folder / name, values)
        return self.folder / name

    def text(self, name: str, rows: object) -> Path:
        lines = (" ".join(map(str, np.atleast_1d(row))) for row in np.asarray(rows))
        (self.folder / name).write_text("".join(f"{line}\n" for line in lines))
        return self.folder / name


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def same(found: dict, expected: dict) -> bool:
    return all(found[name] == value for name, value in expected.items())


# ----------------------------------------------------------------------------------------- forms


def test_every_form_of_predictions(case: Case) -> None:
    labels = case.text("truth.txt", ilsvrc2012_id_of_label(case.labels))
    np.savez(case.folder / "one.npz", case.scores)
    np.savez_compressed(case.folder / "two.npz", logits=case.scores, other=np.zeros(3))
    ids = ilsvrc2012_id_of_label(case.ranked)
    for predictions in (
        [case.array("scores.npy", case.scores)],
        [case.array("ranked.npy", case.ranked)],
        [case.folder / "one.npz"],
        [case.folder / "two.npz", "--key", "logits"],
        [case.text("pred.txt", ids)],
        [case.text("zero.txt", case.ranked), "--prediction-order", "label"],
        [case.text("tf.txt", case.ranked + 1), "--prediction-order", "tf"],
        [case.array("ids.npy", ids), "--prediction-order", "id"],
    ):
        assert same(scores_of(predictions[0], labels, *predictions[1:]), case.expected)


def test_scores_in_other_orders(case: Case) -> None:
    labels = case.array("labels.npy", case.labels)
    by_id = np.zeros_like(case.scores)
    by_id[:, ilsvrc2012_id_of_label(np.arange(1000)) - 1] = case.scores
    with_background = np.concatenate([np.full((ITEMS, 1), 99.0), case.scores], axis=1)
    for order, scores in (("id", by_id), ("tf", with_background)):
        predictions = case.array(f"{order}.npy", scores)
        assert same(scores_of(predictions, labels, "--prediction-order", order), case.expected)


def test_every_form_of_labels(case: Case) -> None:
    predictions = case.array("scores.npy", case.scores)
    np.savez(case.folder / "labels.npz", case.labels)
    sets = case.folder / "real.json"
    sets.write_text(json.dumps([[int(label)] for label in case.labels]))
    for labels in (
        [case.text("truth.txt", ilsvrc2012_id_of_label(case.labels))],
        [case.text("zero.txt", case.labels), "--label-order", "label"],
        [case.text("tf.txt", case.labels + 1), "--label-order", "tf"],
        [case.array("labels.npy", case.labels)],
        [case.folder / "labels.npz"],
        [sets],
        [write_devkit(case.folder / "kit.tar", case.labels)],
        [write_devkit(case.folder / "kit", case.labels, form="folder")],
    ):
        assert same(scores_of(predictions, labels[0], *labels[1:]), case.expected)


def test_real_labels_leave_empty_sets_out(case: Case) -> None:
    sets = [[int(label), 5] for label in case.labels]
    sets[3] = sets[8] = []
    path = case.folder / "real.json"
    path.write_text(json.dumps(sets))
    found = scores_of(case.array("scores.npy", case.scores), path)
    assert same(found, metrics.evaluate(case.scores, sets))
    assert found["n"] == ITEMS - 2
    assert "flat_errors" not in found


def test_topk(case: Case) -> None:
    arguments = case.array("scores.npy", case.scores), case.array("labels.npy", case.labels)
    found = scores_of(*arguments, "--topk", "1,3,10")
    assert same(found, metrics.evaluate(case.scores, case.labels, (1, 3, 10)))
    for wrong in ("0", "1,", "a"):
        result = run("eval", *arguments, "--topk", wrong)
        assert result.exit_code == 2
        assert "no numbers from 1 on" in result.stderr


# -------------------------------------------------------------------------------------- printing


def test_the_table(case: Case) -> None:
    labels = case.text("truth.txt", ilsvrc2012_id_of_label(case.labels))
    text = run("eval", case.text("pred.txt", ilsvrc2012_id_of_label(case.ranked)), labels).stdout
    assert f"{ITEMS} images" in text
    top1, top5 = case.expected["top1"], case.expected["top5"]
    assert f"{top1:.3%}" in text
    assert f"{1 - top5:.3%}" in text
    assert f"{1 - top5:.4f}" in text  # the flat error with five guesses
    assert "localisation" not in text


def test_per_class(case: Case) -> None:
    ranked = case.array("ranked.npy", np.array([[0, 1], [1, 0], [0, 2], [5, 6]]))
    labels = case.array("labels.npy", np.array([0, 0, 1, 5]))
    arguments = ranked, labels, "--topk", "1,2", "--per-class"
    rows = scores_of(*arguments)["per_class"]
    assert [(row["label"], row["name"], row["n"], row["top1"], row["top2"]) for row in rows] == [
        (1, "goldfish", 1, 0.0, 0.0),
        (0, "tench", 2, 0.5, 1.0),
        (5, "electric ray", 1, 1.0, 1.0),
    ]
    lines = run("eval", *arguments).stdout.splitlines()
    worst = next(line for line in lines if "goldfish" in line or "tench" in line)
    assert worst.split() == ["1", "goldfish", "1", "0.0%", "0.0%"]


def test_localization_with_a_blacklist(case: Case) -> None:
    labels = case.text("truth.txt", [490, 361, 171])
    predictions = case.folder / "det.txt"
    predictions.write_text("490 1 1 10 10\n1 1 1 9 9 361 1 1 10 6\n171 50 50 60 60\n")
    boxes = case.folder / "boxes.txt"
    boxes.write_text("490 1 1 10 10\n361 1 1 10 10 361 90 90 95 95\n171 1 1 10 10\n")
    arguments = predictions, labels, "--localization", boxes
    found = scores_of(*arguments)
    assert found["flat_errors"] == pytest.approx([1 / 3, 0, 0, 0, 0])
    assert found["localization_errors"] == pytest.approx([2 / 3] + [1 / 3] * 4)
    blacklist = case.text("blacklist.txt", [3])
    found = scores_of(*arguments, "--blacklist", blacklist)
    assert found["flat_errors"] == pytest.approx([1 / 3, 0, 0, 0, 0])
    assert found["localization_errors"] == pytest.approx([1 / 2, 0, 0, 0, 0])
    assert "0.6667" in run("eval", *arguments).stdout
    # A kit that has a blacklist is taken at its word, unless another one is given.
    kit = write_devkit(
        case.folder / "kit", label_of_ilsvrc2012_id([490, 361, 171]), year=2014, blacklist=[3]
    )
    arguments = predictions, kit, *arguments[2:]
    found = scores_of(*arguments)
    assert (found["blacklisted"], found["localization_errors"][0]) == (1, 1 / 2)
    assert "localisation without 1 blacklisted images" in run("eval", *arguments).stdout
    found = scores_of(*arguments, "--blacklist", case.text("none.txt", []))
    assert (found["blacklisted"], found["localization_errors"][0]) == (0, 2 / 3)


@pytest.mark.parametrize("form", ["tar.gz", "zip", "folder"])
def test_localization_from_annotations(case: Case, form: str) -> None:
    labels = case.text("truth.txt", [490, 361, 171])
    predictions = case.folder / "det.txt"
    predictions.write_text("490 1 1 10 10\n1 1 1 9 9 361 1 1 10 6\n171 50 50 60 60\n")
    wnids = imagenet1k_wnids()
    names = [wnids[label] for label in label_of_ilsvrc2012_id([490, 361, 171])]
    corners = [[(1, 1, 10, 10)], [(1, 1, 10, 10), (90, 90, 95, 95)], [(1, 1, 10, 10)]]
    boxes = write_boxes(
        case.folder / "boxes",
        {
            f"val/ILSVRC2012_val_{number:08d}.xml": annotation_xml(
                (100, 100), [(name, *box) for box in found]
            )
            for number, (name, found) in enumerate(zip(names, corners, strict=True), start=1)
        },
        form=form,  # type: ignore[arg-type]
    )
    found = scores_of(predictions, labels, "--localization", boxes)
    assert found["localization_errors"] == pytest.approx([2 / 3] + [1 / 3] * 4)
    short = case.text("short.txt", [490, 361])
    predictions.write_text("490 1 1 10 10\n361 1 1 9 9\n")
    assert "boxes of image 3, there are 2 images" in refusal_of(
        predictions, short, "--localization", boxes
    )


# -------------------------------------------------------------------------------------- refusals


def test_what_does_not_fit_is_refused_in_one_line(case: Case) -> None:
    truth = case.text("truth.txt", ilsvrc2012_id_of_label(case.labels))
    short = case.text("short.txt", [1, 2])
    scores = case.array("scores.npy", case.scores)
    nan = case.scores.copy()
    nan[7, 3] = np.nan
    assert "60 items (shape (60, 1000)), labels for 2" in refusal_of(scores, short)
    assert "row 7" in refusal_of(case.array("nan.npy", nan), truth)
    assert "got shape (60,)" in refusal_of(case.array("flat.npy", case.labels), truth)
    assert "line 1: 1001 is no ILSVRC2012_ID" in refusal_of(case.text("p.txt", [1001]), truth)
    assert "is the file numbered from 0?" in refusal_of(scores, case.text("t.txt", [0]))
    assert "no ILSVRC2012_ID 1001" in refusal_of(
        case.array("ids.npy", np.array([[1001]])), truth, "--prediction-order", "id"
    )
    assert "[N, 1001], got (60, 1000)" in refusal_of(scores, truth, "--prediction-order", "tf")
    assert "'labels.npy' has no labels" in refusal_of(
        scores, case.array("labels.npy", nan)
    ).replace(f"{case.folder}/", "")
    assert "has no predictions" in refusal_of(write_devkit(case.folder / "kit", [1]), truth)
    assert "no such file" in refusal_of(case.folder / "missing.npy", truth)
    np.savez(case.folder / "two.npz", a=nan, b=nan)
    assert "has several arrays; choose with --key: a, b" in refusal_of(
        case.folder / "two.npz", truth
    )
    assert "has no array 'c'" in refusal_of(case.folder / "two.npz", truth, "--key", "c")


def test_localization_refusals(case: Case) -> None:
    predictions, boxes = case.folder / "det.txt", case.folder / "boxes.txt"
    predictions.write_text("490 1 1 10 10\n")
    boxes.write_text("361 1 1 10 10\n")
    labels = case.text("truth.txt", [490])
    options = "--localization", boxes
    assert "no box of their own label" in refusal_of(predictions, labels, *options)
    sets = case.folder / "real.json"
    sets.write_text("[[65]]")
    assert "not label sets" in refusal_of(predictions, sets, *options)
    predictions.write_text("490 1 1 10\n")
    assert "line 1: 4 numbers" in refusal_of(predictions, labels, *options)
    scores = case.array("scores.npy", case.scores)
    assert "scores.npy' has no boxes" in refusal_of(scores, labels, *options)
    result = run("eval", predictions, labels, "--blacklist", labels)
    assert result.exit_code == 2
    assert "--localization BOXES" in result.stderr


def test_nothing_is_unpickled(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    class Trap:
        def __reduce__(self):  # noqa: ANN204
            return print, ("run",)

    labels = case.array("labels.npy", case.labels)
    np.save(case.folder / "trap.npy", np.array([Trap()], object), allow_pickle=True)
    assert "cannot be read as an array" in refusal_of(case.folder / "trap.npy", labels)
    np.savez(case.folder / "trap.npz", np.array([Trap()], object))
    assert "cannot be read as an array" in refusal_of(case.folder / "trap.npz", labels)
    (case.folder / "trap.pkl").write_bytes(pickle.dumps(Trap()))
    assert "trap.pkl" in refusal_of(case.folder / "trap.pkl", labels)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "kit"])
def test_damaged_files_are_refused(case: Case, name: str) -> None:
    truth = case.array("labels.npy", case.labels)
    np.savez_compressed(case.folder / "a.npz", case.scores)
    case.array("a.npy", case.scores)
    write_devkit(case.folder / "kit", case.labels)
    path = case.folder / name
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    if name == "kit":
        refusal_of(case.array("scores.npy", case.scores), path)
    else:
        assert "cannot be read as an array" in refusal_of(path, truth)


# ------------------------------------------------------------------------------------------ info


def test_info_names_classes_in_chinese(tmp_path: Path) -> None:
    archive = write_train_archive(tmp_path / "train.tar", images=4, classes=2)
    facts = json.loads(run("info", archive, "--lang", "zh", "--classes", "--json").stdout)
    assert facts["first_classes"] == ["丁鱥", "崖居"]
    assert facts["class_table"][0] == {
        "label": 0,
        "wnid": "n01440764",
        "name": "丁鱥",
        "items": 2,
    }
    text = run("info", archive, "--lang", "zh").stdout
    assert "丁鱥" in text
    assert "tench" not in text
    text = run("info", archive, "--classes").stdout
    assert "tench" in text
    assert "n01440764" in text
    assert "class_table" not in json.loads(run("info", archive, "--json").stdout)

"""fastinet eval --localization: boxes in every form, against a plain loop over images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from fastinet import metrics
from fastinet.cli import main
from fastinet.datasets.classes import ilsvrc2012_id_of_label, imagenet1k_wnids
from fastinet.testing.bounding_boxes import annotation_xml, write_boxes
from fastinet.testing.train_archive import write_train_archive

IMAGES = 40
CLASSES = 1000


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, ["eval", *arguments])), catch_exceptions=False)


def errors_of(*arguments: object) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    facts: dict[str, Any] = json.loads(result.stdout)
    return facts


def refusal_of(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 2
    return result.stderr


def drawn_boxes(rng: np.random.Generator, *shape: int) -> np.ndarray:
    low = rng.integers(1, 40, (*shape, 2))
    return np.concatenate([low, low + rng.integers(0, 60, (*shape, 2))], axis=-1)


def overlap(one: Any, other: Any) -> float:
    """Intersection over union of two sets of pixels."""

    def pixels(box: Any) -> set[tuple[int, int]]:
        return {
            (x, y)
            for x in range(int(box[0]), int(box[2]) + 1)
            for y in range(int(box[1]), int(box[3]) + 1)
        }

    return len(pixels(one) & pixels(other)) / len(pixels(one) | pixels(other))


class Case:
    """Scores, labels, true boxes of one or two objects an image, and predicted ones near them."""

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(5)
        self.folder = folder
        self.labels = rng.integers(0, CLASSES, IMAGES)
        self.scores = rng.normal(size=(IMAGES, CLASSES)).astype(np.float32)
        self.scores[np.arange(IMAGES), self.labels] += rng.uniform(1.5, 5, IMAGES)
        self.ranked = np.array([sorted(range(CLASSES), key=lambda c: -row[c])[:5]
                                for row in self.scores])  # fmt: skip
        self.true = [drawn_boxes(rng, 1 + number % 2) for number in range(IMAGES)]
        near = np.array([boxes[0] for boxes in self.true])
        self.of_image = near + rng.integers(-9, 10, near.shape)
        self.of_guess = near[:, None] + rng.integers(-9, 10, (IMAGES, 5, 4))
        for boxes in (self.of_image, self.of_guess):
            boxes[..., 2:] = np.maximum(boxes[..., 2:], boxes[..., :2])
        self.of_class = rng.integers(1, 90, (IMAGES, CLASSES, 4)).astype(np.float32)
        for image, row in enumerate(self.ranked):
            self.of_class[image, row] = self.of_guess[image]
        self.truth = self.array("labels.npy", self.labels)
        ids = ilsvrc2012_id_of_label(self.labels)
        lines = [" ".join(f"{label} {' '.join(map(str, box))}" for box in boxes)
                 for label, boxes in zip(ids, self.true, strict=True)]  # fmt: skip
        self.boxes = folder / "true.txt"
        self.boxes.write_text("\n".join(lines))

    def array(self, name: str, values: np.ndarray) -> Path:
        np.save(self.folder / name, values)
        return self.folder / name

    def expected(self, boxes: np.ndarray, guesses: int = 5) -> list[float]:
        """The localisation error with 1 to 5 guesses, by the readme of the devkit."""
        wrong = np.ones((IMAGES, 5))
        for image in range(IMAGES):
            for place in range(guesses):
                box = boxes[image] if boxes.ndim == 2 else boxes[image, place]
                hit = self.ranked[image, place] == self.labels[image] and any(
                    overlap(box, true) >= 0.5 for true in self.true[image]
                )
                if hit:
                    wrong[image, place:] = 0
        return wrong.mean(axis=0).tolist()

    def found(self, predictions: Path, *options: object) -> list[float]:
        facts = errors_of(predictions, self.truth, "--localization", self.boxes, *options)
        errors: list[float] = facts["localization_errors"]
        assert facts["flat_errors"] == pytest.approx(
            metrics.flat_errors(self.ranked, self.labels)[: len(errors)].tolist()
        )
        return errors


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tmp_path_factory.mktemp("boxes"))


def test_boxes_of_every_shape(case: Case) -> None:
    scores, ranked = case.array("scores.npy", case.scores), case.array("ranked.npy", case.ranked)
    by_image = case.array("image.npy", case.of_image)
    by_guess = case.array("guess.npy", case.of_guess.astype(np.float32))
    by_class = case.array("class.npy", case.of_class)
    for_image, for_guess = case.expected(case.of_image), case.expected(case.of_guess)
    assert 0 < for_image[4] < for_image[0] < 1
    assert for_image != for_guess
    for predictions in (scores, ranked):
        assert case.found(predictions, "--boxes", by_image) == pytest.approx(for_image)
        assert case.found(predictions, "--boxes", by_guess) == pytest.approx(for_guess)
    assert case.found(scores, "--boxes", by_class) == pytest.approx(for_guess)
    for count in (1, 3):
        fewer = case.array("fewer.npy", case.of_guess[:, :count])
        facts = errors_of(scores, case.truth, "--localization", case.boxes, "--boxes", fewer)
        expected = case.expected(case.of_guess, count)
        assert facts["localization_errors"] == pytest.approx(expected)
        assert "flat_errors" not in facts  # of five guesses, not all of which are known here


def test_boxes_in_every_form(case: Case) -> None:
    scores = case.array("scores.npy", case.scores)
    expected = case.expected(case.of_guess)
    text = case.folder / "boxes.txt"
    for separator in (" ", ","):
        rows = case.of_guess.reshape(IMAGES, -1)
        text.write_text("".join(f"{separator.join(map(str, row))}\n" for row in rows))
        assert case.found(scores, "--boxes", text) == pytest.approx(expected)
    np.savetxt(text, case.of_image)
    ranked = case.array("ranked.npy", case.ranked)
    for predictions in (scores, ranked):
        assert case.found(predictions, "--boxes", text) == pytest.approx(
            case.expected(case.of_image)
        )
    np.savez(case.folder / "one.npz", case.of_guess)
    np.savez(case.folder / "two.npz", boxes=case.of_guess, other=np.zeros(3))
    np.savez(case.folder / "both.npz", boxes=case.of_guess, logits=case.scores)
    np.savez(case.folder / "more.npz", boxes=case.of_class, logits=case.scores, x=np.zeros(3))
    for name in ("one.npz", "two.npz"):
        assert case.found(scores, "--boxes", case.folder / name) == pytest.approx(expected)
    assert case.found(case.folder / "both.npz") == pytest.approx(expected)
    assert case.found(case.folder / "more.npz", "--key", "logits") == pytest.approx(expected)


def test_csv_with_boxes(case: Case) -> None:
    """The devkit's lines with commas; spreadsheets fill up shorter lines."""
    lines = []
    for ids, boxes in zip(ilsvrc2012_id_of_label(case.ranked), case.of_guess, strict=True):
        lines.append(",".join(
            f"{number}, {', '.join(map(str, box))}" for number, box in zip(ids, boxes, strict=True)
        ))  # fmt: skip
    lines[3] = ",".join(lines[3].split(",")[:5]) + "," * 20
    path = case.folder / "predictions.csv"
    path.write_text("\r\n".join(lines))
    facts = errors_of(path, case.truth, "--localization", case.boxes)
    guesses, boxes = case.ranked.copy(), case.of_guess.copy()
    guesses[3, 1:] = -1
    truth = metrics.read_boxes(case.boxes)
    assert facts["localization_errors"] == pytest.approx(
        metrics.localization_errors(guesses, boxes, case.labels, truth).tolist()
    )


@pytest.mark.parametrize("order", ["id", "tf"])
def test_boxes_by_class_in_other_orders(case: Case, order: str) -> None:
    """Their columns go as those of the scores."""
    if order == "tf":
        scores = np.concatenate([np.full((IMAGES, 1), 99.0), case.scores], axis=1)
        boxes = np.concatenate([np.zeros((IMAGES, 1, 4)), case.of_class], axis=1)
    else:
        place = ilsvrc2012_id_of_label(np.arange(CLASSES)) - 1
        scores, boxes = np.zeros_like(case.scores), np.zeros_like(case.of_class)
        scores[:, place], boxes[:, place] = case.scores, case.of_class
    predictions, by_class = case.array("s.npy", scores), case.array("b.npy", boxes)
    options = "--prediction-order", order, "--boxes"
    expected = pytest.approx(case.expected(case.of_guess))
    assert case.found(predictions, *options, by_class) == expected
    by_guess = case.array("g.npy", case.of_guess)
    assert case.found(predictions, *options, by_guess) == expected


def test_an_archive_of_some_classes(tmp_path: Path) -> None:
    """Its labels number its own classes, and so do the scores; the true boxes name wnids."""
    archive = write_train_archive(tmp_path / "train.tar", images=4, classes=2)
    scores = np.eye(2)[[0, 0, 1, 1]]
    np.savez(tmp_path / "p.npz", scores=scores, boxes=np.full((4, 4), (1, 1, 10, 10)))
    facts = json.loads(
        CliRunner().invoke(main, ["info", str(archive), "--classes", "--json"]).stdout
    )
    wnids = [row["wnid"] for row in facts["class_table"]]
    assert imagenet1k_wnids().index(wnids[1]) != 1
    labels = [row["label"] for row in facts["class_table"] for _ in range(row["items"])]
    boxes = write_boxes(
        tmp_path / "boxes",
        {
            f"val/ILSVRC2012_val_{number:08d}.xml": annotation_xml(
                (100, 100), [(wnids[label], 1, 1, 10, 10 if number < 4 else 90)]
            )
            for number, label in enumerate(labels, start=1)
        },
        form="folder",
    )
    found = errors_of(tmp_path / "p.npz", archive, "--localization", boxes, "--topk", 1)
    assert found["localization_errors"][0] == pytest.approx(1 / 4)


def test_what_does_not_fit(case: Case) -> None:
    scores, ranked = case.array("scores.npy", case.scores), case.array("ranked.npy", case.ranked)
    options = case.truth, "--localization", case.boxes
    assert "'boxes', and in text they stand behind" in refusal_of(scores, *options)
    np.savez(case.folder / "none.npz", a=case.scores, b=case.scores)
    assert "has no boxes: --boxes takes a file" in refusal_of(case.folder / "none.npz", *options)
    for boxes, cause in (
        (case.of_guess[:9], "predictions for 40 items (shape (40, 1000)), labels for 9"),
        (np.zeros((IMAGES, 7, 4)), "for each of up to 5 guesses, got boxes (40, 7, 4)"),
        (np.zeros((IMAGES, 5)), "[N, 4], [N, k, 4] or [N, C, 4], got boxes (40, 5)"),
        (np.zeros((IMAGES, 5, 4), np.complex64), "boxes are numbers"),
        (np.full((IMAGES, 4), np.nan), "a box of image 1 is not a number"),
    ):
        path = case.array("wrong.npy", boxes)
        assert cause in refusal_of(scores, *options, "--boxes", path)
    three = case.array("three.npy", case.of_guess[:, :3])
    assert "a box for each guess" in refusal_of(ranked, *options, "--boxes", three)
    text = case.folder / "wrong.txt"
    for content, cause in (
        ("1 2 3 4\n1 2 3\n", "line 2: 3 numbers"),
        ("1 2 3 4\n1 2 x 4\n", "line 2: could not convert"),
        ("1,2,,4\n", "line 1: could not convert"),
        ("", "is empty"),
    ):
        text.write_text(content)
        assert cause in refusal_of(scores, *options, "--boxes", text)
    assert "--localization BOXES" in refusal_of(scores, case.truth, "--boxes", three)


def test_guesses_with_boxes_in_python(case: Case) -> None:
    guesses, boxes = metrics.located_guesses(case.scores, case.of_class)
    np.testing.assert_array_equal(guesses, case.ranked)
    np.testing.assert_array_equal(boxes, case.of_guess)
    tied = np.array([[1.0, 2, 2, -np.inf], [0, 0, 0, 0]])
    guesses, _ = metrics.located_guesses(tied, np.zeros((2, 4)))
    assert guesses.tolist() == [[1, 2, 0, 3], [0, 1, 2, 3]]
    with pytest.raises(ValueError, match="row 1 are no numbers"):
        metrics.located_guesses([[1.0], [np.nan]], np.zeros((2, 4)))
    short, fewer = np.array([[3, 1, -1], [2, 5, -1]]), np.ones((2, 2, 4))
    guesses, boxes = metrics.located_guesses(short, fewer)
    assert (guesses.tolist(), boxes.shape) == ([[3, 1], [2, 5]], (2, 2, 4))

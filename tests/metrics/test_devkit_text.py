"""The devkit's text files become labels and boxes; what is wrong in one is named with its line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fastinet import metrics
from fastinet.errors import CorruptError
from fastinet.metrics import evaluate


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_guesses_are_read_as_labels(tmp_path: Path) -> None:
    path = write(tmp_path / "pred.txt", "490 361\n\n449 1 1 1 1 171\n0 171\n")
    expected = [[65, 970], [], [0, 278, 278, 278, 278], [-1, 230]]
    expected = [row + [-1] * (5 - len(row)) for row in expected]
    assert metrics.read_guesses(path).tolist() == expected
    zero = write(tmp_path / "zero.txt", "0 7\n")
    assert metrics.read_guesses(zero, "label")[0, :2].tolist() == [0, 7]
    assert metrics.read_guesses(zero, "tf")[0, :2].tolist() == [-1, 6]


def test_labels_and_blacklist_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "truth.txt", "\ufeff490\r\n361\r\n")
    assert metrics.read_labels(path).tolist() == [65, 970]
    assert metrics.read_labels(path, "label").tolist() == [490, 361]
    assert metrics.read_blacklist(path).tolist() == [490, 361]


def test_located_guesses_and_boxes_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "det.txt", "490 1 2 3 4.5 361 5 6 7 8\n\n")
    guesses, boxes = metrics.read_located_guesses(path)
    assert guesses.tolist() == [[65, 970, -1, -1, -1], [-1] * 5]
    assert boxes[0, :2].tolist() == [[1, 2, 3, 4.5], [5, 6, 7, 8]]
    truth = metrics.read_boxes(path)
    assert (truth.images, truth.image.tolist(), truth.label.tolist()) == (2, [0, 0], [65, 970])
    assert truth.box.shape == (2, 4)


@pytest.mark.parametrize(
    ("reader", "text", "message"),
    [
        (metrics.read_guesses, "1\n1001\n", r"'f.txt', line 2: 1001 is no ILSVRC2012_ID"),
        (metrics.read_guesses, "1 x\n", "line 1: 'x' is no whole number"),
        (metrics.read_guesses, "1,,2\n", "line 1: '' is no whole number"),
        (metrics.read_guesses, "1,2 3\n", "line 1: '2 3' is no whole number"),
        (metrics.read_guesses, "1\n-4", "line 2: -4 is no ILSVRC2012_ID"),
        (metrics.read_guesses, "1" * 30, "line 1: '1+' is no whole number"),
        (metrics.read_labels, "1\n0\n", "line 2: 0 is no ILSVRC2012_ID.*numbered from 0"),
        (metrics.read_labels, "1\n1 2\n", "line 2: one number expected, there are 2"),
        (metrics.read_labels, "1\n\n1", "line 2: one number expected, there are 0"),
        (metrics.read_located_guesses, "1 2 3 4\n", "line 1: 4 numbers; there are five"),
        (metrics.read_located_guesses, "1 2 3 4 z\n", "line 1: could not convert"),
        (metrics.read_located_guesses, "1 2 3 4 nan\n", "line 1: a number is not finite"),
        (metrics.read_located_guesses, "1.5 2 3 4 5\n", "line 1: the label 1.5"),
        (metrics.read_boxes, "1 5 2 4 5\n", "line 1: the box .* ends before it begins"),
        (metrics.read_boxes, "0 1 1 2 2\n", "line 1: 0 is no ILSVRC2012_ID"),
        (metrics.read_blacklist, "0\n", "numbered from 1 on"),
    ],
)
def test_damaged_text_names_its_line(tmp_path: Path, reader, text: str, message: str) -> None:
    with pytest.raises(CorruptError, match=message):
        reader(write(tmp_path / "f.txt", text))


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.txt"
    path.write_bytes(b"\x93NUMPY\xff")
    with pytest.raises(CorruptError, match="no text: byte 0"):
        metrics.read_guesses(path)


def test_text_and_arrays_agree(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    ids = rng.integers(1, 1001, (20, 5))
    path = write(tmp_path / "pred.txt", "\n".join(" ".join(map(str, row)) for row in ids))
    truth = write(tmp_path / "truth.txt", "\n".join(map(str, ids[:, 2])))
    guesses, labels = metrics.read_guesses(path), metrics.read_labels(truth)
    assert evaluate(guesses, labels, (5,))["top5"] == 1.0
    assert metrics.flat_errors(guesses, labels)[2] == 0
    assert json.loads(json.dumps(evaluate(guesses, labels)))["n"] == 20

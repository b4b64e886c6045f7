"""What is right for each item: sets of labels, and ReaL's file of them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from fastinet import metrics
from fastinet.errors import CorruptError
from fastinet.metrics import evaluate
from fastinet.metrics.labels import label_sets


def test_label_sets_are_labels_too_and_a_sequence() -> None:
    sets = label_sets([[4, 1], [], [2]])
    assert (len(sets), list(sets), sets[-1]) == (3, [[1, 4], [], [2]], [2])
    assert list(sets.take(np.array([2, 0, 1]))) == [[2], [1, 4], []]
    scores = np.random.default_rng(0).random((3, 9))
    assert evaluate(scores, sets) == evaluate(scores, [[1, 4], [], [2]])
    with pytest.raises(IndexError):
        sets[3]


def test_real_labels(tmp_path: Path) -> None:
    path = tmp_path / "real.json"
    path.write_text("[[65], [], [230, 970]]")
    sets = metrics.real_labels(path)
    assert sets == [[65], [], [230, 970]]
    assert evaluate(np.array([[65], [1], [970]]), sets, topk=(1,)) == {"top1": 1.0, "n": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[65], [1", "no JSON"),
        ('{"a": 1}', "no list"),
        ("[[65], 3]", "entry 1"),
        ("[[1000]]", "entry 0: a list of labels from 0 to 999"),
        ("[[1], [true]]", "entry 1"),
        ("[[1.0]]", "entry 0"),
    ],
)
def test_damaged_real_labels(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "real.json"
    path.write_text(text)
    with pytest.raises(CorruptError, match=message):
        metrics.real_labels(path)


@pytest.mark.skipif("FASTINET_REAL" not in os.environ, reason="FASTINET_REAL names no real.json")
def test_the_official_real_labels() -> None:
    sets = metrics.real_labels(os.environ["FASTINET_REAL"])
    assert len(sets) == 50_000
    first = [[labels[0] if labels else 0] for labels in sets]
    assert evaluate(np.array(first), sets, topk=(1,)) == {"top1": 1.0, "n": 46_837}

"""Scores of some of a model's classes alone."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from fastinet import metrics
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.published import published_classes

RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(60, 12)).astype(np.float32)
COLUMNS = np.array([1, 4, 5, 8, 11])
LABELS = COLUMNS[RNG.integers(0, 5, 60)]


def accuracy(scores: np.ndarray, sets: list[set[int]], k: int) -> float:
    """One item at a time, by Python's sort."""
    right = total = 0
    for row, labels in zip(scores.tolist(), sets, strict=True):
        best = sorted(range(len(row)), key=lambda c: (-row[c], c))[:k]
        total += bool(labels)
        right += not labels.isdisjoint(best)
    return right / total


def test_only_the_columns_count() -> None:
    outside = np.setdiff1d(np.arange(12), COLUMNS)
    hidden = SCORES.copy()
    hidden[:, outside] = -np.inf
    found = metrics.evaluate(SCORES, LABELS, (1, 3), COLUMNS)
    sets = [{int(label)} for label in LABELS]
    assert found == {"top1": accuracy(hidden, sets, 1), "top3": accuracy(hidden, sets, 3), "n": 60}
    assert found != metrics.evaluate(SCORES, LABELS, (1, 3))
    assert found == metrics.evaluate(SCORES[:, COLUMNS], np.searchsorted(COLUMNS, LABELS), (1, 3))
    # The order of the columns says nothing.
    assert found == metrics.evaluate(SCORES, LABELS, (1, 3), COLUMNS[::-1])
    assert metrics.evaluate(SCORES, LABELS, (1,), range(12)) == metrics.evaluate(
        SCORES, LABELS, (1,)
    )


def test_several_labels_and_none() -> None:
    sets = [{int(label), int(COLUMNS[0])} if i % 3 else set() for i, label in enumerate(LABELS)]
    hidden = np.full_like(SCORES, -np.inf)
    hidden[:, COLUMNS] = SCORES[:, COLUMNS]
    found = metrics.evaluate(SCORES, sets, (1, 2), COLUMNS)
    assert found["top1"] == accuracy(hidden, sets, 1)
    assert found["top2"] == accuracy(hidden, sets, 2)
    assert found["n"] == 40


def test_batches_and_classes() -> None:
    whole = metrics.Accumulator((1,), columns=COLUMNS)
    whole.update(SCORES, LABELS)
    parts = [metrics.Accumulator((1,), columns=COLUMNS.tolist()) for _ in range(2)]
    for number, part in enumerate(parts):
        rows = np.arange(number, 60, 2)
        part.update(SCORES[rows], LABELS[rows], rows)
    parts[0].merge(pickle.loads(pickle.dumps(parts[1])))  # noqa: S301 - our own bytes
    assert parts[0].result(60) == whole.result(60)
    # By the labels of all classes.
    assert np.flatnonzero(whole.per_class(12)["n"]).tolist() == sorted(set(LABELS.tolist()))


def test_imagenet_a_is_evaluated_on_its_200_classes() -> None:
    wnids = published_classes("imagenet-a")
    columns = metrics.class_columns(imagenet1k_wnids(), wnids)
    scores = RNG.normal(size=(200, 1000))
    own = metrics.evaluate(scores[:, columns], np.arange(200))
    assert metrics.evaluate(scores, columns, columns=columns) == own


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([], "columns are int"),
        ([[1]], "columns are int"),
        ([0.5], "columns are int"),
        ([1, 4, 5, 8, 11, 4], "a column stands twice"),
        ([-1, 1, 4, 5, 8, 11], "0 or more, got -1"),
        ([1, 4, 5, 8, 11, 12], "no column 12: the scores are of 12 classes"),
        ([1, 4, 5, 8], "has label 11, which is none of the 4 columns"),
    ],
)
def test_what_is_no_choice_of_columns(columns, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.evaluate(SCORES, LABELS, (1,), columns)


def test_what_cannot_be_restricted() -> None:
    with pytest.raises(ValueError, match="ranked labels do not tell"):
        metrics.evaluate(np.argsort(-SCORES)[:, :5], LABELS, (1,), COLUMNS)
    with pytest.raises(ValueError, match="top-5 needs at least 5 classes"):
        metrics.evaluate(SCORES[:1], [1], (1, 5), [1, 4])
    with pytest.raises(ValueError, match="has label 12, which is none of the 5"):
        metrics.evaluate(SCORES[:1], [12], (1,), COLUMNS)
    restricted = metrics.Accumulator(columns=COLUMNS)
    for other in (metrics.Accumulator(), metrics.Accumulator(columns=[1, 2])):
        with pytest.raises(ValueError, match="of the same columns"):
            restricted.merge(other)
        with pytest.raises(ValueError, match="of the same columns"):
            other.merge(restricted)

"""Guesses with a box each, from predictions and boxes of every shape that they may have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastinet.metrics import located_guesses


def boxes_of(*shape: int) -> np.ndarray:
    """A different box everywhere."""
    return np.arange(np.prod(shape) * 4).reshape(*shape, 4)


@given(seed=st.integers(0, 2**32 - 1), items=st.integers(1, 4), classes=st.integers(1, 9))
def test_scores_are_ranked_and_keep_their_boxes(seed: int, items: int, classes: int) -> None:
    scores = np.random.default_rng(seed).integers(0, 3, (items, classes)).astype(np.float32)
    most = min(classes, 5)
    ranked = np.argsort(-scores, axis=1, kind="stable")[:, :most]
    one, by_class = boxes_of(items), boxes_of(items, classes)
    of_one, of_class = located_guesses(scores, one), located_guesses(scores, by_class)
    for item in range(items):
        assert of_one.guesses[item].tolist() == of_class.guesses[item].tolist()
        assert of_one.guesses[item].tolist() == ranked[item].tolist()
        for guess in range(most):
            assert of_one.boxes[item, guess].tolist() == one[item].tolist()
            label = ranked[item, guess]
            assert of_class.boxes[item, guess].tolist() == by_class[item, label].tolist()


def test_boxes_of_the_highest_scores_are_taken_in_order() -> None:
    scores, boxes = np.array([[0.1, 0.9, 0.5, 0.2]]), boxes_of(1, 2)
    found = located_guesses(scores, boxes)
    assert found.guesses.tolist() == [[1, 2]]
    assert found.boxes.tolist() == boxes.tolist()


def test_ranked_labels_have_one_box_or_one_each() -> None:
    ranked = np.array([[7, 3, 9, 1, 0, 5, 2]])
    found = located_guesses(ranked, boxes_of(1))
    assert found.guesses.tolist() == [[7, 3, 9, 1, 0]]
    assert found.boxes.tolist() == [[[0, 1, 2, 3]] * 5]
    each = located_guesses(ranked, boxes_of(1, 7))
    assert each.guesses.tolist() == found.guesses.tolist()
    assert each.boxes.tolist() == boxes_of(1, 7)[:, :5].tolist()
    fewer = located_guesses(np.array([[7, 3, -1]]), boxes_of(1, 2))
    assert (fewer.guesses.tolist(), fewer.boxes.shape) == ([[7, 3]], (1, 2, 4))
    assert fewer.boxes.dtype == np.float64


@pytest.mark.parametrize(
    ("predictions", "boxes", "message"),
    [
        (np.array([[7, 3, 1]]), boxes_of(1, 2), r"a box for each guess, got boxes \(1, 2, 4\)"),
        (np.array([[7]]), boxes_of(1, 2), "a box for each guess"),
        (np.zeros((1, 9)), boxes_of(1, 6), "each class, or for each of up to 5 guesses"),
        (np.zeros((1, 9)), np.zeros((1, 9, 3)), r"\[N, 4\], \[N, k, 4\] or \[N, C, 4\]"),
        (np.zeros((1, 9)), np.zeros((1, 9, 4), bool), "boxes are numbers"),
        (np.zeros((2, 9)), boxes_of(1), "predictions"),
        (np.full((1, 9), np.nan), boxes_of(1), "NaN"),
    ],
)
def test_shapes_that_do_not_fit(predictions: np.ndarray, boxes: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        located_guesses(predictions, boxes)

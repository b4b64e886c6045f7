"""Which guess is the first right one: against a stable argsort, for every type of predictions."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastinet.metrics import evaluate


def slow_topk(scores: np.ndarray, sets: list[list[int]], k: int) -> tuple[float, int]:
    """Top-k accuracy by its definition: sort, look, count."""
    right = [
        bool(set(np.argsort(-row, kind="stable")[:k].tolist()) & set(labels))
        for row, labels in zip(scores, sets, strict=True)
        if labels
    ]
    return sum(right) / len(right), len(right)


@given(seed=st.integers(0, 2**32 - 1), items=st.integers(1, 40), levels=st.integers(1, 6))
def test_scores_rank_as_a_stable_argsort_does(seed: int, items: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, levels, (items, 9)).astype(np.float32)  # few levels: many ties
    scores[rng.random(scores.shape) < 0.1] = -np.inf
    sets = [rng.integers(0, 9, rng.integers(0, 4)).tolist() for _ in range(items)]
    sets[0] = sets[0] or [3]
    found = evaluate(scores, sets, topk=(1, 2, 5, 9))
    for k in (1, 2, 5, 9):
        assert (found[f"top{k}"], found["n"]) == slow_topk(scores, sets, k)
    ranked = np.argsort(-scores, axis=1, kind="stable")
    assert evaluate(ranked, sets, topk=(1, 2, 5, 9)) == found


def test_of_equal_scores_the_lowest_class_comes_first() -> None:
    scores = np.zeros((2, 8))
    assert evaluate(scores, [0, 1], topk=(1, 2)) == {"top1": 0.5, "top2": 1.0, "n": 2}
    assert evaluate(np.array([[0.0, -0.0]]), [0], topk=(1,))["top1"] == 1.0


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ml_dtypes.bfloat16])
def test_every_float_type_ranks(dtype: type) -> None:
    scores = np.eye(6).astype(dtype)
    assert evaluate(scores, np.arange(6, dtype=np.uint8))["top1"] == 1.0


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int64, np.uint64])
def test_every_int_type_is_ranked(dtype: type) -> None:
    ranked = np.array([[4, 3, 2, 1, 0]], dtype)
    assert evaluate(ranked, [3], topk=(1, 2)) == {"top1": 0.0, "top2": 1.0, "n": 1}


def test_no_guess_is_never_right() -> None:
    ranked = np.array([[-1, 3], [-1, -1]])
    assert evaluate(ranked, [3, 3], topk=(1, 2)) == {"top1": 0.0, "top2": 0.5, "n": 2}


def test_many_items_are_looked_at_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    scores = rng.normal(size=(50, 12))
    sets = [rng.integers(0, 12, 2).tolist() for _ in range(50)]
    whole = evaluate(scores, sets)
    monkeypatch.setattr("fastinet.metrics.first_hits._CHUNK_VALUES", 7 * 12)
    assert evaluate(scores, sets) == whole
    scores[33, 4] = np.nan
    with pytest.raises(ValueError, match=r"row 33 .*NaN at class 4"):
        evaluate(scores, sets)


@pytest.mark.parametrize(
    ("predictions", "labels", "message"),
    [
        (np.zeros((3, 5)), [0, 1], r"3 items \(shape \(3, 5\)\), labels for 2"),
        (np.zeros(5), [0] * 5, r"got shape \(5,\)"),
        (np.zeros((2, 5, 1)), [0, 0], r"got shape \(2, 5, 1\)"),
        (np.zeros((2, 3)), [0, 0], r"top-5 needs at least 5 classes.*\(2, 3\)"),
        (np.zeros((2, 1), int), [0, 0], r"top-5 needs at least 5 guesses.*\(2, 1\)"),
        (np.zeros((2, 5), bool), [0, 0], "floats or ints, got bool"),
        (np.array([["a"] * 5]), [0], "floats or ints"),
        (np.full((1, 5), -2), [0], "row 0 ranks the label -2"),
        (np.array([range(5), [5, 4, -3, 2, 1]]), [0, 0], "row 1 ranks the label -3"),
        (np.zeros((2, 5)), [0, 5], "item 1 has label 5, the scores are of 5 classes"),
        (np.zeros((2, 5)), [0, -1], "item 1 has label -1"),
        (np.zeros((2, 5)), [[0], [1, -3]], "item 1 has label -3"),
        (np.zeros((2, 5)), [0, [1]], "item 0 has 0"),
        (np.zeros((2, 5)), np.array([0.0, 1.0]), "item 0 has 0.0"),
        (np.zeros((2, 5)), [["n01440764"], [1]], "labels of item 0 are no ints"),
    ],
)
def test_what_does_not_fit_is_refused(predictions, labels, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(predictions, labels)

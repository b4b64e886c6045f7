"""Accuracy at each level of a semantic tree: against plain Python, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.small_tree import PARENTS, WNIDS, chain_of

from fastinet import metrics
from fastinet.annotations.semantic_tree import SemanticTree, read_semantic_tree
from fastinet.testing.semantic_tree import write_semantic_tree


@pytest.fixture
def tree(tmp_path: Path) -> SemanticTree:
    return read_semantic_tree(write_semantic_tree(tmp_path / "tree.pth", WNIDS, PARENTS))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 999), items=st.integers(0, 12))
def test_accuracy_against_plain_python(tree: SemanticTree, seed, items) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 5, (items, 10)).astype(np.float32)  # ties are common
    labels = rng.integers(-1, 10, items)
    result = metrics.semantic_accuracy(scores, labels, tree)
    pairs = []
    for row, label in zip(scores.tolist(), labels.tolist(), strict=True):
        chain = chain_of(PARENTS, label) if label >= 0 else []
        for level, classes in enumerate([[0, 1, 5], [2, 3, 4], [6, 7, 8]]):
            if level < len(chain):
                best = max(classes, key=lambda which, row=row: row[which])
                pairs.append((level, best == chain[level]))
    right = [hit for _, hit in pairs]
    if right:
        assert result.accuracy == sum(right) / len(right)
    else:
        assert math.isnan(result.accuracy)
    for level in range(3):
        hits = [hit for at, hit in pairs if at == level]
        assert result.level_items[level] == len(hits)
        if hits:
            assert result.level_accuracies[level] == sum(hits) / len(hits)


def test_scores_that_cannot_be(tree: SemanticTree) -> None:
    with pytest.raises(ValueError, match="NaN at class 3"):
        metrics.semantic_accuracy(np.where(np.arange(10) == 3, np.nan, 0.0)[np.newaxis], [1], tree)
    with pytest.raises(ValueError, match=r"float \[1, 10\], not float64 \[1, 9\]"):
        metrics.semantic_accuracy(np.zeros((1, 9)), [1], tree)
    with pytest.raises(ValueError, match="not int64"):
        metrics.semantic_accuracy(np.zeros((1, 10), np.int64), [1], tree)

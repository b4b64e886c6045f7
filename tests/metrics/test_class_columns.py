"""Scores of a model with more classes than are evaluated."""

from __future__ import annotations

import numpy as np
import pytest

from fastinet import metrics


def test_a_model_of_more_classes_is_scored_both_ways() -> None:
    rng = np.random.default_rng(3)
    model = ["n00000001", "n00000002", "n00000003", "n00000004", "n00000005"]
    evaluation = ["n00000002", "n00000005"]
    scores, labels = rng.random((40, 5)), rng.integers(0, 2, 40)
    columns = metrics.class_columns(model, evaluation)
    wanted = np.array([1, 4])[labels]
    among_all = float(np.mean(scores.argmax(axis=1) == wanted))
    among_two = float(np.mean((scores[:, 4] > scores[:, 1]) == (labels == 1)))
    assert metrics.evaluate(scores, columns[labels], topk=(1,))["top1"] == among_all
    assert metrics.evaluate(scores[:, columns], labels, topk=(1,))["top1"] == among_two
    with pytest.raises(ValueError, match="1 of the 2 classes are none of the model's 5: n00000009"):
        metrics.class_columns(model, ["n00000001", "n00000009"])


def test_published_lists_by_their_names() -> None:
    columns = metrics.class_columns("imagenet1k", "imagenet-a")
    assert columns[:4].tolist() == [6, 11, 13, 15]  # as indices_in_1k of its eval.py begins
    assert columns[-1] == 988
    r = metrics.class_columns("ImageNet-1K", "imagenet_r")
    assert (r[:5].tolist(), len(r)) == ([1, 2, 4, 6, 8], 200)
    assert metrics.class_columns("imagenet-a", ["n01498041"]).tolist() == [0]
    columns = metrics.class_columns({"n01498041": 1, "n01440764": 0}, ["n01498041"])
    assert columns.tolist() == [1]
    with pytest.raises(TypeError, match=r"^model must have an order, and a set has another one"):
        metrics.class_columns({"n01498041"}, "imagenet-a")  # type: ignore[arg-type]
    with pytest.raises(
        TypeError, match=r"^evaluation must be in label order, .* 0, 1, ... 0, each"
    ):
        metrics.class_columns("imagenet1k", {"n01498041": 6})
    with pytest.raises(ValueError, match="no list of classes is known as 'imagenet-z'"):
        metrics.class_columns("imagenet1k", "imagenet-z")

"""Top-k accuracy in one call and batch by batch: any distribution over processes gives the same."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastinet.metrics import Accumulator, evaluate
from fastinet.metrics.labels import label_sets


def test_a_readable_example() -> None:
    scores = [[0.1, 0.9, 0.0, 0.0, 0.0, 0.0], [0.5, 0.1, 0.2, 0.3, 0.4, 0.6]]
    assert evaluate(np.array(scores), [1, 1]) == {"top1": 0.5, "top5": 0.5, "n": 2}
    assert evaluate(np.array(scores), [1, 2]) == {"top1": 0.5, "top5": 1.0, "n": 2}
    result = evaluate(scores, (1, 2))
    assert {name: type(value) for name, value in result.items()} == {
        "top1": float,
        "top5": float,
        "n": int,
    }


def test_items_without_a_label_do_not_count() -> None:
    ranked = np.array([[1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [9, 8, 7, 6, 5]])
    assert evaluate(ranked, [[2, 7], [], {9, 8}]) == {"top1": 0.5, "top5": 1.0, "n": 2}
    with pytest.raises(ValueError, match="none of 3 items has a label"):
        evaluate(ranked, [[], [], []])


def test_topk_is_checked() -> None:
    with pytest.raises(ValueError, match="numbers from 1 on"):
        Accumulator(topk=(0, 1))
    with pytest.raises(ValueError, match="numbers from 1 on"):
        Accumulator(topk=())
    with pytest.raises(ValueError, match="duplicates is"):
        Accumulator(duplicates="twice")  # type: ignore[arg-type]


@given(seed=st.integers(0, 2**32 - 1), world=st.integers(1, 5), batch=st.integers(1, 9))
def test_any_distribution_over_ranks_gives_the_same(seed: int, world: int, batch: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(37, 8))
    sets = [rng.integers(0, 8, rng.integers(0, 3)).tolist() for _ in range(37)]
    sets[0] = [1]
    order = rng.permutation(37)
    ranks = [Accumulator() for _ in range(world)]
    for number, start in enumerate(range(0, 37, batch)):
        items = order[start : start + batch]
        ranks[number % world].update(scores[items], [sets[item] for item in items], items)
    whole = Accumulator()
    for rank in ranks:
        whole.merge(pickle.loads(pickle.dumps(rank)))  # noqa: S301 - as torch gathers objects
    assert whole.result(items=37) == evaluate(scores, sets)
    alone = Accumulator()
    alone.update(scores, sets)
    for name, values in whole.per_class(8).items():
        np.testing.assert_array_equal(values, alone.per_class(8)[name])


@pytest.mark.parametrize("form", [list, np.array, label_sets])
def test_rows_that_pad_a_batch_are_left_out(form) -> None:
    scores = np.random.default_rng(0).normal(size=(5, 8))
    scores[3:] = np.nan  # which is no score of an item
    labels = [[4], [1], [7], [], []] if form is label_sets else [4, 1, 7, -1, -1]
    accumulator = Accumulator()
    accumulator.update(scores, form(labels), np.array([2, 0, 1, -1, -1]))
    accumulator.update(scores[3:], form(labels[3:]), [-1, -1])  # a rank may have padding alone
    assert len(accumulator) == 3
    assert accumulator.result(items=3) == evaluate(scores[:3], [4, 1, 7])


@pytest.mark.parametrize("form", [list, np.array])
def test_masked_items_do_not_count(form) -> None:
    """Their label is -1, their index that of the item: a loader with on_error="mask" gives them."""
    scores = np.random.default_rng(0).normal(size=(5, 8))
    accumulator = Accumulator()
    accumulator.update(scores, form([4, -1, 1, 7, -1]), [0, 1, 2, 3, -1])
    assert len(accumulator) == 4
    assert accumulator.result(items=4) == evaluate(scores[[0, 2, 3]], [4, 1, 7])
    assert accumulator.per_class(8)["n"].tolist() == [0, 1, 0, 0, 1, 0, 0, 1]
    with pytest.raises(ValueError, match="item 1 has label -1"):
        Accumulator().update(scores, form([4, -1, 1, 7, 2]))
    with pytest.raises(ValueError, match="has label -2"):
        Accumulator().update(scores, form([4, -2, 1, 7, 2]), range(5))


def test_padding_does_not_hide_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="predictions for 3 items"):
        Accumulator().update(np.eye(3, 5), [0, 1], [0, -1])
    with pytest.raises(ValueError, match="indices are 0 or more, got -2"):
        Accumulator().update(np.eye(3, 5), [0, 1, 2], [0, -1, -2])


def test_without_indices_items_count_up() -> None:
    accumulator = Accumulator()
    for _ in range(3):
        accumulator.update(np.eye(5), np.arange(5))
    assert accumulator.result(items=15) == {"top1": 1.0, "top5": 1.0, "n": 15}
    assert len(accumulator) == 15


def test_an_item_that_comes_twice_is_an_error() -> None:
    accumulator = Accumulator()
    accumulator.update(np.eye(5), np.arange(5), [0, 1, 2, 3, 4])
    accumulator.update(np.eye(5)[:2], [0, 1], [7, 3])
    with pytest.raises(ValueError, match="1 items came more than once, item 3 among them"):
        accumulator.result()
    with pytest.raises(ValueError, match="more than once"):
        accumulator.per_class()


def test_merging_local_indices_is_noticed() -> None:
    ranks = [Accumulator(), Accumulator()]
    for rank in ranks:
        rank.update(np.eye(5), np.arange(5))
    ranks[0].merge(ranks[1])
    with pytest.raises(ValueError, match="5 items came more than once"):
        ranks[0].result()


def test_repeated_items_may_count_once_by_their_worse_rank() -> None:
    right, wrong = np.array([[3, 1]]), np.array([[1, 3]])
    for order in ((right, wrong), (wrong, right)):
        accumulator = Accumulator((1, 2), duplicates="once")
        accumulator.update(np.array([[0, 1]]), [0], [0])
        for ranked in order:
            accumulator.update(ranked, [[3, 8]], [1])
        assert accumulator.result(items=2) == {"top1": 0.5, "top2": 1.0, "n": 2}
        assert accumulator.per_class()["n"].tolist() == [1, 0, 0, 1, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("labels", [[[4]], [[3, 4]], [[]]])
def test_repeated_items_with_other_labels_are_an_error(labels: list[list[int]]) -> None:
    accumulator = Accumulator((1,), duplicates="once")
    accumulator.update(np.array([[0], [3]]), [[2], [3]], [5, 6])
    accumulator.update(np.array([[3]]), labels, [6])
    with pytest.raises(ValueError, match="item 6 came with different labels"):
        accumulator.result()


def test_missing_items_are_named() -> None:
    accumulator = Accumulator((1,))
    accumulator.update(np.zeros((3, 1), int), [0, 0, 0], [0, 1, 4])
    with pytest.raises(ValueError, match="2 of 5 items are missing, item 2 first"):
        accumulator.result(items=5)
    with pytest.raises(ValueError, match="item 4 came, of a dataset of 4"):
        accumulator.result(items=4)
    accumulator.update(np.zeros((2, 1), int), [0, 0], [2, 3])
    with pytest.raises(ValueError, match="1 of 6 items are missing, item 5 first"):
        accumulator.result(items=6)


def test_a_refused_batch_leaves_the_accumulator_as_it_was() -> None:
    accumulator = Accumulator()
    accumulator.update(np.eye(5), np.arange(5))
    with pytest.raises(ValueError, match="NaN"):
        accumulator.update(np.full((2, 5), np.nan), [0, 1])
    with pytest.raises(ValueError, match="indices are int"):
        accumulator.update(np.eye(5), np.arange(5), [1, 2])
    with pytest.raises(ValueError, match="indices are 0 or more"):
        accumulator.update(np.eye(5)[:1], [0], [-2])
    assert accumulator.result(items=5)["n"] == 5


def test_only_the_like_can_be_merged() -> None:
    accumulator = Accumulator()
    for other in (Accumulator((1,)), accumulator):
        with pytest.raises(ValueError, match="same topk"):
            accumulator.merge(other)


def test_per_class() -> None:
    accumulator = Accumulator((1, 2))
    accumulator.update(np.array([[0, 1], [2, 0], [1, 2], [0, 2]]), [[0], [0], [], [2, 0]])
    found = accumulator.per_class(4)
    np.testing.assert_array_equal(found["n"], [3, 0, 1, 0])
    np.testing.assert_array_equal(found["top1"], [2 / 3, np.nan, 1.0, np.nan])
    np.testing.assert_array_equal(found["top2"], [1.0, np.nan, 1.0, np.nan])
    assert len(accumulator.per_class()["n"]) == 3
    with pytest.raises(ValueError, match="label 2, beyond 2 classes"):
        accumulator.per_class(2)

"""Scores against slow, readable definitions, and against the devkit's published figures."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastinet
from fastinet import metrics
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.errors import CorruptError, FastinetWarning
from fastinet.metrics import Accumulator, TrueBoxes, evaluate
from fastinet.metrics.labels import label_sets
from fastinet.testing.bounding_boxes import FIRST_VALIDATION_BOX, annotation_xml, write_boxes


def slow_topk(scores: np.ndarray, sets: list[list[int]], k: int) -> tuple[float, int]:
    """Top-k accuracy by its definition: sort, look, count."""
    right = [
        bool(set(np.argsort(-row, kind="stable")[:k].tolist()) & set(labels))
        for row, labels in zip(scores, sets, strict=True)
        if labels
    ]
    return sum(right) / len(right), len(right)


# -------------------------------------------------------------------------------------- evaluate


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


def test_label_sets_are_labels_too_and_a_sequence() -> None:
    sets = label_sets([[4, 1], [], [2]])
    assert (len(sets), list(sets), sets[-1]) == (3, [[1, 4], [], [2]], [2])
    assert list(sets.take(np.array([2, 0, 1]))) == [[2], [1, 4], []]
    scores = np.random.default_rng(0).random((3, 9))
    assert evaluate(scores, sets) == evaluate(scores, [[1, 4], [], [2]])
    with pytest.raises(IndexError):
        sets[3]


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


def test_of_equal_scores_the_lowest_class_comes_first() -> None:
    scores = np.zeros((2, 8))
    assert evaluate(scores, [0, 1], topk=(1, 2)) == {"top1": 0.5, "top2": 1.0, "n": 2}
    assert evaluate(np.array([[0.0, -0.0]]), [0], topk=(1,))["top1"] == 1.0


def test_items_without_a_label_do_not_count() -> None:
    ranked = np.array([[1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [9, 8, 7, 6, 5]])
    assert evaluate(ranked, [[2, 7], [], {9, 8}]) == {"top1": 0.5, "top5": 1.0, "n": 2}
    with pytest.raises(ValueError, match="none of 3 items has a label"):
        evaluate(ranked, [[], [], []])


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


def test_topk_is_checked() -> None:
    with pytest.raises(ValueError, match="numbers from 1 on"):
        Accumulator(topk=(0, 1))
    with pytest.raises(ValueError, match="numbers from 1 on"):
        Accumulator(topk=())
    with pytest.raises(ValueError, match="duplicates is"):
        Accumulator(duplicates="twice")  # type: ignore[arg-type]


# ----------------------------------------------------------------------------------- accumulator


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


# ------------------------------------------------------------------------------------------ ReaL


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


# ---------------------------------------------------------------------------------------- devkit

# Images without a hit, of 50,000, that give the errors which the ILSVRC2012 devkit's readme prints
# for its own demo predictions, with 1 to 5 guesses.
FLAT = (["0.9990", "0.9980", "0.9972", "0.9962", "0.9950"], [50, 100, 140, 190, 250])
LOCATED = (["1.0000", "0.9999", "0.9998", "0.9997", "0.9996"], [0, 5, 10, 15, 20])
IMAGES = 50_000


def guesses_with_hits(labels: np.ndarray, hits: list[int]) -> np.ndarray:
    """Five guesses an image, right for exactly ``hits[j]`` images within the first j + 1."""
    rng = np.random.default_rng(0)
    guesses = (labels[:, np.newaxis] + rng.integers(1, 1000, (len(labels), 5))) % 1000
    images = rng.permutation(len(labels))
    for place, (start, end) in enumerate(zip([0, *hits], hits, strict=False)):
        guesses[images[start:end], place] = labels[images[start:end]]
    return guesses


def test_the_devkits_published_flat_errors() -> None:
    labels = np.arange(IMAGES) % 1000
    guesses = guesses_with_hits(labels, FLAT[1])
    errors = metrics.flat_errors(guesses, labels)
    assert [f"{error:.4f}" for error in errors] == FLAT[0]
    accuracy = evaluate(guesses, labels)
    assert accuracy["top1"] == pytest.approx(1 - errors[0], abs=1e-15)
    assert accuracy["top5"] == pytest.approx(1 - errors[4], abs=1e-15)


def test_the_devkits_published_localization_errors() -> None:
    labels = np.arange(IMAGES) % 1000
    guesses = guesses_with_hits(labels, FLAT[1])
    # All the hits above name the label; these find the object, too.
    rng = np.random.default_rng(1)
    true = np.concatenate([low := rng.integers(1, 200, (IMAGES, 2)), low + 99], axis=1)
    boxes = np.repeat((true + np.array([0, 60, 0, 60]))[:, np.newaxis], 5, axis=1)  # IoU 40/160
    counts = np.diff([0, *LOCATED[1]])
    for place, count in enumerate(counts):
        images = np.flatnonzero(guesses[:, place] == labels)[:count]
        boxes[images, place] = true[images] + [0, 33, 0, 33]  # 67/133 of the pixels: just enough
    truth = TrueBoxes(IMAGES, np.arange(IMAGES), labels, true.astype(float))
    errors = metrics.localization_errors(guesses, boxes, labels, truth)
    assert [f"{error:.4f}" for error in errors] == LOCATED[0]


def test_further_guesses_are_ignored_and_missing_ones_repeat_the_error() -> None:
    labels = np.array([1, 2])
    errors = metrics.flat_errors(np.array([[0, 0, 0, 0, 0, 1], [9, 2, 0, 0, 0, 0]]), labels)
    assert errors.tolist() == [1, 0.5, 0.5, 0.5, 0.5]
    assert metrics.flat_errors(np.array([[1], [-1]]), labels).tolist() == [0.5] * 5


@pytest.mark.parametrize(
    ("box", "overlap"),
    [
        ((1, 1, 10, 10), 1.0),
        ((1, 1, 10, 5), 0.5),  # 50 of 100 pixels; without the + 1 it were 36 of 81
        ((6, 1, 15, 10), 1 / 3),
        ((11, 1, 20, 10), 0.0),  # side by side
        ((10, 10, 10, 10), 0.01),
        ((10, 10, 1, 1), 0.0),  # ends before it begins
        ((-5, -5, -1, -1), 0.0),
    ],
)
def test_overlap_counts_pixels(box: tuple[int, ...], overlap: float) -> None:
    assert metrics.box_overlaps(box, (1, 1, 10, 10)) == pytest.approx(overlap, abs=1e-15)
    assert metrics.box_overlaps((1, 1, 10, 10), box) == pytest.approx(overlap, abs=1e-15)


def slow_localization(guesses, boxes, labels, truth, blacklist) -> list[float]:
    """The definition, image by image and guess by guess, on sets of pixels."""

    def pixels(box: np.ndarray) -> set[tuple[int, int]]:
        x0, y0, x1, y1 = map(int, box)
        return {(x, y) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1)}

    errors = []
    for most in range(1, 6):
        wrong = counted = 0
        for image, label in enumerate(labels):
            if image + 1 in blacklist:
                continue
            counted += 1
            wrong += not any(
                guesses[image, place] == label
                and truth.label[row] == label
                and 2 * len(pixels(boxes[image, place]) & pixels(truth.box[row]))
                >= len(pixels(boxes[image, place]) | pixels(truth.box[row]))
                for place in range(most)
                for row in np.flatnonzero(truth.image == image)
            )
        errors.append(wrong / counted)
    return errors


@given(seed=st.integers(0, 2**32 - 1))
def test_localization_follows_its_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> np.ndarray:
        low = rng.integers(0, 3, (*shape, 2))
        return np.concatenate([low, low + rng.integers(0, 4, (*shape, 2))], axis=-1)

    labels = rng.integers(0, 2, 8)
    guesses, boxes = rng.integers(-1, 2, (8, 5)), draw(8, 5)
    image = np.concatenate([np.arange(8), rng.integers(0, 8, 8)])
    label = np.concatenate([labels, rng.integers(0, 2, 8)])
    truth = TrueBoxes(8, image, label, draw(16).astype(float))
    blacklist = [2, 5]
    found = metrics.localization_errors(guesses, boxes, labels, truth, blacklist)
    assert found.tolist() == slow_localization(guesses, boxes, labels, truth, blacklist)


def test_localization_refuses_what_does_not_fit() -> None:
    truth = TrueBoxes(2, np.array([0]), np.array([7]), np.zeros((1, 4)))
    guesses, boxes = np.zeros((2, 1), int), np.zeros((2, 1, 4))
    errors = metrics.localization_errors
    assert errors(guesses, boxes, [7, 7], truth, [2]).tolist() == [1] * 5
    with pytest.raises(ValueError, match="1 images have no box of their own label: image 2"):
        errors(guesses, boxes, [7, 7], truth)
    with pytest.raises(ValueError, match="blacklist names image 3, there are 1 to 2"):
        errors(guesses, boxes, [7, 7], truth, [3])
    with pytest.raises(ValueError, match="no image to evaluate"):
        errors(guesses, boxes, [7, 7], truth, [1, 2])
    with pytest.raises(ValueError, match=r"boxes are \[N, k, 4\]"):
        errors(guesses, boxes[0], [7, 7], truth)
    with pytest.raises(ValueError, match="box of image 1 is not a number"):
        errors(guesses, boxes * np.nan, [7, 7], truth)
    with pytest.raises(ValueError, match="boxes of 2 images, labels of 1"):
        errors(guesses[:1], boxes[:1], [7], truth)
    with pytest.raises(ValueError, match=r"int64 \(2, 1\), labels int64 \(3,\)"):
        metrics.flat_errors(guesses, [7, 7, 7])
    with pytest.raises(ValueError, match="are ints"):
        metrics.flat_errors(guesses / 2, [7, 7])


# ------------------------------------------------------------------------------------ text files


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


# ---------------------------------------------------------------------- true boxes from annotations


def validation_boxes(folder: Path, files: dict[str, bytes]) -> fastinet.Boxes:
    return fastinet.read_boxes(write_boxes(folder / "bbox_val_v3.tgz", files))


def test_true_boxes_from_annotations(tmp_path: Path) -> None:
    files = {
        "val/ILSVRC2012_val_00000003.xml": annotation_xml(
            (500, 375), [("n01440764", 9, 8, 4, 700), ("n00007846", 1, 2, 3, 4)]
        ),
        "val/ILSVRC2012_val_00000001.xml": annotation_xml((500, 375), [FIRST_VALIDATION_BOX]),
    }
    with pytest.warns(FastinetWarning, match="swapped"):
        boxes = validation_boxes(tmp_path, files)
    truth = metrics.true_boxes(boxes)
    assert truth.images == 3
    assert truth.image.tolist() == [0, 2, 2]
    assert truth.label.tolist() == [imagenet1k_wnids().index("n01751748"), 0, -1]
    assert truth.box.tolist() == [[111, 108, 441, 193], [9, 8, 4, 700], [1, 2, 3, 4]]
    assert metrics.true_boxes(boxes, 50_000).images == 50_000
    with pytest.raises(ValueError, match="boxes of image 3, there are 2 images"):
        metrics.true_boxes(boxes, 2)


@pytest.mark.parametrize(
    ("key", "cause"),
    [
        ("n01440764_1", "other than validation images: 'n01440764_1'"),
        ("ILSVRC2012_val_x", "has no number"),
        ("ILSVRC2012_val_00000000", "has no number"),
    ],
)
def test_boxes_of_other_images_are_no_truth(tmp_path: Path, key: str, cause: str) -> None:
    files = {f"val/{key}.xml": annotation_xml((9, 9), [("n01440764", 1, 2, 3, 4)])}
    with pytest.raises(ValueError, match=cause):
        metrics.true_boxes(validation_boxes(tmp_path, files))

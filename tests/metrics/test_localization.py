"""The devkit's errors: its published figures, and the definition image by image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastinet import metrics
from fastinet.metrics import TrueBoxes, evaluate

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

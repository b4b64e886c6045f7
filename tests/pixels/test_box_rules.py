"""Boxes under the other rules: the reference's to the pixel, their sources' in distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.drawn_boxes import BOUND, DRAWS, RULES, Rule, aspects_of, distance

import fastinet
from fastinet import RandomResizedCrop
from fastinet._native import _plan
from fastinet.testing import reference_crops


def drawn(
    rule: Rule, box_rule: Any, seed: int, draws: int = DRAWS, least: float | None = None
) -> np.ndarray:
    """Boxes [N, 4] that the native core draws."""
    transform = RandomResizedCrop(
        224, rule.scale, rule.ratio, box_rule=box_rule, min_object_covered=least
    )
    sizes = np.tile(np.array([rule.width, rule.height], np.int32), (draws, 1))
    boxes, _ = _plan.draw_crops(transform.native(), sizes, np.arange(draws), seed=seed, epoch=3)
    return boxes


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("box_rule", ["clamp", "tensorflow"])
def test_boxes_are_the_references(name: str, box_rule: Any) -> None:
    rule, seed = RULES[name], 2**63 + 11
    draw = {"clamp": reference_crops.clamped_crop, "tensorflow": reference_crops.tensorflow_crop}
    for item, box in enumerate(drawn(rule, box_rule, seed, draws=100).tolist()):
        wanted = draw[box_rule](
            (rule.width, rule.height), seed, 3, item, scale=rule.scale, ratio=rule.ratio
        )
        assert tuple(box) == tuple(wanted)


def maes(rule: Rule, rng: np.random.Generator) -> np.ndarray:
    """RandomResizedCrop of MAE's util/crop.py in plain words: boxes [N, 4]."""
    area = rule.width * rule.height * rng.uniform(*rule.scale, DRAWS)
    aspect = np.exp(rng.uniform(math.log(rule.ratio[0]), math.log(rule.ratio[1]), DRAWS))
    width = np.minimum(np.rint(np.sqrt(area * aspect)).astype(int), rule.width)
    height = np.minimum(np.rint(np.sqrt(area / aspect)).astype(int), rule.height)
    x, y = rng.integers(0, rule.width - width + 1), rng.integers(0, rule.height - height + 1)
    return np.stack([x, y, width, height], axis=1)


# With these no side is less than a pixel, which MAE's code cannot crop.
@pytest.mark.parametrize("name", sorted(RULES.keys() - {"extreme ratios", "one pixel"}))
def test_clamped_boxes_are_distributed_as_maes(name: str) -> None:
    rule = RULES[name]
    ours = aspects_of(drawn(rule, "clamp", seed=1), rule)
    theirs = aspects_of(maes(rule, np.random.default_rng(2)), rule)
    for what, values in ours.items():
        assert distance(values, theirs[what]) < BOUND, what


def tensorflows(rule: Rule, least: float, rng: np.random.Generator) -> np.ndarray:
    """sample_distorted_bounding_box without boxes, in doubles, with NumPy's numbers: [N, 4].

    Each try is made for all boxes at once that none before has found.
    """
    boxes = np.tile(np.array([0, 0, rule.width, rule.height]), (DRAWS, 1))
    open_ones = np.arange(DRAWS)
    for _ in range(100):
        tried = tensorflows_try(rule, rng, len(open_ones))
        found = tried[:, 2] * tried[:, 3] >= max(least * rule.width * rule.height, 1)
        boxes[open_ones[found]] = tried[found]
        open_ones = open_ones[~found]
    return boxes


def tensorflows_try(rule: Rule, rng: np.random.Generator, count: int) -> np.ndarray:
    """GenerateRandomCrop of TensorFlow's source: [count, 4], of no area where it finds none."""
    aspect = rng.uniform(*rule.ratio, count)
    least, most = (share * rule.width * rule.height for share in rule.scale)
    lowest = np.rint(np.sqrt(least / aspect)).astype(np.int64)
    # The highest that fits: as high as the area allows, and then as the width does.
    highest = np.rint(np.sqrt(most / aspect)).astype(np.int64)
    highest = np.minimum(np.minimum(highest, rule.height), ((rule.width + 1) / aspect).astype(int))
    while (wide := np.rint(highest * aspect) > rule.width).any():
        highest -= wide
    is_found = highest >= np.maximum(1, lowest - 1)
    highest = np.maximum(highest, 1)
    height = rng.integers(np.minimum(lowest, highest), highest + 1)
    height = height + (height * np.rint(height * aspect) < least)
    height = height - (height * np.rint(height * aspect) > most)
    width = np.rint(height * aspect).astype(np.int64)
    area = height * width
    is_found &= (least <= area) & (area <= most)
    is_found &= (width > 0) & (width <= rule.width) & (height <= rule.height)
    x, y = (
        rng.integers(0, np.where(is_found & (side < length), length - side, 1))
        for side, length in ((width, rule.width), (height, rule.height))
    )
    return np.stack([x, y, width, height], axis=1) * is_found[:, None]


@pytest.mark.parametrize("least", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("name", ["landscape", "portrait", "small", "one ratio", "a strip"])
def test_tensorflow_boxes_are_distributed_as_tensorflows(name: str, least: float) -> None:
    rule = RULES[name]
    ours = aspects_of(drawn(rule, "tensorflow", 1, least=least), rule)
    theirs = aspects_of(tensorflows(rule, least, np.random.default_rng(2)), rule)
    for what, values in ours.items():
        assert distance(values, theirs[what]) < BOUND, what


def test_the_rules_differ() -> None:
    """The bounds have teeth: each rule's boxes are far from each other's."""
    rule = RULES["landscape"]
    rules: list[Any] = ["torchvision", "clamp", "tensorflow"]
    aspects = [aspects_of(drawn(rule, box_rule, seed=5), rule) for box_rule in rules]
    for i, one in enumerate(aspects):
        for other in aspects[:i]:
            assert max(distance(one[what], other[what]) for what in one) > BOUND


def test_tensorflow_boxes_never_touch_the_far_edges() -> None:
    """Unless they have the whole side: its offsets end one pixel early."""
    rule = RULES["small"]
    boxes = drawn(rule, "tensorflow", seed=3)
    for start, side, length in ((0, 2, rule.width), (1, 3, rule.height)):
        shorter = boxes[:, side] < length
        assert shorter.any()
        assert (boxes[shorter, start] + boxes[shorter, side]).max() == length - 1


SIDES = st.integers(1, 65500)
RATIOS = st.floats(1e-30, 1e30)


@given(
    width=SIDES,
    height=SIDES,
    ratios=st.tuples(RATIOS, RATIOS).map(sorted),
    low=st.floats(1e-9, 1.0),
    box_rule=st.sampled_from(["clamp", "tensorflow"]),
    seed=st.integers(0, 2**64 - 1),
)
def test_any_rule_gives_a_box_inside(
    width: int, height: int, ratios: list[float], low: float, box_rule: Any, seed: int
) -> None:
    rule = Rule(width, height, (low, 1.0), (ratios[0], ratios[1]))
    (box,) = drawn(rule, box_rule, seed, draws=1)
    assert min(box[:2]) >= 0
    assert min(box[2:]) >= 1
    assert box[0] + box[2] <= width
    assert box[1] + box[3] <= height


@given(
    size=st.tuples(st.integers(1, 900), st.integers(1, 900)),
    corners=st.lists(st.tuples(*[st.floats(0, 1, width=32)] * 4), max_size=3),
    least=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    low=st.floats(0.01, 1.0),
    seed=st.integers(0, 2**64 - 1),
)
def test_tensorflow_boxes_cover_objects(
    size: tuple[int, int],
    corners: list[tuple[float, ...]],
    least: float,
    low: float,
    seed: int,
) -> None:
    objects = [[*map(min, c[:2], c[2:]), *map(max, c[:2], c[2:])] for c in corners]
    transform = RandomResizedCrop(32, (low, 1.0), box_rule="tensorflow", min_object_covered=least)
    (box,), _ = _plan.draw_crops(
        transform.native(),
        np.array([size], np.int32),
        np.zeros(1, np.int64),
        seed=seed,
        epoch=5,
        starts=np.array([0, len(objects)]),
        objects=np.array(objects, np.float32).reshape(-1, 4),
    )
    wanted = reference_crops.tensorflow_crop(
        size, seed, 5, 0, scale=(low, 1.0), objects=objects, min_object_covered=least
    )
    assert tuple(box.tolist()) == tuple(wanted)


def test_what_has_to_be_covered_by_default() -> None:
    assert RandomResizedCrop(8).min_object_covered == 0
    assert RandomResizedCrop(8, box_rule="tensorflow").min_object_covered == 0.1
    assert RandomResizedCrop(8, box_rule="tensorflow", min_object_covered=0).min_object_covered == 0
    with pytest.raises(ValueError, match=r'min_object_covered=0\.5, but box_rule="clamp"'):
        RandomResizedCrop(8, box_rule="clamp", min_object_covered=0.5)
    with pytest.raises(ValueError, match='"torchvision", "clamp" or "tensorflow", not \'tf\''):
        RandomResizedCrop(8, box_rule="tf")  # type: ignore[arg-type]


def test_tensorflows_rule_needs_no_boxes(dataset: fastinet.Dataset) -> None:
    transform = RandomResizedCrop(8, box_rule="tensorflow")
    loader = fastinet.Loader(dataset, 5, transform, shuffle=True, seed=4)
    for batch in loader.epoch(2):
        for row, item in enumerate(batch.indices.tolist()):
            height, width = batch.image_sizes[row].tolist()
            box = reference_crops.tensorflow_crop((width, height), 4, 2, item)
            assert tuple(batch.boxes[row].tolist()) == tuple(box)

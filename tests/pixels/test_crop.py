"""RandomResizedCrop's boxes: the reference's to the pixel, torchvision's in distribution."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.drawn_boxes import BOUND, DRAWS, RULES, Rule, aspects_of, distance, ours

from fastinet.testing import reference


def torchvisions(rule: Rule, rng: np.random.Generator) -> np.ndarray:
    """RandomResizedCrop.get_params in plain words, with NumPy's random numbers: boxes [N, 4]."""
    boxes = np.empty((DRAWS, 4), np.int64)
    for number in range(DRAWS):
        boxes[number] = torchvisions_box(rule, rng)
    return boxes


def torchvisions_box(rule: Rule, rng: np.random.Generator) -> tuple[int, int, int, int]:
    area = rule.width * rule.height
    for _ in range(10):
        target_area = area * rng.uniform(*rule.scale)
        aspect = math.exp(rng.uniform(math.log(rule.ratio[0]), math.log(rule.ratio[1])))
        width = round(math.sqrt(target_area * aspect))
        height = round(math.sqrt(target_area / aspect))
        if 0 < width <= rule.width and 0 < height <= rule.height:
            y = int(rng.integers(0, rule.height - height + 1))
            x = int(rng.integers(0, rule.width - width + 1))
            return x, y, width, height
    whole = rule.width / rule.height
    width, height = rule.width, rule.height
    if whole < min(rule.ratio):
        height = round(width / min(rule.ratio))
    elif whole > max(rule.ratio):
        width = round(height * max(rule.ratio))
    return (rule.width - width) // 2, (rule.height - height) // 2, width, height


@pytest.mark.parametrize("name", RULES)
def test_boxes_are_distributed_as_torchvisions(name: str) -> None:
    rule = RULES[name]
    boxes, flips = ours(rule, seed=1)
    theirs = torchvisions(rule, np.random.default_rng(2))
    for what, values in aspects_of(boxes, rule).items():
        assert distance(values, aspects_of(theirs, rule)[what]) < BOUND, what
    # Binomial, and independent of the box: five standard deviations.
    for chosen in (np.ones(DRAWS, bool), boxes[:, 2] >= np.median(boxes[:, 2])):
        count = chosen.sum()
        assert abs(flips[chosen].sum() - count / 2) < 5 * math.sqrt(count / 4)


def test_the_distance_tells_rules_apart() -> None:
    """The bound has teeth: small changes of the rule are beyond it."""
    rule = RULES["landscape"]
    boxes = aspects_of(ours(rule, seed=5)[0], rule)
    for other in (
        rule._replace(scale=(0.13, 1.0)),
        rule._replace(ratio=(0.7, 4 / 3)),
        rule._replace(scale=(0.08, 0.8)),
    ):
        changed = aspects_of(ours(other, seed=6)[0], other)
        assert max(distance(boxes[what], changed[what]) for what in boxes) > BOUND


@pytest.mark.parametrize("name", RULES)
def test_boxes_are_the_references(name: str) -> None:
    rule = RULES[name]
    seed = 2**63 + 11
    boxes, flips = ours(rule, seed, draws=300)
    for item, (box, flip) in enumerate(zip(boxes.tolist(), flips.tolist(), strict=True)):
        assert reference.random_resized_crop(
            (rule.width, rule.height), seed, 3, item, scale=rule.scale, ratio=rule.ratio
        ) == (tuple(box), flip)


SIDES = st.integers(1, 65500)
RATIOS = st.floats(1e-30, 1e30)


@given(
    width=SIDES,
    height=SIDES,
    ratios=st.tuples(RATIOS, RATIOS).map(sorted),
    low=st.floats(1e-9, 1.0),
    seed=st.integers(0, 2**64 - 1),
)
def test_any_rule_gives_a_box_inside(
    width: int, height: int, ratios: list[float], low: float, seed: int
) -> None:
    rule = Rule(width, height, (low, 1.0), (ratios[0], ratios[1]))
    (box,), (flip,) = ours(rule, seed, draws=1)
    assert box[0] >= 0
    assert box[1] >= 0
    assert min(box[2:]) >= 1
    assert box[0] + box[2] <= width
    assert box[1] + box[3] <= height
    assert reference.random_resized_crop(
        (width, height), seed, 3, 0, scale=rule.scale, ratio=rule.ratio
    ) == (tuple(box.tolist()), flip)

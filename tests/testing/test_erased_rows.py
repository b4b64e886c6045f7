"""The reference of erasing and lighting: drawn as torchvision and timm draw."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support.drawn_boxes import distance

from fastinet.augment import RandomErasing
from fastinet.testing import erased_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DRAWS = 1500
SIZE = (224, 192)


def upstream(
    rng: random.Random,
    areas: tuple[float, float],
    aspects: tuple[float, float],
    count: int = 1,
    size: tuple[int, int] = SIZE,
) -> Iterator[tuple[int, int, int, int]]:
    """One image's boxes (x, y, width, height), by the rule of both packages.

    torchvision 0.29, ``transforms.RandomErasing.get_params``, which has one box, and timm 1.0.31,
    ``data/random_erasing.py``, written down again.
    """
    height, width = size
    boxes = rng.randint(1, count)
    for _ in range(boxes):
        for _attempt in range(10):
            area = rng.uniform(*areas) * height * width / boxes
            aspect = math.exp(rng.uniform(math.log(aspects[0]), math.log(aspects[1])))
            h, w = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if h < height and w < width:
                yield rng.randint(0, width - w), rng.randint(0, height - h), w, h
                break


def assert_of_one_distribution(first: Sequence[float], second: Sequence[float]) -> None:
    """By a distance that two samples exceed once in a million times."""
    bound = 2.7 * math.sqrt(1 / len(first) + 1 / len(second))
    assert distance(np.array(first), np.array(second)) < bound


def assert_boxes_of_one_distribution(
    theirs: Sequence[Sequence[Sequence[int]]], rule: RandomErasing
) -> None:
    """Boxes (x, y, width, height) of some rows of `SIZE`, beside those that we draw."""
    ours = [
        [box for box in erased_rows.erased_boxes(rule, SIZE, 1, 2, item) if box.width]
        for item in range(DRAWS)
    ]
    columns = [
        lambda box: box[2] * box[3],
        lambda box: box[3] / box[2],
        lambda box: box[0] / (SIZE[1] - box[2]),
        lambda box: box[1] / (SIZE[0] - box[3]),
    ]
    assert_of_one_distribution([len(boxes) for boxes in theirs], [len(boxes) for boxes in ours])
    for column in columns:
        assert_of_one_distribution(
            [column(box) for boxes in theirs for box in boxes],
            [column(box) for boxes in ours for box in boxes],
        )


@pytest.mark.parametrize(
    ("rule", "arguments"),
    [
        (RandomErasing(1), ((0.02, 0.33), (0.3, 3.3))),
        (RandomErasing.timm(1), ((0.02, 1 / 3), (0.3, 1 / 0.3))),
        (RandomErasing.timm(1, count=3), ((0.02, 1 / 3), (0.3, 1 / 0.3), 3)),
        # Large and long ones, of which many tries are too large.
        (RandomErasing(1, (0.3, 0.9), (0.2, 0.9)), ((0.3, 0.9), (0.2, 0.9))),
    ],
)
def test_boxes_are_distributed_as_upstream(rule: RandomErasing, arguments: tuple) -> None:
    rng = random.Random(5)
    assert_boxes_of_one_distribution([list(upstream(rng, *arguments)) for _ in range(DRAWS)], rule)


def test_boxes_are_distributed_as_torchvisions() -> None:
    torch = pytest.importorskip("torch")
    transforms = pytest.importorskip("torchvision.transforms", exc_type=ImportError)
    theirs = transforms.RandomErasing()
    image = torch.empty(1, 1, 1).expand(3, *SIZE)
    drawn = []
    for _ in range(DRAWS):
        y, x, height, width, _ = theirs.get_params(image, theirs.scale, theirs.ratio, [0.0])
        drawn.append([(x, y, width, height)] if (height, width) != SIZE else [])
    assert_boxes_of_one_distribution(drawn, RandomErasing(1))


def test_boxes_are_distributed_as_timms() -> None:
    torch = pytest.importorskip("torch")
    erasing = pytest.importorskip("timm.data.random_erasing", exc_type=ImportError)
    theirs = erasing.RandomErasing(probability=1, device="cpu")
    drawn = []
    for _ in range(DRAWS):
        erased = theirs(torch.ones(3, *SIZE))[0] == 0
        lines, columns = (torch.nonzero(erased.any(axis)).flatten() for axis in (1, 0))
        x, y = int(columns[0]), int(lines[0])
        drawn.append([(x, y, int(columns[-1]) + 1 - x, int(lines[-1]) + 1 - y)])
    assert_boxes_of_one_distribution(drawn, RandomErasing.timm(1))


def test_the_share_of_erased_rows() -> None:
    for p in (0, 0.25, 1):
        rule = RandomErasing(p)
        boxes = [erased_rows.erased_boxes(rule, SIZE, 9, 0, item)[0] for item in range(DRAWS)]
        share = sum(box.width > 0 for box in boxes) / DRAWS
        assert abs(share - p) <= 5 * math.sqrt(p * (1 - p) / DRAWS)


def test_noise_is_normal() -> None:
    row = np.zeros((60, 60, 3), np.float32)
    box = [(0, 0, 60, 60)]
    noise = erased_rows.erased_row(row, RandomErasing(mode="pixel"), box, 1, 2, 3)
    assert len(np.unique(noise)) > 0.999 * noise.size
    expected = [erased_rows.normal(int((i + 0.5) / 5000 * 2**32)) for i in range(5000)]
    assert_of_one_distribution(noise.ravel().tolist(), expected)
    # Channels and neighbours are independent.
    for other in (np.roll(noise, 1, 1), np.roll(noise, 1, 0), np.roll(noise, 1, 2)):
        assert abs(np.corrcoef(noise.ravel(), other.ravel())[0, 1]) < 5 / math.sqrt(noise.size)


def test_each_box_has_noise_of_its_own() -> None:
    row = np.zeros((4, 8, 3), np.float32)
    for mode, colours in (("rand", 2), ("pixel", 32), ("const", 1)):
        rule = RandomErasing(mode=mode, count=2)
        erased = erased_rows.erased_row(row, rule, [(0, 0, 4, 4), (4, 0, 4, 4)], 1, 2, 3)
        assert len(np.unique(erased.reshape(-1, 3), axis=0)) == colours


def test_lighting_is_along_the_components() -> None:
    """The largest has all but the same sign in the three colours."""
    shifts = np.array([erased_rows.colour_shift(0.1, 1, 0, item) for item in range(400)])
    assert shifts.std(0) == pytest.approx(0.1 * 0.2175 / math.sqrt(3), rel=0.15)
    assert np.corrcoef(shifts, rowvar=False).min() > 0.95
    assert not erased_rows.colour_shift(0, 1, 0, 3).any()

"""AutoAugment: which pairs of operations are drawn how often, and what is refused."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.comparing import picture, rng_of
from support.drawing import assert_drawn_like, steps_drawn

import fastinet
from fastinet import augment
from fastinet.augment import AutoAugment, RandAugment
from fastinet.augment.auto_augment_policies import CIFAR10, IMAGENET, SVHN
from fastinet.augment.operation import Row
from fastinet.augment.torchvision_operations import RAND_SPACE, torchvision_levels
from fastinet.testing.policies import torchvision_image

ROW = Row((41, 57), "bilinear")
SIGNED = ("Shear", "Translate", "Rotate", "Brightness", "Color", "Contrast", "Sharpness")


@pytest.mark.parametrize(
    ("name", "table"), [("imagenet", IMAGENET), ("cifar10", CIFAR10), ("svhn", SVHN)]
)
def test_pairs_give_their_images_as_often_as_they_should(name: Any, table: Any) -> None:
    """Every image that a policy can give, by Pillow, and its probability."""
    pixels = picture(rng_of("auto augment", name), ROW.size[1], ROW.size[0])
    shares: dict[object, float] = {}

    def add(image: Image.Image, operations: Any, share: float) -> None:
        if not operations:
            key = np.asarray(image).tobytes()
            shares[key] = shares.get(key, 0) + share
            return
        (op, p, magnitude), *rest = operations
        if p < 1:
            add(image, rest, share * (1 - p))
        if p == 0:
            return
        levels = torchvision_levels(op, RAND_SPACE, 10, ROW, 2)
        level = levels[magnitude] if levels else 0.0
        signs = (1, -1) if op.startswith(SIGNED) else (1,)
        for sign in signs:
            changed = torchvision_image(image, op, sign * level, "bilinear", (5, 6, 7))
            add(changed, rest, share * p / len(signs))

    for pair in table:
        add(Image.fromarray(pixels), pair, 1 / len(table))
    policy = AutoAugment(name, interpolation="bilinear", fill=(5, 6, 7))
    drawn = [
        fastinet.apply_steps(pixels, steps).tobytes()
        for steps in steps_drawn(policy.native(ROW), ROW.size, 4000)
    ]
    assert_drawn_like(drawn, shares)


def test_policies_can_be_printed_compared_and_pickled() -> None:
    policy = AutoAugment("svhn", fill=3)
    assert pickle.loads(pickle.dumps(policy)) == policy  # noqa: S301 - made here
    assert eval(repr(policy), vars(augment)) == policy  # noqa: S307 - printed here
    assert policy != AutoAugment("svhn")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AutoAugment("coco"), "no policy 'coco'; torchvision has 'imagenet', 'cifar10'"),  # type: ignore[arg-type]
        (lambda: AutoAugment(["svhn"]), r"no policy \['svhn'\]"),  # type: ignore[arg-type]
        (lambda: AutoAugment(interpolation="lanczos"), "interpolation must be one of"),  # type: ignore[arg-type]
        (lambda: AutoAugment(fill=-1), "fill must be"),
        (lambda: AutoAugment(version=0), "version must be"),  # type: ignore[arg-type]
    ],
)
def test_impossible_policies_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_policies_follow_one_another() -> None:
    both = fastinet.RandomResizedCrop(8, augment=(AutoAugment(), RandAugment()))
    assert augment.draw_steps(both.augment, 8, seed=0, epoch=0, item=1)

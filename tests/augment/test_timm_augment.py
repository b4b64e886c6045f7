"""timm's policies: what their strings draw, how often, and with which pixels."""

from __future__ import annotations

import pickle
from collections import Counter
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.comparing import picture, rng_of
from support.drawing import assert_drawn_like, steps_drawn

import fastinet
from fastinet import augment
from fastinet.augment import AugMix, AutoAugment, RandAugment, TimmAugment
from fastinet.augment.auto_augment_policies import IMAGENET, V0
from fastinet.augment.operation import Row
from fastinet.testing.policies import timm_image

ROW = Row((41, 57), "bicubic")
FILL = (124, 116, 104)
# What steps the operations of RandAugment become; affine ones are told apart by what they move.
OPS = ["autocontrast", "equalize", "invert", "rotate", "posterize", "solarize", "solarize_add"]
OPS += ["saturation", "contrast", "brightness", "sharpness", "b", "d", "c", "f"]


def kind(step: augment.Step) -> str:
    if step.op != "affine":
        return step.op
    identity = (1, 0, 0, 0, 1, 0)
    moved = [name for name, value, same in zip("abcdef", step.arguments, identity, strict=True)
             if value != same]  # fmt: skip
    return moved[0]


def test_rand_augment_draws_two_of_fifteen_each_made_half_of_the_time() -> None:
    drawn = steps_drawn(RandAugment.timm().native(ROW), ROW.size, 6000)
    assert_drawn_like([len(steps) for steps in drawn], {0: 0.25, 1: 0.5, 2: 0.25})
    kinds = [kind(step) for steps in drawn for step in steps]
    assert_drawn_like(kinds, dict.fromkeys(OPS, 1 / 15))
    assert {step.fill for steps in drawn for step in steps if step.op == "rotate"} == {FILL}
    assert {step.sampling for steps in drawn for step in steps if step.op == "affine"} == {
        "bicubic"
    }


def test_posterize_without_bits_is_black() -> None:
    drawn = steps_drawn(RandAugment.timm("rand-m10-n4-p1-inc1").native(ROW), ROW.size, 200)
    black = [steps for steps in drawn if any(step.op == "posterize" for step in steps)]
    assert black
    assert {step.arguments for steps in black for step in steps if step.op == "posterize"} == {(0,)}


def test_a_weighted_choice_of_all_has_each_once() -> None:
    drawn = steps_drawn(TimmAugment("rand-m9-p1-n14-t3aw").native(ROW), ROW.size, 100)
    kinds = {tuple(sorted(kind(step) for step in steps)) for steps in drawn}
    assert len(kinds) == 1  # saturation by Desaturate, and by ColorIncreasing
    assert Counter(*kinds)["saturation"] == 2
    assert len({tuple(kind(step) for step in steps) for steps in drawn}) > 90


@pytest.mark.parametrize("config", ["rand-p1-n3-tweights", "rand-p1-n2-t3a"])
def test_weighted_choices_have_no_operation_twice(config: str) -> None:
    drawn = steps_drawn(TimmAugment(config).native(ROW), ROW.size, 300)
    twice = sum(max(Counter(kind(step) for step in steps).values()) > 1 for steps in drawn if steps)
    assert (twice > 0) == (config == "rand-p1-n2-t3a")


def test_weights_of_timm() -> None:
    drawn = steps_drawn(TimmAugment("rand-p1-n1-tweights").native(ROW), ROW.size, 6000)
    total = 3 + 2 + 2 + 1 + 1 + 0.25 * 3 + 0.05 * 6
    kinds = [kind(steps[0]) for steps in drawn]
    assert abs(kinds.count("rotate") / 6000 - 3 / total) < 0.03
    assert abs(kinds.count("b") / 6000 - 2 / total) < 0.03
    assert abs(kinds.count("c") / 6000 - 1 / total) < 0.02


@pytest.mark.parametrize(
    ("config", "table", "posterize"),
    [
        ("original", IMAGENET, "PosterizeOriginal"),
        ("originalr", IMAGENET, "PosterizeIncreasing"),
        ("v0", V0, "Posterize"),
        ("v0r", V0, "PosterizeIncreasing"),
    ],
)
def test_pairs_give_their_images_as_often_as_they_should(
    config: str, table: Any, posterize: str
) -> None:
    """Every image that a policy can give, by Pillow, and its probability."""
    pixels = picture(rng_of("timm", config), ROW.size[1], ROW.size[0])
    shares: dict[object, float] = {}

    def add(image: Image.Image, operations: Any, share: float) -> None:
        if not operations:
            key = np.asarray(image).tobytes()
            shares[key] = shares.get(key, 0) + share
            return
        (op, p, magnitude), *rest = operations
        if p < 1:
            add(image, rest, share * (1 - p))
        if p > 0:
            name = posterize if op == "Posterize" else op
            for sign in (1, -1):
                changed = timm_image(image, name, magnitude, sign, "bicubic", FILL)
                add(changed, rest, share * p / 2)

    for pair in table:
        add(Image.fromarray(pixels), pair, 1 / len(table))
    drawn = [
        fastinet.apply_steps(pixels, steps).tobytes()
        for steps in steps_drawn(AutoAugment.timm(config).native(ROW), ROW.size, 4000)
    ]
    assert_drawn_like(drawn, shares)


def test_three_of_timm() -> None:
    drawn = steps_drawn(AutoAugment.timm("3a").native(ROW), ROW.size, 3000)
    kinds = [steps[0].op for steps in drawn]
    assert_drawn_like(kinds, dict.fromkeys(("solarize", "saturation", "gaussian_blur"), 1 / 3))
    arguments = {steps[0] for steps in drawn if steps[0].op != "gaussian_blur"}
    assert {step.arguments for step in arguments} == {(128,), (0,)}


def test_a_deviation_of_auto_augment() -> None:
    drawn = steps_drawn(AutoAugment.timm("original-mstd0.5").native(ROW), ROW.size, 600)
    turns = {abs(step.arguments[0]) for steps in drawn for step in steps if step.op == "rotate"}
    assert len(turns) > 60
    assert max(turns) <= 30


@pytest.mark.parametrize("config", ["augmix-m3-w3", "augmix-m8-w5-d2-mstd0.5"])
def test_rows_of_aug_mix(config: str) -> None:
    drawn = steps_drawn(AugMix.timm(config).native(ROW), ROW.size, 400)
    depths: Counter[int] = Counter()
    for steps in drawn:
        ops = [step.op for step in steps]
        assert (ops[0], ops[-1]) == ("mix_start", "mix_end")
        assert steps[0].arguments == (0,)
        ends = [i for i, op in enumerate(ops) if op == "mix_chain"]
        assert len(ends) == (3 if "w3" in config else 5)
        depths.update(end - start - 1 for start, end in zip([0, *ends[:-1]], ends, strict=True))
        weights = [steps[end].arguments[0] for end in ends]
        assert sum(weights) == pytest.approx(1, abs=1e-6)
    assert set(depths) == ({1, 2, 3} if "w3" in config else {2})


def test_timm_itself_makes_the_same_mixture() -> None:
    """What timm's class makes of our chains, weights and share."""
    timm = pytest.importorskip("timm.data.auto_augment")
    pixels = picture(rng_of("timm", "mix"), 40, 40)
    for steps in steps_drawn(AugMix.timm().native(Row((40, 40), "bilinear")), (40, 40), 20):
        chains: list[list[augment.Step]] = [[]]
        for step in steps[1:-1]:
            if step.op == "mix_chain":
                chains.append([])
            else:
                chains[-1].append(step)
        remaining = iter(chains)

        class OneChain:
            """Stands in for the operations that timm draws: ours, chain by chain."""

            def __call__(self, image: Any, chains: Any = remaining) -> Any:
                changed = fastinet.apply_steps(np.asarray(image), next(chains))
                return Image.fromarray(changed)

        weights = [step.arguments[0] for step in steps if step.op == "mix_chain"]
        mix = timm.AugMixAugment([OneChain()], width=3, depth=1)
        expected = mix._apply_basic(
            Image.fromarray(pixels), np.float32(weights), np.float32(steps[-1].arguments[0])
        )
        assert np.array_equal(fastinet.apply_steps(pixels, steps), np.asarray(expected))


def test_the_fill_is_made_of_the_mean() -> None:
    policy = RandAugment.timm("rand-p1", mean=(0.5, 0, 1), interpolation="random")
    steps = [s for steps in steps_drawn(policy.native(ROW), ROW.size, 60) for s in steps]
    turns = [step for step in steps if step.op == "rotate"]
    assert {step.fill for step in turns} == {(128, 0, 255)}
    assert {step.sampling for step in turns} == {"bilinear", "bicubic"}


def test_policies_can_be_printed_compared_and_pickled() -> None:
    policy = TimmAugment("rand-m9", mean=[0.5, 0.5, 0.5])  # type: ignore[arg-type]
    assert pickle.loads(pickle.dumps(policy)) == policy  # noqa: S301 - made here
    assert eval(repr(policy), vars(augment)) == policy  # noqa: S307 - printed here
    assert hash(policy) == hash(RandAugment.timm("rand-m9", mean=(0.5, 0.5, 0.5)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TimmAugment("rand-m9-x1"), "'x1' is no section"),
        (lambda: RandAugment.timm("original"), r"it is AutoAugment\.timm\('original'\)"),
        (lambda: AutoAugment.timm("augmix"), r"it is AugMix\.timm"),
        (lambda: AugMix.timm("rand-m9"), r"it is RandAugment\.timm"),
        (lambda: TimmAugment("rand", mean=(1, 2, 3)), "mean must be three numbers from 0 to 1"),
        (lambda: TimmAugment("rand", mean=0.5), "mean must be three numbers"),  # type: ignore[arg-type]
        (lambda: TimmAugment("rand", mean="abc"), "mean must be three numbers"),  # type: ignore[arg-type]
        (lambda: TimmAugment("rand", "lanczos"), "interpolation must be one of"),  # type: ignore[arg-type]
    ],
)
def test_impossible_policies_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_too_many_chains_say_what_they_lack() -> None:
    with pytest.raises(ValueError, match="blocks of random bits"):
        fastinet.RandomResizedCrop(8, augment=AugMix.timm("augmix-w11"))

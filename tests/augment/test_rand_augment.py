"""RandAugment and TrivialAugmentWide: what is drawn how often, and what is refused."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.drawing import assert_drawn_like, steps_drawn

import fastinet
from fastinet.augment import RandAugment, Step, TrivialAugmentWide, draw_steps
from fastinet.augment.operation import Row
from fastinet.testing import reference

if TYPE_CHECKING:
    from pathlib import Path

ROW = Row((224, 224), "bicubic")
# The operations of both that have a sign, those that have a magnitude without one, and the others.
SIGNED = 9
UNSIGNED = ("posterize", "solarize")


def test_all_operations_of_rand_augment_are_alike() -> None:
    policy = RandAugment(num_ops=1)
    drawn = steps_drawn(policy.native(ROW), ROW.size, 6000)
    share = 1 / 14
    shares: dict[object, float] = {
        (): share,
        (Step("posterize", (7,)),): share,
        (Step("solarize", (255 * 0.7,)),): share,
        (Step("autocontrast"),): share,
        (Step("equalize"),): share,
    }
    for sign in (1, -1):
        # Magnitude 9 of 0 .. 30: 0.3 of what the operations can be.
        factor = 1 + sign * float(np.float32(0.27))
        for op in ("brightness", "contrast", "saturation", "sharpness"):
            shares[Step(op, (factor,)),] = share / 2
        shares[Step("rotate", (sign * 9,)),] = share / 2
        shift = sign * int(0.3 * 150 / 331 * 224)
        shares[Step("affine", (1, 0, shift, 0, 1, 0)),] = share / 2
        shares[Step("affine", (1, 0, 0, 0, 1, shift)),] = share / 2
        shares[Step("affine", (1, sign * 0.09, 0, 0, 1, 0)),] = share / 2
        shares[Step("affine", (1, 0, 0, sign * 0.09, 1, 0)),] = share / 2

    def rounded(steps: tuple[Step, ...]) -> tuple[Step, ...]:
        return tuple(
            step._replace(arguments=tuple(round(value, 4) for value in step.arguments))
            for step in steps
        )

    assert_drawn_like(
        [rounded(steps) for steps in drawn],
        {rounded(steps): share for steps, share in shares.items()},  # type: ignore[arg-type]
    )


def test_operations_are_drawn_with_replacement() -> None:
    drawn = steps_drawn(RandAugment(2, fill=7).native(ROW), ROW.size, 4000)
    kinds = [tuple(step.op for step in steps).count("equalize") for steps in drawn]
    assert_drawn_like(kinds, {0: (13 / 14) ** 2, 1: 2 * 13 / 14**2, 2: 1 / 14**2})
    assert {step.fill for steps in drawn for step in steps if step.op == "rotate"} == {(7, 7, 7)}
    assert not any(steps_drawn(RandAugment(0).native(ROW), ROW.size, 20))


def test_all_magnitudes_of_trivial_augment_are_alike() -> None:
    policy = TrivialAugmentWide(interpolation="bilinear")
    drawn = steps_drawn(policy.native(ROW), ROW.size, 20_000)
    assert {len(steps) for steps in drawn} == {0, 1}
    turns = [
        round(steps[0].arguments[0] / 4.5) for steps in drawn if steps and steps[0].op == "rotate"
    ]
    shares: dict[object, float] = {sign * i: 1 / 62 for i in range(1, 31) for sign in (1, -1)}
    assert_drawn_like(turns, {**shares, 0: 1 / 31})
    bits = [steps[0].arguments[0] for steps in drawn if steps and steps[0].op == "posterize"]
    share_of = np.bincount([8 - round(i / 5) for i in range(31)]) / 31
    assert_drawn_like(bits, {float(i): share_of[i] for i in range(2, 9)})
    assert {step.sampling for steps in drawn for step in steps if step.op == "rotate"} == {
        "bilinear"
    }


def test_the_crops_interpolation_is_taken_where_none_is_named() -> None:
    for interpolation in (None, "random"):
        policy = RandAugment(8, interpolation=interpolation)  # type: ignore[arg-type]
        drawn = steps_drawn(policy.native(ROW), ROW.size, 100)
        samplings = {step.sampling for steps in drawn for step in steps if step.op == "rotate"}
        assert samplings == ({"bicubic"} if interpolation is None else {"bilinear", "bicubic"})


@pytest.mark.parametrize("policy", [RandAugment(3, 15), TrivialAugmentWide(version=1)])
def test_rows_are_what_their_steps_make_of_the_crop(archive_path: Path, policy: Any) -> None:
    dataset = fastinet.open(archive_path)
    transform = fastinet.RandomResizedCrop(33, augment=policy)
    for batch in fastinet.Loader(dataset, 4, transform, shuffle=True, seed=3, threads=2):
        for row, item in enumerate(batch.indices.tolist()):
            crop = fastinet.decode(
                dataset.read(item),
                box=tuple(batch.boxes[row].tolist()),
                flip=bool(batch.flips[row]),
                size=33,
            )
            steps = draw_steps(policy, 33, seed=3, epoch=0, item=item)
            assert np.array_equal(batch.images[row], reference.apply_steps(crop, steps))


def test_rows_of_one_pixel() -> None:
    pixel = np.array([[[10, 200, 30]]], np.uint8)
    for item in range(50):
        steps = draw_steps(RandAugment(3, 30), 1, seed=0, epoch=0, item=item)
        assert fastinet.apply_steps(pixel, steps).shape == (1, 1, 3)


def test_policies_can_be_printed_compared_and_pickled() -> None:
    for policy in (RandAugment(fill=(1, 2, 3)), TrivialAugmentWide()):
        again = pickle.loads(pickle.dumps(policy))  # noqa: S301 - made here
        assert again == policy
        assert hash(again) == hash(policy)
        assert eval(repr(policy), vars(fastinet.augment)) == policy  # noqa: S307 - printed here


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandAugment(magnitude=31), "magnitude must be 0 to 30, not 31"),
        (lambda: RandAugment(magnitude=-1), "magnitude must be 0 to 30"),
        (lambda: RandAugment(magnitude=9.5), "magnitude must be a whole number"),  # type: ignore[arg-type]
        (lambda: RandAugment(33), "num_ops must be 0 to 32"),
        (lambda: RandAugment(num_magnitude_bins=1), "num_magnitude_bins must be 2"),
        (lambda: TrivialAugmentWide(1), "num_magnitude_bins must be 2"),
        (lambda: TrivialAugmentWide(interpolation="area"), "interpolation must be one of"),  # type: ignore[arg-type]
        (lambda: RandAugment(fill=300), "fill must be"),
        (lambda: RandAugment(version=3), "version must be 1"),  # type: ignore[arg-type]
    ],
)
def test_impossible_policies_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_string_of_timms_says_who_takes_it() -> None:
    with pytest.raises(TypeError, match=r"RandAugment\.timm\('rand-m9-mstd0\.5-inc1'\)"):
        RandAugment("rand-m9-mstd0.5-inc1")  # type: ignore[arg-type]


def test_the_most_operations_have_random_bits() -> None:
    fastinet.RandomResizedCrop(8, augment=RandAugment(32))

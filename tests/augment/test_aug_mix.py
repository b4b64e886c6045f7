"""AugMix: how chains and weights are drawn, and what torchvision makes of them."""

from __future__ import annotations

import math
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.comparing import picture, rng_of
from support.drawing import assert_drawn_like, steps_drawn

import fastinet
from fastinet import augment
from fastinet.augment import AugMix, Step
from fastinet.augment.aug_mix import MIX_SPACE
from fastinet.augment.operation import Row
from fastinet.augment.torchvision_operations import torchvision_levels
from fastinet.testing import reference

if TYPE_CHECKING:
    from pathlib import Path

ROW = Row((48, 36), "bicubic")


def chains_of(steps: tuple[Step, ...]) -> tuple[list[list[Step]], list[float]]:
    """The steps of each chain, and the weights: of the image, and of each chain."""
    chains: list[list[Step]] = [[]]
    weights = [steps[0].arguments[0]]
    for step in steps[1:-1]:
        if step.op == "mix_chain":
            weights.append(step.arguments[0])
            chains.append([])
        else:
            chains[-1].append(step)
    assert steps[0].op == "mix_start"
    assert steps[-1] == Step("mix_end", (1,))
    assert chains.pop() == []
    return chains, weights


def test_chains_and_operations_are_alike() -> None:
    drawn = [chains_of(steps) for steps in steps_drawn(AugMix().native(ROW), ROW.size, 3000)]
    assert {len(chains) for chains, _ in drawn} == {3}
    depths = [len(chain) for chains, _ in drawn for chain in chains]
    assert_drawn_like(depths, dict.fromkeys((1, 2, 3), 1 / 3))
    steps = [step for chains, _ in drawn for chain in chains for step in chain]
    ops = [step.op for step in steps]
    shares: dict[object, float] = {"affine": 4 / 13}
    shares |= dict.fromkeys(("rotate", "posterize", "solarize", "autocontrast"), 1 / 13)
    shares |= dict.fromkeys(("equalize", "brightness", "saturation", "contrast"), 1 / 13)
    assert_drawn_like(ops, shares | {"sharpness": 1 / 13})
    # The first three of ten magnitudes.
    turns = {abs(step.arguments[0]) for step in steps if step.op == "rotate"}
    assert turns == set(torchvision_levels("Rotate", MIX_SPACE, 10, ROW, 2)[:3])
    assert {step.arguments for step in steps if step.op == "posterize"} == {(4,), (3,)}


def test_weights_are_dirichlets() -> None:
    items = 4000
    drawn = [chains_of(steps)[1] for steps in steps_drawn(AugMix().native(ROW), ROW.size, items)]
    weights = np.array(drawn)
    assert np.abs(weights.sum(axis=1) - 1).max() < 1e-6
    assert (weights == np.float32(weights)).all()
    shares = 1 - weights[:, 0]  # Beta's of parameters 1 is uniform
    assert np.abs(np.sort(shares) - np.linspace(0, 1, items)).max() < 1.95 / math.sqrt(items)
    # One of three weights has the distribution 1 - (1 - x)^2.
    for chain in range(3):
        ranks = 1 - (1 - np.sort(weights[:, 1 + chain] / shares)) ** 2
        assert np.abs(ranks - np.linspace(0, 1, items)).max() < 1.95 / math.sqrt(items)
    apart = np.corrcoef((weights[:, 1:] / shares[:, None]).T) - np.eye(3)
    assert np.abs(apart[~np.eye(3, dtype=bool)] + 0.5).max() < 0.05


def test_without_enhancements_there_are_none() -> None:
    policy = AugMix(5, 4, 2, all_ops=False, interpolation=None, fill=9)
    steps = [s for steps in steps_drawn(policy.native(ROW), ROW.size, 100) for s in steps]
    assert not {"brightness", "contrast", "saturation", "sharpness"} & {step.op for step in steps}
    assert {step.sampling for step in steps if step.op == "rotate"} == {"bicubic"}
    assert {step.fill for step in steps if step.op == "rotate"} == {(9, 9, 9)}
    assert sum(step.op == "mix_chain" for step in steps) == 400


def test_torchvision_mixes_our_chains_to_the_same_pixels() -> None:
    torch = pytest.importorskip("torch")
    v2 = pytest.importorskip("torchvision.transforms.v2")
    pixels = picture(rng_of("aug mix"), ROW.size[1], ROW.size[0])
    image = v2.functional.to_image(pixels)
    for steps in steps_drawn(AugMix(chain_depth=1).native(ROW), ROW.size, 30):
        chains, weights = chains_of(steps)
        share = sum(weights[1:])
        remaining = iter(chains)
        drawn = iter([[weights[0], 1.0], weights[1:]])

        class Ours(v2.AugMix):  # type: ignore[misc,name-defined]
            """Takes our chains and our weights, which have torchvision's product in them."""

            def _sample_dirichlet(self, _params: Any, drawn: Any = drawn) -> Any:
                return torch.tensor([next(drawn)])

            def _apply_image_or_video_transform(
                self, image: Any, *_rest: Any, remaining: Any = remaining, **_: Any
            ) -> Any:
                array = image[0].permute(1, 2, 0).numpy()
                changed = fastinet.apply_steps(array, next(remaining))
                return torch.from_numpy(changed).permute(2, 0, 1)[None]

        theirs = Ours(chain_depth=1)(image).permute(1, 2, 0).numpy()
        assert np.array_equal(fastinet.apply_steps(pixels, steps), theirs)
        assert 0 < share < 1


def test_torchvisions_magnitudes() -> None:
    v2 = pytest.importorskip("torchvision.transforms.v2")
    assert tuple(v2.AugMix._AUGMENTATION_SPACE) == MIX_SPACE.names
    for name, (magnitudes_of, _) in v2.AugMix._AUGMENTATION_SPACE.items():
        given = magnitudes_of(10, *ROW.size)
        expected = [] if given is None else [float(level) for level in given]
        if name == "Solarize":
            expected = [255.0 * level for level in expected]
        assert list(torchvision_levels(name, MIX_SPACE, 10, ROW, 2)) == expected, name


def test_rows_are_what_their_steps_make_of_the_crop(archive_path: Path) -> None:
    dataset = fastinet.open(archive_path)
    policy = (augment.Invert(), AugMix(), augment.Grayscale(0.3))
    transform = fastinet.RandomResizedCrop(33, augment=policy)
    for batch in fastinet.Loader(dataset, 4, transform, shuffle=True, seed=3, threads=2):
        for row, item in enumerate(batch.indices.tolist()):
            crop = fastinet.decode(
                dataset.read(item),
                box=tuple(batch.boxes[row].tolist()),
                flip=bool(batch.flips[row]),
                size=33,
            )
            steps = augment.draw_steps(policy, 33, seed=3, epoch=0, item=item)
            assert np.array_equal(batch.images[row], reference.apply_steps(crop, steps))


def test_mixtures_do_not_lie_within_one_another() -> None:
    inner = AugMix().native(ROW)
    outer = fastinet._native._engine.Operation.mix([inner], probability=1.0, blend_at_end=True)
    with pytest.raises(ValueError, match="cannot lie within another"):
        steps_drawn(outer, ROW.size, 1)


def test_policies_can_be_printed_compared_and_pickled() -> None:
    policy = AugMix(4, 2, fill=(1, 2, 3))
    assert pickle.loads(pickle.dumps(policy)) == policy  # noqa: S301 - made here
    assert eval(repr(policy), vars(augment)) == policy  # noqa: S307 - printed here


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AugMix(0), "severity must be 1 to 10"),
        (lambda: AugMix(11), "severity must be 1 to 10"),
        (lambda: AugMix(mixture_width=0), "mixture_width must be 1 to 10"),
        (lambda: AugMix(chain_depth=0), "chain_depth must be 1 to 16"),
        (lambda: AugMix(fill=300), "fill must be"),
        (lambda: AugMix(version=0), "version must be"),  # type: ignore[arg-type]
    ],
)
def test_impossible_policies_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()

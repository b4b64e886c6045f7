"""AugMix: how chains and weights are drawn, and what torchvision makes of them."""

from __future__ import annotations

import math
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from support.comparing import picture, rng_of
from support.drawing import assert_drawn_like, steps_drawn
from support.torch_grids import give_rules_grids

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
    shares: dict[object, float] = {"tensor_affine": 4 / 13}
    shares |= dict.fromkeys(("posterize", "solarize", "equalize", "brightness"), 1 / 13)
    others = ("rotate", "autocontrast", "saturation", "contrast", "sharpness")
    assert_drawn_like(ops, shares | {f"tensor_{op}": 1 / 13 for op in others})
    # The first three of ten magnitudes.
    turns = {abs(step.arguments[0]) for step in steps if step.op == "tensor_rotate"}
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
    none = {"brightness", "tensor_contrast", "tensor_saturation", "tensor_sharpness"}
    assert not none & {step.op for step in steps}
    assert {step.sampling for step in steps if step.op == "rotate"} == {"bicubic"}
    assert {step.fill for step in steps if step.op == "rotate"} == {(9, 9, 9)}
    assert sum(step.op == "mix_chain" for step in steps) == 400
    # There are random bits for the most chains that there may be.
    assert len(chains_of(steps_drawn(AugMix(1, 10).native(ROW), ROW.size, 1)[0])[0]) == 10


def named(step: Step) -> tuple[str, float]:
    """What torchvision calls a step of AugMix, and its magnitude there, with its sign."""
    first, *rest = step.arguments or (0.0,)
    match step.op:
        case "tensor_rotate":
            return "Rotate", first
        case "tensor_affine":
            b, c, d, f = rest[0], rest[1], rest[2], rest[4]
            if c or f:
                return ("TranslateX", -c) if c else ("TranslateY", -f)
            # The tangent that torchvision makes of this is the same again.
            return ("ShearX", b) if b else ("ShearY", d)
        case "posterize" | "solarize":
            return step.op.capitalize(), first
        case "tensor_autocontrast":
            return "AutoContrast", 0.0
        case "equalize":
            return "Equalize", 0.0
        case op:
            names = {"brightness": "Brightness", "tensor_saturation": "Color"}
            names |= {"tensor_contrast": "Contrast", "tensor_sharpness": "Sharpness"}
            return names[op], first - 1.0


class Drawn:
    """Stands in for what torchvision draws: our weights and our operations."""

    def __init__(self, torch: Any, steps: tuple[Step, ...]) -> None:
        chains, weights = chains_of(steps)
        self.operations = iter([named(step) for chain in chains for step in chain])
        # The first row is of image and mixture. Our weights have the product in them already.
        self.weights = iter([torch.tensor([[weights[0], 1.0]]), torch.tensor([weights[1:]])])


@pytest.mark.parametrize("fill", [None, 0, (9, 90, 200)])
def test_version_2_makes_the_same_pixels_of_what_is_drawn(
    fill: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    v2 = pytest.importorskip("torchvision.transforms.v2")
    grids = give_rules_grids(monkeypatch)
    pixels = picture(rng_of("aug mix"), ROW.size[1], ROW.size[0])
    image = v2.functional.to_image(pixels)
    policy = AugMix(10, chain_depth=2, fill=fill)
    for steps in steps_drawn(policy.native(ROW), ROW.size, 40):
        drawn = Drawn(torch, steps)

        class Ours(v2.AugMix):  # type: ignore[misc,name-defined]
            """Takes what was drawn."""

            def _sample_dirichlet(self, _params: Any, drawn: Drawn = drawn) -> Any:
                return next(drawn.weights)

            def _apply_image_or_video_transform(
                self, image: Any, *_: Any, drawn: Drawn = drawn, **given: Any
            ) -> Any:
                name, level = next(drawn.operations)
                share = level / 255.0 if name == "Solarize" else level
                return super()._apply_image_or_video_transform(image, name, share, **given)

        colour = [float(each) for each in fill] if isinstance(fill, tuple) else fill
        theirs = Ours(chain_depth=2, fill=colour)(image).permute(1, 2, 0).numpy()
        assert np.array_equal(fastinet.apply_steps(pixels, steps), theirs)
    assert len(grids) > 40


@pytest.mark.parametrize("fill", [None, (9, 90, 200)])
def test_version_1_makes_the_same_pixels_of_what_is_drawn(
    fill: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    old = pytest.importorskip("torchvision.transforms.autoaugment")
    grids = give_rules_grids(monkeypatch)
    pixels = picture(rng_of("aug mix"), ROW.size[1], ROW.size[0])
    policy = AugMix(10, chain_depth=2, fill=fill, version=1)
    apply_one = old._apply_op
    for steps in steps_drawn(policy.native(ROW), ROW.size, 40):
        drawn = Drawn(torch, steps)
        theirs = old.AugMix(
            chain_depth=2,
            interpolation=old.InterpolationMode.BILINEAR,
            fill=list(fill) if fill else None,
        )
        monkeypatch.setattr(theirs, "_sample_dirichlet", lambda _, drawn=drawn: next(drawn.weights))
        monkeypatch.setattr(
            old,
            "_apply_op",
            lambda image, _name, _level, drawn=drawn, **given: apply_one(
                image, *next(drawn.operations), **given
            ),
        )
        made = np.asarray(theirs(Image.fromarray(pixels)))
        assert np.array_equal(fastinet.apply_steps(pixels, steps), made)
    assert len(grids) > 40


@pytest.mark.parametrize("alpha", [0.2, 0.7, 5.0])
def test_other_alphas_are_dirichlets_and_betas(alpha: float) -> None:
    """Kolmogorov and Smirnov's distance from NumPy's, at about 1 in 1000."""
    items = 3000
    operation = AugMix(alpha=alpha).native(ROW)
    weights = np.array([chains_of(s)[1] for s in steps_drawn(operation, ROW.size, items)])
    assert np.abs(weights.sum(axis=1) - 1).max() < 1e-6
    shares = 1 - weights[:, 0]
    parts = weights[shares > 1e-3, 1:] / weights[shares > 1e-3, 1:].sum(axis=1, keepdims=True)
    rng = rng_of("alphas", alpha)
    expected = rng.dirichlet([alpha] * 3, items)
    pairs = [
        (shares, rng.beta(alpha, alpha, items)),
        (parts[:, 0], expected[:, 0]),
        (parts[:, 2], expected[:, 2]),
        (parts.max(axis=1), expected.max(axis=1)),
        (parts.min(axis=1), expected.min(axis=1)),
    ]
    for ours, theirs in pairs:
        places = np.sort(np.concatenate([ours, theirs]))
        lower, upper = (
            np.searchsorted(np.sort(each), places, "right") / len(each) for each in (ours, theirs)
        )
        assert np.abs(lower - upper).max() < 1.95 * math.sqrt(2 / len(ours))


def test_timms_alpha_is_drawn_from() -> None:
    operation = AugMix.timm("augmix-a0.05").native(ROW)
    ends = np.array([s[-1].arguments[0] for s in steps_drawn(operation, ROW.size, 500)])
    # Beta's of 0.05 has next to nothing in the middle: 0.09 between a tenth and nine tenths.
    assert np.mean((ends > 0.1) & (ends < 0.9)) < 0.2
    assert abs(ends.mean() - 0.5) < 0.12


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
    outer = fastinet._native._engine.Operation.mix(
        [inner], probability=1.0, blend_at_end=True, alpha=1.0
    )
    with pytest.raises(ValueError, match="cannot lie within another"):
        steps_drawn(outer, ROW.size, 1)


def test_policies_can_be_printed_compared_and_pickled() -> None:
    policy = AugMix(4, 2, fill=(1, 2, 3), alpha=0.5)
    assert pickle.loads(pickle.dumps(policy)) == policy  # noqa: S301 - made here
    assert eval(repr(policy), vars(augment)) == policy  # noqa: S307 - printed here


def test_an_alpha_where_torchvision_has_it_is_no_choice_of_operations() -> None:
    with pytest.raises(TypeError, match="alpha is given by its name"):
        AugMix(3, 3, -1, 1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AugMix(0), "severity must be 1 to 10"),
        (lambda: AugMix(11), "severity must be 1 to 10"),
        (lambda: AugMix(mixture_width=0), "mixture_width must be 1 to 10"),
        (lambda: AugMix(chain_depth=0), "chain_depth must be 1 to 16"),
        (lambda: AugMix(fill=300), "fill must be"),
        (lambda: AugMix(version=0), "version must be"),  # type: ignore[arg-type]
        (lambda: AugMix(alpha=0), "alpha must be 0.001 to 10000"),
        (lambda: AugMix(alpha="a"), "alpha must be"),  # type: ignore[arg-type]
    ],
)
def test_impossible_policies_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()

"""Do the operations that AugMix chooses from give the pixels of torchvision's tensors?"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
from support.comparing import picture, rng_of
from support.drawing import steps_drawn
from support.torch_grids import assert_rounded, give_rules_grids

import fastinet
from fastinet.augment import STEP_ARGUMENTS, Step
from fastinet.augment.aug_mix import MIX_SPACE
from fastinet.augment.operation import Row
from fastinet.augment.tensor_operations import tensor_operation
from fastinet.augment.torchvision_operations import torchvision_levels, torchvision_operation
from fastinet.testing import reference
from fastinet.testing.reference_tensors import grid_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from support.comparing import Rng

SIZES = ((1, 1), (1, 5), (2, 9), (3, 3), (7, 300), (17, 16), (64, 64), (97, 33))
TENSOR_STEPS = [op for op in STEP_ARGUMENTS if op.startswith("tensor_")]
SIGNED = set(MIX_SPACE.names) - {"Posterize", "Solarize", "AutoContrast", "Equalize"}


def images(rng: Rng, height: int, width: int) -> Iterator[NDArray[np.uint8]]:
    """Noise, one colour, greys, whose grey is all but whole, and a picture of few levels."""
    yield rng.integers(0, 256, (height, width, 3), np.uint8)
    yield np.full((height, width, 3), rng.integers(0, 256, 3), np.uint8)
    yield np.repeat(rng.integers(0, 256, (height, width, 1), np.uint8), 3, axis=2)
    yield picture(rng, width, height) // 2 + 30


def steps_of(op: str, rng: Rng) -> Iterator[Step]:
    """Steps of one kind in both versions, with arguments that change nothing and with others."""
    colour = (9, 90, 200)
    shear, shift = rng.uniform(-1, 1), float(rng.integers(-20, 20))
    matrices = [
        (1, 0, 0, 0, 1, 0),
        (1, 0, shift, 0, 1, -shift),
        (1, shear, 0, 0, 1, 0),
        (1, 0, 0, shear, 1, 0.5),
        tuple((rng.uniform(-2, 2, 6) * (1, 1, 9, 1, 1, 9)).tolist()),
        (1, 0, 1e7, 0, 1, 3),
    ]
    angles = [0, 90, 180, -90, 450, -180, 3.5, -170.25, rng.uniform(-400, 400)]
    for version in (1, 2):
        if op == "tensor_autocontrast":
            yield Step(op, (version,))
        elif op in ("tensor_contrast", "tensor_saturation", "tensor_sharpness"):
            for factor in (0, 0.1, 1, 1.3, rng.uniform(0, 3), 50):
                yield Step(op, (factor, version))
    samplings: tuple[Literal["nearest", "bilinear"], ...] = ("nearest", "bilinear")
    for sampling in samplings:
        for filling in (0, 1, 2):
            if op == "tensor_affine":
                for matrix in matrices:
                    yield Step(op, (*matrix, filling), sampling, colour)
            elif op == "tensor_rotate":
                for degrees in angles:
                    yield Step(op, (degrees, filling), sampling, colour)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("op", TENSOR_STEPS)
def test_a_step_gives_the_pixels_of_numpy(op: str, size: tuple[int, int]) -> None:
    rng = rng_of("tensors", op, size)
    for pixels in images(rng, *size):
        for step in steps_of(op, rng):
            changed = fastinet.apply_steps(pixels, [step])
            assert np.array_equal(changed, reference.apply_steps(pixels, [step])), step


def torchvisions(pixels: NDArray[np.uint8], step: Step) -> NDArray[np.uint8]:
    """What torchvision makes of a step of tensors."""
    torch = pytest.importorskip("torch")
    old = pytest.importorskip("torchvision.transforms.functional")
    new = pytest.importorskip("torchvision.transforms.v2.functional")
    tensor = torch.from_numpy(pixels).permute(2, 0, 1).contiguous()[None]
    first, last = step.arguments[0], step.arguments[-1]
    functions = old if last == 1 else new
    mode = old.InterpolationMode(step.sampling)
    fill = None if last == 0 else [float(channel) for channel in step.fill]
    changed: Any
    match step.op:
        case "tensor_contrast":
            changed = functions.adjust_contrast(tensor, first)
        case "tensor_saturation":
            changed = functions.adjust_saturation(tensor, first)
        case "tensor_sharpness":
            changed = functions.adjust_sharpness(tensor, first)
        case "tensor_autocontrast":
            changed = functions.autocontrast(tensor)
        case "tensor_rotate":
            changed = functions.rotate(tensor, first, mode, fill=fill)
        case _:
            a, b, c, d, e, f, _ = step.arguments
            assert (a, e) == (1, 1)
            shear = [math.degrees(math.atan(b)), math.degrees(math.atan(d))]
            changed = functions.affine(
                tensor,
                angle=0.0,
                translate=[int(-c), int(-f)],
                scale=1.0,
                shear=shear,
                interpolation=mode,
                fill=fill,
                center=[0, 0],
            )
    array: NDArray[np.uint8] = changed[0].permute(1, 2, 0).numpy()
    return array


@pytest.mark.parametrize("op", TENSOR_STEPS)
def test_a_step_gives_torchvisions_pixels(op: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal where torch adds up as it did when this was written, and within the bound anywhere."""
    grids = give_rules_grids(monkeypatch)
    values = differences = 0
    for size in ((48, 64), (61, 35)):
        rng = rng_of("torchvision's tensors", op, size)
        for pixels in images(rng, *size):
            for step in steps_of(op, rng):
                if op == "tensor_affine" and not is_one_of_torchvisions(step):
                    continue
                ours = fastinet.apply_steps(pixels, [step]).astype(int)
                distance = np.abs(ours - torchvisions(pixels, step))
                assert distance.max() <= 1, step
                values, differences = values + ours.size, differences + np.count_nonzero(distance)
    assert values > 0
    assert differences <= 1e-4 * values
    assert bool(grids) == (op in ("tensor_affine", "tensor_rotate"))


def is_one_of_torchvisions(step: Step) -> bool:
    """A translation by whole pixels, or a shear that AugMix can draw, and no other matrix."""
    a, b, c, d, e, f, _ = step.arguments
    return (a, e) == (1, 1) and 0 in (b, d) and c == int(c) and f == int(f) and abs(c) < 1e6


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("fill", [None, 0, (9, 90, 200)])
@pytest.mark.parametrize("sampling", ["nearest", "bilinear"])
def test_every_operation_is_torchvisions(
    sampling: Literal["nearest", "bilinear"],
    fill: Any,
    version: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By its name there and each magnitude, with both signs where it has one."""
    grids = give_rules_grids(monkeypatch)
    torch = pytest.importorskip("torch")
    autoaugment = pytest.importorskip("torchvision.transforms.autoaugment")
    v2 = pytest.importorskip("torchvision.transforms.v2")
    row = Row((37, 53), "bicubic")
    pixels = picture(rng_of("aug mix", sampling), 53, 37)
    tensor = torch.from_numpy(pixels).permute(2, 0, 1).contiguous()[None]
    mode = autoaugment.InterpolationMode(sampling)
    colour = [float(each) for each in fill] if isinstance(fill, tuple) else fill
    policy = v2.AugMix(interpolation=mode, fill=colour)

    def theirs(name: str, level: float) -> bytes:
        if version == 1:
            changed = autoaugment._apply_op(tensor, name, level, mode, colour)
        else:
            share = level / 255.0 if name == "Solarize" else level
            changed = policy._apply_image_or_video_transform(
                tensor, name, share, mode, policy._fill
            )
        made: bytes = changed[0].permute(1, 2, 0).numpy().tobytes()
        return made

    for name in MIX_SPACE.names:
        for level in torchvision_levels(name, MIX_SPACE, 10, row, version)[::3] or (0.0,):
            operation = tensor_operation(name, (level,), row, sampling, fill, version)
            drawn = set(steps_drawn(operation, row.size, 12))
            ours = {fastinet.apply_steps(pixels, steps).tobytes() for steps in drawn}
            signs = (1, -1) if name in SIGNED else (1,)
            assert ours == {theirs(name, sign * level) for sign in signs}, (name, level)
    assert len(grids) >= 5 * 2 * 3  # geometric operations, of both signs and some magnitudes


def test_grids_of_other_sums_are_no_roundings() -> None:
    """What is asked of torch's own grids tells an entry apart that is a few units off."""
    turn = np.array([[0.8, 0.6, 0], [-0.6, 0.8, 0.25]], np.float32)
    assert_rounded(grid_of(turn, 53, 37), turn)
    for i, j in np.argwhere(turn):
        other = turn.copy()
        other[i, j] *= np.float32(1 + 2.0**-20)
        with pytest.raises(AssertionError):
            assert_rounded(grid_of(other, 53, 37), turn)
    # In half a float's precision, as accelerators multiply.
    coarse = grid_of(turn, 53, 37).astype(np.float16).astype(np.float32)
    with pytest.raises(AssertionError):
        assert_rounded(coarse, turn)


@pytest.mark.parametrize("order", ["fused", "plain", "backwards"])
def test_sums_in_any_order_are_roundings(order: str) -> None:
    """Those that MKL was seen to make, fused and not, and one from the other end."""
    turn = np.array([[0.8, 0.6, 0.1], [-0.6, 0.8, 0.25]], np.float32)
    y = (np.arange(37, dtype=np.float32) - np.float32(18))[:, None]
    x = np.arange(53, dtype=np.float32) - np.float32(26)
    axes = turn / np.array([[26.5], [18.5]], np.float32)
    sums = {
        "fused": grid_of(turn, 53, 37),
        "plain": np.stack([(x * a + y * b) + c for a, b, c in axes], axis=-1),
        "backwards": np.stack([x * a + (y * b + c) for a, b, c in axes], axis=-1),
    }
    assert (order == "fused") == np.array_equal(sums[order], sums["fused"])
    assert_rounded(sums[order], turn)


@pytest.mark.parametrize("interpolation", ["bicubic", "random", None])
def test_what_torchvision_does_not_read_tensors_by_is_pillows(interpolation: Any) -> None:
    row = Row((37, 53), "bicubic")
    for name in ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate"):
        levels = torchvision_levels(name, MIX_SPACE, 10, row, 2)
        made = [
            steps_drawn(make(name, levels, row, interpolation, 9, 2), row.size, 20)
            for make in (tensor_operation, lambda *given: torchvision_operation(*given[:-1]))
        ]
        assert made[0] == made[1]
        assert {step.op for steps in made[0] for step in steps} <= {"affine", "rotate"}


def test_tensors_are_not_read_bicubic() -> None:
    for step in (("tensor_rotate", (30, 1), "bicubic"), ("tensor_affine", (1,) * 7, "bicubic")):
        with pytest.raises(ValueError, match="bilinear or nearest"):
            fastinet.apply_steps(np.zeros((5, 9, 3), np.uint8), [step])


def test_the_pixels_are_the_same_on_every_machine() -> None:
    """A digest, since NumPy beside it may round in another way there."""
    rng = rng_of("tensors on machines")
    sha = hashlib.sha256()
    y, x, c = np.ogrid[0:61, 0:83, 0:3]
    pixels = ((x * (c + 3) + y * 5 + x * y // 7) % 256).astype(np.uint8)
    for op in TENSOR_STEPS:
        for step in steps_of(op, rng):
            sha.update(fastinet.apply_steps(pixels, [step]).tobytes())
    assert sha.hexdigest()[:16] == "9e67c0a435717b5b"

"""Do steps give Pillow's pixels, one by one and in chains, alone and behind a crop?"""

from __future__ import annotations

import hashlib
import platform
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support.comparing import jpeg, picture, rng_of

import fastinet
from fastinet.augment import STEP_ARGUMENTS, Sampling, Step
from fastinet.testing import reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from support.comparing import Rng

SAMPLINGS: tuple[Sampling, ...] = ("nearest", "bilinear", "bicubic")
SIZES = ((1, 1), (1, 5), (2, 2), (3, 3), (5, 3), (7, 300), (17, 16), (97, 33), (64, 64))

# Those that are something by themselves, and Pillow's.
SINGLE = [op for op in STEP_ARGUMENTS if not op.startswith(("mix_", "tensor_"))]

# Pillow's builds for arm64 may fuse products and sums.
EXACT = platform.machine() in ("x86_64", "AMD64")


def images(rng: Rng, height: int, width: int) -> Iterator[NDArray[np.uint8]]:
    """Noise, one colour, a picture, and few levels."""
    yield rng.integers(0, 256, (height, width, 3), np.uint8)
    yield np.full((height, width, 3), rng.integers(0, 256, 3), np.uint8)
    yield picture(rng, width, height)
    yield rng.integers(100, 120, (height, width, 3), np.uint8)


def some_of(op: str, rng: Rng) -> Iterator[Step]:
    """Steps of one kind: its ends, what changes nothing, and arguments in between."""

    def either(*values: float) -> float:
        return float(rng.choice(values))

    match op:
        case "brightness" | "contrast" | "saturation" | "sharpness":
            yield Step(op, (either(0, 1, rng.uniform(0, 2), rng.uniform(0, 9), 300),))
        case "hue":
            yield Step(op, (rng.uniform(-0.5, 0.5),))
        case "solarize":
            yield Step(op, (either(0, 128, 256, rng.uniform(0, 256)),))
        case "solarize_add":
            yield Step(op, (int(rng.integers(-255, 256)), int(rng.integers(0, 257))))
        case "posterize":
            yield Step(op, (int(rng.integers(0, 9)),))
        case "gaussian_blur":
            yield Step(op, (either(0, 0.1, rng.uniform(0, 2), rng.uniform(2, 8), 60),))
        case "affine" | "rotate":
            for sampling in SAMPLINGS:
                r, g, b = rng.integers(0, 256, 3).tolist()
                for arguments in matrices(rng) if op == "affine" else angles(rng):
                    yield Step(op, arguments, sampling, (r, g, b))
        case "rectangle":
            x, y, width, height = rng.integers(-20, 70, 4).tolist()
            yield Step(op, (x, y, max(width, 0), max(height, 0)), fill=(7, 80, 200))
            yield Step(op, (-(10**5), 1, 10**5 + 2, 10**6), fill=(255, 0, 1))
        case _:
            assert not STEP_ARGUMENTS[op]
            yield Step(op)


def angles(rng: Rng) -> Iterator[tuple[float]]:
    """Quarter turns, which move pixels; whole degrees; any."""
    yield (float(rng.choice([0, 90, 180, 270, -90, 360, 720])),)
    yield (float(rng.integers(-45, 46)),)
    yield (float(rng.uniform(-400, 400)),)


def matrices(rng: Rng) -> Iterator[tuple[float, ...]]:
    """Transforms along one axis, scalings, and others, far beyond the image too.

    Along one axis the core reads fewer pixels, and Pillow computes scalings in another way.
    """
    shear = rng.uniform(-1, 1)
    shift = float(rng.choice([rng.integers(-20, 20), rng.uniform(-20, 20)]))
    yield (1, shear, shift, 0, 1, 0)
    yield (1, 0, 0, shear, 1, shift)
    yield (1, 0, shift, 0, 1, 0)
    yield (1, 0, 0, 0, 1, shift)
    yield (rng.uniform(0.1, 3), 0, rng.uniform(-9, 9), 0, rng.uniform(-3, 3), rng.uniform(-9, 99))
    yield tuple((rng.uniform(-2, 2, 6) * (1, 1, 20, 1, 1, 20)).tolist())
    yield (rng.uniform(-300, 300), 1, 9, 1, 2, rng.uniform(-1e5, 1e5))


@pytest.mark.skipif(not EXACT, reason="Pillow's builds for this machine round in another way")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("op", [op for op in SINGLE if op != "kernel_blur"])
def test_a_step_gives_pillows_pixels(op: str, size: tuple[int, int]) -> None:
    rng = rng_of("steps", op, size)
    for pixels in images(rng, *size):
        before = pixels.copy()
        for step in some_of(op, rng):
            changed = fastinet.apply_steps(pixels, [step])
            assert np.array_equal(changed, reference.apply_steps(pixels, [step])), step
        assert np.array_equal(pixels, before)


def moves(rng: Rng, height: int, width: int) -> Iterator[tuple[float, ...]]:
    """Transforms along one axis, which go roads of their own, all the way out of the image.

    By whole pixels, all but whole ones and halves, too, where the last bit of a sum decides.
    """
    parts = (0.0, 0.5, 1e-9, 1 - 1e-16, -1e-13, rng.uniform(-1, 1))
    for side in (-1, 0, 0.3, 1):
        for part in parts:
            along = round(side * max(height, width)) + part
            yield (1, 0, along, 0, 1, 0)
            yield (1, 0, 0, 0, 1, along)
            yield (1, 0, along, 0, 1, -2)
    for shear in (-0.99, -0.3, -0.2, 1e-12, 0.1, 0.25, 0.3, rng.uniform(-1, 1), 2):
        shift = float(rng.choice([0, -0.5 * shear * height, rng.uniform(-9, 9)]))
        yield (1, shear, shift, 0, 1, 0)
        yield (1, 0, 0, shear, 1, shift)
        yield (1, shear, shift, 0, 1, 1)
        yield (1, 0, 3, shear, 1, shift)


@pytest.mark.skipif(not EXACT, reason="Pillow's builds for this machine round in another way")
@pytest.mark.parametrize("size", [*SIZES, (300, 31), (224, 224)])
def test_transforms_along_one_axis_give_pillows_pixels(size: tuple[int, int]) -> None:
    rng = rng_of("moves", size)
    for pixels in (picture(rng, size[1], size[0]), rng.integers(0, 256, (*size, 3), np.uint8)):
        for matrix in moves(rng, *size):
            for sampling in SAMPLINGS:
                r, g, b = rng.integers(0, 256, 3).tolist()
                step = Step("affine", matrix, sampling, (r, g, b))
                changed = fastinet.apply_steps(pixels, [step])
                assert np.array_equal(changed, reference.apply_steps(pixels, [step])), step


@pytest.mark.skipif(not EXACT, reason="Pillow's builds for this machine round in another way")
def test_rotations_give_pillows_pixels_where_values_lie_close_together() -> None:
    """Saturated areas and few levels, whose values between pixels are all but whole numbers."""
    rng = rng_of("rotations")
    noise = rng.integers(0, 2, (90, 110, 3), np.uint8)
    areas = np.kron(rng.integers(0, 2, (9, 11, 3), np.uint8), np.ones((10, 10, 1), np.uint8))
    for pixels in (noise * 255, 254 + noise, areas * 255, 200 + areas, picture(rng, 300, 224)):
        for degrees in (-135, -45, -17.5, 0.01, 30, 60, float(rng.uniform(-180, 180))):
            for sampling in SAMPLINGS:
                step = Step("rotate", (degrees,), sampling, (9, 8, 7))
                changed = fastinet.apply_steps(pixels, [step])
                assert np.array_equal(changed, reference.apply_steps(pixels, [step])), step


@pytest.mark.skipif(not EXACT, reason="Pillow's builds for this machine round in another way")
def test_a_chain_gives_pillows_pixels() -> None:
    """What is put into one table, and what comes between, in any order."""
    rng = rng_of("chains")
    kinds = [op for op in SINGLE if op != "kernel_blur"]
    for _ in range(150):
        height, width = rng.integers(1, 60, 2).tolist()
        for pixels in images(rng, height, width):
            chain = [next(some_of(op, rng)) for op in rng.choice(kinds, 5).tolist()]
            changed = fastinet.apply_steps(pixels, chain)
            assert np.array_equal(changed, reference.apply_steps(pixels, chain)), chain


@pytest.mark.skipif(not EXACT, reason="Pillow's builds for this machine round in another way")
def test_blurs_of_every_radius_give_pillows_pixels() -> None:
    """The core looks for weights in 16 bits, and finds them for most radii but not for all."""
    rng = rng_of("blurs")
    noise = rng.integers(0, 256, (70, 90, 3), np.uint8)
    for pixels in (noise, noise // 128 * 255, picture(rng, 90, 70)):
        for radius in (1e-3, *rng.uniform(0, 1.2, 60).tolist(), *rng.uniform(1, 4, 12).tolist()):
            step = Step("gaussian_blur", (radius,))
            changed = fastinet.apply_steps(pixels, [step])
            assert np.array_equal(changed, reference.apply_steps(pixels, [step])), step


def mixture(rng: Rng, chains: int) -> list[Step]:
    """Chains of up to three steps, with weights of one in all, and a share."""
    weights = np.float32(rng.dirichlet([1] * (chains + 1))).tolist()
    steps = [Step("mix_start", (float(rng.choice([0, weights[0]])),))]
    kinds = [op for op in SINGLE if op != "kernel_blur"]
    for weight in weights[1:]:
        ops = rng.choice(kinds, rng.integers(0, 4)).tolist()
        steps += [next(some_of(op, rng)) for op in ops]
        steps.append(Step("mix_chain", (weight,)))
    return [*steps, Step("mix_end", (float(rng.choice([0, 1, np.float32(rng.random())])),))]


@pytest.mark.skipif(not EXACT, reason="Pillow's builds for this machine round in another way")
def test_a_mixture_gives_the_pixels_of_numpy_and_pillow() -> None:
    rng = rng_of("mixtures")
    for number in range(60):
        height, width = rng.integers(1, 40, 2).tolist()
        for pixels in images(rng, height, width):
            around = [Step("invert"), *mixture(rng, number % 5 + 1), Step("solarize", (90,))]
            steps = [*around, *mixture(rng, 2)]
            changed = fastinet.apply_steps(pixels, steps)
            assert np.array_equal(changed, reference.apply_steps(pixels, steps)), steps


@pytest.mark.parametrize(
    ("ops", "message"),
    [
        (["mix_start"], "begins and does not end"),
        (["mix_chain"], "that has not begun"),
        (["mix_end"], "that has not begun"),
        (["mix_start", "mix_end", "mix_chain"], "that has not begun"),
        (["mix_start", "mix_start", "mix_end"], "begins within another one"),
    ],
)
def test_mixtures_begin_and_end_in_turn(ops: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fastinet.apply_steps(np.zeros((4, 4, 3), np.uint8), [Step(op, (0.5,)) for op in ops])


def test_a_blur_by_its_kernel_is_torchvisions_within_one_level() -> None:
    rng = rng_of("kernels")
    values = differences = 0
    kernels = ((1, 0.3, (1, 1)), (3, 0.1, (2, 5)), (9, 1.1, (64, 31)), (23, 2.0, (90, 80)))
    for taps, sigma, size in kernels:
        for pixels in images(rng, *size):
            changed = fastinet.apply_steps(pixels, [Step("kernel_blur", (taps, sigma))])
            wanted = reference.apply_steps(pixels, [Step("kernel_blur", (taps, sigma))])
            distance = np.abs(changed.astype(int) - wanted)
            assert distance.max() <= 1
            values, differences = values + distance.size, differences + np.count_nonzero(distance)
    assert differences <= 1e-4 * values


def test_steps_come_between_the_resize_and_the_normalisation() -> None:
    rng = rng_of("decode")
    data = jpeg(picture(rng, 120, 90), quality=90)
    box, size = (10, 5, 90, 70), (48, 64)
    rotation = Step("rotate", (12.0,), "bilinear", (9, 8, 7))
    steps = [rotation, Step("equalize"), Step("sharpness", (0.4,))]
    plain = fastinet.decode(data, box, size, flip=True)
    changed = fastinet.decode(data, box, size, flip=True, steps=steps)
    assert np.array_equal(changed, fastinet.apply_steps(plain, steps))
    normal = {"dtype": "float32", "layout": "NCHW", "mean": "imagenet", "std": "imagenet"}
    rows = fastinet.decode(data, box, size, flip=True, steps=steps, **normal)  # type: ignore[arg-type]
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    wanted = ((changed / 255 - mean) / std).transpose(2, 0, 1)
    assert np.abs(rows - wanted).max() < 1e-5


def test_an_image_without_pixels_stays_empty() -> None:
    empty = np.zeros((0, 5, 3), np.uint8)
    assert fastinet.apply_steps(empty, [Step("equalize")]).shape == (0, 5, 3)


@pytest.mark.parametrize(
    ("pixels", "error"),
    [
        (np.zeros((4, 4, 3), np.float32), TypeError),
        (np.zeros((4, 4), np.uint8), ValueError),
        (np.zeros((3, 4, 4), np.uint8), ValueError),
    ],
)
def test_pixels_of_another_kind_are_refused(
    pixels: NDArray[np.uint8], error: type[Exception]
) -> None:
    with pytest.raises(error, match="pixels must be"):
        fastinet.apply_steps(pixels, [])


def test_the_pixels_are_the_same_on_every_machine() -> None:
    """A digest, since Pillow beside it may be another one there."""
    rng = rng_of("machines")
    sha = hashlib.sha256()
    y, x, c = np.ogrid[0:61, 0:83, 0:3]
    pixels = ((x * (c + 3) + y * 5 + x * y // 7) % 256).astype(np.uint8)
    for op in SINGLE[:-1]:  # the rectangle came later
        steps = some_of(op, rng) if op != "kernel_blur" else iter([Step(op, (9, 0.7))])
        for step in steps:
            sha.update(fastinet.apply_steps(pixels, [step]).tobytes())
    assert sha.hexdigest()[:16] == "022090f5a3fd952d"
    for chain in (list(some_of("rectangle", rng)), *(mixture(rng, 3) for _ in range(5))):
        sha.update(fastinet.apply_steps(pixels, chain).tobytes())
    assert sha.hexdigest()[:16] == "92a47c493ab5fb7a"

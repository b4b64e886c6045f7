"""Do operations at magnitudes from 0 to 10 give timm's pixels?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest
from PIL import Image
from support.comparing import picture, rng_of
from support.drawing import assert_drawn_like, steps_drawn

import fastinet
from fastinet.augment import Step
from fastinet.augment.operation import Row
from fastinet.augment.scaled_operations import (
    AUGMIX_RULES,
    TIMM_RULES,
    Magnitude,
    Rules,
    scaled_operation,
)
from fastinet.testing.policies import TIMM_NAMES, timm_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIZE = (37, 53)
FILL = (124, 116, 104)
ROW = Row(SIZE, "bilinear")
GEOMETRIC = ("Rotate", "ShearX", "ShearY", "TranslateX", "TranslateY")
LEVELS = (0.0, 0.7, 1.0, 2.4, 2.5, 5.0, 6.3, 7.25, 9.0, 9.999, 10.0)


def samplings(name: str) -> Iterator[Literal["nearest", "bilinear", "bicubic"]]:
    yield "bilinear"
    if name in GEOMETRIC:
        yield "nearest"
        yield "bicubic"


def ours(name: str, level: float, sampling: str, pixels: np.ndarray) -> set[bytes]:
    """Every image that is drawn at a magnitude: two, where it has a sign."""
    operation = scaled_operation(
        name,
        Magnitude(level),
        TIMM_RULES,
        ROW,
        sampling,  # type: ignore[arg-type]
        FILL,
    )
    return {
        fastinet.apply_steps(pixels, steps).tobytes()
        for steps in set(steps_drawn(operation, SIZE, 16))
    }


@pytest.mark.parametrize("name", TIMM_NAMES)
def test_magnitudes_give_the_pixels_of_the_formula(name: str) -> None:
    pixels = picture(rng_of("timm", name), SIZE[1], SIZE[0])
    image = Image.fromarray(pixels)
    levels = (*LEVELS, 11.0, 17.0, 30.0)  # mmax lets them by
    for sampling in samplings(name):
        for level in levels:
            expected = {
                np.asarray(timm_image(image, name, level, sign, sampling, FILL)).tobytes()
                for sign in (1, -1)
            }
            assert ours(name, level, sampling, pixels) == expected, (sampling, level)


@pytest.mark.parametrize("name", TIMM_NAMES)
def test_magnitudes_give_timms_pixels(name: str) -> None:
    timm = pytest.importorskip("timm.data.auto_augment")
    pixels = picture(rng_of("timm", name), SIZE[1], SIZE[0])
    image = Image.fromarray(pixels)
    theirs = f"{name}Rel" if name.startswith("Translate") else name
    for sampling in samplings(name):
        resample = Image.Resampling[sampling.upper()]
        hparams = {"img_mean": FILL, "interpolation": resample, "magnitude_max": 30}
        for level in LEVELS:
            operation = timm.AugmentOp(theirs, 1.0, level, hparams)
            try:
                expected = {np.asarray(operation(image)).tobytes() for _ in range(24)}
            except ValueError:  # of Pillow 13, for 0 bits
                assert name.startswith("Posterize")
                expected = {bytes(pixels.size)}
            assert ours(name, level, sampling, pixels) == expected, (sampling, level)


def drawn_levels(magnitude: Magnitude, items: int = 4000) -> np.ndarray:
    """What magnitudes are drawn, read off how strongly an image is sheared."""
    operation = scaled_operation("ShearX", magnitude, TIMM_RULES, ROW, "nearest", 0)
    drawn = steps_drawn(operation, SIZE, items)
    signs = [math.copysign(1, step.arguments[1]) for (step,) in drawn if step.arguments[1]]
    assert_drawn_like(signs, {1.0: 0.5, -1.0: 0.5})
    return np.array([abs(step.arguments[1]) / 0.3 * 10 for (step,) in drawn])


def assert_kolmogorov_smirnov(levels: np.ndarray, distribution: Callable[[float], float]) -> None:
    ordered = np.sort(levels)
    expected = np.array([distribution(level) for level in ordered])
    ranks = np.arange(len(ordered)) / len(ordered)
    assert np.abs(ranks - expected).max() < 1.95 / math.sqrt(len(ordered))  # 1 in 1000


def test_magnitudes_with_a_deviation_are_normal_and_cut() -> None:
    levels = drawn_levels(Magnitude(9, 0.5, 10))
    assert levels.max() == pytest.approx(10)
    assert abs((levels > 9.9999).mean() - 0.02275) < 5 * math.sqrt(0.02275 / len(levels))

    def below(level: float) -> float:
        return 0.5 * (1 + math.erf((level - 9) / 0.5 / math.sqrt(2)))

    assert_kolmogorov_smirnov(levels[levels < 9.9999], lambda level: below(level) / below(10))


@pytest.mark.parametrize("most", [10.0, 2.0])
def test_magnitudes_of_infinite_deviation_are_uniform_and_cut(most: float) -> None:
    levels = drawn_levels(Magnitude(3, math.inf, most))
    assert levels.max() <= most + 1e-9
    assert_kolmogorov_smirnov(levels[levels < most - 1e-9], lambda level: level / min(3, most))
    assert abs((levels > 1.999999).mean() - 1 / 3) < 0.04


def test_magnitudes_are_cut_without_a_deviation_too() -> None:
    assert set(drawn_levels(Magnitude(15, most=10), 50).round(9)) == {10}
    assert set(drawn_levels(Magnitude(15), 50).round(9)) == {15}


def test_translations_are_shares_or_pixels() -> None:
    pixels = Rules(100.0, translate_in_pixels=True)
    for rules, shift in ((TIMM_RULES, 0.45 * 53), (AUGMIX_RULES, 0.3 * 53), (pixels, 100)):
        operation = scaled_operation("TranslateX", Magnitude(10), rules, ROW, "nearest", 0)
        drawn = {step.arguments for (step,) in steps_drawn(operation, SIZE, 20)}
        assert {round(arguments[2], 9) for arguments in drawn} == {
            round(shift, 9),
            -round(shift, 9),
        }


def test_cutout_is_a_square_about_any_pixel() -> None:
    rules = Rules(0.0, cutout=40.0)
    operation = scaled_operation("Cutout", Magnitude(9), rules, ROW, "nearest", 128)
    drawn = steps_drawn(operation, SIZE, 12_000)
    assert {step.arguments[2:] for (step,) in drawn} == {(72, 72)}
    for side, axis in ((53, 0), (37, 1)):
        corners = [step.arguments[axis] + 36 for (step,) in drawn]
        assert_drawn_like(corners, {float(centre): 1 / side for centre in range(side)})
    assert drawn[0][0].fill == (128, 128, 128)


def test_a_blur_of_any_radius() -> None:
    magnitude = Magnitude(10.0, most=10.0)
    operation = scaled_operation("GaussianBlurRand", magnitude, TIMM_RULES, ROW, None, 0)
    radii = np.array([step.arguments[0] for (step,) in steps_drawn(operation, SIZE, 3000)])
    assert_kolmogorov_smirnov(radii, lambda radius: (radius - 0.1) / 1.9)


def test_probabilities_hold() -> None:
    operation = scaled_operation("Invert", Magnitude(0), TIMM_RULES, ROW, None, 0, p=0.3)
    assert_drawn_like(steps_drawn(operation, SIZE, 4000), {(): 0.7, (Step("invert"),): 0.3})


@pytest.mark.parametrize("name", ["Cut", "GaussianBlurRand", "PosterizeIncreasingIncreasing"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="there is no operation"):
        scaled_operation(name, Magnitude(3), TIMM_RULES, ROW, None, 0)

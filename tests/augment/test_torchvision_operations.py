"""Do operations at torchvision's magnitudes give torchvision's pixels?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest
from PIL import Image
from support.comparing import picture, rng_of
from support.drawing import steps_drawn

import fastinet
from fastinet.augment.operation import Row
from fastinet.augment.torchvision_operations import (
    RAND_SPACE,
    WIDE_SPACE,
    Space,
    check_version,
    torchvision_levels,
    torchvision_operation,
)
from fastinet.testing.policies import TORCHVISION_NAMES, torchvision_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

SIZE = (37, 53)
FILL = (9, 90, 200)
GEOMETRIC = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")
SIGNED = (*GEOMETRIC, "Brightness", "Color", "Contrast", "Sharpness")
SPACES = [pytest.param(RAND_SPACE, id="rand"), pytest.param(WIDE_SPACE, id="wide")]


def compare(
    name: str,
    space: Space,
    version: int,
    sampling: Literal["nearest", "bilinear", "bicubic"],
    theirs: Callable[[Image.Image, str, float], Image.Image],
    every: int = 1,
) -> None:
    """Each magnitude, with both signs where it has one, against `theirs`."""
    row = Row(SIZE, "bilinear")
    pixels = picture(rng_of("policies", name), SIZE[1], SIZE[0])
    levels = torchvision_levels(name, space, 31, row, version) or (0.0,)
    for level in levels[::every]:
        operation = torchvision_operation(name, (level,), row, sampling, FILL)
        drawn = set(steps_drawn(operation, SIZE, 12))
        ours = {fastinet.apply_steps(pixels, steps).tobytes() for steps in drawn}
        signs = (1, -1) if name in SIGNED else (1,)
        expected = {
            np.asarray(theirs(Image.fromarray(pixels), name, sign * level)).tobytes()
            for sign in signs
        }
        assert ours == expected, (name, level)


def samplings(name: str) -> Iterator[Literal["nearest", "bilinear", "bicubic"]]:
    yield "bilinear"
    if name in GEOMETRIC:
        yield "nearest"
        yield "bicubic"


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("name", TORCHVISION_NAMES)
def test_every_magnitude_gives_the_pixels_of_the_formula(name: str, space: Space) -> None:
    for sampling in samplings(name):
        compare(
            name,
            space,
            2,
            sampling,
            lambda image, op, level, how=sampling: torchvision_image(image, op, level, how, FILL),
        )


def torchvisions(version: int, sampling: str) -> Callable[[Image.Image, str, float], Image.Image]:
    """What torchvision itself makes of an image, by name and magnitude."""
    autoaugment = pytest.importorskip("torchvision.transforms.autoaugment")
    v2 = pytest.importorskip("torchvision.transforms.v2")
    mode = autoaugment.InterpolationMode(sampling)
    policy = v2.RandAugment(interpolation=mode, fill=FILL)

    def changed(image: Image.Image, op: str, level: float) -> Image.Image:
        if version == 1:
            return autoaugment._apply_op(image, op, level, mode, list(FILL))
        level = level / 255.0 if op == "Solarize" else level
        return policy._apply_image_or_video_transform(image, op, level, mode, policy._fill)

    return changed


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("name", TORCHVISION_NAMES)
def test_every_magnitude_gives_torchvisions_pixels(name: str, version: int) -> None:
    for sampling in samplings(name):
        for space in (RAND_SPACE, WIDE_SPACE):
            theirs = torchvisions(version, sampling)
            compare(name, space, version, sampling, theirs, every=3)


@pytest.mark.parametrize("version", [1, 2])
def test_magnitudes_are_torchvisions(version: int) -> None:
    transforms = pytest.importorskip("torchvision.transforms")
    v2 = pytest.importorskip("torchvision.transforms.v2")
    for space, policy in ((RAND_SPACE, "RandAugment"), (WIDE_SPACE, "TrivialAugmentWide")):
        for bins in (10, 31):
            row = Row((224, 176), "bilinear")
            for name in space.names:
                levels = torchvision_levels(name, space, bins, row, version)
                if version == 2:
                    magnitudes_of, _ = getattr(v2, policy)._AUGMENTATION_SPACE[name]
                    given = magnitudes_of(bins, *row.size)
                    expected = [] if given is None else [float(level) for level in given]
                    if name == "Solarize":
                        expected = [255.0 * level for level in expected]
                else:
                    sizes = () if policy == "TrivialAugmentWide" else (row.size,)
                    table = getattr(transforms, policy)()._augmentation_space(bins, *sizes)
                    given, _ = table[name]
                    expected = [float(level) for level in given] if given.ndim else []
                assert list(levels) == expected, (policy, bins, name)


def test_thresholds_of_the_two_versions_differ_by_one_value() -> None:
    row = Row(SIZE, "bilinear")
    tables: list[NDArray[np.int64]] = []
    for version in (1, 2):
        thresholds = torchvision_levels("Solarize", RAND_SPACE, 31, row, version)
        tables.append(np.ceil(thresholds).astype(np.int64))
    differing = np.flatnonzero(tables[0] != tables[1])
    assert set(differing) <= {2, 4, 6, 8, *range(16, 29, 2)}
    assert 2 in differing
    assert 9 not in differing


@pytest.mark.parametrize("version", [0, 3, "2"])
def test_other_versions_are_refused(version: int) -> None:
    with pytest.raises(ValueError, match="version must be 1"):
        check_version(version)

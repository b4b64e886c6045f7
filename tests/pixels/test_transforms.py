"""Descriptions of transforms and outputs: what they accept, and what they say to the rest."""

from __future__ import annotations

import dataclasses
import enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fastinet import CenterCrop, RandomCrop, RandomResizedCrop, Resize, SameCrop, decode
from fastinet.augment import AugMix, AutoAugment, RandAugment, TrivialAugmentWide
from fastinet.base.cpus import available_cpus
from fastinet.pixels.output import OutputFormat
from fastinet.testing.small import small_jpeg


def test_defaults_are_those_of_torchvisions_recipes() -> None:
    crop = RandomResizedCrop(224)
    assert (crop.scale, crop.ratio, crop.hflip) == ((0.08, 1.0), (3 / 4, 4 / 3), 0.5)
    assert crop.interpolation == "bilinear"
    assert CenterCrop(224) == CenterCrop(size=224, resize=256, interpolation="bilinear")


def test_transforms_are_values() -> None:
    assert RandomResizedCrop(np.int64(176)) == RandomResizedCrop(176)  # type: ignore[arg-type]
    assert {Resize(8): 1}[Resize(8)] == 1
    assert eval(repr(CenterCrop((3, 5), resize=None))) == CenterCrop((3, 5), None)  # noqa: S307
    with pytest.raises(dataclasses.FrozenInstanceError):
        Resize(8).size = 9  # type: ignore[misc]


@pytest.mark.parametrize("size", [(3, 5), [3, 5], np.array([3, 5])])
def test_a_pair_is_height_and_width(size: Any) -> None:
    assert Resize(size).native()["size"] == (3, 5)
    assert Resize(4).native()["size"] == (4, 4)


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (RandomResizedCrop, {"size": 0}, "size must be 1 to 16384 pixels, not 0"),
        (RandomResizedCrop, {"size": 2.5}, "size must be a whole number of pixels, not 2.5"),
        (RandomResizedCrop, {"size": (1, 2, 3)}, r"size must be .* not \(1, 2, 3\)"),
        (RandomResizedCrop, {"size": (3, "x")}, "whole number of pixels, not 'x'"),
        (RandomResizedCrop, {"scale": (0, 1)}, r"scale must satisfy .* not \(0, 1\)"),
        (RandomResizedCrop, {"scale": (0.5, 1.5)}, r"<= 1, not \(0.5, 1.5\)"),
        (RandomResizedCrop, {"scale": 0.5}, r"scale must be \(low, high\), not 0.5"),
        (RandomResizedCrop, {"ratio": (2, 1)}, r"ratio must satisfy .* not \(2, 1\)"),
        (RandomResizedCrop, {"ratio": (1, float("inf"))}, "ratio must satisfy"),
        (RandomResizedCrop, {"hflip": 1.5}, "hflip must be a probability, 0 to 1, not 1.5"),
        (RandomResizedCrop, {"interpolation": "box"}, "or \"random\", not 'box'"),
        (CenterCrop, {"resize": 0}, "resize must be 1 to 16384 pixels, not 0"),
        (CenterCrop, {"interpolation": ""}, "interpolation must be"),
        (Resize, {"size": -3}, "not -3"),
    ],
)
def test_nonsense_is_refused_by_name(kind: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind(**arguments)


def test_scale_and_bias_are_those_of_totensor_and_normalize() -> None:
    output = OutputFormat("float32", mean="imagenet", std=(0.2, 0.3, 0.4)).native()
    pixel = np.arange(256)[:, None]
    got = pixel * output["pixel_scale"] + output["pixel_bias"]
    wanted = (pixel / 255 - (0.485, 0.456, 0.406)) / (0.2, 0.3, 0.4)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-12)
    plain = OutputFormat("float16").native()
    assert plain["pixel_scale"] == [1 / 255] * 3
    assert plain["pixel_bias"] == [0] * 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dtype": "float64"}, "not 'float64'"),
        ({"layout": "NHCW"}, "not 'NHCW'"),
        ({"dtype": "float32", "mean": (0, 0, 0)}, "give both mean and std"),
        ({"mean": "imagenet", "std": "imagenet"}, 'not dtype="uint8"'),
        ({"dtype": "float32", "mean": "cifar", "std": "imagenet"}, "not 'cifar'"),
        ({"dtype": "float32", "mean": (0, 0), "std": (1, 1, 1)}, r"mean must be .* not \(0, 0\)"),
        ({"dtype": "float32", "mean": (0, 0, 0), "std": (1, 0, 1)}, "std must be positive"),
        ({"dtype": "float32", "mean": "0.5", "std": 0.5}, "mean must be three numbers"),
    ],
)
def test_output_formats_that_make_no_sense(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OutputFormat(**arguments)


def test_arrays_are_fine_as_mean_and_std() -> None:
    output = OutputFormat("float32", mean=np.zeros(3), std=np.ones(3))  # type: ignore[arg-type]
    assert output.mean == (0, 0, 0)


def test_some_cpu_is_available() -> None:
    assert 1 <= available_cpus() <= 4096


@pytest.mark.parametrize(
    ("files", "granted"),
    [
        ({"cpu.max": "max 100000"}, float("inf")),
        ({"cpu.max": "150000 100000"}, 1.5),
        ({"cpu.max": "garbage"}, float("inf")),
        ({}, float("inf")),
    ],
)
def test_limits_of_control_groups(tmp_path: Path, files: dict[str, str], granted: float) -> None:
    from fastinet.base.cpus import _version_2_cpus

    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert _version_2_cpus(tmp_path) == granted


class _Other(enum.Enum):
    """Named as torchvision's InterpolationMode and Pillow's Resampling are."""

    BICUBIC = "bicubic"
    NEAREST_EXACT = "nearest-exact"


@pytest.mark.parametrize("constant", [_Other.BICUBIC, Image.Resampling.BICUBIC])
def test_other_libraries_constants_are_interpolations(constant: Any) -> None:
    for make in (RandomResizedCrop, RandomCrop, CenterCrop, Resize):
        assert make(32, interpolation=constant) == make(32, interpolation="bicubic")
    assert SameCrop(interpolation=constant).interpolation == "bicubic"
    for operation in (RandAugment, TrivialAugmentWide, AugMix, AutoAugment):
        assert operation(interpolation=constant).interpolation == "bicubic"
    jpeg = small_jpeg(np.random.default_rng(0))
    rows = [decode(jpeg, size=16, interpolation=each) for each in (constant, "bicubic", "bilinear")]
    assert np.array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[1], rows[2])


@pytest.mark.parametrize("constant", [_Other.NEAREST_EXACT, Image.Resampling.HAMMING, 3])
def test_what_the_core_lacks_is_refused(constant: Any) -> None:
    with pytest.raises(ValueError, match="interpolation must be"):
        Resize(32, interpolation=constant)
    with pytest.raises(ValueError, match="interpolation must be"):
        RandAugment(interpolation=constant)


@pytest.mark.parametrize("make", [RandomResizedCrop, RandomCrop, CenterCrop, Resize])
def test_antialias_is_answered(make: Any) -> None:
    with pytest.raises(TypeError, match=f"{make.__name__} has no antialias=: every resize is"):
        make(32, antialias=True)

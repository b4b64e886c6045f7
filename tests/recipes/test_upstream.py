"""Recipes against the objects of torchvision and timm that their authors make, where installed.

Each upstream transform is taken apart and written down in fastinet's descriptions, which must be
those of the recipe. Runs with any torchvision whose torch it is, as test_torchvision.py does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

import fastinet
from fastinet import RandomCrop
from fastinet.augment import (
    AutoAugment,
    ColorJitter,
    GaussianBlur,
    Grayscale,
    OneOf,
    RandAugment,
    RandomErasing,
    Solarize,
    ThreeAugment,
    TrivialAugmentWide,
)
from fastinet.pixels.view_groups import groups_of
from fastinet.testing.upstream_recipes import (
    UPSTREAM,
    PillowBlur,
    UpstreamView,
    upstream_rows,
    upstream_views,
)

torch = pytest.importorskip("torch")
try:
    pytest.importorskip("torchvision", exc_type=ImportError)
except RuntimeError as error:  # "operator torchvision::nms does not exist"
    pytest.skip(f"torchvision is of another torch: {error}", allow_module_level=True)
pytest.importorskip("timm")

from torchvision import transforms as v1  # noqa: E402

NAMES = [name for name in fastinet.recipes.names() if name in UPSTREAM]
TENSORS = ("ToTensor", "MaybeToTensor", "PILToTensor", "ConvertImageDtype")
Said = dict[str, Any]


def view_of(upstream: UpstreamView) -> Said:
    """An upstream transform in fastinet's words: arguments of the transform, mean and std."""
    said: Said = {"augment": [], "erase": None, "hflip": 0.0, "count": upstream.count}
    for made in (upstream.crop, upstream.transform):
        for part in getattr(made, "transforms", ()):
            take(part, said)
    return said


def take(part: Any, said: Said) -> None:
    """Notes what one transform of a Compose does."""
    kind = type(part).__name__
    if kind in ("RandomResizedCrop", "RandomResizedCropAndInterpolation"):
        said["size"] = tuple(part.size)
        said["scale"], said["ratio"] = tuple(part.scale), tuple(part.ratio)
        said["interpolation"] = interpolation_of(part.interpolation)
    elif kind == "Resize":
        said["resize"], said["interpolation"] = part.size, interpolation_of(part.interpolation)
    elif kind == "RandomCrop":
        said["size"] = tuple(part.size)
        said["padding"], said["padding_mode"] = part.padding, part.padding_mode
    elif kind == "RandomHorizontalFlip":
        said["hflip"] = part.p
    elif kind == "Normalize":
        said["mean"], said["std"] = (tuple(map(float, each)) for each in (part.mean, part.std))
    elif kind == "RandomErasing":
        said["erase"] = erasing_of(part)
    elif kind not in TENSORS:
        said["augment"] += operations_of(part, said.get("interpolation", ""))


def operations_of(part: Any, interpolation: str, p: float = 1.0) -> list[Any]:
    """What happens to a crop that was resized with this interpolation, as operations."""
    kind, module = type(part).__name__, type(part).__module__.partition(".")[0]
    if kind == "RandomApply":
        return [made for each in part.transforms for made in operations_of(each, "", part.p)]
    if kind == "RandomChoice":
        return [OneOf([made for each in part.transforms for made in operations_of(each, "")])]
    if module == "timm":
        return [timm_policy_of(part, interpolation)]
    if kind in ("RandAugment", "TrivialAugmentWide", "AutoAugment"):
        return [torchvision_policy_of(part)]
    if kind == "ColorJitter":
        return [jitter_of(part, p)]
    if kind in ("RandomGrayscale", "Grayscale"):
        return [Grayscale(p=getattr(part, "p", 1.0))]
    if kind == "RandomSolarize":
        return [Solarize(part.threshold, p=part.p)]
    if isinstance(part, PillowBlur):
        return [GaussianBlur(part.sigma, p=p)]
    if kind == "GaussianBlur":
        return [GaussianBlur(tuple(part.sigma), p=p, kernel=part.kernel_size[0])]
    raise NotImplementedError(f"no words for {part!r}")


def interpolation_of(given: Any) -> str:
    """As fastinet calls it; timm's "random" is a pair."""
    return "random" if isinstance(given, tuple) else str(getattr(given, "value", given))


def jitter_of(part: Any, p: float) -> ColorJitter:
    factors = []
    for name, middle in (("brightness", 1), ("contrast", 1), ("saturation", 1), ("hue", 0)):
        bounds = getattr(part, name)
        factors.append(0.0 if bounds is None else round(float(bounds[1]) - middle, 9))
    return ColorJitter(*factors, p=p)


def torchvision_policy_of(part: Any) -> Any:
    """A policy of torchvision.transforms, whose version is 1."""
    common = {"interpolation": interpolation_of(part.interpolation), "fill": part.fill or 0}
    if isinstance(part, v1.RandAugment):
        bins = part.num_magnitude_bins
        return RandAugment(part.num_ops, part.magnitude, bins, version=1, **common)
    if isinstance(part, v1.AutoAugment):
        return AutoAugment(part.policy.value, version=1, **common)
    return TrivialAugmentWide(part.num_magnitude_bins, version=1, **common)


def timm_policy_of(part: Any, interpolation: str) -> Any:
    """Timm's RandAugment as the string that it was made of; its operations read as the crop did."""
    assert type(part).__name__ == "RandAugment", "no words for others"
    (magnitude,), (deviation,), (most,), (p,) = (
        {getattr(each, name) for each in part.ops}
        for name in ("magnitude", "magnitude_std", "magnitude_max", "prob")
    )
    rotate = next(each for each in part.ops if each.name == "Rotate")
    resample = rotate.kwargs["resample"]
    reads = "random" if isinstance(resample, tuple) else Image.Resampling(resample).name.lower()
    assert (reads, rotate.kwargs["fillcolor"]) == (interpolation, (124, 116, 104))
    assert (most, p, part.choice_weights) == (None, 0.5, None)
    config = f"rand-m{magnitude:g}"
    config += f"-n{part.num_layers}" * (part.num_layers != 2) + f"-mstd{deviation:g}"
    config += "-inc1" * any("Increasing" in each.name for each in part.ops)
    return RandAugment.timm(config)


def erasing_of(part: Any) -> RandomErasing:
    if type(part).__module__.startswith("torchvision"):
        return RandomErasing(part.p, tuple(part.scale), tuple(part.ratio), part.value)
    low, high = np.exp(part.log_aspect_ratio).tolist()
    assert (part.min_count, part.num_splits) == (1, 0)
    return RandomErasing.timm(
        part.probability,
        part.mode,
        part.max_count,
        min_area=part.min_area,
        max_area=part.max_area,
        min_aspect=round(low, 9),
        max_aspect=None if np.isclose(low * high, 1) else high,
    )


def said_by(recipe: fastinet.recipes.Recipe) -> list[Said]:
    """A recipe in the same words."""
    found = []
    for group in groups_of(recipe.train):
        transform: Any = group.transform
        size = transform.native()["size"]
        said = {"size": size, "count": group.count, "mean": recipe.mean, "std": recipe.std}
        own = ("resize", "padding", "padding_mode")
        names = own if isinstance(transform, RandomCrop) else ("scale", "ratio")
        for name in (*names, "interpolation", "hflip", "erase"):
            said[name] = getattr(transform, name)
        said["augment"] = [made for each in transform.augment for made in plain(each)]
        found.append(said)
    return found


def plain(operation: Any) -> list[Any]:
    """An operation said in one way: 3-Augment by its parts, and no jitter of hue as 0."""
    if isinstance(operation, ThreeAugment):
        one = OneOf([Grayscale(), Solarize(128), GaussianBlur((0.1, 2.0))])
        return [one, *plain(ColorJitter(*(operation.jitter,) * 3))]
    if isinstance(operation, ColorJitter):
        parts: Any = (
            operation.brightness,
            operation.contrast,
            operation.saturation,
            operation.hue,
        )
        return [ColorJitter(*(float(part or 0) for part in parts), p=operation.p)]
    return [operation]


@pytest.mark.parametrize("name", NAMES)
def test_recipes_say_what_their_authors_transforms_do(name: str) -> None:
    upstream = [view_of(view) for view in upstream_views(name)]
    ours = said_by(fastinet.recipe(name))
    assert len(ours) == len(upstream)
    for own, other in zip(ours, upstream, strict=True):
        assert own.keys() == other.keys()
        for what, value in own.items():
            if what in ("mean", "std"):
                assert np.allclose(value, other[what], atol=1e-7), what
            else:
                assert repr(value) == repr(other[what]), what


@pytest.mark.parametrize("name", NAMES)
def test_upstream_transforms_give_rows_of_the_recipes_size(name: str) -> None:
    image = Image.fromarray(np.full((60, 50, 3), 100, np.uint8))
    views = upstream_views(name)
    sizes = [own["size"] for own in said_by(fastinet.recipe(name)) for _ in range(own["count"])]
    for row, size in zip(upstream_rows(views, image), sizes, strict=True):
        assert tuple(row.shape) == (3, *size)
        assert row.dtype == torch.float32


def test_an_unknown_transform_is_noticed() -> None:
    with pytest.raises(NotImplementedError, match="no words for RandomPerspective"):
        view_of(UpstreamView(v1.Compose([v1.RandomPerspective()])))

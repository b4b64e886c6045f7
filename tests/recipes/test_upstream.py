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
from fastinet import RandomResizedCrop
from fastinet.augment import ColorJitter, GaussianBlur, Grayscale, Solarize
from fastinet.pixels.transforms import groups_of
from fastinet.testing.upstream_recipes import UPSTREAM, PillowBlur, UpstreamView, upstream_views

torch = pytest.importorskip("torch")
try:
    pytest.importorskip("torchvision", exc_type=ImportError)
except RuntimeError as error:  # "operator torchvision::nms does not exist"
    pytest.skip(f"torchvision is of another torch: {error}", allow_module_level=True)
pytest.importorskip("timm")

from torchvision import transforms as v1  # noqa: E402

NAMES = [name for name in fastinet.recipes.names() if name in UPSTREAM]


def view_of(upstream: UpstreamView) -> dict[str, Any]:
    """An upstream transform in fastinet's words: arguments of the transform, mean and std."""
    said: dict[str, Any] = {"augment": [], "hflip": 0.0, "count": upstream.count}
    for part in upstream.transform.transforms:  # type: ignore[attr-defined]
        take(part, said)
    return said


def take(part: Any, said: dict[str, Any], p: float = 1.0) -> None:
    """Notes what one transform of a Compose does."""
    kind = type(part).__name__
    if kind in ("RandomResizedCrop", "RandomResizedCropAndInterpolation"):
        said["size"] = tuple(part.size)
        said["scale"], said["ratio"] = tuple(part.scale), tuple(part.ratio)
        said["interpolation"] = interpolation_of(part.interpolation)
    elif kind == "RandomHorizontalFlip":
        said["hflip"] = part.p
    elif kind == "Normalize":
        said["mean"], said["std"] = (tuple(map(float, each)) for each in (part.mean, part.std))
    elif kind == "RandomApply":
        for each in part.transforms:
            take(each, said, part.p)
    elif kind == "ColorJitter":
        said["augment"].append(jitter_of(part, p))
    elif kind in ("RandomGrayscale", "Grayscale"):
        said["augment"].append(Grayscale(p=getattr(part, "p", 1.0)))
    elif kind == "RandomSolarize":
        said["augment"].append(Solarize(part.threshold, p=part.p))
    elif isinstance(part, PillowBlur):
        said["augment"].append(GaussianBlur(part.sigma, p=p))
    elif kind == "GaussianBlur":
        said["augment"].append(GaussianBlur(tuple(part.sigma), p=p, kernel=part.kernel_size[0]))
    elif kind not in ("ToTensor", "MaybeToTensor", "PILToTensor", "ConvertImageDtype"):
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


def said_by(recipe: fastinet.recipes.Recipe) -> list[dict[str, Any]]:
    """A recipe in the same words."""
    return [
        {
            "size": transform.native()["size"],
            "scale": transform.scale,
            "ratio": transform.ratio,
            "interpolation": transform.interpolation,
            "hflip": transform.hflip,
            "augment": [plain(operation) for operation in transform.augment],
            "count": group.count,
            "mean": recipe.mean,
            "std": recipe.std,
        }
        for group in groups_of(recipe.train)
        if isinstance(transform := group.transform, RandomResizedCrop)
    ]


def plain(operation: Any) -> Any:
    """An operation with "no jitter of hue" said in one way."""
    if isinstance(operation, ColorJitter):
        parts = (operation.brightness, operation.contrast, operation.saturation, operation.hue)
        return ColorJitter(*(float(part or 0) for part in parts), p=operation.p)  # type: ignore[arg-type]
    return operation


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
                assert value == other[what], what


@pytest.mark.parametrize("name", NAMES)
def test_upstream_transforms_give_rows_of_the_recipes_size(name: str) -> None:
    image = Image.fromarray(np.zeros((60, 50, 3), np.uint8))
    for view, own in zip(upstream_views(name), said_by(fastinet.recipe(name)), strict=True):
        row = view.transform(image)
        assert tuple(row.shape) == (3, *own["size"])
        assert row.dtype == torch.float32


def test_an_unknown_transform_is_noticed() -> None:
    with pytest.raises(NotImplementedError, match="no words for RandomPerspective"):
        view_of(UpstreamView(v1.Compose([v1.RandomPerspective()])))

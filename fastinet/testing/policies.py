"""Policies of other packages, restated in Pillow: one operation at a time, by its name there.

The oracle of the policies in ``fastinet.augment``: what is drawn by name and magnitude becomes an
image here by the formulas that torchvision and timm use, without ``Step``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from PIL import Image, ImageEnhance, ImageFilter, ImageOps

__all__ = ["TIMM_NAMES", "TORCHVISION_NAMES", "timm_image", "torchvision_image"]

_SAMPLINGS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
_PLAIN: Final[dict[str, Callable[[Image.Image], Image.Image]]] = {
    "Identity": lambda image: image,
    "AutoContrast": ImageOps.autocontrast,
    "Equalize": ImageOps.equalize,
    "Invert": ImageOps.invert,
}
_ENHANCERS = {
    "Brightness": ImageEnhance.Brightness,
    "Color": ImageEnhance.Color,
    "Contrast": ImageEnhance.Contrast,
    "Sharpness": ImageEnhance.Sharpness,
}

TORCHVISION_NAMES: Final = (
    *_PLAIN,
    *_ENHANCERS,
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
    "Rotate",
    "Posterize",
    "Solarize",
)
"""Every operation of torchvision's policies."""


def _inverse_affine_matrix(
    centre: Sequence[float], translate: Sequence[float], shear_degrees: Sequence[float]
) -> list[float]:
    """The matrix that torchvision makes of an affine transform without rotation and scaling."""
    sx, sy = (math.radians(angle) for angle in shear_degrees)
    (cx, cy), (tx, ty) = centre, translate
    a = math.cos(-sy) / math.cos(sy)
    b = -math.cos(-sy) * math.tan(sx) / math.cos(sy)
    c = math.sin(-sy) / math.cos(sy)
    d = -math.sin(-sy) * math.tan(sx) / math.cos(sy) + 1.0
    matrix = [d, -b, 0.0, -c, a, 0.0]
    matrix[2] += matrix[0] * (-cx - tx) + matrix[1] * (-cy - ty) + cx
    matrix[5] += matrix[3] * (-cx - tx) + matrix[4] * (-cy - ty) + cy
    return matrix


def torchvision_image(
    image: Image.Image,
    name: str,
    magnitude: float,
    sampling: str = "nearest",
    fill: tuple[int, int, int] = (0, 0, 0),
) -> Image.Image:
    """An operation of torchvision's policies on an RGB image; `magnitude` has its sign."""

    def affine(
        centre: Sequence[float],
        translate: Sequence[float] = (0, 0),
        shear: Sequence[float] = (0, 0),
    ) -> Image.Image:
        matrix = _inverse_affine_matrix(centre, translate, shear)
        return image.transform(
            image.size, Image.Transform.AFFINE, matrix, _SAMPLINGS[sampling], fillcolor=fill
        )

    centre = [side * 0.5 for side in image.size]
    angle = math.degrees(math.atan(magnitude))
    if name in _PLAIN:
        return _PLAIN[name](image)
    if name in _ENHANCERS:
        return _ENHANCERS[name](image).enhance(1.0 + magnitude)
    match name:
        case "ShearX":
            return affine((0, 0), shear=(angle, 0))
        case "ShearY":
            return affine((0, 0), shear=(0, angle))
        case "TranslateX":
            return affine(centre, (int(magnitude), 0))
        case "TranslateY":
            return affine(centre, (0, int(magnitude)))
        case "Rotate":
            return image.rotate(magnitude, _SAMPLINGS[sampling], fillcolor=fill)
        case "Posterize":
            return ImageOps.posterize(image, int(magnitude))
        case "Solarize":
            return ImageOps.solarize(image, magnitude)  # type: ignore[arg-type]  # compared only
        case _:
            raise ValueError(f"torchvision has no operation {name!r}")


TIMM_NAMES: Final = (
    "AutoContrast",
    "Equalize",
    "Invert",
    "Rotate",
    "Posterize",
    "PosterizeIncreasing",
    "PosterizeOriginal",
    "Solarize",
    "SolarizeIncreasing",
    "SolarizeAdd",
    "Color",
    "ColorIncreasing",
    "Contrast",
    "ContrastIncreasing",
    "Brightness",
    "BrightnessIncreasing",
    "Sharpness",
    "SharpnessIncreasing",
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
    "Desaturate",
    "GaussianBlur",
)
"""Operations of timm's policies; translations are those that it calls Rel."""


def _posterize(image: Image.Image, bits: int) -> Image.Image:
    """Black at 0 bits and below, as in timm with Pillow before 13; from 8 on nothing."""
    if bits <= 0:
        return Image.new("RGB", image.size)
    return image if bits >= 8 else ImageOps.posterize(image, bits)


def timm_image(
    image: Image.Image,
    name: str,
    level: float,
    sign: int = 1,
    sampling: str = "nearest",
    fill: tuple[int, int, int] = (0, 0, 0),
    translate: float = 0.45,
) -> Image.Image:
    """An operation of timm's policies on an RGB image, at a magnitude that is drawn already."""

    def affine(*matrix: float) -> Image.Image:
        return image.transform(
            image.size, Image.Transform.AFFINE, matrix, _SAMPLINGS[sampling], fillcolor=fill
        )

    share = level / 10.0
    if name in _PLAIN:
        return _PLAIN[name](image)
    if name in _ENHANCERS:
        return _ENHANCERS[name](image).enhance(share * 1.8 + 0.1)
    if name.removesuffix("Increasing") in _ENHANCERS:
        factor = max(0.1, 1.0 + sign * (share * 0.9))
        return _ENHANCERS[name.removesuffix("Increasing")](image).enhance(factor)
    match name:
        case "Rotate":
            return image.rotate(sign * (share * 30.0), _SAMPLINGS[sampling], fillcolor=fill)
        case "ShearX":
            return affine(1, sign * (share * 0.3), 0, 0, 1, 0)
        case "ShearY":
            return affine(1, 0, 0, sign * (share * 0.3), 1, 0)
        case "TranslateX":
            return affine(1, 0, sign * (share * translate) * image.size[0], 0, 1, 0)
        case "TranslateY":
            return affine(1, 0, 0, 0, 1, sign * (share * translate) * image.size[1])
        case "Posterize":
            return _posterize(image, int(share * 4))
        case "PosterizeIncreasing":
            return _posterize(image, 4 - int(share * 4))
        case "PosterizeOriginal":
            return _posterize(image, int(share * 4) + 4)
        case "Solarize":
            return ImageOps.solarize(image, min(256, int(share * 256)))
        case "SolarizeIncreasing":
            return ImageOps.solarize(image, 256 - min(256, int(share * 256)))
        case "SolarizeAdd":
            added = min(128, int(share * 110))
            table = [min(255, value + added) if value < 128 else value for value in range(256)]
            return image.point(table * 3)
        case "Desaturate":
            kept = min(1.0, max(0.0, 1.0 - max(0.5, min(1.0, 0.5 + 0.5 * share))))
            return ImageEnhance.Color(image).enhance(kept)
        case "GaussianBlur":
            return image.filter(ImageFilter.GaussianBlur(max(0.1, min(2.0, 0.1 + 1.9 * share))))
        case _:
            raise ValueError(f"timm has no operation {name!r}")

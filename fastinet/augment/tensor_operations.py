"""What torchvision's AugMix chooses from: its operations on tensors, which are not Pillow's.

AugMix turns PIL images into tensors of uint8 first (``forward`` in torchvision/transforms/
autoaugment.py and in torchvision/transforms/v2/_auto_augment.py). The magnitudes and the matrices
are those that PIL images have in the other policies.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from fastinet._native import _engine
from fastinet.augment.amounts import Amount, constant
from fastinet.augment.operation import (
    Fill,
    OperationInterpolation,
    Row,
    affine_matrix,
    checked_fill,
    native_step,
)
from fastinet.augment.torchvision_operations import (
    shear_slope,
    shear_tangent,
    torchvision_operation,
)

__all__ = ["tensor_operation"]

# Brightness, Posterize, Solarize and Equalize have the same pixels either way.
_OF_TENSORS = {
    "Color": "tensor_saturation",
    "Contrast": "tensor_contrast",
    "Sharpness": "tensor_sharpness",
}
_GEOMETRIC = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")


def tensor_operation(
    name: str,
    levels: Sequence[float],
    row: Row,
    interpolation: OperationInterpolation | None,
    fill: Fill | None,
    version: int,
) -> _engine.Operation:
    """An operation by torchvision's name, whose magnitude is one of `levels`, each alike.

    torchvision reads tensors nearest or bilinear. Where rows are read in another way, which it
    refuses, geometric operations are those of PIL images.

    Args:
        name: of ``MIX_SPACE``.
        levels: without signs; none where the operation takes none.
        row: which it is for.
        interpolation: of geometric operations; None for what the crop was resized with.
        fill: of what the image does not reach. None is black as torchvision has it by default,
            which at the image's ends is another black than the fill 0.
        version: 1 or 2, of torchvision's transforms.
    """
    values = tuple(levels)
    sampling = interpolation or row.interpolation
    if name in _OF_TENSORS:
        factor = Amount("values", values=values, random_sign=True, offset=1.0)
        return native_step(_OF_TENSORS[name], factor, constant(version))
    if name == "AutoContrast":
        return native_step("tensor_autocontrast", constant(version))
    if name == "Solarize":
        # torch compares values of tensors with a threshold in float32.
        thresholds = tuple(float(np.float32(level)) for level in values)
        return native_step("solarize", Amount("values", values=thresholds))
    if name not in _GEOMETRIC or sampling not in ("nearest", "bilinear"):
        return torchvision_operation(name, values, row, interpolation, 0 if fill is None else fill)

    filling = constant(0 if fill is None else version)

    def amount(of: Callable[[float], float] = float) -> Amount:
        return Amount("values", values=tuple(of(level) for level in values), random_sign=True)

    def geometric(*arguments: Amount) -> _engine.Operation:
        op = "tensor_rotate" if len(arguments) == 1 else "tensor_affine"
        colour = checked_fill(0 if fill is None else fill)
        return native_step(op, *arguments, filling, sampling=sampling, fill=colour)

    match name:
        case "ShearX":
            return geometric(*affine_matrix(b=amount(shear_tangent)))
        case "ShearY":
            return geometric(*affine_matrix(d=amount(shear_slope)))
        case "TranslateX":
            return geometric(*affine_matrix(c=amount(math.trunc)))
        case "TranslateY":
            return geometric(*affine_matrix(f=amount(math.trunc)))
        case _:
            return geometric(amount())

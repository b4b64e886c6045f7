"""Steps: operations on the pixels of a row, each with its arguments.

The native core carries them out (``csrc/augment``). Except for one blur they equal what Pillow 13
makes of an RGB image, bit for bit:

==================  ==============================  ============================================
step                arguments                       the same as
==================  ==============================  ============================================
``brightness``      factor, 1 changes nothing       ``ImageEnhance.Brightness``
``contrast``        factor                          ``ImageEnhance.Contrast``
``saturation``      factor                          ``ImageEnhance.Color``
``sharpness``       factor                          ``ImageEnhance.Sharpness``
``hue``             part of a turn, -0.5 to 0.5     torchvision's ``adjust_hue`` of a PIL image
``grayscale``                                       ``ImageOps.grayscale``, as RGB
``invert``                                          ``ImageOps.invert``
``solarize``        threshold, may be broken        ``ImageOps.solarize``
``solarize_add``    what is added, threshold        timm's ``solarize_add``
``posterize``       bits, 0 to 8                    ``ImageOps.posterize``; 0 bits are black,
                                                    which Pillow 13 refuses
``autocontrast``                                    ``ImageOps.autocontrast``
``equalize``                                        ``ImageOps.equalize``
``gaussian_blur``   radius [pixels]                 ``ImageFilter.GaussianBlur``
``kernel_blur``     taps, standard deviation        torchvision's ``gaussian_blur`` of a PIL
                    [pixels]                        image; a value in 10,000 may differ by 1
``affine``          a, b, c, d, e, f                ``Image.transform(size, AFFINE, data)``
``rotate``          degrees, anticlockwise          ``Image.rotate``
``vertical_flip``                                   ``ImageOps.flip``
``rectangle``       x, y, width, height [pixels]    ``Image.paste(fill, box)``, of what of it lies
                                                    in the image
``mix_start``       weight, 0 to 1                  a mixture begins: the image comes in with this
                                                    weight
``mix_chain``       weight, 0 to 1                  what has become of the image since comes in with
                                                    this weight, and the image begins anew
``mix_end``         share, 0 to 1                   ``Image.blend(image, mixture, share)`` with the
                                                    mixture cut to uint8, without its broken part
==================  ==============================  ============================================

Those of torchvision's AugMix are its operations on tensors of uint8, which are not Pillow's. Their
`version` is 1 or 2, of torchvision's transforms, which round in other places:

=======================  ============================  ===========================================
step                     arguments                     the same as
=======================  ============================  ===========================================
``tensor_contrast``      factor, version               ``adjust_contrast``
``tensor_saturation``    factor, version               ``adjust_saturation``
``tensor_sharpness``     factor, version               ``adjust_sharpness``
``tensor_autocontrast``  version                       ``autocontrast``
``tensor_affine``        a, b, c, d, e, f, filling     ``affine``, with the matrix of the step
                                                       ``affine``
``tensor_rotate``        degrees, filling              ``rotate``
=======================  ============================  ===========================================

`filling` is 0 for none, where black comes in from beyond the image, and else the version that mixes
`fill` in. These two are read "nearest" or "bilinear".

The geometric ones, ``affine`` and ``rotate``, also have a way of reading between pixels,
`sampling`, and a colour for what the image does not reach, `fill`. That of a rectangle is what it
is filled with. A mixture is computed in float32.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["STEP_ARGUMENTS", "Sampling", "Step", "native_steps"]

Sampling = Literal["nearest", "bilinear", "bicubic"]

STEP_ARGUMENTS: Final = {
    "brightness": ("factor",),
    "contrast": ("factor",),
    "saturation": ("factor",),
    "hue": ("turn",),
    "sharpness": ("factor",),
    "grayscale": (),
    "invert": (),
    "solarize": ("threshold",),
    "solarize_add": ("addition", "threshold"),
    "posterize": ("bits",),
    "autocontrast": (),
    "equalize": (),
    "gaussian_blur": ("radius",),
    "kernel_blur": ("taps", "sigma"),
    "affine": ("a", "b", "c", "d", "e", "f"),
    "rotate": ("degrees",),
    "vertical_flip": (),
    "rectangle": ("x", "y", "width", "height"),
    "mix_start": ("weight",),
    "mix_chain": ("weight",),
    "mix_end": ("share",),
    "tensor_contrast": ("factor", "version"),
    "tensor_saturation": ("factor", "version"),
    "tensor_sharpness": ("factor", "version"),
    "tensor_autocontrast": ("version",),
    "tensor_affine": ("a", "b", "c", "d", "e", "f", "filling"),
    "tensor_rotate": ("degrees", "filling"),
}
"""Every step, and what its arguments are called."""


class Step(NamedTuple):
    """One operation on the pixels of a row: ``Step("rotate", (30,), "bilinear")``."""

    op: str
    """One of ``STEP_ARGUMENTS``."""
    arguments: tuple[float, ...] = ()
    """The numbers that it takes, in their order."""
    sampling: Sampling = "nearest"
    """Of ``affine`` and ``rotate``: how to read between pixels."""
    fill: tuple[int, int, int] = (0, 0, 0)
    """Of these: red, green and blue, 0 to 255, of what the image does not reach. Of ``rectangle``:
    its colour."""

    def __repr__(self) -> str:
        """As it is written by hand, without what it has anyway: most steps have no sampling."""
        given = list(self)
        for name in reversed(self._fields[1:]):
            if given[-1] != self._field_defaults[name]:
                break
            given.pop()
        return f"Step({', '.join(map(repr, given))})"


def native_steps(
    steps: Iterable[Any],
) -> Sequence[tuple[str, tuple[float, ...], str, tuple[int, ...]]]:
    """Steps, checked, as the native modules take them.

    Args:
        steps: each a :class:`Step`, or a tuple of its parts, of which the last ones may be missing.

    Raises:
        TypeError: no steps.
        ValueError: an operation that there is not, or another number or kind of arguments; the
            message names it. Whether an argument lies in its bounds is left to the core.
    """
    if isinstance(steps, str | Step) or not hasattr(steps, "__iter__"):
        raise TypeError(f'steps must be a list of them, such as [Step("invert")], not {steps!r}')
    checked = []
    for given in steps:
        try:
            step = given if isinstance(given, Step) else Step(*given)
        except TypeError:
            raise TypeError(
                f'a step must be (op, arguments, ...), such as Step("invert"), not {given!r}'
            ) from None
        names = STEP_ARGUMENTS.get(step.op) if isinstance(step.op, str) else None
        if names is None:
            known = ", ".join(STEP_ARGUMENTS)
            raise ValueError(f"there is no step {step.op!r}; there are {known}")
        try:
            arguments = tuple(float(value) for value in step.arguments)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(
                f"arguments must be a tuple of numbers, not {step.arguments!r}: {step!r}"
            ) from None
        if len(arguments) != len(names):
            takes = ", ".join(names) or "no arguments"
            raise ValueError(f"the step {step.op!r} takes {takes}: {step!r}")
        if step.sampling not in get_args(Sampling):
            raise ValueError(f"sampling must be one of {get_args(Sampling)}, not {step.sampling!r}")
        try:
            fill = tuple(operator.index(value) for value in step.fill)
        except TypeError:
            fill = ()
        if len(fill) != 3 or not all(0 <= value <= 255 for value in fill):
            raise ValueError(f"fill must be three numbers from 0 to 255, not {step.fill!r}")
        checked.append((step.op, arguments, step.sampling, fill))
    return checked

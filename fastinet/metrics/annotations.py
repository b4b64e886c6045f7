"""True boxes for the localisation error, from the validation images' annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.errors import printable
from fastinet.metrics.localization import TrueBoxes

if TYPE_CHECKING:
    from fastinet.annotations.bounding_boxes import Boxes

__all__ = ["true_boxes"]

_PREFIX = b"ILSVRC2012_val_"


def true_boxes(boxes: Boxes, images: int | None = None) -> TrueBoxes:
    """What ILSVRC2012_bbox_val_v3 says, by the numbers in the images' names.

    Boxes are in pixels of the annotated image as they stand in the files, which is what the
    development kit's evaluation compares predictions with. A box of no class of ImageNet-1K has the
    label -1, which no prediction matches.

    Args:
        boxes: from `fastinet.read_boxes`.
        images: how many validation images there are; None: as many as the highest number says.

    Raises:
        ValueError: boxes of other images than validation images, or of more than `images`.
    """
    others = np.flatnonzero(~np.char.startswith(boxes.keys, _PREFIX))
    if len(others):
        raise ValueError(
            f"'{boxes.path}' has boxes of other than validation images:"
            f" '{_text(boxes.keys[others[0]])}'"
        )
    numbers = np.array([_number(key) for key in boxes.keys.tolist()], np.int64)
    highest = int(numbers.max(initial=0))
    if len(numbers) and numbers.min() < 1:
        raise ValueError(f"'{boxes.path}': '{_text(boxes.keys[numbers.argmin()])}' has no number")
    if images is not None and highest > images:
        raise ValueError(f"'{boxes.path}' has boxes of image {highest}, there are {images} images")
    return TrueBoxes(
        images=highest if images is None else images,
        image=np.repeat(numbers - 1, np.diff(boxes.starts)),
        label=boxes.labels(imagenet1k_wnids()),
        box=boxes.pixels.astype(np.float64),
    )


def _number(key: bytes) -> int:
    digits = key[len(_PREFIX) :]
    return int(digits) if digits.isdigit() else 0


def _text(key: bytes) -> str:
    return printable(key.decode("utf-8", "surrogateescape"))

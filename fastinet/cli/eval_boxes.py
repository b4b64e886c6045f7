"""The boxes that `fastinet eval` is given: those of the predictions, and the true ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinet import metrics
from fastinet.cli.eval_inputs import ARRAYS, array_names, by_label, load_array, read_predictions
from fastinet.cli.opening import open_boxes
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.errors import CorruptError, FastinetError
from fastinet.formats.number_lines import text_lines
from fastinet.items.given_labels import kind_of
from fastinet.metrics.localization import MOST_GUESSES
from fastinet.metrics.located import LocatedGuesses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastinet.metrics.devkit_text import Order
    from fastinet.metrics.localization import TrueBoxes

BOXES_KEY = "boxes"
"""What the array of boxes is called in a .npz with others."""

_BOX_NUMBERS = 4  # xmin, ymin, xmax, ymax


def read_located(
    predictions: str, boxes: str | None, key: str | None, order: Order | None
) -> tuple[NDArray[Any], LocatedGuesses]:
    """Predictions as they are, and as guesses with boxes.

    Args:
        predictions: the devkit's text with boxes, or predictions that `boxes` goes with.
        boxes: a file of boxes; None: the text has them, or the .npz has them as "boxes".
        key: of the predictions in a .npz, where it has several arrays.
        order: how classes are numbered: None for IDs in text and labels in arrays.
    """
    kind = kind_of(predictions)
    if boxes is None and kind == "text":
        guesses, located = metrics.read_located_guesses(predictions, order or "id")
        return guesses, LocatedGuesses(guesses, located)
    if boxes is None:
        names = array_names(predictions, kind)
        if BOXES_KEY not in names:
            raise FastinetError(
                f"'{predictions}' has no boxes: --boxes takes a file of them, a .npz or .pt may"
                " have them as 'boxes', and in text they stand behind each label,"
                " xmin ymin xmax ymax"
            )
        others = [name for name in names if name != BOXES_KEY]
        key = others[0] if key is None and len(others) == 1 else key
        array = load_array(predictions, kind, BOXES_KEY)
    else:
        array = _read_boxes(boxes)
    given = read_predictions(predictions, key, order)
    if given.dtype.kind not in "iu" and order is not None and array.ndim == 3:
        array = by_label(array, order) if array.shape[1] > MOST_GUESSES else array
    return given, metrics.located_guesses(given, array)


def _read_boxes(path: str) -> NDArray[Any]:
    kind = kind_of(path)
    if kind == "text":
        return _boxes_in_text(path)
    if kind not in ARRAYS:
        raise CorruptError(
            f"'{path}' has no predicted boxes: .npy, .npz, .pt or text of them expected"
        )
    names = array_names(path, kind)
    return load_array(path, kind, BOXES_KEY if BOXES_KEY in names else None)


def _boxes_in_text(path: str) -> NDArray[np.float64]:
    """Lines of xmin ymin xmax ymax, the same number of times in each: float64 [N, k, 4].

    Once: [N, 4], for all guesses of an image.
    """
    name = Path(path).name
    lines = text_lines(Path(path).read_bytes(), name)
    rows = []
    for number, words in enumerate(lines, start=1):
        if not words or len(words) % _BOX_NUMBERS or len(words) != len(lines[0]):
            raise CorruptError(
                f"'{name}', line {number}: {len(words)} numbers; every line has as many boxes as"
                " the first, xmin ymin xmax ymax each"
            )
        try:
            rows.append([float(word) for word in words])
        except ValueError as error:
            raise CorruptError(f"'{name}', line {number}: {error}") from None
    if not rows:
        raise CorruptError(f"'{name}' is empty")
    boxes = np.array(rows)
    one_each = boxes.shape[1] == _BOX_NUMBERS
    return boxes if one_each else boxes.reshape(len(rows), -1, _BOX_NUMBERS)


def read_true_boxes(
    path: str, images: int, order: Order | None, wnids: Sequence[str] | None
) -> TrueBoxes:
    """The boxes of that many validation images.

    Args:
        path: an archive or a folder of annotations, or the devkit's text.
        images: how many there are.
        order: how text numbers classes: None for IDs.
        wnids: the classes that the predictions number; None: ImageNet-1K's. Boxes of others get
            the label -1.
    """
    if kind_of(path) in ("archive", "npz"):
        found = metrics.true_boxes(open_boxes(path), images)
    else:
        found = metrics.read_boxes(path, order or "id")
    known = imagenet1k_wnids()
    if wnids is None or tuple(wnids) == known:
        return found
    label_of = {wnid: label for label, wnid in enumerate(wnids)}
    new_label = np.array([*(label_of.get(wnid, -1) for wnid in known), -1], np.int64)
    within = np.where(found.label < len(known), found.label, -1)
    return replace(found, label=new_label[within])

"""The development kit's text files: one line an image, in the order of the images' names.

========================  ========================================================================
predictions               up to five labels, the best first: ``490 12 65``
predictions with boxes    up to five times ``label xmin ymin xmax ymax``
ground truth              one label
ground-truth boxes        any number of times ``label xmin ymin xmax ymax``
blacklist                 the number of an image, from 1 on; lines are in no relation to images
========================  ========================================================================

What is read comes out as labels, whatever the order of the classes in the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from fastinet.datasets.classes import label_of_ilsvrc2012_id, label_of_tf1001
from fastinet.errors import CorruptError
from fastinet.formats.number_lines import number_lines, one_per_line, text_lines
from fastinet.metrics.localization import MOST_GUESSES, TrueBoxes

if TYPE_CHECKING:
    import os

__all__ = [
    "Order",
    "in_labels",
    "read_blacklist",
    "read_boxes",
    "read_guesses",
    "read_labels",
    "read_located_guesses",
]

Order = Literal["id", "label", "tf"]
"""How a file numbers its classes: ILSVRC2012_ID 1 to 1000, label 0 to 999, TensorFlow's 1001."""

_NO_GUESS = -1
_BOX_NUMBERS = 5  # label, xmin, ymin, xmax, ymax
_LIMITS = {"id": (1, 1000), "label": (0, 2**31 - 1), "tf": (0, 1000)}
_NAMES = {
    "id": "ILSVRC2012_ID, which go from 1 to 1000",
    "label": "label, which go from 0 on",
    "tf": "class of TensorFlow's 1001, which go from 0 to 1000",
}


def in_labels(numbers: NDArray[np.int64], order: Order) -> NDArray[np.int64]:
    """Class numbers of ``order`` as labels; TensorFlow's background becomes -1.

    Raises:
        ValueError: a number that ``order`` does not have.
    """
    if order == "id":
        return label_of_ilsvrc2012_id(numbers)
    if order == "tf":
        return label_of_tf1001(numbers)
    if numbers.size and numbers.min() < 0:
        raise ValueError(f"{numbers.min()} is no {_NAMES[order]}")
    return numbers


def read_labels(path: str | os.PathLike[str], order: Order = "id") -> NDArray[np.int64]:
    """A ground truth as labels, int64 [N].

    Raises:
        CorruptError: a line has not exactly one number, or there is no such class; it names the
            line.
        OSError: the file cannot be read.
    """
    name = Path(path).name
    numbers = one_per_line(Path(path).read_bytes(), name)
    for line, number in enumerate(numbers, start=1):
        _refuse_unknown(number, order, name, line)
    return in_labels(np.array(numbers, np.int64), order)


def read_guesses(path: str | os.PathLike[str], order: Order = "id") -> NDArray[np.int64]:
    """Predictions as labels, int64 [N, 5], the best first; -1 where a line has fewer.

    More than five in a line are ignored, as the devkit does it. It fills short lines with zeros,
    so that among ILSVRC2012_IDs 0 is no guess. An empty line is an image without a guess.

    Raises:
        CorruptError: something is no whole number or there is no such class; it names the line.
        OSError: the file cannot be read.
    """
    name = Path(path).name
    lines = number_lines(Path(path).read_bytes(), name)
    guesses = np.full((len(lines), MOST_GUESSES), _NO_GUESS, np.int64)
    for row, values in enumerate(lines):
        for column, number in enumerate(values[:MOST_GUESSES]):
            guesses[row, column] = _guess(number, order, name, row + 1)
    return _known_in_labels(guesses, order)


def read_located_guesses(
    path: str | os.PathLike[str], order: Order = "id"
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Predictions with boxes: labels int64 [N, 5] as :func:`read_guesses`, boxes float64 [N, 5, 4].

    Boxes are xmin, ymin, xmax, ymax in pixels; 0 where there is no guess.

    Raises:
        CorruptError: a line is not made of groups of five numbers, or there is no such class; it
            names the line.
        OSError: the file cannot be read.
    """
    name = Path(path).name
    lines = text_lines(Path(path).read_bytes(), name)
    guesses = np.full((len(lines), MOST_GUESSES), _NO_GUESS, np.int64)
    boxes = np.zeros((len(lines), MOST_GUESSES, 4))
    for row, words in enumerate(lines):
        groups = _groups(words, name, row + 1)
        for column, (number, *box) in enumerate(groups[:MOST_GUESSES]):
            guesses[row, column] = _guess(_whole(number, name, row + 1), order, name, row + 1)
            boxes[row, column] = box
    return _known_in_labels(guesses, order), boxes


def read_boxes(path: str | os.PathLike[str], order: Order = "id") -> TrueBoxes:
    """Ground-truth boxes.

    Raises:
        CorruptError: as :func:`read_located_guesses`, or a box ends before it begins; it names the
            line.
        OSError: the file cannot be read.
    """
    name = Path(path).name
    lines = text_lines(Path(path).read_bytes(), name)
    images: list[int] = []
    labels: list[int] = []
    boxes: list[list[float]] = []
    for row, words in enumerate(lines):
        for number, *box in _groups(words, name, row + 1):
            label = _whole(number, name, row + 1)
            _refuse_unknown(label, order, name, row + 1)
            if box[0] > box[2] or box[1] > box[3]:
                raise CorruptError(
                    f"'{name}', line {row + 1}: the box {box} ends before it begins; boxes are"
                    " xmin ymin xmax ymax"
                )
            images.append(row)
            labels.append(label)
            boxes.append(box)
    return TrueBoxes(
        images=len(lines),
        image=np.array(images, np.int64),
        label=in_labels(np.array(labels, np.int64), order),
        box=np.array(boxes, np.float64).reshape(-1, 4),
    )


def read_blacklist(path: str | os.PathLike[str]) -> NDArray[np.int64]:
    """The numbers of blacklisted images, int64 [M], from 1 on.

    Raises:
        CorruptError: a line has not exactly one number, or one below 1.
        OSError: the file cannot be read.
    """
    name = Path(path).name
    numbers = one_per_line(Path(path).read_bytes(), name)
    for line, number in enumerate(numbers, start=1):
        if number < 1:
            raise CorruptError(
                f"'{name}', line {line}: images are numbered from 1 on, got {number}"
            )
    return np.array(numbers, np.int64)


def _guess(number: int, order: Order, name: str, line: int) -> int:
    """``number``, or -1 where it stands for no guess."""
    if number == 0 and order == "id":
        return _NO_GUESS
    _refuse_unknown(number, order, name, line)
    return number


def _refuse_unknown(number: int, order: Order, name: str, line: int) -> None:
    least, most = _LIMITS[order]
    if not least <= number <= most:
        zero = "; is the file numbered from 0?" if number == 0 else ""
        raise CorruptError(f"'{name}', line {line}: {number} is no {_NAMES[order]}{zero}")


def _known_in_labels(guesses: NDArray[np.int64], order: Order) -> NDArray[np.int64]:
    """``guesses`` as labels; what is no guess stays so."""
    known = guesses != _NO_GUESS
    guesses[known] = in_labels(guesses[known], order)
    return guesses


def _groups(words: list[str], name: str, line: int) -> list[list[float]]:
    """The numbers of a line in groups: label, xmin, ymin, xmax, ymax."""
    if len(words) % _BOX_NUMBERS:
        raise CorruptError(
            f"'{name}', line {line}: {len(words)} numbers; there are five to a box: label xmin"
            " ymin xmax ymax"
        )
    try:
        numbers = np.array(words, np.float64)
    except ValueError as error:
        raise CorruptError(f"'{name}', line {line}: {error}") from None
    if not np.isfinite(numbers).all():
        raise CorruptError(f"'{name}', line {line}: a number is not finite")
    groups: list[list[float]] = numbers.reshape(-1, _BOX_NUMBERS).tolist()
    return groups


def _whole(number: float, name: str, line: int) -> int:
    if not number.is_integer():
        raise CorruptError(f"'{name}', line {line}: the label {number} is no whole number")
    return int(number)

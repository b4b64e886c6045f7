"""Which columns of a model's scores belong to the classes that it is evaluated on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastinet.base.checks import in_label_order
from fastinet.datasets.published import published_classes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fastinet.datasets.classes import ClassInfo

__all__ = ["class_columns"]


def class_columns(
    model: Sequence[ClassInfo | str] | Mapping[str, int] | str,
    evaluation: Sequence[ClassInfo | str] | Mapping[str, int] | str,
) -> NDArray[np.int64]:
    """The columns of a model's scores that belong to the classes of an evaluation: int64 [K].

    Args:
        model: the classes that the model was trained with, in label order: ``ds.classes``, wnids,
            wnids with their labels, or the name of a published list, as "imagenet1k".
        evaluation: the classes of the labels that it is scored with, K of them, likewise:
            "imagenet-a".

    Raises:
        TypeError: one of them is in no label order, as a set.
        ValueError: the model lacks classes of the evaluation, which it names; or no list of that
            name is known.
    """
    column = {wnid: number for number, wnid in enumerate(_wnids("model", model))}
    wnids = _wnids("evaluation", evaluation)
    lacking = [wnid for wnid in wnids if wnid not in column]
    if lacking:
        some = ", ".join([*lacking[:3], *(["..."] if len(lacking) > 3 else [])])
        raise ValueError(
            f"{len(lacking)} of the {len(wnids)} classes are none of the model's {len(column)}: "
            f"{some}; evaluate on ds.select_classes(...) of those that it has"
        )
    return np.array([column[wnid] for wnid in wnids], np.int64)


def _wnids(
    name: str, classes: Sequence[ClassInfo | str] | Mapping[str, int] | str
) -> Sequence[str]:
    if isinstance(classes, str):
        return published_classes(classes)
    given = in_label_order(name, classes)
    return [info if isinstance(info, str) else info.wnid for info in given]

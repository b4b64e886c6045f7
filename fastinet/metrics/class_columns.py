"""Which columns of a model's scores belong to the classes that it is evaluated on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastinet.datasets.classes import ClassInfo

__all__ = ["class_columns"]


def class_columns(
    model: Sequence[ClassInfo | str], evaluation: Sequence[ClassInfo | str]
) -> NDArray[np.int64]:
    """The columns of a model's scores that belong to the classes of an evaluation: int64 [K].

    Args:
        model: the classes that the model was trained with, in label order: ``ds.classes``, or
            wnids.
        evaluation: the classes of the labels that it is scored with, K of them.

    Raises:
        ValueError: the model lacks classes of the evaluation; it names them.
    """
    column = {_wnid(info): number for number, info in enumerate(model)}
    wnids = [_wnid(info) for info in evaluation]
    lacking = [wnid for wnid in wnids if wnid not in column]
    if lacking:
        some = ", ".join([*lacking[:3], *(["..."] if len(lacking) > 3 else [])])
        raise ValueError(
            f"{len(lacking)} of the {len(wnids)} classes are none of the model's {len(column)}: "
            f"{some}; evaluate on ds.select_classes(...) of those that it has"
        )
    return np.array([column[wnid] for wnid in wnids], np.int64)


def _wnid(info: ClassInfo | str) -> str:
    return info if isinstance(info, str) else info.wnid

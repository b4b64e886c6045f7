"""ImageNet-5K: a choice of 5000 classes out of ImageNet-22K, never published as an archive.

ResNeXt's authors made it of the 1000 classes of ILSVRC and "the 4000 categories with the most
images" among the others, and evaluated on the validation images of ImageNet-1K: among all 5000
classes, or among the 1000 alone (Xie et al. 2017, section 5.3). Their list went round as a file of
5000 wnids; what decided between classes of equal size is not known.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastinet.base.checks import whole_number
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.scanned import wnid_number
from fastinet.errors import CorruptError, MissingError
from fastinet.formats.number_lines import text_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastinet.items.dataset import Dataset

__all__ = ["imagenet5k", "read_class_list"]

OTHERS = 4000


def imagenet5k(
    dataset: Dataset,
    class_list: Iterable[str] | str | os.PathLike[str] | None = None,
    *,
    others: int = OTHERS,
) -> Dataset:
    """ImageNet-5K as a view of ImageNet-21K or 22K; see :meth:`fastinet.Dataset.select_classes`.

    By the rule, it is the 1000 classes of ImageNet-1K and the `others` classes with the most images
    in `dataset`; of equally large ones those with the lower wnid, which is our decision. It gives
    the authors' choice for fall11 up to such ties; winter21 lacks many classes, and the rule fills
    up with others.

    Classes that `dataset` has not (fall11 lacks n04399382, teddy, of ImageNet-1K) keep their label,
    and a FastinetWarning names them. To have their images too, open the archive that has them and
    begin with ``fastinet.concatenate([dataset, train.select_classes(["n04399382"])])``.

    Args:
        dataset: winter21_whole, fall11_whole, or a folder of class tars.
        class_list: a file with a wnid at the start of each line, or the wnids; None: by the rule.
        others: how many classes the rule takes beyond those of ImageNet-1K.

    Raises:
        ValueError: `dataset` has fewer other classes; or as for select_classes.
        MissingError, CorruptError: `class_list` is no such file.
    """
    if class_list is None:
        wnids = _by_rule(dataset, whole_number("others", others, 0, 2**31 - 1))
    elif isinstance(class_list, str | os.PathLike):
        wnids = read_class_list(class_list)
    else:
        wnids = list(class_list)
    return dataset.select_classes(wnids)


def read_class_list(path: str | os.PathLike[str]) -> list[str]:
    """The wnids of a file with one at the start of each line; what follows it may be a name.

    Empty lines, and such that begin with ``#``, are passed over.

    Raises:
        MissingError: no such file.
        CorruptError: it is no text, a line begins with something else (it names the line), or there
            is no wnid at all.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise MissingError(f"no such class list: '{path}'") from error
    name = Path(path).name
    wnids = []
    for number, words in enumerate(text_lines(data, name), start=1):
        if words and not words[0].startswith("#"):
            word = words[0].rstrip(",;:")
            if wnid_number(word) < 0:
                raise CorruptError(f"'{name}', line {number}: {words[0][:40]!r} is no wnid")
            wnids.append(word)
    if not wnids:
        raise CorruptError(f"'{name}' holds no wnid")
    return wnids


def _by_rule(dataset: Dataset, others: int) -> list[str]:
    first = imagenet1k_wnids()
    first_1000 = set(first)
    counts = np.bincount(dataset.labels[dataset.labels >= 0], minlength=len(dataset.classes))
    images = {info.wnid: int(counts[info.index]) for info in dataset.classes}
    candidates = [wnid for wnid, count in images.items() if count and wnid not in first_1000]
    if len(candidates) < others:
        raise ValueError(
            f"ImageNet-5K takes {others} classes beyond those of ImageNet-1K, and '{dataset.name}' "
            f"has images of {len(candidates)}: it is made from ImageNet-21K or 22K"
        )
    candidates.sort(key=lambda wnid: (-images[wnid], wnid))
    return [*first, *candidates[:others]]

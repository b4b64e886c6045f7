"""The label of an item that is known by its key and companions alone, as one that arrives is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.companions import label_of
from fastinet.datasets.imagenet_v2 import label_of_member
from fastinet.datasets.names import WNID_LENGTH
from fastinet.datasets.published import lists_with_class
from fastinet.datasets.scanned import wnid_number
from fastinet.datasets.validation import VALIDATION_IMAGES, validation_labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["KeyLabels"]


class KeyLabels:
    """Labels as an item's name and companions tell them; see :func:`open_stream`."""

    def __init__(self, classes: Sequence[str]) -> None:
        self._labels = {wnid: label for label, wnid in enumerate(classes)}
        self._imagenet1k = imagenet1k_wnids()

    def __call__(self, key: str, companions: Mapping[str, bytes]) -> int:
        """The label; ValueError says what to do where there is none."""
        for extension in ("cls", "json"):
            if extension in companions:
                return label_of(companions[extension], extension)
        *folders, base = key.split("/")
        for folder in reversed(folders):
            if wnid_number(folder) >= 0:
                return self._of_class(folder)
        if folders and folders[-1].isdecimal():
            label = label_of_member(key, "")
            if label >= 0:
                return self._of_class(self._imagenet1k[label])
        number = base[15:23]
        if base.startswith("ILSVRC2012_val_") and number.isdecimal():
            if not 0 < int(number) <= VALIDATION_IMAGES:
                raise ValueError(f"there is no validation image {number}")
            return int(validation_labels()[int(number) - 1])
        if base.startswith("ILSVRC2012_test_"):
            return -1
        wnid = base[:WNID_LENGTH]
        if wnid_number(wnid) < 0:
            raise ValueError("neither its name nor a companion has a label; give labels=")
        return self._of_class(wnid)

    def _of_class(self, wnid: str) -> int:
        if wnid not in self._labels:
            lists = [f'"{name}"' for name in lists_with_class(wnid)]
            advice = f"give classes={' or '.join(lists)}, or" if lists else "give classes="
            raise ValueError(
                f"class {wnid} is none of the {len(self._labels):,} that the stream is said to "
                f"have; {advice} all wnids in label order"
            )
        return self._labels[wnid]

"""Notices loops over the same items that draw from the same random numbers at the same time.

Two loaders of one seed give each item the same random bits in an epoch. That is what makes a loader
repeatable, and is not what somebody wants who takes global views from one and local views from
another: where a crop of the one lies, there lies that of the other.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from fastinet.base.warning import warn
from fastinet.loading.options import draws_nothing

if TYPE_CHECKING:
    from fastinet.items.dataset import Dataset
    from fastinet.loading.options import LoaderOptions
    from fastinet.pixels.view_groups import Transform

__all__ = ["Drawing", "watch"]


class Loop(Protocol):
    """An epoch while it runs."""

    @property
    def is_over(self) -> bool:
        """Whether it delivers no more batches."""


class _Bits(NamedTuple):
    """What decides the random bits of an item."""

    path: str
    items: int
    seed: int
    draws: str
    epoch: int


class Drawing(NamedTuple):
    """What an epoch draws: from which bits, for which transform."""

    bits: _Bits
    transform: Transform

    @classmethod
    def of(cls, dataset: Dataset, options: LoaderOptions, epoch: int) -> Drawing | None:
        """What a loader draws in an epoch; None where its transform draws nothing."""
        if draws_nothing(options.transform):
            return None
        bits = _Bits(dataset.path, len(dataset), options.seed, options.draws, epoch)
        return cls(bits, options.transform)


_running: Final[weakref.WeakKeyDictionary[Loop, Drawing]] = weakref.WeakKeyDictionary()
_told: Final[set[tuple[str, int, str]]] = set()


def watch(epoch: Loop, drawing: Drawing) -> None:
    """Warns, once for a dataset and seed, if a loop that has begun draws from the same bits.

    Args:
        epoch: is about to deliver its first batch.
        drawing: what it draws.
    """
    bits = drawing.bits
    what = bits.path, bits.seed, bits.draws
    for running in _running.keyrefs():  # a list, which no other thread's loop changes
        other = running()
        theirs = None if other is None else _running.get(other)
        if other is None or theirs is None:
            continue
        if other.is_over or theirs.bits != bits or theirs.transform == drawing.transform:
            continue
        if what not in _told:
            _told.add(what)
            warn(
                f"two loaders of '{bits.path}' with seed={bits.seed} run epoch {bits.epoch} at the "
                "same time with different transforms, and draw from the same random numbers: crops "
                "and flips of an item in the one tell those in the other; give one of them "
                'draws="local", or another name, and it draws others for the same items in the '
                "same order; or another seed, and the order is another one, too"
            )
    _running[epoch] = drawing

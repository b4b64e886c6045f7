"""Which rank this process is: given, or found when it is needed."""

from __future__ import annotations

import contextlib
from typing import Literal

from fastinet.base.checks import whole_number
from fastinet.distributed import MAX_WORLD, NotYetKnownError, told_rank, warn_of_launcher

__all__ = ["OwnRank"]


class OwnRank:
    """Which rank this process is, and of how many: as was given, or found whenever it is asked.

    Loaders are made before the process group is, where a trainer starts the other processes by
    itself: then the first answer would be one process, and wrong for the rest of the run.
    """

    def __init__(
        self, rank: int | Literal["auto"], world: int | Literal["auto"], *, told: bool = True
    ) -> None:
        """Checks both; `told` says whether they were given in so many words.

        Raises:
            ValueError: only one of them is "auto", one is another string, or there is no such rank.
        """
        self._told = told
        self._given = rank, world
        self._found = "auto" in (rank, world)
        if self._found:
            if (rank, world) != ("auto", "auto"):
                raise ValueError(
                    f'rank and world are numbers, or "auto" together, not {rank!r} and {world!r}'
                )
            self._latest = 0, 1
            with contextlib.suppress(NotYetKnownError):  # then those who ask later are told
                self.now()
        else:
            ranks = whole_number("world", world, 1, MAX_WORLD)
            self._latest = whole_number("rank", rank, 0, ranks - 1), ranks
            self.warn_if_untold()

    def __repr__(self) -> str:
        return "rank={!r}, world={!r}".format(*self._given)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OwnRank) and self._given == other._given

    def __hash__(self) -> int:
        return hash(self._given)

    def now(self) -> tuple[int, int]:
        """Rank and world.

        Where they are to be found and nobody says them any more, as in a process that has this
        object from another, those found last hold.

        Raises:
            ValueError: see `rank_and_world`.
        """
        if self._found and (found := told_rank()) is not None:
            self._latest = found[:2]
        return self._latest

    def warn_if_untold(self) -> None:
        """Warns once of a process that is one of several, where nobody said which items it has.

        A loader that was told is never warned of: one of all items is right for evaluation by one
        process.
        """
        if not self._told:
            warn_of_launcher()

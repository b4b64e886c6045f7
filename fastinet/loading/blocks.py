"""Blocks of neighbouring items, which a blocked shuffle reads at once, and the order it gives."""

from __future__ import annotations

import functools
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from fastinet._native import _plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DEFAULT_BLOCK", "DEFAULT_WINDOW", "Blocks"]

DEFAULT_BLOCK: Final = 512 << 10
"""[bytes]."""

DEFAULT_WINDOW: Final = 1 << 30
"""[bytes]: 2048 blocks of the default size. Of an archive that is sorted by its 1000 classes, some
218 classes then meet in a batch of 256, where a full shuffle has 226
(benchmarks/shuffle_quality.py)."""

# A window is cut into lanes, each of which shuffles among blocks of its own; see `Blocks.order`.
_MAX_LANES: Final = 64
_LANE_BLOCKS: Final = 8  # among fewer blocks a lane would hardly shuffle


@dataclass(frozen=True)
class Blocks:
    """A dataset's items in blocks: each has the items that lie within some bytes of an archive.

    Attributes:
        sequence: int64 [N]: the items by archive and offset; None stands for 0 .. N - 1.
        starts: int64 [blocks + 1]: block b is ``sequence[starts[b]:starts[b + 1]]``.
        window_blocks: how many of them a window has.
    """

    sequence: NDArray[np.int64] | None
    starts: NDArray[np.int64]
    window_blocks: int

    @classmethod
    def of(
        cls,
        offsets: NDArray[np.uint64],
        archives: NDArray[np.int32] | None,
        *,
        block: int,
        window: int,
    ) -> Blocks:
        """Blocks of the items that begin between the same multiples of `block` bytes.

        Args:
            offsets: uint64 [N]: where the items begin in their archives [bytes].
            archives: int32 [N]: which archive each is in; None: all in the first.
            block: [bytes].
            window: [bytes].
        """
        items = len(offsets)
        if archives is None:
            archives = np.zeros(items, np.int32)
        sequence = None
        if (np.diff(archives) < 0).any() or (
            (np.diff(archives) == 0) & (offsets[1:] < offsets[:-1])
        ).any():
            sequence = np.lexsort((offsets, archives))
            offsets, archives = offsets[sequence], archives[sequence]
        cells = offsets // np.uint64(block)
        is_first = np.ones(items, np.bool_)
        is_first[1:] = (np.diff(cells) != 0) | (np.diff(archives) != 0)
        firsts = np.flatnonzero(is_first)
        return cls(sequence, np.append(firsts, items), max(1, window // block))

    def order(self, *, seed: int, epoch: int) -> NDArray[np.int64]:
        """The items int64 [N] of an epoch in its global order; see :func:`_plan.blocked_order`.

        Position p of the order is of lane ``p % lanes``, and lanes have no block in common. Their
        number follows from the window: the largest power of two up to 64 that leaves each lane 8
        blocks. Since rank r has the positions with ``p % world == r``, a world of 2, 4, 8, ...
        ranks has whole lanes for each: it reads blocks of its own, and needs its part of the
        window's memory. Other numbers of ranks read each block on several of them.
        """
        lanes = max(1, min(_MAX_LANES, self.window_blocks // _LANE_BLOCKS))
        lanes = 1 << (lanes.bit_length() - 1)
        drawn = _plan.blocked_order(
            self.starts, seed=seed, epoch=epoch, window_blocks=self.window_blocks, lanes=lanes
        )
        return drawn if self.sequence is None else self.sequence[drawn]

    @functools.cached_property
    def of_items(self) -> NDArray[np.int64]:
        """The block of each item, int64 [N]."""
        in_sequence = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))
        if self.sequence is None:
            return in_sequence
        blocks = np.empty_like(in_sequence)
        blocks[self.sequence] = in_sequence
        return blocks

    @functools.cached_property
    def checksum(self) -> int:
        """CRC-32 of the blocks: with seed, epoch and window, they determine the order.

        States hold it, so that no other dataset takes them up. It is kept, since it is computed
        from megabytes, and a feed asks for a state with each batch.
        """
        sum_of_starts = zlib.crc32(self.starts.tobytes())
        if self.sequence is None:
            return sum_of_starts
        return zlib.crc32(self.sequence.tobytes(), sum_of_starts)

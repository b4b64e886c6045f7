"""Plans as arrays: pure functions of (seed, epoch), the same on every machine."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

def epoch_order(
    n: int,
    *,
    seed: int = 0,
    epoch: int = 0,
    shuffle: bool = True,
    repeats: int = 1,
    rank: int = 0,
    world: int = 1,
    start: int = 0,
    stop: int | None = None,
) -> NDArray[np.int64]:
    """Item ids of one rank's positions within an epoch, in order.

    The epoch has one global order of all `n` items: a permutation that (seed, epoch) draw, or
    0 .. n - 1 without `shuffle`. Position p of it belongs to rank ``p % world``. Each position is
    computed on its own (csrc/rng/permutation.h), so any part of the order costs only its length.

    With `repeats` an epoch has `n` positions still, which show the first ``n / repeats`` items of
    that order: position p is copy ``p % repeats`` of the item at ``p // repeats``.

    Args:
        n: items in the dataset.
        seed: 0 .. 2**64 - 1.
        epoch: 0 .. 2**32 - 1.
        shuffle: permute, or keep the dataset's order.
        repeats: copies of each item, at least 1.
        rank: whose positions, 0 .. world - 1.
        world: number of ranks.
        start: first global position.
        stop: one beyond the last global position; None means `n`. Positions from `n` on wrap around
            to the first ones.

    Returns:
        int64 [positions of this rank in start .. stop - 1].
    """

def blocked_order(
    block_starts: NDArray[np.int64],
    *,
    seed: int = 0,
    epoch: int = 0,
    window_blocks: int = 1,
    lanes: int = 1,
) -> NDArray[np.int64]:
    """The global order of a blocked epoch: random blocks, shuffled inside windows of them.

    Blocks are runs of a sequence of items that lie near each other. They are permuted; position p
    of the epoch comes from lane ``p % lanes``; each lane is shuffled inside windows of some
    ``window_blocks / lanes`` blocks (csrc/rng/blocked_order.h).

    Args:
        block_starts: int64 [blocks + 1]: block b is ``sequence[block_starts[b]:block_starts[b +
            1]]``.
        seed: 0 .. 2**64 - 1.
        epoch: 0 .. 2**32 - 1.
        window_blocks: blocks among which items are shuffled, all lanes together.
        lanes: at least 1.

    Returns:
        int64 [block_starts[-1]]: positions in the sequence, each once.
    """

def count_up(counts: NDArray[np.uint32], items: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Adds 1 to the counts of items, one after another, and says what they were.

    Each is one atomic step: `counts` may lie in memory that several processes share.

    Args:
        counts: [items of the dataset]; from 2**32 - 1 they go on with 0.
        items: [N] item ids; one that comes twice is counted twice.

    Returns:
        uint32 [N]: the count of each before it was added to.
    """

def draw_crops(
    transform: Mapping[str, Any],
    sizes: NDArray[np.int32],
    items: NDArray[np.int64],
    *,
    seed: int = 0,
    epoch: int = 0,
    starts: NDArray[np.int64] | None = None,
    objects: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """What a transform does to items in an epoch: the boxes and flips that the engine uses.

    Args:
        transform: ``Transform.native()``.
        sizes: int32 [N, 2], (width, height) of each image [pixels].
        items: int64 [N] item ids.
        seed: 0 .. 2**64 - 1.
        epoch: 0 .. 2**32 - 1.
        starts: int64 [N + 1]; the n-th item has the objects ``starts[n]:starts[n + 1]``.
        objects: float32 [M, 4]: xmin, ymin, xmax, ymax as shares of the image.

    Returns:
        Boxes int32 [N, 4] as (x, y, width, height), and flips bool [N].
    """

def draw_windows(
    transform: Mapping[str, Any],
    sizes: NDArray[np.int32],
    items: NDArray[np.int64],
    *,
    seed: int = 0,
    epoch: int = 0,
) -> tuple[NDArray[np.int32], NDArray[np.bool_], NDArray[np.uint8]]:
    """What `draw_crops` leaves out, of the same arguments.

    Returns:
        Windows int32 [N, 4] as (x, y, width, height) in pixels of the resized box, vertical flips
        bool [N], and interpolations uint8 [N], numbers of
        `fastinet.pixels.transforms.INTERPOLATIONS`.
    """

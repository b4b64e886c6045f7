"""How well a blocked shuffle shuffles a train archive, whose items lie sorted by class.

    python benchmarks/shuffle_quality.py

Nothing is read: the archive is ImageNet-1K's in numbers (1000 classes, 1,281,167 items, sizes drawn
around 110 KB), and only orders are computed. For each window and block:

- classes: distinct ones in a batch of 256, on average over an epoch, and in the worst batch;
- runs: neighbours in the order that have the same class (a full shuffle: 0.1 %);
- same block: neighbours in a batch that come from one block, per item (a full shuffle: none);
- distance: of two neighbours in the archive within an epoch, as a share of the epoch (a full
  shuffle: one third);
- memory: two windows, which is the most that reading whole blocks ever holds.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastinet._native import _plan
from fastinet.loading.blocks import Blocks

ITEMS, CLASSES, MEAN_BYTES = 1_281_167, 1000, 110_000
BATCH = 256
KIB, MIB = 1 << 10, 1 << 20


class SortedArchive(NamedTuple):
    """Where items lie that are sorted by class."""

    labels: NDArray[np.int64]
    offsets: NDArray[np.uint64]


def sorted_archive(items: int) -> SortedArchive:
    """Items of log-normal sizes, class after class, each behind a tar header."""
    rng = np.random.default_rng(0)
    sigma = 0.6
    sizes = (MEAN_BYTES * rng.lognormal(-sigma * sigma / 2, sigma, items)).astype(np.uint64)
    ends = np.cumsum((sizes + 511) // 512 * 512 + 512).astype(np.uint64)
    labels = np.arange(items) * CLASSES // items
    return SortedArchive(labels, ends - sizes)


class Quality(NamedTuple):
    """What an order does to a batch."""

    classes: float
    worst: int
    runs: float
    same_block: float
    distance: float


def quality(
    order: NDArray[np.int64], labels: NDArray[np.int64], block: NDArray[np.int64]
) -> Quality:
    """Figures of one epoch's order."""
    batches = order[: len(order) // BATCH * BATCH].reshape(-1, BATCH)
    of_batch = np.sort(labels[batches], axis=1)
    classes = 1 + (np.diff(of_batch, axis=1) != 0).sum(1)
    blocks = np.sort(block[batches], axis=1)
    positions = np.empty_like(order)
    positions[order] = np.arange(len(order))
    return Quality(
        float(classes.mean()),
        int(classes.min()),
        float((np.diff(labels[order]) == 0).mean()),
        float((np.diff(blocks, axis=1) == 0).sum() / batches.size),
        float(np.abs(np.diff(positions)).mean() / len(order)),
    )


def row(name: str, found: Quality, memory: str) -> str:
    """A line of the table."""
    return (
        f"| {name} | {found.classes:.1f} | {found.worst} | {found.runs:.2%} | "
        f"{found.same_block:.2%} | {found.distance:.3f} | {memory} |"
    )


def main() -> None:
    """Prints the table, in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--items", type=int, default=ITEMS)
    items = parser.parse_args().items
    archive = sorted_archive(items)
    print("| shuffle | classes | worst | runs | same block | distance | memory |")
    print("|---|---|---|---|---|---|---|")
    full = _plan.epoch_order(items, seed=1)
    print(row("full", quality(full, archive.labels, np.arange(items)), "0"))
    for block, windows in ((512 * KIB, (256, 512, 1024, 2048, 4096)), (MIB, (512, 1024, 2048))):
        for window in windows:
            blocks = Blocks.of(archive.offsets, None, block=block, window=window * MIB)
            order = blocks.order(seed=1, epoch=0)
            found = quality(order, archive.labels, blocks.of_items)
            name = f"blocked, window {window} MiB, block {block // KIB} KiB"
            print(row(name, found, f"{2 * window / 1024:g} GiB"))


if __name__ == "__main__":
    main()

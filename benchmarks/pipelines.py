"""The pipelines that are compared, each from an archive's bytes to batches, on one thread or more.

All make the same rows: the boxes and flips of an epoch are drawn once, by fastinet, and handed to
the others free of charge.
"""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

import numpy as np

import fastinet
from fastinet.items.checkpoints import Checkpoints
from fastinet.testing import reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from fastinet.pixels.view_groups import Transform


SIZE = 224  # side of a row [pixels]
RESIZE = 256  # shorter side of a validation image before its crop [pixels]
BATCH = 64


@dataclasses.dataclass(frozen=True)
class EpochPlan:
    """One epoch: items in order, int64 [N], their boxes, int32 [N, 4], and flips, bool [N]."""

    items: NDArray[np.int64]
    boxes: NDArray[np.int32]
    flips: NDArray[np.bool_]


TRAIN = fastinet.RandomResizedCrop(SIZE)
VAL = fastinet.CenterCrop(SIZE, resize=RESIZE)

# What rows may look like besides uint8 NHWC: arguments of fastinet.Loader, by name.
NORMALISED = {"mean": "imagenet", "std": "imagenet"}
FORMATS: dict[str, dict[str, Any]] = {
    "uint8 NCHW": {"layout": "NCHW"},
    **{
        f"{dtype} {layout}": {"dtype": dtype, "layout": layout, **NORMALISED}
        for dtype in ("float16", "bfloat16", "float32")
        for layout in ("NHWC", "NCHW")
    },
    "exact": {"exact": True},
}


class Fastinet:
    """The pipeline under test, with entropy checkpoints or as if there were none.

    An epoch has `least_items` items or more: those of the archive, repeated if need be; and at most
    `most_items` of them, the first ones. `index` is that of fastinet.open, `options` are further
    arguments of fastinet.Loader.
    """

    def __init__(
        self,
        archive: Path,
        threads: int = 1,
        *,
        checkpoints: bool = False,
        transform: Transform = TRAIN,
        least_items: int = 0,
        most_items: int | None = None,
        index: bool | Path = True,
        **options: Any,
    ) -> None:
        self.dataset = fastinet.open(archive, index=index)
        if not checkpoints:
            self.dataset._checkpoints = Checkpoints.none(len(self.dataset))  # noqa: SLF001
        elif self.dataset.checkpoints.covered < len(self.dataset):
            self.dataset.build_checkpoints(stride=self.dataset.checkpoints.stride)
        if len(self.dataset) < least_items:  # a long epoch out of few images
            rows = np.resize(np.arange(len(self.dataset)), least_items)
            self.dataset = self.dataset.select(rows)
        if most_items is not None:
            self.dataset = self.dataset.select(np.arange(min(most_items, len(self.dataset))))
        self.loader = fastinet.Loader(
            self.dataset,
            batch_size=BATCH,
            transform=transform,
            shuffle=True,
            threads=threads,
            **options,
        )

    def epoch(self, number: int) -> int:
        """Makes all batches of an epoch; gives the number of images."""
        return sum(len(batch) for batch in self.loader.epoch(number))

    def plan(self, number: int) -> EpochPlan:
        """What an epoch holds, for the others to repeat."""
        batches = list(self.loader.epoch(number))
        return EpochPlan(
            np.concatenate([batch.indices for batch in batches]),
            np.concatenate([batch.boxes for batch in batches]),
            np.concatenate([batch.flips for batch in batches]),
        )


def each_in_turn(work: Callable[[bytes], object], images: Iterable[bytes]) -> None:
    """Calls `work` for each image and drops the result before the next.

    Were all kept, each would lie in fresh memory, and the kernel's page faults would be a third of
    what is measured.
    """
    for data in images:
        work(data)


class OneThread:
    """A pipeline of plain calls: read, then `row`, image by image, into batches.

    `row` gets an image's bytes, its box and whether it is flipped, and writes to the row of the
    batch. Nothing is allocated for an image: files are read into one buffer, and batches lie in
    one array.
    """

    def __init__(
        self,
        archive: Path,
        row: Callable[[memoryview, NDArray[np.int32], bool, NDArray[np.uint8]], object],
    ) -> None:
        self._file = os.open(archive, os.O_RDONLY)
        self._members = reference.list_members(archive)
        self._data = memoryview(bytearray(max(member.size for member in self._members)))
        self._images = np.zeros((BATCH, SIZE, SIZE, 3), np.uint8)
        self._row = row

    def epoch(self, plan: EpochPlan) -> int:
        """Makes all batches of `plan`; gives the number of images."""
        for start in range(0, len(plan.items), BATCH):
            rows = slice(start, start + BATCH)
            self._batch(zip(plan.items[rows], plan.boxes[rows], plan.flips[rows], strict=True))
        return len(plan.items)

    def _batch(self, rows: Iterable[tuple[np.int64, NDArray[np.int32], np.bool_]]) -> None:
        for row, (item, box, flip) in zip(self._images, rows, strict=False):
            member = self._members[item]
            data = self._data[: member.size]
            os.preadv(self._file, [data], member.offset)
            self._row(data, box, bool(flip), row)


def pillow(archive: Path) -> OneThread:
    """Full decode by Pillow, crop, and antialiased bilinear resize: what torchvision does."""

    def row(data: memoryview, box: NDArray[np.int32], flip: bool, row: NDArray[np.uint8]) -> None:
        row[:] = reference.decode(bytes(data), box.tolist(), SIZE, flip=flip)

    return OneThread(archive, row)

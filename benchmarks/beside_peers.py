"""The figures of decoding beside other libraries: training and validation images, whole images."""

from __future__ import annotations

import collections
import statistics
from typing import TYPE_CHECKING

import numpy as np
from peers import (
    FAST,
    TensorFlowRoi,
    decoder,
    missing,
    simplejpeg_opencv,
    simplejpeg_opencv_val,
)
from pipelines import BATCH, VAL, EpochPlan, Fastinet, OneThread, each_in_turn, pillow
from rounds import Figure, in_drawn_order, ratio_figure, skipped

import fastinet
from fastinet.testing import reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TUNED = "simplejpeg + OpenCV"
FAST_FLAGS = "simplejpeg with fast flags + OpenCV"
TENSORFLOW = "tf.data, decode_and_crop_jpeg"

# Ours, theirs, what that peer needs, and the goal.
_COMPARISONS = (
    ("train with checkpoints", TUNED, "<= 0.28"),
    ("train without", TUNED, "<= 0.38"),
    ("train with checkpoints", FAST_FLAGS, ""),
    ("train with checkpoints", TENSORFLOW, "<= 0.29"),
    ("train without", TENSORFLOW, ""),
    ("train with checkpoints", "Pillow", ""),
    ("val with checkpoints", TUNED, "<= 0.31"),
    ("val without", TUNED, ""),
    ("val with checkpoints", TENSORFLOW, ""),
)
_NEEDS = {
    TUNED: ("simplejpeg", "cv2"),
    FAST_FLAGS: ("simplejpeg", "cv2"),
    TENSORFLOW: ("tensorflow",),
    "Pillow": (),
}


def _peer_pipelines(archive: Path, folder: Path) -> dict[str, OneThread | TensorFlowRoi]:
    """Those that are installed, by name; "val, " before those of validation images."""
    found: dict[str, OneThread | TensorFlowRoi] = {"Pillow": pillow(archive)}
    if not missing(*_NEEDS[TUNED]):
        found[TUNED] = simplejpeg_opencv(archive)
        found[FAST_FLAGS] = simplejpeg_opencv(archive, **FAST)
        found[f"val, {TUNED}"] = simplejpeg_opencv_val(archive)
    if not missing(*_NEEDS[TENSORFLOW]):
        found[TENSORFLOW] = TensorFlowRoi(archive, folder)
        found[f"val, {TENSORFLOW}"] = TensorFlowRoi(archive, folder, val=True)
    return found


def pipeline_figures(archive: Path, folder: Path, rounds: int) -> Iterator[Figure]:
    """CPU time per training and per validation image relative to the peers, one thread."""
    pointed = Fastinet(archive, checkpoints=True)
    ours = {
        "train with checkpoints": pointed,
        "train without": Fastinet(archive),
        "val with checkpoints": Fastinet(archive, checkpoints=True, transform=VAL),
        "val without": Fastinet(archive, transform=VAL),
    }
    theirs = _peer_pipelines(archive, folder)
    plans: dict[int, EpochPlan] = {number: pointed.plan(number) for number in range(rounds)}
    images = len(plans[0].items)

    def repeating(peer: OneThread | TensorFlowRoi) -> Callable[[int], object]:
        return lambda number: peer.epoch(plans[number])

    ways: dict[str, Callable[[int], object]] = {name: each.epoch for name, each in ours.items()}
    ways |= {name: repeating(each) for name, each in theirs.items()}
    spent = in_drawn_order(ways, rounds)
    for own, peer, goal in _COMPARISONS:
        their = f"val, {peer}" if own.startswith("val") else peer
        if their not in spent:
            yield skipped(f"{own} / {peer}", goal, missing(*_NEEDS[peer]))
            continue
        each = [statistics.median(spent[side]) / images * 1e3 for side in (own, their)]
        yield ratio_figure(
            f"{own} / {peer}",
            spent[own],
            spent[their],
            goal,
            f"{each[0]:.2f} and {each[1]:.2f} ms an image",
        )
    read = pointed.loader.stats()
    share = read.bytes_read / read.items / float(pointed.dataset.sizes.mean())
    yield Figure(
        "bytes read per random crop / file",
        share,
        "x",
        "<= 0.75",
        share <= 0.75,
        f"mean over {read.items:,} crops, headers included",
    )


def decode_figures(archive: Path, rounds: int) -> Iterator[Figure]:
    """CPU time of whole images to RGB: in new arrays, and in memory that is used again.

    `decode_batch` makes images of one size: those of the size that most have.
    """
    images = [reference.read_member(archive, m) for m in reference.list_members(archive)]
    headers = [fastinet.read_header(data) for data in images]
    sizes = [(header.height, header.width) for header in headers]
    most = max(height * width for height, width in sizes)
    memory = np.zeros(3 * most, np.uint8)
    outs = [memory[: 3 * h * w].reshape(h, w, 3) for h, w in sizes]
    ((size, count),) = collections.Counter(sizes).most_common(1)
    alike = [data for data, each in zip(images, sizes, strict=True) if each == size]
    rows = np.zeros((BATCH, *size, 3), np.uint8)

    def decode_into_outs(_: int) -> None:
        for data, out in zip(images, outs, strict=True):
            fastinet.decode(data, out=out)

    def decode_in_batches(_: int) -> None:
        for start in range(0, count, BATCH):
            part = alike[start : start + BATCH]
            fastinet.decode_batch(part, size=size, threads=1, out=rows[: len(part)])

    def plainly(decode: Callable[[bytes], object]) -> Callable[[int], object]:
        return lambda _: each_in_turn(decode, images)

    ways: dict[str, Callable[[int], object]] = {
        "fastinet": plainly(fastinet.decode),
        "fastinet into out=": decode_into_outs,
        "fastinet in batches": decode_in_batches,
    }
    for peer in ("simplejpeg", "leanjpeg_simple"):
        if missing(peer):
            continue
        plain = decoder(peer)
        reused = decoder(peer, most)
        ways[peer] = plainly(plain)
        ways[f"{peer} into buffer="] = plainly(reused)
        ways[f"{peer}, alike"] = lambda _, reused=reused: each_in_turn(reused, alike)  # type: ignore[misc]
        fast = decoder(peer, most, **FAST)
        ways[f"{peer} with fast flags"] = plainly(fast)
    spent = in_drawn_order(ways, rounds)
    for peer, goal, batch_goal in (
        ("simplejpeg", ">= 1.9", ">= 2.0"),
        ("leanjpeg_simple", ">= 1.7", ""),
    ):
        for what, their, own, wanted, number in (
            ("whole image, each in a new array", "", "fastinet", goal, len(images)),
            ("whole image, memory reused", " into buffer=", "fastinet into out=", "", len(images)),
            ("whole image, fast flags", " with fast flags", "fastinet into out=", "", len(images)),
            ("whole images, decode_batch", ", alike", "fastinet in batches", batch_goal, count),
        ):
            name = f"{what}: {peer} / fastinet"
            if missing(peer):
                yield skipped(name, wanted, missing(peer))
                continue
            above, below = spent[f"{peer}{their}"], spent[own]
            each = [statistics.median(times) / number * 1e3 for times in (above, below)]
            detail = f"{each[0]:.2f} and {each[1]:.2f} ms an image of {number}"
            yield ratio_figure(name, above, below, wanted, detail)
